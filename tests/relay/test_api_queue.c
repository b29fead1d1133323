#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_queue.h"
#include "relay/api_routes.h"

#include "tests/support/fake_view.h"
#include "tests/support/test.h"

struct told {
    enum api_result result;
    unsigned count;
};

static void on_done(struct api_answer *answer, void *owner)
{
    struct told *told = owner;
    told->result = api_answer_result(answer);
    told->count++;
}

/* POST path with up to three values; how it ended. */
static enum api_result post(struct fake_view *fake, const char *path, bool is_local,
                            const char *const values[6])
{
    struct told told = {.count = 0};
    struct api_request request;
    struct errmsg err = {""};
    api_request_init(&request, "POST", path, "tester");
    request.is_local = is_local;
    for (unsigned i = 0; i < 6 && values[i] != NULL; i += 2) {
        cr_assert_eq(api_request_add(&request, values[i], values[i + 1], &err), 0);
    }
    fake->asked[0] = '\0';
    struct api_answer *answer = api_answer_new(on_done, &told);
    api_routes_ask(&fake->view, &request, answer);
    api_request_done(&request);
    cr_assert_eq(told.count, 1);
    api_answer_free(answer);
    return told.result;
}

#define VALUES(...) ((const char *const[6]){__VA_ARGS__})

/* Nothing is done to all by mistake, whatever the act. */
TEST(api_queue, all_is_said)
{
    static const char *const acts[] = {"hold",   "release", "retry",
                                       "bounce", "purge",   "export"};
    struct fake_view fake;
    char path[64];
    fake_view_init(&fake);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        (void)snprintf(path, sizeof path, "/v1/queue/%s", acts[i]);
        cr_assert_eq(post(&fake, path, true, VALUES(NULL)), API_BAD_ASK, "%s", path);
        cr_assert_str_eq(fake.asked, "", "%s", path);
        cr_assert_eq(post(&fake, path, true, VALUES("all", "true")), API_DONE);
        cr_assert_neq(fake.asked[0], '\0');
        cr_assert_eq(post(&fake, path, true, VALUES("domain", "x.test")), API_DONE);
        cr_assert_not_null(strstr(fake.asked, "x.test"), "%s", fake.asked);
    }
}

/* An export is a copy unless it is said to move; a purge is neither. */
TEST(api_queue, kinds)
{
    struct fake_view fake;
    fake_view_init(&fake);
    (void)post(&fake, "/v1/queue/purge", true, VALUES("all", "true"));
    cr_assert_not_null(strstr(fake.asked, "purge"), "%s", fake.asked);
    (void)post(&fake, "/v1/queue/export", true, VALUES("all", "true"));
    cr_assert_not_null(strstr(fake.asked, "copy"), "%s", fake.asked);
    (void)post(&fake, "/v1/queue/export", true, VALUES("all", "true", "move", "true"));
    cr_assert_not_null(strstr(fake.asked, "move"), "%s", fake.asked);
}

/* A directory is named by who is on this machine, and by its whole path. */
TEST(api_queue, directories)
{
    struct fake_view fake;
    fake_view_init(&fake);
    const char *const *good = VALUES("all", "true", "dir", "/var/x");
    cr_assert_eq(post(&fake, "/v1/queue/export", true, good), API_DONE);
    cr_assert_not_null(strstr(fake.asked, "/var/x"));
    cr_assert_eq(post(&fake, "/v1/queue/export", false, good), API_BAD_ASK);
    cr_assert_eq(post(&fake, "/v1/queue/export", false, VALUES("all", "true")), API_DONE);
    cr_assert_eq(post(&fake, "/v1/queue/export", true, VALUES("all", "true", "dir", "x")),
                 API_BAD_ASK);
    cr_assert_eq(
        post(&fake, "/v1/import", true, VALUES("dir", "/var/x", "again", "true")),
        API_DONE);
    cr_assert_str_eq(fake.asked, "unpack /var/x again=1 by=tester");
    cr_assert_eq(post(&fake, "/v1/import", false, VALUES("dir", "/var/x")), API_BAD_ASK);
    cr_assert_eq(post(&fake, "/v1/import", true, VALUES(NULL)), API_BAD_ASK);
}
