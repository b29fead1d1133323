/* One limit divided among streams, and turns among senders inside one.
 *
 * Weights divide what is scarce; a reserve keeps a part for the heaviest stream even
 * while it is idle; what nobody asks for is lent to those who do. Turns are deficit round
 * robin: one user's 500,000 do not delay another's five. */

#ifndef POLICY_SHARE_H
#define POLICY_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_PARTIES 64 /* streams that may share one limit: more is no division */

struct share_party {
    uint32_t weight; /* 0 is read as 1 */
    double demand;   /* what it could use now, in the unit of the limit */
    double most;     /* its own cap, e.g. 20 % of a shared source; HUGE_VAL none */
    double granted;  /* out */
};

/* Divide `limit` among the parties by weight, none above its demand or its cap; what one
 * leaves goes to the others by weight. reserve (0..0.9) of the limit is open only to the
 * parties of the greatest weight. count >= 1. */
void share_divide(struct share_party *parties, size_t count, double limit,
                  double reserve);

/* The same in whole units, each party with demand getting at least one while the limit
 * allows (greatest weight first). count <= SHARE_PARTIES. */
void share_divide_whole(struct share_party *parties, size_t count, uint32_t limit,
                        double reserve);

/* One member of a round: embed in a stream's or a user's object. */
struct share_turn {
    uint32_t weight; /* 0 is read as 1 */
    int64_t deficit;
};

/* Whose turn is it among those ready? turns[i] is considered when ready[i]. quantum is
 * what a weight of 1 is given each round, in units (recipients); *cursor remembers where
 * the round stands. Returns the index, or -1 when none is ready. Charge it afterwards. */
int32_t share_next(struct share_turn *const *turns, const bool *ready, size_t count,
                   size_t *cursor, uint32_t quantum);

/* It used so many units. */
void share_charge(struct share_turn *turn, uint32_t units);

/* It has nothing left to send: it saves nothing up. */
void share_idle(struct share_turn *turn);

#endif
