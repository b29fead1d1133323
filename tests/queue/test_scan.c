#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/crc32c.h"
#include "queue/scan.h"

#include "tests/support/fake_disk.h"
#include "tests/support/test.h"

#define BYTES   65536
#define RECORDS 20
#define SALT    77

struct row {
    struct fake_disk *fake;
    const struct disk *disk;
    struct segment_header header;
    int handle;
    uint64_t offsets[RECORDS + 1]; /* the last is the end */
};

static uint8_t payload_byte(unsigned record, unsigned at)
{
    return (uint8_t)(record * 37 + at);
}

static uint32_t length_of(unsigned record)
{
    return record * 97 % 1000; /* the first is empty */
}

/* A file of records, batches of four, zeroes behind. */
static void row_init(struct row *row)
{
    uint8_t *bytes = calloc(1, BYTES);
    cr_assert_not_null(bytes);
    row->fake = fake_disk_new(1);
    row->disk = fake_disk_face(row->fake);
    row->header = (struct segment_header){.number = 3, .salt = SALT, .bytes = BYTES};
    uint64_t at = SEGMENT_DATA;
    segment_header_encode(&row->header, bytes);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record_head head = {.segment = 3,
                                   .id = i + 1,
                                   .sequence = i,
                                   .batch = 1 + i / 4,
                                   .length = length_of(i),
                                   .kind = 1};
        for (unsigned k = 0; k < head.length; k++) {
            bytes[at + RECORD_HEAD + k] = payload_byte(i, k);
        }
        head.checksum = crc32c(0, bytes + at + RECORD_HEAD, head.length);
        record_encode(&head, SALT, bytes + at);
        row->offsets[i] = at;
        at = record_align(at + RECORD_HEAD + head.length);
    }
    row->offsets[RECORDS] = at;
    row->handle = row->disk->open(row->disk, "0000000000000003.seg", true);
    cr_assert_geq(row->handle, 0);
    cr_assert_eq(segment_write(row->disk, row->handle, bytes, BYTES, 0), 0);
    cr_assert_eq(row->disk->fdatasync(row->disk, row->handle), 0);
    free(bytes);
}

static void row_done(struct row *row)
{
    row->disk->close(row->disk, row->handle);
    fake_disk_free(row->fake);
}

/* Which records a scan finds, as bits; how many stretches of damage. */
static unsigned found_by(struct row *row, uint64_t end, unsigned *out_holes,
                         uint64_t *out_offset)
{
    struct scan scan;
    struct scan_item item;
    unsigned found = 0;
    *out_holes = 0;
    scan_init(&scan, row->disk, row->handle, &row->header, end);
    int rc = scan_next(&scan, &item);
    for (; rc > 0; rc = scan_next(&scan, &item)) {
        if (item.damaged) {
            (*out_holes)++;
            cr_assert_leq(item.batch_before, item.batch_after);
            continue;
        }
        unsigned i = (unsigned)item.head.id - 1;
        cr_assert_lt(i, RECORDS);
        cr_assert_eq(item.offset, row->offsets[i]);
        cr_assert_eq(item.head.length, length_of(i));
        for (unsigned k = 0; k < item.head.length; k++) {
            cr_assert_eq(item.payload[k], payload_byte(i, k));
        }
        found |= 1U << i;
    }
    cr_assert_eq(rc, 0);
    *out_offset = scan.offset;
    scan_done(&scan);
    scan_done(&scan);
    return found;
}

/* A good file gives its records in order and ends behind the last, wherever the end is
 * set: a record that reaches over the end is not there. */
TEST(scan, whole)
{
    struct row row;
    unsigned holes = 0;
    uint64_t offset = 0;
    row_init(&row);
    cr_assert_eq(found_by(&row, 0, &holes, &offset), (1U << RECORDS) - 1);
    cr_assert_eq(holes, 0);
    cr_assert_eq(offset, row.offsets[RECORDS]);
    for (unsigned i = 1; i < RECORDS; i++) {
        uint64_t end = row.offsets[i] + RECORD_HEAD + length_of(i);
        cr_assert_eq(found_by(&row, end - 1, &holes, &offset), (1U << i) - 1);
        cr_assert_eq(offset, row.offsets[i]);
        cr_assert_eq(found_by(&row, end, &holes, &offset), (2U << i) - 1);
    }
    cr_assert_eq(found_by(&row, SEGMENT_DATA, &holes, &offset), 0);
    row_done(&row);
}

/* Another salt or number: not one record, and nothing taken for damage. */
TEST(scan, strangers)
{
    struct row row;
    unsigned holes = 0;
    uint64_t offset = 0;
    row_init(&row);
    row.header.salt++;
    cr_assert_eq(found_by(&row, 0, &holes, &offset), 0);
    cr_assert_eq(offset, SEGMENT_DATA);
    row.header.salt--;
    row.header.number++;
    cr_assert_eq(found_by(&row, 0, &holes, &offset), 0);
    cr_assert_eq(holes, 0);
    row_done(&row);
}

/* A flipped bit costs exactly the record it is in, and is told as one stretch unless
 * nothing follows; a bit in the padding or behind the end costs nothing. Prints its
 * seed. */
TEST(scan, one_bit)
{
    struct row row;
    uint64_t dice = 5;
    printf("seed %llu\n", (unsigned long long)dice);
    row_init(&row);
    for (int round = 0; round < 300; round++) {
        unsigned holes = 0;
        uint64_t offset = 0;
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t at = SEGMENT_DATA + (dice >> 33) % (row.offsets[RECORDS] - SEGMENT_DATA);
        unsigned hit = RECORDS;
        for (unsigned i = 0; i < RECORDS; i++) {
            if (at >= row.offsets[i] &&
                at < row.offsets[i] + RECORD_HEAD + length_of(i)) {
                hit = i;
            }
        }
        cr_assert(fake_disk_flip(row.fake, "0000000000000003.seg", at));
        unsigned expected = (1U << RECORDS) - 1;
        expected &= hit == RECORDS ? expected : ~(1U << hit);
        cr_assert_eq(found_by(&row, 0, &holes, &offset), expected, "offset %llu",
                     (unsigned long long)at);
        cr_assert_eq(holes, hit < RECORDS - 1);
        cr_assert(fake_disk_flip(row.fake, "0000000000000003.seg", at));
    }
    row_done(&row);
}
