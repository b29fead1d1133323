/* Print and verify a queue directory, offline and read-only.
 *
 * Usage: qshow [-q] [--key FILE] DIRECTORY. One line a record; -q only counts; --key
 * opens an encrypted queue, of which otherwise only the frames are checked. Exit status
 * 0: all good, 1: something is damaged, 2: usage, or directory or key cannot be read. */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/digest.h"
#include "queue/disk.h"
#include "queue/footer.h"
#include "queue/mem.h"
#include "queue/queue.h"
#include "queue/scan.h"
#include "queue/segment.h"

#include "relay/entropy.h"
#include "relay/vault.h"

struct show {
    const struct disk *disk;
    const struct seal *seal; /* NULL: no key */
    bool quiet;
    uint64_t *numbers; /* owned */
    size_t count;
    size_t room;
    uint64_t records;
    uint64_t messages;
    uint64_t changes;
    uint64_t damaged;
    uint64_t other_keys; /* segments that the key given does not open */
};

static void on_name(void *owner, const char *name)
{
    struct show *show = owner;
    uint64_t number = segment_number(name);
    if (number == 0) {
        if (!show->quiet) {
            (void)printf("file %s\n", name);
        }
        return;
    }
    if (show->count == show->room) {
        show->room = show->room == 0 ? 64 : show->room * 2;
        show->numbers = mem_resize(show->numbers, show->room * sizeof *show->numbers);
    }
    show->numbers[show->count++] = number;
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void show_change(const struct digest_item *item)
{
    const struct change *change = &item->change;
    (void)printf("  change %016" PRIx64 " recipient %u %s%s attempts %u", change->id,
                 change->number, change_state_name(change->state),
                 change->ended ? " (ended)" : "", change->attempts);
    if (change->next_unix_ms != 0) {
        (void)printf(" next %" PRIu64, change->next_unix_ms);
    }
    if (change->code != 0) {
        (void)printf(" reply %u %s", change->code, change->text);
    }
    (void)printf("\n");
}

static int on_item(void *owner, const struct digest_item *item)
{
    struct show *show = owner;
    if (item->kind == DIGEST_CHANGE) {
        show->changes++;
        if (!show->quiet) {
            show_change(item);
        }
        return 0;
    }
    show->messages++;
    if (show->quiet) {
        return 0;
    }
    const struct envelope *envelope = &item->envelope;
    (void)printf("  message %016" PRIx64 " stream %s from <%s> size %" PRIu64
                 " pieces %u closes %u\n",
                 envelope->id, envelope->stream, envelope->sender, envelope->size_bytes,
                 envelope->piece_count, envelope->close_count);
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        (void)printf("    %u <%s> domain %s\n", i, envelope->recipients[i].address,
                     envelope->recipients[i].domain);
    }
    return 0;
}

static const char *kind_name(unsigned kind)
{
    switch (kind) {
    case QUEUE_ACCEPT: return "accept";
    case QUEUE_PIECE: return "piece";
    case QUEUE_STATE: return "state";
    case QUEUE_COPY: return "copy";
    case QUEUE_MOVED: return "moved";
    default: return "unknown";
    }
}

static void show_record(struct show *show, const struct seal *seal,
                        const struct scan_item *item)
{
    show->records++;
    if (!show->quiet) {
        (void)printf("  @%" PRIu64 " %s length %u batch %u%s\n", item->offset,
                     kind_name(item->head.kind), item->head.length, item->head.batch,
                     (item->head.flags & RECORD_SEALED) != 0 ? " (encrypted)" : "");
    }
    bool can_read = (item->head.flags & RECORD_SEALED) == 0 || seal != NULL;
    if (can_read && digest_record(item, seal, on_item, show) != 0) {
        (void)printf("  @%" PRIu64 " DAMAGED: the payload makes no sense\n",
                     item->offset);
        show->damaged++;
    }
}

static void show_records(struct show *show, int handle,
                         const struct segment_header *header, uint64_t end, bool sealed)
{
    bool has_key = show->seal != NULL && header->key_id == show->seal->key_id;
    struct scan scan;
    struct scan_item item;
    int rc = 0;
    scan_init(&scan, show->disk, handle, header, end);
    while ((rc = scan_next(&scan, &item)) > 0) {
        if (item.damaged) {
            (void)printf("  @%" PRIu64 " DAMAGED: bytes that are no record\n",
                         item.offset);
            show->damaged++;
        } else {
            show_record(show, has_key ? show->seal : NULL, &item);
        }
    }
    if (rc < 0 || (sealed && scan.offset < end)) {
        (void)printf("  @%" PRIu64 " DAMAGED: the records end too early\n", scan.offset);
        show->damaged++;
    }
    scan_done(&scan);
}

static int ignore_item(void *owner, const struct digest_item *item)
{
    (void)owner;
    (void)item;
    return 0;
}

static void show_opened(struct show *show, uint64_t number, int handle)
{
    uint8_t block[SEGMENT_DATA];
    struct segment_header header;
    struct segment_trailer trailer = {0};
    int rc = segment_read(show->disk, handle, block, sizeof block, 0, false);
    if (rc == 0) {
        rc = segment_header_decode(block, &header);
    }
    if (rc != 0 || header.number != number) {
        (void)printf("segment %016" PRIx64 " DAMAGED: no header that we can read\n",
                     number);
        show->damaged++;
        return;
    }
    rc = footer_find(show->disk, handle, &header, &trailer);
    bool sealed = rc == 0;
    bool is_other =
        header.key_id != 0 && show->seal != NULL && header.key_id != show->seal->key_id;
    const struct seal *seal = header.key_id != 0 && !is_other ? show->seal : NULL;
    if (sealed && (header.key_id == 0 || seal != NULL)) {
        struct digest_sink sink = {ignore_item, NULL};
        rc = footer_read(show->disk, handle, &header, seal, &trailer, &sink);
    }
    (void)printf("segment %016" PRIx64 "%s%s%s\n", number, sealed ? " sealed" : "",
                 header.key_id != 0 ? " encrypted" : "",
                 is_other ? " with another key" : "");
    if (is_other) {
        show->other_keys++;
    }
    if (rc != 0 && rc != -ENOENT) {
        (void)printf("  DAMAGED: the footer\n");
        show->damaged++;
    }
    show_records(show, handle, &header, trailer.data_end, sealed);
}

static void show_segment(struct show *show, uint64_t number)
{
    char name[SEGMENT_NAME];
    segment_name(number, name);
    int handle = show->disk->open_readonly(show->disk, name);
    if (handle < 0) {
        (void)printf("segment %016" PRIx64 " DAMAGED: cannot be opened\n", number);
        show->damaged++;
        return;
    }
    show_opened(show, number, handle);
    show->disk->close(show->disk, handle);
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: qshow [-q] [--key FILE] DIRECTORY\n");
    return 2;
}

/* The options, in any order; the key file's name, or NULL. False: usage. */
static bool read_options(int argc, char **argv, bool *out_quiet, const char **out_key)
{
    static const struct option longs[] = {{"key", required_argument, NULL, 'k'},
                                          {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(/* NOLINT(concurrency-mt-unsafe): one thread */ argc,
                                 argv, "qk:", longs, NULL)) != -1) {
        switch (option) {
        case 'q': *out_quiet = true; break;
        case 'k': *out_key = optarg; break;
        default: return false;
        }
    }
    return optind == argc - 1;
}

static int show_all(struct show *show, const struct disk *disk)
{
    show->disk = disk;
    int rc = disk->list(disk, on_name, show);
    if (show->count > 0) {
        qsort(show->numbers, show->count, sizeof *show->numbers, by_number);
    }
    for (size_t i = 0; i < show->count; i++) {
        show_segment(show, show->numbers[i]);
    }
    (void)printf("%zu segments, %" PRIu64 " records, %" PRIu64 " messages, %" PRIu64
                 " changes, %" PRIu64 " damaged\n",
                 show->count, show->records, show->messages, show->changes,
                 show->damaged);
    free(show->numbers);
    if (show->other_keys > 0) {
        (void)fprintf(stderr, "qshow: %" PRIu64 " segments have another key\n",
                      show->other_keys);
        rc = -EKEYREJECTED;
    }
    return rc != 0 ? 2 : show->damaged > 0;
}

int main(int argc, char **argv)
{
    struct show show = {.quiet = false};
    const char *key = NULL;
    struct vault *vault = NULL;
    struct disk disk;
    struct errmsg err = {""};
    if (!read_options(argc, argv, &show.quiet, &key)) {
        return usage();
    }
    if (key != NULL && (entropy_start(&err) != 0 || vault_open(&vault, key, &err) != 0)) {
        (void)fprintf(stderr, "qshow: %s\n", err.text);
        return 2;
    }
    show.seal = vault_seal(vault);
    if (disk_posix_open(argv[optind], true, &disk, &err) != 0) {
        (void)fprintf(stderr, "qshow: %s\n", err.text);
        vault_close(vault);
        return 2;
    }
    int status = show_all(&show, &disk);
    disk.close_all(&disk);
    vault_close(vault);
    return status;
}
