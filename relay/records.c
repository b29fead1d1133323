/* Good path: records_add encodes into the open batch, records_flush submits it,
 * on_written (writer thread) posts it to core, on_landed settles and releases.
 *
 * Failure modes: no space on the disk, even in the reserve: the batch waits a second and
 * is submitted again, slots wait with it; any other failure is the queue's end, and the
 * process's: core_stop. */

#include "relay/records.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queue/queue.h"

#include "relay/agenda.h"
#include "relay/arena.h"
#include "relay/core.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/slot.h"
#include "relay/slots.h"
#include "relay/vault.h"

#define BATCH_BYTES ((size_t)256 * 1024)
#define RETRY_NS    NOW_NS_PER_S
#define FIRST_BYTES ((size_t)4096)

struct waiter {
    records_done_cb done_cb;
    void *owner;
};

struct record_batch {
    struct queue_write write;
    struct letter letter;
    struct record_batch *next; /* of those that wait for space */
    struct core *core;
    uint8_t *bytes;  /* owned */
    uint8_t *sealed; /* owned: what is written in its place; NULL plain */
    size_t length;
    size_t room;
    struct slot **slots; /* owned; borrowed slots: they wait for us */
    uint32_t slot_count;
    uint32_t slot_room;
    struct waiter *waiters; /* owned */
    uint32_t waiter_count;
    uint32_t changes;
};

static struct record_batch *open_batch(struct core *core)
{
    if (core->records.open == NULL) {
        struct record_batch *batch = arena_must(1, sizeof *batch);
        batch->core = core;
        core->records.open = batch;
    }
    return core->records.open;
}

/* Double an array's room; the sizes are ours. */
static void *grown(void *items, size_t count, size_t item_bytes)
{
    void *bigger = realloc(items, count * item_bytes);
    if (bigger == NULL) {
        abort(); /* the queue is durable, a restart is safe */
    }
    return bigger;
}

uint32_t records_add(struct core *core, const struct change *change)
{
    uint32_t recipient = index_apply(core->index, change);
    if (recipient == 0) {
        return 0;
    }
    struct record_batch *batch = open_batch(core);
    if (batch->length > 0 && batch->length + CHANGE_BOUND > BATCH_BYTES) {
        records_flush(core);
        batch = open_batch(core);
    }
    if (batch->room - batch->length < CHANGE_BOUND) {
        batch->room = batch->room == 0 ? FIRST_BYTES : batch->room * 2;
        batch->bytes = grown(batch->bytes, batch->room, 1);
    }
    size_t length = 0;
    int rc = change_encode(change, batch->bytes + batch->length,
                           batch->room - batch->length, &length);
    assert(rc == 0); /* settle cleans every text */
    batch->length += length;
    batch->changes++;
    return recipient;
}

void records_release(struct core *core, struct slot *slot)
{
    struct record_batch *batch = open_batch(core);
    if (batch->slot_count == batch->slot_room) {
        batch->slot_room = batch->slot_room == 0 ? 16 : batch->slot_room * 2;
        batch->slots = grown(batch->slots, batch->slot_room, sizeof(struct slot *));
    }
    batch->slots[batch->slot_count++] = slot;
    slot->unwritten++;
}

void records_when_done(struct core *core, records_done_cb done_cb, void *owner)
{
    struct record_batch *batch = open_batch(core);
    batch->waiters =
        grown(batch->waiters, batch->waiter_count + 1, sizeof(struct waiter));
    batch->waiters[batch->waiter_count++] = (struct waiter){done_cb, owner};
}

static void batch_free(struct record_batch *batch)
{
    free(batch->bytes);
    free(batch->sealed);
    free(batch->slots);
    free(batch->waiters);
    free(batch);
}

static void finish(struct record_batch *batch, int rc)
{
    struct core *core = batch->core;
    for (uint32_t i = 0; i < batch->slot_count; i++) {
        batch->slots[i]->unwritten--;
        slots_release(batch->slots[i]);
    }
    if (rc == 0 && batch->length > 0) {
        queue_settled(core->queue, batch->bytes, batch->length, &batch->write.place);
        notices_look(core, batch->bytes, batch->length);
    }
    for (uint32_t i = 0; i < batch->waiter_count; i++) {
        batch->waiters[i].done_cb(batch->waiters[i].owner, rc);
    }
    batch_free(batch);
}

static void on_again(struct agenda_item *item);

/* Batches keep their order; what follows is not written before them. */
static void wait_for_space(struct record_batch *batch)
{
    struct records *records = &batch->core->records;
    struct record_batch **end = &records->waiting;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = batch;
    batch->next = NULL;
    records->again.due_cb = on_again;
    if (!agenda_is_set(&records->again)) {
        agenda_set(&batch->core->agenda, &records->again,
                   (uint64_t)(now_ns() + RETRY_NS));
    }
}

static void on_landed(struct letter *letter)
{
    struct record_batch *batch = LIST_OWNER(letter, struct record_batch, letter);
    struct core *core = batch->core;
    int rc = batch->write.rc;
    core->records.flying--;
    if (rc == -ENOSPC && !core->is_stopping) {
        log_error("the disk is full: %u results wait to be written; free some space",
                  batch->changes);
        wait_for_space(batch);
        return;
    }
    finish(batch, rc);
    if (rc != 0 && rc != -ENOSPC && !core->is_stopping) {
        log_error(
            "the queue cannot be written any more; stopping, a restart decides what "
            "is true");
        core_stop(core, 1);
    }
}

/* Writer thread. */
static void on_written(struct queue_write *write, int rc)
{
    struct record_batch *batch = write->owner;
    write->rc = rc;
    mailbox_post(&batch->core->mailbox, &batch->letter, on_landed);
}

static void submit(struct record_batch *batch)
{
    memset(&batch->write, 0, sizeof batch->write);
    queue_write_state(&batch->write, batch->bytes, batch->length);
    batch->write.owner = batch;
    free(batch->sealed); /* of a try that met a full disk */
    int rc = vault_wrap(batch->core->queue, &batch->write, &batch->sealed);
    assert(rc == 0); /* a few KiB: without them nothing can go on */
    /* An operator's act is answered when it is durable; a delivery's result need only be
     * written before the next dot: a power failure may deliver it twice, never lose it.
     */
    queue_submit(batch->core->queue, &batch->write,
                 batch->waiter_count > 0 ? QUEUE_SYNCED : QUEUE_WRITTEN, on_written);
}

void records_resume(struct core *core)
{
    struct record_batch *batch = core->records.waiting;
    core->records.waiting = NULL;
    agenda_drop(&core->agenda, &core->records.again);
    while (batch != NULL) {
        struct record_batch *next = batch->next;
        core->records.flying++;
        submit(batch);
        batch = next;
    }
}

static void on_again(struct agenda_item *item)
{
    struct records *records = LIST_OWNER(item, struct records, again);
    records_resume(LIST_OWNER(records, struct core, records));
}

void records_flush(struct core *core)
{
    struct record_batch *batch = core->records.open;
    if (batch == NULL) {
        return;
    }
    if (core->records.waiting != NULL) {
        if (batch->length + CHANGE_BOUND > BATCH_BYTES) {
            core->records.open = NULL;
            wait_for_space(batch);
        }
        return; /* suspended: on_again resumes */
    }
    core->records.open = NULL;
    if (batch->length == 0) {
        finish(batch, 0);
        return;
    }
    core->records.flying++;
    submit(batch);
}
