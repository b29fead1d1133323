/* What the lanes have learnt, across restarts: written to the store a while after it has
 * changed, taken back at start; and each change in the journal. Core thread. */

#ifndef RELAY_LEARNT_H
#define RELAY_LEARNT_H

#include "policy/control.h"

struct agenda_item;
struct core;
struct lane;
struct store_row;

/* A limit of the lane changed: journal it, and write the lane's memory soon. */
void learnt_note(struct core *core, struct lane *lane,
                 const struct control_change *change, const char *before,
                 const char *after, const char *evidence);

/* So many more were delivered. */
void learnt_delivered(struct core *core, struct lane *lane, uint32_t count);

/* Of what its source has delivered in the last 30 days, restarts or not: the lane's
 * share, 0..1; 0 while that is fewer than 100. */
double learnt_share(const struct lane *lane);

/* Take back one row of STORE_LEARNT at start. */
void learnt_load(struct core *core, const struct store_row *row);

/* Write everything not yet written: at a clean stop. */
void learnt_save_all(struct core *core);

/* For lane->saver. */
void learnt_on_save(struct agenda_item *item);

#endif
