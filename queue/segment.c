#include "queue/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/crc32c.h"

#define HEADER_USED 56
static const uint8_t header_magic[8] = {'M', 'E', 'S', 'U', 'R', 'A', 'Q', '\n'};
static const uint8_t trailer_magic[8] = {'M', 'Q', 'T', 'R', 'A', 'I', 'L', '\n'};

void segment_name(uint64_t number, char out_name[SEGMENT_NAME])
{
    (void)snprintf(out_name, SEGMENT_NAME, "%016llx.seg", (unsigned long long)number);
}

uint64_t segment_number(const char *name)
{
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0) {
        return 0;
    }
    uint64_t number = 0;
    for (int i = 0; i < 16; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = strchr(digits, name[i]);
        if (digit == NULL) {
            return 0;
        }
        number = number << 4 | (uint64_t)(digit - digits);
    }
    return number;
}

void segment_header_encode(const struct segment_header *header, uint8_t *out_block)
{
    memset(out_block, 0, SEGMENT_DATA);
    memcpy(out_block, header_magic, sizeof header_magic);
    bytes_put_u32(out_block + 8, SEGMENT_VERSION);
    bytes_put_u64(out_block + 16, header->number);
    bytes_put_u64(out_block + 24, header->salt);
    bytes_put_u64(out_block + 32, header->key_id);
    bytes_put_u64(out_block + 40, header->created_unix_ms);
    bytes_put_u32(out_block + 48, header->bytes);
    bytes_put_u32(out_block + 52, SEGMENT_DATA);
    bytes_put_u32(out_block + 12, crc32c(0, out_block + 16, HEADER_USED - 16));
}

int segment_header_decode(const uint8_t *block, struct segment_header *out_header)
{
    if (memcmp(block, header_magic, sizeof header_magic) != 0) {
        return -EBADMSG;
    }
    if (bytes_u32(block + 8) != SEGMENT_VERSION) {
        return -ENOTSUP;
    }
    struct segment_header header = {
        .number = bytes_u64(block + 16),
        .salt = bytes_u64(block + 24),
        .key_id = bytes_u64(block + 32),
        .created_unix_ms = bytes_u64(block + 40),
        .bytes = bytes_u32(block + 48),
    };
    if (bytes_u32(block + 12) != crc32c(0, block + 16, HEADER_USED - 16) ||
        header.number == 0 || header.bytes < SEGMENT_DATA + SEGMENT_TRAILER ||
        bytes_u32(block + 52) != SEGMENT_DATA) {
        return -EBADMSG;
    }
    *out_header = header;
    return 0;
}

static uint32_t trailer_sum(const uint8_t *bytes, uint64_t salt)
{
    uint8_t salted[8];
    bytes_put_u64(salted, salt);
    return crc32c(crc32c(0, salted, sizeof salted), bytes + 12, SEGMENT_TRAILER - 12);
}

void segment_trailer_encode(const struct segment_trailer *trailer,
                            const struct segment_header *header, uint8_t *out_bytes)
{
    memset(out_bytes, 0, SEGMENT_TRAILER);
    memcpy(out_bytes, trailer_magic, sizeof trailer_magic);
    bytes_put_u64(out_bytes + 16, header->number);
    bytes_put_u64(out_bytes + 24, trailer->data_end);
    bytes_put_u64(out_bytes + 32, trailer->footer);
    bytes_put_u32(out_bytes + 40, trailer->footer_length);
    bytes_put_u32(out_bytes + 44, trailer->footer_checksum);
    bytes_put_u32(out_bytes + 48, trailer->records);
    bytes_put_u32(out_bytes + 52, trailer->flags);
    bytes_put_u32(out_bytes + 8, trailer_sum(out_bytes, header->salt));
}

bool segment_trailer_decode(const uint8_t *bytes, const struct segment_header *header,
                            struct segment_trailer *out_trailer)
{
    if (memcmp(bytes, trailer_magic, sizeof trailer_magic) != 0 ||
        bytes_u32(bytes + 8) != trailer_sum(bytes, header->salt) ||
        bytes_u64(bytes + 16) != header->number) {
        return false;
    }
    *out_trailer = (struct segment_trailer){
        .data_end = bytes_u64(bytes + 24),
        .footer = bytes_u64(bytes + 32),
        .footer_length = bytes_u32(bytes + 40),
        .footer_checksum = bytes_u32(bytes + 44),
        .records = bytes_u32(bytes + 48),
        .flags = bytes_u32(bytes + 52),
    };
    return true;
}

int segment_read(const struct disk *disk, int handle, void *bytes, size_t length,
                 uint64_t offset, bool nowait)
{
    uint8_t *at = bytes;
    while (length > 0) {
        ssize_t got = disk->pread(disk, handle, at, length, offset, nowait);
        if (got <= 0) {
            return got == 0 ? -EBADMSG : (int)got;
        }
        at += got;
        length -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int segment_write(const struct disk *disk, int handle, const void *bytes, size_t length,
                  uint64_t offset)
{
    union {
        const void *kept;
        uint8_t *at;
    } from = {.kept = bytes};
    while (length > 0) {
        struct iovec part = {from.at, length};
        ssize_t wrote = disk->pwritev(disk, handle, &part, 1, offset);
        if (wrote <= 0) {
            return wrote == 0 ? -EIO : (int)wrote;
        }
        from.at += wrote;
        length -= (size_t)wrote;
        offset += (uint64_t)wrote;
    }
    return 0;
}
