/* Random histories of the queue on a disk that loses power.
 *
 * Usage: history [FIRST_SEED [COUNT]]. MESURA_HISTORIES scales the count. Each seed is
 * one history: accepts, pieces, changes, ticks with compaction, clean restarts, crashes
 * at a random call (in recovery too). After each start every acknowledged message must be
 * there with its bytes, and every recipient in its last acknowledged state or one
 * submitted later. Bodies hold copies of real records of the queue. Then the same with a
 * disk that lies about its syncs: that must be noticed. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_disk.h"
#include "tests/support/hostile_body.h"
#include "tests/support/queue_fixture.h"

#define NOW        UINT64_C(1800000000000)
#define MESSAGES   400
#define RECIPIENTS 3
#define STEPS      60
#define BATCH      6
#define PIECES     8 /* more than a segment holds */

struct model_state {
    unsigned attempts;
    bool ended;
};

struct model_recipient {
    struct model_state sure;  /* acknowledged */
    struct model_state maybe; /* submitted, not acknowledged */
    bool has_maybe;
};

struct model_message {
    bool submitted;
    bool sure;
    bool over; /* gone, and known to be */
    unsigned recipients;
    unsigned body_bytes;
    unsigned pieces;
    struct model_recipient recipient[RECIPIENTS];
};

struct history {
    uint64_t seed;
    uint64_t dice;
    struct fake_disk *fake;
    struct queue_options options;
    struct queue *queue;
    struct model_message messages[MESSAGES]; /* id = index + 1 */
    unsigned count;
    uint64_t now_ns;
    struct hostile_body hostile;
    bool failed; /* a promise was broken */
    bool quiet;
};

static uint64_t roll(struct history *history, uint64_t below)
{
    history->dice ^= history->dice << 13;
    history->dice ^= history->dice >> 7;
    history->dice ^= history->dice << 17;
    return history->dice % below;
}

static void broken(struct history *history, uint64_t id, const char *what)
{
    if (!history->quiet) {
        (void)fprintf(stderr, "seed %llu: message %llu: %s\n",
                      (unsigned long long)history->seed, (unsigned long long)id, what);
    }
    history->failed = true;
}

/* ---- writing ---- */

struct job {
    struct queue_fixture_write write; /* first */
    uint8_t envelope_bytes[4096];
    uint8_t body[20000];
    uint8_t changes[CHANGE_BOUND];
    size_t changes_length;
    struct envelope_recipient recipients[RECIPIENTS];
    struct place places[PIECES];
    struct envelope envelope;
    struct iovec parts[3];
    uint64_t id;
    uint16_t number;
    bool is_accept;
    bool has_upload;
    struct queue_upload upload;
};

static void on_done(struct queue_write *write, int rc)
{
    struct job *job = (struct job *)(void *)write;
    (void)rc;
    (void)sem_post(&job->write.done);
}

static void wait_for(struct job *job)
{
    while (sem_wait(&job->write.done) != 0) {
    }
    (void)sem_destroy(&job->write.done);
}

static void send(struct history *history, struct job *job, enum queue_level level)
{
    (void)sem_init(&job->write.done, 0, 0);
    queue_submit(history->queue, &job->write.write, level, on_done);
}

static bool put_pieces(struct history *history, struct job *job, unsigned pieces,
                       unsigned bytes)
{
    static const unsigned piece_bytes = 9000;
    (void)bytes;
    for (unsigned i = 0; i < pieces; i++) {
        hostile_body_fill(&history->hostile, job->id, job->body, piece_bytes,
                          (uint64_t)i * piece_bytes);
        queue_write_piece(&job->write.write, job->id, job->body, piece_bytes);
        send(history, job, QUEUE_WRITTEN);
        wait_for(job);
        if (job->write.write.rc != 0) {
            return false;
        }
        job->places[i] = job->write.write.place;
    }
    job->envelope.pieces = job->places;
    job->envelope.piece_count = pieces;
    return true;
}

static bool begin_accept(struct history *history, struct job *job)
{
    if (history->count == MESSAGES) {
        return false;
    }
    struct model_message *message = &history->messages[history->count++];
    static char header[] = "Subject: x\r\n\r\n";
    static const char *const domains[] = {"a.example", "b.example", "c.example"};
    job->is_accept = true;
    job->id = history->count;
    message->submitted = true;
    message->recipients = 1 + (unsigned)roll(history, RECIPIENTS);
    message->body_bytes = (unsigned)roll(history, 4000);
    message->pieces = roll(history, 8) == 0 ? 1 + (unsigned)roll(history, PIECES) : 0;
    envelope_init(&job->envelope);
    for (unsigned i = 0; i < message->recipients; i++) {
        job->recipients[i] = (struct envelope_recipient){
            .address = "r", .domain = domains[roll(history, 3)], .orcpt = ""};
    }
    job->envelope.id = job->id;
    job->envelope.accepted_unix_ms = NOW;
    job->envelope.expires_unix_ms = NOW + 86400000;
    job->envelope.stream = "bulk";
    job->envelope.recipients = job->recipients;
    job->envelope.recipient_count = message->recipients;
    size_t body_bytes = message->body_bytes;
    if (message->pieces > 0) {
        job->has_upload = true;
        queue_upload_begin(history->queue, &job->upload);
        if (!put_pieces(history, job, message->pieces, 9000)) {
            queue_upload_end(history->queue, &job->upload);
            message->over = true;
            return false;
        }
        body_bytes = 0;
    }
    size_t length = 0;
    if (envelope_encode(&job->envelope, job->envelope_bytes, sizeof job->envelope_bytes,
                        &length, NULL) != 0) {
        abort();
    }
    hostile_body_fill(&history->hostile, job->id, job->body, (unsigned)body_bytes, 0);
    job->parts[0] = (struct iovec){job->envelope_bytes, length};
    job->parts[1] = (struct iovec){header, sizeof header - 1};
    job->parts[2] = (struct iovec){job->body, body_bytes};
    queue_write_accept(&job->write.write, job->id, &job->parts[0], &job->parts[1],
                       &job->parts[2], 1);
    send(history, job, QUEUE_SYNCED);
    return true;
}

static bool begin_change(struct history *history, struct job *job)
{
    struct index *index = queue_index(history->queue);
    if (history->count == 0) {
        return false;
    }
    uint64_t id = 1 + roll(history, history->count);
    struct model_message *message = &history->messages[id - 1];
    uint32_t handle = index_find(index, id);
    uint16_t number = (uint16_t)roll(history, message->recipients);
    struct model_recipient *recipient = &message->recipient[number];
    if (handle == 0 || !message->sure || recipient->sure.ended || recipient->has_maybe) {
        return false;
    }
    struct message_view view;
    struct change change;
    index_message(index, handle, &view);
    change_init(&change);
    change.id = id;
    change.number = number;
    change.home = view.place.segment;
    change.attempts = (uint16_t)(recipient->sure.attempts + 1);
    change.text = "450 4.2.1 a reply of some length, as they are";
    change.ended = roll(history, 2) == 0;
    change.state = change.ended ? CHANGE_DELIVERED : CHANGE_WAITING;
    change.next_unix_ms = change.ended ? 0 : NOW + roll(history, 1000000);
    if (index_apply(index, &change) == 0) {
        return false;
    }
    recipient->maybe = (struct model_state){change.attempts, change.ended};
    recipient->has_maybe = true;
    if (change_encode(&change, job->changes, sizeof job->changes, &job->changes_length) !=
        0) {
        abort();
    }
    job->is_accept = false;
    job->id = id;
    job->number = number;
    queue_write_state(&job->write.write, job->changes, job->changes_length);
    send(history, job, QUEUE_SYNCED);
    return true;
}

static void end_job(struct history *history, struct job *job)
{
    wait_for(job);
    struct model_message *message = &history->messages[job->id - 1];
    int rc = job->write.write.rc;
    if (job->is_accept) {
        if (rc == 0) {
            message->sure = true;
            (void)queue_accepted(history->queue, &job->envelope, &job->write.write.place);
        }
        if (job->has_upload) {
            queue_upload_end(history->queue, &job->upload);
        }
    } else if (rc == 0) {
        struct model_recipient *recipient = &message->recipient[job->number];
        recipient->sure = recipient->maybe;
        recipient->has_maybe = false;
        queue_settled(history->queue, job->changes, job->changes_length,
                      &job->write.write.place);
    }
}

static void write_some(struct history *history)
{
    static struct job jobs[BATCH];
    unsigned count = 0;
    unsigned wanted = 1 + (unsigned)roll(history, BATCH);
    for (unsigned i = 0; i < wanted; i++) {
        memset(&jobs[count], 0, sizeof jobs[count]);
        bool begun = roll(history, 5) < 2 ? begin_accept(history, &jobs[count])
                                          : begin_change(history, &jobs[count]);
        count += begun;
    }
    for (unsigned i = 0; i < count; i++) {
        end_job(history, &jobs[i]);
    }
}

/* ---- checking ---- */

static void check_body(struct history *history, uint64_t id, uint32_t handle)
{
    const struct model_message *message = &history->messages[id - 1];
    struct queue_pin pin;
    struct queue_message read;
    if (queue_pin_message(history->queue, handle, &pin) != 0) {
        broken(history, id, "cannot be pinned");
        return;
    }
    if (queue_read_message(&pin, false, &read) != 0) {
        broken(history, id, "cannot be read");
        queue_unpin(&pin);
        return;
    }
    if (read.envelope.piece_count != message->pieces ||
        (message->pieces == 0 && read.body_length != message->body_bytes)) {
        broken(history, id, "has another length");
    }
    for (size_t i = 0; i < read.body_length; i++) {
        if (read.body[i] != hostile_body_byte(&history->hostile, id, i)) {
            broken(history, id, "has another body");
            break;
        }
    }
    for (unsigned i = 0; i < read.envelope.piece_count; i++) {
        static uint8_t buffer[16384];
        struct queue_piece piece = {.buffer = buffer, .capacity = sizeof buffer};
        if (queue_read_piece(&pin, &read, i, false, &piece) != 0 ||
            piece.length != 9000 ||
            piece.bytes[77] !=
                hostile_body_byte(&history->hostile, id, (uint64_t)i * 9000 + 77)) {
            broken(history, id, "has a bad piece");
        }
    }
    queue_message_free(&read);
    queue_unpin(&pin);
}

static void check_recipient(struct history *history, uint64_t id, uint32_t handle,
                            uint16_t number)
{
    struct model_recipient *model = &history->messages[id - 1].recipient[number];
    struct model_state found = {0, true};
    uint32_t recipient =
        handle == 0 ? 0 : index_recipient_of(queue_index(history->queue), handle, number);
    if (recipient != 0) {
        struct recipient_view view;
        index_recipient(queue_index(history->queue), recipient, &view);
        found = (struct model_state){view.attempts, view.ended};
    }
    bool is_sure = found.ended == model->sure.ended &&
                   (found.ended || found.attempts == model->sure.attempts);
    bool is_maybe = model->has_maybe && found.ended == model->maybe.ended &&
                    (found.ended || found.attempts == model->maybe.attempts);
    if (!is_sure && !is_maybe) {
        broken(history, id,
               found.ended         ? "was lost"
               : model->sure.ended ? "rose again"
                                   : "went back to an older state");
    }
    model->sure.ended = found.ended;
    model->sure.attempts = found.ended ? model->sure.attempts : found.attempts;
    model->has_maybe = false;
}

static void check_all(struct history *history)
{
    for (uint64_t id = 1; id <= history->count; id++) {
        struct model_message *message = &history->messages[id - 1];
        uint32_t handle = index_find(queue_index(history->queue), id);
        if (message->over) {
            if (handle != 0) {
                broken(history, id, "rose again");
            }
            continue;
        }
        if (!message->sure && handle == 0) {
            message->over = true;
            continue;
        }
        message->sure = true;
        for (unsigned i = 0; i < message->recipients; i++) {
            check_recipient(history, id, handle, (uint16_t)i);
        }
        if (handle != 0) {
            check_body(history, id, handle);
        } else {
            message->over = true;
        }
    }
}

/* Damage must not be seen where only power was lost. */
static void check_notes(struct history *history)
{
    unsigned count = 0;
    const struct queue_note *notes = queue_notes(history->queue, &count);
    for (unsigned i = 0; i < count; i++) {
        if (notes[i].kind == QUEUE_NOTE_DAMAGED ||
            notes[i].kind == QUEUE_NOTE_SET_ASIDE) {
            broken(history, 0, notes[i].text);
        }
    }
}

/* ---- one history ---- */

static void start(struct history *history)
{
    for (int tries = 0;; tries++) {
        struct errmsg err = {""};
        if (tries < 3 && roll(history, 4) == 0) {
            fake_disk_crash_at(history->fake, 1 + (unsigned)roll(history, 60));
        }
        history->options.salt = roll(history, UINT64_MAX);
        int rc = queue_open(&history->queue, &history->options, &err);
        if (rc == 0 && !fake_disk_is_down(history->fake)) {
            fake_disk_crash_at(history->fake, 0);
            if (!fake_disk_is_down(history->fake)) {
                break;
            }
        }
        if (rc == 0) {
            queue_close(history->queue);
        } else if (!fake_disk_is_down(history->fake)) {
            broken(history, 0, err.text);
            history->queue = NULL;
            return;
        }
        fake_disk_restart(history->fake);
    }
    check_notes(history);
    check_all(history);
    hostile_body_take(&history->hostile, history->queue, history->fake,
                      history->count + 1);
    if (history->failed && !history->quiet) {
        unsigned count = 0;
        const struct queue_note *notes = queue_notes(history->queue, &count);
        for (unsigned i = 0; i < count; i++) {
            (void)fprintf(stderr, "  note %d: %s\n", (int)notes[i].kind, notes[i].text);
        }
    }
}

static bool run(uint64_t seed, enum fake_mutation mutation)
{
    static struct history history;
    memset(&history, 0, sizeof history);
    history.seed = seed;
    history.dice = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    history.quiet = mutation != FAKE_HONEST;
    history.fake = fake_disk_new(seed);
    fake_disk_mutate(history.fake, mutation);
    history.options = (struct queue_options){
        .disk = fake_disk_face(history.fake),
        .segment_bytes = QUEUE_SEGMENT_MIN,
        .now_unix_ms = NOW,
        .salt = seed,
    };
    start(&history);
    fake_disk_crash_at(history.fake, 1 + (unsigned)roll(&history, 400));
    for (int step = 0; step < STEPS && !history.failed && history.queue != NULL; step++) {
        if (queue_failed(history.queue) || fake_disk_is_down(history.fake) ||
            roll(&history, 20) == 0) {
            queue_close(history.queue);
            fake_disk_restart(history.fake);
            start(&history);
            fake_disk_crash_at(history.fake, 1 + (unsigned)roll(&history, 400));
            continue;
        }
        write_some(&history);
        history.now_ns += 200000000;
        queue_tick(history.queue, history.now_ns);
    }
    queue_close(history.queue);
    fake_disk_free(history.fake);
    return !history.failed;
}

static int expect_caught(enum fake_mutation mutation, const char *name)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        if (!run(seed, mutation)) {
            (void)printf("without %s: caught by seed %llu\n", name,
                         (unsigned long long)seed);
            return 0;
        }
    }
    (void)printf("without %s: 200 histories noticed nothing\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 300;
    const char *scale = getenv("MESURA_HISTORIES");
    if (scale != NULL && argc <= 2) {
        count = strtoull(scale, NULL, 10);
    }
    unsigned failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        failed += !run(seed, FAKE_HONEST);
    }
    (void)printf("histories %llu from seed %llu, broken %u\n", (unsigned long long)count,
                 (unsigned long long)first, failed);
    if (argc > 1) {
        return failed > 0;
    }
    int missed = expect_caught(FAKE_NO_FDATASYNC, "fdatasync") +
                 expect_caught(FAKE_NO_SYNC_DIR, "sync of the directory");
    return failed > 0 || missed > 0;
}
