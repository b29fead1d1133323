#include <stdlib.h>
#include <string.h>

#include "relay/smtp/reply_parse.h"

#include "tests/support/test.h"

static struct reply_parse parser;

static enum reply_parse_status parse(const char *text, size_t length, size_t step)
{
    reply_parse_init(&parser, NULL, NULL);
    for (size_t at = 0; at < length && parser.status == REPLY_PARSE_MORE;) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        at += reply_parse_feed(&parser, text + at, part);
    }
    return parser.status;
}

/* Each text and the reply it must be, in any cut. */
TEST(reply_parse, good)
{
    static const struct {
        const char *bytes;
        uint16_t code;
        uint16_t enhanced[3];
        const char *text;
    } cases[] = {
        {"250 ok\r\n", 250, {0}, "ok"},
        {"250\r\n", 250, {0}, ""},
        {"250 \r\n", 250, {0}, ""},
        {"250 ok\n", 250, {0}, "ok"},
        {"550 5.1.1 no such user\r\n", 550, {5, 1, 1}, "no such user"},
        {"550 5.1.1\r\n", 550, {5, 1, 1}, ""},
        {"550-5.7.26 one\r\n550-5.7.26 two\r\n550 5.7.26 three\r\n",
         550,
         {5, 7, 26},
         "one two three"},
        {"421-a\r\n421\r\n", 421, {0}, "a"},
        {"450 5.1.1 class differs\r\n", 450, {0}, "5.1.1 class differs"},
        {"550 5.1 short\r\n", 550, {0}, "5.1 short"},
        {"550 5.1.1000 long\r\n", 550, {0}, "5.1.1000 long"},
        {"550 5.1.1x\r\n", 550, {0}, "5.1.1x"},
        {"550 a\rb\x01\x7f\xff\r\n", 550, {0}, "a?b??\xff"},
        {"554-5.7.1 first\r\n554 plain\r\n", 554, {5, 7, 1}, "first plain"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].bytes);
        for (size_t step = 0; step <= length; step++) {
            cr_assert_eq(parse(cases[i].bytes, length, step), REPLY_PARSE_DONE,
                         "case %zu", i);
            cr_assert_eq(parser.reply.code, cases[i].code);
            cr_assert_eq(memcmp(parser.reply.enhanced, cases[i].enhanced,
                                sizeof parser.reply.enhanced),
                         0, "case %zu", i);
            cr_assert_str_eq(parser.reply.text, cases[i].text);
            cr_assert_eq(parser.reply.origin, REPLY_REMOTE);
        }
    }
}

/* What is not SMTP is bad, with code 0 and words. */
TEST(reply_parse, bad)
{
    static const char *const cases[] = {
        "\r\n",          "ok\r\n",    "25\r\n",    "25x ok\r\n", "2500 x\r\n",
        "250_x\r\n",     "150 x\r\n", "600 x\r\n", "000 x\r\n",  "250-a\r\n251 b\r\n",
        "250-a\r\nb\r\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(parse(cases[i], strlen(cases[i]), 0), REPLY_PARSE_BAD, "case %zu",
                     i);
        cr_assert_eq(parser.reply.code, 0);
        cr_assert_eq(parser.reply.origin, REPLY_MALFORMED);
        cr_assert_gt(strlen(parser.reply.text), 0);
        cr_assert_eq(reply_parse_feed(&parser, "250 ok\r\n", 8), 0);
    }
}

/* The bytes of a text, without its NUL. */
static void put(char *at, const char *text)
{
    while (*text != '\0') {
        *at++ = *text++;
    }
}

/* A long line is cut, endless lines and endless bytes are bad, NUL is a '?'. */
TEST(reply_parse, caps)
{
    static char big[200000];
    memset(big, 'x', sizeof big);
    put(big, "550 5.7.1 ");
    put(big + 3000, "\r\n");
    cr_assert_eq(parse(big, 3002, 0), REPLY_PARSE_DONE);
    cr_assert_eq(strlen(parser.reply.text), LIMIT_REPLY_LINE - 10);
    put(big + 3000, "xx");
    cr_assert_eq(parse(big, sizeof big, 100), REPLY_PARSE_BAD);

    for (size_t i = 0; i + 7 <= sizeof big; i += 7) {
        put(big + i, "250-a\r\n");
    }
    cr_assert_eq(parse(big, sizeof big, 0), REPLY_PARSE_BAD);
    cr_assert_not_null(strstr(parser.reply.text, "too many lines"));
    cr_assert_eq(parse("250 a\0b\r\n", 9, 0), REPLY_PARSE_DONE);
    cr_assert_str_eq(parser.reply.text, "a?b");
}

/* Text joined from many lines ends within its buffer. */
TEST(reply_parse, long_text)
{
    static char big[LIMIT_REPLY_LINES * 402 + 1];
    size_t length = 0;
    for (int i = 0; i < 100; i++) {
        memset(big + length, 'y', 400);
        put(big + length, i < 99 ? "550-" : "550 ");
        put(big + length + 398, "\r\n");
        length += 400;
    }
    cr_assert_eq(parse(big, length, 7), REPLY_PARSE_DONE);
    cr_assert_eq(strlen(parser.reply.text), REPLY_TEXT_BYTES - 1);
}

static unsigned lines_seen;

static void count_line(void *owner, unsigned index, const char *text, size_t length)
{
    cr_assert_eq(owner, &lines_seen);
    cr_assert_eq(index, lines_seen);
    cr_assert_eq(strlen(text), length);
    lines_seen++;
}

/* The callback sees each line; reset starts anew. */
TEST(reply_parse, lines)
{
    reply_parse_init(&parser, count_line, &lines_seen);
    cr_assert_eq(reply_parse_feed(&parser, "250-a\r\n250 b\r\n250 c\r\n", 21), 14);
    cr_assert_eq(lines_seen, 2);
    reply_parse_reset(&parser);
    lines_seen = 0;
    cr_assert_eq(reply_parse_feed(&parser, "250 c\r\n", 7), 7);
    cr_assert_str_eq(parser.reply.text, "c");
}

/* Replies of our own making, and how replies are written. */
TEST(reply_parse, make_and_format)
{
    struct reply reply;
    char out[64];
    reply_parse_make(&reply, REPLY_STAGE_CONNECT, REPLY_NETWORK, 0, "4.4.1", "ref\nused");
    cr_assert_eq(reply.enhanced[2], 1);
    cr_assert_eq(reply_parse_format(&reply, out, sizeof out), 8);
    cr_assert_str_eq(out, "ref?used");
    reply_parse_make(&reply, REPLY_STAGE_MAIL, REPLY_REMOTE, 550, "5.7.1", "no");
    (void)reply_parse_format(&reply, out, sizeof out);
    cr_assert_str_eq(out, "550 5.7.1 no");
    reply_parse_make(&reply, REPLY_STAGE_MAIL, REPLY_REMOTE, 550, "", "no");
    (void)reply_parse_format(&reply, out, sizeof out);
    cr_assert_str_eq(out, "550 no");
    cr_assert_eq(reply_parse_format(&reply, out, 4), 3);
    cr_assert_str_eq(out, "550");
}

/* Random bytes, seed 99: never more than the buffers hold. */
TEST(reply_parse, random)
{
    unsigned seed = 99;
    static const char alphabet[] = "25 -\r\n0.1x\0\xff";
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        }
        (void)parse(bytes, sizeof bytes, 0);
        cr_assert_lt(strlen(parser.reply.text), REPLY_TEXT_BYTES);
        cr_assert(parser.status != REPLY_PARSE_DONE || parser.reply.code >= 200);
    }
}
