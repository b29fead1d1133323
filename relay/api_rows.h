/* The rows of a struct api_view as JSON objects: one function per kind, and the names of
 * the keys that `mesura --json` and HTTP clients rely on. A key has the name of the
 * field; a time ends in _unix_ms and is null when there is none. The caller owns each
 * result. */

#ifndef RELAY_API_ROWS_H
#define RELAY_API_ROWS_H

#include <jansson.h>

#include "relay/api_view.h"

json_t *api_rows_status(const struct api_status *status);
json_t *api_rows_wait(const struct api_wait *wait);
json_t *api_rows_stream(const struct api_stream *stream);
json_t *api_rows_source(const struct api_source *source);
json_t *api_rows_site(const struct api_site *site);
json_t *api_rows_lane(const struct api_lane *lane);
json_t *api_rows_block(const struct api_block *block);
json_t *api_rows_freeze(const struct api_freeze *freeze);
json_t *api_rows_suppression(const struct api_suppression *suppression);
json_t *api_rows_user(const struct api_user *user);
json_t *api_rows_plan(const struct api_plan_row *row);
json_t *api_rows_warmup(const struct api_warmup *warmup);
json_t *api_rows_recipient(const struct api_queue_row *row);
json_t *api_rows_message(const struct api_message *message);
json_t *api_rows_attempt(const struct api_attempt *attempt);
json_t *api_rows_why(const struct api_why *why);
json_t *api_rows_gate(const struct api_gate *gate);
json_t *api_rows_journal(const struct api_journal_row *row);
json_t *api_rows_summary(const struct api_summary_row *row);

#endif
