#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/digest.h"

#include "tests/support/test.h"

#define ITEMS 6

static struct envelope_recipient recipients[2] = {
    {.address = "", .domain = "a.example", .orcpt = ""},
    {.address = "", .domain = "b.example", .orcpt = ""}};
static struct place pieces[2] = {{1, 4096, 5000}, {2, 8192, 6000}};
static struct envelope_close closes[1] = {{77, 1, 3}};
static struct change states[1];

/* Items of every shape; the same domain names occur again and again. */
static void item_at(unsigned i, struct digest_item *out_item)
{
    *out_item = (struct digest_item){.place = {5, 4096 + 1000 * i, 0}, .origin = i % 3};
    if (i % 2 == 1) {
        out_item->kind = DIGEST_CHANGE;
        change_init(&out_item->change);
        out_item->change.id = UINT64_C(1) << (i * 9);
        out_item->change.home = i;
        out_item->change.number = i == 5 ? CHANGE_MESSAGE : (uint16_t)i;
        out_item->change.state = i == 5 ? CHANGE_NOTICED : CHANGE_WAITING;
        out_item->change.attempts = (uint16_t)(i * 300);
        out_item->change.next_unix_ms = UINT64_C(1800000000000) + i;
        out_item->change.when_unix_ms = UINT64_MAX;
        out_item->change.source = i == 3 ? "tx1" : "";
        return;
    }
    out_item->kind = DIGEST_ACCEPT;
    out_item->place.length = 3000 + i;
    envelope_init(&out_item->envelope);
    out_item->envelope.id = i + 1;
    out_item->envelope.accepted_unix_ms = UINT64_C(1800000000000);
    out_item->envelope.expires_unix_ms = UINT64_C(1800000086400);
    out_item->envelope.notice_unix_ms = i;
    out_item->envelope.size_bytes = 12345;
    out_item->envelope.flags = i;
    out_item->envelope.priority = (uint8_t)i;
    out_item->envelope.stream = "bulk";
    out_item->envelope.user = i == 2 ? "alice" : "";
    out_item->envelope.from_domain = "b.example";
    out_item->envelope.recipients = recipients;
    out_item->envelope.recipient_count = 1 + i % 4 / 2;
    out_item->envelope.pieces = pieces;
    out_item->envelope.piece_count = i == 4 ? 2 : 0;
    out_item->envelope.closes = closes;
    out_item->envelope.close_count = i == 2;
    change_init(&states[0]);
    states[0].id = 5;
    states[0].source = "tx1";
    states[0].previous = (struct place){9, 800, 0};
    out_item->states = states;
    out_item->state_count = i == 4;
}

static void same_change(const struct change *a, const struct change *b)
{
    cr_assert_eq(a->id, b->id);
    cr_assert_eq(a->home, b->home);
    cr_assert_eq(a->number, b->number);
    cr_assert_eq(a->state, b->state);
    cr_assert_eq(a->ended, b->ended);
    cr_assert_eq(a->attempts, b->attempts);
    cr_assert_eq(a->next_unix_ms, b->next_unix_ms);
    cr_assert_eq(a->when_unix_ms, b->when_unix_ms);
    cr_assert_str_eq(a->source, b->source);
    cr_assert_eq(a->previous.segment, b->previous.segment);
    cr_assert_eq(a->previous.offset, b->previous.offset);
}

static void same_envelope(const struct envelope *a, const struct envelope *b)
{
    cr_assert_eq(a->id, b->id);
    cr_assert_eq(a->accepted_unix_ms, b->accepted_unix_ms);
    cr_assert_eq(a->expires_unix_ms, b->expires_unix_ms);
    cr_assert_eq(a->notice_unix_ms, b->notice_unix_ms);
    cr_assert_eq(a->size_bytes, b->size_bytes);
    cr_assert_eq(a->flags, b->flags);
    cr_assert_eq(a->priority, b->priority);
    cr_assert_str_eq(a->stream, b->stream);
    cr_assert_str_eq(a->user, b->user);
    cr_assert_str_eq(a->from_domain, b->from_domain);
    cr_assert_eq(a->recipient_count, b->recipient_count);
    for (unsigned i = 0; i < a->recipient_count; i++) {
        cr_assert_str_eq(a->recipients[i].domain, b->recipients[i].domain);
    }
    cr_assert_eq(a->piece_count, b->piece_count);
    for (unsigned i = 0; i < a->piece_count; i++) {
        cr_assert_eq(a->pieces[i].segment, b->pieces[i].segment);
        cr_assert_eq(a->pieces[i].offset, b->pieces[i].offset);
        cr_assert_eq(a->pieces[i].length, b->pieces[i].length);
    }
    cr_assert_eq(a->close_count, b->close_count);
    for (unsigned i = 0; i < a->close_count; i++) {
        cr_assert_eq(a->closes[i].id, b->closes[i].id);
        cr_assert_eq(a->closes[i].home, b->closes[i].home);
        cr_assert_eq(a->closes[i].number, b->closes[i].number);
    }
}

static int on_same(void *owner, const struct digest_item *item)
{
    unsigned *count = owner;
    struct digest_item expected;
    item_at(*count % ITEMS, &expected);
    (*count)++;
    cr_assert_eq(item->kind, expected.kind);
    cr_assert_eq(item->place.segment, 5);
    cr_assert_eq(item->place.offset, expected.place.offset);
    cr_assert_eq(item->place.length, expected.place.length);
    cr_assert_eq(item->origin, expected.origin);
    if (item->kind == DIGEST_CHANGE) {
        same_change(&item->change, &expected.change);
        return 0;
    }
    same_envelope(&item->envelope, &expected.envelope);
    cr_assert_eq(item->state_count, expected.state_count);
    for (unsigned i = 0; i < item->state_count; i++) {
        same_change(&item->states[i], &expected.states[i]);
    }
    return 0;
}

static void write_items(struct digest_writer *writer, unsigned count)
{
    digest_writer_init(writer);
    for (unsigned i = 0; i < count; i++) {
        struct digest_item item;
        item_at(i % ITEMS, &item);
        digest_put(writer, &item);
    }
}

/* All that was put in comes out again, in order, and a name costs its bytes once. */
TEST(digest, round_trip)
{
    struct digest_writer writer;
    unsigned count = 0;
    write_items(&writer, 600);
    cr_assert_eq(digest_read(writer.bytes, writer.length, 5, on_same, &count), 0);
    cr_assert_eq(count, 600);
    cr_assert_eq(memmem(writer.bytes + 300, writer.length - 300, "b.example", 9), NULL);
    digest_writer_done(&writer);
}

/* More names than the first tables hold, the longest among them. */
TEST(digest, many_names)
{
    struct digest_writer writer;
    struct digest_item item;
    char domain[ENVELOPE_DOMAIN + 1];
    struct envelope_recipient one = {.address = "", .domain = domain, .orcpt = ""};
    unsigned count = 0;
    digest_writer_init(&writer);
    memset(domain, 'd', sizeof domain);
    domain[ENVELOPE_DOMAIN] = '\0';
    item_at(0, &item);
    item.envelope.recipients = &one;
    item.envelope.recipient_count = 1;
    for (int i = 0; i < 2000; i++) {
        digest_put(&writer, &item);
        (void)snprintf(domain, sizeof domain, "d%d.example", i % 1000);
    }
    cr_assert_eq(writer.name_count, 1003, "a thousand, the long one, stream and From");
    cr_assert_eq(digest_read(writer.bytes, 0, 5, on_same, &count), 0,
                 "nothing is a digest");
    digest_writer_done(&writer);
}

static int on_stop(void *owner, const struct digest_item *item)
{
    unsigned *count = owner;
    (void)item;
    return ++*count == 3 ? -EINTR : 0;
}

/* The answer of whoever takes the items ends the walk. */
TEST(digest, stops_when_told)
{
    struct digest_writer writer;
    unsigned count = 0;
    write_items(&writer, ITEMS);
    cr_assert_eq(digest_read(writer.bytes, writer.length, 5, on_stop, &count), -EINTR);
    cr_assert_eq(count, 3);
    digest_writer_done(&writer);
}

static int on_any(void *owner, const struct digest_item *item)
{
    unsigned *count = owner;
    (*count)++;
    cr_assert(item->kind == DIGEST_ACCEPT || item->kind == DIGEST_CHANGE);
    if (item->kind == DIGEST_ACCEPT) {
        cr_assert_neq(item->envelope.id, 0);
        cr_assert_neq(item->envelope.recipient_count, 0);
        cr_assert_leq(item->envelope.recipient_count, ENVELOPE_RECIPIENTS);
    } else {
        cr_assert_neq(item->change.id, 0);
        cr_assert_lt(item->change.state, CHANGE_STATES);
    }
    return 0;
}

/* Cut anywhere, a digest is refused unless the cut is between two items; with bytes
 * changed at random it is refused or gives sane items, and is never read past its end
 * (under the sanitizer: the copy is exactly as long). Prints its seed. */
TEST(digest, damaged)
{
    struct digest_writer writer;
    unsigned whole = 0;
    write_items(&writer, ITEMS);
    for (size_t length = 0; length < writer.length; length++) {
        unsigned count = 0;
        uint8_t *copy = malloc(length + 1);
        cr_assert_not_null(copy);
        memcpy(copy, writer.bytes, length);
        int rc = digest_read(copy, length, 5, on_any, &count);
        cr_assert(rc == 0 || rc == -EBADMSG);
        whole += rc == 0;
        free(copy);
    }
    cr_assert_eq(whole, ITEMS, "empty, and after each but the last");
    uint64_t dice = 17;
    printf("seed %llu\n", (unsigned long long)dice);
    for (int round = 0; round < 3000; round++) {
        unsigned count = 0;
        uint8_t *copy = malloc(writer.length);
        cr_assert_not_null(copy);
        memcpy(copy, writer.bytes, writer.length);
        for (int i = 0; i < 3; i++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            copy[(dice >> 33) % writer.length] = (uint8_t)(dice >> 20);
        }
        int rc = digest_read(copy, writer.length, 5, on_any, &count);
        cr_assert(rc == 0 || rc == -EBADMSG);
        free(copy);
    }
    digest_writer_done(&writer);
}
