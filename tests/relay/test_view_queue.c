#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_filter.h"
#include "relay/id.h"
#include "relay/view.h"

#include "tests/support/test.h"
#include "tests/support/view_rig.h"

static size_t rows_of(json_t *document)
{
    size_t count = json_array_size(json_object_get(document, "recipients"));
    json_decref(document);
    return count;
}

/* Each selector finds what it names, whether the index or only the disk knows it. */
TEST(view_queue, selectors)
{
    struct view_rig rig;
    struct api_filter filter;
    view_rig_open(&rig);
    uint64_t one = view_rig_accept(&rig, "transactional",
                                   (const char *const[]){"kim@gmail.test", NULL});
    (void)view_rig_accept(&rig, "bulk", (const char *const[]){"lee@x.test", NULL});
    view_rig_settle(&rig, one, 0, CHANGE_WAITING, "slow down");
    const struct {
        const char *filter;
        size_t value;
        const char *text;
        size_t rows;
    } cases[] = {
        {"domain", offsetof(struct api_filter, domain), "gmail.test", 1},
        {"site", offsetof(struct api_filter, site), "gmail", 1},
        {"stream", offsetof(struct api_filter, stream), "bulk", 1},
        {"source", offsetof(struct api_filter, source), "tx1", 1},
        {"sender", offsetof(struct api_filter, sender), "*@sender.test", 2},
        {"recipient", offsetof(struct api_filter, recipient), "lee@*", 1},
        {"user", offsetof(struct api_filter, user), "kim", 2},
        {"client", offsetof(struct api_filter, client), "192.0.2.7", 2},
        {"job", offsetof(struct api_filter, job), "weekly", 2},
        {"subject", offsetof(struct api_filter, subject), "about kim", 1},
        {"class", offsetof(struct api_filter, class_name), "throttle", 1},
        {"reply", offsetof(struct api_filter, reply), "4.7.1 slow", 1},
        {"reply", offsetof(struct api_filter, reply), "fast", 0},
        {"id", offsetof(struct api_filter, id), "*", 2},
        {"id", offsetof(struct api_filter, id), "nonsense", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        api_filter_init(&filter);
        memcpy((char *)&filter + cases[i].value, &cases[i].text, sizeof cases[i].text);
        cr_assert_eq(rows_of(view_rig_queue(&rig, &filter)), cases[i].rows, "%s %s",
                     cases[i].filter, cases[i].text);
    }
    api_filter_init(&filter);
    filter.state = API_STATE_DEFERRED;
    cr_assert_eq(rows_of(view_rig_queue(&rig, &filter)), 1);
    filter.state = API_STATE_HELD;
    cr_assert_eq(rows_of(view_rig_queue(&rig, &filter)), 0);
    view_rig_close(&rig);
}

/* Pages of any size give every recipient once, also when a page ends inside a message. */
TEST(view_queue, pages)
{
    struct view_rig rig;
    struct api_filter all;
    api_filter_init(&all);
    view_rig_open(&rig);
    for (int i = 0; i < 5; i++) {
        (void)view_rig_accept(
            &rig, "bulk",
            (const char *const[]){"a@x.test", "b@x.test", "c@gmail.test", NULL});
    }
    for (unsigned limit = 1; limit <= 16; limit++) {
        char cursor[256] = "";
        size_t seen = 0;
        do {
            struct api_page page = {.limit = limit, .cursor = cursor};
            struct api_answer *answer = view_rig_ask(&rig);
            api_answer_list(answer, "recipients");
            rig.view->queue(rig.view->owner, &all, &page, answer);
            json_t *document = view_rig_read(&rig, answer);
            (void)snprintf(cursor, sizeof cursor, "%s",
                           view_rig_text(document, "cursor"));
            size_t rows = rows_of(document);
            cr_assert(rows == limit || cursor[0] == '\0');
            seen += rows;
            cr_assert_leq(seen, 15);
        } while (cursor[0] != '\0');
        cr_assert_eq(seen, 15, "limit %u: %zu", limit, seen);
    }
    view_rig_close(&rig);
}

/* A cursor that we never gave is refused. */
TEST(view_queue, foreign_cursors)
{
    static const char *const cursors[] = {
        "x", "1", "1-2", "1-2-3-4", "-1-2-3", "1-zz-1", "99999999999-1-1", "1-1-70000"};
    struct view_rig rig;
    struct api_filter all;
    api_filter_init(&all);
    view_rig_open(&rig);
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        struct api_page page = {.limit = 1, .cursor = cursors[i]};
        struct api_answer *answer = view_rig_ask(&rig);
        rig.view->queue(rig.view->owner, &all, &page, answer);
        json_decref(view_rig_read(&rig, answer));
        cr_assert_eq(rig.result, API_BAD_ASK, "%s", cursors[i]);
    }
    view_rig_close(&rig);
}

/* One message is shown with every attempt, oldest first, and the exact reply. */
TEST(view_queue, message_with_its_attempts)
{
    struct view_rig rig;
    char id[ID_BYTES];
    view_rig_open(&rig);
    uint64_t number =
        view_rig_accept(&rig, "transactional",
                        (const char *const[]){"kim@gmail.test", "lee@gmail.test", NULL});
    view_rig_settle(&rig, number, 0, CHANGE_WAITING, "first");
    view_rig_settle(&rig, number, 0, CHANGE_WAITING, "second");
    view_rig_settle(&rig, number, 1, CHANGE_DELIVERED, "taken");
    id_print(number, id);
    struct api_answer *answer = view_rig_ask(&rig);
    rig.view->message(rig.view->owner, id, answer);
    json_t *document = view_rig_read(&rig, answer);
    cr_assert_eq(rig.result, API_DONE);
    cr_assert_str_eq(view_rig_text(document, "subject"), "About kim@gmail.test");
    cr_assert_eq(json_array_size(json_object_get(document, "recipients")), 1);
    const json_t *attempts = json_object_get(document, "attempts");
    cr_assert_eq(json_array_size(attempts), 3);
    const json_t *first = json_array_get(attempts, 0);
    cr_assert_str_eq(view_rig_text(first, "reply"), "451 4.7.1 first");
    cr_assert_str_eq(view_rig_text(first, "outcome"), "deferred");
    cr_assert_str_eq(view_rig_text(first, "stage"), "RCPT");
    cr_assert_str_eq(view_rig_text(first, "source"), "tx1");
    cr_assert_str_eq(view_rig_text(first, "source_address"), "127.0.0.2");
    cr_assert_str_eq(view_rig_text(first, "host"), "mx.gmail.test");
    cr_assert_str_eq(view_rig_text(json_array_get(attempts, 1), "reply"),
                     "451 4.7.1 second");
    cr_assert_str_eq(view_rig_text(json_array_get(attempts, 2), "outcome"), "delivered");
    json_decref(document);
    view_rig_close(&rig);
}

/* What is no id, and ids of nobody, are not found. */
TEST(view_queue, unknown_messages)
{
    static const char *const ids[] = {"0000000000000", "'; drop table", "", "*",
                                      "6H01KKKAG0000"};
    struct view_rig rig;
    view_rig_open(&rig);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct api_answer *answer = view_rig_ask(&rig);
        rig.view->message(rig.view->owner, ids[i], answer);
        json_decref(view_rig_read(&rig, answer));
        cr_assert_eq(rig.result, API_NOT_FOUND, "%s", ids[i]);
    }
    view_rig_close(&rig);
}
