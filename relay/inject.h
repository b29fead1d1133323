/* Mail of our own into the queue: an accept record like any other, submitted from core,
 * queued when it has landed. Knows nothing of what it says. Core thread. */

#ifndef RELAY_INJECT_H
#define RELAY_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/textbuf.h"

struct core;
struct envelope_close;
struct inject;

/* What landed (rc 0) was about the message of this id. */
typedef void (*inject_landed_cb)(struct core *core, uint64_t about, int rc);

/* To one recipient, from <>. */
struct inject_letter {
    uint64_t id; /* of the new message */
    const char *to;
    uint32_t stream; /* index */
    unsigned flags;  /* enum envelope_flag */
    const char *subject;
    struct textbuf *header; /* taken over, as body */
    struct textbuf *body;
    const struct envelope_close *closes; /* recipients it puts to rest; NULL none */
    unsigned close_count;
    uint64_t about;             /* id of the message they are of; 0 none */
    inject_landed_cb landed_cb; /* may be NULL */
};

#define INJECT_ROWS 512

/* What is on its way to the disk, found by what it is about. */
struct inject_flight {
    struct list rows[INJECT_ROWS];
};

void inject_flight_init(struct inject_flight *flight);

/* Submit; without space on the disk again in a minute. False, and the log says so, when
 * the letter cannot be made (the address is none): landed_cb does not come. */
bool inject_send(struct core *core, struct inject_flight *flight,
                 const struct inject_letter *letter);

/* Is something about this message on its way? */
bool inject_is_flying(struct inject_flight *flight, uint64_t about);

/* Free what is on its way: when the queue has ended. */
void inject_drop_all(struct inject_flight *flight);

#endif
