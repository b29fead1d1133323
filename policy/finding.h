/* What a reply means: class, scope, who was blocked, which list, how long to wait.
 *
 * A value made by classify, read by verdict, control, stop and ramp, and written to logs
 * by name. It owns its texts, so that it may travel between threads. */

#ifndef POLICY_FINDING_H
#define POLICY_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#define FINDING_LIST_BYTES 80
#define FINDING_IP_BYTES   48

/* The class says what went wrong, never whether to retry. */
enum finding_class {
    FINDING_NONE, /* accepted: 2xx or 354 */
    FINDING_THROTTLE,
    FINDING_GREYLIST,
    FINDING_IP_LISTED,
    FINDING_IP_REPUTATION,
    FINDING_DOMAIN_REPUTATION,
    FINDING_AUTH_POLICY,
    FINDING_CONTENT,
    FINDING_BAD_MAILBOX,
    FINDING_BAD_DOMAIN,
    FINDING_MAILBOX_FULL,
    FINDING_MESSAGE_TOO_BIG,
    FINDING_RECIPIENT_RATE,
    FINDING_REMOTE_FAILURE,
    FINDING_PROTOCOL,
    FINDING_OTHER,
    FINDING_CLASSES, /* how many */
};

enum finding_scope {
    FINDING_SCOPE_RECIPIENT,
    FINDING_SCOPE_MESSAGE,
    FINDING_SCOPE_SENDER_DOMAIN,
    FINDING_SCOPE_LANE,
    FINDING_SCOPE_SOURCE,
    FINDING_SCOPE_NETBLOCK,
    FINDING_SCOPES,
};

/* The identifier that was refused. */
enum finding_blocked {
    FINDING_BLOCKED_NOTHING,
    FINDING_BLOCKED_IP,
    FINDING_BLOCKED_HELO,
    FINDING_BLOCKED_MAIL_FROM,
    FINDING_BLOCKED_FROM,
    FINDING_BLOCKED_DKIM,
    FINDING_BLOCKED_URL,
    FINDING_BLOCKEDS,
};

/* Providers whose recovery is their own (facts: decisions, throttle replies). */
enum finding_behaviour {
    FINDING_BEHAVIOUR_NONE,
    FINDING_BEHAVIOUR_GOOGLE_4728, /* stop 10 min, one connection, then one more at a time
                                    */
    FINDING_BEHAVIOUR_YAHOO_TSS04, /* stop 2 h */
    FINDING_BEHAVIOUR_MICROSOFT_S775, /* a tenth of the rate, 30 min */
    FINDING_BEHAVIOUR_GMX_LATER,      /* stop 2 h, a quarter of the rate */
    FINDING_BEHAVIOURS,
};

/* Which knob of the lane the text names. None set: nothing about the lane. */
enum finding_flag {
    FINDING_RATE = 1 << 0,           /* messages per time, in so many words */
    FINDING_CONNECTIONS = 1 << 1,    /* too many connections at once */
    FINDING_PER_CONNECTION = 1 << 2, /* too many messages on this one */
    FINDING_LOAD = 1 << 3,           /* the receiver is busy */
    FINDING_PERMANENT = 1 << 4,      /* final although the code is 4xx */
    FINDING_TEMPORARY = 1 << 5,      /* will pass although the code is 5xx */
    FINDING_UNKNOWN = 1 << 6,        /* no rule matched: only codes and stage were used */
    FINDING_TENANT =
        1 << 7, /* the recipient organisation's own block, not the provider's */
    FINDING_LIST_WIDE = 1 << 8, /* the list names a whole network, not this address */
    FINDING_LOCAL = 1 << 9,     /* our own doing: feeds nothing */
    FINDING_NETWORK = 1 << 10,  /* no reply at all: refused, timed out, closed */
};

struct finding {
    enum finding_class class;
    enum finding_scope scope;
    enum finding_blocked blocked;
    enum finding_behaviour behaviour;
    uint32_t flags;  /* of enum finding_flag */
    int64_t wait_ns; /* the receiver's own "in 5 minutes"; 0: it said none */
    char list[FINDING_LIST_BYTES]; /* zone or list name as the text gives it; "" none */
    char ip[FINDING_IP_BYTES];     /* the address named for us; "" none */
    const char *rule; /* name of the rule that decided; static or the rule's */
};

/* The names of INTERFACE.md ("ip-listed"); "accepted" for FINDING_NONE. */
const char *finding_class_name(enum finding_class class);
const char *finding_scope_name(enum finding_scope scope);
const char *finding_blocked_name(enum finding_blocked blocked);
const char *finding_behaviour_name(enum finding_behaviour behaviour);

/* Name -> value; false and nothing written when there is no such name. */
bool finding_class_parse(const char *name, enum finding_class *out_class);
bool finding_scope_parse(const char *name, enum finding_scope *out_scope);

#endif
