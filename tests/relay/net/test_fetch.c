#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "queue/list.h"

#include "relay/net/fetch.h"

#include "tests/support/certificate.h"
#include "tests/support/https.h"

#define NAME "mta-sts.example.net"

struct bench {
    struct fetch *fetch;
    struct mailbox mailbox;
    sem_t woken;
    unsigned done;
    struct certificate_set set;
    struct https https;
};

static void on_wake(void *owner)
{
    struct bench *bench = owner;
    (void)sem_post(&bench->woken);
}

static void on_done(struct letter *letter)
{
    struct fetch_ask *ask = LIST_OWNER(letter, struct fetch_ask, letter);
    struct bench *bench = ask->owner;
    bench->done++;
}

static void bench_open(struct bench *bench, const char *answer)
{
    struct errmsg err;
    memset(bench, 0, sizeof *bench);
    cr_assert_eq(sem_init(&bench->woken, 0, 0), 0);
    mailbox_init(&bench->mailbox, on_wake, bench);
    certificate_set_make(&bench->set, NAME);
    https_open(&bench->https, bench->set.leaf, bench->set.leaf_key, answer);
    cr_assert_eq(fetch_start(&bench->fetch, &err), 0, "%s", err.text);
}

static void bench_close(struct bench *bench)
{
    fetch_stop(bench->fetch);
    https_close(&bench->https);
    certificate_set_remove(&bench->set);
}

static struct fetch_ask ask_of(struct bench *bench)
{
    struct fetch_ask ask = {.home = &bench->mailbox,
                            .done_cb = on_done,
                            .owner = bench,
                            .host = NAME,
                            .path = "/file",
                            .addr = bench->https.addr,
                            .trust = bench->set.root,
                            .timeout_ms = 10000,
                            .most_bytes = 1000};
    return ask;
}

static void await(struct bench *bench, unsigned done)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while (bench->done < done) {
        cr_assert_eq(sem_timedwait(&bench->woken, &until), 0, "no answer in 20 s");
        (void)mailbox_run(&bench->mailbox);
    }
}

/* A file of a server whose certificate is good comes whole. */
TEST(fetch, good)
{
    struct bench bench;
    bench_open(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct fetch_ask ask = ask_of(&bench);
    fetch_get(bench.fetch, &ask);
    await(&bench, 1);
    cr_assert_eq(ask.outcome, FETCH_OK, "%s", ask.problem);
    cr_assert_eq(ask.body_bytes, 5);
    cr_assert_str_eq(ask.body, "hello");
    free(ask.body);
    bench_close(&bench);
}

/* The name must be in the certificate, and the root trusted. */
TEST(fetch, certificates)
{
    struct bench bench;
    bench_open(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    struct fetch_ask other = ask_of(&bench);
    (void)snprintf(other.host, sizeof other.host, "mta-sts.example.org");
    struct fetch_ask untrusted = ask_of(&bench);
    untrusted.trust = "";
    fetch_get(bench.fetch, &other);
    fetch_get(bench.fetch, &untrusted);
    await(&bench, 2);
    cr_assert_eq(other.outcome, FETCH_CERTIFICATE, "%s", other.problem);
    cr_assert_eq(untrusted.outcome, FETCH_CERTIFICATE, "%s", untrusted.problem);
    cr_assert_null(other.body);
    cr_assert_eq(atomic_load(&bench.https.served), 0, "nothing was even asked for");
    bench_close(&bench);
}

/* Another status, a redirect, a file above the cap: no file, and a word why. */
TEST(fetch, no_file)
{
    static char large[3000] = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n";
    memset(large + strlen(large), 'x', 2000);
    static const struct {
        const char *answer;
        enum fetch_outcome outcome;
    } cases[] = {{"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", FETCH_STATUS},
                 {"HTTP/1.1 301 Moved\r\nLocation: "
                  "https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                  FETCH_STATUS},
                 {large, FETCH_TOO_LARGE},
                 {"nonsense\r\n\r\n", FETCH_UNREACHABLE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        bench_open(&bench, cases[i].answer);
        struct fetch_ask ask = ask_of(&bench);
        fetch_get(bench.fetch, &ask);
        await(&bench, 1);
        cr_assert_eq(ask.outcome, cases[i].outcome, "case %zu: %s", i, ask.problem);
        cr_assert_null(ask.body);
        cr_assert_neq(ask.problem[0], '\0');
        bench_close(&bench);
    }
}

/* A stop gives up what is under way, and nobody is told afterwards. */
TEST(fetch, stop)
{
    struct bench bench;
    bench_open(&bench, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nnever all of it");
    struct fetch_ask ask = ask_of(&bench);
    fetch_get(bench.fetch, &ask);
    bench_close(&bench);
    free(ask.body);
    fetch_stop(NULL);
}
