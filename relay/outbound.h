/* The worker's side of a slot: one connection at a time from one source to one site, and
 * the jobs that go over it. Worker thread. */

#ifndef RELAY_OUTBOUND_H
#define RELAY_OUTBOUND_H

struct letter;
struct list_node;
struct outbound;

/* Letters that core posts to the worker. */
void outbound_on_job(struct letter *letter);     /* &job->letter: carry this out */
void outbound_on_release(struct letter *letter); /* &slot->release: results are written */
void outbound_on_end(struct letter *letter); /* &slot->end: quit; core_on_slot_ended */

/* The worker ends: finish what is under way, take nothing new. */
void outbound_stop(struct outbound *outbound);

/* Close now; a transaction under way ends as lost. */
void outbound_cut(struct outbound *outbound);

struct outbound *outbound_of_node(struct list_node *node);

#endif
