#include "queue/attr.h"

#include <assert.h>
#include <string.h>

#include "queue/bytes.h"

void attr_writer_init(struct attr_writer *writer, void *bytes, size_t capacity)
{
    *writer = (struct attr_writer){.bytes = bytes, .capacity = capacity};
}

void attr_put(struct attr_writer *writer, uint16_t tag, const void *bytes, size_t length)
{
    size_t room = writer->capacity - writer->used;
    if (writer->full || length > UINT32_MAX || room < ATTR_HEAD_BYTES ||
        room - ATTR_HEAD_BYTES < length) {
        writer->full = true;
        return;
    }
    uint8_t *at = writer->bytes + writer->used;
    bytes_put_u16(at, tag);
    bytes_put_u32(at + 2, (uint32_t)length);
    if (length > 0) {
        memcpy(at + ATTR_HEAD_BYTES, bytes, length);
    }
    writer->used += ATTR_HEAD_BYTES + length;
}

void attr_put_u64(struct attr_writer *writer, uint16_t tag, uint64_t value)
{
    uint8_t bytes[8];
    bytes_put_u64(bytes, value);
    size_t length = sizeof bytes;
    while (length > 0 && bytes[length - 1] == 0) {
        length--;
    }
    attr_put(writer, tag, bytes, length);
}

void attr_put_text(struct attr_writer *writer, uint16_t tag, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        attr_put(writer, tag, text, strlen(text) + 1);
    }
}

size_t attr_begin(struct attr_writer *writer, uint16_t tag)
{
    size_t mark = writer->used;
    attr_put(writer, tag, NULL, 0);
    return mark;
}

void attr_end(struct attr_writer *writer, size_t mark)
{
    if (!writer->full) {
        assert(mark + ATTR_HEAD_BYTES <= writer->used);
        bytes_put_u32(writer->bytes + mark + 2,
                      (uint32_t)(writer->used - mark - ATTR_HEAD_BYTES));
    }
}

void attr_reader_init(struct attr_reader *reader, const void *bytes, size_t length)
{
    *reader = (struct attr_reader){.at = bytes, .left = length};
}

bool attr_next(struct attr_reader *reader, struct attr *out_attr)
{
    if (reader->left == 0) {
        return false;
    }
    if (reader->left < ATTR_HEAD_BYTES) {
        reader->broken = true;
        reader->left = 0;
        return false;
    }
    uint32_t length = bytes_u32(reader->at + 2);
    if (length > reader->left - ATTR_HEAD_BYTES) {
        reader->broken = true;
        reader->left = 0;
        return false;
    }
    out_attr->tag = bytes_u16(reader->at);
    out_attr->length = length;
    out_attr->bytes = reader->at + ATTR_HEAD_BYTES;
    reader->at += ATTR_HEAD_BYTES + length;
    reader->left -= ATTR_HEAD_BYTES + length;
    return true;
}

bool attr_u64(const struct attr *attr, uint64_t *out_value)
{
    if (attr->length > 8) {
        return false;
    }
    uint64_t value = 0;
    for (uint32_t i = attr->length; i > 0; i--) {
        value = value << 8 | attr->bytes[i - 1];
    }
    *out_value = value;
    return true;
}

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

bool attr_text(const struct attr *attr, size_t limit, const char **out_text)
{
    if (attr->length == 0 || attr->length - 1 > limit ||
        attr->bytes[attr->length - 1] != 0) {
        return false;
    }
    for (uint32_t i = 0; i + 1 < attr->length; i++) {
        if (is_control(attr->bytes[i])) {
            return false;
        }
    }
    *out_text = (const char *)attr->bytes;
    return true;
}

bool attr_text_is_clean(const char *text, size_t limit)
{
    size_t length = 0;
    for (; text[length] != '\0'; length++) {
        if (length >= limit || is_control((unsigned char)text[length])) {
            return false;
        }
    }
    return true;
}
