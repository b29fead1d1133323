#include "relay/api_filter.h"

#include "tests/support/test.h"

static const struct api_queue_row row = {
    .id = "0ABC",
    .sender = "erp@example.com",
    .recipient = "Kim@Gmail.Test",
    .domain = "gmail.test",
    .site = "google",
    .source = "tx1",
    .stream = "transactional",
    .user = "erp",
    .client = "10.0.0.7",
    .job = "month-end",
    .subject = "Invoice 2026-11",
    .state = API_STATE_DEFERRED,
    .accepted_unix_ms = 1000000,
    .reply = "450 4.2.0 greylisted, try later",
    .class_name = "greylist",
};

/* Text is compared without case; '*' is any run; an empty selector means all. */
TEST(api_filter, text)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool anywhere;
        bool wanted;
    } cases[] = {
        {"", "x", false, true},
        {NULL, "x", false, true},
        {"x", NULL, false, false},
        {"gmail.test", "GMAIL.test", false, true},
        {"gmail", "gmail.test", false, false},
        {"gmail", "gmail.test", true, true},
        {"*@gmail.test", "kim@gmail.test", false, true},
        {"*@gmail.test", "kim@gmail.test.org", false, false},
        {"*mail*", "gmail.test", false, true},
        {"a*b*c", "aXbXbXc", false, true},
        {"a*b*c", "aXbXbX", false, false},
        {"*", "", false, true},
        {"a*", "b", true, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(api_filter_text(cases[i].pattern, cases[i].text, cases[i].anywhere),
                     cases[i].wanted, "case %zu", i);
    }
}

/* A long run of stars ends quickly. */
TEST(api_filter, stars_are_bounded)
{
    char pattern[1024];
    char text[1024];

    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
        text[i] = 'a';
    }
    pattern[sizeof pattern - 2] = 'b';
    pattern[sizeof pattern - 1] = '\0';
    text[sizeof text - 1] = '\0';
    cr_assert_not(api_filter_text(pattern, text, false));
}

/* Each selector by itself takes the row it describes and no other. */
TEST(api_filter, each_selector)
{
    static const struct {
        struct api_filter filter;
        bool wanted;
    } cases[] = {
        {{.id = "0abc"}, true},
        {{.id = "0abd"}, false},
        {{.domain = "gmail.test"}, true},
        {{.domain = "mail.test"}, false},
        {{.site = "google"}, true},
        {{.site = "yahoo"}, false},
        {{.stream = "trans*"}, true},
        {{.stream = "bulk"}, false},
        {{.source = "tx1"}, true},
        {{.source = "tx2"}, false},
        {{.sender = "*@example.com"}, true},
        {{.sender = "*@example.org"}, false},
        {{.recipient = "kim@gmail.test"}, true},
        {{.recipient = "kim"}, false},
        {{.user = "erp"}, true},
        {{.user = "er"}, false},
        {{.client = "10.0.0."}, true},
        {{.client = "10.0.1."}, false},
        {{.job = "month-end"}, true},
        {{.job = "week-end"}, false},
        {{.subject = "invoice"}, true},
        {{.subject = "offer"}, false},
        {{.class_name = "greylist"}, true},
        {{.class_name = "throttle"}, false},
        {{.reply = "4.2.0"}, true},
        {{.reply = "5.7.1"}, false},
        {{.state = API_STATE_DEFERRED}, true},
        {{.state = API_STATE_HELD}, false},
        {{.older_ms = 60000}, true},
        {{.older_ms = 60001}, false},
        {{.newer_ms = 60000}, true},
        {{.newer_ms = 59999}, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(api_filter_match(&cases[i].filter, &row, 1060000), cases[i].wanted,
                     "case %zu", i);
        cr_expect_not(api_filter_is_empty(&cases[i].filter), "case %zu", i);
    }
}

/* All that are set must match. */
TEST(api_filter, all_together)
{
    struct api_filter filter;

    api_filter_init(&filter);
    cr_assert(api_filter_is_empty(&filter));
    cr_assert(api_filter_match(&filter, &row, 0));
    filter.stream = "transactional";
    filter.site = "google";
    cr_assert(api_filter_match(&filter, &row, 0));
    filter.site = "yahoo";
    cr_assert_not(api_filter_match(&filter, &row, 0));
}

/* Only what stands on disk alone needs the disk. */
TEST(api_filter, needs_disk)
{
    cr_assert_not(
        api_filter_needs_disk(&(struct api_filter){.stream = "bulk", .id = "1"}));
    cr_assert(api_filter_needs_disk(&(struct api_filter){.subject = "x"}));
    cr_assert(api_filter_needs_disk(&(struct api_filter){.sender = "x"}));
}

/* Each state has a name that reads back; other names are none. */
TEST(api_filter, states)
{
    for (int state = API_STATE_READY; state <= API_STATE_HELD; state++) {
        const char *name = api_filter_state_name((enum api_state)state);
        cr_assert_str_not_empty(name);
        cr_assert_eq((int)api_filter_state(name), state);
    }
    cr_assert_eq(api_filter_state("gone"), API_STATE_ANY);
    cr_assert_eq(api_filter_state(NULL), API_STATE_ANY);
}
