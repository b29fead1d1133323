#include <stdio.h>
#include <string.h>

#include "queue/queue_impl.h"

#include "relay/damage.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static json_t *notes_of(struct view_rig *rig)
{
    json_t *status = view_rig_table(rig, rig->view->status);
    json_t *notes = json_incref(json_object_get(status, "notes"));
    json_decref(status);
    return notes;
}

/* The journal's entries of kind "damage". */
static size_t journaled(struct view_rig *rig)
{
    struct api_journal_ask ask = {
        .kind = "damage", .subject = "", .page = {.limit = 100, .cursor = ""}};
    struct api_answer *answer = view_rig_ask(rig);
    rig->view->journal(rig->view->owner, &ask, answer);
    json_t *document = view_rig_read(rig, answer);
    size_t count = json_array_size(json_object_get(document, "journal"));
    json_decref(document);
    return count;
}

/* Nothing is said of a good start, nor of a tail that was torn off: nobody was told that
 * it was there. */
TEST(damage, good_start)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    queue_note(rig.queue, QUEUE_NOTE_CUT, 1, 4096, "a torn tail");
    damage_tell(rig.core, false);
    cr_assert_null(notes_of(&rig));
    cr_assert_eq(journaled(&rig), 0);
    view_rig_close(&rig);
}

/* Every damaged place is in status and in the journal, up to a number; the rest is
 * counted. */
TEST(damage, is_told)
{
    struct view_rig rig;
    view_rig_open(&rig);
    for (unsigned i = 0; i < 25; i++) {
        queue_note(rig.queue, i == 0 ? QUEUE_NOTE_SET_ASIDE : QUEUE_NOTE_DAMAGED, i + 1,
                   4096, "it is broken");
    }
    damage_tell(rig.core, false);
    json_t *notes = notes_of(&rig);
    cr_assert_eq(json_array_size(notes), 21);
    cr_assert_not_null(
        strstr(json_string_value(json_array_get(notes, 0)), "it is broken"));
    cr_assert_str_eq(json_string_value(json_array_get(notes, 20)),
                     "and 5 more places of the queue");
    json_decref(notes);
    cr_assert_eq(journaled(&rig), 20);
    view_rig_close(&rig);
}

/* A new store is nothing odd beside an empty queue; beside a full one it has forgotten
 * what it knew, and that is said. */
TEST(damage, forgotten_store)
{
    struct view_rig rig;
    view_rig_open(&rig);
    damage_tell(rig.core, true);
    cr_assert_null(notes_of(&rig));
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    damage_tell(rig.core, true);
    json_t *notes = notes_of(&rig);
    cr_assert_eq(json_array_size(notes), 1);
    cr_assert_not_null(strstr(json_string_value(json_array_get(notes, 0)), "store"));
    json_decref(notes);
    view_rig_close(&rig);
}
