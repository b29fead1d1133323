/* Reads what is not in memory: one thread that may wait for the disk, so that no worker
 * has to. Warm records never come here. */

#ifndef RELAY_READER_H
#define RELAY_READER_H

#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/queue.h"

#include "relay/mailbox.h"

/* One read, embedded in the caller's object and his again when done_cb runs, on the
 * thread of home. */
struct reader_ask {
    struct letter letter;
    struct mailbox *home; /* borrowed */
    letter_cb done_cb;    /* letter is &ask->letter */
    const struct queue_pin *pin;
    struct queue_message *message; /* filled; or, with is_piece, only read */
    bool is_piece;
    unsigned piece;                /* which */
    struct queue_piece *out_piece; /* filled, for a piece */
    int rc;                        /* out: as queue_read_message */
};

int reader_start(struct errmsg *err) ATTR_MUST_CHECK;

/* Any thread. */
void reader_fetch(struct reader_ask *ask);

/* Nobody may ask any more; what was asked is answered. */
void reader_stop(void);

#endif
