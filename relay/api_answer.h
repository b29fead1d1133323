/* The answer to one ask: core hands rows over, this makes the JSON document of them.
 *
 * The answer belongs to the server; core borrows it from the call of a struct api_view
 * function until it has called api_answer_done. Core thread. Rows beyond LIMIT_API_ROWS
 * of a kind are counted and not kept; the document then says "truncated": true. Running
 * out of memory aborts: every row is bounded and so is their number. */

#ifndef RELAY_API_ANSWER_H
#define RELAY_API_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "relay/api_view.h"

struct api_answer;

/* Called once, on the core thread, when the answer is complete: inside api_answer_done,
 * as its last act. */
typedef void (*api_answer_done_cb)(struct api_answer *answer, void *owner);

/* For core: one call per row. Rows of one kind keep their order. */
void api_answer_status(struct api_answer *answer, const struct api_status *status);
void api_answer_wait(struct api_answer *answer, const struct api_wait *wait);
void api_answer_stream(struct api_answer *answer, const struct api_stream *stream);
void api_answer_source(struct api_answer *answer, const struct api_source *source);
void api_answer_site(struct api_answer *answer, const struct api_site *site);
void api_answer_lane(struct api_answer *answer, const struct api_lane *lane);
void api_answer_block(struct api_answer *answer, const struct api_block *block);
void api_answer_freeze(struct api_answer *answer, const struct api_freeze *freeze);
void api_answer_plan(struct api_answer *answer, const struct api_plan_row *row);
void api_answer_warmup(struct api_answer *answer, const struct api_warmup *warmup);
void api_answer_suppression(struct api_answer *answer,
                            const struct api_suppression *suppression);
void api_answer_user(struct api_answer *answer, const struct api_user *user);
/* What was accepted has this id; or was refused with this code of SMTP. */
void api_answer_id(struct api_answer *answer, const char *id);
void api_answer_code(struct api_answer *answer, unsigned code);
/* The file that a list comes from. */
void api_answer_file(struct api_answer *answer, const char *path);
void api_answer_recipient(struct api_answer *answer, const struct api_queue_row *row);
void api_answer_message(struct api_answer *answer, const struct api_message *message);
void api_answer_attempt(struct api_answer *answer, const struct api_attempt *attempt);
void api_answer_why(struct api_answer *answer, const struct api_why *why);
/* Belongs to the last api_answer_why; one must have come before. */
void api_answer_gate(struct api_answer *answer, const struct api_gate *gate);
void api_answer_journal(struct api_answer *answer, const struct api_journal_row *row);
void api_answer_summary(struct api_answer *answer, const struct api_summary_row *row);

/* A line for the operator: a configuration error, what an action did. */
void api_answer_note(struct api_answer *answer, const char *line);
/* A key of the document itself. */
void api_answer_field(struct api_answer *answer, const char *key, const char *text);
void api_answer_number(struct api_answer *answer, const char *key, uint64_t value);
void api_answer_count(struct api_answer *answer, uint64_t recipients);
/* There are more rows; cursor goes back to core with the next ask. At most 255 bytes. */
void api_answer_more(struct api_answer *answer, const char *cursor);
/* Plain text in place of JSON, appended. */
void api_answer_text(struct api_answer *answer, const char *bytes, size_t length);

/* The ask is over; text is for the operator and may be "". Once, and last: the answer
 * may be freed inside. */
void api_answer_done(struct api_answer *answer, enum api_result result, const char *text);

/* For the server. A free of an unfinished answer is deferred until core is done with it;
 * done_cb is then not called. */
struct api_answer *api_answer_new(api_answer_done_cb done_cb, void *owner);
void api_answer_free(struct api_answer *answer);
/* The document has this list, even when no row comes. */
void api_answer_list(struct api_answer *answer, const char *key);
enum api_result api_answer_result(const struct api_answer *answer);
/* The complete body, to be freed with free(); out_length does not count the terminating
 * zero. out_is_text tells plain text from JSON. */
char *api_answer_body(const struct api_answer *answer, size_t *out_length,
                      bool *out_is_text);

#endif
