#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relay/hourly.h"
#include "relay/limits.h"
#include "relay/now.h"
#include "relay/store.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

#define HOUR_MS ((int64_t)3600 * 1000)

/* The sum of a group over all hours, as the API answers it. */
static uint64_t sum_of(struct view_rig *rig, const char *group, const char *name)
{
    struct api_answer *answer = view_rig_ask(rig);
    uint64_t sum = 0;
    size_t index = 0;
    json_t *row = NULL;

    api_answer_list(answer, "summary");
    rig->view->summary(rig->view->owner, INT64_C(30) * 24 * HOUR_MS, answer);
    json_t *document = view_rig_read(rig, answer);
    json_array_foreach(json_object_get(document, "summary"), index, row)
    {
        if (strcmp(view_rig_text(row, "group"), group) == 0 &&
            (name == NULL || strcmp(view_rig_text(row, "name"), name) == 0)) {
            sum += (uint64_t)json_integer_value(json_object_get(row, "count"));
        }
    }
    json_decref(document);
    return sum;
}

/* Nothing is lost between flushes, hours and the end. */
TEST(hourly, adds_up)
{
    struct view_rig rig;
    view_rig_open(&rig);
    int64_t now = now_unix_ms();
    struct hourly *hours = hourly_new(rig.store);
    for (int i = 0; i < 30; i++) {
        hourly_add(hours, "user", "accepted", "erp", now - (i % 3) * HOUR_MS);
        if (i % 7 == 0) {
            hourly_flush(hours);
        }
    }
    hourly_free(hours);
    cr_assert_eq(sum_of(&rig, "user", "erp"), 30);
    view_rig_close(&rig);
}

/* A flood of names is counted whole and kept small: the rest is "(other)". */
TEST(hourly, names_are_bounded)
{
    struct view_rig rig;
    view_rig_open(&rig);
    int64_t now = now_unix_ms();
    struct hourly *hours = hourly_new(rig.store);
    for (unsigned i = 0; i < 3 * LIMIT_HOURS_NAMES; i++) {
        char name[HOURLY_NAME_BYTES * 2];
        (void)snprintf(name, sizeof name, "%u|\n%0200d", i, 0);
        hourly_add(hours, "sender", "accepted", name, now);
    }
    hourly_free(hours);
    cr_assert_eq(sum_of(&rig, "sender", HOURLY_OTHER), UINT64_C(2) * LIMIT_HOURS_NAMES);
    view_rig_close(&rig);
}

/* Without counts nothing happens. */
TEST(hourly, null_is_allowed)
{
    hourly_add(NULL, "user", "accepted", "erp", 1);
    hourly_flush(NULL);
    hourly_free(NULL);
}

/* Sentences that differ in numbers and mailboxes alone are one. */
TEST(hourly, shapes)
{
    struct reply reply = {.code = 554, .enhanced = {5, 7, 1}};
    char one[HOURLY_SHAPE_BYTES];
    char two[HOURLY_SHAPE_BYTES];

    (void)snprintf(reply.text, sizeof reply.text, "<bob@example.org> no 17 of 192.0.2.1");
    hourly_shape(&reply, one);
    (void)snprintf(reply.text, sizeof reply.text,
                   "<al@example.net> no 9 of 198.51.100.7");
    hourly_shape(&reply, two);
    cr_assert_str_eq(one, two);
    cr_assert_str_eq(one, "554 5.7.1 <a@b> no # of #.#.#.#");
    memset(reply.text, 'y', sizeof reply.text - 1);
    hourly_shape(&reply, one);
    cr_assert_eq(strlen(one), HOURLY_SHAPE_BYTES - 1);
}
