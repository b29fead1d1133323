/* Good path: take the stack of submitted writes -> number them, fill their heads ->
 * pwritev -> done for those that need no sync -> wait out the spacing when the last batch
 * had company -> fdatasync -> done for the rest.
 * Failures: no space: the records of that pwritev fail with -ENOSPC, the file is cut at
 * the last good byte, what was written before is synced and good, a later write tries a
 * new segment. Any other failure of a write and any failure of a sync: everything pending
 * and everything later fails with -EIO; nothing is ever tried twice. */

#include "queue/writer.h"

#include <sys/syscall.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include "queue/record.h"

#define SLEEPING 1
#define NAPPING  2

#define COMPANY_FADES 16 /* a batch that was larger is forgotten by this share a sync */

static void futex_wait(atomic_uint *word, unsigned value, const struct timespec *timeout)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void wake(struct writer *writer)
{
    unsigned expected = SLEEPING;
    if (atomic_compare_exchange_strong(&writer->sleeping, &expected, 0)) {
        futex_wake(&writer->sleeping);
    }
}

void writer_submit(struct writer *writer, struct queue_write *write)
{
    struct queue_write *newest =
        atomic_load_explicit(&writer->newest, memory_order_relaxed);
    do {
        write->next = newest;
    } while (!atomic_compare_exchange_weak(&writer->newest, &newest, write));
    unsigned count = atomic_fetch_add(&writer->submitted, 1) + 1;
    unsigned expected = NAPPING;
    if (atomic_load(&writer->sleeping) != NAPPING) {
        wake(writer);
    } else if ((int)(count - atomic_load(&writer->enough)) >= 0 &&
               atomic_compare_exchange_strong(&writer->sleeping, &expected, 0)) {
        futex_wake(&writer->sleeping);
    }
}

static void take_submitted(struct writer *writer)
{
    struct queue_write *newest = atomic_exchange(&writer->newest, NULL);
    struct queue_write *oldest = NULL;
    while (newest != NULL) {
        struct queue_write *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct queue_write *next = oldest->next;
        writer->taken++;
        writer_list_add(&writer->waiting, oldest);
        oldest = next;
    }
}

static void finish(struct queue_write *write, int rc)
{
    write->rc = rc;
    write->done_cb(write, rc);
}

static void finish_list(struct writer_list *list, int rc)
{
    for (struct queue_write *write = writer_list_take(list); write != NULL;
         write = writer_list_take(list)) {
        finish(write, rc);
    }
}

static void fail(struct writer *writer)
{
    if (!atomic_exchange(&writer->failed, true)) {
        writer->options.failed_cb(writer->options.owner);
    }
    writer->part_count = 0;
    writer->part_bytes = 0;
    writer->unwritten = NULL;
    finish_list(&writer->batch, -EIO);
    finish_list(&writer->waiting, -EIO);
}

/* ---- writing ---- */

/* Write all gathered parts. 0 or negative errno. */
static int put_parts(struct writer *writer)
{
    const struct disk *disk = writer->options.disk;
    struct iovec *part = writer->parts;
    int count = writer->part_count;
    uint64_t offset = writer->written_offset;
    while (count > 0) {
        ssize_t wrote = disk->pwritev(disk, writer->segment.handle, part, count, offset);
        if (wrote <= 0) {
            return wrote == 0 ? -EIO : (int)wrote;
        }
        offset += (uint64_t)wrote;
        size_t left = (size_t)wrote;
        while (count > 0 && left >= part->iov_len) {
            left -= part->iov_len;
            part++;
            count--;
        }
        if (left > 0) {
            part->iov_base = (uint8_t *)part->iov_base + left;
            part->iov_len -= left;
        }
    }
    return 0;
}

/* The disk is full: what this pwritev was to write is refused, the rest stays good. */
static void refuse_unwritten(struct writer *writer)
{
    struct writer_list refused = {writer->unwritten, writer->batch.last};
    struct writer_list kept = {0};
    while (writer->batch.first != writer->unwritten) {
        writer_list_add(&kept, writer_list_take(&writer->batch));
    }
    writer->batch = kept;
    writer->unwritten = NULL;
    writer->offset = writer->written_offset;
    /* Should the cut fail too, the torn records have no sync behind them: a start cuts.
     */
    (void)writer->options.disk->resize(writer->options.disk, writer->segment.handle,
                                       writer->written_offset);
    for (const struct queue_write *write = refused.first; write != NULL;
         write = write->next) {
        writer->segment_records -= write->kind != QUEUE_PIECE;
    }
    finish_list(&refused, -ENOSPC);
}

/* Give back those that wanted no more than to be written. */
static void release_written(struct writer *writer)
{
    struct writer_list kept = {0};
    struct writer_list done = {0};
    for (struct queue_write *write = writer_list_take(&writer->batch); write != NULL;
         write = writer_list_take(&writer->batch)) {
        writer_list_add(write->level == QUEUE_WRITTEN ? &done : &kept, write);
    }
    writer->batch = kept;
    finish_list(&done, 0);
}

/* 0; -ENOSPC: the segment must be left; -EIO: failed, and everything has been told. */
static int flush(struct writer *writer)
{
    if (writer->part_count == 0) {
        return 0;
    }
    int rc = put_parts(writer);
    writer->part_count = 0;
    writer->part_bytes = 0;
    if (rc == -ENOSPC || rc == -EDQUOT) {
        refuse_unwritten(writer);
        return -ENOSPC;
    }
    if (rc != 0) {
        fail(writer);
        return -EIO;
    }
    writer->written_offset = writer->offset;
    writer->unwritten = NULL;
    return 0;
}

/* Wait until the last sync is far enough away, when that gathers company: when as many
 * are here as ever come, nobody is left to wait for. */
static void space_out(struct writer *writer)
{
    if (!writer->had_company || writer->options.now_ns_cb == NULL) {
        return;
    }
    uint64_t next = writer->last_sync_ns + WRITER_SPACING_NS;
    uint64_t now = writer->options.now_ns_cb();
    if (now >= next || atomic_load(&writer->stopping)) {
        return;
    }
    unsigned missing = writer->company > writer->batch_records
                           ? writer->company - writer->batch_records
                           : 0;
    unsigned enough = writer->taken + missing;
    struct timespec nap = {0, (long)(next - now)};
    atomic_store(&writer->enough, enough);
    atomic_store(&writer->sleeping, NAPPING);
    if ((int)(atomic_load(&writer->submitted) - enough) < 0) {
        futex_wait(&writer->sleeping, NAPPING, &nap);
    }
    atomic_store(&writer->sleeping, 0);
    if ((int)(atomic_load(&writer->submitted) - enough) >= 0) {
        atomic_fetch_add_explicit(&writer->early, 1, memory_order_relaxed);
    }
}

static int sync_batch(struct writer *writer)
{
    if (writer->batch_records == 0) {
        return 0;
    }
    if (writer->options.now_ns_cb != NULL) {
        writer->last_sync_ns = writer->options.now_ns_cb();
    }
    int rc =
        writer->options.disk->fdatasync(writer->options.disk, writer->segment.handle);
    if (rc != 0) {
        fail(writer);
        return -EIO;
    }
    atomic_fetch_add_explicit(&writer->syncs, 1, memory_order_relaxed);
    writer->had_company = writer->batch_records > 1;
    writer->company -= (writer->company + COMPANY_FADES - 1) / COMPANY_FADES;
    if (writer->batch_records > writer->company) {
        writer->company = writer->batch_records;
    }
    writer->batch_number++;
    writer->batch_records = 0;
    writer->batch_bytes = 0;
    finish_list(&writer->batch, 0);
    return 0;
}

/* ---- segments ---- */

static void leave_segment(struct writer *writer)
{
    if (!writer->has_segment) {
        return;
    }
    struct writer_closed closed = {writer->segment.header, writer->written_offset,
                                   writer->segment_records};
    writer->options.disk->close(writer->options.disk, writer->segment.handle);
    writer->has_segment = false;
    writer->options.closed_cb(writer->options.owner, &closed);
}

static int enter_segment(struct writer *writer, bool for_states)
{
    int rc = supply_take(writer->options.supply, for_states, &writer->segment);
    if (rc != 0) {
        return rc;
    }
    writer->has_segment = true;
    writer->wants_next = false;
    writer->offset = SEGMENT_DATA;
    writer->written_offset = SEGMENT_DATA;
    writer->sequence = 0;
    writer->batch_number = 1;
    writer->segment_records = 0;
    atomic_store(&writer->current, writer->segment.header.number);
    return 0;
}

static bool fits(const struct writer *writer, const struct queue_write *write)
{
    uint64_t end = record_align(writer->offset) + RECORD_HEAD + write->length;
    return writer->has_segment &&
           end + SEGMENT_TRAILER <= writer->options.segment_bytes &&
           (!writer->segment.reserve || write->may_use_reserve);
}

/* Have a segment that takes this write. -ENOSPC and -EMSGSIZE concern this write alone.
 */
static int make_room(struct writer *writer, const struct queue_write *write)
{
    if (SEGMENT_DATA + RECORD_HEAD + (uint64_t)write->length + SEGMENT_TRAILER >
            writer->options.segment_bytes ||
        RECORD_HEAD + (uint64_t)write->length > QUEUE_RECORD_BYTES) {
        return -EMSGSIZE;
    }
    if (fits(writer, write)) {
        return 0;
    }
    if (writer->has_segment && writer->segment.reserve && !write->may_use_reserve &&
        !supply_is_ready(writer->options.supply)) {
        return -ENOSPC;
    }
    int rc = flush(writer);
    if (rc == 0 || rc == -ENOSPC) {
        release_written(writer);
        rc = sync_batch(writer);
    }
    if (rc != 0) {
        return -EIO;
    }
    leave_segment(writer);
    return enter_segment(writer, write->may_use_reserve);
}

/* ---- a batch ---- */

static void fill_head(struct writer *writer, struct queue_write *write)
{
    struct record_head head = {
        .segment = writer->segment.header.number,
        .id = write->id,
        .sequence = writer->sequence++,
        .batch = writer->batch_number,
        .length = write->length,
        .checksum = write->checksum,
        .kind = write->kind,
        .flags = write->flags,
    };
    memset(write->head, 0, RECORD_ALIGN);
    record_encode(&head, writer->segment.header.salt, write->head + RECORD_ALIGN);
}

static void gather(struct writer *writer, struct queue_write *write)
{
    uint64_t start = record_align(writer->offset);
    size_t pad = (size_t)(start - writer->offset);
    fill_head(writer, write);
    writer->parts[writer->part_count++] =
        (struct iovec){write->head + RECORD_ALIGN - pad, RECORD_HEAD + pad};
    for (unsigned i = 0; i < write->part_count; i++) {
        if (write->parts[i].iov_len > 0) {
            writer->parts[writer->part_count++] = write->parts[i];
        }
    }
    write->place = (struct place){writer->segment.header.number, (uint32_t)start,
                                  RECORD_HEAD + write->length};
    writer->offset = start + RECORD_HEAD + write->length;
    if (!writer->wants_next && writer->offset > writer->options.segment_bytes / 2) {
        writer->wants_next = true;
        supply_want(writer->options.supply);
    }
    writer->part_bytes += pad + RECORD_HEAD + write->length;
    writer->segment_records += write->kind != QUEUE_PIECE;
    writer->batch_records++;
    writer->batch_bytes += RECORD_HEAD + write->length;
    writer_list_add(&writer->batch, write);
    if (writer->unwritten == NULL) {
        writer->unwritten = write;
    }
    bool copied = write->kind == QUEUE_COPY || write->kind == QUEUE_MOVED;
    atomic_fetch_add_explicit(copied ? &writer->copy_bytes : &writer->bytes,
                              RECORD_HEAD + write->length, memory_order_relaxed);
    atomic_fetch_add_explicit(&writer->records, 1, memory_order_relaxed);
}

/* Put one write into the batch. False when the queue has failed. */
static bool add(struct writer *writer, struct queue_write *write)
{
    int rc = make_room(writer, write);
    if (rc == -ENOSPC || rc == -EMSGSIZE) {
        finish(write, rc);
        return true;
    }
    if (rc == 0 && (unsigned)writer->part_count + write->part_count + 1 > WRITER_PARTS) {
        rc = flush(writer);
        if (rc == -ENOSPC) {
            /* The file ends here: this write goes the same way as those refused. */
            (void)sync_batch(writer);
            leave_segment(writer);
            finish(write, -ENOSPC);
            return !atomic_load(&writer->failed);
        }
    }
    if (rc != 0) {
        fail(writer);
        finish(write, -EIO);
        return false;
    }
    gather(writer, write);
    return true;
}

static void fill_batch(struct writer *writer)
{
    take_submitted(writer);
    while (writer->waiting.first != NULL && writer->batch_bytes < WRITER_BATCH_BYTES &&
           writer->batch_records < WRITER_BATCH_RECORDS) {
        if (!add(writer, writer_list_take(&writer->waiting))) {
            return;
        }
    }
}

/* Write what has been gathered. False when the queue has failed. */
static bool write_batch(struct writer *writer)
{
    int rc = flush(writer);
    if (rc == -EIO) {
        return false;
    }
    release_written(writer);
    if (rc == -ENOSPC) {
        if (sync_batch(writer) != 0) {
            return false;
        }
        writer->batch_records = 0;
        writer->batch_bytes = 0;
        leave_segment(writer);
    }
    return true;
}

static void run_batch(struct writer *writer)
{
    fill_batch(writer);
    if (atomic_load(&writer->failed) || !write_batch(writer)) {
        return;
    }
    if (writer->had_company && writer->batch_records > 0) {
        space_out(writer);
        fill_batch(writer);
        if (atomic_load(&writer->failed) || !write_batch(writer)) {
            return;
        }
    }
    (void)sync_batch(writer);
}

static bool is_idle(struct writer *writer)
{
    return writer->waiting.first == NULL && atomic_load(&writer->newest) == NULL;
}

static void *writer_main(void *arg)
{
    struct writer *writer = arg;
    for (;;) {
        if (!is_idle(writer)) {
            if (atomic_load(&writer->failed)) {
                take_submitted(writer);
                finish_list(&writer->waiting, -EIO);
            } else {
                run_batch(writer);
            }
            continue;
        }
        if (atomic_load(&writer->stopping)) {
            break;
        }
        atomic_store(&writer->sleeping, SLEEPING);
        if (is_idle(writer) && !atomic_load(&writer->stopping)) {
            futex_wait(&writer->sleeping, SLEEPING, NULL);
        }
        atomic_store(&writer->sleeping, 0);
    }
    leave_segment(writer);
    return NULL;
}

void writer_init(struct writer *writer, const struct writer_options *options)
{
    memset(writer, 0, sizeof *writer);
    writer->options = *options;
}

int writer_start(struct writer *writer)
{
    int rc = pthread_create(&writer->thread, NULL, writer_main, writer);
    writer->running = rc == 0;
    return -rc;
}

void writer_stop(struct writer *writer)
{
    if (writer->running) {
        atomic_store(&writer->stopping, true);
        wake(writer);
        (void)pthread_join(writer->thread, NULL);
        writer->running = false;
    }
}
