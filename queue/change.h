/* What became of a recipient: the value of one state change, and its bytes in a record.
 *
 * Texts are never NULL, absent is "". Codes of class, stage and origin are the caller's
 * numbers and stored as they are. Any thread. */

#ifndef QUEUE_CHANGE_H
#define QUEUE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/place.h"

#define CHANGE_TEXT    512
#define CHANGE_HOST    255
#define CHANGE_ADDRESS 64
#define CHANGE_TLS     96
#define CHANGE_ACTOR   128
#define CHANGE_REASON  256
#define CHANGE_MESSAGE                                                          \
    UINT16_MAX            /* number of a change that is about the whole message \
                           */
#define CHANGE_BOUND 2048 /* bytes of the largest encoded change */

enum change_state {
    CHANGE_WAITING,   /* for its next attempt, at next_unix_ms */
    CHANGE_HELD,      /* until somebody releases it */
    CHANGE_FAILED,    /* refused for good; not ended while a DSN is owed */
    CHANGE_EXPIRED,   /* its lifetime is over; not ended while a DSN is owed */
    CHANGE_DELIVERED, /* always ended, as the two below */
    CHANGE_RELAYED,   /* delivered, and a "relayed" DSN was owed and written */
    CHANGE_PURGED,    /* by an operator */
    CHANGE_NOTICED,   /* message level: the delay notice was sent */
    CHANGE_STATES,
};

struct change {
    uint64_t id;
    uint64_t home;   /* segment of the message's record: message_view.place.segment, read
                        when   the change is applied (compaction may move it later) */
    uint16_t number; /* recipient, or CHANGE_MESSAGE */
    enum change_state state;
    bool ended; /* nothing is owed any more */
    uint16_t attempts;
    uint64_t next_unix_ms; /* WAITING: not before */
    uint64_t when_unix_ms;
    const char *source; /* sticky source of what follows; "" = any */
    uint8_t reply_class;
    uint8_t stage;
    uint8_t origin;
    uint16_t code;
    uint16_t enhanced[3];
    const char *text; /* the reply, at most CHANGE_TEXT; longer is cut by the encoder */
    const char *host; /* remote host name */
    const char *address; /* remote address */
    const char *tls;     /* of the attempt: version and cipher; "" in clear */
    uint64_t took_ms;    /* the attempt, from connecting to its answer */
    const char *actor;   /* of an operator's act */
    const char *reason;  /* of a hold, a release, a purge */
    struct place
        previous; /* record with this recipient's last change; segment 0 = none */
};

/* All texts "", all numbers 0. */
void change_init(struct change *change);

/* Append one change to a STATE record's bytes. A record may hold any number, up to the
 * record cap. Returns 0 and how many bytes were added (at most CHANGE_BOUND); -EINVAL for
 * a state or a text that may not be stored (texts with control bytes: clean them first),
 * -ENOBUFS when there is no room. */
ATTR_MUST_CHECK int change_encode(const struct change *change, void *bytes,
                                  size_t capacity, size_t *out_length);

/* Take the next change off *at, *left. Returns 1 and the change (texts point into the
 * bytes), 0 at the end, -EBADMSG when the bytes are no change (then stop). */
ATTR_MUST_CHECK int change_next(const uint8_t **at, size_t *left,
                                struct change *out_change);

/* Word for a screen: "waiting", "held" ... */
const char *change_state_name(enum change_state state);

/* DELIVERED, RELAYED, PURGED: always ended. */
bool change_state_is_final(enum change_state state);

#endif
