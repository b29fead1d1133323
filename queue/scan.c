#include "queue/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crc32c.h"
#include "queue/mem.h"

#define WINDOW ((size_t)8 * 1024 * 1024)

void scan_init(struct scan *scan, const struct disk *disk, int handle,
               const struct segment_header *header, uint64_t end)
{
    uint64_t limit = header->bytes - SEGMENT_TRAILER;
    *scan = (struct scan){.disk = disk,
                          .handle = handle,
                          .header = *header,
                          .offset = SEGMENT_DATA,
                          .end = end == 0 || end > limit ? limit : end};
    int64_t size = disk->size(disk, handle);
    if (size >= 0 && (uint64_t)size < scan->end) {
        scan->end = (uint64_t)size;
    }
}

void scan_done(struct scan *scan)
{
    free(scan->window);
    scan->window = NULL;
}

/* Have length bytes at offset in the window. 1, 0 past the end, negative errno. */
static int look(struct scan *scan, uint64_t offset, size_t length, const uint8_t **out_at)
{
    if (offset > scan->end || length > scan->end - offset || length > WINDOW) {
        return 0;
    }
    if (offset < scan->window_offset ||
        offset + length > scan->window_offset + scan->window_length) {
        size_t room = scan->header.bytes < WINDOW ? scan->header.bytes : WINDOW;
        if (scan->window == NULL) {
            scan->window = mem_alloc(room);
        }
        uint64_t left = scan->end - offset;
        size_t wanted = left < room ? (size_t)left : room;
        scan->window_length = 0;
        int rc =
            segment_read(scan->disk, scan->handle, scan->window, wanted, offset, false);
        if (rc != 0) {
            return rc;
        }
        scan->window_offset = offset;
        scan->window_length = wanted;
    }
    *out_at = scan->window + (offset - scan->window_offset);
    return 1;
}

static int head_at(struct scan *scan, uint64_t offset, struct record_head *out_head)
{
    const uint8_t *at = NULL;
    int rc = look(scan, offset, RECORD_HEAD, &at);
    if (rc <= 0) {
        return rc;
    }
    return record_decode(at, scan->header.number, scan->header.salt, out_head) ? 1 : 0;
}

/* A whole good record at offset: 1, else 0 or negative errno. */
static int record_at(struct scan *scan, uint64_t offset, struct scan_item *out_item)
{
    struct record_head head;
    int rc = head_at(scan, offset, &head);
    if (rc <= 0) {
        return rc;
    }
    const uint8_t *at = NULL;
    rc = look(scan, offset, RECORD_HEAD + (size_t)head.length, &at);
    if (rc <= 0 || crc32c(0, at + RECORD_HEAD, head.length) != head.checksum) {
        return rc < 0 ? rc : 0;
    }
    *out_item =
        (struct scan_item){.offset = offset, .head = head, .payload = at + RECORD_HEAD};
    return 1;
}

/* Find the next good record after bytes that are none. */
static int resync(struct scan *scan, struct scan_item *out_item)
{
    struct scan_item found;
    uint64_t from = scan->offset;
    for (uint64_t at = from + RECORD_ALIGN; at + RECORD_HEAD <= scan->end;
         at += RECORD_ALIGN) {
        int rc = record_at(scan, at, &found);
        if (rc < 0) {
            return rc;
        }
        if (rc > 0) {
            *out_item = (struct scan_item){.damaged = true,
                                           .offset = from,
                                           .batch_before = scan->last_batch,
                                           .batch_after = found.head.batch};
            scan->offset = at;
            return 1;
        }
    }
    return 0;
}

int scan_next(struct scan *scan, struct scan_item *out_item)
{
    int rc = record_at(scan, scan->offset, out_item);
    if (rc == 0) {
        return resync(scan, out_item);
    }
    if (rc > 0) {
        scan->last_batch = out_item->head.batch;
        scan->offset = record_align(scan->offset + RECORD_HEAD + out_item->head.length);
    }
    return rc;
}
