/* How many connections at once a lane may have: a count in use, and a limit that learns.
 *
 * Halved when the receiver says "too many connections" (one halving per flight), grown by
 * one at a time while clean and full, six times as fast before the first refusal. The
 * configured most always holds. */

#ifndef POLICY_WINDOW_H
#define POLICY_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window_limits {
    uint32_t most;   /* configured; 0: no limit set, WINDOW_MOST holds */
    uint32_t start;  /* where a new lane starts; 0 is read as WINDOW_START */
    int64_t grow_ns; /* clean and full this long: one more */
};

#define WINDOW_MOST \
    1000               /* no receiver wants more from one address; Microsoft allows 500 */
#define WINDOW_START 2 /* enough to hide a round trip, few enough for any receiver */

struct window {
    uint32_t limit;     /* learnt: at least 1 */
    uint32_t ceiling;   /* the count that was refused last; 0: none known */
    int64_t cut_at_ns;  /* of the last halving */
    int64_t ceiling_ns; /* when the ceiling was learnt */
    int64_t clean_since_ns;
    bool slow; /* a provider's own rule: one more each growing time, from the first on */
};

void window_init(struct window *window, const struct window_limits *limits,
                 int64_t now_ns);

/* How many connections there may be now (at least 1). */
uint32_t window_most(const struct window *window, const struct window_limits *limits);

/* A connection was refused because of the number of them; it had been started at
 * started_ns, when `open` others were up. True when the limit changed. */
bool window_refused(struct window *window, uint32_t open, int64_t started_ns,
                    int64_t now_ns);

/* Told now and then (at least on every accepted message): `open` are up. Grows the limit
 * by one when it has been clean and full for grow_ns; below the remembered ceiling, past
 * it only when the memory is old. True when the limit changed. */
bool window_clean(struct window *window, const struct window_limits *limits,
                  uint32_t open, int64_t now_ns);

/* Only one connection, and from there one more each growing time: after a provider's own
 * recovery rule. */
void window_narrow(struct window *window, int64_t now_ns);

#endif
