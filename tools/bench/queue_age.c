/* What compaction costs where some of the mail stays for days.
 *
 * Usage: queue_age DIRECTORY [MESSAGES [STAY_PERCENT [BODY_BYTES [SEGMENT_MIB]]]]
 * Each message is accepted; most are delivered at once, STAY_PERCENT (5) of them only
 * when MESSAGES / 4 later ones have come, after six more attempts. Printed: the records
 * written beside those of mail and states (write amplification), and the disk used beside
 * twice what lives and two segments, at its worst and at rest. Ends with 1 when the one
 * is 1.5 or more, or the other is exceeded at rest. */

#include <inttypes.h>
#include <semaphore.h>

#include "queue/mem.h"

#include "tools/bench/bench_queue.h"

#define GROUP    64
#define ATTEMPTS 6
#define REST_S   60

struct age {
    struct queue *queue;
    uint64_t messages;
    uint64_t stay_percent;
    uint64_t body_bytes;
    uint64_t segment_bytes;
    uint64_t now_ms;
    uint8_t *body;
    sem_t done;
    uint64_t worst_disk; /* at the moment of the worst excess */
    uint64_t worst_bound;
    double worst;
};

struct message {
    struct queue_write write; /* first */
    struct envelope_recipient recipient;
    struct envelope envelope;
    uint8_t bytes[1024];
};

struct states {
    struct queue_write write; /* first */
    uint8_t bytes[65536];
    size_t length;
};

static void on_done(struct queue_write *write, int rc)
{
    struct age *age = write->owner;
    if (rc != 0) {
        (void)fprintf(stderr, "a write failed: %d\n", rc);
        exit(1);
    }
    (void)sem_post(&age->done);
}

static void wait_for(struct age *age, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        while (sem_wait(&age->done) != 0) {
        }
    }
}

static bool stays(const struct age *age, uint64_t id)
{
    return id * 2654435761 % 1000 < age->stay_percent * 10;
}

static void put_message(struct age *age, struct message *message, uint64_t id)
{
    static char header[] = "Subject: a message of a benchmark\r\n\r\n";
    size_t length = 0;
    message->recipient = (struct envelope_recipient){
        .address = "somebody@example.com", .domain = "example.com", .orcpt = ""};
    envelope_init(&message->envelope);
    message->envelope.id = id;
    message->envelope.accepted_unix_ms = age->now_ms;
    message->envelope.expires_unix_ms = age->now_ms + UINT64_C(259200000);
    message->envelope.size_bytes = age->body_bytes;
    message->envelope.sender = "application@example.org";
    message->envelope.stream = "transactional";
    message->envelope.recipients = &message->recipient;
    message->envelope.recipient_count = 1;
    if (envelope_encode(&message->envelope, message->bytes, sizeof message->bytes,
                        &length, NULL) != 0) {
        abort();
    }
    struct iovec parts[3] = {{message->bytes, length},
                             {header, sizeof header - 1},
                             {age->body, age->body_bytes}};
    queue_write_accept(&message->write, id, &parts[0], &parts[1], &parts[2], 1);
    message->write.owner = age;
    queue_submit(age->queue, &message->write, QUEUE_SYNCED, on_done);
}

static void flush(struct age *age, struct states *states)
{
    if (states->length > 0) {
        queue_write_state(&states->write, states->bytes, states->length);
        states->write.owner = age;
        queue_submit(age->queue, &states->write, QUEUE_SYNCED, on_done);
        wait_for(age, 1);
        queue_settled(age->queue, states->bytes, states->length, &states->write.place);
        states->length = 0;
    }
}

/* Delivered, or put off once more. */
static void put_change(struct age *age, struct states *states, uint64_t id,
                       bool delivered)
{
    struct index *index = queue_index(age->queue);
    uint32_t message = index_find(index, id);
    struct message_view view;
    struct recipient_view recipient;
    struct change change;
    size_t length = 0;
    if (message == 0) {
        return;
    }
    index_message(index, message, &view);
    index_recipient(index, view.first, &recipient);
    change_init(&change);
    change.id = id;
    change.home = view.place.segment;
    change.state = delivered ? CHANGE_DELIVERED : CHANGE_WAITING;
    change.ended = delivered;
    change.attempts = (uint16_t)(recipient.attempts + 1);
    change.when_unix_ms = age->now_ms;
    change.next_unix_ms = delivered ? 0 : age->now_ms + 3600000;
    change.text = delivered ? "250 2.0.0 ok" : "450 4.2.1 the mailbox is busy, later";
    change.host = "mx.example.com";
    change.previous = recipient.last;
    if (index_apply(index, &change) == 0) {
        return;
    }
    if (change_encode(&change, states->bytes + states->length,
                      sizeof states->bytes - states->length, &length) != 0) {
        abort();
    }
    states->length += length;
    if (sizeof states->bytes - states->length < CHANGE_BOUND) {
        flush(age, states);
    }
}

/* Returns how far the disk used is above its bound, in segments. */
static double look(struct age *age)
{
    struct queue_stats stats;
    queue_tick(age->queue, bench_now_ns());
    queue_stats(age->queue, &stats);
    uint64_t bound = 2 * stats.live_bytes + 2 * age->segment_bytes;
    double over = ((double)stats.disk_bytes - (double)bound) / (double)age->segment_bytes;
    if (over > age->worst) {
        age->worst = over;
        age->worst_disk = stats.disk_bytes;
        age->worst_bound = bound;
    }
    return over;
}

/* What came some time ago and stayed: another attempt, and at last it goes. */
static void move_old(struct age *age, struct states *states, uint64_t first)
{
    uint64_t life = age->messages / 4;
    for (uint64_t step = 1; step <= ATTEMPTS + 1; step++) {
        uint64_t back = life * step / (ATTEMPTS + 1);
        for (uint64_t id = first - back; first > back && id < first - back + GROUP;
             id++) {
            if (stays(age, id)) {
                put_change(age, states, id, step == ATTEMPTS + 1);
            }
        }
    }
}

static void run(struct age *age)
{
    static struct message messages[GROUP];
    static struct states states;
    for (uint64_t first = 1; first <= age->messages; first += GROUP) {
        for (uint64_t i = 0; i < GROUP; i++) {
            put_message(age, &messages[i], first + i);
        }
        wait_for(age, GROUP);
        for (uint64_t i = 0; i < GROUP; i++) {
            (void)queue_accepted(age->queue, &messages[i].envelope,
                                 &messages[i].write.place);
        }
        for (uint64_t i = 0; i < GROUP; i++) {
            put_change(age, &states, first + i, !stays(age, first + i));
        }
        move_old(age, &states, first);
        flush(age, &states);
        (void)look(age);
    }
}

static double come_to_rest(struct age *age)
{
    uint64_t start = bench_now_ns();
    double over = look(age);
    while (over > 0 && bench_seconds_since(start) < REST_S) {
        struct timespec moment = {0, 1000000};
        (void)nanosleep(&moment, NULL);
        over = look(age);
    }
    return over;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: queue_age DIRECTORY [MESSAGES [STAY_PERCENT "
                              "[BODY_BYTES [SEGMENT_MIB]]]]\n");
        return 2;
    }
    struct age age = {
        .messages = argc > 2 ? bench_number(argv[2]) : 200000,
        .stay_percent = argc > 3 ? bench_number(argv[3]) : 5,
        .body_bytes = argc > 4 ? bench_number(argv[4]) : 4096,
        .segment_bytes = (argc > 5 ? bench_number(argv[5]) : 16) * 1048576,
        .now_ms = bench_unix_ms(),
    };
    age.body = mem_alloc(age.body_bytes);
    (void)sem_init(&age.done, 0, 0);
    age.queue = bench_open(argv[1], (uint32_t)age.segment_bytes);
    uint64_t start = bench_now_ns();
    run(&age);
    double seconds = bench_seconds_since(start);
    double worst = age.worst;
    double over = come_to_rest(&age);
    struct queue_stats stats;
    queue_stats(age.queue, &stats);
    double written = (double)stats.written_bytes;
    double factor = (written + (double)stats.compacted_bytes) / written;
    (void)printf("age:     %" PRIu64 " messages, %" PRIu64 " %% of them stay: %.0f MB of "
                 "mail and states in %.1f s, %.0f MB copied: write amplification %.3f\n",
                 age.messages, age.stay_percent, written / 1e6, seconds,
                 (double)stats.compacted_bytes / 1e6, factor);
    (void)printf("age:     disk used at rest %.0f MB, %.0f MB live, %+.2f segments from "
                 "the bound; at its worst %.0f MB, bound %.0f MB, %+.2f segments\n",
                 (double)stats.disk_bytes / 1e6, (double)stats.live_bytes / 1e6, over,
                 (double)age.worst_disk / 1e6, (double)age.worst_bound / 1e6, worst);
    queue_close(age.queue);
    free(age.body);
    (void)sem_destroy(&age.done);
    return factor >= 1.5 || over > 0;
}
