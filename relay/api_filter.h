/* Selectors: which recipients of the queue an operator means.
 *
 * Pure: core walks its index and asks here, so that every command means the same by the
 * same selector. */

#ifndef RELAY_API_FILTER_H
#define RELAY_API_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/api_view.h"

/* A filter in which every text is "" (an all-zero one has NULLs and means the same). */
void api_filter_init(struct api_filter *filter);

/* Does the row match? now is wall time. Fields that core has not read from disk may be ""
 * only when api_filter_needs_disk says no. */
bool api_filter_match(const struct api_filter *filter, const struct api_queue_row *row,
                      int64_t now_unix_ms);

/* True when a selector asks for what core keeps on disk only: sender, recipient, client,
 * job, subject, reply. */
bool api_filter_needs_disk(const struct api_filter *filter);

/* True when no selector is set: an action on everything. */
bool api_filter_is_empty(const struct api_filter *filter);

/* "domain=gmail.test state=held", or "all": what was meant, for a person. */
void api_filter_describe(const struct api_filter *filter, char *out, size_t size);

/* Does text match a pattern of one selector: case-blind, '*' is any run, "" is all. With
 * anywhere, a pattern without '*' may stand anywhere inside. */
bool api_filter_text(const char *pattern, const char *text, bool anywhere);

/* "ready" ... for an enum api_state and back; API_STATE_ANY for what is none. */
const char *api_filter_state_name(enum api_state state);
enum api_state api_filter_state(const char *name);

#endif
