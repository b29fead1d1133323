/* What the control API may know and do: a table of functions that core fills in, and the
 * values that travel through it.
 *
 * The API (api_server, api_routes, api_answer) knows HTTP and JSON and nothing about the
 * relay; core knows the relay and no JSON. Everything here runs on the core thread.
 *
 * Core answers by handing rows to a struct api_answer with the api_answer_* functions
 * (relay/api_answer.h). Texts in a row are borrowed: they are copied before the call
 * returns, so they may live on core's stack. Absent text is "" (NULL is taken as ""); any
 * bytes are allowed, what is not UTF-8 is replaced. Times are wall time in milliseconds,
 * 0 means "none" or "not known". */

#ifndef RELAY_API_VIEW_H
#define RELAY_API_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/api_asks.h"

struct api_answer;
struct errmsg;

/* How an ask ended. The HTTP status and the exit status of `mesura` follow from it. */
enum api_result {
    API_DONE,      /* 200 */
    API_NOT_FOUND, /* 404: nothing has that name; `mesura` ends with 1 */
    API_BAD_ASK,   /* 400: the ask makes no sense; text says what would */
    API_CONFLICT,  /* 409: understood and refused; text says why */
    API_BUSY,      /* 503: later (draining, too many asks) */
    API_FAILED,    /* 500: the machine refused; text says what */
    API_UNKNOWN,   /* 401: a token is needed, or is not one of ours */
    API_DENIED,    /* 403: the user may not do this */
    API_TOO_FAST,  /* 429: the user has used what it may; text says until when */
};

/* One recipient in the queue. */
struct api_queue_row {
    const char *id;
    const char *sender;
    const char *recipient;
    const char *domain;
    const char *site;   /* "" while the domain is not resolved */
    const char *source; /* "" until one is chosen */
    const char *stream;
    const char *user;
    const char *client;
    const char *job;
    const char *subject;
    enum api_state state;
    unsigned priority;
    unsigned attempts;
    uint64_t size_bytes;
    int64_t accepted_unix_ms;
    int64_t next_unix_ms; /* the next attempt, or when the gate opens; 0: not known */
    int64_t expires_unix_ms;
    const char *gate;  /* the gate that holds it now, "" when none does */
    const char *reply; /* the last answer, with its codes; "" before the first attempt */
    const char *class_name; /* of that reply */
    const char *held_by;    /* who holds it and why, "" when not held */
};

/* One message as a whole; its recipients follow as rows. */
struct api_message {
    const char *id;
    const char *sender;
    const char *stream;
    const char *user;
    const char *client;
    const char *job;
    const char *subject;
    const char *message_id;
    unsigned priority;
    uint64_t size_bytes;
    int64_t accepted_unix_ms;
    int64_t expires_unix_ms;
};

/* One attempt to deliver one recipient, oldest first. */
struct api_attempt {
    const char *recipient;
    const char *source;
    const char *source_address;
    const char *host;    /* of the remote */
    const char *address; /* of the remote, with its port */
    const char *tls;     /* "" or version and cipher */
    const char *outcome; /* delivered deferred bounced */
    const char *stage;   /* "connect", "RCPT", "after the final dot" */
    const char *reply;   /* codes and text exactly as received */
    const char *class_name;
    const char *scope;
    const char *dnsbl; /* the zone the reply names */
    int64_t start_unix_ms;
    int64_t took_ms;
};

/* One path a message could take and what stands in it; its gates follow, in order. */
struct api_why {
    const char
        *subject; /* what was asked about: an id and a recipient, a domain, a site */
    const char *stream;
    const char *source;
    const char *site;
    const char *holds; /* the gate that holds it, "" when all are open */
    const char *sentence;
    uint64_t recipients;   /* how many wait on this path */
    int64_t opens_unix_ms; /* earliest useful time, 0: not known */
};

enum api_gate_state {
    API_GATE_OPEN,
    API_GATE_CLOSED,
    API_GATE_NOT_ASKED, /* one before it said no */
};

struct api_gate {
    const char *name;
    enum api_gate_state state;
    const char *value; /* with its unit: "3", "12/s", "412 of today" */
    const char *limit;
    const char *owner; /* file:line, a rule, "operator root", "learnt" */
    const char *reply; /* the remote reply that caused it, "" when none did */
    int64_t since_unix_ms;
    int64_t opens_unix_ms;
};

/* Totals; counters run since the daemon started. */
struct api_status {
    const char *hostname;
    const char *version;
    const char *config_path;
    const char *phase;    /* running draining */
    const char *refusing; /* why new mail is refused just now, "" when it is accepted */
    unsigned workers;
    int64_t started_unix_ms;
    int64_t config_unix_ms; /* when the configuration in force was read */
    int64_t oldest_unix_ms; /* acceptance of the oldest message in the queue */
    /* recipients now */
    uint64_t queued;
    uint64_t ready;
    uint64_t deferred;
    uint64_t active;
    uint64_t held;
    uint64_t messages;
    uint64_t queue_bytes;
    uint64_t disk_free_bytes;
    /* since start; accepted counts messages, the others recipients */
    uint64_t accepted;
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    uint64_t expired;
    unsigned connections_in;
    unsigned connections_out;
};

/* What waits and why: recipients behind one gate of one subject. Largest first. */
struct api_wait {
    const char *gate;
    const char *subject; /* "source bulk1", "site gmail.test", "stream bulk" */
    const char *sentence;
    uint64_t recipients;
    int64_t since_unix_ms;
    int64_t opens_unix_ms;
};

struct api_stream {
    const char *name;
    const char *sources; /* names, joined with one space */
    const char *mode;    /* enforce observe */
    const char *state;   /* running frozen */
    const char *reason;
    unsigned weight;
    bool walled; /* no source of it serves another stream */
    uint64_t queued;
    uint64_t ready;
    uint64_t deferred;
    uint64_t active;
    uint64_t held;
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    int64_t lifetime_ms;
    int64_t oldest_unix_ms;
};

struct api_source {
    const char *name;
    const char *address;
    const char *address6;
    const char *public_address;
    const char *helo;
    const char *streams;   /* names, joined with one space */
    const char *warmup;    /* the ramp's name, "" when it is warm */
    const char *preflight; /* the checks before it: "passed", "failed: ..."; "" none */
    const char *state;     /* live stopped frozen careful */
    const char *reason;
    bool shared;
    unsigned connections;
    uint64_t queued; /* recipients bound to it */
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    double rate_per_second; /* attempted, over the last minute */
    int64_t since_unix_ms;  /* of the state */
};

struct api_site {
    const char *name;
    const char *state; /* moving waiting paused stopped frozen idle down */
    const char *reason;
    unsigned domains;
    unsigned lanes;
    unsigned connections;
    uint64_t queued;
    uint64_t ready;
    uint64_t deferred;
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    double rate_per_second;  /* attempted, over the last minute */
    double set_per_second;   /* configured for a lane; 0: unlimited */
    double total_per_second; /* configured over all sources; 0: unlimited */
    double deferral_share;   /* 0..1 of recent attempts */
    unsigned set_connections;
    unsigned total_connections;
};

struct api_lane {
    const char *source;
    const char *site;
    const char *phase;  /* of its controller: growing holding paused probing stopped */
    const char *reason; /* the reply or rule that brought it there */
    unsigned connections;
    unsigned window;           /* connections allowed now */
    unsigned set_connections;  /* configured; 0: no limit */
    unsigned per_connection;   /* messages on one connection now; 0: no limit */
    double rate_per_second;    /* attempted, over the last minute */
    double allowed_per_second; /* by the controller now; 0: unlimited */
    double set_per_second;     /* configured; 0: unlimited */
    double ceiling_per_second; /* learnt; 0: none yet */
    double deferral_share;     /* 0..1 of recent attempts */
    uint64_t ready;
    uint64_t delivered;
    uint64_t retried;
    uint64_t bounced;
    int64_t since_unix_ms;
    int64_t opens_unix_ms; /* end of a pause */
};

/* A stop: a source (site "") or a lane out of service. */
struct api_block {
    const char *source;
    const char *site;
    const char *cause; /* a class name, or "operator" */
    const char *dnsbl;
    const char *reply;
    const char *sentence;
    uint64_t recipients; /* that wait for it */
    int64_t since_unix_ms;
    int64_t probe_unix_ms; /* 0: only `mesura blocks clear` ends it */
};

struct api_freeze {
    const char *kind; /* stream source site user */
    const char *name;
    const char *why;
    const char *by;
    int64_t since_unix_ms;
    int64_t until_unix_ms; /* 0: until thawed */
};

struct api_warmup {
    const char *source;
    const char *site; /* "" for the source as a whole */
    const char *ramp;
    const char *state;     /* running paused done; met: the receiver takes no more today;
                              preflight: its source has not passed its checks */
    const char *preflight; /* the checks of the source: "failed: ..."; "" none */
    const char *findings;  /* a line each, for the source as a whole; "" none */
    const char *evidence;  /* "412 accepted, 3 deferred (0.7 %)" */
    const char *verdict;   /* for tomorrow */
    unsigned day;          /* 1 is the first */
    unsigned days;
    uint64_t cap;         /* today's allowance */
    uint64_t released;    /* of it, up to now */
    uint64_t sent;        /* accepted by the receiver today */
    uint64_t waiting;     /* recipients behind it */
    int64_t next_unix_ms; /* when the next one is released */
    int64_t day_end_unix_ms;
};

/* Who may submit, and what has been used of what is allowed. Limits of 0 are none. */
struct api_user {
    const char *name;
    const char *state;    /* active disabled frozen slowed */
    const char *reason;   /* why it is not active */
    const char *streams;  /* names, joined with one space; "" all, as below */
    const char *from;     /* senders, likewise */
    const char *networks; /* likewise */
    bool has_password;
    unsigned tokens;
    unsigned certificates;
    unsigned priority_low;
    unsigned priority_high;
    uint64_t max_message_bytes;
    uint64_t per_minute;
    uint64_t per_hour;
    uint64_t per_day;
    uint64_t used_minute; /* recipients in the period that is now */
    uint64_t used_hour;
    uint64_t used_day;
};

struct api_journal_row {
    int64_t unix_ms;
    const char *actor;
    const char *kind;
    const char *subject;
    const char *before;
    const char *after;
    const char *evidence;
    int64_t until_unix_ms;
};

/* One count of the last hours: group total, stream, class, site, user, sender or unknown;
 * what was counted: accepted (messages), delivered, deferred, bounced, expired
 * (recipients) or replies. */
struct api_summary_row {
    const char *group;
    const char *what;
    const char *name;
    uint64_t count;
};

struct api_plan_row {
    unsigned day; /* 0 is today */
    const char *site;
    uint64_t leaves;
    uint64_t expires;
    uint64_t left; /* at the end of the day */
    const char *limit;
};

/* A message to be sent (POST /v1/messages). */
struct api_submission {
    const char *token; /* of an application; "" none */
    bool is_json;      /* else a message of RFC 5322 */
    const char *from;  /* of the envelope; "" as the content says, as to */
    const char *to;
    bool is_local;      /* by the unix socket: without a token it is the operator's */
    const char *client; /* address, "" local */
    const char *by;
    char *body; /* given away */
    size_t length;
};

/* The first group is answered from core's memory: the function hands its rows over and
 * returns; it does not call api_answer_done.
 *
 * The second group may take its time (disk, store): the function returns and core calls
 * api_answer_done(answer, ...) exactly once, before returning or later on the core
 * thread, after the last row; until then the answer is valid even when the client has
 * gone. An ask's texts are valid only until the function returns: copy what is needed
 * later. An answer to an action means that it is durable. */
struct api_view {
    void *owner; /* core; borrowed: outlives the server */

    void (*status)(void *owner, struct api_answer *answer); /* one api_answer_status */
    void (*waits)(void *owner, struct api_answer *answer);
    void (*streams)(void *owner, struct api_answer *answer);
    void (*sources)(void *owner, struct api_answer *answer);
    void (*sites)(void *owner, struct api_answer *answer);
    void (*lanes)(void *owner, struct api_answer *answer);
    void (*blocks)(void *owner, struct api_answer *answer);
    void (*freezes)(void *owner, struct api_answer *answer);
    void (*warmups)(void *owner, struct api_answer *answer);
    /* api_answer_file names the users file, then one row each. */
    void (*users)(void *owner, struct api_answer *answer);
    /* Prometheus text through api_answer_text. */
    void (*metrics)(void *owner, struct api_answer *answer);
    /* True when mail is accepted and the queue is sound; else out_why says what is not.
     */
    bool (*healthy)(void *owner, struct errmsg *out_why);

    /* api_answer_recipient per match, api_answer_more when rows are left. */
    void (*queue)(void *owner, const struct api_filter *filter,
                  const struct api_page *page, struct api_answer *answer);
    /* api_answer_message, then its recipients, then its attempts. */
    void (*message)(void *owner, const char *id, struct api_answer *answer);
    /* subject: an id, an address, a domain or a site. For each path api_answer_why and
     * then its api_answer_gate. */
    void (*why)(void *owner, const char *subject, struct api_answer *answer);
    /* Newest first. */
    void (*journal)(void *owner, const struct api_journal_ask *ask,
                    struct api_answer *answer);

    /* Group by group, the largest first; newer_ms as whole hours. */
    void (*summary)(void *owner, int64_t newer_ms, struct api_answer *answer);

    /* api_answer_count says how many recipients were changed. */
    void (*act)(void *owner, const struct api_action *action, struct api_answer *answer);
    /* Say where the files are, and count. Nothing leaves the queue before it is durable
     * there. */
    void (*pack)(void *owner, const struct api_pack_ask *ask, struct api_answer *answer);
    /* api_answer_count: recipients queued; a note for each message refused. */
    void (*unpack)(void *owner, const struct api_unpack_ask *ask,
                   struct api_answer *answer);
    void (*freeze)(void *owner, const struct api_freeze_ask *ask,
                   struct api_answer *answer);
    /* for_ms is not used. */
    void (*thaw)(void *owner, const struct api_freeze_ask *ask,
                 struct api_answer *answer);
    /* api_answer_plan for each day and site; the text says when it is done. */
    void (*plan)(void *owner, const struct api_plan_ask *ask, struct api_answer *answer);
    /* api_answer_count: how many ramps. */
    void (*warmup)(void *owner, const struct api_warmup_ask *ask,
                   struct api_answer *answer);
    /* site "" clears the source and all its lanes. api_answer_count: how many stops. */
    void (*blocks_clear)(void *owner, const char *source, const char *site,
                         const char *by, struct api_answer *answer);
    /* api_answer_note per error, warning and change; API_CONFLICT when the file is bad.
     */
    void (*reload)(void *owner, const char *by, struct api_answer *answer);
    /* Read the users file again; API_CONFLICT when it is bad and nothing was changed. */
    void (*users_reload)(void *owner, const char *by, struct api_answer *answer);
    /* So many recipients until then (ms since 1970) are nothing odd for the user. */
    void (*users_expect)(void *owner, const char *name, const char *volume,
                         const char *until, const char *by, struct api_answer *answer);
    /* api_answer_id when it is accepted; done when it is durable. */
    void (*submit)(void *owner, const struct api_submission *submission,
                   struct api_answer *answer);
    /* Stop (on) or start again (off) accepting; answers at once. */
    void (*drain)(void *owner, bool on, const char *by, struct api_answer *answer);
};

#endif
