/* An I/O thread: inbound sessions of its listeners, outbound connections of its slots.
 *
 * Owns its loop, its mailbox, its sessions. Knows core by core's mailbox alone, and the
 * configuration by the snapshot that core posts. The struct is open to the files that
 * run on this thread (inbound, accept, outbound); nobody else looks inside. */

#ifndef RELAY_WORKER_H
#define RELAY_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/list.h"

#include "relay/id.h"
#include "relay/mailbox.h"
#include "relay/net/admission.h"

struct auth;
struct core;
struct listener;
struct loop;
struct queue;
struct snapshot;
struct users;
struct wake;

/* Counts that core reads while the worker writes: relaxed atomics, one writer each. */
struct worker_counts {
    uint64_t sessions; /* inbound, since start */
    uint64_t accepted; /* messages answered 250 */
    uint64_t refused;  /* commands answered 4xx or 5xx */
    uint32_t inbound;  /* open now */
    uint32_t outbound; /* connections open now */
};

struct worker {
    unsigned number;
    struct loop *loop;
    struct mailbox mailbox;
    struct wake *wake;
    struct mailbox *core_mailbox;  /* borrowed: core outlives its workers */
    struct core *core;             /* borrowed: only to be handed back in letters */
    struct queue *queue;           /* borrowed */
    struct auth *auth;             /* borrowed; NULL without a users file */
    struct admission **admissions; /* borrowed; one for each listener */
    struct snapshot *snapshot;     /* one reference */
    struct users *users;           /* one reference: who may submit, now */
    struct listener **listeners;   /* owned; as in the config */
    unsigned listener_count;
    struct id_maker ids;
    struct list inbounds;  /* struct inbound */
    struct list outbounds; /* struct outbound */
    unsigned accepts;      /* struct accept: the writer may still post to us */
    unsigned submissions;  /* struct submission: not yet home */
    unsigned permits;      /* struct permit: core still has them */
    bool refuses;          /* draining: new sessions get 421 */
    bool stopping;
    struct worker_counts counts;
    struct letter stop_letter;
    struct letter stopped_letter; /* to core, as the last thing */
    void *thread;                 /* the pthread */
    uint32_t slots;               /* core's: how many it has given here */
};

struct worker_options {
    unsigned number;
    struct core *core;
    struct mailbox *core_mailbox;
    struct queue *queue;
    struct auth *auth;
    struct admission **admissions;
    struct snapshot *snapshot; /* a reference is taken */
    struct users *users;       /* a reference is taken */
    const int *listener_fds;   /* one for each listener; the worker's from now on */
    unsigned listener_count;
    int64_t floor_unix_ms; /* ids are later than this */
};

/* Make the loop, listen, start the thread. */
int worker_start(struct worker **out, const struct worker_options *options,
                 struct errmsg *err) ATTR_MUST_CHECK;

/* Core posts a new snapshot; the reference is handed over. Any thread. */
void worker_publish(struct worker *worker, struct snapshot *snapshot);

/* Core posts who may submit from now on; the reference is handed over. Sessions of users
 * that are gone, disabled or have another password end. Any thread. */
void worker_publish_users(struct worker *worker, struct users *users);

/* Refuse new mail (draining) or accept it again. Any thread. */
void worker_refuse(struct worker *worker, bool refuses);

/* Close the listeners, say 421 to idle sessions, cut what is left; when all is closed the
 * thread ends. Core thread; worker_join waits for that. Letters may be posted until
 * worker_free; those that come after the end are not read. NULL is allowed. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

#endif
