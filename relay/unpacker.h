/* Messages from a directory that packer has made into the queue, keeping their ids.
 *
 * Core drives it, step by step: UNPACKER_OPEN checks the directory as a whole and lists
 * it; UNPACKER_LOAD reads the next few envelopes; core refuses what it must not take;
 * UNPACKER_WRITE puts the rest down as one record each (queue_write_restored). What it
 * answers for is durable; core then tells the index. The ids of all that is written are
 * remembered before, in SPOOL/imported, so that none comes in twice. Each ask runs on the
 * porter's thread and comes back to home. */

#ifndef RELAY_UNPACKER_H
#define RELAY_UNPACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/queue.h"

#include "relay/mailbox.h"
#include "relay/parcel.h"

#define UNPACKER_AT_ONCE 32

/* One message. */
struct unpacker_item {
    uint64_t id;
    struct parcel parcel; /* recipients, states; core may change states' sources */
    bool is_refused;      /* by core or by the unpacker; err says why */
    struct errmsg err;
    bool is_written; /* in the queue's log, not yet in its index */
    bool is_uploading;
    struct queue_upload upload; /* core's to end */
    uint64_t reserved_bytes;    /* core's to give back, with recipient_count */
    struct place place;
    struct place *pieces; /* owned */
    uint8_t *states;      /* owned: encoded */
    size_t states_length;
};

enum unpacker_step {
    UNPACKER_OPEN,
    UNPACKER_LOAD,
    UNPACKER_WRITE,
};

struct unpacker_ask {
    struct letter letter;
    struct mailbox *home; /* borrowed */
    letter_cb done_cb;    /* letter is &ask->letter */
    enum unpacker_step step;
    struct queue *queue; /* borrowed */
    const char *dir;     /* absolute */
    const char *spool;
    bool again; /* take what was imported before, and an export without manifest */

    uint64_t *ids; /* owned: of the directory, in order */
    size_t id_count;
    size_t next;     /* of ids, not loaded yet */
    uint64_t *known; /* owned: imported before, in order */
    size_t known_count;

    struct unpacker_item items[UNPACKER_AT_ONCE];
    unsigned item_count;

    int rc; /* out: 0, or why it ends here; err says it */
    struct errmsg err;
};

void unpacker_post(struct unpacker_ask *ask);

/* Free what the items hold. */
void unpacker_drop_items(struct unpacker_ask *ask);
/* And what the ask holds. */
void unpacker_done(struct unpacker_ask *ask);

#endif
