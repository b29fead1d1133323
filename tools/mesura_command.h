/* The commands of `mesura`, one function each; args are parsed and checked against the
 * command's options. The result is the exit status. */

#ifndef TOOLS_MESURA_COMMAND_H
#define TOOLS_MESURA_COMMAND_H

#include "tools/mesura_args.h"

/* mesura_status.c: what is */
enum mesura_exit mesura_status_run(const struct mesura_args *args);
enum mesura_exit mesura_status_top(const struct mesura_args *args);

/* mesura_list.c: one table each */
enum mesura_exit mesura_list_streams(const struct mesura_args *args);
enum mesura_exit mesura_list_sources(const struct mesura_args *args);
enum mesura_exit mesura_list_sites(const struct mesura_args *args);
enum mesura_exit mesura_list_lanes(const struct mesura_args *args);
enum mesura_exit mesura_list_blocks(const struct mesura_args *args);
enum mesura_exit mesura_list_warmup(const struct mesura_args *args);
enum mesura_exit mesura_list_journal(const struct mesura_args *args);

/* mesura_queue.c: messages */
enum mesura_exit mesura_queue_list(const struct mesura_args *args);
enum mesura_exit mesura_queue_show(const struct mesura_args *args);
enum mesura_exit mesura_queue_hold(const struct mesura_args *args);
enum mesura_exit mesura_queue_release(const struct mesura_args *args);
enum mesura_exit mesura_queue_retry(const struct mesura_args *args);
enum mesura_exit mesura_queue_bounce(const struct mesura_args *args);
enum mesura_exit mesura_queue_mailq(const struct mesura_args *args);

/* mesura_summary.c: what the last hours brought */
enum mesura_exit mesura_dkim_new(const struct mesura_args *args);
enum mesura_exit mesura_dkim_record(const struct mesura_args *args);
enum mesura_exit mesura_dkim_rotate(const struct mesura_args *args);
enum mesura_exit mesura_suppress_list(const struct mesura_args *args);
enum mesura_exit mesura_suppress_add(const struct mesura_args *args);
enum mesura_exit mesura_suppress_del(const struct mesura_args *args);
enum mesura_exit mesura_suppress_import(const struct mesura_args *args);
enum mesura_exit mesura_suppress_export(const struct mesura_args *args);
enum mesura_exit mesura_summary_run(const struct mesura_args *args);
/* mesura_move.c: messages out of the queue and in */
enum mesura_exit mesura_move_purge(const struct mesura_args *args);
enum mesura_exit mesura_move_copy(const struct mesura_args *args);
enum mesura_exit mesura_move_export(const struct mesura_args *args);
enum mesura_exit mesura_move_import(const struct mesura_args *args);
/* mesura_plan.c: a campaign run forward */
enum mesura_exit mesura_plan_run(const struct mesura_args *args);

/* mesura_why.c: the gates in order */
enum mesura_exit mesura_why_run(const struct mesura_args *args);

/* mesura_change.c: what an operator changes */
enum mesura_exit mesura_change_freeze(const struct mesura_args *args);
enum mesura_exit mesura_change_thaw(const struct mesura_args *args);
enum mesura_exit mesura_change_blocks_clear(const struct mesura_args *args);
enum mesura_exit mesura_change_warmup_start(const struct mesura_args *args);
enum mesura_exit mesura_change_warmup_pause(const struct mesura_args *args);
enum mesura_exit mesura_change_warmup_resume(const struct mesura_args *args);
enum mesura_exit mesura_change_warmup_set(const struct mesura_args *args);
enum mesura_exit mesura_change_reload(const struct mesura_args *args);
enum mesura_exit mesura_change_drain(const struct mesura_args *args);

/* mesura_classify.c: needs no daemon */
enum mesura_exit mesura_classify_run(const struct mesura_args *args);

#endif
