/* Replies of the other server out of a byte stream, into struct reply.
 *
 * Multi-line replies are joined with one space and cut at REPLY_TEXT_BYTES. Tolerated: a
 * line that is only NNN, LF without CR, lines above 512 bytes (cut). Not tolerated: no
 * code, codes that differ between lines, codes outside 200-599, more than
 * LIMIT_REPLY_LINES lines or LIMIT_REPLY_BYTES bytes. An enhanced code is taken when its
 * class agrees with the code; that of the last line that has one counts. */

#ifndef RELAY_SMTP_REPLY_PARSE_H
#define RELAY_SMTP_REPLY_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/reply.h"

#include "relay/limits.h"

enum reply_parse_status {
    REPLY_PARSE_MORE, /* not complete yet */
    REPLY_PARSE_DONE,
    REPLY_PARSE_BAD, /* not SMTP: origin REPLY_MALFORMED, code 0, text says what */
};

/* Called for each line of a reply behind its code and separator, terminated; index counts
 * from 0. The text is valid during the call only. */
typedef void (*reply_parse_line_cb)(void *owner, unsigned index, const char *text,
                                    size_t length);

/* A value its owner embeds; the fields below reply are the parser's own. */
struct reply_parse {
    struct reply reply; /* valid when the status is DONE or BAD; stage is the caller's */
    reply_parse_line_cb line_cb; /* or NULL */
    void *owner;                 /* borrowed */
    char line[LIMIT_REPLY_LINE + 1];
    size_t line_length;
    size_t text_length;
    size_t total_bytes;
    unsigned lines;
    enum reply_parse_status status;
};

void reply_parse_init(struct reply_parse *parser, reply_parse_line_cb line_cb,
                      void *owner);

/* Forget the reply and start the next one; the callback stays. */
void reply_parse_reset(struct reply_parse *parser);

/* Take bytes until one reply is complete or bad, or they end. Returns how many were
 * taken; look at parser->status. Takes nothing more until reply_parse_reset. */
size_t reply_parse_feed(struct reply_parse *parser, const char *bytes, size_t length);

/* Fill a reply that no server sent. text may be cut; control bytes become '?'. */
void reply_parse_make(struct reply *out, enum reply_stage stage, enum reply_origin origin,
                      uint16_t code, const char *enhanced, const char *text);

/* "550 5.1.1 no such user" for logs and bounces; without a code only the text. Returns
 * the length, always terminated. */
size_t reply_parse_format(const struct reply *reply, char *out, size_t cap);

#endif
