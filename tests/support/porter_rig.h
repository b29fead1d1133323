/* A queue in a directory, a mailbox that is read by hand, and the porter's thread:
 * messages are packed and unpacked without a core. Header only. */

#ifndef TESTS_SUPPORT_PORTER_RIG_H
#define TESTS_SUPPORT_PORTER_RIG_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "relay/entropy.h"
#include "relay/packer.h"
#include "relay/porter.h"
#include "relay/unpacker.h"

#include "tests/support/folder.h"
#include "tests/support/queue_fixture.h"
#include "tests/support/test.h"

struct porter_rig {
    struct folder folder;
    struct queue_fixture fixture;
    struct mailbox mailbox;
    char dir[160];
    struct packer_item items[4];
    struct packer_ask pack;
    struct unpacker_ask *unpack;
};

static bool porter_rig_is_back;

static inline void porter_rig_on_wake(void *owner)
{
    (void)owner;
}

static inline void porter_rig_on_back(struct letter *letter)
{
    (void)letter;
    porter_rig_is_back = true;
}

static inline void porter_rig_open(struct porter_rig *rig)
{
    struct errmsg err = {""};
    memset(rig, 0, sizeof *rig);
    folder_make(&rig->folder);
    (void)folder_path(&rig->folder, "out", rig->dir, sizeof rig->dir);
    cr_assert_eq(entropy_start(&err), 0);
    queue_fixture_init(&rig->fixture);
    mailbox_init(&rig->mailbox, porter_rig_on_wake, NULL);
    cr_assert_eq(porter_start(&err), 0);
    rig->pack = (struct packer_ask){.home = &rig->mailbox,
                                    .done_cb = porter_rig_on_back,
                                    .dir = rig->dir,
                                    .items = rig->items,
                                    .is_move = true,
                                    .hostname = "a.test",
                                    .by = "tester"};
    rig->unpack = calloc(1, sizeof *rig->unpack);
    cr_assert_not_null(rig->unpack);
    *rig->unpack = (struct unpacker_ask){.home = &rig->mailbox,
                                         .done_cb = porter_rig_on_back,
                                         .queue = rig->fixture.queue,
                                         .dir = rig->dir,
                                         .spool = rig->folder.path};
}

static inline void porter_rig_close(struct porter_rig *rig)
{
    porter_stop();
    unpacker_done(rig->unpack);
    free(rig->unpack);
    for (unsigned i = 0; i < 4; i++) {
        free(rig->items[i].changes);
    }
    queue_fixture_done(&rig->fixture);
    folder_remove(&rig->folder);
}

static inline void porter_rig_wait(struct porter_rig *rig)
{
    while (!porter_rig_is_back) {
        (void)mailbox_run(&rig->mailbox);
        (void)sched_yield();
    }
}

static inline int porter_rig_pack(struct porter_rig *rig, enum packer_step step)
{
    porter_rig_is_back = false;
    rig->pack.step = step;
    packer_post(&rig->pack);
    porter_rig_wait(rig);
    return rig->pack.rc;
}

static inline int porter_rig_unpack(struct porter_rig *rig, enum unpacker_step step)
{
    porter_rig_is_back = false;
    rig->unpack->step = step;
    unpacker_post(rig->unpack);
    porter_rig_wait(rig);
    return rig->unpack->rc;
}

/* The message becomes the next item, its only recipient waiting after two attempts. */
static inline void porter_rig_add(struct porter_rig *rig, uint64_t id)
{
    struct packer_item *item = &rig->items[rig->pack.item_count++];
    struct change change;
    change_init(&change);
    change.id = id;
    change.attempts = 2;
    change.next_unix_ms = UINT64_C(1800000123456);
    change.text = "some reply";
    change.code = 451;
    item->id = id;
    item->count = 1;
    item->changes = malloc(CHANGE_BOUND);
    cr_assert_not_null(item->changes);
    cr_assert_eq(
        change_encode(&change, item->changes, CHANGE_BOUND, &item->changes_length), 0);
    cr_assert_eq(queue_pin_message(rig->fixture.queue,
                                   index_find(queue_index(rig->fixture.queue), id),
                                   &item->pin),
                 0);
}

/* An export of messages 1 (small) and 2 (in pieces); the queue is then empty. */
static inline void porter_rig_export(struct porter_rig *rig)
{
    cr_assert_neq(queue_fixture_accept(&rig->fixture, 1, "example.com", 3000), 0);
    cr_assert_neq(queue_fixture_accept_pieces(&rig->fixture, 2, 5, 40000), 0);
    cr_assert_eq(porter_rig_pack(rig, PACKER_OPEN), 0, "%s", rig->pack.err.text);
    porter_rig_add(rig, 1);
    porter_rig_add(rig, 2);
    cr_assert_eq(porter_rig_pack(rig, PACKER_WRITE), 0, "%s", rig->pack.err.text);
    cr_assert_eq(porter_rig_pack(rig, PACKER_CLOSE), 0, "%s", rig->pack.err.text);
    for (unsigned i = 0; i < 2; i++) {
        struct change change;
        queue_unpin(&rig->items[i].pin);
        change_init(&change);
        change.id = i + 1;
        change.state = CHANGE_PURGED;
        change.ended = true;
        cr_assert_eq(queue_fixture_settle(&rig->fixture, &change), 0);
    }
}

#endif
