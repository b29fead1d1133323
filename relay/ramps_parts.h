/* What the files of ramps share: entries, days, rows of the store. Nobody else's. */

#ifndef RELAY_RAMPS_PARTS_H
#define RELAY_RAMPS_PARTS_H

#include "relay/config.h"
#include "relay/ramps.h"

struct fields;
struct store_ticket;

/* ---- ramps.c ---- */

const struct config_warmup *ramps_warmup(const struct ramp_entry *entry);
bool ramps_is_other(const struct ramp_entry *entry);

/* Does the entry limit and step, or does it only add up what its sites say? */
bool ramps_is_judged(const struct ramp_entry *entry);

/* NULL when there is none. */
struct ramp_entry *ramps_find(struct core *core, const struct source *source,
                              const char *site);

/* A new one at its first step. */
struct ramp_entry *ramps_make(struct core *core, struct source *source, const char *site,
                              uint32_t warmup);

/* The entries a lane counts in, made when new: [0] the site's, or the source's where that
 * is the only one; [1] the source's. Returns how many. */
unsigned ramps_of(struct core *core, struct lane *lane, struct ramp_entry *out[2]);

/* ---- ramps_day.c ---- */

struct zone_day ramps_today(struct ramp_entry *entry);

/* The curve of a configured warm-up. */
void ramps_plan(const struct config_warmup *warmup, struct ramp_plan *out);

/* The curve, the zone and the window of the configuration in force. */
void ramps_configure(struct ramp_entry *entry);

/* Judge the days that are over: sites first, as they look at their total. True when there
 * were any. */
bool ramps_end_days(struct core *core);

/* ---- ramps_hours.c ---- */

/* Something of the stream leaves now. */
void ramps_hours_note(struct core *core, uint32_t stream);

/* How long a day's release of the source takes, by the streams that it carries. */
int64_t ramps_hours_window_ns(struct core *core, const struct source *source);

/* Take back a row; the key is the stream's name. */
void ramps_hours_load(struct core *core, const char *stream, const struct fields *fields);

/* ---- ramps_store.c ---- */

/* "source|site". */
void ramps_key(const struct ramp_entry *entry, char out[]);

/* Where the ramp stands and the day's evidence, into the store; ticket (or NULL) is told
 * when they are there. */
void ramps_keep(struct ramp_entry *entry, struct store_ticket *ticket);

#endif
