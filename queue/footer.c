/* Good path: scan records -> digest (sealed when there is a key) -> write it behind the
 * records -> trailer into the file's last bytes -> fdatasync.
 * Failures: a crash on the way leaves no trailer whose checksum holds, and the segment is
 * scanned at start; a full disk leaves it unsealed in the same way. */

#include "queue/footer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crc32c.h"
#include "queue/mem.h"
#include "queue/queue.h"

static int put_item(void *owner, const struct digest_item *item)
{
    digest_put(owner, item);
    return 0;
}

static int collect(struct scan *scan, const struct seal *seal, bool past_damage,
                   struct digest_writer *writer)
{
    struct scan_item item;
    for (;;) {
        int rc = scan_next(scan, &item);
        if (rc <= 0) {
            return rc;
        }
        if (!item.damaged) {
            rc = digest_record(&item, seal, put_item, writer);
            writer->records += rc == 0 && item.head.kind != QUEUE_PIECE;
        }
        bool bad = item.damaged || rc == -EBADMSG;
        if (bad ? !past_damage : rc < 0) {
            return bad ? -EBADMSG : rc;
        }
    }
}

/* Encrypt the digest in place of the plain one. */
static int seal_digest(struct digest_writer *writer, const struct seal *seal,
                       uint64_t number)
{
    uint8_t *sealed = mem_alloc(writer->length + seal->overhead);
    struct iovec part = {writer->bytes, writer->length};
    int rc = seal->seal(seal->owner, &part, 1, number, sealed);
    if (rc != 0) {
        free(sealed);
        return rc;
    }
    free(writer->bytes);
    writer->bytes = sealed;
    writer->length += seal->overhead;
    return 0;
}

static int put_down(const struct disk *disk, int handle,
                    const struct segment_header *header,
                    const struct digest_writer *writer, struct segment_trailer *trailer)
{
    uint8_t bytes[SEGMENT_TRAILER];
    int64_t size = disk->size(disk, handle);
    if (size < 0) {
        return (int)size;
    }
    uint64_t end = trailer->footer + writer->length;
    uint64_t at =
        (uint64_t)size >= end + SEGMENT_TRAILER ? (uint64_t)size - SEGMENT_TRAILER : end;
    trailer->footer_length = (uint32_t)writer->length;
    trailer->footer_checksum = crc32c(0, writer->bytes, writer->length);
    trailer->records = writer->records;
    segment_trailer_encode(trailer, header, bytes);
    int rc = segment_write(disk, handle, writer->bytes, writer->length, trailer->footer);
    if (rc == 0) {
        rc = segment_write(disk, handle, bytes, sizeof bytes, at);
    }
    return rc == 0 ? disk->fdatasync(disk, handle) : rc;
}

int footer_write(const struct disk *disk, int handle, const struct segment_header *header,
                 const struct seal *seal, uint64_t end, bool past_damage)
{
    struct digest_writer writer;
    struct scan scan;
    digest_writer_init(&writer);
    scan_init(&scan, disk, handle, header, end);
    int rc = collect(&scan, seal, past_damage, &writer);
    struct segment_trailer trailer = {.data_end = scan.offset,
                                      .footer = scan.offset,
                                      .flags = past_damage ? SEGMENT_HOLED : 0};
    scan_done(&scan);
    if (rc == 0 && seal != NULL) {
        trailer.flags |= SEGMENT_SEALED;
        rc = seal_digest(&writer, seal, header->number);
    }
    if (rc == 0 && writer.length > UINT32_MAX) {
        rc = -EFBIG;
    }
    if (rc == 0) {
        rc = put_down(disk, handle, header, &writer, &trailer);
    }
    digest_writer_done(&writer);
    return rc;
}

int footer_find(const struct disk *disk, int handle, const struct segment_header *header,
                struct segment_trailer *out_trailer)
{
    uint8_t bytes[SEGMENT_TRAILER];
    struct segment_trailer trailer;
    int64_t size = disk->size(disk, handle);
    if (size < SEGMENT_DATA + SEGMENT_TRAILER) {
        return size < 0 ? (int)size : -ENOENT;
    }
    uint64_t at = (uint64_t)size - SEGMENT_TRAILER;
    int rc = segment_read(disk, handle, bytes, sizeof bytes, at, false);
    if (rc != 0) {
        return rc;
    }
    if (!segment_trailer_decode(bytes, header, &trailer)) {
        return -ENOENT;
    }
    if (trailer.data_end < SEGMENT_DATA || trailer.footer < trailer.data_end ||
        trailer.footer > at || trailer.footer_length > at - trailer.footer) {
        return -EBADMSG;
    }
    *out_trailer = trailer;
    return 0;
}

int footer_load(const struct disk *disk, int handle, const struct segment_header *header,
                const struct seal *seal, const struct segment_trailer *trailer,
                struct footer_digest *out_digest)
{
    size_t length = trailer->footer_length;
    uint8_t *bytes = mem_try(length);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    int rc = segment_read(disk, handle, bytes, length, trailer->footer, false);
    if (rc == 0 && crc32c(0, bytes, length) != trailer->footer_checksum) {
        rc = -EBADMSG;
    }
    if (rc == 0 && (trailer->flags & SEGMENT_SEALED) != 0) {
        if (seal == NULL || length < seal->overhead) {
            rc = -EBADMSG;
        } else {
            rc = seal->open(seal->owner, bytes, length, header->number);
            length -= seal->overhead;
        }
    }
    if (rc != 0) {
        free(bytes);
        return rc;
    }
    *out_digest = (struct footer_digest){.bytes = bytes, .length = length};
    return 0;
}

int footer_read(const struct disk *disk, int handle, const struct segment_header *header,
                const struct seal *seal, const struct segment_trailer *trailer,
                const struct digest_sink *sink)
{
    struct footer_digest digest;
    int rc = footer_load(disk, handle, header, seal, trailer, &digest);
    if (rc == 0) {
        rc = digest_read(digest.bytes, digest.length, header->number, sink->item_cb,
                         sink->owner);
        free(digest.bytes);
    }
    return rc;
}
