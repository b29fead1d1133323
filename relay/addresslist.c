#include "relay/addresslist.h"

#include <assert.h>
#include <stdbool.h>

/* One byte at a time. The current mailbox is collected in out as long as it is the first.
 */
struct mailbox_reader {
    unsigned count;
    unsigned comments; /* depth */
    bool in_quotes;
    bool in_angle;
    bool had_angle;
    bool has_escape;
    bool has_bytes; /* the current mailbox has any */
    size_t length;
    size_t cap;
    char *out;                     /* the caller's */
    addresslist_cb each_cb;        /* NULL: only the first is wanted */
    addresslist_place_cb place_cb; /* the same, with its place */
    void *owner;
    unsigned told;
    size_t at;    /* of the byte being read */
    size_t first; /* of the bytes kept, the first ... */
    size_t last;  /* ... and the last that is no blank */
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* What was collected is a display name or a group's. */
static void forget(struct mailbox_reader *reader)
{
    reader->has_bytes = false;
    if (reader->count == 0) {
        reader->length = 0;
    }
}

static void tell(struct mailbox_reader *reader)
{
    if (reader->each_cb != NULL) {
        reader->each_cb(reader->owner, reader->out);
    } else if (reader->has_bytes) { /* "<>" has no place */
        reader->place_cb(reader->owner,
                         &(struct addresslist_place){.address = reader->out,
                                                     .start = reader->first,
                                                     .end = reader->last + 1});
    }
}

static void end_mailbox(struct mailbox_reader *reader)
{
    bool is_any = reader->has_bytes || reader->had_angle;
    if (is_any && reader->count == 0) {
        while (reader->length > 0 && is_blank(reader->out[reader->length - 1])) {
            reader->length--;
        }
    }
    if (is_any && (reader->each_cb != NULL || reader->place_cb != NULL)) {
        reader->out[reader->length] = '\0';
        tell(reader);
        reader->told++;
        reader->length = 0; /* the next one is collected like the first */
    } else {
        reader->count += is_any ? 1 : 0;
    }
    reader->has_bytes = false;
    reader->had_angle = false;
    reader->in_angle = false;
}

static void keep_byte(struct mailbox_reader *reader, char byte)
{
    bool is_behind = reader->had_angle && !reader->in_angle;
    if (is_behind || (is_blank(byte) && !reader->has_bytes)) {
        return;
    }
    reader->first = reader->has_bytes ? reader->first : reader->at;
    reader->last = is_blank(byte) ? reader->last : reader->at;
    reader->has_bytes = true;
    bool is_control = ((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f;
    if (reader->count == 0 && !is_control && reader->length + 1 < reader->cap) {
        reader->out[reader->length++] = byte;
    }
}

/* True when the byte was part of a comment or a quoted string. */
static bool read_enclosed(struct mailbox_reader *reader, char byte)
{
    if (reader->has_escape) {
        reader->has_escape = false;
    } else if ((reader->in_quotes || reader->comments > 0) && byte == '\\') {
        reader->has_escape = true;
    } else if (reader->comments > 0) {
        reader->comments += byte == '(' ? 1 : 0;
        reader->comments -= byte == ')' ? 1 : 0;
        return true;
    } else if (byte == '"') {
        reader->in_quotes = !reader->in_quotes;
    } else if (!reader->in_quotes && byte == '(') {
        reader->comments = 1;
        return true;
    } else if (!reader->in_quotes) {
        return false;
    }
    if (reader->comments == 0) {
        keep_byte(reader, byte);
    }
    return true;
}

static void read_byte(struct mailbox_reader *reader, char byte)
{
    if (read_enclosed(reader, byte)) {
        return;
    }
    if (byte == '<') {
        reader->in_angle = true;
        reader->had_angle = true;
        forget(reader); /* what came before was a display name */
    } else if (byte == '>') {
        reader->in_angle = false;
    } else if ((byte == ',' || byte == ';') && !reader->in_angle) {
        end_mailbox(reader);
    } else if (byte == ':' && !reader->in_angle) {
        forget(reader); /* a group's name */
    } else {
        keep_byte(reader, byte);
    }
}

unsigned addresslist_read(const char *value, size_t length, char *out, size_t cap)
{
    assert(cap > 0);
    struct mailbox_reader reader = {.out = out, .cap = cap};
    for (size_t i = 0; i < length; i++) {
        read_byte(&reader, value[i]);
    }
    end_mailbox(&reader);
    out[reader.length] = '\0';
    return reader.count;
}

/* Each mailbox is told as it ends. */
static unsigned read_all(struct mailbox_reader *reader, const char *value, size_t length)
{
    char address[1024];
    reader->out = address;
    reader->cap = sizeof address;
    for (size_t i = 0; i < length; i++) {
        reader->at = i;
        read_byte(reader, value[i]);
    }
    end_mailbox(reader);
    reader->out = NULL;
    return reader->told;
}

unsigned addresslist_each(const char *value, size_t length, addresslist_cb each_cb,
                          void *owner)
{
    assert(each_cb != NULL);
    struct mailbox_reader reader = {.each_cb = each_cb, .owner = owner};
    return read_all(&reader, value, length);
}

unsigned addresslist_places(const char *value, size_t length,
                            addresslist_place_cb place_cb, void *owner)
{
    assert(place_cb != NULL);
    struct mailbox_reader reader = {.place_cb = place_cb, .owner = owner};
    return read_all(&reader, value, length);
}
