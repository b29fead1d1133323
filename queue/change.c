#include "queue/change.h"

#include <errno.h>
#include <string.h>

#include "queue/attr.h"
#include "queue/bytes.h"

/* A change is u16 length of what follows, then tagged values. Tags: docs/queue-format.md.
 */
enum change_tag {
    TAG_ID = 1,
    TAG_HOME = 2,
    TAG_NUMBER = 3,
    TAG_STATE = 4,
    TAG_ENDED = 5,
    TAG_ATTEMPTS = 6,
    TAG_NEXT = 7,
    TAG_WHEN = 8,
    TAG_SOURCE = 9,
    TAG_CLASS = 10,
    TAG_STAGE = 11,
    TAG_ORIGIN = 12,
    TAG_CODE = 13,
    TAG_ENHANCED = 14,
    TAG_TEXT = 15,
    TAG_HOST = 16,
    TAG_ADDRESS = 17,
    TAG_ACTOR = 18,
    TAG_REASON = 19,
    TAG_PREVIOUS = 20,
    TAG_TLS = 21,
    TAG_TOOK = 22,
};

#define CHANGE_SOURCE 64 /* as ENVELOPE_NAME */

void change_init(struct change *change)
{
    *change = (struct change){.source = "",
                              .text = "",
                              .host = "",
                              .address = "",
                              .tls = "",
                              .actor = "",
                              .reason = ""};
}

static bool texts_are_clean(const struct change *change)
{
    return attr_text_is_clean(change->source, CHANGE_SOURCE) &&
           attr_text_is_clean(change->text, SIZE_MAX) &&
           attr_text_is_clean(change->host, CHANGE_HOST) &&
           attr_text_is_clean(change->address, CHANGE_ADDRESS) &&
           attr_text_is_clean(change->tls, CHANGE_TLS) &&
           attr_text_is_clean(change->actor, CHANGE_ACTOR) &&
           attr_text_is_clean(change->reason, CHANGE_REASON);
}

static void put_number(struct attr_writer *writer, uint16_t tag, uint64_t value)
{
    if (value != 0) {
        attr_put_u64(writer, tag, value);
    }
}

/* Reply texts are cut, but not inside a UTF-8 character. */
static void put_cut_text(struct attr_writer *writer, const char *text)
{
    char cut[CHANGE_TEXT + 1];
    size_t length = strnlen(text, sizeof cut);
    if (length > CHANGE_TEXT) {
        length = CHANGE_TEXT;
        while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    memcpy(cut, text, length);
    cut[length] = '\0';
    attr_put_text(writer, TAG_TEXT, cut);
}

static void put_places(struct attr_writer *writer, const struct change *change)
{
    if (change->enhanced[0] != 0) {
        uint8_t enhanced[6];
        for (int i = 0; i < 3; i++) {
            bytes_put_u16(enhanced + (ptrdiff_t)2 * i, change->enhanced[i]);
        }
        attr_put(writer, TAG_ENHANCED, enhanced, sizeof enhanced);
    }
    if (change->previous.segment != 0) {
        uint8_t place[16];
        bytes_put_u64(place, change->previous.segment);
        bytes_put_u32(place + 8, change->previous.offset);
        bytes_put_u32(place + 12, change->previous.length);
        attr_put(writer, TAG_PREVIOUS, place, sizeof place);
    }
}

int change_encode(const struct change *change, void *bytes, size_t capacity,
                  size_t *out_length)
{
    if (change->id == 0 || (unsigned)change->state >= CHANGE_STATES ||
        (change->number == CHANGE_MESSAGE) != (change->state == CHANGE_NOTICED) ||
        (change_state_is_final(change->state) && !change->ended) ||
        !texts_are_clean(change)) {
        return -EINVAL;
    }
    if (capacity < 2) {
        return -ENOBUFS;
    }
    struct attr_writer writer;
    attr_writer_init(&writer, (uint8_t *)bytes + 2, capacity - 2);
    attr_put_u64(&writer, TAG_ID, change->id);
    put_number(&writer, TAG_HOME, change->home);
    put_number(&writer, TAG_NUMBER, change->number);
    put_number(&writer, TAG_STATE, (uint64_t)change->state);
    put_number(&writer, TAG_ENDED, change->ended);
    put_number(&writer, TAG_ATTEMPTS, change->attempts);
    put_number(&writer, TAG_NEXT, change->next_unix_ms);
    put_number(&writer, TAG_WHEN, change->when_unix_ms);
    attr_put_text(&writer, TAG_SOURCE, change->source);
    put_number(&writer, TAG_CLASS, change->reply_class);
    put_number(&writer, TAG_STAGE, change->stage);
    put_number(&writer, TAG_ORIGIN, change->origin);
    put_number(&writer, TAG_CODE, change->code);
    put_cut_text(&writer, change->text);
    attr_put_text(&writer, TAG_HOST, change->host);
    attr_put_text(&writer, TAG_ADDRESS, change->address);
    attr_put_text(&writer, TAG_TLS, change->tls);
    put_number(&writer, TAG_TOOK, change->took_ms);
    attr_put_text(&writer, TAG_ACTOR, change->actor);
    attr_put_text(&writer, TAG_REASON, change->reason);
    put_places(&writer, change);
    if (writer.full) {
        return -ENOBUFS;
    }
    bytes_put_u16(bytes, (uint16_t)writer.used);
    *out_length = writer.used + 2;
    return 0;
}

static bool take_text(struct change *change, const struct attr *attr)
{
    switch (attr->tag) {
    case TAG_SOURCE: return attr_text(attr, CHANGE_SOURCE, &change->source);
    case TAG_TEXT: return attr_text(attr, CHANGE_TEXT, &change->text);
    case TAG_HOST: return attr_text(attr, CHANGE_HOST, &change->host);
    case TAG_ADDRESS: return attr_text(attr, CHANGE_ADDRESS, &change->address);
    case TAG_TLS: return attr_text(attr, CHANGE_TLS, &change->tls);
    case TAG_ACTOR: return attr_text(attr, CHANGE_ACTOR, &change->actor);
    case TAG_REASON: return attr_text(attr, CHANGE_REASON, &change->reason);
    case TAG_ENHANCED:
        if (attr->length != 6) {
            return false;
        }
        for (int i = 0; i < 3; i++) {
            change->enhanced[i] = bytes_u16(attr->bytes + (ptrdiff_t)2 * i);
        }
        return true;
    case TAG_PREVIOUS:
        if (attr->length != 16) {
            return false;
        }
        change->previous.segment = bytes_u64(attr->bytes);
        change->previous.offset = bytes_u32(attr->bytes + 8);
        change->previous.length = bytes_u32(attr->bytes + 12);
        return true;
    default: return true; /* a newer writer's */
    }
}

static bool take_number(struct change *change, const struct attr *attr)
{
    uint64_t value = 0;
    if (!attr_u64(attr, &value)) {
        return false;
    }
    switch (attr->tag) {
    case TAG_ID: change->id = value; return true;
    case TAG_HOME: change->home = value; return true;
    case TAG_NUMBER: change->number = (uint16_t)value; return value <= UINT16_MAX;
    case TAG_STATE:
        change->state = value < CHANGE_STATES ? (enum change_state)value : CHANGE_STATES;
        return value < CHANGE_STATES;
    case TAG_ENDED: change->ended = value != 0; return true;
    case TAG_ATTEMPTS: change->attempts = (uint16_t)value; return value <= UINT16_MAX;
    case TAG_NEXT: change->next_unix_ms = value; return true;
    case TAG_WHEN: change->when_unix_ms = value; return true;
    case TAG_CLASS: change->reply_class = (uint8_t)value; return value <= UINT8_MAX;
    case TAG_STAGE: change->stage = (uint8_t)value; return value <= UINT8_MAX;
    case TAG_ORIGIN: change->origin = (uint8_t)value; return value <= UINT8_MAX;
    case TAG_CODE: change->code = (uint16_t)value; return value <= UINT16_MAX;
    case TAG_TOOK: change->took_ms = value; return true;
    default: return true;
    }
}

static bool is_number_tag(uint16_t tag)
{
    return (tag >= TAG_ID && tag <= TAG_WHEN) || (tag >= TAG_CLASS && tag <= TAG_CODE) ||
           tag == TAG_TOOK;
}

int change_next(const uint8_t **at, size_t *left, struct change *out_change)
{
    if (*left == 0) {
        return 0;
    }
    if (*left < 2 || bytes_u16(*at) > *left - 2) {
        return -EBADMSG;
    }
    size_t length = bytes_u16(*at);
    struct change change;
    change_init(&change);
    struct attr_reader reader;
    struct attr attr;
    attr_reader_init(&reader, *at + 2, length);
    while (attr_next(&reader, &attr)) {
        bool good = is_number_tag(attr.tag) ? take_number(&change, &attr)
                                            : take_text(&change, &attr);
        if (!good) {
            return -EBADMSG;
        }
    }
    if (reader.broken || change.id == 0 ||
        (change.number == CHANGE_MESSAGE) != (change.state == CHANGE_NOTICED) ||
        (change_state_is_final(change.state) && !change.ended)) {
        return -EBADMSG;
    }
    *at += 2 + length;
    *left -= 2 + length;
    *out_change = change;
    return 1;
}

const char *change_state_name(enum change_state state)
{
    switch (state) {
    case CHANGE_WAITING: return "waiting";
    case CHANGE_HELD: return "held";
    case CHANGE_FAILED: return "failed";
    case CHANGE_EXPIRED: return "expired";
    case CHANGE_DELIVERED: return "delivered";
    case CHANGE_RELAYED: return "relayed";
    case CHANGE_PURGED: return "purged";
    case CHANGE_NOTICED: return "noticed";
    case CHANGE_STATES: break;
    }
    return "unknown";
}

bool change_state_is_final(enum change_state state)
{
    return state == CHANGE_DELIVERED || state == CHANGE_RELAYED || state == CHANGE_PURGED;
}
