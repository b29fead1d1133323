/* Fill a queue's directory with sealed segments, through the queue's own code and not
 * over SMTP: what the start-up benchmarks begin from.
 *
 * Usage: queue_fill DIRECTORY MESSAGES [DOMAINS [BODY_BYTES [TRIED_PERCENT [DUE_IN_S
 *                   [STREAM [DEAD_EVERY]]]]]]
 *
 * One recipient a message, domains in turn (mixed), lifetimes and notices of two kinds.
 * TRIED_PERCENT of them get a state record: a first attempt that was put off, due again
 * DUE_IN_S (default 0) seconds from now. STREAM (default transactional) is whose they
 * are; of DEAD_EVERY messages (default 0: of none) one is for dead.test. */

#include <inttypes.h>
#include <semaphore.h>

#include "queue/mem.h"

#include "tools/bench/bench_queue.h"

#define GROUP   4096 /* in flight at once */
#define CHANGES 64   /* in one state record */

struct fill {
    struct queue *queue;
    uint64_t domains;
    uint64_t body_bytes;
    uint64_t tried_percent;
    uint64_t due_in_s;
    uint64_t dead_every; /* 0 none */
    const char *stream;
    uint64_t now_ms;
    uint64_t failed;
    uint8_t *body;
    sem_t done;
};

struct message {
    struct queue_write write; /* first */
    uint8_t envelope[1024];
};

struct states {
    struct queue_write write; /* first */
    uint8_t bytes[CHANGES * 512];
    size_t length;
};

static char header[] = "Subject: a message of a benchmark\r\n\r\n";

static void on_done(struct queue_write *write, int rc)
{
    struct fill *fill = write->owner;
    (void)rc; /* kept in write->rc */
    (void)sem_post(&fill->done);
}

static void wait_for(struct fill *fill, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        while (sem_wait(&fill->done) != 0) {
        }
    }
}

/* Ids as the daemon makes them: they rise, and no one guesses that they are dense. */
static uint64_t id_of(const struct fill *fill, uint64_t i)
{
    return (fill->now_ms << 22) + i * 3 + 1;
}

static void put_message(struct fill *fill, struct message *message, uint64_t i)
{
    char domain[40];
    char address[64];
    (void)snprintf(domain, sizeof domain, "d%06" PRIu64 ".test",
                   i * 7919 % fill->domains);
    if (fill->dead_every > 0 && i % fill->dead_every == 0) {
        (void)snprintf(domain, sizeof domain, "dead.test");
    }
    (void)snprintf(address, sizeof address, "user%" PRIu64 "@%s", i, domain);
    struct envelope_recipient recipient = {
        .address = address, .domain = domain, .orcpt = ""};
    struct envelope envelope;
    size_t length = 0;
    bool is_short = i % 3 == 0;
    envelope_init(&envelope);
    envelope.id = id_of(fill, i);
    envelope.accepted_unix_ms = fill->now_ms - 600000 + i % 1000;
    envelope.expires_unix_ms = fill->now_ms + (is_short ? 2 : 3) * UINT64_C(86400000);
    envelope.notice_unix_ms = is_short ? 0 : fill->now_ms + UINT64_C(14400000);
    envelope.size_bytes = sizeof header - 1 + fill->body_bytes;
    envelope.sender = "application@example.org";
    envelope.from_domain = "example.org";
    envelope.stream = fill->stream;
    envelope.client = "192.0.2.7";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    if (envelope_encode(&envelope, message->envelope, sizeof message->envelope, &length,
                        NULL) != 0) {
        abort();
    }
    struct iovec parts[3] = {{message->envelope, length},
                             {header, sizeof header - 1},
                             {fill->body, fill->body_bytes}};
    queue_write_accept(&message->write, envelope.id, &parts[0], &parts[1], &parts[2], 1);
    message->write.owner = fill;
    queue_submit(fill->queue, &message->write, QUEUE_SYNCED, on_done);
}

static void put_states(struct fill *fill, struct states *states)
{
    if (states->length > 0) {
        queue_write_state(&states->write, states->bytes, states->length);
        states->write.owner = fill;
        queue_submit(fill->queue, &states->write, QUEUE_SYNCED, on_done);
        wait_for(fill, 1);
        fill->failed += states->write.rc != 0;
        states->length = 0;
    }
}

/* The first attempt of some of them was answered with "later". */
static void put_attempts(struct fill *fill, const struct message *messages,
                         uint64_t first, uint64_t count)
{
    static struct states states;
    for (uint64_t i = 0; i < count; i++) {
        struct change change;
        size_t length = 0;
        if ((first + i) * 31 % 100 >= fill->tried_percent) {
            continue;
        }
        change_init(&change);
        change.id = id_of(fill, first + i);
        change.home = messages[i].write.place.segment;
        change.attempts = 1;
        change.when_unix_ms = fill->now_ms;
        change.next_unix_ms =
            fill->now_ms + fill->due_in_s * 1000 + (first + i) * 7919 % 300000;
        change.source = "one";
        change.code = 450;
        change.text = "450 4.2.1 try again later";
        if (change_encode(&change, states.bytes + states.length,
                          sizeof states.bytes - states.length, &length) != 0) {
            abort();
        }
        states.length += length;
        if (sizeof states.bytes - states.length < 512) {
            put_states(fill, &states);
        }
    }
    put_states(fill, &states);
}

static void run(struct fill *fill, uint64_t count)
{
    struct message *messages = mem_alloc(GROUP * sizeof *messages);
    for (uint64_t first = 0; first < count; first += GROUP) {
        uint64_t now = count - first < GROUP ? count - first : GROUP;
        for (uint64_t i = 0; i < now; i++) {
            put_message(fill, &messages[i], first + i);
        }
        wait_for(fill, now);
        for (uint64_t i = 0; i < now; i++) {
            fill->failed += messages[i].write.rc != 0;
        }
        put_attempts(fill, messages, first, now);
    }
    free(messages);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: queue_fill DIRECTORY MESSAGES [DOMAINS "
                              "[BODY_BYTES [TRIED_PERCENT [DUE_IN_S [STREAM "
                              "[DEAD_EVERY]]]]]]\n");
        return 2;
    }
    uint64_t count = bench_number(argv[2]);
    struct fill fill = {
        .domains = argc > 3 ? bench_number(argv[3]) : 100000,
        .body_bytes = argc > 4 ? bench_number(argv[4]) : 512,
        .tried_percent = argc > 5 ? bench_number(argv[5]) : 0,
        .due_in_s = argc > 6 ? bench_number(argv[6]) : 0,
        .stream = argc > 7 ? argv[7] : "transactional",
        .dead_every = argc > 8 ? bench_number(argv[8]) : 0,
        .now_ms = bench_unix_ms(),
    };
    if (fill.domains == 0 || fill.body_bytes > 1000000) {
        (void)fprintf(stderr, "at least one domain, a body of at most 1000000 bytes\n");
        return 2;
    }
    fill.body = mem_alloc(fill.body_bytes);
    memset(fill.body, 'x', fill.body_bytes);
    (void)sem_init(&fill.done, 0, 0);
    fill.queue = bench_open(argv[1], 0);
    uint64_t start = bench_now_ns();
    run(&fill, count);
    queue_close(fill.queue); /* seals the last segment, too */
    double seconds = bench_seconds_since(start);
    (void)printf("filled %s with %" PRIu64 " messages in %" PRIu64
                 " domains in %.1f s (%.0f/s), %" PRIu64 " failed\n",
                 argv[1], count, fill.domains, seconds, (double)count / seconds,
                 fill.failed);
    free(fill.body);
    (void)sem_destroy(&fill.done);
    return fill.failed > 0;
}
