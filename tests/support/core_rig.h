/* A core without threads of its own: the real index, queue and store in a directory under
 * /tmp, a name server, and one worker that the test plays. Time stands still until the
 * test moves it: core_rig.c implements relay/now.h, relay/worker.h and relay/outbound.h
 * again at link time. One rig a process. */

#ifndef TESTS_SUPPORT_CORE_RIG_H
#define TESTS_SUPPORT_CORE_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/queue.h"

#include "relay/core.h"
#include "relay/job.h"
#include "relay/slot.h"
#include "relay/snapshot.h"
#include "relay/store.h"

#include "tests/support/nameserver.h"

#define CORE_RIG_JOBS  4096
#define CORE_RIG_DAY   (INT64_C(86400) * 1000)
#define CORE_RIG_START (INT64_C(1700000000) * 1000) /* a Tuesday, 22:13 UTC */

struct core_rig {
    char directory[64];
    char control[96];
    struct queue *queue;
    struct store *store;
    struct core *core;
    struct core_call call;
    uv_loop_t loop; /* of the name server */
    struct nameserver names;
    char config[8192];               /* what core was last given */
    struct disk disk;                /* the real one, but for core_rig_fill_disk */
    struct job *jobs[CORE_RIG_JOBS]; /* at the worker, oldest first; borrowed */
    unsigned job_count;
    unsigned releases; /* letters that released a slot's next dot */
    unsigned told;     /* results that they spoke of */
    unsigned ended;    /* slots that were told to end */
    bool keeps_ends;   /* slots that are told to end do not yet */
    struct slot *ends[64];
    unsigned end_count;
};

/* Queue, store and core from nothing. config: groups of mesura.conf beside the rig's own
 * hostname, spool, control and dns; "" for two sources and no pace. */
void core_rig_open(struct core_rig *rig, const char *config);

/* A clean stop of core, queue and store. The directory stays. */
void core_rig_stop(struct core_rig *rig);
/* After core_rig_stop. */
void core_rig_start(struct core_rig *rig);
/* A power failure: what the disk has now is what the next core finds. */
void core_rig_crash(struct core_rig *rig);
/* Stop, and remove the directory. */
void core_rig_close(struct core_rig *rig);

/* Another configuration for core_reload or core_rig_start. */
void core_rig_config(struct core_rig *rig, const char *config);
int core_rig_reload(struct core_rig *rig);

/* A message in the queue; zero and NULL are defaults: sender@from.test, domain one.test,
 * stream transactional, one recipient, two days. */
struct core_rig_mail {
    const char *sender;
    const char *domain;
    const char *stream;
    const char *user;
    unsigned recipients;
    int64_t lifetime_ms;
    int64_t notice_ms; /* after acceptance; 0 none */
    unsigned notify;   /* of each recipient, as in relay/smtp/params.h */
};
uint64_t core_rig_accept(struct core_rig *rig, const struct core_rig_mail *mail);

/* Turns of core's loop until nothing is under way but jobs and time. */
void core_rig_run(struct core_rig *rig);
/* One turn, whatever is under way. */
void core_rig_turn(struct core_rig *rig);

/* Time passes, then core_rig_run. In steps of at most a second up to a minute. */
void core_rig_pass(struct core_rig *rig, int64_t ms);

/* Answer the oldest job at the worker, every recipient alike: "250 2.0.0 ok",
 * "451 4.7.1 later"; "" is a network failure at connect. Then core_rig_run. */
void core_rig_answer(struct core_rig *rig, const char *reply);
/* The same of the job at a place; without core_rig_run. */
void core_rig_answer_at(struct core_rig *rig, unsigned at, const char *text);
/* Nothing was tried. */
void core_rig_give_back(struct core_rig *rig, enum job_outcome outcome, int read_rc);

/* Name of the source of the oldest job at the worker; "" when there is none. */
const char *core_rig_source(const struct core_rig *rig);

/* Every write of the queue ends with ENOSPC, or no more. */
void core_rig_fill_disk(bool full);

/* How many messages the queue holds that are not ended; of them notices of ours. */
unsigned core_rig_queued(const struct core_rig *rig);
unsigned core_rig_dsns(struct core_rig *rig);

struct source *core_rig_find_source(struct core_rig *rig, const char *name);
struct lane *core_rig_lane(struct core_rig *rig, const char *source, const char *site);
/* The first recipient of the message. */
struct recipient_view core_rig_recipient(const struct core_rig *rig, uint64_t id);

/* For the rig's own files: who plays the worker; move the clock alone; let other threads
 * run for a moment. */
void core_rig_play(struct core_rig *rig);
void core_rig_move(int64_t ms);
void core_rig_pause(void);

/* The configuration of "". */
extern const char core_rig_default[];

#endif
