#include <string.h>

#include "tests/support/view_rig.h"

static json_t *act(struct view_rig *rig, struct api_suppress_ask ask)
{
    struct api_answer *answer = view_rig_ask(rig);
    ask.address = ask.address != NULL ? ask.address : "";
    ask.stream = ask.stream != NULL ? ask.stream : "";
    ask.cause = ask.cause != NULL ? ask.cause : "";
    ask.csv = ask.csv != NULL ? ask.csv : "";
    ask.why = "why";
    ask.by = "operator test";
    rig->view->suppress(rig->view->owner, &ask, answer);
    return view_rig_read(rig, answer);
}

static json_t *list(struct view_rig *rig, const char *address)
{
    struct api_answer *answer = view_rig_ask(rig);
    struct api_page page = {.limit = 10, .cursor = ""};
    rig->view->suppressed(rig->view->owner, address, &page, answer);
    return view_rig_read(rig, answer);
}

/* What is put on the list is there, with its cause; taken off, it is gone. */
TEST(view_suppress, add_and_remove)
{
    struct view_rig rig;
    view_rig_open(&rig);
    json_decref(act(&rig, (struct api_suppress_ask){.act = API_SUPPRESS_ADD,
                                                    .address = "A@b.test",
                                                    .stream = "bulk",
                                                    .cause = "complaint"}));
    cr_assert_eq(rig.result, API_DONE);
    json_t *document = list(&rig, "");
    const json_t *row = view_rig_row(document, "suppressions", "address", "a@b.test");
    cr_assert_not_null(row);
    cr_assert_str_eq(view_rig_text(row, "cause"), "complaint");
    cr_assert_str_eq(view_rig_text(row, "stream"), "bulk");
    json_decref(document);
    document = list(&rig, "a@B.test");
    cr_assert_not_null(view_rig_row(document, "suppressions", "address", "a@b.test"));
    json_decref(document);
    json_decref(act(&rig, (struct api_suppress_ask){.act = API_SUPPRESS_REMOVE,
                                                    .address = "a@b.test"}));
    cr_assert_eq(rig.result, API_DONE);
    json_decref(act(&rig, (struct api_suppress_ask){.act = API_SUPPRESS_REMOVE,
                                                    .address = "a@b.test"}));
    cr_assert_eq(rig.result, API_NOT_FOUND);
    view_rig_close(&rig);
}

/* What makes no sense is refused and changes nothing. */
TEST(view_suppress, refusals)
{
    struct view_rig rig;
    view_rig_open(&rig);
    json_decref(act(&rig, (struct api_suppress_ask){.act = API_SUPPRESS_ADD,
                                                    .address = "a@b.test",
                                                    .stream = "moon"}));
    cr_assert_eq(rig.result, API_NOT_FOUND);
    json_decref(act(&rig, (struct api_suppress_ask){.act = API_SUPPRESS_ADD,
                                                    .address = "a@b.test",
                                                    .cause = "spite"}));
    cr_assert_eq(rig.result, API_BAD_ASK);
    json_decref(act(
        &rig, (struct api_suppress_ask){.act = API_SUPPRESS_ADD, .address = "nobody"}));
    cr_assert_eq(rig.result, API_BAD_ASK);
    cr_assert_eq(rig.core->suppression.count, 0);
    view_rig_close(&rig);
}

/* A file's good lines are taken, its wrong ones are named by their number. */
TEST(view_suppress, file)
{
    struct view_rig rig;
    view_rig_open(&rig);
    json_t *document =
        act(&rig,
            (struct api_suppress_ask){.act = API_SUPPRESS_IMPORT,
                                      .line = 100,
                                      .csv = "address,stream\na@b.test,\nc@d.test,moon\n"
                                             "e f,bulk\ng@h.test,bulk\n"});
    cr_assert_eq(rig.result, API_DONE);
    cr_assert_eq(view_rig_int(document, "count"), 2);
    const json_t *notes = json_object_get(document, "notes");
    cr_assert_eq(json_array_size(notes), 2);
    cr_assert_str_eq(json_string_value(json_array_get(notes, 0)),
                     "line 103: there is no such stream");
    json_decref(document);
    cr_assert_eq(rig.core->suppression.blocking, 2);
    view_rig_close(&rig);
}
