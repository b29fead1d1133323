#include "relay/smtp/line.h"

#include <assert.h>

void line_init(struct line *line, char *buffer, size_t cap)
{
    assert(cap > 1);
    line->bytes = buffer;
    line->cap = cap;
    line_reset(line);
}

void line_reset(struct line *line)
{
    line->length = 0;
    line->complete = false;
    line->is_overlong = false;
    line->has_bare_cr = false;
    line->has_bare_lf = false;
    line->has_nul = false;
    line->cr_pending = false;
    line->bytes[0] = '\0';
}

static void put(struct line *line, char byte)
{
    if (line->length + 1 >= line->cap) {
        line->is_overlong = true;
        return;
    }
    line->bytes[line->length++] = byte;
}

static void complete(struct line *line)
{
    line->complete = true;
    line->cr_pending = false;
    line->bytes[line->length] = '\0';
}

size_t line_feed(struct line *line, const char *bytes, size_t length)
{
    size_t used = 0;
    while (used < length && !line->complete) {
        char byte = bytes[used++];
        if (byte == '\n') {
            line->has_bare_lf = line->has_bare_lf || !line->cr_pending;
            complete(line);
            continue;
        }
        if (line->cr_pending) {
            line->has_bare_cr = true;
            line->cr_pending = false;
            put(line, '\r');
        }
        if (byte == '\r') {
            line->cr_pending = true;
            continue;
        }
        line->has_nul = line->has_nul || byte == '\0';
        put(line, byte);
    }
    return used;
}
