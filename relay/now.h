/* The only reader of clocks in the tree.
 *
 * now_ns is monotonic (CLOCK_MONOTONIC, the clock of libuv's timers) and is what memory
 * holds. now_unix_ms is wall time for disk and screens. After now_start it is derived
 * from the monotonic clock and never goes back: a wall clock that steps ahead by at most
 * NOW_FOLLOW_MS is followed slowly, every other step is reported by now_check and ignored
 * until the next start, so that no step refills a day's allowance. Any thread, except
 * where said. A simulation implements this header again at link time. */

#ifndef RELAY_NOW_H
#define RELAY_NOW_H

#include <stdbool.h>
#include <stdint.h>

/* A step up to here is taken for a paused machine or a first NTP correction. */
#define NOW_FOLLOW_MS ((int64_t)3600 * 1000)

/* Smaller differences are noise and not spoken of. */
#define NOW_STEP_MS ((int64_t)2000)

#define NOW_NS_PER_MS ((int64_t)1000000)
#define NOW_NS_PER_S  ((int64_t)1000000000)

/* Nanoseconds of the monotonic clock; its zero means nothing. */
int64_t now_ns(void);

/* Fix wall time for this run at max(wall clock, newest_unix_ms), where newest_unix_ms is
 * the newest time found in the queue and the store (0 when there is none). Returns by how
 * many ms the wall clock is behind that time: 0, or a number worth a warning. Once,
 * before threads; a second call starts over (tests). */
int64_t now_start(int64_t newest_unix_ms);

/* Wall time in ms since 1970. Never goes back after now_start; before it, the raw clock.
 */
int64_t now_unix_ms(void);

/* Convert between the two, exactly and at today's difference; both directions agree. */
int64_t now_to_unix_ms(int64_t mono_ns);
int64_t now_from_unix_ms(int64_t unix_ms);

/* Compare with the wall clock; core calls it about once a second. Returns true when a
 * step of at least NOW_STEP_MS is new since the last call: then *out_step_ms is how far
 * the wall clock is ahead of (positive) or behind (negative) ours. A step ahead within
 * NOW_FOLLOW_MS is caught up at 50 ms a second; other steps change nothing. One thread.
 */
bool now_check(int64_t *out_step_ms);

/* The raw wall clock, for now_check's message and for tests. */
int64_t now_wall_ms(void);

#endif
