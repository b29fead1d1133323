/* Every user's conduct, watched: what policy/conduct judges becomes a word to the
 * operator, a slower pace, or a hold, with an entry in the journal; never silently.
 *
 * A hold is a freeze of the user by "conduct": `mesura thaw user NAME` releases what
 * waits, `mesura queue bounce --user NAME` gives it back. Core thread. */

#ifndef RELAY_VIGIL_H
#define RELAY_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/conduct.h"
#include "policy/pace.h"

#include "queue/list.h"

#include "relay/agenda.h"
#include "relay/permit.h"
#include "relay/storms.h"

struct answer;
struct change;
struct core;
struct store_row;

#define VIGIL_BUCKETS 1024
#define VIGIL_PREFIX  "conduct|"

struct vigil_user {
    struct list_node node;
    char name[USERS_NAME_BYTES];
    struct conduct conduct;
    struct pace pace;        /* of what leaves while it is slowed */
    struct pace_limit limit; /* period 0: not slowed */
    int32_t told_hour;       /* the operator has heard of the volume in this hour ... */
    int32_t held_hour;       /* ... of the hold: who thaws it is not asked again */
    bool is_changed;         /* since it was stored */
};

struct vigil {
    struct list buckets[VIGIL_BUCKETS]; /* struct vigil_user */
    struct storms *storms;              /* owned */
    struct agenda_item due;             /* slowed mail may go on */
    struct core *core;                  /* borrowed */
    int32_t hour;
};

void vigil_init(struct vigil *vigil, struct core *core);
void vigil_done(struct vigil *vigil);

/* Take back one row of STORE_CONDUCT whose key begins with VIGIL_PREFIX. */
void vigil_load(struct core *core, const struct store_row *row);

/* Before a message comes in: false, and why not in text (for a 550), when it is one retry
 * too many. */
bool vigil_allows(struct core *core, const struct permit *permit, char *text,
                  unsigned size);

/* The message came in. */
void vigil_see(struct core *core, const struct permit *permit);

/* One recipient's answer, as it was decided. */
void vigil_answer(struct core *core, const struct answer *answer,
                  const struct change *change);

/* May mail of this user leave now? Else when; both also for a user that is not known. */
bool vigil_slows(struct core *core, const char *user, int64_t now_ns,
                 int64_t *out_earliest_ns);
/* So much of it leaves. */
void vigil_spend(struct core *core, const char *name, uint32_t units, int64_t now_ns);
/* Mail of a slowed user waits: kick the scheduler when it may go on. */
void vigil_wait(struct core *core, int64_t earliest_ns);

/* Announce a campaign. False: no such user. */
bool vigil_expect(struct core *core, const char *user, uint64_t volume,
                  int64_t until_unix_ms, const char *by);

/* What is known of the user; NULL when nothing is. */
const struct vigil_user *vigil_find(struct core *core, const char *user);

/* Hours end. About once a second. */
void vigil_tick(struct core *core);

/* Write down what has changed: at a clean stop. */
void vigil_save_all(struct core *core);

#endif
