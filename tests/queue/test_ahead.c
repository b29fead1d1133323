#include <errno.h>
#include <stdlib.h>

#include "queue/ahead.h"
#include "queue/queue_impl.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

#define SEGMENTS 12

struct row {
    struct fake_disk *fake;
    struct segment_header headers[SEGMENTS];
    size_t count;
};

/* Some sealed segments of a queue. */
static void make(struct row *row)
{
    struct queue_fixture fixture;
    *row = (struct row){.fake = fake_disk_new(1)};
    const struct disk *disk = fake_disk_face(row->fake);
    queue_fixture_init_disk(&fixture, disk);
    for (uint64_t id = 1; id <= 100; id++) {
        cr_assert_neq(queue_fixture_accept(&fixture, id, "example.com", 5000), 0);
    }
    queue_fixture_done(&fixture);
    for (uint64_t number = 1; number < 60 && row->count < SEGMENTS; number++) {
        char name[SEGMENT_NAME];
        uint8_t block[SEGMENT_DATA];
        struct segment_trailer trailer;
        segment_name(number, name);
        int handle = disk->open_readonly(disk, name);
        if (handle < 0) {
            continue;
        }
        struct segment_header *header = &row->headers[row->count];
        cr_assert_eq(segment_read(disk, handle, block, sizeof block, 0, false), 0);
        cr_assert_eq(segment_header_decode(block, header), 0);
        row->count += footer_find(disk, handle, header, &trailer) == 0;
        disk->close(disk, handle);
    }
    cr_assert_geq(row->count, AHEAD_SLOTS + 2);
}

static int count_item(void *owner, const struct digest_item *item)
{
    (void)item;
    (*(unsigned *)owner)++;
    return 0;
}

/* More segments than there are slots come in their order, each with its own footer, and
 * so they do without a thread. */
TEST(ahead, in_order)
{
    struct row row;
    make(&row);
    for (int round = 0; round < 2; round++) {
        size_t count = round == 0 ? row.count : 1;
        struct ahead ahead;
        unsigned items = 0;
        ahead_start(&ahead, fake_disk_face(row.fake), NULL, row.headers, count);
        cr_assert_eq(ahead.running, count > 1);
        for (size_t i = 0; i < count; i++) {
            struct ahead_footer footer;
            ahead_take(&ahead, &footer);
            cr_assert_eq(footer.rc, 0);
            cr_assert_geq(footer.file_bytes, QUEUE_SEGMENT_MIN);
            unsigned before = items;
            cr_assert_eq(digest_read(footer.bytes, footer.length, row.headers[i].number,
                                     count_item, &items),
                         0);
            cr_assert_eq(items - before, footer.trailer.records);
            free(footer.bytes);
        }
        ahead_stop(&ahead);
        cr_assert_leq(items, 100);
        cr_assert_gt(items, 0);
    }
    fake_disk_free(row.fake);
}

/* A footer that is damaged, a segment that is gone: each says so in its turn, and those
 * behind it are there. */
TEST(ahead, failures_in_their_turn)
{
    struct row row;
    struct ahead ahead;
    char name[SEGMENT_NAME];
    struct segment_trailer trailer;
    make(&row);
    const struct disk *disk = fake_disk_face(row.fake);
    segment_name(row.headers[1].number, name);
    int handle = disk->open_readonly(disk, name);
    cr_assert_eq(footer_find(disk, handle, &row.headers[1], &trailer), 0);
    disk->close(disk, handle);
    cr_assert(fake_disk_flip(row.fake, name, trailer.footer + 3));
    segment_name(row.headers[3].number, name);
    cr_assert_eq(disk->unlink(disk, name), 0);
    ahead_start(&ahead, disk, NULL, row.headers, row.count);
    for (size_t i = 0; i < row.count; i++) {
        struct ahead_footer footer;
        ahead_take(&ahead, &footer);
        cr_assert_eq(footer.rc,
                     i == 1   ? -EBADMSG
                     : i == 3 ? -ENOENT
                              : 0,
                     "segment %zu", i);
        cr_assert_eq(footer.bytes != NULL, footer.rc == 0);
        free(footer.bytes);
    }
    ahead_stop(&ahead);
    fake_disk_free(row.fake);
}

/* Whoever stops in the middle loses no memory. */
TEST(ahead, stop_early)
{
    struct row row;
    make(&row);
    for (size_t wanted = 0; wanted < 4; wanted++) {
        struct ahead ahead;
        ahead_start(&ahead, fake_disk_face(row.fake), NULL, row.headers, row.count);
        for (size_t i = 0; i < wanted; i++) {
            struct ahead_footer footer;
            ahead_take(&ahead, &footer);
            free(footer.bytes);
        }
        ahead_stop(&ahead);
        cr_assert_leq(ahead.loaded, wanted + AHEAD_SLOTS);
    }
    fake_disk_free(row.fake);
}
