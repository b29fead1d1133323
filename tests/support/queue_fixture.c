#include "tests/support/queue_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOW UINT64_C(1800000000000)

static void open_queue(struct queue_fixture *fixture)
{
    struct errmsg err = {""};
    int rc = queue_open(&fixture->queue, &fixture->options, &err);
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

void queue_fixture_init_disk(struct queue_fixture *fixture, const struct disk *disk)
{
    queue_fixture_init_sealed(fixture, disk, NULL);
}

void queue_fixture_init_sealed(struct queue_fixture *fixture, const struct disk *disk,
                               const struct seal *seal)
{
    memset(fixture, 0, sizeof *fixture);
    if (disk == NULL) {
        (void)snprintf(fixture->directory, sizeof fixture->directory,
                       "/tmp/mesura-queue-XXXXXX");
        if (mkdtemp(fixture->directory) == NULL) {
            abort();
        }
    }
    fixture->options = (struct queue_options){
        .directory = fixture->directory,
        .disk = disk,
        .seal = seal,
        .segment_bytes = QUEUE_SEGMENT_MIN,
        .now_unix_ms = NOW,
        .salt = 0x1234,
    };
    open_queue(fixture);
}

void queue_fixture_init(struct queue_fixture *fixture)
{
    queue_fixture_init_disk(fixture, NULL);
}

void queue_fixture_reopen(struct queue_fixture *fixture)
{
    queue_close(fixture->queue);
    open_queue(fixture);
}

void queue_fixture_done(struct queue_fixture *fixture)
{
    queue_close(fixture->queue);
    if (fixture->directory[0] == '\0') {
        return;
    }
    DIR *stream = opendir(fixture->directory);
    if (stream == NULL) {
        abort();
    }
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", fixture->directory, entry->d_name);
        (void)unlink(path);
    }
    (void)closedir(stream);
    (void)rmdir(fixture->directory);
}

static void on_done(struct queue_write *write, int rc)
{
    struct queue_fixture_write *own = (struct queue_fixture_write *)(void *)write;
    (void)rc;
    (void)sem_post(&own->done);
}

int queue_fixture_submit(struct queue_fixture *fixture, struct queue_fixture_write *write,
                         enum queue_level level)
{
    uint8_t *sealed = NULL;
    if (queue_has_seal(fixture->queue)) {
        size_t bytes = queue_sealed_bytes(fixture->queue, &write->write);
        sealed = malloc(bytes);
        if (sealed == NULL ||
            queue_seal_write(fixture->queue, &write->write, sealed, bytes) != 0) {
            abort();
        }
    }
    (void)sem_init(&write->done, 0, 0);
    queue_submit(fixture->queue, &write->write, level, on_done);
    while (sem_wait(&write->done) != 0) {
    }
    (void)sem_destroy(&write->done);
    free(sealed);
    return write->write.rc;
}

uint8_t queue_fixture_byte(uint64_t id, uint64_t at)
{
    return (uint8_t)((id * 131 + at * 7) & 0x7f);
}

static uint32_t accept_filled(struct queue_fixture *fixture, struct envelope *envelope,
                              const char *domain, const struct iovec *body)
{
    struct envelope_recipient recipient = {
        .address = "rcpt", .domain = domain, .orcpt = ""};
    struct queue_fixture_write write;
    uint8_t bytes[8192];
    size_t length = 0;
    char header[] = "Subject: test\r\n\r\n";
    struct errmsg err = {""};
    envelope->accepted_unix_ms = NOW;
    envelope->expires_unix_ms = NOW + 3600000;
    envelope->sender = "sender@example.org";
    envelope->stream = "transactional";
    envelope->recipients = &recipient;
    envelope->recipient_count = 1;
    if (envelope_encode(envelope, bytes, sizeof bytes, &length, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    struct iovec parts[2] = {{bytes, length}, {header, sizeof header - 1}};
    queue_write_accept(&write.write, envelope->id, &parts[0], &parts[1], body,
                       body == NULL ? 0 : 1);
    if (queue_fixture_submit(fixture, &write, QUEUE_SYNCED) != 0) {
        return 0;
    }
    return queue_accepted(fixture->queue, envelope, &write.write.place);
}

uint32_t queue_fixture_accept(struct queue_fixture *fixture, uint64_t id,
                              const char *domain, unsigned body_bytes)
{
    uint8_t *bytes = malloc(body_bytes + 1);
    for (unsigned i = 0; bytes != NULL && i < body_bytes; i++) {
        bytes[i] = queue_fixture_byte(id, i);
    }
    struct iovec body = {bytes, body_bytes};
    struct envelope envelope;
    envelope_init(&envelope);
    envelope.id = id;
    envelope.size_bytes = body_bytes;
    uint32_t handle = accept_filled(fixture, &envelope, domain, &body);
    free(bytes);
    return handle;
}

uint32_t queue_fixture_accept_pieces(struct queue_fixture *fixture, uint64_t id,
                                     unsigned pieces, unsigned piece_bytes)
{
    struct queue_upload upload = {0};
    struct place places[64];
    uint8_t *bytes = malloc(piece_bytes);
    queue_upload_begin(fixture->queue, &upload);
    for (unsigned i = 0; bytes != NULL && i < pieces; i++) {
        struct queue_fixture_write write;
        for (unsigned k = 0; k < piece_bytes; k++) {
            bytes[k] = queue_fixture_byte(id, (uint64_t)i * piece_bytes + k);
        }
        queue_write_piece(&write.write, id, bytes, piece_bytes);
        if (queue_fixture_submit(fixture, &write, QUEUE_WRITTEN) != 0) {
            abort();
        }
        places[i] = write.write.place;
    }
    struct envelope envelope;
    envelope_init(&envelope);
    envelope.id = id;
    envelope.size_bytes = (uint64_t)pieces * piece_bytes;
    envelope.pieces = places;
    envelope.piece_count = pieces;
    uint32_t handle = accept_filled(fixture, &envelope, "example.com", NULL);
    queue_upload_end(fixture->queue, &upload);
    free(bytes);
    return handle;
}

int queue_fixture_settle(struct queue_fixture *fixture, struct change *change)
{
    struct queue_fixture_write write;
    uint8_t bytes[CHANGE_BOUND];
    size_t length = 0;
    struct message_view view;
    uint32_t message = index_find(queue_index(fixture->queue), change->id);
    if (message == 0) {
        abort();
    }
    index_message(queue_index(fixture->queue), message, &view);
    change->home = view.place.segment;
    (void)index_apply(queue_index(fixture->queue), change);
    if (change_encode(change, bytes, sizeof bytes, &length) != 0) {
        abort();
    }
    queue_write_state(&write.write, bytes, length);
    int rc = queue_fixture_submit(fixture, &write, QUEUE_SYNCED);
    if (rc == 0) {
        queue_settled(fixture->queue, bytes, length, &write.write.place);
    }
    return rc;
}

void queue_fixture_pause(void)
{
    struct timespec moment = {0, 1000000};
    (void)nanosleep(&moment, NULL);
}

unsigned queue_fixture_dead(struct queue_fixture *fixture, uint64_t wanted)
{
    struct queue_stats stats;
    for (int i = 0; i < 300; i++) {
        queue_tick(fixture->queue, 0);
        queue_stats(fixture->queue, &stats);
        if (stats.dead_segments >= wanted) {
            break;
        }
        queue_fixture_pause();
    }
    return (unsigned)stats.dead_segments;
}
