/* Threads at once: the log, the store, alerts, metrics and password checks, with their
 * settings changed meanwhile. A plain program, so that it runs under TSan. Ends with
 * status 0 when every ticket and every check was answered exactly once. */

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/alert.h"
#include "relay/auth.h"
#include "relay/entropy.h"
#include "relay/journal.h"
#include "relay/log.h"
#include "relay/metrics.h"
#include "relay/now.h"
#include "relay/store.h"

#define THREADS    3
#define ROUNDS     300
#define PATH_BYTES 128

static struct store *store;
static struct auth *auth;
static struct alert *alert;
static struct metrics *metrics;
static unsigned family;
static struct mailbox home;
static atomic_uint answered;

static void on_home_posted(void *owner)
{
    (void)owner;
}

static void on_answer(struct letter *letter)
{
    free(letter);
    atomic_fetch_add(&answered, 1);
}

static void write_row(unsigned thread, unsigned round)
{
    char key[32];
    (void)snprintf(key, sizeof key, "key%u-%u", thread, round % 20);
    struct store_ticket *ticket = calloc(1, sizeof *ticket);
    assert(ticket != NULL);
    *ticket = (struct store_ticket){.home = &home, .done_cb = on_answer};
    struct store_row row = {.kind = STORE_LEDGER, .key = key, .value = "spent=1"};
    store_put(store, &row, ticket);
    store_count(store, key, now_unix_ms(), 1);
}

static void check_password(unsigned round)
{
    struct auth_check *check = calloc(1, sizeof *check);
    assert(check != NULL);
    check->home = &home;
    check->done_cb = on_answer;
    (void)snprintf(check->name, sizeof check->name, "app");
    (void)snprintf(check->password, sizeof check->password, "%s",
                   round % 3 == 0 ? "wrong" : "secret");
    auth_check(auth, check);
}

static void *work(void *argument)
{
    unsigned thread = *(unsigned *)argument;
    const char *const values[] = {thread == 0 ? "a" : "b"};
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct log_event event = {.kind = LOG_LIMIT, .site = "google", .text = "slower"};
        log_event(&event);
        log_info("thread %u, round %u", thread, round);
        write_row(thread, round);
        check_password(round);
        unsigned series = metrics_series(metrics, family, values);
        metrics_add(metrics, thread, series, 1);
        struct alert_notice notice = {.event = "e", .subject = "s", .text = "x"};
        alert_raise(alert, &notice);
        struct journal_entry entry = {.actor = "stress", .kind = "rate"};
        if (round % 10 == 0) {
            journal_record(store, LOG_LIMIT, &entry, NULL);
        }
    }
    return NULL;
}

static struct users *make_users(void)
{
    struct users *users = users_new();
    struct users_user user = {.priority_high = 9, .name = "app"};
    struct errmsg err;
    int failed =
        crypto_pwhash_str_alg(user.hash, "secret", 6, 1, crypto_pwhash_MEMLIMIT_MIN,
                              crypto_pwhash_ALG_ARGON2ID13);
    assert(failed == 0);
    failed = users_put(users, &user, &err);
    assert(failed == 0);
    return users;
}

/* What core does while others work: reload, reopen, read totals. */
static void meddle(void)
{
    struct errmsg err;
    for (int round = 0; round < 20; round++) {
        auth_set_users(auth, make_users());
        log_reopen();
        struct alert_options options = {.command = "", .hostname = "relay"};
        int failed = alert_reload(alert, &options, &err);
        assert(failed == 0);
        size_t size = 0;
        free(metrics_print(metrics, &size));
        struct log_counts counts;
        log_get_counts(&counts);
        struct store_totals totals;
        store_get_totals(store, &totals);
        struct auth_totals checks;
        auth_get_totals(auth, &checks);
        int64_t step_ms = 0;
        (void)now_check(&step_ms);
        (void)mailbox_run(&home);
    }
}

static void start(const char *dir)
{
    struct errmsg err = {""};
    struct store_opened opened;
    char events[PATH_BYTES];
    char mail[PATH_BYTES];
    (void)snprintf(events, sizeof events, "%s/e", dir);
    (void)snprintf(mail, sizeof mail, "%s/m", dir);
    struct log_options log_options = {.events_file = events,
                                      .mail_file = mail,
                                      .hostname = "relay",
                                      .level = LOG_LEVEL_INFO};
    struct store_options store_options = {.dir = dir, .unix_ms = now_unix_ms()};
    struct auth_options auth_options = {.threads = 2,
                                        .cache_ms = 1000,
                                        .queue_max = 100000,
                                        .address_burst = 1000000,
                                        .user_burst = 1000000};
    struct alert_options alert_options = {.command = "", .hostname = "relay"};
    struct metrics_family seen = {.name = "mesura_seen_total",
                                  .help = "Seen.",
                                  .kind = METRICS_COUNTER,
                                  .labels = {"who"}};
    int failed = entropy_start(&err);
    failed = failed < 0 ? failed : log_open(&log_options, &err);
    failed = failed < 0 ? failed : store_open(&store, &store_options, &opened, &err);
    failed = failed < 0 ? failed : store_start(store, &err);
    failed = failed < 0 ? failed : auth_start(&auth, &auth_options, &err);
    failed = failed < 0 ? failed : alert_start(&alert, &alert_options, &err);
    if (failed < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    metrics = metrics_new(THREADS);
    family = metrics_declare(metrics, &seen);
    mailbox_init(&home, on_home_posted, NULL);
    auth_set_users(auth, make_users());
}

static void remove_dir(const char *dir)
{
    DIR *open_dir = opendir(dir);
    assert(open_dir != NULL);
    const struct dirent *entry = NULL;
    while ((entry = readdir(open_dir)) != NULL) {
        (void)unlinkat(dirfd(open_dir), entry->d_name, 0);
    }
    (void)closedir(open_dir);
    (void)rmdir(dir);
}

int main(void)
{
    char dir[] = "/tmp/mesura-stress-XXXXXX";
    const char *made = mkdtemp(dir);
    assert(made != NULL);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int before = dup(STDERR_FILENO);
    /* The log writes its lines to stderr; a sanitizer writes to log_path. */
    (void)dup2(null, STDERR_FILENO);
    (void)now_start(0);
    start(dir);
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        int failed = pthread_create(&threads[i], NULL, work, &numbers[i]);
        assert(failed == 0);
    }
    meddle();
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    auth_stop(auth);
    alert_stop(alert);
    store_close(store);
    log_close();
    (void)dup2(before, STDERR_FILENO);
    (void)mailbox_run(&home);
    metrics_free(metrics);
    remove_dir(dir);
    (void)close(null);
    (void)close(before);
    unsigned wanted = THREADS * ROUNDS * 2;
    if (atomic_load(&answered) != wanted) {
        (void)fprintf(stderr, "%u of %u answered\n", atomic_load(&answered), wanted);
        return 1;
    }
    return 0;
}
