#include "queue/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/mem.h"
#include "queue/names.h"

/* An item: kind, then its numbers in the order of put_accept and put_change below. A name
 * is 0 for "", its number (from 1) when known, or the next free number and then length
 * and bytes with a NUL. Times are milliseconds. */

struct digest_name {
    char *text; /* owned */
    uint32_t hash;
    uint32_t number; /* 0 = free */
};

void digest_writer_init(struct digest_writer *writer)
{
    *writer = (struct digest_writer){0};
}

void digest_writer_done(struct digest_writer *writer)
{
    for (uint32_t i = 0; i < writer->name_room; i++) {
        free(writer->names[i].text);
    }
    free(writer->names);
    free(writer->bytes);
    *writer = (struct digest_writer){0};
}

static void put_bytes(struct digest_writer *writer, const void *bytes, size_t length)
{
    if (writer->room - writer->length < length) {
        writer->room = (writer->length + length) * 2;
        writer->bytes = mem_resize(writer->bytes, writer->room);
    }
    memcpy(writer->bytes + writer->length, bytes, length);
    writer->length += length;
}

static void put_number(struct digest_writer *writer, uint64_t value)
{
    uint8_t bytes[10];
    size_t length = 0;
    while (value >= 0x80) {
        bytes[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[length++] = (uint8_t)value;
    put_bytes(writer, bytes, length);
}

static struct digest_name *name_slot(struct digest_name *names, uint32_t room,
                                     const char *text, uint32_t hash)
{
    uint32_t at = hash & (room - 1);
    while (names[at].number != 0 &&
           (names[at].hash != hash || strcmp(names[at].text, text) != 0)) {
        at = (at + 1) & (room - 1);
    }
    return &names[at];
}

static void grow_names(struct digest_writer *writer)
{
    uint32_t room = writer->name_room == 0 ? 256 : writer->name_room * 2;
    struct digest_name *names = mem_alloc(room * sizeof *names);
    for (uint32_t i = 0; i < writer->name_room; i++) {
        if (writer->names[i].number != 0) {
            *name_slot(names, room, writer->names[i].text, writer->names[i].hash) =
                writer->names[i];
        }
    }
    free(writer->names);
    writer->names = names;
    writer->name_room = room;
}

static void put_name(struct digest_writer *writer, const char *text)
{
    if (text[0] == '\0') {
        put_number(writer, 0);
        return;
    }
    if (writer->name_count * 2 >= writer->name_room) {
        grow_names(writer);
    }
    uint32_t hash = names_hash(text);
    struct digest_name *name = name_slot(writer->names, writer->name_room, text, hash);
    if (name->number != 0) {
        put_number(writer, name->number);
        return;
    }
    size_t length = strlen(text) + 1;
    name->text = mem_alloc(length);
    memcpy(name->text, text, length);
    name->hash = hash;
    name->number = ++writer->name_count;
    put_number(writer, name->number);
    put_number(writer, length);
    put_bytes(writer, text, length);
}

static void put_change(struct digest_writer *writer, const struct change *change)
{
    put_number(writer, change->id);
    put_number(writer, change->home);
    put_number(writer, change->number);
    put_number(writer, (uint64_t)change->state << 1 | change->ended);
    put_number(writer, change->attempts);
    put_number(writer, change->next_unix_ms);
    put_number(writer, change->when_unix_ms);
    put_name(writer, change->source);
    put_number(writer, change->previous.segment); /* where its text is, when in a copy */
    put_number(writer, change->previous.offset);
}

static void put_accept(struct digest_writer *writer, const struct digest_item *item)
{
    const struct envelope *envelope = &item->envelope;
    put_number(writer, item->place.length);
    put_number(writer, envelope->id);
    put_number(writer, envelope->accepted_unix_ms);
    put_number(writer, envelope->expires_unix_ms);
    put_number(writer, envelope->notice_unix_ms);
    put_number(writer, envelope->size_bytes);
    put_number(writer, envelope->flags);
    put_number(writer, envelope->priority);
    put_name(writer, envelope->stream);
    put_name(writer, envelope->user);
    put_name(writer, envelope->from_domain);
    put_number(writer, envelope->recipient_count);
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        put_name(writer, envelope->recipients[i].domain);
    }
    put_number(writer, envelope->piece_count);
    for (unsigned i = 0; i < envelope->piece_count; i++) {
        put_number(writer, envelope->pieces[i].segment);
        put_number(writer, envelope->pieces[i].offset);
        put_number(writer, envelope->pieces[i].length);
    }
    put_number(writer, envelope->close_count);
    for (unsigned i = 0; i < envelope->close_count; i++) {
        put_number(writer, envelope->closes[i].id);
        put_number(writer, envelope->closes[i].home);
        put_number(writer, envelope->closes[i].number);
    }
    put_number(writer, item->state_count);
    for (unsigned i = 0; i < item->state_count; i++) {
        put_change(writer, &item->states[i]);
    }
}

void digest_put(struct digest_writer *writer, const struct digest_item *item)
{
    put_number(writer, item->kind);
    put_number(writer, item->place.offset / 8);
    put_number(writer, item->origin);
    if (item->kind == DIGEST_ACCEPT) {
        put_accept(writer, item);
    } else {
        put_change(writer, &item->change);
    }
}

/* ---- reading ---- */

static uint64_t get_number(struct digest_reader *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (cursor->left == 0) {
            break;
        }
        uint8_t byte = *cursor->at++;
        cursor->left--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    cursor->broken = true;
    return 0;
}

/* A number that must not be above limit. */
static uint64_t get_count(struct digest_reader *cursor, uint64_t limit)
{
    uint64_t value = get_number(cursor);
    if (value > limit) {
        cursor->broken = true;
        return 0;
    }
    return value;
}

static const char *get_name(struct digest_reader *cursor)
{
    uint64_t number = get_count(cursor, cursor->name_count + 1);
    if (number == 0) {
        return "";
    }
    if (number <= cursor->name_count) {
        return cursor->names[number];
    }
    uint64_t length = get_count(cursor, ENVELOPE_DOMAIN + 1);
    if (cursor->broken || length == 0 || length > cursor->left ||
        memchr(cursor->at, 0, length) != cursor->at + length - 1) {
        cursor->broken = true;
        return "";
    }
    if (number >= cursor->name_room) {
        cursor->name_room = cursor->name_room == 0 ? 256 : cursor->name_room * 2;
        cursor->names = mem_resize(cursor->names, cursor->name_room * sizeof(char *));
    }
    const char *text = (const char *)cursor->at;
    cursor->names[number] = text;
    cursor->name_count = number;
    cursor->at += length;
    cursor->left -= length;
    return text;
}

static void get_change(struct digest_reader *cursor, struct change *out_change)
{
    change_init(out_change);
    out_change->id = get_number(cursor);
    out_change->home = get_number(cursor);
    out_change->number = (uint16_t)get_count(cursor, UINT16_MAX);
    uint64_t state = get_count(cursor, CHANGE_STATES * 2 - 1);
    out_change->state = (enum change_state)(state >> 1);
    out_change->ended = (state & 1) != 0;
    out_change->attempts = (uint16_t)get_count(cursor, UINT16_MAX);
    out_change->next_unix_ms = get_number(cursor);
    out_change->when_unix_ms = get_number(cursor);
    out_change->source = get_name(cursor);
    out_change->previous.segment = get_number(cursor);
    out_change->previous.offset = (uint32_t)get_count(cursor, UINT32_MAX);
    if (out_change->id == 0 ||
        (out_change->number == CHANGE_MESSAGE) != (out_change->state == CHANGE_NOTICED)) {
        cursor->broken = true;
    }
}

static void get_arrays(struct digest_reader *cursor, struct digest_item *item)
{
    struct envelope *envelope = &item->envelope;
    envelope->recipient_count = (unsigned)get_count(cursor, ENVELOPE_RECIPIENTS);
    struct envelope_recipient *recipients =
        envelope->recipient_count == 1 ? &item->only : cursor->recipients;
    for (unsigned i = 0; i < envelope->recipient_count && !cursor->broken; i++) {
        recipients[i] = (struct envelope_recipient){
            .address = "", .domain = get_name(cursor), .orcpt = ""};
        cursor->broken |= recipients[i].domain[0] == '\0';
    }
    envelope->piece_count = (unsigned)get_count(cursor, ENVELOPE_PIECES);
    for (unsigned i = 0; i < envelope->piece_count && !cursor->broken; i++) {
        cursor->pieces[i].segment = get_number(cursor);
        cursor->pieces[i].offset = (uint32_t)get_count(cursor, UINT32_MAX);
        cursor->pieces[i].length = (uint32_t)get_count(cursor, UINT32_MAX);
    }
    envelope->close_count = (unsigned)get_count(cursor, ENVELOPE_CLOSES);
    for (unsigned i = 0; i < envelope->close_count && !cursor->broken; i++) {
        cursor->closes[i].id = get_number(cursor);
        cursor->closes[i].home = get_number(cursor);
        cursor->closes[i].number = (uint16_t)get_count(cursor, UINT16_MAX);
    }
    envelope->recipients = recipients;
    envelope->pieces = cursor->pieces;
    envelope->closes = cursor->closes;
}

static void get_accept(struct digest_reader *cursor, struct digest_item *item)
{
    struct envelope *envelope = &item->envelope;
    envelope_init(envelope);
    item->place.length = (uint32_t)get_count(cursor, UINT32_C(4) * 1024 * 1024);
    envelope->id = get_number(cursor);
    envelope->accepted_unix_ms = get_number(cursor);
    envelope->expires_unix_ms = get_number(cursor);
    envelope->notice_unix_ms = get_number(cursor);
    envelope->size_bytes = get_number(cursor);
    envelope->flags = (unsigned)get_count(cursor, 0x7f);
    envelope->priority = (uint8_t)get_count(cursor, 9);
    envelope->stream = get_name(cursor);
    envelope->user = get_name(cursor);
    envelope->from_domain = get_name(cursor);
    get_arrays(cursor, item);
    item->state_count = (unsigned)get_count(cursor, ENVELOPE_RECIPIENTS);
    for (unsigned i = 0; i < item->state_count && !cursor->broken; i++) {
        get_change(cursor, &cursor->states[i]);
    }
    item->states = cursor->states;
    if (envelope->id == 0 || envelope->recipient_count == 0 ||
        envelope->stream[0] == '\0' || item->place.length == 0) {
        cursor->broken = true;
    }
}

int digest_next(struct digest_reader *reader, struct digest_item *out_item)
{
    if (reader->left == 0) {
        return 0;
    }
    struct digest_item *item = out_item;
    *item = (struct digest_item){0};
    item->kind = (enum digest_kind)get_count(reader, DIGEST_CHANGE);
    item->place.segment = reader->segment;
    item->place.offset = (uint32_t)get_count(reader, UINT32_C(1) << 27) * 8;
    item->origin = get_number(reader);
    if (item->kind == DIGEST_ACCEPT) {
        get_accept(reader, item);
    } else if (item->kind == DIGEST_CHANGE) {
        get_change(reader, &item->change);
    } else {
        reader->broken = true;
    }
    return reader->broken ? -EBADMSG : 1;
}

void digest_reader_init(struct digest_reader *reader, const uint8_t *bytes, size_t length,
                        uint64_t segment)
{
    *reader = (struct digest_reader){.at = bytes, .left = length, .segment = segment};
    reader->recipients = mem_alloc(ENVELOPE_RECIPIENTS * sizeof *reader->recipients);
    reader->pieces = mem_alloc(ENVELOPE_PIECES * sizeof *reader->pieces);
    reader->closes = mem_alloc(ENVELOPE_CLOSES * sizeof *reader->closes);
    reader->states = mem_alloc(ENVELOPE_RECIPIENTS * sizeof *reader->states);
}

void digest_reader_done(struct digest_reader *reader)
{
    free(reader->recipients);
    free(reader->pieces);
    free(reader->closes);
    free(reader->states);
    free(reader->names);
}

int digest_read(const uint8_t *bytes, size_t length, uint64_t segment,
                digest_item_cb item_cb, void *owner)
{
    struct digest_reader reader;
    struct digest_item item;
    digest_reader_init(&reader, bytes, length, segment);
    int rc = digest_next(&reader, &item);
    while (rc > 0) {
        rc = item_cb(owner, &item);
        if (rc != 0) {
            break;
        }
        rc = digest_next(&reader, &item);
    }
    digest_reader_done(&reader);
    return rc;
}
