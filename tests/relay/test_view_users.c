#include <sys/stat.h>

#include <stdio.h>

#include "relay/core.h"
#include "relay/users.h"
#include "relay/view_parts.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

/* The list has each user with its rights and its state; a freeze and a disable show. */
TEST(view_users, lists)
{
    struct view_rig rig;
    struct errmsg err;
    const char *streams[] = {"bulk", "transactional"};
    view_rig_open(&rig);
    struct users_user user = {.name = "erp",
                              .hash = "",
                              .priority_high = 5,
                              .per_hour = 500,
                              .streams = streams,
                              .stream_count = 2};
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    struct users_user other = {.name = "old", .priority_high = 9, .is_disabled = true};
    cr_assert_eq(users_put(rig.core->users, &other, &err), 0);
    json_t *document = view_rig_table(&rig, view_users);
    const json_t *row = view_rig_row(document, "users", "name", "erp");
    cr_assert_not_null(row);
    cr_assert_str_eq(view_rig_text(row, "state"), "active");
    cr_assert_eq(view_rig_int(row, "per_hour"), 500);
    cr_assert_eq(view_rig_int(row, "priority_high"), 5);
    cr_assert_eq(json_array_size(json_object_get(row, "streams")), 2);
    row = view_rig_row(document, "users", "name", "old");
    cr_assert_str_eq(view_rig_text(row, "state"), "disabled");
    cr_assert_str_eq(view_rig_text(document, "file"), "/etc/mesura/users");
    json_decref(document);
    struct freeze freeze = {.kind = FREEZE_USER, .name = "erp", .why = "odd mail"};
    cr_assert_eq(freezes_set(&rig.core->freezes, &freeze, NULL), 0);
    document = view_rig_table(&rig, view_users);
    row = view_rig_row(document, "users", "name", "erp");
    cr_assert_str_eq(view_rig_text(row, "state"), "frozen");
    cr_assert_str_eq(view_rig_text(row, "reason"), "odd mail");
    json_decref(document);
    view_rig_close(&rig);
}

/* A reload that is good is journalled and answered; the file need not be there. */
TEST(view_users, reloads)
{
    struct view_rig rig;
    view_rig_open(&rig);
    struct api_answer *answer = view_rig_ask(&rig);
    rig.view->users_reload(rig.view->owner, "operator kim", answer);
    json_t *document = view_rig_read(&rig, answer);
    cr_assert_eq(rig.result, API_DONE);
    json_decref(document);
    struct api_journal_ask ask = {
        .kind = "users", .subject = "", .page = {.limit = 5, .cursor = ""}};
    answer = view_rig_ask(&rig);
    rig.view->journal(rig.view->owner, &ask, answer);
    document = view_rig_read(&rig, answer);
    cr_assert_eq(json_array_size(json_object_get(document, "journal")), 1);
    json_decref(document);
    view_rig_close(&rig);
}

/* A campaign is for a user that is there, of a number, until a time to come. */
TEST(view_users, expects)
{
    static const struct {
        const char *name;
        const char *volume;
        const char *until;
        enum api_result result;
    } cases[] = {{"erp", "9000", "9000000000000", API_DONE},
                 {"nobody", "9000", "9000000000000", API_NOT_FOUND},
                 {"erp", "many", "9000000000000", API_BAD_ASK},
                 {"erp", "-5", "9000000000000", API_BAD_ASK},
                 {"erp", "9000", "soon", API_BAD_ASK},
                 {"erp", "9000", "1", API_BAD_ASK}};
    struct view_rig rig;
    struct errmsg err;
    view_rig_open(&rig);
    struct users_user user = {.name = "erp", .priority_high = 9};
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct api_answer *answer = view_rig_ask(&rig);
        rig.view->users_expect(rig.view->owner, cases[i].name, cases[i].volume,
                               cases[i].until, "kim", answer);
        json_decref(view_rig_read(&rig, answer));
        cr_expect_eq(rig.result, cases[i].result, "case %zu", i);
    }
    view_rig_close(&rig);
}
