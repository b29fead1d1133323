/* Telling a person: runs the configured command and writes the e-mail, seldom enough.
 *
 * A thread of its own, because commands are slow. The command is started directly (no
 * shell), in a process group of its own, with the texts in its environment and nothing
 * else of ours, and is killed after ALERT_COMMAND_MS. The same (event, subject) is told
 * at most once in repeat_ms; what was swallowed is counted in the next one. */

#ifndef RELAY_ALERT_H
#define RELAY_ALERT_H

#include <stdint.h>

#include "queue/errmsg.h"

struct alert;

#define ALERT_COMMAND_MS 30000 /* a pager script that takes longer hangs */
#define ALERT_TEXT_BYTES 4096  /* of a text; longer ones are cut */
#define ALERT_NAME_BYTES 320   /* of event, subject, source, site, stream */

/* An e-mail to send. Runs on the alert's thread; texts live for the call. The owner posts
 * a copy to core, which injects it through another source than `source`. */
typedef void (*alert_mail_cb)(const char *source, const char *subject, const char *body,
                              void *owner);

struct alert_options {
    const char *command; /* program and arguments, split at blanks; "" for none. Copied */
    int64_t repeat_ms;   /* quiet time per (event, subject); 0: tell every time */
    const char *hostname;  /* for MESURA_HOST and the mail's subject. Copied */
    alert_mail_cb mail_cb; /* NULL when alerts.mail is not set */
    void *owner;           /* borrowed: outlives the alert */
};

/* The command's environment has MESURA_EVENT, _SUBJECT, _SOURCE, _SITE, _STREAM, _TEXT,
 * _TIME (RFC 3339), _HOST, _COUNT (told and swallowed since the last), and PATH. */
struct alert_notice {
    const char *event;   /* "blocked", "listed", "disk", … */
    const char *subject; /* what it is about, e.g. "bulk1" or "bulk1 at google" */
    const char *source;  /* the source the mail must not leave through; "" for none */
    const char *site;
    const char *stream;
    const char *text; /* sentences: what happened, on what evidence, what to do */
    int64_t unix_ms;  /* 0 means now */
};

struct alert_totals {
    uint64_t told;      /* command started or mail written */
    uint64_t swallowed; /* said too soon after the same one */
    uint64_t dropped;   /* the thread was too far behind */
    uint64_t failed;    /* the command could not start, ended badly or was killed */
};

/* Start the thread. Returns 0, or a negative errno. A command that is not an executable
 * file is -EACCES or -ENOENT: said at start, not in the night. */
ATTR_MUST_CHECK int alert_start(struct alert **out, const struct alert_options *options,
                                struct errmsg *err);

/* Tell. Copies everything, returns at once. Any thread. */
void alert_raise(struct alert *alert, const struct alert_notice *notice);

/* Put another configuration in force for what is raised from now on; mail_cb and owner
 * stay. The command is checked as at the start; on an error nothing changes. */
ATTR_MUST_CHECK int alert_reload(struct alert *alert, const struct alert_options *options,
                                 struct errmsg *err);

void alert_get_totals(const struct alert *alert, struct alert_totals *out_totals);

/* Tell what was raised before, then end. A command that is running has up to
 * ALERT_COMMAND_MS, all later ones together 5 s. NULL is allowed. */
void alert_stop(struct alert *alert);

#endif
