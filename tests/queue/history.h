/* Inside of the random histories: what the queue should hold, and what it is asked. */

#ifndef TESTS_QUEUE_HISTORY_H
#define TESTS_QUEUE_HISTORY_H

#include "queue/queue.h"

#include "tests/support/fake_disk.h"
#include "tests/support/hostile_body.h"

#define MESSAGES   400
#define RECIPIENTS 3

struct model_state {
    unsigned attempts;
    bool ended;
};

struct model_recipient {
    struct model_state sure;  /* acknowledged */
    struct model_state maybe; /* submitted, not acknowledged */
    bool has_maybe;
};

struct model_message {
    bool submitted;
    bool sure;
    bool over; /* gone, and known to be */
    unsigned recipients;
    unsigned body_bytes;
    unsigned pieces;
    struct model_recipient recipient[RECIPIENTS];
};

struct history {
    uint64_t seed;
    uint64_t dice;
    struct fake_disk *fake;
    struct queue_options options;
    struct queue *queue;
    struct model_message messages[MESSAGES]; /* id = index + 1 */
    unsigned count;
    uint64_t now_ns;
    struct hostile_body hostile;
    uint64_t least_disk; /* used, since it was last within its bound */
    uint64_t last_disk;
    uint64_t most_bound; /* of the last two looks */
    uint64_t last_bound;
    uint64_t refusals; /* by lack of room; over all histories */
    bool failed;       /* a promise was broken */
    bool quiet;
};

/* A promise was broken: said, and remembered. */
void history_broken(struct history *history, uint64_t id, const char *what);

/* history_space.c */
/* After each step. */
void history_check_space(struct history *history);
/* Nothing is written any more. */
void history_check_rest(struct history *history);

#endif
