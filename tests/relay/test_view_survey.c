#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/view_parts.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* Every recipient is in exactly one cell, in its stream's sums, and, when bound, in its
 * source's. */
TEST(view_survey, sums_agree)
{
    static const char *const domains[] = {"gmail.test", "x.test", "y.test", "z.test"};
    static const char *const streams[] = {"bulk", "transactional"};
    struct view_rig rig;
    view_rig_open(&rig);
    for (unsigned i = 0; i < 40; i++) {
        char address[64];
        (void)snprintf(address, sizeof address, "u%u@%s", i, domains[i % 4]);
        uint64_t id = view_rig_accept(&rig, streams[i / 4 % 2],
                                      (const char *const[]){address, NULL});
        if (i % 5 == 0) {
            view_rig_settle(&rig, id, 0, CHANGE_WAITING, "later"); /* bound to tx1 */
        }
    }
    const struct view_survey *survey = view_survey(rig.core->view);
    struct view_sums cells = {0};
    struct view_sums by_stream = {0};
    for (size_t i = 0; i < survey->cell_count; i++) {
        cells.ready += survey->cells[i].sums.ready;
        cells.deferred += survey->cells[i].sums.deferred;
    }
    for (unsigned i = 0; i < 64; i++) {
        by_stream.ready += survey->streams[i].ready;
        by_stream.deferred += survey->streams[i].deferred;
    }
    cr_assert_eq(cells.ready, 32);
    cr_assert_eq(cells.deferred, 8);
    cr_assert_eq(by_stream.ready, 32);
    cr_assert_eq(by_stream.deferred, 8);
    cr_assert_eq(survey->sources[0].deferred + survey->sources[1].deferred, 8);
    size_t count = 0;
    uint64_t at_gmail = 0;
    const struct view_cell *cell =
        view_survey_site(survey, sites_find(&rig.core->sites, "gmail"), &count);
    for (size_t i = 0; i < count; i++) {
        at_gmail += cell[i].sums.ready + cell[i].sums.deferred;
    }
    cr_assert_eq(at_gmail, 10);
    view_rig_close(&rig);
}

/* The oldest message is found, of all and of a stream, and the next one when it leaves.
 */
TEST(view_survey, oldest)
{
    struct view_rig rig;
    struct message_view view;
    view_rig_open(&rig);
    cr_assert_eq(view_oldest(rig.core->view, CONFIG_NONE), 0);
    uint64_t first =
        view_rig_accept(&rig, "bulk", (const char *const[]){"a@x.test", NULL});
    uint64_t second =
        view_rig_accept(&rig, "bulk", (const char *const[]){"b@x.test", NULL});
    view_ages_walk(rig.core->view);
    index_message(rig.core->index, index_find(rig.core->index, first), &view);
    uint32_t bulk = view_stream(rig.core, "bulk");
    cr_assert_eq(view_oldest(rig.core->view, CONFIG_NONE),
                 (int64_t)view.accepted_unix_ms);
    cr_assert_eq(view_oldest(rig.core->view, bulk), (int64_t)view.accepted_unix_ms);
    cr_assert_eq(view_oldest(rig.core->view, view_stream(rig.core, "transactional")), 0);
    view_rig_settle(&rig, first, 0, CHANGE_DELIVERED, "taken");
    view_ages_walk(rig.core->view);
    index_message(rig.core->index, index_find(rig.core->index, second), &view);
    cr_assert_eq(view_oldest(rig.core->view, bulk), (int64_t)view.accepted_unix_ms);
    view_rig_close(&rig);
}
