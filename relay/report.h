/* What comes back about mail that has left: delivery status notifications (RFC 3464),
 * bounces in no standard form, abuse reports (RFC 5965).
 *
 * Bytes from outside: a bounded reading of one message, header and body, that allocates
 * nothing and copies into bounded texts. What it says is only said: whether a report is
 * about our mail the return path proves (verp.h). Pure; any thread. */

#ifndef RELAY_REPORT_H
#define RELAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#define REPORT_RCPTS      16
#define REPORT_ADDRESS    320
#define REPORT_WORD       64
#define REPORT_TEXT       600
#define REPORT_PARTS      24
#define REPORT_BYTES      ((size_t)256 * 1024) /* as much of a message as is read */
#define REPORT_DIAGNOSTIC REPORT_TEXT

enum report_kind {
    REPORT_OTHER,     /* a letter, an automatic answer, spam */
    REPORT_BOUNCE,    /* something about delivery; see the recipients */
    REPORT_COMPLAINT, /* somebody called it spam */
};

/* One recipient of a bounce. Texts are "" where nothing was said. */
struct report_rcpt {
    char final[REPORT_ADDRESS]; /* bare */
    char original[REPORT_ADDRESS];
    char action[REPORT_WORD]; /* lower case; "failed" where a bounce only says so */
    char status[REPORT_WORD]; /* "5.1.1" */
    char remote[REPORT_ADDRESS];
    char diagnostic[REPORT_DIAGNOSTIC]; /* the reply: "550 5.1.1 no such user" */
};

struct report {
    enum report_kind kind;
    unsigned rcpt_count;
    struct report_rcpt rcpts[REPORT_RCPTS];
    bool is_standard;               /* there was a part for machines */
    bool is_auto;                   /* Auto-Submitted, Precedence: an automatic answer */
    char feedback[REPORT_WORD];     /* "abuse", "not-spam", ...; of a complaint */
    char mail_from[REPORT_ADDRESS]; /* the return path that it names, bare */
    char rcpt_to[REPORT_ADDRESS];   /* the recipient that it names */
    char trace[REPORT_ADDRESS];     /* of the original's header: our trace field */
    char subject[REPORT_TEXT];
};

/* The field of our own mail that a report may send back. */
#define REPORT_TRACE_FIELD "Mail-Trace"

/* Read one message; is_from_null: it came from <>. What is longer than REPORT_BYTES is
 * read so far. */
void report_read(const char *bytes, size_t length, bool is_from_null, struct report *out);

/* The first line of a text that looks like a receiver's reply, from its code on. False
 * when there is none. */
bool report_find_reply(const char *text, size_t length, char out[REPORT_TEXT]);

#endif
