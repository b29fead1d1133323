/* The last reply that each of many recipients of one message had.
 *
 * A recipient's last record may have no reply in it (an operator's bounce); then the one
 * before it is asked, and so on. Recipients whose states are in the same record share one
 * reading of it, so that a message that fails for thousands costs each record once and
 * not once for each of them. Core thread; reads may wait for the disk. */

#ifndef RELAY_LASTWORDS_H
#define RELAY_LASTWORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

#include "queue/change.h"
#include "queue/place.h"

struct queue;

#define LASTWORDS_MAX 256 /* recipients asked for at once */

struct lastwords {
    uint16_t number; /* the recipient's */
    bool has_reply;
    unsigned steps;      /* records asked for it; 0 at first */
    struct place place;  /* of its latest record; none: segment 0. Used up */
    struct place before; /* the search's own */
    int64_t when_unix_ms;
    struct reply reply;
    char remote[CHANGE_HOST + CHANGE_ADDRESS + 8];
};

/* Fill reply, remote and time of each of the recipients of message id, as far as the log
 * still has them; returns how many records were read for it. The items are in any order,
 * each number once. */
unsigned lastwords_find(struct queue *queue, uint64_t id, struct lastwords *items,
                        unsigned count);

#endif
