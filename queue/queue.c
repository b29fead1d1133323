/* Opening, closing, appending, credits.
 *
 * Good path of opening: lock -> replay (replay.c) -> helper and writer start -> unsealed
 * segments are sealed in the background. Failures: whatever cannot be opened or locked
 * refuses the start with a sentence; damage does not, it becomes a note. */

#include "queue/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crc32c.h"
#include "queue/mem.h"
#include "queue/payload.h"
#include "queue/queue_impl.h"
#include "queue/record.h"

#define SEGMENT_BYTES_DEFAULT (64 * 1024 * 1024)
#define COMPACT_BYTES_DEFAULT UINT64_C(33554432)

void queue_post(struct queue *queue, struct queue_event *event)
{
    struct queue_event *newest = atomic_load(&queue->events);
    do {
        event->next = newest;
    } while (!atomic_compare_exchange_weak(&queue->events, &newest, event));
    if (newest == NULL && queue->options.wake_core_cb != NULL) {
        queue->options.wake_core_cb(queue->options.owner);
    }
}

void queue_note(struct queue *queue, enum queue_note_kind kind, uint64_t segment,
                uint64_t offset, const char *text)
{
    if (queue->note_count == QUEUE_NOTES) {
        queue->notes_dropped++;
        return;
    }
    queue->notes =
        mem_resize(queue->notes, (queue->note_count + 1) * sizeof *queue->notes);
    struct queue_note *note = &queue->notes[queue->note_count++];
    *note = (struct queue_note){.kind = kind, .segment = segment, .offset = offset};
    (void)snprintf(note->text, sizeof note->text, "segment %016llx offset %llu: %s",
                   (unsigned long long)segment, (unsigned long long)offset, text);
}

const struct queue_note *queue_notes(const struct queue *queue, unsigned *out_count)
{
    *out_count = queue->note_count;
    return queue->notes;
}

struct index *queue_index(struct queue *queue)
{
    return &queue->index;
}

void queue_refresh_space(struct queue *queue)
{
    struct disk_space space;
    if (queue->disk->space(queue->disk, &space) == 0) {
        atomic_store(&queue->free_bytes, space.free_bytes);
        atomic_store(&queue->free_inodes, space.free_inodes);
    }
}

/* ---- what the other threads report ---- */

static void on_failed(void *owner)
{
    struct queue *queue = owner;
    if (queue->options.wake_core_cb != NULL) {
        queue->options.wake_core_cb(queue->options.owner);
    }
}

static void on_gone(void *owner, uint64_t number)
{
    struct queue_event *event = mem_alloc(sizeof *event);
    *event =
        (struct queue_event){.kind = QUEUE_EVENT_GONE, .segment = number, .owner = event};
    queue_post(owner, event);
}

struct seal_job {
    struct helper_job job;
    struct queue *queue;
    struct segment_header header;
    uint64_t end;
    struct queue_event event;
};

static void run_seal(struct helper_job *helper_job)
{
    struct seal_job *job = (struct seal_job *)(void *)helper_job;
    struct queue *queue = job->queue;
    const struct disk *disk = queue->disk;
    char name[SEGMENT_NAME];
    segment_name(job->header.number, name);
    job->event = (struct queue_event){.kind = QUEUE_EVENT_SETTLED,
                                      .segment = job->header.number,
                                      .file_bytes = job->header.bytes,
                                      .owner = job};
    int handle = disk->open(disk, name, false);
    if (handle >= 0) {
        /* Without a footer start-up scans: slower, never wrong. */
        (void)footer_write(disk, handle, &job->header, queue->seal, job->end, false);
        int64_t size = disk->size(disk, handle);
        if (size > 0) {
            job->event.file_bytes = (uint64_t)size;
        }
        disk->close(disk, handle);
    }
    queue_post(queue, &job->event);
}

static void seal_segment(struct queue *queue, const struct segment_header *header,
                         uint64_t end)
{
    struct seal_job *job = mem_alloc(sizeof *job);
    job->queue = queue;
    job->header = *header;
    job->end = end;
    helper_add(&queue->helper, &job->job, run_seal, false);
}

static void on_closed(void *owner, const struct writer_closed *closed)
{
    struct queue *queue = owner;
    struct queue_event *event = mem_alloc(sizeof *event);
    *event = (struct queue_event){.kind = QUEUE_EVENT_CLOSED,
                                  .segment = closed->header.number,
                                  .salt = closed->header.salt,
                                  .records = closed->records,
                                  .file_bytes = closed->header.bytes,
                                  .owner = event};
    queue_post(queue, event);
    seal_segment(queue, &closed->header, closed->end);
}

/* ---- open and close ---- */

static int take_directory(struct queue *queue, struct errmsg *err)
{
    if (queue->options.disk == NULL) {
        int rc = disk_posix_open(queue->options.directory, false, &queue->own_disk, err);
        if (rc != 0) {
            return rc;
        }
        queue->disk = &queue->own_disk;
    } else {
        queue->disk = queue->options.disk;
    }
    long pid = 0;
    int rc = queue->disk->lock(queue->disk, &pid);
    if (rc == -EBUSY) {
        errmsg_set(err, "the directory is in use by process %ld", pid);
    } else if (rc != 0) {
        errmsg_errno(err, rc, "lock the directory");
    }
    return rc;
}

static int start_threads(struct queue *queue, struct errmsg *err)
{
    int rc = helper_start(&queue->helper);
    if (rc == 0) {
        rc = helper_start(&queue->copier);
    }
    if (rc == 0) {
        supply_kick(&queue->supply);
        struct writer_options options = {
            .disk = queue->disk,
            .supply = &queue->supply,
            .segment_bytes = queue->options.segment_bytes,
            .now_ns_cb = queue->options.now_ns_cb,
            .closed_cb = on_closed,
            .failed_cb = on_failed,
            .owner = queue,
        };
        writer_init(&queue->writer, &options);
        queue->has_writer = true;
        rc = writer_start(&queue->writer);
    }
    if (rc != 0) {
        errmsg_errno(err, rc, "start a thread");
    }
    return rc;
}

static void drain_events(struct queue *queue)
{
    struct queue_event *event = atomic_exchange(&queue->events, NULL);
    while (event != NULL) {
        struct queue_event *next = event->next;
        if (event->kind == QUEUE_EVENT_COMPACT) {
            compact_event(queue, event);
        } else if (event->kind == QUEUE_EVENT_RESTATED) {
            restate_drop(event);
        } else {
            free(event->owner);
        }
        event = next;
    }
}

void queue_close(struct queue *queue)
{
    if (queue == NULL) {
        return;
    }
    helper_stop(&queue->copier); /* what it is about to write, the writer still takes */
    if (queue->has_writer) {
        writer_stop(&queue->writer);
    }
    supply_stop(&queue->supply);
    helper_done(&queue->copier);
    helper_done(&queue->helper);
    drain_events(queue);
    compact_free(queue);
    supply_done(&queue->supply);
    if (queue->disk != NULL) {
        for (uint32_t slot = 1; slot < queue->index.shelf.used; slot++) {
            queue_close_segment(queue, (uint16_t)slot);
        }
    }
    index_done(&queue->index);
    if (queue->disk == &queue->own_disk) {
        queue->disk->close_all(queue->disk);
    }
    (void)pthread_mutex_destroy(&queue->uploads_mutex);
    free(queue->restate.items);
    free(queue->notes);
    free(queue);
}

static void fill_defaults(struct queue_options *options)
{
    if (options->segment_bytes == 0) {
        options->segment_bytes = SEGMENT_BYTES_DEFAULT;
    }
    if (options->segment_bytes < QUEUE_SEGMENT_MIN) {
        options->segment_bytes = QUEUE_SEGMENT_MIN;
    }
    if (options->segment_bytes > QUEUE_SEGMENT_MAX) {
        options->segment_bytes = QUEUE_SEGMENT_MAX;
    }
    options->segment_bytes &= ~UINT32_C(4095);
    if (options->compact_bytes_per_s == 0) {
        options->compact_bytes_per_s = COMPACT_BYTES_DEFAULT;
    }
}

int queue_open(struct queue **out_queue, const struct queue_options *options,
               struct errmsg *err)
{
    struct queue *queue = mem_alloc(sizeof *queue);
    uint64_t next_number = 1;
    queue->options = *options;
    fill_defaults(&queue->options);
    queue->seal = options->seal;
    index_init(&queue->index, options->now_unix_ms);
    helper_init(&queue->helper);
    helper_init(&queue->copier);
    (void)pthread_mutex_init(&queue->uploads_mutex, NULL);
    struct supply_options supply = {
        .helper = &queue->helper,
        .segment_bytes = queue->options.segment_bytes,
        .reserve_bytes = options->reserve_bytes,
        .salt = options->salt,
        .key_id = options->seal == NULL ? 0 : options->seal->key_id,
        .now_unix_ms = options->now_unix_ms,
        .gone_cb = on_gone,
        .owner = queue,
    };
    supply_init(&queue->supply, &supply, 1);
    int rc = take_directory(queue, err);
    if (rc == 0) {
        queue->supply.options.disk = queue->disk;
        rc = replay_run(queue, &next_number, err);
    }
    if (rc == 0) {
        queue_refresh_space(queue);
        struct index_stats stats;
        index_stats(&queue->index, &stats);
        atomic_store(&queue->index_memory, stats.memory_bytes);
        queue_publish_room(queue);
        rc = start_threads(queue, err);
    }
    if (rc != 0) {
        errmsg_wrap(err, "open queue");
        queue_close(queue);
        return rc;
    }
    *out_queue = queue;
    return 0;
}

/* ---- appending ---- */

static void begin_write(struct queue_write *write, enum queue_kind kind, uint64_t id)
{
    write->next = NULL;
    write->id = id;
    write->kind = (uint16_t)kind;
    write->flags = 0;
    write->part_count = 0;
    write->length = 0;
    write->rc = 0;
    write->may_use_reserve = kind == QUEUE_STATE || kind == QUEUE_MOVED;
}

static void add_part(struct queue_write *write, const void *bytes, size_t length)
{
    assert(write->part_count < QUEUE_PARTS);
    union {
        const void *kept;
        void *base;
    } pointer = {.kept = bytes};
    size_t total = (size_t)write->length + length;
    write->parts[write->part_count++] = (struct iovec){pointer.base, length};
    /* Too much for any segment stays too much: the writer answers -EMSGSIZE. */
    write->length = total > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)total;
}

void queue_write_accept(struct queue_write *write, uint64_t id,
                        const struct iovec *envelope, const struct iovec *header,
                        const struct iovec *body, unsigned body_count)
{
    assert(body_count <= QUEUE_PARTS - 3);
    size_t body_length = 0;
    for (unsigned i = 0; i < body_count; i++) {
        body_length += body[i].iov_len;
    }
    begin_write(write, QUEUE_ACCEPT, id);
    payload_accept_prefix(envelope->iov_len, header->iov_len, body_length, write->prefix);
    add_part(write, write->prefix, PAYLOAD_PREFIX);
    add_part(write, envelope->iov_base, envelope->iov_len);
    add_part(write, header->iov_base, header->iov_len);
    for (unsigned i = 0; i < body_count; i++) {
        add_part(write, body[i].iov_base, body[i].iov_len);
    }
}

void queue_write_restored(struct queue_write *write, uint64_t id, uint8_t *prefix,
                          const struct iovec parts[3], const struct iovec *body,
                          unsigned body_count)
{
    assert(body_count <= QUEUE_PARTS - 5);
    size_t body_length = 0;
    for (unsigned i = 0; i < body_count; i++) {
        body_length += body[i].iov_len;
    }
    begin_write(write, QUEUE_COPY, id);
    payload_copy_prefix(QUEUE_ORIGIN_ELSEWHERE, parts[0].iov_len, prefix);
    payload_accept_prefix(parts[1].iov_len, parts[2].iov_len, body_length, write->prefix);
    add_part(write, prefix, QUEUE_RESTORED_PREFIX);
    add_part(write, parts[0].iov_base, parts[0].iov_len);
    add_part(write, write->prefix, PAYLOAD_PREFIX);
    add_part(write, parts[1].iov_base, parts[1].iov_len);
    add_part(write, parts[2].iov_base, parts[2].iov_len);
    for (unsigned i = 0; i < body_count; i++) {
        add_part(write, body[i].iov_base, body[i].iov_len);
    }
}

void queue_write_piece(struct queue_write *write, uint64_t id, const void *bytes,
                       size_t length)
{
    begin_write(write, QUEUE_PIECE, id);
    add_part(write, bytes, length);
}

void queue_write_state(struct queue_write *write, const void *changes, size_t length)
{
    begin_write(write, QUEUE_STATE, 0);
    add_part(write, changes, length);
}

bool queue_has_seal(const struct queue *queue)
{
    return queue->seal != NULL;
}

size_t queue_sealed_bytes(const struct queue *queue, const struct queue_write *write)
{
    return write->length + (queue->seal == NULL ? 0 : queue->seal->overhead);
}

int queue_seal_write(const struct queue *queue, struct queue_write *write, void *buffer,
                     size_t capacity)
{
    size_t length = queue_sealed_bytes(queue, write);
    if (queue->seal == NULL || capacity < length) {
        return -EINVAL;
    }
    int rc = queue->seal->seal(queue->seal->owner, write->parts, write->part_count,
                               write->id, buffer);
    if (rc != 0) {
        return rc;
    }
    write->part_count = 0;
    write->length = 0;
    add_part(write, buffer, length);
    write->flags |= RECORD_SEALED;
    return 0;
}

void queue_submit(struct queue *queue, struct queue_write *write, enum queue_level level,
                  queue_done_cb done_cb)
{
    assert(queue->seal == NULL || (write->flags & RECORD_SEALED) != 0);
    uint32_t checksum = 0;
    for (unsigned i = 0; i < write->part_count; i++) {
        checksum = crc32c(checksum, write->parts[i].iov_base, write->parts[i].iov_len);
    }
    write->checksum = checksum;
    write->level = level;
    write->done_cb = done_cb;
    writer_submit(&queue->writer, write);
}

bool queue_failed(const struct queue *queue)
{
    return atomic_load_explicit(&queue->writer.failed, memory_order_relaxed);
}

/* ---- credits ---- */

int queue_reserve(struct queue *queue, uint64_t bytes, unsigned recipients)
{
    uint64_t memory = (uint64_t)recipients * QUEUE_CREDIT_BYTES;
    if (queue_failed(queue)) {
        return -EIO;
    }
    uint64_t taken = atomic_fetch_add(&queue->reserved_bytes, bytes) + bytes;
    uint64_t memory_taken = atomic_fetch_add(&queue->reserved_memory, memory) + memory;
    int rc = 0;
    if (atomic_load(&queue->free_inodes) < QUEUE_LOW_INODES ||
        atomic_load(&queue->free_bytes) < queue->options.low_space_bytes + taken) {
        rc = -ENOSPC;
    } else if (atomic_load(&queue->writer.bytes) >= atomic_load(&queue->room_end)) {
        rc = -EAGAIN;
    } else if (queue->options.memory_bytes != 0 &&
               atomic_load(&queue->index_memory) + memory_taken >
                   queue->options.memory_bytes) {
        rc = -ENOMEM;
    }
    if (rc != 0) {
        queue_unreserve(queue, bytes, recipients);
    }
    return rc;
}

void queue_unreserve(struct queue *queue, uint64_t bytes, unsigned recipients)
{
    atomic_fetch_sub(&queue->reserved_bytes, bytes);
    atomic_fetch_sub(&queue->reserved_memory, (uint64_t)recipients * QUEUE_CREDIT_BYTES);
}
