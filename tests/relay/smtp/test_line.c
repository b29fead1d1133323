#include <string.h>

#include "relay/smtp/line.h"

#include "tests/support/test.h"

/* Lines are the same however the bytes are cut. */
TEST(line, any_cut)
{
    static const char bytes[] = "one\r\n\r\nthree\rx\r\nfour\0z\r\n";
    for (size_t step = 1; step < sizeof bytes; step++) {
        char buffer[16];
        struct line line;
        unsigned count = 0;
        line_init(&line, buffer, sizeof buffer);
        for (size_t at = 0; at < sizeof bytes - 1;) {
            size_t part = step < sizeof bytes - 1 - at ? step : sizeof bytes - 1 - at;
            at += line_feed(&line, bytes + at, part);
            if (!line.complete) {
                continue;
            }
            cr_assert_eq(line_feed(&line, "x", 1), 0, "a complete line takes nothing");
            cr_assert_eq(line.has_bare_cr, count == 2);
            cr_assert_eq(line.has_nul, count == 3);
            cr_assert(!line.has_bare_lf);
            if (count == 0) {
                cr_assert_str_eq(line.bytes, "one");
            }
            cr_assert_eq(line.length, count == 0   ? 3
                                      : count == 1 ? 0
                                      : count == 2 ? 7
                                                   : 6);
            count++;
            line_reset(&line);
        }
        cr_assert_eq(count, 4);
    }
}

/* A line of exactly the buffer fits; one more byte is dropped and told; the next is
 * clean. */
TEST(line, cap)
{
    char buffer[5];
    struct line line;
    line_init(&line, buffer, sizeof buffer);
    cr_assert_eq(line_feed(&line, "abcd\r\n", 6), 6);
    cr_assert(line.complete);
    cr_assert(!line.is_overlong);
    cr_assert_str_eq(line.bytes, "abcd");
    line_reset(&line);
    cr_assert_eq(line_feed(&line, "abcdefghij\r\nk", 13), 12);
    cr_assert(line.is_overlong);
    cr_assert_str_eq(line.bytes, "abcd");
    line_reset(&line);
    cr_assert_eq(line_feed(&line, "k\r\n", 3), 3);
    cr_assert(!line.is_overlong);
    cr_assert_str_eq(line.bytes, "k");
}

/* LF alone is told at once, so that it can be refused. */
TEST(line, bare_lf)
{
    char buffer[16];
    struct line line;
    line_init(&line, buffer, sizeof buffer);
    cr_assert_eq(line_feed(&line, "ab\ncd\r\n", 7), 3);
    cr_assert(line.complete);
    cr_assert(line.has_bare_lf);
}
