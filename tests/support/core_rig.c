#include "tests/support/core_rig.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/classify.h"

#include "relay/arena.h"
#include "relay/config.h"
#include "relay/core_start.h"
#include "relay/net/loop.h"
#include "relay/now.h"
#include "relay/outbound.h"
#include "relay/settle.h"
#include "relay/slots.h"
#include "relay/stops.h"
#include "relay/worker.h"

#define TURNS_MOST 200000

const char core_rig_default[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; },\n"
    "            { name = \"two\"; address = \"127.0.0.12\"; shared = true; } );\n"
    "streams = ( { name = \"transactional\"; weight = 10; sources = [ \"one\", \"two\" ]; "
    "},\n"
    "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; } );\n"
    "adapt = { enabled = false; };\n";

static const struct nameserver_row zone[] = {
    {"one.test", DNS_MX, "10 mx.one.test", 86400},
    {"mx.one.test", DNS_A, "8.8.8.1", 86400},
    {"two.test", DNS_MX, "10 mx.two.test", 86400},
    {"mx.two.test", DNS_A, "8.8.8.2", 86400},
    {"three.test", DNS_MX, "10 mx.three.test", 86400},
    {"mx.three.test", DNS_A, "8.8.8.3", 86400},
    {"from.test", DNS_MX, "10 mx.from.test", 86400},
    {"mx.from.test", DNS_A, "8.8.8.9", 86400},
    {"sick.test", 0, "!SERVFAIL", 0},
    {NULL, 0, NULL, 0}};

/* ---- relay/now.h again ---- */

static _Atomic int64_t passed_ns;
static struct core_rig *rig_now;

#define ZERO_NS (1000 * NOW_NS_PER_S)

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

/* ---- files ---- */

static void remove_directory(const char *path)
{
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)closedir(dir);
    cr_assert_eq(rmdir(path), 0);
}

static void copy_file(int from_dir, int to_dir, const char *name)
{
    struct stat facts;
    char block[65536];
    ssize_t got = 0;
    cr_assert_eq(fstatat(from_dir, name, &facts, AT_SYMLINK_NOFOLLOW), 0);
    if (!S_ISREG(facts.st_mode)) {
        return; /* the control socket */
    }
    int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
    int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    cr_assert(from >= 0 && to >= 0);
    while ((got = read(from, block, sizeof block)) > 0) {
        cr_assert_eq(write(to, block, (size_t)got), got);
    }
    cr_assert_eq(got, 0);
    (void)close(from);
    (void)close(to);
}

static void copy_directory(const char *from, const char *to)
{
    DIR *dir = opendir(from);
    int target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(dir != NULL && target >= 0);
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            copy_file(dirfd(dir), target, entry->d_name);
        }
    }
    (void)closedir(dir);
    (void)close(target);
}

static void new_directory(char out[64])
{
    (void)snprintf(out, 64, "/tmp/mesura-core-XXXXXX");
    cr_assert_not_null(mkdtemp(out));
}

/* ---- start and stop ---- */

void core_rig_config(struct core_rig *rig, const char *config)
{
    int wrote = snprintf(
        rig->config, sizeof rig->config,
        "hostname = \"relay.test\";\nspool = \"%s\";\ncontrol = \"%s\";\n"
        "dns = { servers = [ \"%s\" ]; timeout = \"2s\"; };\n"
        "log = { file = \"\"; maillog = \"\"; };\n"
        "listeners = ( { name = \"local\"; address = \"127.0.0.1\"; port = 2525; "
        "trust = [ \"127.0.0.0/8\" ]; } );\n%s",
        rig->directory, rig->control, rig->names.text,
        config[0] != '\0' ? config : core_rig_default);
    cr_assert(wrote > 0 && (size_t)wrote < sizeof rig->config);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/mesura.conf", rig->directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, rig->config, (size_t)wrote), wrote);
    (void)close(fd);
}

static struct snapshot *read_snapshot(struct core_rig *rig)
{
    const struct config *config = NULL;
    struct config_notes notes;
    struct snapshot *snapshot = NULL;
    struct errmsg err = {.text = ""};
    config_notes_init(&notes);
    int rc = config_load_text(rig->config, strlen(rig->config), "rig", &config, &notes);
    cr_assert_eq(rc, 0, "%s", notes.count > 0 ? notes.items[0].text : "");
    config_notes_clear(&notes);
    cr_assert_eq(snapshot_make(&snapshot, config, now_unix_ms(), &err), 0, "%s", err.text);
    config_unref(config);
    return snapshot;
}

void core_rig_start(struct core_rig *rig)
{
    static char path[128];
    struct errmsg err = {.text = ""};
    struct store_opened opened;
    rig->job_count = 0;
    rig->call.core = NULL;
    (void)snprintf(path, sizeof path, "%s/mesura.conf", rig->directory);
    struct queue_options queue = {.directory = rig->directory,
                                  .disk = rig->disk,
                                  .segment_bytes = QUEUE_SEGMENT_MIN,
                                  .now_unix_ms = (uint64_t)now_unix_ms(),
                                  .salt = 0x1234,
                                  .wake_core_cb = core_wake,
                                  .owner = &rig->call};
    cr_assert_eq(queue_open(&rig->queue, &queue, &err), 0, "%s", err.text);
    struct store_options store = {.dir = rig->directory, .unix_ms = now_unix_ms()};
    cr_assert_eq(store_open(&rig->store, &store, &opened, &err), 0, "%s", err.text);
    struct core_options options = {.snapshot = read_snapshot(rig),
                                   .config_path = path,
                                   .queue = rig->queue,
                                   .store = rig->store,
                                   .call = &rig->call,
                                   .worker_count = 1,
                                   .floor_unix_ms = now_unix_ms()};
    rig->core = arena_must(1, sizeof *rig->core);
    cr_assert_eq(core_start_open(rig->core, &options, &err), 0, "%s", err.text);
    cr_assert_eq(core_start_workers(rig->core, &options, &err), 0, "%s", err.text);
    core_rig_run(rig);
}

void core_rig_open(struct core_rig *rig, const char *config)
{
    memset(rig, 0, sizeof *rig);
    rig_now = rig;
    new_directory(rig->directory);
    (void)snprintf(rig->control, sizeof rig->control, "%s/control", rig->directory);
    cr_assert_eq(uv_loop_init(&rig->loop), 0);
    nameserver_start(&rig->names, &rig->loop, zone);
    core_rig_config(rig, config);
    core_rig_start(rig);
}

void core_rig_stop(struct core_rig *rig)
{
    rig->core->is_stopping = true;
    rig->core->workers_running = 0;
    core_start_close(rig->core);
    rig->core = NULL;
    rig->job_count = 0;
    store_close(rig->store);
    queue_close(rig->queue);
}

void core_rig_crash(struct core_rig *rig)
{
    char after[64];
    char before[64];
    new_directory(after);
    copy_directory(rig->directory, after);
    core_rig_stop(rig);
    memcpy(before, rig->directory, sizeof before);
    memcpy(rig->directory, after, sizeof after);
    /* The spool's name is in the text; all names are equally long. */
    for (char *at = rig->config; (at = strstr(at, before)) != NULL;) {
        memcpy(at, after, strlen(after));
    }
    (void)snprintf(rig->control, sizeof rig->control, "%s/control", rig->directory);
    remove_directory(before);
    core_rig_start(rig);
}

void core_rig_close(struct core_rig *rig)
{
    core_rig_stop(rig);
    nameserver_stop(&rig->names);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    cr_assert_eq(uv_loop_close(&rig->loop), 0);
    remove_directory(rig->directory);
}

int core_rig_reload(struct core_rig *rig)
{
    int rc = core_reload(rig->core, NULL, NULL);
    core_rig_run(rig);
    return rc;
}

/* ---- turns ---- */

static void ring_clocks(struct core *core)
{
    bool expired = false;
    uint32_t message = 0;
    while ((message = index_clock_pop(core->index, (uint64_t)now_unix_ms(), &expired)) !=
           0) {
        if (expired) {
            settle_expired(core, message);
        } else {
            notices_delayed(core, message);
        }
    }
}

void core_rig_turn(struct core_rig *rig)
{
    struct core *core = rig->core;
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    loop_run_once(core->loop);
    (void)agenda_run(&core->agenda, (uint64_t)now_ns(), 1000);
    ring_clocks(core);
    scheduler_run(core);
    records_flush(core);
    (void)mailbox_run(&core->workers[0]->mailbox);
}

static bool is_busy(const struct core *core)
{
    if (core->records.open != NULL || core->records.flying > 0 ||
        core->notices.writing > 0 || scheduler_is_busy(core) ||
        agenda_next(&core->agenda) <= (uint64_t)now_ns()) {
        return true;
    }
    for (struct flow *flow = index_flow_next(core->index, NULL); flow != NULL;
         flow = index_flow_next(core->index, flow)) {
        const struct lading *lading = flow->owner;
        if (lading != NULL && lading->dest->state == DEST_PENDING) {
            return true;
        }
    }
    return false;
}

static void on_synced(struct letter *letter)
{
    LIST_OWNER(letter, struct store_ticket, letter)->home = NULL;
}

static void pause_a_moment(void)
{
    struct timespec moment = {.tv_nsec = 50000};
    (void)nanosleep(&moment, NULL);
}

/* All that was put into the store is there, and told. */
static void sync_store(struct core_rig *rig)
{
    struct store_ticket ticket = {.home = &rig->core->mailbox, .done_cb = on_synced};
    store_sync(rig->store, &ticket);
    while (ticket.home != NULL) {
        core_rig_turn(rig);
        pause_a_moment();
    }
}

void core_rig_run(struct core_rig *rig)
{
    unsigned quiet = 0;
    for (unsigned turn = 0; quiet < 3; turn++) {
        cr_assert_lt(turn, TURNS_MOST, "core does not come to rest");
        core_rig_turn(rig);
        bool busy = is_busy(rig->core);
        if (busy) {
            pause_a_moment();
        }
        quiet = busy ? 0 : quiet + 1;
        if (quiet == 1) {
            sync_store(rig);
        }
    }
}

void core_rig_pass(struct core_rig *rig, int64_t ms)
{
    while (ms > 0) {
        int64_t step_ms = ms < 1000 || ms > 60000 ? ms : 1000;
        (void)atomic_fetch_add(&passed_ns, step_ms * NOW_NS_PER_MS);
        ms -= step_ms;
        struct core *core = rig->core;
        if (freezes_expire(&core->freezes, now_unix_ms()) > 0) {
            scheduler_kick_all(core);
        }
        stops_tick(core, now_unix_ms());
        ramps_tick(core);
        slots_retire(core, now_ns(), false);
        core_rig_run(rig);
    }
}

/* ---- mail ---- */

static void on_written(struct queue_write *write, int rc)
{
    write->rc = rc;
    atomic_store((atomic_bool *)write->owner, true);
}

uint64_t core_rig_accept(struct core_rig *rig, const struct core_rig_mail *mail)
{
    static struct envelope_recipient recipients[1000];
    uint8_t bytes[65536];
    char addresses[1000][48];
    size_t length = 0;
    char header[] = "Subject: test\r\nFrom: <sender@from.test>\r\n\r\n";
    char body[] = "Hello.\r\n";
    struct errmsg err = {.text = ""};
    struct envelope envelope;
    const char *domain = mail->domain != NULL ? mail->domain : "one.test";
    unsigned count = mail->recipients != 0 ? mail->recipients : 1;
    cr_assert_leq(count, 1000);
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(addresses[i], sizeof addresses[i], "r%u@%s", i, domain);
        recipients[i] = (struct envelope_recipient){.address = addresses[i],
                                                    .domain = domain,
                                                    .orcpt = "",
                                                    .notify = (uint8_t)mail->notify};
    }
    envelope_init(&envelope);
    envelope.id = core_next_id(rig->core);
    envelope.accepted_unix_ms = (uint64_t)now_unix_ms();
    envelope.expires_unix_ms =
        envelope.accepted_unix_ms +
        (uint64_t)(mail->lifetime_ms != 0 ? mail->lifetime_ms : 2 * CORE_RIG_DAY);
    envelope.notice_unix_ms =
        mail->notice_ms != 0 ? envelope.accepted_unix_ms + (uint64_t)mail->notice_ms : 0;
    envelope.size_bytes = sizeof header + sizeof body - 2;
    envelope.priority = 5;
    envelope.sender = mail->sender != NULL ? mail->sender : "sender@from.test";
    envelope.stream = mail->stream != NULL ? mail->stream : "transactional";
    envelope.user = mail->user != NULL ? mail->user : "";
    envelope.recipients = recipients;
    envelope.recipient_count = count;
    cr_assert_eq(envelope_encode(&envelope, bytes, sizeof bytes, &length, &err), 0, "%s",
                 err.text);
    struct iovec parts[3] = {
        {bytes, length}, {header, sizeof header - 1}, {body, sizeof body - 1}};
    struct queue_write write = {0};
    atomic_bool done = false;
    queue_write_accept(&write, envelope.id, &parts[0], &parts[1], &parts[2], 1);
    write.owner = &done;
    queue_submit(rig->queue, &write, QUEUE_SYNCED, on_written);
    while (!atomic_load(&done)) {
        pause_a_moment();
    }
    cr_assert_eq(write.rc, 0);
    core_index(rig->core, bytes, length, &write.place);
    return envelope.id;
}

static struct job *take_job(struct core_rig *rig, unsigned at)
{
    cr_assert_lt(at, rig->job_count, "no job is at the worker");
    struct job *job = rig->jobs[at];
    rig->job_count--;
    memmove(&rig->jobs[at], &rig->jobs[at + 1],
            (rig->job_count - at) * sizeof(struct job *));
    return job;
}

static void parse_reply(const char *text, struct reply *out)
{
    *out = (struct reply){.stage = REPLY_STAGE_DOT, .origin = REPLY_REMOTE};
    if (text[0] == '\0') {
        out->stage = REPLY_STAGE_CONNECT;
        out->origin = REPLY_NETWORK;
        (void)snprintf(out->text, sizeof out->text, "connection refused");
        return;
    }
    char *rest = NULL;
    out->code = (uint16_t)strtoul(text, &rest, 10);
    for (unsigned i = 0; i < 3; i++) {
        out->enhanced[i] = (uint16_t)strtoul(rest + 1, &rest, 10);
    }
    (void)snprintf(out->text, sizeof out->text, "%s", *rest == ' ' ? rest + 1 : rest);
}

void core_rig_answer_at(struct core_rig *rig, unsigned at, const char *text)
{
    struct job *job = take_job(rig, at);
    cr_assert_eq(queue_read_message(&job->pin, false, &job->content), 0);
    for (unsigned i = 0; i < job->rcpt_count; i++) {
        parse_reply(text, &job->rcpts[i].reply);
        classify_reply(&job->rcpts[i].reply, "", &job->snapshot->classify,
                       &job->rcpts[i].finding);
    }
    (void)snprintf(job->remote_host, sizeof job->remote_host, "mx.test");
    job->connection_messages = 1;
    job->peer.dsn = true;
    job->outcome = JOB_ANSWERED;
    mailbox_post(&rig->core->mailbox, &job->letter, core_on_job);
}

void core_rig_answer(struct core_rig *rig, const char *reply)
{
    core_rig_answer_at(rig, 0, reply);
    core_rig_run(rig);
}

void core_rig_give_back(struct core_rig *rig, enum job_outcome outcome, int read_rc)
{
    struct job *job = take_job(rig, 0);
    job->outcome = outcome;
    job->read_rc = read_rc;
    mailbox_post(&rig->core->mailbox, &job->letter, core_on_job);
    core_rig_run(rig);
}

/* ---- looking ---- */

const char *core_rig_source(const struct core_rig *rig)
{
    return rig->job_count > 0 ? rig->jobs[0]->slot->lane->source->name : "";
}

unsigned core_rig_queued(const struct core_rig *rig)
{
    struct index_stats stats;
    index_stats(rig->core->index, &stats);
    return (unsigned)stats.messages;
}

unsigned core_rig_dsns(struct core_rig *rig)
{
    uint32_t cursor = 0;
    uint32_t messages[64];
    unsigned found = 0;
    do {
        unsigned count = index_each(rig->core->index, &cursor, messages, 64);
        for (unsigned i = 0; i < count; i++) {
            struct message_view view;
            index_message(rig->core->index, messages[i], &view);
            found += (view.flags & ENVELOPE_IS_DSN) != 0;
        }
    } while (cursor != 0);
    return found;
}

struct source *core_rig_find_source(struct core_rig *rig, const char *name)
{
    struct source *source = sources_find(&rig->core->sources, name);
    cr_assert_not_null(source);
    return source;
}

struct lane *core_rig_lane(struct core_rig *rig, const char *source, const char *site)
{
    struct site *at = sites_find(&rig->core->sites, site);
    cr_assert_not_null(at);
    return sites_lane(at, core_rig_find_source(rig, source), now_ns());
}

struct recipient_view core_rig_recipient(const struct core_rig *rig, uint64_t id)
{
    struct recipient_view view = {0};
    struct message_view message;
    uint32_t handle = index_find(rig->core->index, id);
    cr_assert_neq(handle, 0, "the message is gone");
    index_message(rig->core->index, handle, &message);
    index_recipient(rig->core->index, message.first, &view);
    return view;
}
