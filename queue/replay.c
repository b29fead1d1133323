/* Start-up: from the files in the directory to the index.
 *
 * Good path: list -> headers -> segments in order, each by its footer (read ahead,
 * ahead.c), or record by record when it has none -> every record becomes items -> items
 * change the index as they did when they were written. Running it twice gives the same
 * index; nothing is written but names of files that are set aside or empty. What a crash
 * can leave: a tail torn anywhere in the last batch of the last segment (never
 * acknowledged; what is whole of it is kept, the rest is cut), prepared segments without
 * records and spare files (used again), copies whose original is still there (replay.c
 * believes the original and has the state written anew, restate.c). What is damage: bytes
 * that are no record, with anything later than their batch behind them. It costs what was
 * in those bytes and is said in a note. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/ahead.h"
#include "queue/mem.h"
#include "queue/replay_impl.h"

/* ---- what is there ---- */

static void on_name(void *owner, const char *name)
{
    struct replay *replay = owner;
    uint64_t number = segment_number(name);
    size_t length = strlen(name);
    if (number != 0) {
        if (replay->count == replay->room) {
            replay->room = replay->room == 0 ? 64 : replay->room * 2;
            replay->numbers =
                mem_resize(replay->numbers, replay->room * sizeof *replay->numbers);
        }
        replay->numbers[replay->count++] = number;
    } else if (strncmp(name, "spare-", 6) == 0 && length < SEGMENT_NAME) {
        if (replay->spare_count == replay->spare_room) {
            replay->spare_room = replay->spare_room == 0 ? 16 : replay->spare_room * 2;
            replay->spares =
                mem_resize(replay->spares, replay->spare_room * sizeof *replay->spares);
        }
        memcpy(replay->spares[replay->spare_count++], name, length + 1);
    }
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void set_aside(struct replay *replay, struct found *found, const char *why)
{
    struct queue *queue = replay->queue;
    char name[SEGMENT_NAME];
    char bad[SEGMENT_NAME + 8];
    char text[120];
    segment_name(found->number, name);
    (void)snprintf(bad, sizeof bad, "%s.bad", name);
    int rc = queue->disk->rename(queue->disk, name, bad);
    (void)snprintf(text, sizeof text, "%s; kept as %s%s", why, rc == 0 ? bad : name,
                   rc == 0 ? "" : " (it could not be renamed)");
    queue_note(queue, QUEUE_NOTE_SET_ASIDE, found->number, 0, text);
    found->usable = false;
}

static int check_header(struct replay *replay, struct found *found, struct errmsg *err)
{
    struct queue *queue = replay->queue;
    uint8_t block[SEGMENT_DATA];
    char name[SEGMENT_NAME];
    segment_name(found->number, name);
    int handle = queue->disk->open_readonly(queue->disk, name);
    if (handle < 0) {
        set_aside(replay, found, "cannot be opened");
        return 0;
    }
    int rc = segment_read(queue->disk, handle, block, sizeof block, 0, false);
    queue->disk->close(queue->disk, handle);
    if (rc == 0) {
        rc = segment_header_decode(block, &found->header);
    }
    if (rc == -ENOTSUP) {
        errmsg_set(err, "%s was written by a newer version", name);
        return rc;
    }
    if (rc != 0 || found->header.number != found->number) {
        set_aside(replay, found, "its header is damaged or cannot be read");
        return 0;
    }
    uint64_t key_id = queue->seal == NULL ? 0 : queue->seal->key_id;
    if (found->header.key_id != key_id) {
        errmsg_set(err,
                   key_id == 0 ? "%s is encrypted and no key is configured"
                               : "%s is not encrypted with the configured key",
                   name);
        return -EKEYREJECTED;
    }
    found->usable = true;
    return 0;
}

static int look_around(struct replay *replay, struct errmsg *err)
{
    const struct disk *disk = replay->queue->disk;
    int rc = disk->list(disk, on_name, replay);
    if (rc != 0) {
        errmsg_errno(err, rc, "list the directory");
        return rc;
    }
    if (replay->count > 0) {
        qsort(replay->numbers, replay->count, sizeof *replay->numbers, by_number);
    }
    replay->found = mem_alloc(replay->count * sizeof *replay->found);
    for (size_t i = 0; i < replay->count; i++) {
        replay->found[i].number = replay->numbers[i];
        rc = check_header(replay, &replay->found[i], err);
        if (rc != 0) {
            return rc;
        }
    }
    /* All must be on the shelf before the first record speaks about another segment. */
    for (size_t i = 0; i < replay->count; i++) {
        struct found *found = &replay->found[i];
        if (!found->usable) {
            continue;
        }
        uint16_t slot = shelf_take(&replay->queue->index.shelf, found->number);
        if (slot == 0) {
            errmsg_set(err, "more than %d segments", SHELF_SLOTS);
            return -EMFILE;
        }
        struct shelf_segment *segment = shelf_at(&replay->queue->index.shelf, slot);
        segment->salt = found->header.salt;
        segment->file_bytes = found->header.bytes;
        segment->closed = true;
    }
    return 0;
}

/* ---- one segment ---- */

static void add_hole(struct replay *replay, struct found *found, uint64_t offset,
                     uint32_t batch_after)
{
    replay->holes =
        mem_resize(replay->holes, (replay->hole_count + 1) * sizeof *replay->holes);
    replay->holes[replay->hole_count++] =
        (struct hole){found->number, offset, batch_after, 0};
    found->damaged = true;
    shelf_at(&replay->queue->index.shelf,
             shelf_find(&replay->queue->index.shelf, found->number))
        ->damaged = true;
}

/* A head without its payload at the end of all that is good. */
static bool has_torn_record(struct scan *scan)
{
    uint8_t bytes[RECORD_HEAD];
    struct record_head head;
    return scan->offset + RECORD_HEAD <= scan->end &&
           segment_read(scan->disk, scan->handle, bytes, sizeof bytes, scan->offset,
                        false) == 0 &&
           record_decode(bytes, scan->header.number, scan->header.salt, &head);
}

static int scan_records(struct replay *replay, struct found *found, struct scan *scan)
{
    struct scan_item item;
    for (;;) {
        int rc = scan_next(scan, &item);
        if (rc <= 0) {
            return rc;
        }
        if (!item.damaged) {
            rc = digest_record(&item, replay->queue->seal, replay_item, replay);
            found->records += item.head.kind != QUEUE_PIECE;
        }
        if (item.damaged || rc == -EBADMSG) {
            uint32_t after = item.damaged ? item.batch_after : item.head.batch;
            add_hole(replay, found, item.offset, after);
        } else if (rc < 0) {
            return rc;
        }
    }
}

static int scan_segment(struct replay *replay, struct found *found, int handle)
{
    struct scan scan;
    size_t first_hole = replay->hole_count;
    replay->check_pieces = true;
    scan_init(&scan, replay->queue->disk, handle, &found->header, 0);
    int rc = scan_records(replay, found, &scan);
    if (rc == 0 && has_torn_record(&scan)) {
        add_hole(replay, found, scan.offset, 0);
    }
    for (size_t i = first_hole; i < replay->hole_count; i++) {
        replay->holes[i].last_batch = scan.last_batch;
    }
    found->end = scan.offset;
    scan_done(&scan);
    replay->check_pieces = false;
    return rc;
}

/* Record by record, where there is no footer. */
static int read_records(struct replay *replay, struct found *found)
{
    const struct disk *disk = replay->queue->disk;
    char name[SEGMENT_NAME];
    segment_name(found->number, name);
    int handle = disk->open_readonly(disk, name);
    if (handle < 0) {
        return handle;
    }
    int rc = scan_segment(replay, found, handle);
    disk->close(disk, handle);
    return rc;
}

static int read_segment(struct replay *replay, struct found *found,
                        const struct ahead_footer *footer)
{
    struct queue *queue = replay->queue;
    struct shelf_segment *segment =
        shelf_at(&queue->index.shelf, shelf_find(&queue->index.shelf, found->number));
    int rc = footer->rc;
    if (footer->file_bytes > 0) {
        segment->file_bytes = footer->file_bytes;
    }
    if (rc == 0) {
        replay->check_pieces = (footer->trailer.flags & SEGMENT_HOLED) != 0;
        segment->damaged |= replay->check_pieces;
        rc = replay_digest(replay, footer->bytes, footer->length, found->number);
        replay->check_pieces = false;
        found->records = footer->trailer.records;
        found->sealed = rc == 0;
    }
    if (rc == -ENOENT || rc == -EBADMSG) {
        /* Items of a footer that broke in the middle come once more: that is harmless. */
        found->records = 0;
        rc = read_records(replay, found);
    }
    return rc;
}

/* ---- afterwards ---- */

static void judge_holes(struct replay *replay)
{
    uint64_t last = 0;
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->found[i].records > 0 || replay->found[i].sealed) {
            last = replay->found[i].number;
        }
    }
    for (size_t i = 0; i < replay->hole_count; i++) {
        const struct hole *hole = &replay->holes[i];
        bool torn = hole->segment >= last &&
                    (hole->batch_after == 0 || hole->batch_after == hole->last_batch);
        queue_note(replay->queue, torn ? QUEUE_NOTE_CUT : QUEUE_NOTE_DAMAGED,
                   hole->segment, hole->offset,
                   torn ? "a torn tail that was never acknowledged was cut"
                        : "a damaged record is lost");
    }
}

/* What was read from an unsealed segment may be in the page cache only (a kill and no
 * power failure): nothing may be built on it before it is synced. Sealing does that, and
 * keeps a torn tail from looking like damage once later segments have records. */
static int seal_now(struct replay *replay, const struct found *found)
{
    struct queue *queue = replay->queue;
    char name[SEGMENT_NAME];
    segment_name(found->number, name);
    int handle = queue->disk->open(queue->disk, name, false);
    if (handle < 0) {
        return handle;
    }
    int rc = footer_write(queue->disk, handle, &found->header, queue->seal, found->end,
                          found->damaged);
    if (rc == -ENOSPC || rc == -EDQUOT || rc == -EBADMSG) {
        rc = queue->disk->fdatasync(queue->disk, handle);
    }
    int64_t size = queue->disk->size(queue->disk, handle);
    uint16_t slot = shelf_find(&queue->index.shelf, found->number);
    if (size > 0) {
        shelf_at(&queue->index.shelf, slot)->file_bytes = (uint64_t)size;
    }
    queue->disk->close(queue->disk, handle);
    return rc;
}

static int put_away(struct replay *replay, const struct found *found)
{
    int rc = 0;
    struct queue *queue = replay->queue;
    char name[SEGMENT_NAME];
    uint16_t slot = shelf_find(&queue->index.shelf, found->number);
    struct shelf_segment *segment = shelf_at(&queue->index.shelf, slot);
    segment->seen = found->records;
    segment->written = found->records;
    if (found->sealed) {
        segment->settled = true;
    } else if (found->end > SEGMENT_DATA) {
        rc = seal_now(replay, found);
        segment->settled = true;
    } else if (segment->live_messages > 0 || segment->live_states > 0) {
        /* Only a disk that lied about a sync, or a hand, can empty such a file. */
        segment->settled = true;
        segment->damaged = true;
        queue_note(queue, QUEUE_NOTE_DAMAGED, found->number, SEGMENT_DATA,
                   "all its records are gone, and others speak of them");
    } else {
        /* Prepared and never used, or only its first batch was torn off. */
        shelf_remove(&queue->index.shelf, slot);
        segment_name(found->number, name);
        supply_adopt(&queue->supply, name);
    }
    return rc;
}

static uint64_t next_number(const struct replay *replay)
{
    uint64_t next = replay->count == 0 ? 1 : replay->numbers[replay->count - 1] + 1;
    for (size_t i = 0; i < replay->spare_count; i++) {
        uint64_t spare = strtoull(replay->spares[i] + 6, NULL, 16);
        if (spare != UINT64_MAX && spare >= next) {
            next = spare + 1;
        }
    }
    return next;
}

static int read_one(struct replay *replay, struct found *found,
                    const struct ahead_footer *footer)
{
    int rc = read_segment(replay, found, footer);
    if (rc == -ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        /* What was read of it stays; its other records may be read by hand. */
        queue_note(replay->queue, QUEUE_NOTE_DAMAGED, found->number, 0,
                   "the file cannot be read to its end");
        uint16_t slot = shelf_find(&replay->queue->index.shelf, found->number);
        shelf_at(&replay->queue->index.shelf, slot)->damaged = true;
        found->damaged = true;
        found->sealed = true; /* left alone */
    }
    return 0;
}

static int read_all(struct replay *replay)
{
    struct segment_header *headers = mem_alloc(replay->count * sizeof *headers);
    struct ahead ahead;
    size_t count = 0;
    int rc = 0;
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->found[i].usable) {
            headers[count++] = replay->found[i].header;
        }
    }
    ahead_start(&ahead, replay->queue->disk, replay->queue->seal, headers, count);
    for (size_t i = 0; i < replay->count && rc == 0; i++) {
        struct ahead_footer footer;
        if (replay->found[i].usable) {
            ahead_take(&ahead, &footer);
            if (footer.rc == 0) {
                /* Compaction sees to it that most of what is on the disk lives. */
                index_expect(&replay->queue->index,
                             footer.trailer.records * (uint64_t)(count - i));
            }
            rc = read_one(replay, &replay->found[i], &footer);
            free(footer.bytes);
        }
    }
    ahead_stop(&ahead);
    free(headers);
    return rc;
}

int replay_run(struct queue *queue, uint64_t *out_next_number, struct errmsg *err)
{
    struct replay replay = {.queue = queue};
    int rc = look_around(&replay, err);
    if (rc == 0) {
        rc = read_all(&replay);
    }
    if (rc == 0) {
        judge_holes(&replay);
        replay_drop_incomplete(&replay);
        *out_next_number = next_number(&replay);
        queue->supply.next_number = *out_next_number;
        for (size_t i = 0; i < replay.spare_count; i++) {
            supply_adopt(&queue->supply, replay.spares[i]);
        }
        for (size_t i = 0; rc == 0 && i < replay.count; i++) {
            if (replay.found[i].usable) {
                rc = put_away(&replay, &replay.found[i]);
            }
        }
        /* Before anything is written into them, no name of a segment may lead to them. */
        if (rc == 0) {
            rc = queue->disk->sync_dir(queue->disk);
        }
        if (rc != 0) {
            errmsg_errno(err, rc, "make durable what was found");
        }
    }
    free(replay.numbers);
    free(replay.spares);
    free(replay.found);
    free(replay.holes);
    free(replay.doubtful);
    return rc;
}
