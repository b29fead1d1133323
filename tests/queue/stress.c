/* Submitters, readers and core on one queue at full speed: for ThreadSanitizer.
 *
 * Usage: stress [MESSAGES]. Every message is read back by another thread and then
 * delivered; at the end nothing may be queued and nothing may have failed. */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"

#define SUBMITTERS 3
#define NOW        UINT64_C(1800000000000)

struct job {
    struct queue_write write; /* first */
    struct job *next;
    struct queue *queue;
    uint64_t id;
    struct envelope envelope;
    struct envelope_recipient recipient;
    uint8_t envelope_bytes[512];
    uint8_t body[600];
    uint8_t change[CHANGE_BOUND];
    size_t change_length;
    struct iovec parts[3];
    struct queue_pin pin;
    int read_rc;
    enum { ACCEPTED, READ, SETTLED } step;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct job *for_core;
static struct job *for_reader;
static uint64_t per_submitter;
static atomic_bool over;
static atomic_uint failures;

static void push(struct job **list, struct job *job)
{
    (void)pthread_mutex_lock(&mutex);
    job->next = *list;
    *list = job;
    (void)pthread_mutex_unlock(&mutex);
}

static struct job *take(struct job **list)
{
    (void)pthread_mutex_lock(&mutex);
    struct job *job = *list;
    *list = NULL;
    (void)pthread_mutex_unlock(&mutex);
    return job;
}

static void on_done(struct queue_write *write, int rc)
{
    failures += rc != 0;
    push(&for_core, (struct job *)(void *)write);
}

static uint64_t now_ns(void)
{
    static atomic_ullong clock;
    return atomic_fetch_add(&clock, 100000);
}

struct submitter {
    pthread_t thread;
    struct queue *queue;
    uint64_t first;
};

static void *submit(void *arg)
{
    static char header[] = "Subject: x\r\n\r\n";
    struct submitter *self = arg;
    for (uint64_t i = 0; i < per_submitter; i++) {
        struct job *job = calloc(1, sizeof *job);
        if (job == NULL) {
            abort();
        }
        size_t length = 0;
        job->queue = self->queue;
        job->id = self->first + i;
        job->recipient = (struct envelope_recipient){
            .address = "r", .domain = "example.com", .orcpt = ""};
        envelope_init(&job->envelope);
        job->envelope.id = job->id;
        job->envelope.accepted_unix_ms = NOW;
        job->envelope.expires_unix_ms = NOW + 1000000;
        job->envelope.stream = "bulk";
        job->envelope.recipients = &job->recipient;
        job->envelope.recipient_count = 1;
        if (envelope_encode(&job->envelope, job->envelope_bytes,
                            sizeof job->envelope_bytes, &length, NULL) != 0) {
            abort();
        }
        job->parts[0] = (struct iovec){job->envelope_bytes, length};
        job->parts[1] = (struct iovec){header, sizeof header - 1};
        job->parts[2] = (struct iovec){job->body, sizeof job->body};
        while (queue_reserve(self->queue, 1000, 1) != 0) {
            queue_fixture_pause();
        }
        queue_write_accept(&job->write, job->id, &job->parts[0], &job->parts[1],
                           &job->parts[2], 1);
        queue_submit(self->queue, &job->write, QUEUE_SYNCED, on_done);
    }
    return NULL;
}

static void *read_all(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        struct job *job = take(&for_reader);
        if (job == NULL) {
            queue_fixture_pause();
        }
        while (job != NULL) {
            struct job *next = job->next;
            struct queue_message message;
            job->read_rc = queue_read_message(&job->pin, true, &message);
            if (job->read_rc == -EAGAIN) {
                job->read_rc = queue_read_message(&job->pin, false, &message);
            }
            if (job->read_rc == 0) {
                failures += message.envelope.id != job->id;
                queue_message_free(&message);
            }
            push(&for_core, job);
            job = next;
        }
    }
    return NULL;
}

static void accepted(struct job *job)
{
    uint32_t handle = queue_accepted(job->queue, &job->envelope, &job->write.place);
    queue_unreserve(job->queue, 1000, 1);
    failures += handle == 0;
    failures += queue_pin_message(job->queue, handle, &job->pin) != 0;
    job->step = READ;
    push(&for_reader, job);
}

static void was_read(struct job *job)
{
    struct change change;
    failures += job->read_rc != 0;
    change_init(&change);
    change.id = job->id;
    change.home = job->pin.place.segment;
    change.state = CHANGE_DELIVERED;
    change.ended = true;
    queue_unpin(&job->pin);
    failures += index_apply(queue_index(job->queue), &change) == 0;
    failures +=
        change_encode(&change, job->change, sizeof job->change, &job->change_length) != 0;
    job->step = SETTLED;
    queue_write_state(&job->write, job->change, job->change_length);
    queue_submit(job->queue, &job->write, QUEUE_SYNCED, on_done);
}

static uint64_t run_core(struct queue *queue, uint64_t wanted)
{
    uint64_t settled = 0;
    uint64_t tick_ns = 0;
    while (settled < wanted && failures == 0) {
        struct job *job = take(&for_core);
        if (job == NULL) {
            queue_fixture_pause();
        }
        while (job != NULL) {
            struct job *next = job->next;
            switch (job->step) {
            case ACCEPTED: accepted(job); break;
            case READ: was_read(job); break;
            case SETTLED:
                queue_settled(queue, job->change, job->change_length, &job->write.place);
                free(job);
                settled++;
                break;
            }
            job = next;
        }
        tick_ns += 100000000;
        queue_tick(queue, tick_ns);
    }
    return settled;
}

int main(int argc, char **argv)
{
    struct fake_disk *fake = fake_disk_new(1);
    struct queue_fixture fixture;
    struct submitter submitters[SUBMITTERS];
    pthread_t reader;
    per_submitter = (argc > 1 ? strtoull(argv[1], NULL, 10) : 3000) / SUBMITTERS;
    queue_fixture_init_disk(&fixture, fake_disk_face(fake));
    queue_close(fixture.queue);
    fixture.options.now_ns_cb = now_ns;
    struct errmsg err = {""};
    if (queue_open(&fixture.queue, &fixture.options, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    int rc = pthread_create(&reader, NULL, read_all, NULL);
    for (int i = 0; i < SUBMITTERS; i++) {
        submitters[i].queue = fixture.queue;
        submitters[i].first = 1 + (uint64_t)i * per_submitter;
        rc |= pthread_create(&submitters[i].thread, NULL, submit, &submitters[i]);
    }
    if (rc != 0) {
        abort();
    }
    uint64_t settled = run_core(fixture.queue, SUBMITTERS * per_submitter);
    for (int i = 0; i < SUBMITTERS; i++) {
        (void)pthread_join(submitters[i].thread, NULL);
    }
    atomic_store(&over, true);
    (void)pthread_join(reader, NULL);
    struct index_stats stats;
    index_stats(queue_index(fixture.queue), &stats);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
    (void)printf("settled %llu, still queued %llu, failures %u\n",
                 (unsigned long long)settled, (unsigned long long)stats.messages,
                 (unsigned)failures);
    return failures > 0 || stats.messages > 0;
}
