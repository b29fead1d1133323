#include <errno.h>
#include <string.h>

#include "relay/api_ask.h"

#include "tests/support/test.h"

static struct api_request request;
static struct api_ask ask = {.request = &request, .rest = ""};
static struct errmsg err;

static void begin(const char *name, const char *value)
{
    api_request_done(&request);
    api_request_init(&request, "GET", "/v1/queue", "tester");
    cr_assert_eq(api_request_add(&request, name, value, &err), 0);
}

/* Each selector comes where it belongs; a state or an age that is none is an error. */
TEST(api_ask, filter)
{
    static const struct {
        const char *name;
        size_t offset;
    } texts[] = {{"id", offsetof(struct api_filter, id)},
                 {"domain", offsetof(struct api_filter, domain)},
                 {"site", offsetof(struct api_filter, site)},
                 {"stream", offsetof(struct api_filter, stream)},
                 {"source", offsetof(struct api_filter, source)},
                 {"sender", offsetof(struct api_filter, sender)},
                 {"rcpt", offsetof(struct api_filter, recipient)},
                 {"user", offsetof(struct api_filter, user)},
                 {"client", offsetof(struct api_filter, client)},
                 {"job", offsetof(struct api_filter, job)},
                 {"subject", offsetof(struct api_filter, subject)},
                 {"class", offsetof(struct api_filter, class_name)},
                 {"reply", offsetof(struct api_filter, reply)}};
    struct api_filter filter;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *found = NULL;
        begin(texts[i].name, "value");
        cr_assert_eq(api_ask_filter(&ask, &filter, &err), 0);
        memcpy(&found, (const char *)&filter + texts[i].offset, sizeof found);
        cr_assert_str_eq(found, "value", "%s", texts[i].name);
        cr_assert_not_null(strstr(API_ASK_SELECTORS, texts[i].name));
    }
    begin("state", "held");
    cr_assert_eq(api_ask_filter(&ask, &filter, &err), 0);
    cr_assert_eq(filter.state, API_STATE_HELD);
    cr_assert_str_eq(filter.id, "");
    begin("state", "odd");
    filter.id = "untouched";
    cr_assert_eq(api_ask_filter(&ask, &filter, &err), -EINVAL);
    cr_assert_str_eq(filter.id, "untouched");
    begin("older", "2h");
    cr_assert_eq(api_ask_filter(&ask, &filter, &err), 0);
    cr_assert_eq(filter.older_ms, 7200000);
    begin("newer", "soon");
    cr_assert_neq(api_ask_filter(&ask, &filter, &err), 0);
    api_request_done(&request);
}

/* A duration is read with its unit; absent it is 0, and what is none writes nothing. */
TEST(api_ask, durations)
{
    int64_t ms = 7;

    begin("since", "2h");
    cr_assert_eq(api_ask_duration(&ask, "for", &ms, &err), 0);
    cr_assert_eq(ms, 0);
    cr_assert_eq(api_ask_duration(&ask, "since", &ms, &err), 0);
    cr_assert_eq(ms, 7200000);
    begin("for", "soon");
    err.text[0] = '\0';
    cr_assert_eq(api_ask_duration(&ask, "for", &ms, &err), -EINVAL);
    cr_assert_eq(ms, 7200000);
    cr_assert_neq(err.text[0], '\0');
    api_request_done(&request);
}

/* A page has 1 to LIMIT_API_PAGE rows, 100 when nothing is said; a reason has a length.
 */
TEST(api_ask, page_and_why)
{
    struct api_page page;
    static char longer[LIMIT_API_WHY + 2];
    static const char *const bad[] = {"0",   "501", "-1",
                                      "ten", "1x",  "99999999999999999999"};
    begin("cursor", "abc");
    cr_assert_eq(api_ask_page(&ask, &page, &err), 0);
    cr_assert_eq(page.limit, 100);
    cr_assert_str_eq(page.cursor, "abc");
    begin("limit", "500");
    cr_assert_eq(api_ask_page(&ask, &page, &err), 0);
    cr_assert_eq(page.limit, 500);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin("limit", bad[i]);
        cr_assert_eq(api_ask_page(&ask, &page, &err), -EINVAL, "%s", bad[i]);
    }
    memset(longer, 'x', LIMIT_API_WHY);
    begin("why", longer);
    cr_assert_eq(api_ask_why(&ask, &err), 0);
    longer[LIMIT_API_WHY] = 'x';
    begin("why", longer);
    cr_assert_eq(api_ask_why(&ask, &err), -EINVAL);
    api_request_done(&request);
}
