/* All sessions of mesura-load together: which message is sent next, when, and when it is
 * over. One thread. */

#ifndef TOOLS_LOAD_CREW_H
#define TOOLS_LOAD_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/list.h"

#include "tools/load_plan.h"
#include "tools/load_tally.h"
#include "tools/reactor.h"

struct ssl_ctx_st;
struct load_session;

struct load_crew {
    struct reactor reactor;
    const struct load_plan *plan;  /* borrowed */
    struct load_tally *tally;      /* borrowed */
    struct ssl_ctx_st *tls;        /* owned; NULL without TLS */
    struct load_session *sessions; /* owned */
    struct list waiting;           /* sessions that are connected and have nothing due */
    struct reactor_timer due_timer;
    uint64_t begun;     /* new messages handed out */
    uint64_t *returned; /* owned stack: messages to be sent again */
    size_t returned_count;
    size_t in_hand; /* messages that a session has */
    size_t alive;   /* sessions that may still do something */
};

/* Returns 0 or a negative errno. */
int load_crew_init(struct load_crew *crew, const struct load_plan *plan,
                   struct load_tally *tally, struct errmsg *err) ATTR_MUST_CHECK;
void load_crew_done(struct load_crew *crew);

/* Run until every message has its end, the time is over, nobody is left, or *stop.
 * Returns 0, also then, or a negative errno. */
int load_crew_run(struct load_crew *crew, const volatile int *stop) ATTR_MUST_CHECK;

/* Whether every message has a 250. */
bool load_crew_complete(const struct load_crew *crew);

/* For the sessions: the next message that is due. False: none now. */
bool load_crew_take(struct load_crew *crew, uint64_t *out_id);

/* Whether there will never be another one. */
bool load_crew_over(const struct load_crew *crew);

/* The message's end; again: it is to be sent once more. */
void load_crew_give(struct load_crew *crew, uint64_t id, bool again);

/* Be called through load_session_next when a message is due. */
void load_crew_wait(struct load_crew *crew, struct load_session *session);

#endif
