/* No test of its own: tests/e2e starts the daemon in every case.
 *
 * Good path: read the configuration, take the spool, bind the listeners, open the queue
 * and the store, start the log, run core until it ends, close everything in order.
 *
 * Failure modes: each step's refusal is one sentence on stderr and exit status 1 (a bad
 * configuration: all its errors); nothing has been started then that is not taken down.
 */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/queue.h"

#include "relay/arena.h"
#include "relay/auth.h"
#include "relay/config.h"
#include "relay/core.h"
#include "relay/entropy.h"
#include "relay/log.h"
#include "relay/net/listener.h"
#include "relay/net/signals.h"
#include "relay/now.h"
#include "relay/roster.h"
#include "relay/snapshot.h"
#include "relay/store.h"
#include "relay/users.h"
#include "relay/vault.h"

#define WORKERS_MOST  64
#define SEGMENT_MOST  (UINT32_C(64) * 1024 * 1024)
#define SEGMENT_LEAST (UINT32_C(1) * 1024 * 1024) /* the largest usual record, twice */

struct daemon {
    const char *config_path;
    const struct config *config;
    struct snapshot *snapshot;
    struct disk disk; /* of the queue; ours alone once it is locked */
    bool has_disk;
    struct vault *vault; /* NULL: the queue is not encrypted */
    struct queue *queue;
    struct store *store;
    struct auth *auth;
    struct users *users; /* one reference, until core has it */
    struct core_call call;
    int *fds; /* owned: workers x listeners */
    unsigned workers;
    bool store_is_new;
    bool is_in_file; /* what fails has its place in the configuration */
};

static int usage(FILE *out)
{
    (void)fprintf(out,
                  "usage: mesurad -c FILE    run in the foreground\n"
                  "       mesurad -t -c FILE check the configuration: 0 good, 1 bad\n"
                  "       mesurad -V         print the version\n");
    return out == stderr ? 2 : 0;
}

/* ---- the steps of a start ---- */

static int read_config(struct daemon *daemon)
{
    struct config_notes notes;
    config_notes_init(&notes);
    int rc = config_load(daemon->config_path, &daemon->config, &notes);
    config_notes_print(&notes, stderr);
    config_notes_clear(&notes);
    return rc;
}

static unsigned worker_count(const struct config *config)
{
    long count =
        config->workers != 0 ? (long)config->workers : sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1) {
        count = 1;
    }
    return count > WORKERS_MOST ? WORKERS_MOST : (unsigned)count;
}

/* One listening socket for each worker and listener, so that the kernel spreads clients.
 * Port 0 is picked once and shared. */
/* Sockets of the service manager. */
#define PASSED_MOST 64
struct passed {
    int count;
    int fds[PASSED_MOST];
    bool is_used[PASSED_MOST];
};

/* The socket that the service manager has for this address, or -1. */
static int find_passed(struct passed *passed, const struct netaddr *addr)
{
    for (int i = 0; i < passed->count; i++) {
        struct netaddr has;
        if (listener_local(passed->fds[i], &has) == 0 && netaddr_equal(&has, addr)) {
            passed->is_used[i] = true;
            return passed->fds[i];
        }
    }
    return -1;
}

/* One socket for each worker: the manager's, shared by all, or of their own. */
static int open_listener(struct daemon *daemon, size_t i, struct passed *passed,
                         struct errmsg *err)
{
    const struct config *config = daemon->config;
    const struct config_listener *listener = &config->listeners[i];
    struct netaddr addr;
    char text[NETADDR_TEXT_BYTES];
    int rc = netaddr_parse(listener->address.text, listener->port, &addr);
    int given = rc == 0 ? find_passed(passed, &addr) : -1;
    for (unsigned w = 0; rc == 0 && w < daemon->workers; w++) {
        int *fd = &daemon->fds[w * config->listener_count + i];
        if (given >= 0) {
            *fd = fcntl(given, F_DUPFD_CLOEXEC, 0);
            rc = *fd < 0 ? -errno : 0;
            continue;
        }
        rc = listener_bind(&addr, daemon->workers > 1, -1, fd, err);
        if (rc == 0 && w == 0) {
            rc = listener_local(*fd, &addr);
        }
    }
    if (rc != 0) {
        errmsg_wrap(err, "listener \"%s\"", listener->name);
        return rc;
    }
    log_info("listener %s: %s%s", listener->name, netaddr_format_port(&addr, text),
             given >= 0 ? ", from the service manager" : "");
    return 0;
}

/* Sockets of the service manager (systemd.socket) take the place of our own; one that is
 * no listener's is a mistake that would leave clients without an answer. */
static int take_passed(struct passed *passed, struct errmsg *err)
{
    /* Before any thread. */
    const char *pid = getenv("LISTEN_PID"); /* NOLINT(concurrency-mt-unsafe) */
    const char *fds = getenv("LISTEN_FDS"); /* NOLINT(concurrency-mt-unsafe) */
    int count = listener_inherit(pid, fds, passed->fds, PASSED_MOST, err);
    if (count < 0) {
        return count;
    }
    passed->count = count;
    (void)unsetenv("LISTEN_PID");     /* NOLINT(concurrency-mt-unsafe) */
    (void)unsetenv("LISTEN_FDS");     /* NOLINT(concurrency-mt-unsafe) */
    (void)unsetenv("LISTEN_FDNAMES"); /* NOLINT(concurrency-mt-unsafe) */
    return 0;
}

static int bind_listeners(struct daemon *daemon, struct errmsg *err)
{
    const struct config *config = daemon->config;
    struct passed passed = {.count = 0};
    daemon->workers = worker_count(config);
    size_t all = (size_t)daemon->workers * config->listener_count;
    daemon->fds = arena_must(all, sizeof *daemon->fds);
    int rc = take_passed(&passed, err);
    for (size_t i = 0; rc == 0 && i < config->listener_count; i++) {
        rc = open_listener(daemon, i, &passed, err);
    }
    for (int i = 0; i < passed.count; i++) {
        struct netaddr addr;
        char text[NETADDR_TEXT_BYTES] = "";
        if (rc == 0 && !passed.is_used[i]) {
            if (listener_local(passed.fds[i], &addr) == 0) {
                (void)netaddr_format_port(&addr, text);
            }
            errmsg_set(err,
                       "the service manager's socket %s is no listener's: give one "
                       "this address and port, or take it out of mesura.socket",
                       text);
            rc = -EINVAL;
        }
        (void)close(passed.fds[i]); /* the workers have theirs */
    }
    return rc;
}

static int make_directory(const char *path, struct errmsg *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        int rc = -errno;
        errmsg_errno(err, rc, "make directory %s", path);
        return rc;
    }
    return 0;
}

static uint64_t queue_clock(void)
{
    return (uint64_t)now_ns();
}

static void queue_directory(const struct daemon *daemon, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/queue", daemon->config->spool);
}

/* The spool is ours before anything of us can be seen: a second daemon ends here. */
static int take_spool(struct daemon *daemon, struct errmsg *err)
{
    char directory[4096];
    long pid = 0;
    queue_directory(daemon, directory, sizeof directory);
    int rc = make_directory(daemon->config->spool, err);
    if (rc == 0) {
        rc = disk_posix_open(directory, false, &daemon->disk, err);
    }
    if (rc != 0) {
        return rc;
    }
    daemon->has_disk = true;
    rc = daemon->disk.lock(&daemon->disk, &pid);
    if (rc == -EBUSY && pid > 0) {
        errmsg_set(err,
                   "another mesurad, process %ld, has the spool %s: end it first, or "
                   "give this one a spool of its own",
                   pid, daemon->config->spool);
    } else if (rc != 0) {
        errmsg_errno(err, rc, "lock %s", directory);
    }
    return rc;
}

/* "FILE:LINE: queue.key_file" in front of what is wrong with the key. */
static void blame_key(struct daemon *daemon, struct errmsg *err)
{
    const struct config *config = daemon->config;
    struct config_where where = config_where(config, &config->queue.key_file);
    daemon->is_in_file = true;
    if (where.file[0] == '\0') {
        where = (struct config_where){config->path, 1}; /* it is not in the file */
    }
    errmsg_wrap(err, "%s:%u: queue.key_file", where.file, where.line);
}

static int open_vault(struct daemon *daemon, struct errmsg *err)
{
    const char *path = daemon->config->queue.key_file;
    if (path[0] == '\0') {
        return 0;
    }
    int rc = vault_open(&daemon->vault, path, err);
    if (rc != 0) {
        blame_key(daemon, err);
    }
    return rc;
}

/* Large segments for speed, small ones where the file system is: a sixteenth of it, so
 * that a full disk still has segments to give back. */
static uint32_t segment_bytes(const char *directory)
{
    struct statvfs facts;
    if (statvfs(directory, &facts) != 0) {
        return SEGMENT_MOST;
    }
    uint64_t share = (uint64_t)facts.f_blocks * facts.f_frsize / 16;
    if (share < SEGMENT_LEAST) {
        return SEGMENT_LEAST;
    }
    return share > SEGMENT_MOST ? SEGMENT_MOST : (uint32_t)(share & ~UINT64_C(4095));
}

static int open_queue(struct daemon *daemon, struct errmsg *err)
{
    const struct config *config = daemon->config;
    char directory[4096];
    queue_directory(daemon, directory, sizeof directory);
    struct queue_options options = {.disk = &daemon->disk,
                                    .seal = vault_seal(daemon->vault),
                                    .segment_bytes = segment_bytes(directory),
                                    .memory_bytes = config->queue.memory,
                                    .low_space_bytes = config->queue.low_space,
                                    .reserve_bytes = config->queue.reserve,
                                    .compact_bytes_per_s = config->queue.compact,
                                    .now_unix_ms = (uint64_t)now_wall_ms(),
                                    .now_ns_cb = queue_clock,
                                    .wake_core_cb = core_wake,
                                    .owner = &daemon->call};
    entropy_bytes(&options.salt, sizeof options.salt);
    int rc = queue_open(&daemon->queue, &options, err);
    if (rc == -EKEYREJECTED) {
        blame_key(daemon, err);
    }
    return rc;
}

static int open_store(struct daemon *daemon, struct errmsg *err)
{
    struct store_options options = {.dir = daemon->config->spool,
                                    .unix_ms = now_wall_ms()};
    struct store_opened opened = {0};
    int rc = store_open(&daemon->store, &options, &opened, err);
    daemon->store_is_new = opened.is_new || opened.is_damaged;
    if (rc == 0 && opened.is_damaged) {
        log_error("%s; stops, freezes and spent allowances are forgotten: look at mesura "
                  "blocks and mesura warmup before mail goes on",
                  opened.note);
    } else if (rc == 0 && opened.note[0] != '\0') {
        log_info("%s", opened.note);
    }
    return rc;
}

static int open_auth(struct daemon *daemon, struct errmsg *err)
{
    struct auth_options options = {.threads = 1, .cache_ms = 300000};
    int rc = roster_read(daemon->config, &daemon->users, err);
    if (rc == 0 && roster_has_logins(daemon->config)) {
        rc = auth_start(&daemon->auth, &options, err);
    }
    if (rc == 0 && daemon->auth != NULL) {
        auth_set_users(daemon->auth, users_ref(daemon->users));
    }
    return rc;
}

static int64_t newest_unix_ms(struct daemon *daemon)
{
    struct index_stats stats;
    index_stats(queue_index(daemon->queue), &stats);
    int64_t newest = store_newest_unix_ms(daemon->store);
    return (int64_t)stats.newest_unix_ms > newest ? (int64_t)stats.newest_unix_ms
                                                  : newest;
}

static int open_all(struct daemon *daemon, int64_t *out_floor_ms, struct errmsg *err)
{
    const struct config *config = daemon->config;
    int rc = entropy_start(err);
    if (rc == 0) {
        rc = snapshot_make(&daemon->snapshot, config, now_wall_ms(), err);
    }
    if (rc == 0) {
        rc = take_spool(daemon, err);
    }
    if (rc == 0) {
        rc = open_vault(daemon, err);
    }
    if (rc == 0) {
        rc = bind_listeners(daemon, err);
    }
    if (rc == 0) {
        rc = open_queue(daemon, err);
    }
    if (rc == 0) {
        rc = open_store(daemon, err);
    }
    if (rc == 0) {
        rc = open_auth(daemon, err);
    }
    if (rc != 0) {
        return rc;
    }
    int64_t newest_ms = newest_unix_ms(daemon);
    int64_t behind_ms = now_start(newest_ms);
    /* The index knows the newest time to the second; no id may be made twice. */
    *out_floor_ms = newest_ms + 1000;
    if (behind_ms > 0) {
        log_warn(
            "the wall clock is %lld ms behind the newest time in the spool; that time "
            "is taken until the clock has caught up",
            (long long)behind_ms);
    }
    struct log_options options = {.events_file = config->log.file,
                                  .mail_file = config->log.maillog,
                                  .hostname = config->hostname,
                                  .level = LOG_LEVEL_INFO};
    return log_open(&options, err);
}

static void close_all(struct daemon *daemon)
{
    auth_stop(daemon->auth);
    queue_close(daemon->queue);
    vault_close(daemon->vault);
    if (daemon->has_disk) {
        daemon->disk.close_all(&daemon->disk);
    }
    store_close(daemon->store);
    log_close();
    config_unref(daemon->config);
    free(daemon->fds);
}

/* Each connection is a descriptor, and the usual soft limit of 1024 is far below what a
 * listener may take: without this, clients could use up those of queue and workers. */
static void raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int run(const char *config_path)
{
    static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
    struct daemon daemon = {.config_path = config_path};
    struct errmsg err = {.text = ""};
    int64_t floor_ms = 0;
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* keys and passwords: no core files */
    (void)umask(0027);
    raise_files();
    signals_hold(numbers, 3); /* until core takes them */
    if (read_config(&daemon) != 0) {
        return 1;
    }
    int status = 1;
    if (open_all(&daemon, &floor_ms, &err) != 0) {
        (void)fprintf(stderr, daemon.is_in_file ? "%s\n" : "mesurad: start: %s\n",
                      err.text);
        users_free(daemon.users);
        snapshot_unref(daemon.snapshot);
    } else {
        struct core_options options = {.snapshot = daemon.snapshot,
                                       .config_path = config_path,
                                       .queue = daemon.queue,
                                       .store = daemon.store,
                                       .auth = daemon.auth,
                                       .users = daemon.users,
                                       .call = &daemon.call,
                                       .listener_fds = daemon.fds,
                                       .listener_count =
                                           (unsigned)daemon.config->listener_count,
                                       .worker_count = daemon.workers,
                                       .store_is_new = daemon.store_is_new,
                                       .floor_unix_ms = floor_ms};
        status = core_run(&options);
    }
    close_all(&daemon);
    return status;
}

int main(int argc, char **argv)
{
    const char *config_path = "/etc/mesura/mesura.conf";
    bool check = false;
    int option = 0;
    while ((option = getopt(/* NOLINT(concurrency-mt-unsafe): before any thread */ argc,
                            argv, "c:tVh")) != -1) {
        switch (option) {
        case 'c': config_path = optarg; break;
        case 't': check = true; break;
        case 'V': (void)printf("mesurad %s\n", MESURA_VERSION); return 0;
        case 'h': return usage(stdout);
        default: return usage(stderr);
        }
    }
    if (optind != argc) {
        return usage(stderr);
    }
    if (check) {
        return config_check(config_path, stderr);
    }
    return run(config_path);
}
