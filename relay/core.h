/* The thread that owns the truth: index, sites, lanes, slots, schedules, DNS, control.
 *
 * The struct is open to the files that run on this thread; workers know it by the letters
 * below alone. */

#ifndef RELAY_CORE_H
#define RELAY_CORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/agenda.h"
#include "relay/allowance.h"
#include "relay/caught.h"
#include "relay/domains.h"
#include "relay/dropbox.h"
#include "relay/freezes.h"
#include "relay/id.h"
#include "relay/mailbox.h"
#include "relay/notice.h"
#include "relay/preflight.h"
#include "relay/ramps.h"
#include "relay/records.h"
#include "relay/scheduler.h"
#include "relay/sites.h"
#include "relay/sources.h"
#include "relay/streamtally.h"
#include "relay/vigil.h"

struct admission;
struct alert;
struct api_server;
struct auth;
struct dns;
struct fetch;
struct hourly;
struct index;
struct loop;
struct place;
struct queue;
struct resolve;
struct signals;
struct snapshot;
struct store;
struct sts;
struct timer;
struct users;
struct view;
struct wake;
struct watcher;
struct worker;

/* Since start; recipients, but for accepted. */
struct core_counts {
    uint64_t accepted; /* messages */
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    uint64_t expired;
};

struct core {
    struct loop *loop;
    struct mailbox mailbox;
    struct wake *wake;
    struct timer *timer;  /* for the agenda */
    struct timer *second; /* housekeeping */
    struct signals *signals;
    struct snapshot *snapshot; /* one reference */
    const char *config_path;   /* borrowed from main */
    struct queue *queue;
    struct index *index;
    struct store *store;
    struct alert *alert;
    struct auth *auth;   /* NULL without logins */
    struct users *users; /* one reference: who may submit, now */
    struct dns *dns;
    struct resolve *resolve;
    struct watcher *watcher;
    struct fetch *fetch;
    struct sts *sts;
    struct api_server *api;
    struct view *view; /* what the API asks */
    struct worker **workers;
    unsigned worker_count;
    unsigned workers_running;
    struct admission **admissions; /* one for each listener */
    unsigned listener_count;
    int64_t started_ns;
    int64_t started_unix_ms;
    struct agenda agenda; /* monotonic ns */
    struct sources sources;
    struct freezes freezes;
    struct allowances allowances;
    struct dropbox dropbox;
    struct vigil vigil;
    struct sites sites;
    struct domains domains;
    struct scheduler scheduler;
    struct records records;
    struct ramps ramps;
    struct preflights preflights;
    struct notices notices;
    struct caught caught;
    struct core_counts counts;
    struct stream_tallies stream_tallies;
    struct hourly *hours; /* owned; NULL in tests that count nothing */
    struct id_maker ids;  /* of our own messages */
    struct core_call *call;
    int64_t reloaded_ns;  /* when a signal last had us reload */
    bool wants_reload;    /* a signal asks for it; done within a second */
    bool store_was_empty; /* at the start, beside a queue with mail */
    bool is_draining;
    bool is_drained; /* and the queue was seen empty */
    bool is_stopping;
    int exit_status;
};

/* How other threads call core_wake before core is there; main's, outlives the queue. */
struct core_call {
    struct letter letter;
    struct core *core; /* NULL until core is made */
    atomic_bool is_posted;
};

/* What main has opened before. The fds are handed over. */
struct core_options {
    struct snapshot *snapshot; /* the reference is core's from now on */
    const char *config_path;
    struct queue *queue;
    struct store *store;
    struct auth *auth;
    struct users *users; /* the reference is core's from now on */
    struct core_call *call;
    const int *listener_fds; /* listener_count for each worker, worker after worker */
    unsigned listener_count;
    unsigned worker_count;
    bool store_is_new;     /* nothing is remembered of stops, freezes, allowances */
    int64_t floor_unix_ms; /* ids are later than this */
};

/* Make core and its workers, run until told to stop, take everything down in order.
 * Returns the exit status of the process. The queue, the store and auth are main's to
 * close afterwards. */
int core_run(const struct core_options *options);

/* Letters from workers and others; each names the object it is embedded in. */
void core_on_accepted(struct letter *letter);       /* accept's to_core */
void core_on_job(struct letter *letter);            /* &job->letter */
void core_on_permit(struct letter *letter);         /* &permit->letter: may it come in */
void core_on_permit_over(struct letter *letter);    /* ... and what became of it */
void core_on_released(struct letter *letter);       /* &slot->release */
void core_on_slot_ended(struct letter *letter);     /* &slot->ended */
void core_on_worker_stopped(struct letter *letter); /* &worker->stopped_letter */

/* For queue_options: housekeeping is due. Any thread; owner is the core_call. */
void core_wake(void *owner);

/* A message of our own or an inbound one is on the disk: queue it, log it. */
void core_index(struct core *core, const void *envelope_bytes, size_t length,
                const struct place *place);

/* An id for a message of our own. */
uint64_t core_next_id(struct core *core);

/* Stop: new mail is refused, sessions end, what is queued stays. Any core callback. */
void core_stop(struct core *core, int exit_status);

/* Read the file again; notes for the operator through log and `say` (which may be NULL).
 * 0, or -EINVAL and nothing has changed. */
int core_reload(struct core *core, void (*say)(void *owner, const char *line),
                void *owner) ATTR_MUST_CHECK;

/* Stop accepting and let the queue empty itself, or accept again. */
void core_drain(struct core *core, bool on);

#endif
