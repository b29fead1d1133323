#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/id.h"
#include "relay/now.h"
#include "relay/stops.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static json_t *why(struct view_rig *rig, const char *subject)
{
    struct api_answer *answer = view_rig_ask(rig);
    api_answer_list(answer, "paths");
    rig->view->why(rig->view->owner, subject, answer);
    return view_rig_read(rig, answer);
}

static const json_t *gate_of(const json_t *document, const char *name)
{
    const json_t *path = json_array_get(json_object_get(document, "paths"), 0);
    return path != NULL ? view_rig_row(path, "gates", "name", name) : NULL;
}

/* By id, address and domain: the backoff holds, with the reply that caused it, who set
 * it and when it opens. */
TEST(view_why, backoff_of_a_recipient)
{
    struct view_rig rig;
    char id[ID_BYTES];
    view_rig_open(&rig);
    uint64_t number = view_rig_accept(&rig, "transactional",
                                      (const char *const[]){"kim@gmail.test", NULL});
    view_rig_settle(&rig, number, 0, CHANGE_WAITING, "slow down");
    id_print(number, id);
    const char *const subjects[] = {id, "kim@gmail.test", "gmail.test"};
    for (unsigned i = 0; i < 3; i++) {
        json_t *document = why(&rig, subjects[i]);
        const json_t *path = json_array_get(json_object_get(document, "paths"), 0);
        const json_t *gate = gate_of(document, "backoff");
        cr_assert_str_eq(view_rig_text(path, "holds"), "backoff", "%s", subjects[i]);
        cr_assert_str_eq(view_rig_text(path, "source"), "tx1");
        cr_assert_str_eq(view_rig_text(path, "site"), "gmail");
        cr_assert_eq(view_rig_int(path, "recipients"), 1);
        cr_assert_str_eq(view_rig_text(gate, "state"), "closed");
        cr_assert_gt(view_rig_int(gate, "opens_unix_ms"), now_unix_ms());
        cr_assert_not_null(strstr(view_rig_text(gate, "owner"), "schedule"));
        if (i < 2) {
            cr_assert_str_eq(view_rig_text(gate, "reply"), "451 4.7.1 slow down");
        }
        json_decref(document);
    }
    view_rig_close(&rig);
}

/* All gates are named, in order, each with its state. */
TEST(view_why, every_gate_in_order)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"kim@gmail.test", NULL});
    json_t *document = why(&rig, "gmail.test");
    const json_t *path = json_array_get(json_object_get(document, "paths"), 0);
    const json_t *gates = json_object_get(path, "gates");
    cr_assert_eq(json_array_size(gates), GATE_COUNT);
    for (int gate = 0; gate < GATE_COUNT; gate++) {
        cr_assert_str_eq(view_rig_text(json_array_get(gates, (size_t)gate), "name"),
                         gate_name((enum gate)gate));
    }
    const json_t *ramp = gate_of(document, "ramp");
    cr_assert_not_null(strstr(view_rig_text(ramp, "owner"), "mesura.conf:"));
    cr_assert_str_eq(view_rig_text(ramp, "limit"), "30");
    const json_t *rate = gate_of(document, "connections");
    cr_assert_str_neq(view_rig_text(rate, "limit"), "");
    json_decref(document);
    view_rig_close(&rig);
}

/* A stopped source is named with its list and the reply; asked by site. */
TEST(view_why, stop_of_a_source)
{
    struct view_rig rig;
    view_rig_open(&rig);
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"kim@gmail.test", NULL});
    struct site *site = sites_find(&rig.core->sites, "gmail");
    struct source *source = sources_find(&rig.core->sources, "bulk1");
    struct reply reply = {.stage = REPLY_STAGE_MAIL,
                          .code = 554,
                          .enhanced = {5, 7, 1},
                          .text = "blocked using bl.spamcop.net"};
    struct finding finding = {.class = FINDING_IP_LISTED,
                              .scope = FINDING_SCOPE_SOURCE,
                              .list = "bl.spamcop.net"};
    stops_freeze(rig.core, sites_lane(site, source, now_ns()), NULL, &reply, &finding);
    json_t *document = why(&rig, "gmail");
    const json_t *path = json_array_get(json_object_get(document, "paths"), 0);
    const json_t *gate = gate_of(document, "stop of the source");
    cr_assert_str_eq(view_rig_text(path, "holds"), "stop of the source");
    cr_assert_not_null(strstr(view_rig_text(gate, "reply"), "spamcop"));
    cr_assert_not_null(strstr(view_rig_text(gate, "owner"), "rule"));
    cr_assert_gt(view_rig_int(gate, "since_unix_ms"), 0);
    json_decref(document);
    view_rig_close(&rig);
}

/* What nobody knows is not found. */
TEST(view_why, unknown_subjects)
{
    static const char *const subjects[] = {"nobody@nowhere.test", "nowhere.test", "@", "",
                                           "0000000000001"};
    struct view_rig rig;
    view_rig_open(&rig);
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        json_decref(why(&rig, subjects[i]));
        cr_assert_eq(rig.result, API_NOT_FOUND, "%s", subjects[i]);
    }
    view_rig_close(&rig);
}
