#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/api_request.h"

#include "tests/support/test.h"

static int add_body(struct api_request *request, const char *body, struct errmsg *err)
{
    *err = (struct errmsg){.text = ""};
    return api_request_add_body(request, body, strlen(body), err);
}

/* Texts, whole numbers and booleans of a body are values like those of a query. */
TEST(api_request, body)
{
    struct api_request request;
    struct errmsg err;

    api_request_init(&request, "POST", "/x", "me");
    cr_assert_eq(
        add_body(&request, "{\"a\":\"text\",\"n\":12,\"yes\":true,\"no\":false}", &err),
        0, "%s", err.text);
    cr_assert_str_eq(api_request_get(&request, "a"), "text");
    cr_assert_str_eq(api_request_get(&request, "n"), "12");
    cr_assert_str_eq(api_request_get(&request, "yes"), "true");
    cr_assert_str_eq(api_request_get(&request, "no"), "false");
    cr_assert_str_eq(api_request_get(&request, "absent"), "");
    api_request_done(&request);
}

/* No body is an empty object. */
TEST(api_request, empty_body)
{
    struct api_request request;
    struct errmsg err;

    api_request_init(&request, "POST", "/x", "me");
    cr_assert_eq(add_body(&request, "", &err), 0);
    cr_assert_eq(add_body(&request, "{}", &err), 0);
    cr_assert_eq(request.param_count, 0);
    api_request_done(&request);
}

/* Whatever is no flat object is refused with a sentence, and nothing leaks. */
TEST(api_request, bad_bodies)
{
    static const char *const bodies[] = {
        "x",
        "{",
        "[]",
        "\"text\"",
        "{\"a\":null}",
        "{\"a\":1.5}",
        "{\"a\":[1]}",
        "{\"a\":{}}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"x\"} trailing",
        "\xFF\xFE",
        "{\"a-name-that-is-longer-than-any-name-here\":1}",
    };

    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct api_request request;
        struct errmsg err;
        api_request_init(&request, "POST", "/x", "me");
        cr_expect_eq(add_body(&request, bodies[i], &err), -EINVAL, "case %zu", i);
        cr_expect_str_not_empty(err.text, "case %zu", i);
        api_request_done(&request);
    }
}

/* Nesting without end is refused, not recursed into. */
TEST(api_request, deep_body)
{
    struct api_request request;
    struct errmsg err = {.text = ""};
    size_t length = 100000;
    char *body = malloc(length);

    cr_assert_not_null(body);
    memset(body, '[', length);
    api_request_init(&request, "POST", "/x", "me");
    cr_assert_eq(api_request_add_body(&request, body, length, &err), -EINVAL);
    api_request_done(&request);
    free(body);
}

/* A value given twice, a long one and one too many are refused. */
TEST(api_request, caps)
{
    struct api_request request;
    struct errmsg err;
    char value[API_REQUEST_VALUE + 1];
    char name[16];

    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    api_request_init(&request, "GET", "/x", "me");
    cr_assert_eq(api_request_add(&request, "long", value, &err), -EINVAL);
    value[sizeof value - 2] = '\0';
    cr_assert_eq(api_request_add(&request, "fits", value, &err), 0);
    cr_assert_eq(api_request_add(&request, "fits", "again", &err), -EINVAL);
    for (unsigned i = 1; i < LIMIT_API_PARAMS; i++) {
        (void)snprintf(name, sizeof name, "n%u", i);
        cr_assert_eq(api_request_add(&request, name, NULL, &err), 0);
    }
    cr_assert_eq(api_request_add(&request, "last", "x", &err), -EINVAL);
    api_request_done(&request);
}
