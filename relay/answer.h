/* One recipient's answer, gathered once: as settle decides on it, as the queue writes it,
 * as the log tells it, as screens count it. Core thread. */

#ifndef RELAY_ANSWER_H
#define RELAY_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/finding.h"
#include "policy/reply.h"
#include "policy/verdict.h"

#include "queue/queue.h"

struct core;
struct job;
struct lane;

struct answer {
    struct core *core;
    struct job *job; /* NULL when nothing was sent: DNS, expiry */
    const struct reply *reply;
    const struct finding *finding;
    struct recipient_view recipient;
    struct message_view message;
    const struct envelope *envelope; /* NULL when it could not be read */
    const struct lane *lane;         /* NULL as above */
    const char *site;
    struct verdict verdict;
    uint32_t stream;    /* index */
    bool is_suppressed; /* we have not offered it: the reply is ours */
    int64_t now_ms;
};

/* The memory that a change's texts need. */
struct answer_texts {
    char text[CHANGE_TEXT + 1];
    char host[CHANGE_HOST + 1];
    char address[CHANGE_ADDRESS + 1];
    char reason[CHANGE_REASON + 1];
    char tls[CHANGE_TLS + 1];
};

/* The change as far as it does not depend on what is decided: state, ended and the next
 * attempt are the caller's. texts may be NULL when there is no reply. */
void answer_fill(const struct answer *answer, struct answer_texts *texts,
                 struct change *change);

/* One event for what was decided. */
void answer_log(const struct answer *answer, const struct change *change);

/* Counters of lane, source, site, stream and relay. */
void answer_count(const struct answer *answer, const struct change *change);

/* The envelope of a message that was not sent just now, when it is in memory; NULL when
 * not. content is the caller's to free, also then. */
const struct envelope *answer_read(struct core *core, uint32_t message,
                                   struct queue_message *content);

#endif
