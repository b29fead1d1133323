/* One segment file: its name, its first block, its trailer. No record inside is touched.
 *
 * A file is header block, records, and, once sealed, a footer that says what start-up
 * needs of all its records, found by the trailer in the file's last 64 bytes. */

#ifndef QUEUE_SEGMENT_H
#define QUEUE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/disk.h"

#define SEGMENT_DATA    4096 /* offset of the first record */
#define SEGMENT_TRAILER 64   /* bytes kept free for the trailer */
#define SEGMENT_NAME    32
#define SEGMENT_VERSION 1

struct segment_header {
    uint64_t number;
    uint64_t salt;
    uint64_t key_id; /* 0 = plain */
    uint64_t created_unix_ms;
    uint32_t bytes; /* records end at bytes - SEGMENT_TRAILER at the latest */
};

struct segment_trailer {
    uint64_t data_end; /* offset after the last record */
    uint64_t footer;   /* offset */
    uint32_t footer_length;
    uint32_t footer_checksum;
    uint32_t records; /* but pieces */
    uint32_t flags;
};
#define SEGMENT_SEALED 1 /* the footer is encrypted */
#define SEGMENT_HOLED  2 /* sealed past damage: pieces of its messages may be missing */

void segment_name(uint64_t number, char out_name[SEGMENT_NAME]);
/* 0 when it is no name of a segment. */
uint64_t segment_number(const char *name);

/* Fill a whole block of SEGMENT_DATA bytes. */
void segment_header_encode(const struct segment_header *header, uint8_t *out_block);
/* 0, -EBADMSG (no segment, or damaged) or -ENOTSUP (a version we cannot read). */
int segment_header_decode(const uint8_t *block, struct segment_header *out_header);

void segment_trailer_encode(const struct segment_trailer *trailer,
                            const struct segment_header *header, uint8_t *out_bytes);
bool segment_trailer_decode(const uint8_t *bytes, const struct segment_header *header,
                            struct segment_trailer *out_trailer);

/* pread and pwrite all of it. 0 or negative errno; -EBADMSG when the file is too short.
 */
int segment_read(const struct disk *disk, int handle, void *bytes, size_t length,
                 uint64_t offset, bool nowait);
int segment_write(const struct disk *disk, int handle, const void *bytes, size_t length,
                  uint64_t offset);

#endif
