/* One delivery: recipients of one message to one destination over one slot, from core to
 * a worker and back.
 *
 * Core makes it, fills the first half and posts it; the worker fills the second half and
 * posts it back to core_on_job; core frees it. Between posts nobody else touches it. */

#ifndef RELAY_JOB_H
#define RELAY_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/finding.h"
#include "policy/reply.h"

#include "queue/queue.h"

#include "relay/destination.h"
#include "relay/mailbox.h"
#include "relay/ramps.h"
#include "relay/smtp/ehlo.h"

struct core;
struct slot;
struct snapshot;
struct suppression;
struct worker;

/* A destination shared by jobs: immutable, counted. Only destination_bytes of the value
 * are there: never copy the whole struct. */
struct job_destination {
    _Atomic unsigned refs;
    struct destination_guard *guard; /* owned: what value.guard points to; or NULL */
    struct destination value;        /* last: only destination_bytes of it are there */
};

/* What TLS was like, for logs. Texts are "" in clear. */
struct job_tls {
    char text[128];    /* "TLSv1.3 TLS_AES_256_GCM_SHA384 verified" */
    char policy[16];   /* what was asked for: "opportunistic", "dane", ... */
    char subject[128]; /* the name in the server's certificate ... */
    char issuer[128];  /* ... and in its issuer's */
};

struct job_rcpt {
    uint32_t handle; /* the index's */
    uint16_t number; /* in the envelope */
    struct reply reply;
    struct finding finding;
    bool is_suppressed; /* it was not offered to the receiver; reply says why */
};

enum job_outcome {
    JOB_ANSWERED,    /* every recipient has its reply, which may be REPLY_NETWORK */
    JOB_NOT_STARTED, /* a stop flag was up, or the worker is stopping: nothing was tried
                      */
    JOB_UNREADABLE,  /* the record is damaged (read_rc says how): nothing was tried */
};

struct job {
    struct letter letter;
    struct core *core; /* borrowed */
    struct slot *slot; /* borrowed: outlives the job */

    /* filled by core */
    struct snapshot *snapshot;           /* one reference */
    struct job_destination *destination; /* one reference */
    struct queue_pin pin;                /* owned; unpinned by core */
    uint32_t message;                    /* the index's handle */
    uint64_t id;
    struct netaddr local; /* source address; NETADDR_NONE: the system picks */
    struct netaddr local6;
    const char *helo;         /* borrowed from the snapshot */
    int tls;                  /* enum config_delivery_tls */
    int route;                /* index of the route whose user logs in, or -1 */
    uint32_t per_connection;  /* messages on one connection; 0: no limit */
    atomic_bool *source_stop; /* borrowed: tested before MAIL */
    atomic_bool *raises[2];   /* borrowed: raised on a listing, when may_stop */
    atomic_bool *lane_stop;
    const uint8_t *return_key;       /* borrowed: of return paths, VERP_KEY_BYTES */
    const char *source;              /* its name; borrowed: sources are never freed */
    struct suppression *suppression; /* borrowed; NULL: nobody is kept back */
    bool may_stop;                   /* false in observe mode: raise nothing */
    bool is_probe;
    bool is_archive;       /* no ramp counts it or learns of it */
    bool is_source_canary; /* the one message that tries whether a stop may end */
    bool is_lane_canary;
    struct ramp_charge ramps[2]; /* where its recipients are counted */
    int64_t started_ns;
    uint32_t open;      /* connections of the lane when it started */
    uint64_t waited_ms; /* since acceptance, until it started */

    /* filled by the worker */
    enum job_outcome outcome;
    int read_rc;
    struct queue_message content; /* owned; envelope valid when content.block is set */
    struct netaddr remote;
    char remote_host[LIMIT_DOMAIN + 1];
    struct job_tls tls_facts;
    struct ehlo peer;             /* what the server offers */
    uint32_t connection_messages; /* accepted on this connection, this one included */
    uint32_t closed_after; /* the connection before closed silently after so many */
    bool is_fresh;         /* a new connection was opened for it */
    int64_t connect_ns;    /* spent on DNS, TCP, greeting, TLS; 0 when reused */
    int64_t transmit_ns;

    unsigned offered; /* of rcpts, the first so many: the others are suppressed */
    unsigned rcpt_count;
    struct job_rcpt rcpts[]; /* rcpt_count of them */
};

struct job *job_new(unsigned rcpt_count);

/* Core thread: gives back what it holds. */
void job_free(struct job *job);

/* A copy of value and its guard. */
struct job_destination *job_destination_new(const struct destination *value);
/* A copy that may be shuffled. */
void job_destination_copy(const struct job_destination *destination,
                          struct destination *out_value);
struct job_destination *job_destination_ref(struct job_destination *destination);
void job_destination_unref(struct job_destination *destination);

#endif
