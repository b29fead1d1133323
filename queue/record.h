/* The fixed header in front of every record: bytes <-> value. No I/O.
 *
 * The header's checksum is salted with the segment's salt and covers the payload's
 * checksum, the segment's number and the place in its order: a copy of a record in a mail
 * body, or one left over from an earlier use of the file, is none. */

#ifndef QUEUE_RECORD_H
#define QUEUE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define RECORD_HEAD   48
#define RECORD_ALIGN  8
#define RECORD_SEALED 1 /* flag: the payload is encrypted */

struct record_head {
    uint64_t segment;
    uint64_t id;       /* of the message; 0 for changes */
    uint32_t sequence; /* in the segment, from 0 */
    uint32_t batch;    /* sync in this segment that made it durable, from 1 */
    uint32_t length;   /* of the payload as stored */
    uint32_t checksum; /* CRC-32C of it */
    uint16_t kind;     /* enum queue_kind */
    uint16_t flags;
};

void record_encode(const struct record_head *head, uint64_t salt, uint8_t *out_bytes);

/* False when the bytes are no record of that segment under that salt. */
bool record_decode(const uint8_t *bytes, uint64_t segment, uint64_t salt,
                   struct record_head *out_head);

/* Where the next record begins after one that ends at offset. */
static inline uint64_t record_align(uint64_t offset)
{
    return (offset + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
}

#endif
