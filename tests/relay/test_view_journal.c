#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/journal.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static void note(struct view_rig *rig, const char *kind, const char *source, int number)
{
    char after[32];
    (void)snprintf(after, sizeof after, "%d", number);
    journal_record(rig->store, LOG_ADMIN,
                   &(struct journal_entry){.actor = "test",
                                           .kind = kind,
                                           .source = source,
                                           .site = "gmail",
                                           .after = after},
                   NULL);
}

static json_t *journal(struct view_rig *rig, const char *kind, const char *subject,
                       unsigned limit, const char *cursor)
{
    struct api_journal_ask ask = {
        .kind = kind, .subject = subject, .page = {.limit = limit, .cursor = cursor}};
    struct api_answer *answer = view_rig_ask(rig);
    api_answer_list(answer, "journal");
    rig->view->journal(rig->view->owner, &ask, answer);
    return view_rig_read(rig, answer);
}

/* Newest first, in pages that leave nothing out. */
TEST(view_journal, pages_newest_first)
{
    struct view_rig rig;
    char cursor[256] = "";
    view_rig_open(&rig);
    for (int i = 0; i < 7; i++) {
        note(&rig, "rate", "tx1", i);
    }
    int expected = 6;
    do {
        json_t *document = journal(&rig, "", "", 3, cursor);
        const json_t *rows = json_object_get(document, "journal");
        for (size_t i = 0; i < json_array_size(rows); i++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%d", expected--);
            cr_assert_str_eq(view_rig_text(json_array_get(rows, i), "after"), text);
        }
        (void)snprintf(cursor, sizeof cursor, "%s", view_rig_text(document, "cursor"));
        json_decref(document);
    } while (cursor[0] != '\0');
    cr_assert_eq(expected, -1);
    view_rig_close(&rig);
}

/* By kind, and by any part of the subject as it is shown. */
TEST(view_journal, filters)
{
    struct view_rig rig;
    view_rig_open(&rig);
    note(&rig, "rate", "tx1", 1);
    note(&rig, "stop", "bulk1", 2);
    json_t *document = journal(&rig, "stop", "", 10, "");
    cr_assert_eq(json_array_size(json_object_get(document, "journal")), 1);
    json_decref(document);
    document = journal(&rig, "", "tx1 at gmail", 10, "");
    const json_t *row = view_rig_row(document, "journal", "after", "1");
    cr_assert_eq(json_array_size(json_object_get(document, "journal")), 1);
    cr_assert_str_eq(view_rig_text(row, "subject"), "source tx1 at gmail");
    json_decref(document);
    json_decref(journal(&rig, "", "", 10, "12x"));
    cr_assert_eq(rig.result, API_BAD_ASK);
    view_rig_close(&rig);
}
