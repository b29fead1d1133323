/* A copy of something to log, in one piece of memory with its texts behind it: what the
 * caller makes and the log's thread writes. Any thread. */

#ifndef RELAY_LOG_RECORD_H
#define RELAY_LOG_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "relay/log.h"
#include "relay/mailbox.h"

enum log_record_what {
    LOG_RECORD_EVENT,
    LOG_RECORD_SESSION,
    LOG_RECORD_LINE,
    LOG_RECORD_REOPEN,
};

struct log_record {
    struct letter letter;
    size_t size_bytes;  /* of the whole piece */
    size_t reply_bytes; /* of a packed reply at the start of texts; 0: none */
    enum log_record_what what;
    int64_t unix_ms;
    union {
        struct log_event event; /* its texts point into this record */
        struct log_session session;
        enum log_level level;
    } about;
    char texts[]; /* of a line: the line */
};

/* Each returns the caller's, for free(), or NULL without memory. Texts are cut at
 * LOG_TEXT_BYTES, a line is not. An event without a time gets unix_ms. */
struct log_record *log_record_event(const struct log_event *event, int64_t unix_ms);
struct log_record *log_record_session(const struct log_session *session, int64_t unix_ms);
struct log_record *log_record_line(enum log_level level, const char *text,
                                   int64_t unix_ms);
struct log_record *log_record_reopen(void);

/* The event of a record, with its reply unpacked into scratch; good as long as both. */
const struct log_event *log_record_unpack(struct log_record *record,
                                          struct reply *scratch);

#endif
