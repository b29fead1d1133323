/* The permission for one outbound connection of a lane on one worker.
 *
 * Core owns it and everything in it but `outbound`, which is the worker's; core frees it
 * when the worker has given it back. */

#ifndef RELAY_SLOT_H
#define RELAY_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/mailbox.h"

struct core;
struct job;
struct job_destination;
struct lane;
struct outbound;
struct worker;

struct slot {
    struct list_node node;               /* in its lane's idle or busy list */
    struct core *core;                   /* borrowed */
    struct lane *lane;                   /* borrowed: outlives its slots */
    struct worker *worker;               /* borrowed */
    struct job *job;                     /* in flight; NULL when idle */
    struct job_destination *destination; /* of the last job; one reference, may be NULL */
    int64_t idle_since_ns;
    bool is_ending;            /* the end letter is out */
    unsigned unwritten;        /* jobs whose results are not on the disk yet */
    unsigned releases;         /* release letters out: 0 or 1 */
    unsigned owed;             /* jobs written down that no release has told of yet */
    unsigned told;             /* how many the letter that is out tells of */
    struct letter release;     /* to the worker: results are written */
    struct letter end;         /* to the worker: quit */
    struct letter ended;       /* to core: the slot may be freed */
    struct outbound *outbound; /* the worker's; NULL at first */
};

#endif
