/* Recipients that got the refusal which stopped a lane or source: they are held, told
 * about after 4 h (bulk: 24 h), and tried once more if the stop ends before.
 *
 * Durable as what they are, held recipients whose last change was made by "stop"; the
 * book is only the index to them. Core thread. */

#ifndef RELAY_CAUGHT_H
#define RELAY_CAUGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

struct answer;
struct answer_texts;
struct change;
struct core;
struct source;

struct caught {
    struct list list; /* struct caught_entry, in the order of their time */
    uint32_t count;
    uint32_t cursor; /* of the walk for those whose time is short */
    int64_t walked_unix_ms;
};

void caught_init(struct caught *caught);
void caught_done(struct caught *caught);

/* Decide on a final refusal that a stop has caused: fill the change as held and remember
 * it, or return false: it is to bounce now (a second refusal, or a receiver that forbids
 * trying again). Call caught_remember when the change was applied. */
bool caught_hold(const struct answer *answer, struct answer_texts *texts,
                 struct change *change);
void caught_remember(struct core *core, const struct answer *answer);

/* A stop is over: what it caught tries once more. site "": every site of the source. */
void caught_release(struct core *core, const struct source *source, const char *site);

/* Bounce whose time has come; fail what was never tried, is short-lived, and cannot go
 * before its time is over. About once a second. */
void caught_tick(struct core *core, int64_t now_unix_ms);

/* After a start: find them again. */
void caught_recover(struct core *core);

#endif
