#include "queue/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/attr.h"
#include "queue/bytes.h"
#include "queue/mem.h"

/* Tags: docs/queue-format.md. Numbers of tags are never reused. */
enum envelope_tag {
    TAG_ID = 1,
    TAG_ACCEPTED = 2,
    TAG_EXPIRES = 3,
    TAG_NOTICE = 4,
    TAG_SIZE = 5,
    TAG_FLAGS = 6,
    TAG_PRIORITY = 7,
    TAG_RET = 8,
    TAG_SENDER = 16,
    TAG_FROM_DOMAIN = 17,
    TAG_STREAM = 18,
    TAG_USER = 19,
    TAG_CLIENT = 20,
    TAG_HELO = 21,
    TAG_LISTENER = 22,
    TAG_JOB = 23,
    TAG_SUBJECT = 24,
    TAG_ENVID = 25,
    TAG_MESSAGE_ID = 26,
    TAG_RECIPIENT = 32, /* holds the four below */
    TAG_ADDRESS = 33,
    TAG_DOMAIN = 34,
    TAG_ORCPT = 35,
    TAG_NOTIFY = 36,
    TAG_PIECES = 48, /* 16 bytes each: segment, offset, length */
    TAG_CLOSES = 49, /* 18 bytes each: id, home, number */
};

#define PIECE_BYTES 16
#define CLOSE_BYTES 18

struct text_field {
    uint16_t tag;
    uint16_t limit;
    uint16_t offset; /* in struct envelope */
    const char *name;
};

#define FIELD(TAG, LIMIT, MEMBER)                              \
    {                                                          \
        TAG, LIMIT, offsetof(struct envelope, MEMBER), #MEMBER \
    }
static const struct text_field text_fields[] = {
    FIELD(TAG_SENDER, ENVELOPE_ADDRESS, sender),
    FIELD(TAG_FROM_DOMAIN, ENVELOPE_DOMAIN, from_domain),
    FIELD(TAG_STREAM, ENVELOPE_NAME, stream),
    FIELD(TAG_USER, ENVELOPE_USER, user),
    FIELD(TAG_CLIENT, ENVELOPE_CLIENT, client),
    FIELD(TAG_HELO, ENVELOPE_DOMAIN, helo),
    FIELD(TAG_LISTENER, ENVELOPE_NAME, listener),
    FIELD(TAG_JOB, ENVELOPE_NAME, job),
    FIELD(TAG_SUBJECT, ENVELOPE_SUBJECT, subject),
    FIELD(TAG_ENVID, ENVELOPE_ENVID, envid),
    FIELD(TAG_MESSAGE_ID, ENVELOPE_MESSAGE_ID, message_id),
};
#undef FIELD
#define TEXT_FIELDS (sizeof text_fields / sizeof text_fields[0])

static const char **text_of(struct envelope *envelope, const struct text_field *field)
{
    return (const char **)(void *)((char *)envelope + field->offset);
}

static const char *text_in(const struct envelope *envelope,
                           const struct text_field *field)
{
    const char *text;
    memcpy(&text, (const char *)envelope + field->offset, sizeof text);
    return text;
}

void envelope_init(struct envelope *envelope)
{
    *envelope = (struct envelope){0};
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        *text_of(envelope, &text_fields[i]) = "";
    }
}

size_t envelope_bound(const struct envelope *envelope)
{
    size_t bytes = (size_t)8 * (ATTR_HEAD_BYTES + 8) + (size_t)2 * ATTR_HEAD_BYTES;
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        bytes += ATTR_HEAD_BYTES + strlen(text_in(envelope, &text_fields[i])) + 1;
    }
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        const struct envelope_recipient *recipient = &envelope->recipients[i];
        bytes += (size_t)5 * ATTR_HEAD_BYTES + strlen(recipient->address) + 1 +
                 strlen(recipient->domain) + 1 + strlen(recipient->orcpt) + 1 + 8;
    }
    return bytes + (size_t)envelope->piece_count * PIECE_BYTES +
           (size_t)envelope->close_count * CLOSE_BYTES;
}

static bool recipient_is_good(const struct envelope_recipient *recipient)
{
    return recipient->domain[0] != '\0' &&
           attr_text_is_clean(recipient->address, ENVELOPE_ADDRESS) &&
           attr_text_is_clean(recipient->domain, ENVELOPE_DOMAIN) &&
           attr_text_is_clean(recipient->orcpt, ENVELOPE_ORCPT);
}

static int check(const struct envelope *envelope, struct errmsg *err)
{
    if (envelope->id == 0 || envelope->priority > 9 || envelope->stream[0] == '\0' ||
        envelope->recipient_count == 0 ||
        envelope->recipient_count > ENVELOPE_RECIPIENTS ||
        envelope->piece_count > ENVELOPE_PIECES ||
        envelope->close_count > ENVELOPE_CLOSES || envelope->flags > 0xff) {
        errmsg_set(err,
                   "envelope: id, priority, flags, stream or a count is out of range");
        return -EINVAL;
    }
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        if (!attr_text_is_clean(text_in(envelope, &text_fields[i]),
                                text_fields[i].limit)) {
            errmsg_set(err, "envelope: %s is too long or holds control bytes",
                       text_fields[i].name);
            return -EINVAL;
        }
    }
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        if (!recipient_is_good(&envelope->recipients[i])) {
            errmsg_set(err, "envelope: recipient %u is too long or holds control bytes",
                       i);
            return -EINVAL;
        }
    }
    return 0;
}

static void put_number(struct attr_writer *writer, uint16_t tag, uint64_t value)
{
    if (value != 0) {
        attr_put_u64(writer, tag, value);
    }
}

static void put_recipient(struct attr_writer *writer,
                          const struct envelope_recipient *recipient)
{
    size_t mark = attr_begin(writer, TAG_RECIPIENT);
    attr_put_text(writer, TAG_ADDRESS, recipient->address);
    attr_put_text(writer, TAG_DOMAIN, recipient->domain);
    attr_put_text(writer, TAG_ORCPT, recipient->orcpt);
    put_number(writer, TAG_NOTIFY, recipient->notify);
    attr_end(writer, mark);
}

/* Write an array as one value; its elements go in one by one. */
static uint8_t *put_array(struct attr_writer *writer, uint16_t tag, size_t bytes)
{
    size_t mark = attr_begin(writer, tag);
    if (writer->full || writer->capacity - writer->used < bytes) {
        writer->full = true;
        return NULL;
    }
    uint8_t *at = writer->bytes + writer->used;
    writer->used += bytes;
    attr_end(writer, mark);
    return at;
}

static void put_arrays(struct attr_writer *writer, const struct envelope *envelope)
{
    if (envelope->piece_count > 0) {
        uint8_t *at =
            put_array(writer, TAG_PIECES, (size_t)envelope->piece_count * PIECE_BYTES);
        for (unsigned i = 0; at != NULL && i < envelope->piece_count; i++) {
            bytes_put_u64(at, envelope->pieces[i].segment);
            bytes_put_u32(at + 8, envelope->pieces[i].offset);
            bytes_put_u32(at + 12, envelope->pieces[i].length);
            at += PIECE_BYTES;
        }
    }
    if (envelope->close_count > 0) {
        uint8_t *at =
            put_array(writer, TAG_CLOSES, (size_t)envelope->close_count * CLOSE_BYTES);
        for (unsigned i = 0; at != NULL && i < envelope->close_count; i++) {
            bytes_put_u64(at, envelope->closes[i].id);
            bytes_put_u64(at + 8, envelope->closes[i].home);
            bytes_put_u16(at + 16, envelope->closes[i].number);
            at += CLOSE_BYTES;
        }
    }
}

int envelope_encode(const struct envelope *envelope, void *bytes, size_t capacity,
                    size_t *out_length, struct errmsg *err)
{
    int rc = check(envelope, err);
    if (rc != 0) {
        return rc;
    }
    struct attr_writer writer;
    attr_writer_init(&writer, bytes, capacity);
    attr_put_u64(&writer, TAG_ID, envelope->id);
    put_number(&writer, TAG_ACCEPTED, envelope->accepted_unix_ms);
    put_number(&writer, TAG_EXPIRES, envelope->expires_unix_ms);
    put_number(&writer, TAG_NOTICE, envelope->notice_unix_ms);
    put_number(&writer, TAG_SIZE, envelope->size_bytes);
    put_number(&writer, TAG_FLAGS, envelope->flags);
    put_number(&writer, TAG_PRIORITY, envelope->priority);
    put_number(&writer, TAG_RET, envelope->ret);
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        attr_put_text(&writer, text_fields[i].tag, text_in(envelope, &text_fields[i]));
    }
    for (unsigned i = 0; i < envelope->recipient_count; i++) {
        put_recipient(&writer, &envelope->recipients[i]);
    }
    put_arrays(&writer, envelope);
    if (writer.full) {
        errmsg_set(err, "envelope: no room");
        return -ENOBUFS;
    }
    *out_length = writer.used;
    return 0;
}

static bool take_number(struct envelope *envelope, const struct attr *attr)
{
    uint64_t value = 0;
    if (!attr_u64(attr, &value)) {
        return false;
    }
    switch (attr->tag) {
    case TAG_ID: envelope->id = value; return true;
    case TAG_ACCEPTED: envelope->accepted_unix_ms = value; return true;
    case TAG_EXPIRES: envelope->expires_unix_ms = value; return true;
    case TAG_NOTICE: envelope->notice_unix_ms = value; return true;
    case TAG_SIZE: envelope->size_bytes = value; return true;
    case TAG_FLAGS: envelope->flags = (unsigned)value; return value <= 0xff;
    case TAG_PRIORITY: envelope->priority = (uint8_t)value; return value <= 9;
    case TAG_RET: envelope->ret = (uint8_t)value; return value <= UINT8_MAX;
    default: return true;
    }
}

static bool take_text(struct envelope *envelope, const struct attr *attr)
{
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        if (text_fields[i].tag == attr->tag) {
            return attr_text(attr, text_fields[i].limit,
                             text_of(envelope, &text_fields[i]));
        }
    }
    return true;
}

/* First pass: every scalar, and how long the arrays are. */
static bool take_scalars(const void *bytes, size_t length, struct envelope *envelope)
{
    struct attr_reader reader;
    struct attr attr;
    attr_reader_init(&reader, bytes, length);
    while (attr_next(&reader, &attr)) {
        bool good = true;
        if (attr.tag <= TAG_RET) {
            good = take_number(envelope, &attr);
        } else if (attr.tag == TAG_RECIPIENT) {
            envelope->recipient_count++;
            good = envelope->recipient_count <= ENVELOPE_RECIPIENTS;
        } else if (attr.tag == TAG_PIECES) {
            good = attr.length % PIECE_BYTES == 0 && envelope->piece_count == 0 &&
                   attr.length / PIECE_BYTES <= ENVELOPE_PIECES;
            envelope->piece_count = attr.length / PIECE_BYTES;
        } else if (attr.tag == TAG_CLOSES) {
            good = attr.length % CLOSE_BYTES == 0 && envelope->close_count == 0 &&
                   attr.length / CLOSE_BYTES <= ENVELOPE_CLOSES;
            envelope->close_count = attr.length / CLOSE_BYTES;
        } else {
            good = take_text(envelope, &attr);
        }
        if (!good) {
            return false;
        }
    }
    return !reader.broken && envelope->id != 0 && envelope->stream[0] != '\0' &&
           envelope->recipient_count > 0;
}

static bool take_recipient(const struct attr *group, struct envelope_recipient *recipient)
{
    struct attr_reader reader;
    struct attr attr;
    uint64_t notify = 0;
    *recipient = (struct envelope_recipient){.address = "", .domain = "", .orcpt = ""};
    attr_reader_init(&reader, group->bytes, group->length);
    while (attr_next(&reader, &attr)) {
        bool good = true;
        switch (attr.tag) {
        case TAG_ADDRESS:
            good = attr_text(&attr, ENVELOPE_ADDRESS, &recipient->address);
            break;
        case TAG_DOMAIN:
            good = attr_text(&attr, ENVELOPE_DOMAIN, &recipient->domain);
            break;
        case TAG_ORCPT: good = attr_text(&attr, ENVELOPE_ORCPT, &recipient->orcpt); break;
        case TAG_NOTIFY: good = attr_u64(&attr, &notify) && notify <= UINT8_MAX; break;
        default: break;
        }
        if (!good) {
            return false;
        }
    }
    recipient->notify = (uint8_t)notify;
    return !reader.broken && recipient->domain[0] != '\0';
}

struct arrays {
    struct envelope_recipient *recipients;
    struct place *pieces;
    struct envelope_close *closes;
};

static void take_places(const struct attr *attr, const struct arrays *arrays)
{
    if (attr->tag == TAG_PIECES) {
        for (uint32_t i = 0; i < attr->length / PIECE_BYTES; i++) {
            const uint8_t *at = attr->bytes + (size_t)i * PIECE_BYTES;
            arrays->pieces[i] =
                (struct place){bytes_u64(at), bytes_u32(at + 8), bytes_u32(at + 12)};
        }
    } else if (attr->tag == TAG_CLOSES) {
        for (uint32_t i = 0; i < attr->length / CLOSE_BYTES; i++) {
            const uint8_t *at = attr->bytes + (size_t)i * CLOSE_BYTES;
            arrays->closes[i] = (struct envelope_close){bytes_u64(at), bytes_u64(at + 8),
                                                        bytes_u16(at + 16)};
        }
    }
}

/* Second pass: the arrays. */
static bool take_arrays(const void *bytes, size_t length, const struct arrays *arrays)
{
    struct attr_reader reader;
    struct attr attr;
    unsigned number = 0;
    attr_reader_init(&reader, bytes, length);
    while (attr_next(&reader, &attr)) {
        if (attr.tag == TAG_RECIPIENT) {
            if (!take_recipient(&attr, &arrays->recipients[number])) {
                return false;
            }
            number++;
        } else {
            take_places(&attr, arrays);
        }
    }
    return true;
}

int envelope_decode(const void *bytes, size_t length, struct envelope *out_envelope)
{
    struct envelope envelope;
    envelope_init(&envelope);
    if (!take_scalars(bytes, length, &envelope)) {
        return -EBADMSG;
    }
    /* One block, the most aligned type first. */
    size_t recipients = envelope.recipient_count * sizeof *envelope.recipients;
    size_t pieces = envelope.piece_count * sizeof *envelope.pieces;
    size_t closes = envelope.close_count * sizeof *envelope.closes;
    uint8_t *block = mem_try(recipients + pieces + closes);
    if (block == NULL) {
        return -ENOMEM;
    }
    struct arrays arrays = {
        .recipients = (struct envelope_recipient *)(void *)block,
        .pieces = (struct place *)(void *)(block + recipients),
        .closes = (struct envelope_close *)(void *)(block + recipients + pieces),
    };
    if (!take_arrays(bytes, length, &arrays)) {
        free(block);
        return -EBADMSG;
    }
    envelope.recipients = arrays.recipients;
    envelope.pieces = arrays.pieces;
    envelope.closes = arrays.closes;
    *out_envelope = envelope;
    return 0;
}

void envelope_free(struct envelope *envelope)
{
    if (envelope != NULL) {
        union {
            const struct envelope_recipient *kept;
            void *owned;
        } block = {.kept = envelope->recipients};
        free(block.owned);
        envelope->recipients = NULL;
        envelope->pieces = NULL;
        envelope->closes = NULL;
        envelope->recipient_count = 0;
        envelope->piece_count = 0;
        envelope->close_count = 0;
    }
}
