/* Bodies full of copies of a real record of the queue: what a sender could send who has
 * got hold of the disk once. Header only. */

#ifndef TESTS_SUPPORT_HOSTILE_BODY_H
#define TESTS_SUPPORT_HOSTILE_BODY_H

#include "queue/record.h"
#include "queue/segment.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"

struct hostile_body {
    uint8_t record[3000]; /* as it was on the disk */
    unsigned record_bytes;
    uint64_t from; /* first message that may hold it */
};

/* Byte of a body. Three in four are made of the copies, with starts where a search for
 * records looks. */
static inline uint8_t hostile_body_byte(const struct hostile_body *hostile, uint64_t id,
                                        uint64_t at)
{
    if (hostile->record_bytes == 0 || id < hostile->from || id % 4 == 0) {
        return queue_fixture_byte(id, at);
    }
    uint64_t cycle = record_align(hostile->record_bytes + 8);
    uint64_t place = (at + id) % cycle;
    return place < hostile->record_bytes ? hostile->record[place] : (uint8_t)id;
}

static inline void hostile_body_fill(const struct hostile_body *hostile, uint64_t id,
                                     uint8_t *body, unsigned bytes, uint64_t from)
{
    for (unsigned i = 0; i < bytes; i++) {
        body[i] = hostile_body_byte(hostile, id, from + i);
    }
}

/* Take a record off the disk, once: mail from message next_id on, in later segments, may
 * hold it. Right after a start, when no segment is being written. */
static inline void hostile_body_take(struct hostile_body *hostile, struct queue *queue,
                                     struct fake_disk *fake, uint64_t next_id)
{
    uint32_t message = 0;
    uint32_t cursor = 0;
    struct message_view view;
    char name[SEGMENT_NAME];
    if (hostile->record_bytes > 0 ||
        index_each(queue_index(queue), &cursor, &message, 1) == 0) {
        return;
    }
    index_message(queue_index(queue), message, &view);
    segment_name(view.place.segment, name);
    size_t wanted = view.place.length < sizeof hostile->record ? view.place.length
                                                               : sizeof hostile->record;
    hostile->record_bytes =
        (unsigned)fake_disk_peek(fake, name, view.place.offset, hostile->record, wanted);
    hostile->from = next_id;
}

#endif
