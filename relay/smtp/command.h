/* One command line of a client: its verb, and where its argument begins.
 *
 * Verbs are case-blind (RFC 5321 2.4). The argument is a range of the caller's line. */

#ifndef RELAY_SMTP_COMMAND_H
#define RELAY_SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_verb {
    COMMAND_UNKNOWN,
    COMMAND_HELO,
    COMMAND_EHLO,
    COMMAND_MAIL,
    COMMAND_RCPT,
    COMMAND_DATA,
    COMMAND_BDAT,
    COMMAND_RSET,
    COMMAND_NOOP,
    COMMAND_QUIT,
    COMMAND_VRFY,
    COMMAND_EXPN,
    COMMAND_HELP,
    COMMAND_STARTTLS,
    COMMAND_AUTH,
    COMMAND_FOREIGN, /* another protocol speaks: GET, POST, CONNECT, a header line */
};

struct command {
    enum command_verb verb;
    const char
        *argument; /* borrowed from the line; leading and trailing spaces removed */
    size_t argument_length;
    bool has_argument;
};

/* Parse a line without its CRLF. Never fails: what is not known is COMMAND_UNKNOWN. */
void command_parse(const char *line, size_t length, struct command *out);

/* The argument of MAIL ("FROM:") or RCPT ("TO:") behind its keyword and any spaces; false
 * when the keyword is not there. */
bool command_path(const struct command *command, const char **out, size_t *out_length);

/* The argument of BDAT: "123" or "123 LAST". False when it is neither or above 2^48. */
bool command_chunk(const struct command *command, uint64_t *out_bytes, bool *out_is_last);

/* The verb in capitals, for logs; "?" for COMMAND_UNKNOWN. */
const char *command_name(enum command_verb verb);

#endif
