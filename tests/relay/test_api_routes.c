#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_answer.h"
#include "relay/api_routes.h"

#include "tests/support/fake_view.h"
#include "tests/support/test.h"

/* What came of one ask. */
struct outcome {
    unsigned done_count;
    enum api_result result;
    json_t *document; /* NULL for plain text */
    char text[256];
};

static void on_done(struct api_answer *answer, void *owner)
{
    struct outcome *outcome = owner;

    outcome->done_count++;
    outcome->result = api_answer_result(answer);
}

/* Run an ask whose params are "name=value" words parted by '&'. */
static struct outcome run(struct fake_view *fake, const char *method, const char *path,
                          const char *params)
{
    struct outcome outcome = {.done_count = 0};
    struct api_request request;
    struct errmsg err = {.text = ""};
    char copy[512];
    char *rest = copy;
    size_t length = 0;
    bool is_text = false;

    (void)snprintf(copy, sizeof copy, "%s", params);
    api_request_init(&request, method, path, "tester");
    for (char *word = strsep(&rest, "&"); word != NULL && *word != '\0';
         word = strsep(&rest, "&")) {
        char *value = strchr(word, '=');
        cr_assert_not_null(value);
        *value = '\0';
        cr_assert_eq(api_request_add(&request, word, value + 1, &err), 0);
    }
    struct api_answer *answer = api_answer_new(on_done, &outcome);
    api_routes_ask(&fake->view, &request, answer);
    api_request_done(&request);
    cr_assert_eq(outcome.done_count, 1, "%s is answered %u times", path,
                 outcome.done_count);
    char *body = api_answer_body(answer, &length, &is_text);
    (void)snprintf(outcome.text, sizeof outcome.text, "%s", body);
    if (!is_text) {
        outcome.document = json_loads(body, 0, NULL);
        cr_assert_not_null(outcome.document);
    }
    free(body);
    api_answer_free(answer);
    return outcome;
}

/* Each reading path answers with its list. */
TEST(api_routes, reads)
{
    static const struct {
        const char *path;
        const char *key;
    } cases[] = {
        {"/v1/status", "waits"},     {"/v1/status", "streams"},
        {"/v1/status", "sources"},   {"/v1/status", "sites"},
        {"/v1/status", "blocks"},    {"/v1/status", "warmup"},
        {"/v1/status", "freezes"},   {"/v1/lanes", "lanes"},
        {"/v1/sites", "sites"},      {"/v1/sources", "sources"},
        {"/v1/streams", "streams"},  {"/v1/blocks", "blocks"},
        {"/v1/blocks", "freezes"},   {"/v1/warmup", "warmup"},
        {"/v1/queue", "recipients"}, {"/v1/queue/ID7", "attempts"},
        {"/v1/why/x.test", "paths"}, {"/v1/journal", "journal"},
        {"/v1/summary", "summary"},  {"/v1/users", "users"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_view fake;
        fake_view_init(&fake);
        struct outcome outcome = run(&fake, "GET", cases[i].path, "");
        cr_expect_eq(outcome.result, API_DONE, "%s", cases[i].path);
        cr_expect_eq(json_array_size(json_object_get(outcome.document, cases[i].key)), 1,
                     "%s has one of %s", cases[i].path, cases[i].key);
        json_decref(outcome.document);
    }
}

/* The status has the keys that the interface promises. */
TEST(api_routes, status_keys)
{
    struct fake_view fake;

    fake_view_init(&fake);
    struct outcome outcome = run(&fake, "GET", "/v1/status", "");
    cr_assert_eq(json_integer_value(json_object_get(outcome.document, "queued")), 7);
    cr_assert_eq(json_integer_value(json_object_get(outcome.document, "held")), 2);
    cr_assert_eq(json_integer_value(json_object_get(outcome.document, "delivered")), 0);
    json_decref(outcome.document);
}

/* Every selector reaches core, durations in milliseconds. */
TEST(api_routes, selectors)
{
    struct fake_view fake;

    fake_view_init(&fake);
    struct outcome outcome = run(
        &fake, "GET", "/v1/queue",
        "id=1&domain=d&site=s&stream=t&source=o&sender=e&rcpt=r&user=u&client=c&job=j&"
        "subject=b&class=l&reply=y&state=held&older=2h&newer=90s&limit=7&cursor=abc");
    cr_assert_eq(outcome.result, API_DONE, "%s", outcome.text);
    cr_assert_str_eq(
        fake.asked, "queue id=1 domain=d site=s stream=t source=o sender=e rcpt=r user=u "
                    "client=c job=j subject=b class=l reply=y state=4 older=7200000 "
                    "newer=90000 limit=7 cursor=abc");
    cr_assert_str_eq(json_string_value(json_object_get(outcome.document, "cursor")),
                     "next");
    json_decref(outcome.document);
}

/* Each action reaches core with who asked. */
TEST(api_routes, actions)
{
    static const struct {
        const char *path;
        const char *params;
        const char *begins;
    } cases[] = {
        {"/v1/queue/hold", "stream=bulk&why=audit", "hold id= domain= site= stream=bulk"},
        {"/v1/queue/release", "all=true", "release id="},
        {"/v1/queue/retry", "id=5", "retry id=5"},
        {"/v1/queue/bounce", "domain=x.test", "bounce id= domain=x.test"},
        {"/v1/warmup", "act=set&source=b1&site=google&day=7&why=x",
         "warmup set b1 at=google day=7 why=x by=tester"},
        {"/v1/warmup", "act=start&source=b1&force=true&why=x",
         "warmup start by force b1 at= day=0 why=x by=tester"},
        {"/v1/freeze", "kind=stream&name=bulk&for=2h&why=x",
         "freeze stream bulk for=7200000 why=x by=tester"},
        {"/v1/thaw", "kind=user&name=kim", "thaw user kim"},
        {"/v1/blocks/clear", "source=b1", "clear b1  by=tester"},
        {"/v1/blocks/clear", "source=b1&site=google", "clear b1 google by=tester"},
        {"/v1/users/expect", "name=erp&volume=9000&until=1800000000000",
         "users expect erp 9000 until=1800000000000 by=tester"},
        {"/v1/users/reload", "", "users reload by=tester"},
        {"/v1/drain", "", "drain 1 by=tester"},
        {"/v1/drain", "on=false", "drain 0 by=tester"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_view fake;
        fake_view_init(&fake);
        struct outcome outcome = run(&fake, "POST", cases[i].path, cases[i].params);
        cr_expect_eq(outcome.result, API_DONE, "%s: %s", cases[i].path, outcome.text);
        cr_expect_eq(strncmp(fake.asked, cases[i].begins, strlen(cases[i].begins)), 0,
                     "case %zu: %s", i, fake.asked);
        json_decref(outcome.document);
    }
}

/* What makes no sense is refused with a sentence, and core is not asked. */
TEST(api_routes, bad_asks)
{
    static const struct {
        const char *method;
        const char *path;
        const char *params;
        enum api_result wanted;
    } cases[] = {
        {"GET", "/v1/queue", "colour=red", API_BAD_ASK},
        {"GET", "/v1/queue", "state=gone", API_BAD_ASK},
        {"GET", "/v1/queue", "older=soon", API_BAD_ASK},
        {"GET", "/v1/queue", "limit=0", API_BAD_ASK},
        {"GET", "/v1/queue", "limit=501", API_BAD_ASK},
        {"GET", "/v1/queue", "limit=-1", API_BAD_ASK},
        {"GET", "/v1/queue", "limit=5x", API_BAD_ASK},
        {"GET", "/v1/journal", "since=yesterday", API_BAD_ASK},
        {"GET", "/v1/summary", "since=yesterday", API_BAD_ASK},
        {"GET", "/v1/status", "x=1", API_BAD_ASK},
        {"POST", "/v1/queue/hold", "", API_BAD_ASK},
        {"POST", "/v1/queue/bounce", "why=because", API_BAD_ASK},
        {"POST", "/v1/warmup", "act=set&source=x&day=many", API_BAD_ASK},
        {"POST", "/v1/warmup", "act=start&source=x&force=maybe", API_BAD_ASK},
        {"GET", "/v1/plan", "mix=a=1&total=none", API_BAD_ASK},
        {"GET", "/v1/plan", "mix=a=1&total=0", API_BAD_ASK},
        {"POST", "/v1/freeze", "kind=planet&name=x", API_BAD_ASK},
        {"POST", "/v1/freeze", "kind=stream", API_BAD_ASK},
        {"POST", "/v1/freeze", "kind=stream&name=x&for=long", API_BAD_ASK},
        {"POST", "/v1/blocks/clear", "", API_BAD_ASK},
        {"POST", "/v1/drain", "on=perhaps", API_BAD_ASK},
        {"GET", "/v1/nothing", "", API_NOT_FOUND},
        {"GET", "/v1/queue/", "", API_NOT_FOUND},
        {"DELETE", "/v1/queue", "", API_NOT_FOUND},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_view fake;
        fake_view_init(&fake);
        struct outcome outcome =
            run(&fake, cases[i].method, cases[i].path, cases[i].params);
        cr_expect_eq(outcome.result, cases[i].wanted, "case %zu: %s", i, outcome.text);
        cr_expect_str_not_empty(
            json_string_value(json_object_get(outcome.document, "error")), "case %zu", i);
        cr_expect_str_empty(fake.asked, "case %zu", i);
        json_decref(outcome.document);
    }
}

/* A reason longer than its cap is refused. */
TEST(api_routes, long_why)
{
    struct fake_view fake;
    struct api_request request;
    struct errmsg err;
    struct outcome outcome = {.done_count = 0};
    char why[LIMIT_API_WHY + 2];

    fake_view_init(&fake);
    memset(why, 'w', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    api_request_init(&request, "POST", "/v1/queue/hold", "tester");
    cr_assert_eq(api_request_add(&request, "id", "1", &err), 0);
    cr_assert_eq(api_request_add(&request, "why", why, &err), 0);
    struct api_answer *answer = api_answer_new(on_done, &outcome);
    api_routes_ask(&fake.view, &request, answer);
    cr_assert_eq(outcome.result, API_BAD_ASK);
    api_request_done(&request);
    api_answer_free(answer);
}

/* What core says about an ask goes through: not found, refused with its notes. */
TEST(api_routes, refusals_of_core)
{
    struct fake_view fake;

    fake_view_init(&fake);
    struct outcome outcome = run(&fake, "GET", "/v1/queue/none", "");
    cr_assert_eq(outcome.result, API_NOT_FOUND);
    json_decref(outcome.document);
    outcome = run(&fake, "POST", "/v1/reload", "");
    cr_assert_eq(outcome.result, API_CONFLICT);
    cr_assert_eq(json_array_size(json_object_get(outcome.document, "notes")), 1);
    json_decref(outcome.document);
}

/* Metrics and health are plain text; a sick relay says why. */
TEST(api_routes, plain)
{
    struct fake_view fake;

    fake_view_init(&fake);
    struct outcome outcome = run(&fake, "GET", "/metrics", "");
    cr_assert_null(outcome.document);
    cr_assert_str_eq(outcome.text, "mesura_queued_recipients 7\n");
    outcome = run(&fake, "GET", "/healthz", "");
    cr_assert_str_eq(outcome.text, "ok\n");
    fake.is_sick = true;
    outcome = run(&fake, "GET", "/healthz", "");
    cr_assert_eq(outcome.result, API_BUSY);
    cr_assert_str_eq(json_string_value(json_object_get(outcome.document, "error")),
                     "the disk is full");
    json_decref(outcome.document);
}

/* Who may reach a path is known before its body is read. */
TEST(api_routes, access)
{
    cr_assert_eq(api_routes_access("GET", "/healthz"), API_ACCESS_PUBLIC);
    cr_assert_eq(api_routes_access("GET", "/v1/status"), API_ACCESS_READ);
    cr_assert_eq(api_routes_access("GET", "/v1/queue/1"), API_ACCESS_READ);
    cr_assert_eq(api_routes_access("POST", "/v1/queue/hold"), API_ACCESS_ACT);
    cr_assert_eq(api_routes_access("POST", "/v1/status"), API_ACCESS_METHOD);
    cr_assert_eq(api_routes_access("GET", "/v1/freeze"), API_ACCESS_METHOD);
    cr_assert_eq(api_routes_access("GET", "/v1/statusx"), API_ACCESS_NONE);
    cr_assert_eq(api_routes_access("GET", ""), API_ACCESS_NONE);
}
