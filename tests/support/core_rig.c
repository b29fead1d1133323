#include "tests/support/core_rig.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "relay/arena.h"
#include "relay/config.h"
#include "relay/core_start.h"
#include "relay/net/loop.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/slots.h"
#include "relay/stops.h"
#include "relay/watcher.h"
#include "relay/worker.h"

#define TURNS_MOST 200000

const char core_rig_default[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; },\n"
    "            { name = \"two\"; address = \"127.0.0.12\"; shared = true; } );\n"
    "streams = ( { name = \"transactional\"; weight = 10; sources = [ \"one\", \"two\" "
    "]; "
    "},\n"
    "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; } "
    ");\n"
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
    cr_assert_eq(fstatat(from_dir, name, &facts, AT_SYMLINK_NOFOLLOW), 0, "%s", name);
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

/* ---- a disk that may be full, and that stands still while it is copied ---- */

static struct disk real_disk;
static atomic_bool disk_is_full;
static pthread_mutex_t disk_gate = PTHREAD_MUTEX_INITIALIZER;

static ssize_t gated_pwritev(const struct disk *disk, int handle,
                             const struct iovec *parts, int count, uint64_t offset)
{
    (void)pthread_mutex_lock(&disk_gate);
    ssize_t rc = atomic_load(&disk_is_full)
                     ? -ENOSPC
                     : real_disk.pwritev(disk, handle, parts, count, offset);
    (void)pthread_mutex_unlock(&disk_gate);
    return rc;
}

static int gated_open(const struct disk *disk, const char *name, bool create)
{
    (void)pthread_mutex_lock(&disk_gate);
    int rc = real_disk.open(disk, name, create);
    (void)pthread_mutex_unlock(&disk_gate);
    return rc;
}

static int gated_resize(const struct disk *disk, int handle, uint64_t size)
{
    (void)pthread_mutex_lock(&disk_gate);
    int rc = real_disk.resize(disk, handle, size);
    (void)pthread_mutex_unlock(&disk_gate);
    return rc;
}

static int gated_rename(const struct disk *disk, const char *from, const char *to)
{
    (void)pthread_mutex_lock(&disk_gate);
    int rc = real_disk.rename(disk, from, to);
    (void)pthread_mutex_unlock(&disk_gate);
    return rc;
}

static int gated_unlink(const struct disk *disk, const char *name)
{
    (void)pthread_mutex_lock(&disk_gate);
    int rc = real_disk.unlink(disk, name);
    (void)pthread_mutex_unlock(&disk_gate);
    return rc;
}

/* The queue's threads wait at their next change of the disk. */
static void gate_disk(struct disk *disk)
{
    *disk = real_disk;
    disk->pwritev = gated_pwritev;
    disk->open = gated_open;
    disk->resize = gated_resize;
    disk->rename = gated_rename;
    disk->unlink = gated_unlink;
}

void core_rig_fill_disk(bool full)
{
    atomic_store(&disk_is_full, full);
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
    cr_assert_eq(snapshot_make(&snapshot, config, now_unix_ms(), &err), 0, "%s",
                 err.text);
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
    core_rig_move(1000); /* ids of this run are later than those of the last */
    (void)snprintf(path, sizeof path, "%s/mesura.conf", rig->directory);
    struct queue_options queue = {.directory = rig->directory,
                                  .disk = &rig->disk,
                                  .segment_bytes = 1024 * 1024,
                                  .now_unix_ms = (uint64_t)now_unix_ms(),
                                  .salt = 0x1234,
                                  .wake_core_cb = core_wake,
                                  .owner = &rig->call};
    cr_assert_eq(disk_posix_open(rig->directory, false, &real_disk, &err), 0);
    gate_disk(&rig->disk);
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
    core_rig_play(rig);
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
    rig->disk.close_all(&rig->disk);
}

void core_rig_crash(struct core_rig *rig)
{
    char after[64];
    char before[64];
    new_directory(after);
    (void)pthread_mutex_lock(&disk_gate);
    copy_directory(rig->directory, after);
    (void)pthread_mutex_unlock(&disk_gate);
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
    notices_run(core);
    records_flush(core);
    (void)mailbox_run(&core->workers[0]->mailbox);
}

static bool is_busy(const struct core *core)
{
    bool is_full = core->records.waiting != NULL;
    if ((core->records.open != NULL && !is_full) || core->records.flying > 0 ||
        core->notices.writing > 0 || notices_are_busy(&core->notices) ||
        scheduler_is_busy(core) || watcher_is_asking(core->watcher) ||
        preflights_are_asking(core) || agenda_next(&core->agenda) <= (uint64_t)now_ns()) {
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

void core_rig_pause(void)
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
        core_rig_pause();
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
            core_rig_pause();
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
        core_rig_move(step_ms);
        ms -= step_ms;
        struct core *core = rig->core;
        if (freezes_expire(&core->freezes, now_unix_ms()) > 0) {
            scheduler_kick_all(core);
        }
        watcher_tick(core->watcher);
        preflights_tick(core);
        stops_tick(core, now_unix_ms());
        caught_tick(core, now_unix_ms());
        ramps_tick(core);
        slots_retire(core, now_ns(), false);
        queue_tick(rig->queue, (uint64_t)now_ns());
        core_rig_run(rig);
    }
}
