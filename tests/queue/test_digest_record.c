#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/bytes.h"
#include "queue/digest.h"
#include "queue/payload.h"
#include "queue/queue.h"

#include "tests/support/test.h"
#include "tests/support/toy_seal.h"

struct seen {
    unsigned accepts;
    unsigned changes;
    struct digest_item last;
    uint64_t ids[8];
    unsigned attempts;
};

static int on_item(void *owner, const struct digest_item *item)
{
    struct seen *seen = owner;
    seen->last = *item;
    if (item->kind == DIGEST_ACCEPT) {
        seen->accepts++;
        for (unsigned i = 0; i < item->state_count; i++) {
            seen->attempts += item->states[i].attempts;
        }
    } else {
        seen->ids[seen->changes++ % 8] = item->change.id;
    }
    return 0;
}

static size_t put_changes(uint8_t *bytes, size_t capacity, unsigned count)
{
    size_t used = 0;
    for (unsigned i = 0; i < count; i++) {
        struct change change;
        size_t length = 0;
        change_init(&change);
        change.id = 100 + i;
        change.attempts = 7;
        change.text = "450 not now";
        cr_assert_eq(change_encode(&change, bytes + used, capacity - used, &length), 0);
        used += length;
    }
    return used;
}

/* An ACCEPT payload of message 42 with one close. */
static size_t put_accept(uint8_t *bytes, size_t capacity)
{
    struct envelope_recipient recipient = {
        .address = "r", .domain = "a.example", .orcpt = ""};
    struct envelope_close close = {9, 1, 0};
    static const char content[] = "hhbbb";
    struct envelope envelope;
    size_t length = 0;
    envelope_init(&envelope);
    envelope.id = 42;
    envelope.stream = "bulk";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    envelope.closes = &close;
    envelope.close_count = 1;
    cr_assert_eq(envelope_encode(&envelope, bytes + PAYLOAD_PREFIX,
                                 capacity - PAYLOAD_PREFIX, &length, NULL),
                 0);
    payload_accept_prefix(length, 2, 3, bytes);
    memcpy(bytes + PAYLOAD_PREFIX + length, content, sizeof content - 1);
    return PAYLOAD_PREFIX + length + sizeof content - 1;
}

static size_t put_copy(uint8_t *bytes, size_t capacity)
{
    size_t states = put_changes(bytes + PAYLOAD_PREFIX, capacity - PAYLOAD_PREFIX, 2);
    payload_copy_prefix(3, states, bytes);
    size_t used = PAYLOAD_PREFIX + states;
    return used + put_accept(bytes + used, capacity - used);
}

static struct scan_item record_of(enum queue_kind kind, uint64_t id, const uint8_t *bytes,
                                  size_t length)
{
    return (struct scan_item){.offset = 8192,
                              .head = {.segment = 6,
                                       .id = id,
                                       .length = (uint32_t)length,
                                       .kind = (uint16_t)kind},
                              .payload = bytes};
}

/* Each kind of record gives the items it stands for. */
TEST(digest_record, kinds)
{
    uint8_t bytes[4096];
    struct seen seen = {0};
    size_t length = put_accept(bytes, sizeof bytes);
    struct scan_item record = record_of(QUEUE_ACCEPT, 42, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.accepts, 1);
    cr_assert_eq(seen.last.origin, 0);
    cr_assert_eq(seen.last.place.segment, 6);
    cr_assert_eq(seen.last.place.offset, 8192);
    cr_assert_eq(seen.last.place.length, RECORD_HEAD + length);
    cr_assert_eq(seen.last.envelope.close_count, 1);

    length = put_copy(bytes, sizeof bytes);
    record = record_of(QUEUE_COPY, 42, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.accepts, 2);
    cr_assert_eq(seen.last.origin, 3);
    cr_assert_eq(seen.last.state_count, 2);
    cr_assert_eq(seen.attempts, 14, "a copy brings its states");
    cr_assert_eq(seen.last.envelope.close_count, 0, "what it closed is closed");

    length = put_changes(bytes, sizeof bytes, 3);
    record = record_of(QUEUE_STATE, 0, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.changes, 3);
    cr_assert_eq(seen.ids[2], 102);
    cr_assert_eq(seen.last.origin, 0);
    cr_assert_eq(seen.last.place.length, 0);

    bytes_put_u64(bytes, 3);
    length = 8 + put_changes(bytes + 8, sizeof bytes - 8, 2);
    record = record_of(QUEUE_MOVED, 0, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.changes, 5);
    cr_assert_eq(seen.last.origin, 3);

    record = record_of(QUEUE_PIECE, 42, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.accepts + seen.changes, 7, "a piece says nothing");
}

/* Records that make no sense are refused: unknown kinds, another message's envelope,
 * payloads that end early. */
TEST(digest_record, refused)
{
    uint8_t bytes[4096];
    struct seen seen = {0};
    size_t length = put_accept(bytes, sizeof bytes);
    struct scan_item record = record_of((enum queue_kind)9, 42, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG);
    record = record_of(QUEUE_ACCEPT, 43, bytes, length);
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *copy = malloc(cut + 1);
        cr_assert_not_null(copy);
        memcpy(copy, bytes, cut);
        record = record_of(QUEUE_ACCEPT, 42, copy, cut);
        cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG, "cut %zu",
                     cut);
        free(copy);
    }
    length = put_copy(bytes, sizeof bytes);
    for (size_t cut = 0; cut < length; cut++) {
        record = record_of(QUEUE_COPY, 42, bytes, cut);
        cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG, "cut %zu",
                     cut);
    }
    for (size_t cut = 0; cut < 8; cut++) {
        record = record_of(QUEUE_MOVED, 0, bytes, cut);
        cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG);
    }
    cr_assert_eq(seen.accepts + seen.changes, 0);
}

/* A sealed record is opened with its key, bound to its message, and left as it was; with
 * another key or none it is refused. A sealed piece needs no opening. */
TEST(digest_record, sealed)
{
    uint8_t plain[2048];
    uint8_t sealed[2048];
    uint8_t before[2048];
    struct toy_seal right;
    struct toy_seal wrong;
    struct seen seen = {0};
    toy_seal_init(&right, 11);
    toy_seal_init(&wrong, 12);
    size_t length = put_accept(plain, sizeof plain);
    struct iovec part = {plain, length};
    cr_assert_eq(right.seal.seal(&right, &part, 1, 42, sealed), 0);
    length += TOY_SEAL_OVERHEAD;
    memcpy(before, sealed, length);
    struct scan_item record = record_of(QUEUE_ACCEPT, 42, sealed, length);
    record.head.flags = RECORD_SEALED;
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), -EBADMSG);
    cr_assert_eq(digest_record(&record, &wrong.seal, on_item, &seen), -EBADMSG);
    cr_assert_eq(digest_record(&record, &right.seal, on_item, &seen), 0);
    cr_assert_eq(seen.accepts, 1);
    cr_assert_eq(memcmp(before, sealed, length), 0);
    record.head.id = 43;
    cr_assert_eq(digest_record(&record, &right.seal, on_item, &seen), -EBADMSG);
    record.head.length = TOY_SEAL_OVERHEAD - 1;
    cr_assert_eq(digest_record(&record, &right.seal, on_item, &seen), -EBADMSG);
    record.head.kind = QUEUE_PIECE;
    cr_assert_eq(digest_record(&record, NULL, on_item, &seen), 0);
    cr_assert_eq(seen.accepts, 1);
}
