/* What start-up found that an operator must know of: files set aside, records lost, a
 * store that has forgotten. Told once, at the start, and kept in `mesura status` until
 * the next start. Core thread. */

#ifndef RELAY_DAMAGE_H
#define RELAY_DAMAGE_H

#include <stdbool.h>

struct api_answer;
struct core;

/* Lines in the log, an event each, one alert for all. Sets core->store_was_empty. */
void damage_tell(struct core *core, bool store_is_new);

/* A note each; the last one counts what is too many to be listed. */
void damage_notes(const struct core *core, struct api_answer *answer);

#endif
