/* Messages out of the queue: export (a copy), move and purge (copied first, then gone).
 *
 * Good path: the directory is made; the walk takes recipients out of their flows, so that
 * none is delivered meanwhile; some messages at a time are packed by the porter and are
 * durable there; only then their recipients end in one record; so on; the manifest; the
 * journal; the answer.
 *
 * Failure modes: a message that cannot be packed stays in the queue, and the answer says
 * how many; a directory that cannot be written, or a stop: the rest stays, what was
 * packed is complete and gone. A crash between the two: the files are there, the manifest
 * is not, and the messages are still queued. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/core.h"
#include "relay/log.h"
#include "relay/now.h"
#include "relay/settle.h"
#include "relay/snapshot.h"
#include "relay/view_packing.h"

static void post(struct packing *packing, enum packer_step step, letter_cb done_cb)
{
    struct packer_ask *ask = &packing->ask;
    ask->step = step;
    ask->done_cb = done_cb;
    ask->rc = 0;
    packer_post(ask);
}

static void on_closed(struct letter *letter)
{
    struct packer_ask *ask = LIST_OWNER(letter, struct packer_ask, letter);
    struct packing *packing = LIST_OWNER(ask, struct packing, ask);
    packing->is_packing = false;
    if (packing->walk.view == NULL) {
        return; /* given up at the end of a failed queue */
    }
    if (ask->rc != 0 && packing->rc == 0) {
        packing->rc = ask->rc;
        packing->err = ask->err;
    }
    view_packing_answer(packing);
}

/* ---- a batch comes back ---- */

static void go_on(struct packing *packing);

static void on_written(void *owner, int rc)
{
    struct packing *packing = owner;
    packing->is_writing = false;
    if (packing->walk.view == NULL) {
        return;
    }
    if (rc != 0 && packing->rc == 0) {
        packing->rc = rc;
        errmsg_set(&packing->err, "the queue cannot be written");
    }
    go_on(packing);
}

/* Its flow has something to do again. */
static void put_back(struct core *core, uint32_t recipient, const struct change *change)
{
    struct recipient_view view;
    index_put_back(core->index, recipient, change->next_unix_ms);
    index_recipient(core->index, recipient, &view);
    scheduler_touch(core, view.flow);
}

/* Is it as we have left it? */
static bool is_ours(const struct recipient_view *view, const struct change *change)
{
    return !view->ended &&
           view->phase == (change->state == CHANGE_HELD ? INDEX_IDLE : INDEX_OUT) &&
           view->state == change->state;
}

static void end_one(struct packing *packing, const struct recipient_view *view,
                    const struct message_view *message)
{
    struct change change;
    char reason[CHANGE_REASON + 1];
    (void)snprintf(reason, sizeof reason, "%s to %.200s",
                   packing->how == API_PACK_PURGE ? "purged, exported" : "moved",
                   packing->dir);
    change_init(&change);
    change.id = message->id;
    change.home = message->place.segment;
    change.number = view->number;
    change.state = CHANGE_PURGED;
    change.ended = true;
    change.attempts = view->attempts;
    change.when_unix_ms = (uint64_t)now_unix_ms();
    change.previous = view->last;
    change.actor = packing->by;
    change.reason = reason;
    (void)records_add(packing->core, &change);
    packing->gone++;
}

static void tell_log(const struct packing *packing, const struct packer_item *item,
                     const struct message_view *message)
{
    char text[sizeof packing->dir + CHANGE_REASON + 64];
    (void)snprintf(text, sizeof text, "%s to %s%s%s",
                   packing->how == API_PACK_PURGE ? "purged, exported" : "moved",
                   packing->dir, packing->why[0] != '\0' ? ": " : "", packing->why);
    log_event(&(struct log_event){.kind = LOG_ADMIN,
                                  .unix_ms = now_unix_ms(),
                                  .id = item->id,
                                  .stream = message->stream,
                                  .user = message->user,
                                  .recipients = item->count,
                                  .actor = packing->by,
                                  .text = text});
}

/* What was packed leaves; what was not goes on as it was. */
static void settle_item(struct packing *packing, struct packer_item *item)
{
    struct core *core = packing->core;
    const uint8_t *at = item->changes;
    size_t left = item->changes_length;
    uint32_t message = index_find(core->index, item->id);
    struct message_view view;
    struct recipient_view recipient;
    struct change change;
    queue_unpin(&item->pin);
    if (item->rc != 0) {
        packing->failed += item->count;
    }
    if (message == 0 || !view_packing_takes_out(packing)) {
        packing->changed +=
            view_packing_takes_out(packing) && item->rc == 0 ? item->count : 0;
        return;
    }
    index_message(core->index, message, &view);
    if (item->rc == 0) {
        tell_log(packing, item, &view);
    }
    while (change_next(&at, &left, &change) > 0) {
        uint32_t handle = index_recipient_of(core->index, message, change.number);
        index_recipient(core->index, handle, &recipient);
        if (!is_ours(&recipient, &change)) {
            packing->changed += item->rc == 0;
        } else if (item->rc == 0) {
            end_one(packing, &recipient, &view);
        } else if (change.state != CHANGE_HELD) {
            put_back(core, handle, &change);
        }
    }
}

/* The first `packed` items have been at the porter. */
static void drop_items(struct packing *packing, unsigned packed)
{
    struct packer_item open = packing->items[packed];
    for (unsigned i = 0; i < packed; i++) {
        free(packing->items[i].changes);
    }
    memset(packing->items, 0, sizeof packing->items);
    if (packing->count > packed) {
        packing->items[0] = open;
    }
    packing->count -= packed;
    packing->recipients = packing->count > 0 ? packing->items[0].count : 0;
}

static void on_packed(struct letter *letter)
{
    struct packer_ask *ask = LIST_OWNER(letter, struct packer_ask, letter);
    struct packing *packing = LIST_OWNER(ask, struct packing, ask);
    packing->is_packing = false;
    if (packing->walk.view == NULL) {
        for (unsigned i = 0; i < packing->count; i++) {
            queue_unpin(&packing->items[i].pin);
        }
        return; /* the process ends; a restart finds them queued */
    }
    if (ask->rc != 0 && packing->rc == 0) {
        packing->rc = ask->rc;
        packing->err = ask->err;
    }
    uint64_t before = packing->gone;
    for (unsigned i = 0; i < ask->item_count; i++) {
        settle_item(packing, &packing->items[i]);
    }
    drop_items(packing, ask->item_count);
    if (packing->gone > before) {
        packing->is_writing = true;
        records_when_done(packing->core, on_written, packing);
        return; /* suspended: on_written resumes */
    }
    go_on(packing);
}

/* The open message, when nothing more is packed. */
static void give_back(struct packing *packing)
{
    for (unsigned i = 0; i < packing->count; i++) {
        packing->items[i].rc = packing->rc;
        settle_item(packing, &packing->items[i]);
    }
    drop_items(packing, packing->count);
}

static void pack(struct packing *packing, unsigned count)
{
    packing->is_packing = true;
    packing->ask.items = packing->items;
    packing->ask.item_count = count;
    post(packing, PACKER_WRITE, on_packed);
}

/* After a batch, or at the end of the walk. */
static void go_on(struct packing *packing)
{
    if (packing->rc != 0 && packing->count > 0) {
        give_back(packing);
    }
    if (!packing->is_walked) {
        view_walk_go(&packing->walk);
    } else if (packing->count > 0) {
        pack(packing, packing->count);
    } else {
        packing->is_packing = true;
        packing->ask.unix_ms = now_unix_ms();
        post(packing, PACKER_CLOSE, on_closed);
    }
}

/* ---- the walk ---- */

/* The item of this message: the last one, or a new one. NULL: it cannot be pinned. */
static struct packer_item *item_of(struct packing *packing,
                                   const struct view_match *match)
{
    uint64_t id = match->message_view.id;
    if (packing->count > 0 && packing->items[packing->count - 1].id == id) {
        return &packing->items[packing->count - 1];
    }
    assert(packing->count <= PACK_AT_ONCE);
    struct packer_item *item = &packing->items[packing->count];
    if (id == packing->refused_id ||
        queue_pin_message(packing->core->queue, match->message, &item->pin) != 0) {
        packing->refused_id = id;
        return NULL;
    }
    item->id = id;
    packing->count++;
    return item;
}

/* All that is known of the recipient now, as it will be in the file. */
static bool add_change(struct packer_item *item, const struct view_match *match)
{
    struct change change;
    size_t length = 0;
    change_init(&change);
    if (match->last != NULL) {
        change = *match->last;
    }
    change.id = match->message_view.id;
    change.home = 0;
    change.number = match->view.number;
    change.state = match->view.state;
    change.ended = false;
    change.attempts = match->view.attempts;
    if (change.next_unix_ms > match->view.next_unix_ms ||
        match->view.next_unix_ms - change.next_unix_ms > 100) {
        change.next_unix_ms = match->view.next_unix_ms; /* else the record is exact */
    }
    change.source = match->view.flow->source;
    change.previous = (struct place){0};
    if (item->changes_room - item->changes_length < CHANGE_BOUND) {
        item->changes_room = item->changes_room * 2 + CHANGE_BOUND;
        item->changes = realloc(item->changes, item->changes_room);
        if (item->changes == NULL) {
            abort(); /* at most LIMIT_MESSAGE_RECIPIENTS times CHANGE_BOUND */
        }
    }
    if (change_encode(&change, item->changes + item->changes_length,
                      item->changes_room - item->changes_length, &length) != 0) {
        return false;
    }
    item->changes_length += length;
    item->count++;
    return true;
}

static enum view_step on_match(struct view_walk *walk, const struct view_match *match)
{
    struct packing *packing = (struct packing *)walk;
    if (packing->rc != 0) {
        return VIEW_END;
    }
    if (match->row.state == API_STATE_ACTIVE) {
        packing->skipped++;
        return VIEW_GO;
    }
    struct packer_item *item = item_of(packing, match);
    if (item == NULL || !add_change(item, match)) {
        packing->failed++;
        return VIEW_GO;
    }
    if (view_packing_takes_out(packing) && match->view.phase != INDEX_IDLE) {
        index_take(packing->core->index, match->recipient);
    }
    packing->recipients++;
    if (packing->count <= PACK_AT_ONCE &&
        (packing->recipients < PACK_RECIPIENTS || packing->count == 1)) {
        return VIEW_GO;
    }
    pack(packing, packing->count - 1); /* the last one may get more recipients */
    return VIEW_PAUSE;
}

static void on_walked(struct view_walk *walk)
{
    struct packing *packing = (struct packing *)walk;
    packing->is_walked = true;
    walk->is_paused = true; /* until the answer */
    if (!packing->is_packing && !packing->is_writing) {
        go_on(packing);
    }
}

static void on_opened(struct letter *letter)
{
    struct packer_ask *ask = LIST_OWNER(letter, struct packer_ask, letter);
    struct packing *packing = LIST_OWNER(ask, struct packing, ask);
    struct view *view = packing->walk.view;
    packing->is_packing = false;
    view->tickets--;
    if (ask->rc != 0) {
        packing->rc = ask->rc;
        packing->err = ask->err;
        view_packing_answer(packing);
        return;
    }
    struct api_filter filter = packing->walk.filter;
    char *texts = packing->walk.texts;
    packing->is_walking = true;
    bool begun = view_walk_start(&packing->walk, &filter, "");
    assert(begun); /* there is no cursor */
    free(texts);
}

static void choose_directory(struct packing *packing, const char *dir)
{
    const struct core *core = packing->core;
    if (dir[0] != '\0') {
        (void)snprintf(packing->dir, sizeof packing->dir, "%s", dir);
        return;
    }
    char id[ID_BYTES];
    id_print(core_next_id(packing->core), id);
    (void)snprintf(packing->dir, sizeof packing->dir, "%s/exports/%s-%s",
                   core->snapshot->config->spool, view_packing_word(packing->how), id);
    uint64_t low_space = core->snapshot->config->queue.low_space;
    packing->ask.keep_free =
        low_space + low_space / 4; /* exports alone never end intake */
}

void view_pack(void *owner, const struct api_pack_ask *wish, struct api_answer *answer)
{
    struct view *view = owner;
    struct packing *packing = arena_must(1, sizeof *packing);
    packing->core = view->core;
    packing->how = wish->how;
    packing->walk.view = view;
    packing->walk.answer = answer;
    packing->walk.match_cb = on_match;
    packing->walk.done_cb = on_walked;
    packing->walk.wants_last = true;
    view_filter_copy(&packing->walk, &wish->filter);
    settle_clean(wish->by, packing->by, sizeof packing->by);
    settle_clean(wish->why, packing->why, sizeof packing->why);
    choose_directory(packing, wish->dir);
    packing->ask.home = &view->core->mailbox;
    packing->ask.dir = packing->dir;
    packing->ask.is_move = view_packing_takes_out(packing);
    (void)snprintf(packing->hostname, sizeof packing->hostname, "%s",
                   view->core->snapshot->config->hostname); /* a reload may free that */
    packing->ask.hostname = packing->hostname;
    packing->ask.by = packing->by;
    packing->is_packing = true;
    view->tickets++; /* until the walk begins, the stop waits for this */
    post(packing, PACKER_OPEN, on_opened);
}
