/* What the queue costs, each figure beside its reference in the same run.
 *
 * Usage: queue_bench DIRECTORY [MESSAGES [INDEX_MESSAGES [DOMAINS]]]
 * append   32 producers of 4 KiB messages through queue_submit, on 2 threads as a daemon
 *          has them and on 32, against one thread that writes and syncs the same batches
 *          into a zero-filled file, in turns
 * memory   bytes per one-recipient message in DOMAINS (100,000) domains, all tables
 *          included: by the index's own account, and resident
 * instant  all of those put off until the same moment, in one domain and in many: the
 *          longest single step once that moment has come
 * Starts are measured by queue_start, what compaction writes by queue_age. */

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "queue/index_impl.h"
#include "queue/mem.h"
#include "queue/segment.h"

#include "tools/bench/bench_queue.h"

#define PRODUCERS  32
#define BODY_BYTES 4096
#define NOW        UINT64_C(1800000000000)
#define ROUNDS     5

#define CREWS_MOST 32

/* One that has a message on its way, and another as soon as that is on the disk. */
struct producer {
    struct queue_write write; /* first */
    struct crew *crew;
    struct producer *next; /* of those whose write is done */
    uint64_t id;
    uint64_t last_id;
    uint8_t envelope[1024];
};

/* A thread with its share of the producers, as a worker has sessions. */
struct crew {
    pthread_t thread;
    sem_t wake;
    struct queue *queue;
    _Atomic(struct producer *) done; /* pushed by the writer thread */
    unsigned busy;
    uint64_t failed;
};

static size_t encode(uint64_t id, uint8_t *bytes, size_t capacity)
{
    struct envelope_recipient recipient = {
        .address = "somebody@example.com", .domain = "example.com", .orcpt = ""};
    struct envelope envelope;
    size_t length = 0;
    envelope_init(&envelope);
    envelope.id = id;
    envelope.accepted_unix_ms = NOW;
    envelope.expires_unix_ms = NOW + 86400000;
    envelope.size_bytes = BODY_BYTES;
    envelope.sender = "application@example.org";
    envelope.stream = "transactional";
    envelope.client = "192.0.2.7";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    if (envelope_encode(&envelope, bytes, capacity, &length, NULL) != 0) {
        abort();
    }
    return length;
}

/* Writer thread. Whoever makes the list non-empty wakes the crew: many are one word. */
static void on_done(struct queue_write *write, int rc)
{
    struct producer *self = (struct producer *)(void *)write;
    struct crew *crew = self->crew;
    struct producer *head = atomic_load(&crew->done);
    (void)rc; /* kept in write->rc */
    do {
        self->next = head;
    } while (!atomic_compare_exchange_weak(&crew->done, &head, self));
    if (head == NULL) {
        (void)sem_post(&crew->wake);
    }
}

static void send_next(struct producer *self)
{
    static uint8_t body[BODY_BYTES];
    static char header[] = "Subject: a benchmark\r\n\r\n";
    if (self->id > self->last_id) {
        self->crew->busy--;
        return;
    }
    struct iovec parts[3] = {
        {self->envelope, encode(self->id, self->envelope, sizeof self->envelope)},
        {header, sizeof header - 1},
        {body, sizeof body}};
    queue_write_accept(&self->write, self->id, &parts[0], &parts[1], &parts[2], 1);
    self->id++;
    queue_submit(self->crew->queue, &self->write, QUEUE_SYNCED, on_done);
}

static void *work(void *arg)
{
    struct crew *crew = arg;
    while (crew->busy > 0) {
        while (sem_wait(&crew->wake) != 0) {
        }
        struct producer *done = atomic_exchange(&crew->done, NULL);
        while (done != NULL) {
            struct producer *next = done->next;
            crew->failed += done->write.rc != 0;
            send_next(done);
            done = next;
        }
    }
    return NULL;
}

/* One thread, the same bytes per batch, a zero-filled file. */
static double reference(const char *directory, uint64_t bytes, uint64_t syncs)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/reference.tmp", directory);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t batch = syncs == 0 ? 0 : (size_t)(bytes / syncs);
    size_t span = (size_t)64 * 1024 * 1024;
    uint8_t *buffer = mem_alloc(span);
    if (file < 0 || batch == 0 || batch > span ||
        pwrite(file, buffer, span, 0) != (ssize_t)span || fdatasync(file) != 0) {
        (void)fprintf(stderr, "reference: %s\n", path);
        abort();
    }
    memset(buffer, 0x5a, span);
    uint64_t start = bench_now_ns();
    size_t at = 0;
    for (uint64_t i = 0; i < syncs; i++) {
        if (at + batch > span) {
            at = 0;
        }
        if (pwrite(file, buffer, batch, (off_t)at) != (ssize_t)batch ||
            fdatasync(file) != 0) {
            abort();
        }
        at += batch;
    }
    double seconds = bench_seconds_since(start);
    (void)close(file);
    (void)unlink(path);
    free(buffer);
    return seconds;
}

struct appended {
    double seconds;
    uint64_t failed;
    struct queue_stats stats;
};

static void on_warm(struct queue_write *write, int rc)
{
    (void)rc;
    (void)sem_post(write->owner);
}

/* The first segment is filled with zeroes when a queue opens: that is no appending. */
static void warm_up(struct queue *queue)
{
    static const uint8_t bytes[16];
    struct queue_write write;
    sem_t done;
    (void)sem_init(&done, 0, 0);
    queue_write_piece(&write, 1, bytes, sizeof bytes);
    write.owner = &done;
    queue_submit(queue, &write, QUEUE_SYNCED, on_warm);
    while (sem_wait(&done) != 0) {
    }
    (void)sem_destroy(&done);
}

/* PRODUCERS producers on so many threads. */
static void append_all(const char *directory, unsigned crew_count, uint64_t first,
                       uint64_t messages, struct appended *out)
{
    static struct producer producers[PRODUCERS];
    static struct crew crews[CREWS_MOST];
    struct queue *queue = bench_open(directory, 0);
    *out = (struct appended){0};
    uint64_t each = messages / PRODUCERS;
    for (unsigned i = 0; i < crew_count; i++) {
        crews[i] = (struct crew){.queue = queue};
        (void)sem_init(&crews[i].wake, 0, 1);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        struct crew *crew = &crews[i % crew_count];
        producers[i].crew = crew;
        producers[i].id = first + i * each;
        producers[i].last_id = first + (i + 1) * each - 1;
        producers[i].write.rc = 0;
        producers[i].next = atomic_load(&crew->done); /* as if one had just been done */
        atomic_store(&crew->done, &producers[i]);
        crew->busy++;
    }
    warm_up(queue);
    uint64_t start = bench_now_ns();
    for (unsigned i = 0; i < crew_count; i++) {
        if (pthread_create(&crews[i].thread, NULL, work, &crews[i]) != 0) {
            abort();
        }
    }
    for (unsigned i = 0; i < crew_count; i++) {
        (void)pthread_join(crews[i].thread, NULL);
        out->failed += crews[i].failed;
    }
    out->seconds = bench_seconds_since(start);
    queue_stats(queue, &out->stats);
    queue_close(queue);
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void bench_append(const char *directory, unsigned crews, uint64_t messages)
{
    static uint64_t first = 1;
    double ratios[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        struct appended own;
        append_all(directory, crews, first, messages, &own);
        first += messages;
        double disk_seconds =
            reference(directory, own.stats.written_bytes, own.stats.syncs);
        double records = (double)own.stats.records;
        ratios[round] = disk_seconds / own.seconds;
        (void)printf("append:  %d producers on %u threads: %.0f messages/s, %.1f MB/s, "
                     "%.3f syncs a message, %" PRIu64 " stalls, %" PRIu64
                     " failed; one thread, the same batches: %.0f/s, "
                     "%.2f ms each; ratio %.2f\n",
                     PRODUCERS, crews, records / own.seconds,
                     (double)own.stats.written_bytes / own.seconds / 1e6,
                     (double)own.stats.syncs / records, own.stats.stalls, own.failed,
                     records / disk_seconds, disk_seconds * 1e3 / (double)own.stats.syncs,
                     ratios[round]);
        (void)fflush(stdout);
    }
    qsort(ratios, ROUNDS, sizeof ratios[0], by_size);
    (void)printf("append:  ratio %.2f on %u threads, in the middle of %d (%.2f to "
                 "%.2f)\n",
                 ratios[ROUNDS / 2], crews, ROUNDS, ratios[0], ratios[ROUNDS - 1]);
}

/* ---- the index alone ---- */

static void add_all(struct index *index, uint64_t messages, uint64_t domains)
{
    struct envelope_recipient recipient = {.address = "", .orcpt = ""};
    struct place place = {1, SEGMENT_DATA, 4500};
    for (uint64_t id = 1; id <= messages; id++) {
        char domain[32];
        struct envelope envelope;
        (void)snprintf(domain, sizeof domain, "d%06" PRIu64 ".example",
                       id * 7919 % domains);
        envelope_init(&envelope);
        envelope.id = id;
        envelope.accepted_unix_ms = NOW;
        envelope.expires_unix_ms = NOW + 86400000 + id % 1000 * 1000;
        envelope.notice_unix_ms = NOW + 14400000;
        envelope.stream = "bulk";
        envelope.recipients = &recipient;
        envelope.recipient_count = 1;
        recipient.domain = domain;
        if (index_add(index, &envelope, &place) == 0) {
            abort();
        }
    }
}

static void bench_memory(uint64_t messages, uint64_t domains)
{
    static struct index index;
    index_init(&index, NOW);
    uint64_t before = bench_resident();
    uint64_t start = bench_now_ns();
    add_all(&index, messages, domains);
    double seconds = bench_seconds_since(start);
    uint64_t resident = bench_resident() - before;
    struct index_stats stats;
    index_stats(&index, &stats);
    double count = (double)stats.messages;
    (void)printf(
        "memory:  %.1f bytes a message of one recipient by its own account, %.1f "
        "resident (%" PRIu64 " messages, %" PRIu64 " domains), %.0f added/s\n",
        (double)stats.memory_bytes / count, (double)resident / count, stats.messages,
        stats.domains, count / seconds);
    index_done(&index);
}

/* One step of a scheduler: look at a flow, take its first. The longest and their sum. */
static void take_all(struct index *index, uint64_t now_ms, const char *where)
{
    uint64_t longest = 0;
    uint64_t count = 0;
    uint64_t start = bench_now_ns();
    for (bool more = true; more;) {
        more = false;
        for (struct flow *flow = index_flow_next(index, NULL); flow != NULL;
             flow = index_flow_next(index, flow)) {
            uint64_t begin = bench_now_ns();
            bool taken = flow_pop_ready(index, flow, now_ms) != 0;
            uint64_t took = bench_now_ns() - begin;
            longest = took > longest ? took : longest;
            count += taken;
            more |= taken;
        }
    }
    double seconds = bench_seconds_since(start);
    (void)printf("instant: %" PRIu64
                 " due at one moment in %s: the longest step %.0f us, "
                 "%.2f us each with the clock\n",
                 count, where, (double)longest / 1e3, seconds * 1e6 / (double)count);
}

static void bench_instant(uint64_t messages, uint64_t domains, const char *where)
{
    static struct index index;
    uint32_t cursor = 0;
    uint32_t handles[1024];
    uint64_t due_ms = NOW + 60000;
    index_init(&index, NOW);
    add_all(&index, messages, domains);
    do {
        unsigned found = index_each(&index, &cursor, handles, 1024);
        for (unsigned i = 0; i < found; i++) {
            index_take(&index, handles[i]);
            index_put_back(&index, handles[i], due_ms);
        }
    } while (cursor != 0);
    take_all(&index, due_ms, where);
    index_done(&index);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: queue_bench DIRECTORY [MESSAGES [INDEX_MESSAGES "
                              "[DOMAINS]]]   (0 messages: that part is left out)\n");
        return 2;
    }
    uint64_t messages = argc > 2 ? bench_number(argv[2]) : 100000;
    uint64_t entries = argc > 3 ? bench_number(argv[3]) : 1000000;
    uint64_t domains = argc > 4 ? bench_number(argv[4]) : 100000;
    if (messages >= PRODUCERS) {
        bench_append(argv[1], 2, messages);
        bench_append(argv[1], CREWS_MOST, messages);
    }
    if (entries > 0 && domains > 0) {
        bench_memory(entries, domains);
        bench_instant(entries, 1, "one domain");
        bench_instant(entries, domains, "many domains");
    }
    return 0;
}
