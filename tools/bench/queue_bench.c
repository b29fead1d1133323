/* What the queue costs, each figure beside its reference in the same run.
 *
 * Usage: queue_bench DIRECTORY [MESSAGES [INDEX_MESSAGES]]
 * append   32 producers of 4 KiB messages through queue_submit, against one thread that
 *          writes and syncs the same batches into a zero-filled file
 * replay   start with all of those messages, against reading the same bytes
 * memory   bytes per one-recipient message in 100,000 domains, all tables included */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "queue/index_impl.h"
#include "queue/mem.h"
#include "queue/queue.h"
#include "queue/segment.h"

#define PRODUCERS  32
#define BODY_BYTES 4096
#define NOW        UINT64_C(1800000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double seconds_since(uint64_t start_ns)
{
    return (double)(now_ns() - start_ns) / 1e9;
}

struct producer {
    struct queue_write write; /* first */
    sem_t done;
    pthread_t thread;
    struct queue *queue;
    struct place *places;
    uint64_t first;
    uint64_t count;
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

static void on_done(struct queue_write *write, int rc)
{
    (void)rc;
    (void)sem_post(&((struct producer *)(void *)write)->done);
}

static void *produce(void *arg)
{
    static uint8_t body[BODY_BYTES];
    static char header[] = "Subject: a benchmark\r\n\r\n";
    struct producer *self = arg;
    uint8_t envelope[1024];
    for (uint64_t i = 0; i < self->count; i++) {
        uint64_t id = self->first + i;
        struct iovec parts[3] = {{envelope, encode(id, envelope, sizeof envelope)},
                                 {header, sizeof header - 1},
                                 {body, sizeof body}};
        queue_write_accept(&self->write, id, &parts[0], &parts[1], &parts[2], 1);
        queue_submit(self->queue, &self->write, QUEUE_SYNCED, on_done);
        while (sem_wait(&self->done) != 0) {
        }
        self->failed += self->write.rc != 0;
    }
    return NULL;
}

static struct queue *open_queue(const char *directory)
{
    struct queue_options options = {
        .directory = directory, .now_unix_ms = NOW, .salt = 77, .now_ns_cb = now_ns};
    struct queue *queue = NULL;
    struct errmsg err = {""};
    if (queue_open(&queue, &options, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return queue;
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
    uint64_t start = now_ns();
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
    double seconds = seconds_since(start);
    (void)close(file);
    (void)unlink(path);
    free(buffer);
    return seconds;
}

static void bench_append(const char *directory, uint64_t messages)
{
    static struct producer producers[PRODUCERS];
    struct queue *queue = open_queue(directory);
    uint64_t failed = 0;
    uint64_t start = now_ns();
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i].queue = queue;
        producers[i].count = messages / PRODUCERS;
        producers[i].first = 1 + (uint64_t)i * producers[i].count;
        (void)sem_init(&producers[i].done, 0, 0);
        if (pthread_create(&producers[i].thread, NULL, produce, &producers[i]) != 0) {
            abort();
        }
    }
    for (int i = 0; i < PRODUCERS; i++) {
        (void)pthread_join(producers[i].thread, NULL);
        failed += producers[i].failed;
    }
    double seconds = seconds_since(start);
    struct queue_stats stats;
    queue_stats(queue, &stats);
    queue_close(queue);
    double disk_seconds = reference(directory, stats.written_bytes, stats.syncs);
    double rate = (double)stats.records / seconds;
    double disk_rate = (double)stats.records / disk_seconds;
    (void)printf("append: %.0f messages/s, %.1f MB/s, %.3f syncs a message, %" PRIu64
                 " stalls, %" PRIu64 " failed\n",
                 rate, (double)stats.written_bytes / seconds / 1e6,
                 (double)stats.syncs / (double)stats.records, stats.stalls, failed);
    (void)printf(
        "disk:   %.0f messages/s in the same batches by one thread; ratio %.2f\n",
        disk_rate, rate / disk_rate);
}

static void bench_replay(const char *directory)
{
    uint64_t start = now_ns();
    struct queue *queue = open_queue(directory);
    double seconds = seconds_since(start);
    struct index_stats stats;
    struct queue_stats disk;
    index_stats(queue_index(queue), &stats);
    queue_stats(queue, &disk);
    queue_close(queue);
    (void)printf("replay: %" PRIu64 " messages in %.3f s, %.0f/s, %.0f MB of segments\n",
                 stats.messages, seconds, (double)stats.messages / seconds,
                 (double)disk.disk_bytes / 1e6);
}

static void bench_memory(uint64_t messages)
{
    static struct index index;
    struct envelope_recipient recipient = {.address = "", .orcpt = ""};
    struct place place = {1, SEGMENT_DATA, 4500};
    index_init(&index, NOW);
    uint64_t start = now_ns();
    for (uint64_t id = 1; id <= messages; id++) {
        char domain[32];
        struct envelope envelope;
        (void)snprintf(domain, sizeof domain, "d%06" PRIu64 ".example",
                       id * 7919 % 100000);
        envelope_init(&envelope);
        envelope.id = id;
        envelope.accepted_unix_ms = NOW;
        envelope.expires_unix_ms = NOW + 86400000 + id % 1000 * 1000;
        envelope.notice_unix_ms = NOW + 14400000;
        envelope.stream = "bulk";
        envelope.recipients = &recipient;
        envelope.recipient_count = 1;
        recipient.domain = domain;
        if (index_add(&index, &envelope, &place) == 0) {
            abort();
        }
    }
    double seconds = seconds_since(start);
    struct index_stats stats;
    index_stats(&index, &stats);
    (void)printf("memory: %.1f bytes a message of one recipient (%" PRIu64
                 " messages, %" PRIu64 " domains), %.0f added/s\n",
                 (double)stats.memory_bytes / (double)stats.messages, stats.messages,
                 stats.domains, (double)messages / seconds);
    index_done(&index);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr,
                      "usage: queue_bench DIRECTORY [MESSAGES [INDEX_MESSAGES]]\n");
        return 2;
    }
    uint64_t messages = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    uint64_t entries = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000;
    bench_append(argv[1], messages);
    bench_replay(argv[1]);
    bench_memory(entries);
    return 0;
}
