/* What becomes of recipients, on its way to the disk: all changes of one turn of core's
 * loop are one state record. When it is written, slots hear that their next final dot may
 * go, the index is told the place, and bounces that are owed are begun. Core thread. */

#ifndef RELAY_RECORDS_H
#define RELAY_RECORDS_H

#include <stdint.h>

#include "queue/change.h"

#include "relay/agenda.h"

struct core;
struct record_batch;
struct slot;

/* Called when the record that holds the change is on the disk, with 0; or with a negative
 * errno when the queue has failed. Once. */
typedef void (*records_done_cb)(void *owner, int rc);

struct records {
    struct record_batch *open;    /* owned: of this turn, NULL when nothing was added */
    struct record_batch *waiting; /* owned: for space on the disk, oldest first */
    struct agenda_item again;     /* when they are tried again */
    uint32_t flying;              /* batches submitted */
};

/* Apply the change to the index and put it into this turn's record. Returns the
 * recipient, or 0 when it is unknown or has ended (nothing is written then). */
uint32_t records_add(struct core *core, const struct change *change);

/* This turn's record also frees the slot's next final dot. */
void records_release(struct core *core, struct slot *slot);

/* done_cb when this turn's record is written and synced; at once when it holds nothing.
 */
void records_when_done(struct core *core, records_done_cb done_cb, void *owner);

/* The turn is over: submit. While a batch waits for space nothing is. */
void records_flush(struct core *core);

/* Submit what waits for space now. */
void records_resume(struct core *core);

#endif
