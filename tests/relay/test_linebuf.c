#include <jansson.h>
#include <string.h>
#include <time.h>

#include "relay/entropy.h"
#include "relay/linebuf.h"

#include "tests/support/test.h"

static char memory[4096];

static struct linebuf start(void)
{
    struct linebuf buf;
    linebuf_init(&buf, memory, sizeof memory);
    return buf;
}

static const char *text_of(const struct linebuf *buf)
{
    static char text[sizeof memory + 1];
    memcpy(text, buf->data, buf->used);
    text[buf->used] = '\0';
    return text;
}

TEST(linebuf, writes_numbers)
{
    /* The smallest and largest numbers are written in full. */
    struct linebuf buf = start();
    linebuf_int(&buf, INT64_MIN);
    linebuf_char(&buf, ' ');
    linebuf_int(&buf, 0);
    linebuf_char(&buf, ' ');
    linebuf_unsigned(&buf, UINT64_MAX);
    cr_assert_str_eq(text_of(&buf), "-9223372036854775808 0 18446744073709551615");
}

TEST(linebuf, writes_seconds)
{
    /* Milliseconds are written as seconds without trailing zeros; negative ones as 0. */
    const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0"},       {1, "0.001"},  {50, "0.05"},           {1400, "1.4"},
                 {999, "0.999"}, {60000, "60"}, {86400010, "86400.01"}, {-5, "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct linebuf buf = start();
        linebuf_seconds(&buf, cases[i].ms);
        cr_assert_str_eq(text_of(&buf), cases[i].text);
    }
}

TEST(linebuf, writes_times_as_the_c_library_does)
{
    /* Random instants until 9999 and the edges of years are written as gmtime_r has them.
     */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    for (int i = 0; i < 20000; i++) {
        time_t seconds = (time_t)entropy_dice_below(&dice, UINT64_C(253402300800));
        if (i % 4 == 0) { /* near a new year */
            seconds = (time_t)(i / 4 % 8000) * 31556952 + (time_t)(i % 7) - 3;
            seconds = seconds < 0 ? 0 : seconds;
        }
        struct tm parts;
        cr_assert_not_null(gmtime_r(&seconds, &parts));
        char wanted[64];
        cr_assert_gt(strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S.007Z", &parts),
                     0);
        struct linebuf buf = start();
        linebuf_time(&buf, (int64_t)seconds * 1000 + 7, "Z");
        cr_assert_str_eq(text_of(&buf), wanted, "seed %llu", (unsigned long long)seed);
    }
}

TEST(linebuf, never_writes_past_its_end)
{
    /* What does not fit is left out, everything after it too, and is_full says so. */
    char small[8] = "ABCDEFG";
    struct linebuf buf;
    linebuf_init(&buf, small, 4);
    linebuf_text(&buf, "xyz");
    linebuf_text(&buf, "toolong");
    linebuf_char(&buf, 'q');
    cr_assert(buf.is_full);
    cr_assert_eq(buf.used, 3);
    cr_assert_str_eq(small, "xyzDEFG");
}

TEST(linebuf, escapes_json)
{
    /* Control bytes, quotes, line separators and bytes that are not UTF-8 are harmless;
     * good UTF-8 stays. */
    const struct {
        const char *raw;
        const char *json;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c", "\"a\\\"b\\\\c\""},
        {"\r\n\t\x1b[2J\x7f", "\"\\r\\n\\t\\u001b[2J\\u007f\""},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", /* letters stay */
         "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85", "\"\\u2028\\u2029\\u0085\""},
        {"\xff\xc0\xaf\xe2\x82", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""}, /* past the end */
        {"\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\""},            /* over-long */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct linebuf buf = start();
        linebuf_json(&buf, cases[i].raw, 512);
        cr_assert_str_eq(text_of(&buf), cases[i].json);
    }
    struct linebuf buf = start();
    linebuf_json(&buf, "12345\xc3\xbc", 6);
    cr_assert_str_eq(text_of(&buf), "\"12345\\ufffd\"", "a cut letter is no letter");
}

TEST(linebuf, writes_json_that_a_reader_takes)
{
    /* Any bytes make a string that a strict JSON parser accepts, and that has no line
     * end. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    for (int round = 0; round < 5000; round++) {
        char raw[64] = {0};
        size_t size = entropy_dice_below(&dice, sizeof raw);
        for (size_t i = 0; i < size; i++) {
            raw[i] = (char)entropy_dice_roll(&dice);
        }
        struct linebuf buf = start();
        linebuf_json(&buf, raw, sizeof raw);
        cr_assert_null(memchr(buf.data, '\n', buf.used));
        json_t *value = json_loadb(buf.data, buf.used, JSON_DECODE_ANY, NULL);
        cr_assert(json_is_string(value), "seed %llu: %s", (unsigned long long)seed,
                  text_of(&buf));
        json_decref(value);
    }
}

TEST(linebuf, cleans_lines)
{
    /* In a line the same bytes become '?', and so do those the caller names. */
    struct linebuf buf = start();
    linebuf_line(&buf, "a\nb\x1b\xff<\xc3\xbc>\xe2\x80\xa8", 512, "<>");
    cr_assert_str_eq(text_of(&buf), "a?b???\xc3\xbc??");
}
