/* What start-up needs to know of a record, in a few dozen bytes: the content of footers.
 *
 * A digest is a row of items, numbers in base 128, each name written once and then by its
 * number. Records are turned into items by the same code that replay uses, so a segment
 * with a footer and one without give the same index. */

#ifndef QUEUE_DIGEST_H
#define QUEUE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/change.h"
#include "queue/envelope.h"
#include "queue/place.h"
#include "queue/scan.h"
#include "queue/seal.h"

enum digest_kind {
    DIGEST_ACCEPT = 1, /* an accept or copy record */
    DIGEST_CHANGE = 2, /* one change of a state or moved record */
};

struct digest_item {
    enum digest_kind kind;
    struct place place; /* length 0 for changes */
    uint64_t origin;    /* of copies and moved changes: the segment they come from */
    struct envelope
        envelope; /* ACCEPT: what the index needs; addresses and more are "" */
    struct envelope_recipient only; /* the envelope's, when it has one */
    const struct change *states; /* ACCEPT: of a copy, the changes that it brings along */
    unsigned state_count;
    struct change change; /* CHANGE: without texts */
};

typedef int (*digest_item_cb)(void *owner, const struct digest_item *item);

struct digest_sink {
    digest_item_cb item_cb;
    void *owner; /* borrowed */
};

struct digest_writer {
    uint8_t *bytes; /* owned */
    size_t length;
    size_t room;
    struct digest_name *names; /* owned; hash of names written so far */
    uint32_t name_count;
    uint32_t name_room;
    uint64_t last_offset;
    uint32_t records; /* whose items were written */
};

void digest_writer_init(struct digest_writer *writer);
void digest_writer_done(struct digest_writer *writer);
void digest_put(struct digest_writer *writer, const struct digest_item *item);

struct digest_reader {
    const uint8_t *at; /* borrowed */
    size_t left;
    uint64_t segment;
    bool broken;
    const char **names; /* owned; by number */
    uint64_t name_count;
    uint64_t name_room;
    struct envelope_recipient *recipients; /* owned, as the three below */
    struct place *pieces;
    struct envelope_close *closes;
    struct change *states;
};

/* Item by item. The bytes are borrowed until the end. */
void digest_reader_init(struct digest_reader *reader, const uint8_t *bytes, size_t length,
                        uint64_t segment);
void digest_reader_done(struct digest_reader *reader);
/* 1 and the next item, 0 at the end, -EBADMSG. Texts live as long as the bytes, arrays
 * (of more than one recipient, pieces, closes, states) until the next call. The item is
 * referred to from inside: it must not be moved. */
int digest_next(struct digest_reader *reader, struct digest_item *out_item);
/* It has arrays that the next call overwrites. */
static inline bool digest_is_wide(const struct digest_item *item)
{
    return item->kind == DIGEST_ACCEPT &&
           (item->envelope.recipient_count > 1 || item->envelope.piece_count > 0 ||
            item->envelope.close_count > 0 || item->state_count > 0);
}

/* Walk a digest of a segment. Stops when item_cb answers other than 0, and returns that;
 * -EBADMSG when the bytes are no digest. */
int digest_read(const uint8_t *bytes, size_t length, uint64_t segment,
                digest_item_cb item_cb, void *owner);

/* Hand out the items of one record: none for a piece. The payload may be opened in place
 * when it is sealed, through the copy that this makes. -EBADMSG when it makes no sense.
 */
int digest_record(const struct scan_item *record, const struct seal *seal,
                  digest_item_cb item_cb, void *owner);

#endif
