#include <string.h>

#include "relay/bounce_words.h"
#include "relay/smtp/reply_parse.h"

#include "tests/support/test.h"

/* Long text is wrapped at spaces, one long word is cut, and no byte but printable ASCII
 * gets through. */
TEST(bounce_words, wrap)
{
    struct textbuf out;
    char word[201];
    textbuf_init(&out, 4096);
    bounce_words_wrap(&out, 4, "a\r\nb \xc3\xbc");
    cr_assert_str_eq(out.bytes, "    a??b ??\r\n");
    textbuf_clear(&out);
    memset(word, 'x', 200);
    word[200] = '\0';
    bounce_words_wrap(&out, 4, word);
    bounce_words_wrap(&out, 4,
                      "several words several words several words several words "
                      "several words several words several words");
    for (const char *at = out.bytes; *at != '\0'; at = strchr(at, '\n') + 1) {
        cr_assert_leq(strchr(at, '\n') - at, 73);
        cr_assert_eq(strncmp(at, "    ", 4), 0);
    }
    cr_assert_null(strstr(out.bytes, "wor\r\n"));
    textbuf_done(&out);
}

/* Every stage, origin and action has words, and the advice fits the code. */
TEST(bounce_words, complete)
{
    struct reply reply;
    for (int stage = REPLY_STAGE_DNS; stage <= REPLY_STAGE_QUIT; stage++) {
        cr_assert_gt(strlen(bounce_words_stage((enum reply_stage)stage)), 0);
        for (int origin = REPLY_REMOTE; origin <= REPLY_LOCAL; origin++) {
            reply_parse_make(&reply, (enum reply_stage)stage, (enum reply_origin)origin,
                             0, "", "");
            for (int action = BOUNCE_FAILED; action <= BOUNCE_DELIVERED; action++) {
                enum bounce_action as = (enum bounce_action)action;
                cr_assert_gt(strlen(bounce_words_advice(&reply, as)), 0);
                cr_assert_gt(strlen(bounce_words_advice(NULL, as)), 0);
                cr_assert_gt(strlen(bounce_words_action(as)), 0);
            }
        }
    }
    reply_parse_make(&reply, REPLY_STAGE_RCPT, REPLY_REMOTE, 550, "5.1.1", "no");
    cr_assert_not_null(strstr(bounce_words_advice(&reply, BOUNCE_FAILED), "spelling"));
    reply_parse_make(&reply, REPLY_STAGE_DOT, REPLY_REMOTE, 554, "5.7.26", "no");
    cr_assert_not_null(strstr(bounce_words_advice(&reply, BOUNCE_FAILED), "policy"));
    reply_parse_make(&reply, REPLY_STAGE_DOT, REPLY_NETWORK, 0, "4.4.2", "reset");
    cr_assert_not_null(
        strstr(bounce_words_advice(&reply, BOUNCE_EXPIRED), "may have arrived"));
}
