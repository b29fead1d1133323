/* Good path: core_run makes DNS, the schedules and the workers, takes back what the store
 * and the queue remember, and turns its loop: letters, timers, then once a turn the
 * scheduler and this turn's record. core_stop takes everything down in order: workers,
 * then what they leave, then the store's last words.
 *
 * Failure modes: something that start needs is refused (message, status 1); the queue
 * fails while running (status 1: a supervisor starts us again, replay decides). */

#include "relay/core.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/accept.h"
#include "relay/arena.h"
#include "relay/core_start.h"
#include "relay/damage.h"
#include "relay/hourly.h"
#include "relay/id.h"
#include "relay/job.h"
#include "relay/log.h"
#include "relay/net/loop.h"
#include "relay/net/signals.h"
#include "relay/net/timer.h"
#include "relay/now.h"
#include "relay/roster.h"
#include "relay/settle.h"
#include "relay/slot.h"
#include "relay/slots.h"
#include "relay/snapshot.h"
#include "relay/stops.h"
#include "relay/users.h"
#include "relay/watcher.h"
#include "relay/worker.h"

/* Between the end of one reload by signal and the next. */
#define RELOAD_PAUSE_NS NOW_NS_PER_S

#define AGENDA_A_TURN 1000
#define CLOCKS_A_TURN 200

/* ---- messages that become known ---- */

static void count_accepted(struct core *core, const struct envelope *envelope)
{
    int64_t unix_ms = now_unix_ms();
    hourly_add(core->hours, "total", "accepted", "", unix_ms);
    hourly_add(core->hours, "stream", "accepted", envelope->stream, unix_ms);
    hourly_add(core->hours, "sender", "accepted",
               envelope->sender[0] != '\0' ? envelope->sender : "<>", unix_ms);
    if (envelope->user[0] != '\0') {
        hourly_add(core->hours, "user", "accepted", envelope->user, unix_ms);
    }
}

void core_index(struct core *core, const void *envelope_bytes, size_t length,
                const struct place *place)
{
    struct envelope envelope;
    int rc = envelope_decode(envelope_bytes, length, &envelope);
    assert(rc == 0); /* we have written it */
    uint32_t message = queue_accepted(core->queue, &envelope, place);
    core->counts.accepted++;
    count_accepted(core, &envelope);
    struct message_view view;
    struct recipient_view recipient;
    index_message(core->index, message, &view);
    for (uint32_t at = view.first; at != 0; at = recipient.next) {
        index_recipient(core->index, at, &recipient);
        scheduler_touch(core, recipient.flow);
    }
    log_event(&(struct log_event){.kind = LOG_ACCEPTED,
                                  .unix_ms = (int64_t)envelope.accepted_unix_ms,
                                  .id = envelope.id,
                                  .stream = envelope.stream,
                                  .sender = envelope.sender,
                                  .recipient = envelope.recipients[0].address,
                                  .user = envelope.user,
                                  .job = envelope.job,
                                  .size_bytes = envelope.size_bytes,
                                  .recipients = envelope.recipient_count,
                                  .message_id = envelope.message_id,
                                  .client_ip = envelope.client,
                                  .helo = envelope.helo});
    envelope_free(&envelope);
}

void core_on_accepted(struct letter *letter)
{
    struct accept *accept = accept_of_letter(letter);
    struct core *core = accept_core(accept);
    size_t length = 0;
    const void *envelope = accept_envelope(accept, &length);
    core_index(core, envelope, length, accept_place(accept));
    accept_indexed(accept);
}

uint64_t core_next_id(struct core *core)
{
    return id_next(&core->ids, now_unix_ms());
}

/* ---- letters from workers ---- */

void core_on_job(struct letter *letter)
{
    struct job *job = LIST_OWNER(letter, struct job, letter);
    settle_job(job->core, job);
}

void core_on_released(struct letter *letter)
{
    slots_released(LIST_OWNER(letter, struct slot, release));
}

void core_on_slot_ended(struct letter *letter)
{
    struct slot *slot = LIST_OWNER(letter, struct slot, ended);
    slots_gone(slot->core, slot);
}

void core_on_worker_stopped(struct letter *letter)
{
    struct worker *worker = LIST_OWNER(letter, struct worker, stopped_letter);
    struct core *core = worker->core;
    core->workers_running--;
    if (core->workers_running == 0) {
        loop_stop(core->loop);
    }
}

/* ---- the turn ---- */

static void ring_clocks(struct core *core)
{
    uint64_t now_ms = (uint64_t)now_unix_ms();
    for (unsigned i = 0; i < CLOCKS_A_TURN; i++) {
        bool expired = false;
        uint32_t message = index_clock_pop(core->index, now_ms, &expired);
        if (message == 0) {
            return;
        }
        if (expired) {
            settle_expired(core, message);
        } else {
            notices_delayed(core, message);
        }
    }
}

/* When must the loop wake for the agenda or a message's clock? */
static void set_timer(struct core *core)
{
    int64_t now = now_ns();
    bool is_busy = scheduler_is_busy(core) || notices_are_busy(&core->notices);
    uint64_t next = is_busy ? 0 : agenda_next(&core->agenda);
    uint64_t clock_ms = index_clock_next(core->index);
    if (clock_ms != UINT64_MAX) {
        int64_t ring = now_from_unix_ms((int64_t)clock_ms);
        uint64_t ring_ns = ring > 0 ? (uint64_t)ring : 0;
        next = ring_ns < next ? ring_ns : next;
    }
    if (next == UINT64_MAX) {
        timer_stop(core->timer);
        return;
    }
    int64_t wait_ns = (int64_t)next - now;
    timer_start(core->timer, wait_ns <= 0 ? 0 : (uint64_t)(wait_ns / NOW_NS_PER_MS) + 1);
}

static void on_turn(void *owner)
{
    struct core *core = owner;
    agenda_run(&core->agenda, (uint64_t)now_ns(), AGENDA_A_TURN);
    ring_clocks(core);
    scheduler_run(core);
    notices_run(core);
    records_flush(core);
    set_timer(core);
}

static void on_timer(void *owner)
{
    (void)owner; /* the turn that follows does the work */
}

/* ---- once a second ---- */

/* A reload reads every trusted certificate and keeps core for a while: a storm of signals
 * makes one a second of it, and mail goes on in between. */
static void reload_when_asked(struct core *core)
{
    int64_t now = now_ns();
    if (!core->wants_reload || now - core->reloaded_ns < RELOAD_PAUSE_NS) {
        return;
    }
    core->wants_reload = false;
    if (core_reload(core, NULL, NULL) != 0) {
        log_error("reload: the configuration is bad, the old one stays in force");
    }
    core->reloaded_ns = now_ns();
}

static void on_second(void *owner)
{
    struct core *core = owner;
    int64_t step_ms = 0;
    if (now_check(&step_ms)) {
        log_warn("the wall clock has stepped by %lld ms; no allowance is refilled, times "
                 "go on as they were",
                 (long long)step_ms);
    }
    queue_tick(core->queue, (uint64_t)now_ns());
    if (freezes_expire(&core->freezes, now_unix_ms()) > 0) {
        scheduler_kick_all(core);
    }
    watcher_tick(core->watcher);
    preflights_tick(core);
    stops_tick(core, now_unix_ms());
    caught_tick(core, now_unix_ms());
    ramps_tick(core);
    hourly_flush(core->hours);
    dropbox_tick(core);
    vigil_tick(core);
    reload_when_asked(core);
    slots_retire(core, now_ns(), false);
    struct index_stats stats;
    index_stats(core->index, &stats);
    if (queue_failed(core->queue)) {
        log_error(
            "the queue cannot be written any more; stopping, a restart decides what "
            "is true");
        core_stop(core, 1);
        return;
    }
    if (core->is_draining && !core->is_drained && stats.recipients == 0) {
        core->is_drained = true; /* whoever drains says what comes next: stop, or go on */
        log_info("drained: the queue is empty");
    }
    timer_start(core->second, 1000);
}

static void on_queue_wake(struct letter *letter)
{
    struct core_call *call = LIST_OWNER(letter, struct core_call, letter);
    atomic_store(&call->is_posted, false);
    queue_tick(call->core->queue, (uint64_t)now_ns());
}

void core_wake(void *owner)
{
    struct core_call *call = owner;
    if (call->core != NULL && !atomic_exchange(&call->is_posted, true)) {
        mailbox_post(&call->core->mailbox, &call->letter, on_queue_wake);
    }
}

/* ---- reload ---- */

struct saying {
    void (*say)(void *owner, const char *line);
    void *owner;
};

static void speak(const struct saying *saying, const char *line)
{
    log_info("reload: %s", line);
    if (saying->say != NULL) {
        saying->say(saying->owner, line);
    }
}

static void speak_notes(const struct saying *saying, const struct config_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        const struct config_note *note = &notes->items[i];
        char line[CONFIG_NOTE_FILE_BYTES + CONFIG_NOTE_TEXT_BYTES + 32];
        (void)snprintf(line, sizeof line, "%s:%u: %s%s", note->file, note->line,
                       note->kind == CONFIG_NOTE_WARNING ? "warning: " : "", note->text);
        speak(saying, line);
    }
}

/* Every lading out of the bays, as the bays are made anew. */
static void empty_bays(struct core *core)
{
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        struct lading *lading = flow->owner;
        if (lading != NULL) {
            scheduler_leave_bay(lading);
        }
    }
}

static void apply(struct core *core, struct snapshot *snapshot)
{
    struct snapshot *before = core->snapshot;
    empty_bays(core);
    core->snapshot = snapshot;
    sources_take(&core->sources, snapshot);
    sites_take(&core->sites, snapshot);
    ramps_take(core);
    preflights_take(core);
    core_start_renew(core);
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_publish(core->workers[i], snapshot_ref(snapshot));
    }
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        struct lading *lading = flow->owner;
        lading->dest = domains_dest(core, flow);
        domains_forget(flow->domain);
    }
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        scheduler_touch(core, flow);
    }
    snapshot_unref(before);
}

int core_reload(struct core *core, void (*say)(void *owner, const char *line),
                void *owner)
{
    struct saying saying = {say, owner};
    const struct config *config = NULL;
    struct config_notes notes;
    struct snapshot *snapshot = NULL;
    struct users *users = NULL;
    struct errmsg err;
    config_notes_init(&notes);
    int rc = config_load(core->config_path, &config, &notes);
    speak_notes(&saying, &notes);
    config_notes_clear(&notes);
    if (rc == 0) {
        rc = core_start_check(core, config, say, owner);
    }
    if (rc == 0) {
        rc = roster_read(config, &users, &err);
        if (rc != 0) {
            speak(&saying, err.text);
        }
    }
    if (rc == 0) {
        rc = snapshot_make(&snapshot, config, now_unix_ms(), &err);
        if (rc != 0) {
            speak(&saying, err.text);
            users_free(users);
        }
    }
    config_unref(config);
    if (rc != 0) {
        speak(&saying, "nothing was changed");
        return rc;
    }
    apply(core, snapshot);
    roster_take(core, users);
    speak(&saying, "the new configuration is in force");
    return 0;
}

/* ---- stop and drain ---- */

void core_stop(struct core *core, int exit_status)
{
    if (core->is_stopping) {
        return;
    }
    core->is_stopping = true;
    core->exit_status = exit_status;
    if (core->second != NULL) { /* NULL when the start has failed */
        timer_stop(core->second);
    }
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_stop(core->workers[i]);
    }
}

void core_drain(struct core *core, bool on)
{
    core->is_draining = on;
    core->is_drained = false;
    for (unsigned i = 0; i < core->worker_count; i++) {
        worker_refuse(core->workers[i], on);
    }
}

static void on_signal(int number, void *owner)
{
    struct core *core = owner;
    if (number == SIGHUP) {
        log_reopen();
        core->wants_reload = true;
        reload_when_asked(core);
    } else {
        log_info("stopping: %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
        core_stop(core, 0);
    }
}

/* ---- run ---- */

int core_run(const struct core_options *options)
{
    struct core *core = arena_must(1, sizeof *core);
    struct errmsg err = {.text = ""};
    int rc = core_start_open(core, options, &err);
    if (rc == 0) {
        static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
        rc = signals_open(&core->signals, core->loop, numbers, 3, on_signal, core);
        if (rc != 0) {
            errmsg_errno(&err, rc, "signals");
        }
    }
    if (rc == 0) {
        core->timer = timer_open(core->loop, on_timer, core);
        core->second = timer_open(core->loop, on_second, core);
        timer_start(core->second, 1000);
        loop_set_turn(core->loop, on_turn, core);
        rc = core_start_workers(core, options, &err);
    }
    if (rc != 0) {
        log_error("start: %s", err.text);
        core->exit_status = 1;
        core_stop(core, 1);
    } else {
        damage_tell(core, options->store_is_new);
        log_info("mesura %s serves %s with %u workers", MESURA_VERSION,
                 core->snapshot->config->hostname, core->worker_count);
    }
    if (core->workers_running > 0) {
        loop_run(core->loop);
    }
    int status = core->exit_status;
    core_start_close(core);
    return status;
}
