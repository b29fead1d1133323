#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/arena.h"
#include "relay/view_packing.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static struct packing *make(struct view_rig *rig, enum api_pack how,
                            struct api_answer *answer)
{
    struct packing *packing = arena_must(1, sizeof *packing);
    struct api_filter filter;
    api_filter_init(&filter);
    filter.domain = "x.test";
    packing->core = rig->core;
    packing->how = how;
    packing->walk.view = rig->core->view;
    packing->walk.answer = answer;
    view_filter_copy(&packing->walk, &filter);
    (void)snprintf(packing->dir, sizeof packing->dir, "/some/where");
    (void)snprintf(packing->by, sizeof packing->by, "operator test");
    return packing;
}

/* Only copies leave the queue as it is. */
TEST(view_packing, takes_out)
{
    struct packing packing = {.how = API_PACK_COPY};
    cr_assert_not(view_packing_takes_out(&packing));
    packing.how = API_PACK_MOVE;
    cr_assert(view_packing_takes_out(&packing));
    packing.how = API_PACK_PURGE;
    cr_assert(view_packing_takes_out(&packing));
    cr_assert_str_eq(view_packing_word(API_PACK_PURGE), "purge");
}

/* The answer says where, how many, what stayed and what is on both sides; a failure half
 * way says both what was done and what went wrong. */
TEST(view_packing, answers)
{
    struct view_rig rig;
    view_rig_open(&rig);
    struct api_answer *answer = view_rig_ask(&rig);
    struct packing *packing = make(&rig, API_PACK_MOVE, answer);
    packing->ask.messages = 3;
    packing->ask.recipients = 5;
    packing->gone = 4;
    packing->changed = 1;
    packing->skipped = 2;
    packing->failed = 6;
    packing->rc = -28;
    errmsg_set(&packing->err, "no room");
    view_packing_answer(packing);
    json_t *document = view_rig_read(&rig, answer);
    cr_assert_eq(rig.result, API_FAILED);
    cr_assert_str_eq(view_rig_text(document, "error"),
                     "4 recipients of 3 messages moved out of the queue to /some/where; "
                     "then: no room");
    cr_assert_str_eq(view_rig_text(document, "directory"), "/some/where");
    cr_assert_eq(json_array_size(json_object_get(document, "notes")), 3);
    json_decref(document);

    answer = view_rig_ask(&rig);
    packing = make(&rig, API_PACK_COPY, answer);
    packing->ask.messages = 1;
    packing->ask.recipients = 1;
    view_packing_answer(packing);
    document = view_rig_read(&rig, answer);
    cr_assert_eq(rig.result, API_DONE);
    const char *note =
        json_string_value(json_array_get(json_object_get(document, "notes"), 0));
    cr_assert_not_null(strstr(note, "sends them twice"));
    json_decref(document);
    view_rig_close(&rig);
}
