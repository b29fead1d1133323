/* Command lines out of a byte stream, in a buffer of fixed size.
 *
 * Only CRLF ends a line. What is wrong with a line is told by flags; the line is then
 * still taken to its end, so that the next one starts clean. Leaves the meaning to
 * command. Any thread; no memory of its own. */

#ifndef RELAY_SMTP_LINE_H
#define RELAY_SMTP_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct line {
    char *bytes;   /* borrowed: the buffer given to line_init */
    size_t cap;    /* of the buffer, the terminating NUL included */
    size_t length; /* of the line so far, without CRLF */
    bool complete;
    bool is_overlong; /* more came than fits; the rest was dropped */
    bool has_bare_cr;
    bool has_bare_lf; /* such a line is complete at the LF: the caller must refuse it */
    bool has_nul;
    bool cr_pending; /* the last byte was a CR that waits for its LF */
};

/* The buffer stays the caller's and must live as long as the line. cap must be above 1.
 */
void line_init(struct line *line, char *buffer, size_t cap);

/* Forget the line and start the next one. */
void line_reset(struct line *line);

/* Take bytes until the line is complete or they end. Returns how many were taken. A
 * complete line is NUL-terminated in bytes and takes nothing more until line_reset. */
size_t line_feed(struct line *line, const char *bytes, size_t length);

#endif
