/* Stands in for relay/now.c, relay/worker.c and relay/outbound.c. */

#include <stdlib.h>

#include "relay/arena.h"
#include "relay/now.h"
#include "relay/outbound.h"
#include "relay/users.h"
#include "relay/worker.h"

#include "tests/support/core_rig.h"

/* ---- relay/now.h again ---- */

static _Atomic int64_t passed_ns;
static struct core_rig *rig_now; /* borrowed: the one of this process */

#define ZERO_NS (1000 * NOW_NS_PER_S)

void core_rig_play(struct core_rig *rig)
{
    rig_now = rig;
}

void core_rig_move(int64_t ms)
{
    (void)atomic_fetch_add(&passed_ns, ms * NOW_NS_PER_MS);
}

int64_t now_ns(void)
{
    return ZERO_NS + atomic_load(&passed_ns);
}

int64_t now_start(int64_t newest_unix_ms)
{
    (void)newest_unix_ms;
    return 0;
}

int64_t now_unix_ms(void)
{
    return now_to_unix_ms(now_ns());
}

int64_t now_to_unix_ms(int64_t mono_ns)
{
    return CORE_RIG_START + (mono_ns - ZERO_NS) / NOW_NS_PER_MS;
}

int64_t now_from_unix_ms(int64_t unix_ms)
{
    return ZERO_NS + (unix_ms - CORE_RIG_START) * NOW_NS_PER_MS;
}

bool now_check(int64_t *out_step_ms)
{
    *out_step_ms = 0;
    return false;
}

int64_t now_wall_ms(void)
{
    return now_unix_ms();
}

/* ---- relay/worker.h and relay/outbound.h again: the worker that the test plays ---- */

static void on_wake(void *owner)
{
    (void)owner; /* core_rig_turn looks */
}

int worker_start(struct worker **out, const struct worker_options *options,
                 struct errmsg *err)
{
    (void)err;
    struct worker *worker = arena_must(1, sizeof *worker);
    worker->number = options->number;
    worker->core = options->core;
    worker->core_mailbox = options->core_mailbox;
    mailbox_init(&worker->mailbox, on_wake, NULL);
    *out = worker;
    return 0;
}

void worker_publish(struct worker *worker, struct snapshot *snapshot)
{
    (void)worker;
    snapshot_unref(snapshot);
}

void worker_publish_users(struct worker *worker, struct users *users)
{
    (void)worker;
    users_free(users);
}

void worker_refuse(struct worker *worker, bool refuses)
{
    worker->refuses = refuses;
}

void worker_stop(struct worker *worker)
{
    mailbox_post(worker->core_mailbox, &worker->stopped_letter, core_on_worker_stopped);
}

void worker_join(struct worker *worker)
{
    (void)worker;
}

void worker_free(struct worker *worker)
{
    free(worker);
}

void outbound_on_job(struct letter *letter)
{
    struct core_rig *rig = rig_now;
    cr_assert_lt(rig->job_count, CORE_RIG_JOBS);
    rig->jobs[rig->job_count++] = LIST_OWNER(letter, struct job, letter);
}

void outbound_on_release(struct letter *letter)
{
    struct slot *slot = LIST_OWNER(letter, struct slot, release);
    rig_now->releases++;
    rig_now->told += slot->told;
    mailbox_post(slot->worker->core_mailbox, &slot->release, core_on_released);
}

void outbound_on_end(struct letter *letter)
{
    struct core_rig *rig = rig_now;
    struct slot *slot = LIST_OWNER(letter, struct slot, end);
    rig->ended++;
    if (rig->keeps_ends) {
        cr_assert_lt(rig->end_count, 64);
        rig->ends[rig->end_count++] = slot;
        return;
    }
    mailbox_post(slot->worker->core_mailbox, &slot->ended, core_on_slot_ended);
}
