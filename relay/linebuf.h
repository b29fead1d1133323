/* A bounded writer of text: numbers, times, and bytes from outside made harmless.
 *
 * It fills memory the caller has. What does not fit is left out and remembered in
 * is_full; nothing is ever written past the end. No terminator. One thread at a time. */

#ifndef RELAY_LINEBUF_H
#define RELAY_LINEBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct linebuf {
    char *data; /* borrowed */
    size_t used;
    size_t size;
    bool is_full; /* something was left out */
};

void linebuf_init(struct linebuf *buf, char *data, size_t size);

/* Bytes as they are. */
void linebuf_add(struct linebuf *buf, const char *data, size_t size);
void linebuf_text(struct linebuf *buf, const char *text);
void linebuf_char(struct linebuf *buf, char byte);

void linebuf_int(struct linebuf *buf, int64_t value);
void linebuf_unsigned(struct linebuf *buf, uint64_t value);

/* A duration in ms as seconds: "12", "1.4", "0.05", at most three decimals. */
void linebuf_seconds(struct linebuf *buf, int64_t value_ms);

/* "2026-11-21T08:00:00.123" and the zone given, "Z" or "+00:00". Years 1970 to 9999. */
void linebuf_time(struct linebuf *buf, int64_t unix_ms, const char *zone);

/* The first max bytes of text as a JSON string with its quotes. Control bytes, DEL,
 * U+2028 and U+2029 are escaped; each byte that is not UTF-8 becomes U+FFFD. */
void linebuf_json(struct linebuf *buf, const char *text, size_t max);

/* The first max bytes of text for a line of a log: the same bytes as above become '?',
 * and so does each byte in also ("" for none). */
void linebuf_line(struct linebuf *buf, const char *text, size_t max, const char *also);

#endif
