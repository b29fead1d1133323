#include <errno.h>
#include <string.h>

#include "queue/footer.h"
#include "queue/scan.h"

#include "tests/support/fake_disk.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

struct sums {
    unsigned messages;
    unsigned changes;
    uint64_t mixed;
};

static int on_item(void *owner, const struct digest_item *item)
{
    struct sums *sums = owner;
    if (item->kind == DIGEST_ACCEPT) {
        sums->messages++;
        sums->mixed = sums->mixed * 31 + item->envelope.id + item->place.offset +
                      item->place.length + item->envelope.expires_unix_ms +
                      strlen(item->envelope.recipients[0].domain);
    } else {
        sums->changes++;
        sums->mixed = sums->mixed * 31 + item->change.id + item->place.offset +
                      item->change.attempts + item->change.next_unix_ms +
                      strlen(item->change.source);
    }
    return 0;
}

/* A footer says of every record what a scan says. */
TEST(footer, same_as_scan)
{
    struct fake_disk *fake = fake_disk_new(1);
    const struct disk *disk = fake_disk_face(fake);
    struct queue_fixture fixture;
    struct message_view view;
    queue_fixture_init_disk(&fixture, disk);
    uint32_t handle = 0;
    for (uint64_t id = 1; id <= 6; id++) {
        handle = queue_fixture_accept(&fixture, id, "example.com", 500);
        struct change change;
        change_init(&change);
        change.id = id;
        change.attempts = (uint16_t)id;
        change.next_unix_ms = UINT64_C(1800000000000) + id;
        change.source = id % 2 == 0 ? "tx1" : "";
        cr_assert_eq(queue_fixture_settle(&fixture, &change), 0);
    }
    index_message(queue_index(fixture.queue), handle, &view);
    queue_close(fixture.queue);

    char name[SEGMENT_NAME];
    uint8_t block[SEGMENT_DATA];
    struct segment_header header;
    struct segment_trailer trailer;
    struct sums by_footer = {0};
    struct sums by_scan = {0};
    segment_name(view.place.segment, name);
    int file = disk->open_readonly(disk, name);
    cr_assert_geq(file, 0);
    cr_assert_eq(segment_read(disk, file, block, sizeof block, 0, false), 0);
    cr_assert_eq(segment_header_decode(block, &header), 0);
    cr_assert_eq(footer_find(disk, file, &header, &trailer), 0);
    cr_assert_eq(trailer.records, 12);
    struct digest_sink sink = {on_item, &by_footer};
    cr_assert_eq(footer_read(disk, file, &header, NULL, &trailer, &sink), 0);

    struct scan scan;
    struct scan_item item;
    scan_init(&scan, disk, file, &header, 0);
    while (scan_next(&scan, &item) > 0) {
        cr_assert(!item.damaged);
        cr_assert_eq(digest_record(&item, NULL, on_item, &by_scan), 0);
    }
    cr_assert_eq(scan.offset, trailer.data_end);
    scan_done(&scan);
    cr_assert_eq(by_footer.messages, 6);
    cr_assert_eq(by_footer.changes, 6);
    cr_assert_eq(by_footer.mixed, by_scan.mixed);
    disk->close(disk, file);

    /* A footer with a flipped bit is none. */
    cr_assert(fake_disk_flip(fake, name, trailer.footer + 3));
    file = disk->open_readonly(disk, name);
    cr_assert_eq(footer_read(disk, file, &header, NULL, &trailer, &sink), -EBADMSG);
    disk->close(disk, file);
    cr_assert_eq(queue_open(&fixture.queue, &fixture.options, NULL), 0);
    queue_fixture_done(&fixture);
    fake_disk_free(fake);
}
