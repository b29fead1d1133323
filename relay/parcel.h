/* One queued message as two files that another relay, or a person, can read: ID.eml, the
 * content as it would have left, and ID.json, everything else. This is the JSON side:
 * values <-> text. No I/O.
 *
 * Recipients keep their numbers: those that are not in the parcel (delivered, ended, or
 * left behind) are listed as "gone". Pieces and closes of the envelope are not carried.
 * Any thread. */

#ifndef RELAY_PARCEL_H
#define RELAY_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/change.h"
#include "queue/envelope.h"
#include "queue/errmsg.h"

#define PARCEL_FORMAT "mesura message 1"

struct parcel {
    struct envelope envelope; /* texts and recipients: borrowed, or parcel_parse's */
    uint64_t eml_bytes;       /* of ID.eml ... */
    uint64_t header_bytes;    /* ... of which the header block, empty line included */
    uint32_t checksum;        /* CRC-32C of ID.eml */
    struct change *states;    /* recipient_count: waiting, held, or purged (gone) */
    unsigned here;            /* recipients that are not gone */
    void *root;               /* owned by parcel_done: what was parsed */
};

/* The text of ID.json, to be freed with free(); NULL when it cannot be said: an address
 * or another text that must come back exactly is not UTF-8. */
char *parcel_print(const struct parcel *parcel, size_t *out_length);

/* Read it. 0, or -EINVAL with a sentence for a person; free with parcel_done. Every
 * number and text is checked; envelope_encode checks the texts once more. */
ATTR_MUST_CHECK int parcel_parse(const char *bytes, size_t length,
                                 struct parcel *out_parcel, struct errmsg *err);
void parcel_done(struct parcel *parcel);

#endif
