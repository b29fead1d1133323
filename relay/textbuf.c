#include "relay/textbuf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 512

void textbuf_init(struct textbuf *buf, size_t max)
{
    assert(max < SIZE_MAX / 4);
    *buf = (struct textbuf){.max = max};
}

void textbuf_done(struct textbuf *buf)
{
    if (buf != NULL) {
        free(buf->bytes);
        *buf = (struct textbuf){.max = buf->max};
    }
}

void textbuf_clear(struct textbuf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->bytes != NULL) {
        buf->bytes[0] = '\0';
    }
}

/* Make room for length more bytes and the terminator. */
static bool reserve(struct textbuf *buf, size_t length)
{
    if (buf->failed || length > buf->max - buf->length) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->length + length + 1;
    if (need <= buf->cap) {
        return true;
    }
    size_t cap = buf->cap == 0 ? FIRST_BYTES : buf->cap * 2;
    cap = cap < need ? need : cap;
    cap = cap > buf->max + 1 ? buf->max + 1 : cap;
    char *bytes = realloc(buf->bytes, cap);
    if (bytes == NULL) {
        buf->failed = true;
        return false;
    }
    buf->bytes = bytes;
    buf->cap = cap;
    return true;
}

void textbuf_append(struct textbuf *buf, const char *bytes, size_t length)
{
    if (!reserve(buf, length)) {
        return;
    }
    if (length > 0) {
        memcpy(buf->bytes + buf->length, bytes, length);
    }
    buf->length += length;
    buf->bytes[buf->length] = '\0';
}

void textbuf_text(struct textbuf *buf, const char *text)
{
    textbuf_append(buf, text, strlen(text));
}

void textbuf_printf(struct textbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(buf, (size_t)length)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    (void)vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}
