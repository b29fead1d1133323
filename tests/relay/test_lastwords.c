#include "relay/lastwords.h"

#include "tests/support/core_rig.h"

#define RECIPIENTS 200

/* Write a change of each recipient; the reply is empty where text is NULL. */
static void settle_all(struct core_rig *rig, uint64_t id, const char *text)
{
    struct core *core = rig->core;
    for (unsigned number = 0; number < RECIPIENTS; number++) {
        struct message_view message;
        struct recipient_view view;
        struct change change;
        char own[64];
        uint32_t handle = index_find(core->index, id);
        index_message(core->index, handle, &message);
        index_recipient(core->index,
                        index_recipient_of(core->index, handle, (uint16_t)number), &view);
        change_init(&change);
        change.id = id;
        change.home = message.place.segment;
        change.number = (uint16_t)number;
        change.state = CHANGE_HELD;
        change.previous = view.last;
        if (text != NULL) {
            (void)snprintf(own, sizeof own, "%s %u", text, number);
            change.code = 550;
            change.text = own;
            change.host = "mx.example";
            change.address = "192.0.2.9";
            change.when_unix_ms = 1000 + number;
        }
        cr_assert_neq(records_add(core, &change), 0);
    }
    records_flush(core);
    core_rig_run(rig);
}

static unsigned find(struct core_rig *rig, uint64_t id, struct lastwords *items)
{
    uint32_t handle = index_find(rig->core->index, id);
    for (unsigned i = 0; i < RECIPIENTS; i++) {
        struct recipient_view view;
        uint16_t number = (uint16_t)(RECIPIENTS - 1 - i);
        index_recipient(rig->core->index,
                        index_recipient_of(rig->core->index, handle, number), &view);
        items[i] = (struct lastwords){.number = number, .place = view.last};
    }
    return lastwords_find(rig->core->queue, id, items, RECIPIENTS);
}

/* Each recipient's own last reply is found, also behind records without one, and a record
 * that many of them are in is read once. */
TEST(lastwords, each_its_own)
{
    static struct lastwords items[RECIPIENTS];
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(
        &rig, &(struct core_rig_mail){.domain = "sick.test", .recipients = RECIPIENTS});
    core_rig_run(&rig);
    settle_all(&rig, id, "5.1.1 first");
    settle_all(&rig, id, "5.1.1 nobody of the number");
    unsigned records = find(&rig, id, items);
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < RECIPIENTS; i++) {
            char text[64];
            (void)snprintf(text, sizeof text, "5.1.1 nobody of the number %u",
                           items[i].number);
            cr_assert(items[i].has_reply);
            cr_assert_eq(items[i].reply.code, 550);
            cr_assert_str_eq(items[i].reply.text, text);
            cr_assert_str_eq(items[i].remote, "mx.example [192.0.2.9]");
            cr_assert_eq(items[i].when_unix_ms, 1000 + items[i].number);
        }
        cr_assert_leq(records, 4, "%u records read", records);
        settle_all(&rig, id, NULL);
        settle_all(&rig, id, NULL);
        records = find(&rig, id, items);
    }
    core_rig_close(&rig);
}

/* Nowhere to look, nothing found; a place that is no state record is no reply. */
TEST(lastwords, nothing)
{
    struct lastwords items[2] = {{.number = 0}, {.number = 1}};
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){.domain = "sick.test"});
    core_rig_run(&rig);
    cr_assert_eq(lastwords_find(rig.core->queue, id, items, 2), 0);
    struct message_view message;
    index_message(rig.core->index, index_find(rig.core->index, id), &message);
    items[0].place = message.place;
    items[1].place = (struct place){12345, 4096, 0};
    cr_assert_eq(lastwords_find(rig.core->queue, id, items, 2), 2);
    cr_assert(!items[0].has_reply && !items[1].has_reply);
    core_rig_close(&rig);
}
