/* Core as the control API sees it: the table of relay/api_view.h, filled in.
 *
 * Split by question: view.c the totals and what waits, view_lists.c the tables,
 * view_queue.c the queue and one message, view_why.c the gates, view_act.c what an
 * operator changes, view_metrics.c Prometheus' text. Core thread. */

#ifndef RELAY_VIEW_H
#define RELAY_VIEW_H

struct api_view;
struct core;
struct view;

/* Borrows core, which outlives it. */
struct view *view_new(struct core *core);

/* Lives as long as the view. */
const struct api_view *view_table(const struct view *view);

/* Core stops: end every ask that is still under way (API_BUSY, or API_FAILED when the
 * queue has failed) and wait until the store has answered. The loop is core's, without
 * its turn; records are flushed. */
void view_stop(struct view *view);

/* After view_stop, when the API is closed. NULL is allowed. */
void view_free(struct view *view);

#endif
