#include <errno.h>
#include <string.h>

#include "relay/compose.h"
#include "relay/entropy.h"

#include "tests/support/test.h"

static struct compose composed;
static struct errmsg err;

static int json(const char *text)
{
    cr_assert_eq(entropy_start(&err), 0);
    return compose_json(&composed, text, strlen(text), &err);
}

TEST(compose, json_becomes_a_message)
{
    /* Every key has its place; Bcc is in the envelope alone; the sender of the envelope
     * is From's address where none is named. */
    cr_assert_eq(
        json("{\"from\": \"Shop <shop@x.test>\", \"to\": [\"a@y.test\", \"B "
             "<b@y.test>\"], \"cc\": \"c@y.test\", \"bcc\": [\"d@y.test\"], "
             "\"reply_to\": \"help@x.test\", \"subject\": \"Order 7\", \"text\": "
             "\"Thanks\", \"headers\": {\"X-Order\": \"7\"}, \"stream\": "
             "\"bulk\", \"priority\": 9, \"lifetime\": \"15m\", \"job\": \"j\"}"),
        0, "%s", err.text);
    static const char *const to[] = {"a@y.test", "b@y.test", "c@y.test", "d@y.test"};
    static const char *const parts[] = {"From: \"Shop\" <shop@x.test>\r\n",
                                        "To: a@y.test,\r\n \"B\" <b@y.test>\r\n",
                                        "Cc: c@y.test\r\n",
                                        "Reply-To: help@x.test\r\n",
                                        "Subject: Order 7\r\n",
                                        "X-Order: 7\r\n",
                                        "X-Mesura-Stream: bulk\r\n",
                                        "X-Mesura-Priority: 9\r\n",
                                        "X-Mesura-Lifetime: 15m\r\n",
                                        "X-Mesura-Job: j\r\n",
                                        "\r\n\r\nVGhhbmtz\r\n"};
    cr_assert_str_eq(composed.sender, "shop@x.test");
    cr_assert_eq(composed.recipient_count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(composed.recipients[i], to[i]);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cr_assert_not_null(strstr(composed.content.bytes, parts[i]), "%s in %s", parts[i],
                           composed.content.bytes);
    }
    cr_assert_null(strstr(composed.content.bytes, "d@y.test"));
    compose_done(&composed);
}

TEST(compose, json_that_cannot_be_is_told)
{
    /* Each with a sentence; nothing leaks, whatever is wrong. */
    static const char *const cases[][2] = {
        {"", "no JSON object"},
        {"[]", "no JSON object"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"body\": \"x\"}", "\"body\""},
        {"{\"from\": \"a@x.test\"}", "nobody"},
        {"{\"to\": \"b@y.test\"}", "from"},
        {"{\"from\": \"a@x.test, b@x.test\", \"to\": \"b@y.test\"}", "from"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test, c@y.test\"}", "to: write one"},
        {"{\"from\": \"a@x.test\", \"to\": [7]}", "to: write one"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"subject\": \"a\\r\\nBcc: x\"}",
         "Subject"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"headers\": {\"From\": \"x\"}}",
         "headers"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"headers\": {\"X: y\": \"x\"}}",
         "X: y"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"priority\": \"high\"}",
         "priority"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"attachments\": [{\"name\": "
         "\"x\", \"content\": \"%\"}]}",
         "base64"},
        {"{\"from\": \"a@x.test\", \"to\": \"b@y.test\", \"attachments\": 7}",
         "attachments"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(json(cases[i][0]), -EINVAL, "%s", cases[i][0]);
        cr_assert_not_null(strstr(err.text, cases[i][1]), "%s: %s", cases[i][0],
                           err.text);
        compose_done(&composed);
    }
}

TEST(compose, a_finished_message_names_its_recipients)
{
    /* The envelope is what is given, else From, To, Cc and Bcc of the header; the bytes
     * stay as they are. */
    static const char message[] = "From: A <a@x.test>\nTo: b@y.test,\n  C <c@y.test>\n"
                                  "Bcc: (hidden) d@y.test\n\nTo: not@this.test\n";
    size_t length = sizeof message - 1;
    cr_assert_eq(compose_message(&composed, "", "", message, length, &err), 0);
    cr_assert_str_eq(composed.sender, "a@x.test");
    cr_assert_eq(composed.recipient_count, 3);
    cr_assert_str_eq(composed.recipients[1], "c@y.test");
    cr_assert_str_eq(composed.recipients[2], "d@y.test");
    cr_assert_eq(composed.content.length, length);
    cr_assert_eq(memcmp(composed.content.bytes, message, length), 0);
    compose_done(&composed);
    cr_assert_eq(compose_message(&composed, "<>", "e@z.test", message, length, &err), 0);
    cr_assert_str_eq(composed.sender, "");
    cr_assert_eq(composed.recipient_count, 1);
    cr_assert_str_eq(composed.recipients[0], "e@z.test");
    compose_done(&composed);
    cr_assert_eq(compose_message(&composed, "", "", "\n\nTo: x@y.test", 14, &err),
                 -EINVAL);
    compose_done(&composed);
}
