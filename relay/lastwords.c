#include "relay/lastwords.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#define STEPS 8 /* records back from the latest: beyond that nobody remembers */

static int by_number(const void *left, const void *right)
{
    const struct lastwords *a = *(struct lastwords *const *)left;
    const struct lastwords *b = *(struct lastwords *const *)right;
    return (a->number > b->number) - (a->number < b->number);
}

static struct lastwords *find(struct lastwords *const *sorted, unsigned count,
                              uint16_t number)
{
    unsigned low = 0;
    unsigned high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (sorted[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && sorted[low]->number == number ? sorted[low] : NULL;
}

static bool is_at(const struct lastwords *item, const struct place *place)
{
    return item->place.segment == place->segment && item->place.offset == place->offset;
}

static void keep(struct lastwords *item, const struct change *change)
{
    item->reply = (struct reply){.stage = (enum reply_stage)change->stage,
                                 .origin = (enum reply_origin)change->origin,
                                 .code = change->code};
    memcpy(item->reply.enhanced, change->enhanced, sizeof item->reply.enhanced);
    (void)snprintf(item->reply.text, sizeof item->reply.text, "%s", change->text);
    item->remote[0] = '\0';
    if (change->host[0] != '\0') {
        (void)snprintf(item->remote, sizeof item->remote, "%s [%s]", change->host,
                       change->address);
    }
    item->when_unix_ms = (int64_t)change->when_unix_ms;
    item->has_reply = true;
}

/* What the change says of this recipient; of several in one record the last counts. */
static void hear(struct lastwords *item, const struct change *change)
{
    item->has_reply = change->code != 0 || change->text[0] != '\0';
    item->before = (struct place){0};
    if (item->has_reply) {
        keep(item, change);
    } else {
        item->before = change->previous;
    }
}

/* One record, for all recipients that look for their state there. */
static void read_record(struct queue *queue, uint64_t id, struct lastwords *const *sorted,
                        unsigned count, const struct place *place)
{
    struct queue_pin pin = {0};
    struct queue_changes changes = {0};
    struct change change;
    if (queue_pin_place(queue, place, &pin) != 0) {
        return;
    }
    int rc = queue_read_changes(&pin, &changes);
    queue_unpin(&pin);
    const uint8_t *at = changes.bytes;
    size_t left = changes.length;
    while (rc == 0 && change_next(&at, &left, &change) == 1) {
        struct lastwords *item =
            change.id == id ? find(sorted, count, change.number) : NULL;
        if (item != NULL && is_at(item, place)) {
            hear(item, &change);
        }
    }
    free(changes.block);
}

unsigned lastwords_find(struct queue *queue, uint64_t id, struct lastwords *items,
                        unsigned count)
{
    struct lastwords *sorted[LASTWORDS_MAX];
    unsigned records = 0;
    assert(count <= LASTWORDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        sorted[i] = &items[i];
    }
    qsort(sorted, count, sizeof(void *), by_number);
    for (unsigned i = 0; i < count;) {
        struct place place = items[i].place;
        if (place.segment == 0 || items[i].steps == STEPS) {
            i++;
            continue;
        }
        read_record(queue, id, sorted, count, &place);
        records++;
        for (unsigned k = i; k < count; k++) {
            if (is_at(&items[k], &place)) {
                items[k].place = items[k].before;
                items[k].before = (struct place){0};
                items[k].steps++;
            }
        }
    }
    return records;
}
