/* What is asked of core through the control API: selectors, pages, actions. Values; their
 * texts are valid only during the call they are given to. See relay/api_view.h. */

#ifndef RELAY_API_ASKS_H
#define RELAY_API_ASKS_H

#include <stdbool.h>
#include <stdint.h>

/* Where a recipient stands. API_STATE_ANY only in a filter. */
enum api_state {
    API_STATE_ANY,
    API_STATE_READY,    /* due; waits for a gate or for its turn */
    API_STATE_DEFERRED, /* waits for its next attempt */
    API_STATE_ACTIVE,   /* in a conversation now */
    API_STATE_HELD,     /* an operator or a rule holds it */
};

/* The selectors of `mesura queue`. "" and 0 select everything; all that are set must
 * match. Text is compared without case; '*' matches any run of characters in every text
 * selector; reply, subject and client also match anywhere inside. */
struct api_filter {
    const char *id;
    const char *domain;
    const char *site;
    const char *stream;
    const char *source;
    const char *sender;
    const char *recipient;
    const char *user;
    const char *client;
    const char *job;
    const char *subject;
    const char *class_name;
    const char *reply;
    enum api_state state;
    int64_t older_ms; /* accepted at least this long ago */
    int64_t newer_ms; /* accepted at most this long ago */
};

/* Rows of a long list are asked for in pages. */
struct api_page {
    unsigned limit;     /* at least 1, at most LIMIT_API_PAGE */
    const char *cursor; /* "" for the first page; else what core gave, byte for byte */
};

struct api_journal_ask {
    int64_t newer_ms;    /* at most this long ago; 0 for all */
    const char *kind;    /* "" for all */
    const char *subject; /* substring, "" for all */
    struct api_page page;
};

enum api_act {
    API_ACT_HOLD,
    API_ACT_RELEASE,
    API_ACT_RETRY, /* due now; a stop or a freeze still holds */
    API_ACT_BOUNCE,
};

struct api_action {
    enum api_act act;
    struct api_filter filter;
    const char *why;
    const char *by; /* who asks: "operator root (uid 0)" */
};

enum api_pack {
    API_PACK_COPY,
    API_PACK_MOVE,  /* out of the queue, into a directory */
    API_PACK_PURGE, /* the same, as an operator says who wants them gone */
};

struct api_pack_ask {
    enum api_pack how;
    struct api_filter filter;
    const char *dir; /* absolute; "": one of its own under the spool */
    const char *why;
    const char *by;
};

struct api_unpack_ask {
    const char *dir; /* absolute */
    bool again;      /* also what was imported before, or half of an export */
    const char *by;
};

struct api_freeze_ask {
    const char *kind;
    const char *name;
    int64_t for_ms; /* 0: until thawed */
    const char *why;
    const char *by;
};

struct api_plan_ask {
    const char *mix; /* "gmail.com=60,other=40" */
    uint64_t total;
    const char *stream; /* "" the default one */
};

struct api_warmup_ask {
    const char *act; /* start pause resume set */
    const char *source;
    const char *site; /* "" all of the source */
    unsigned day;     /* of set: 1 is the first */
    bool force;       /* of start: whatever the checks of the source say; needs a why */
    const char *why;
    const char *by;
};

#endif
