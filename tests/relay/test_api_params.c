#include "relay/api_params.h"
#include "relay/limits.h"

#include "tests/support/test.h"

static void add(struct api_request *request, const char *name, const char *value)
{
    struct errmsg err;

    cr_assert_eq(api_request_add(request, name, value, &err), 0);
}

/* A duration is read with its unit; absent it is 0, and what is none writes nothing. */
TEST(api_params, durations)
{
    struct api_request request;
    struct errmsg err = {.text = ""};
    int64_t ms = 7;

    api_request_init(&request, "GET", "/", "test");
    cr_assert_eq(api_params_duration(&request, "since", &ms, &err), 0);
    cr_assert_eq(ms, 0);
    add(&request, "since", "2h");
    add(&request, "for", "soon");
    cr_assert_eq(api_params_duration(&request, "since", &ms, &err), 0);
    cr_assert_eq(ms, 7200000);
    cr_assert_lt(api_params_duration(&request, "for", &ms, &err), 0);
    cr_assert_eq(ms, 7200000);
    cr_assert_neq(err.text[0], '\0');
    api_request_done(&request);
}

/* Selectors come by their names; a state that is none is refused. */
TEST(api_params, filters)
{
    struct api_request request;
    struct api_filter filter = {.id = "untouched"};
    struct errmsg err = {.text = ""};

    api_request_init(&request, "GET", "/", "test");
    add(&request, "rcpt", "kim@gmail.test");
    add(&request, "state", "held");
    add(&request, "older", "1m");
    cr_assert_eq(api_params_filter(&request, &filter, &err), 0);
    cr_assert_str_eq(filter.recipient, "kim@gmail.test");
    cr_assert_eq(filter.state, API_STATE_HELD);
    cr_assert_eq(filter.older_ms, 60000);
    cr_assert_str_eq(filter.id, "");
    api_request_done(&request);

    api_request_init(&request, "GET", "/", "test");
    add(&request, "state", "odd");
    filter.id = "untouched";
    cr_assert_lt(api_params_filter(&request, &filter, &err), 0);
    cr_assert_str_eq(filter.id, "untouched");
    api_request_done(&request);
}

/* A page has 1 to LIMIT_API_PAGE rows, 100 when nothing is said. */
TEST(api_params, pages)
{
    static const struct {
        const char *limit;
        int result;
        unsigned rows;
    } cases[] = {{"1", 0, 1},   {"", 0, 100},  {"0", -1, 0},
                 {"-3", -1, 0}, {"2x", -1, 0}, {"99999999999999999999", -1, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct api_request request;
        struct api_page page = {0};
        struct errmsg err = {.text = ""};
        api_request_init(&request, "GET", "/", "test");
        add(&request, "limit", cases[i].limit);
        cr_assert_eq(api_params_page(&request, &page, &err) < 0, cases[i].result < 0,
                     "%s", cases[i].limit);
        cr_assert_eq(page.limit, cases[i].rows);
        api_request_done(&request);
    }
}
