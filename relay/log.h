/* What happened, for operators and their tools: events.jsonl, mail.log, and lines on
 * stderr.
 *
 * One log per process, with a thread of its own. The caller only packs the event (about a
 * microsecond, no system call, never waits); the thread formats and writes. A disk that
 * is slow or full costs log lines, which are counted and reported, and never mail. Every
 * function may be called on any thread, and before log_open and after log_close: lines
 * then go to stderr at once, events nowhere. Remote text is cut at LOG_TEXT_BYTES and
 * escaped. Never pass bodies or secrets. */

#ifndef RELAY_LOG_H
#define RELAY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"

struct reply;

#define LOG_TEXT_BYTES 512 /* of any one text taken from outside */

enum log_level {
    LOG_LEVEL_ERROR, /* an operator must act */
    LOG_LEVEL_WARN,  /* we go on without something; the line ends with what we do instead
                      */
    LOG_LEVEL_INFO,  /* one line for each step in a message's life */
    LOG_LEVEL_DEBUG, /* state moves */
};

struct log_options {
    const char *events_file; /* events.jsonl; "" for none */
    const char *mail_file;   /* mail.log; "" for none */
    const char *hostname;    /* as the host field of mail.log */
    enum log_level level;    /* of the lines on stderr */
};

/* Open both files for appending and start the thread. Texts are copied. A file that
 * cannot be opened is an error here (negative errno), later only a counted one. */
ATTR_MUST_CHECK int log_open(const struct log_options *options, struct errmsg *err);

/* Write all that was given before, close the files, end the thread. Blocks. No other
 * thread may still be logging. */
void log_close(void);

/* Open both files again by name (after a rotation). The old file stays in use when the
 * new one cannot be opened, and a line says so. */
void log_reopen(void);

void log_set_level(enum log_level level);

/* One line on stderr: "2026-11-21T08:00:00.123Z warn: text". Cut at 1024 bytes. */
void log_error(const char *format, ...) ATTR_PRINTF(1, 2);
void log_warn(const char *format, ...) ATTR_PRINTF(1, 2);
void log_info(const char *format, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *format, ...) ATTR_PRINTF(1, 2);

/* True when a debug line would be written: ask before building a costly one. */
bool log_is_debug(void);

/* The names in events.jsonl, in the order of INTERFACE. */
enum log_kind {
    LOG_ACCEPTED,
    LOG_DELIVERED,
    LOG_DEFERRED,
    LOG_BOUNCED,
    LOG_HELD,
    LOG_RELEASED,
    LOG_EXPIRED,
    LOG_SUPPRESSED,
    LOG_LIMIT,
    LOG_BLOCKED,
    LOG_UNBLOCKED,
    LOG_LISTED,
    LOG_DELISTED,
    LOG_WARMUP,
    LOG_ALERT,
    LOG_ADMIN,
    LOG_KINDS,
};

/* "accepted"; the value of the key `event`. */
const char *log_kind_name(enum log_kind kind);

/* Absent texts are NULL or "", absent numbers 0; an absent key is left out. Everything is
 * borrowed for the length of the call. Set the kind and what is known, zero the rest. The
 * key in events.jsonl is the field's name unless said. */
struct log_event {
    enum log_kind kind; /* event */
    int64_t unix_ms;    /* time; 0 means now */
    uint64_t id;
    const char *stream;
    const char *source;
    const char *site;
    const char
        *sender; /* for kinds that have an id, "" is the null sender and is written */
    const char *recipient;
    const char *user;
    const char *job;

    const char *remote_host; /* the MX's name */
    const char *remote_ip;
    uint16_t remote_port;
    const char *tls;         /* "TLSv1.3 TLS_AES_256_GCM_SHA384 verified"; "" in clear */
    const char *tls_policy;  /* what it had to be: "opportunistic", "dane", ... */
    const char *tls_subject; /* names in the server's certificate */
    const char *tls_issuer;

    const struct reply *reply; /* reply, code, enhanced, stage; NULL for none */
    const char *class;         /* class of the reply, as INTERFACE names them */
    const char *scope;
    const char *dnsbl; /* the zone named */

    int64_t delay_ms;    /* since acceptance; all five are written for delivery results */
    int64_t accept_ms;   /* spent accepting */
    int64_t queued_ms;   /* waiting, at gates and for a slot */
    int64_t connect_ms;  /* DNS, TCP, greeting, TLS; 0 on a reused connection */
    int64_t transmit_ms; /* the transaction */
    int64_t next_unix_ms; /* next: when it is tried, ends or is looked at again */
    uint32_t attempt;

    uint64_t size_bytes; /* size */
    uint32_t recipients; /* of an accepted message */
    const char *message_id;
    const char *client_ip; /* who gave it to us */
    const char *client_name;
    const char *helo;

    const char *actor;   /* who decided: an operator, a rule, a loop */
    const char *gate;    /* which limit */
    const char *subject; /* what stream, source and site cannot name: a lane, a user */
    const char *before;  /* a limit or state that changed */
    const char *after;
    const char *text; /* why, in words */

    bool message_ends; /* the message's last recipient ended with this: mail.log "removed"
                        */
};

/* Record one event: the only way into both files. In mail.log accepted becomes the lines
 * of smtpd, cleanup and qmgr; delivered, deferred, bounced, expired, suppressed and held
 * become one line of smtp each; the other kinds are not in it. */
void log_event(const struct log_event *event);

enum log_session_kind {
    LOG_SESSION_CONNECT,
    LOG_SESSION_DISCONNECT,
    LOG_SESSION_REJECT,      /* a command was refused: text is our whole reply */
    LOG_SESSION_AUTH_FAILED, /* text is the mechanism; the form fail2ban reads */
};

/* What a client did that is no event: only in mail.log. Borrowed for the call. */
struct log_session {
    enum log_session_kind kind;
    uint32_t number; /* of the session: stands where Postfix has a process id */
    const char *client_ip;
    const char *client_name; /* "" is written as "unknown" */
    const char *helo;
    const char *command; /* "RCPT", "MAIL", "DATA", … for a reject */
    const char *sender;
    const char *recipient;
    const char *user;
    const char *text;
};

void log_session(const struct log_session *session);

struct log_counts {
    uint64_t written;       /* events and lines written */
    uint64_t dropped;       /* never queued, because the disk was behind */
    uint64_t failed;        /* lost to a write error */
    uint64_t pending_bytes; /* queued now */
};

/* Totals since log_open, for metrics and `status`. */
void log_get_counts(struct log_counts *out_counts);

#endif
