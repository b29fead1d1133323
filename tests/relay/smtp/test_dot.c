#include <stdlib.h>
#include <string.h>

#include "relay/smtp/dot.h"

#include "tests/support/test.h"

static char content[8192];
static size_t content_length;
static struct dot_decoder decoder;

static void collect(void *owner, const char *bytes, size_t length)
{
    (void)owner;
    cr_assert_lt(length, sizeof content - content_length);
    memcpy(content + content_length, bytes, length);
    content_length += length;
    content[content_length] = '\0';
}

/* Decode in reads of step bytes; returns how many bytes were taken. */
static size_t decode(const char *bytes, size_t length, size_t step, bool normalise,
                     bool plain)
{
    size_t at = 0;
    content_length = 0;
    content[0] = '\0';
    dot_decode_init(&decoder, normalise, plain, collect, NULL);
    while (at < length && decoder.place != DOT_ENDED) {
        size_t part = step == 0 || step > length - at ? length - at : step;
        size_t used = dot_decode(&decoder, bytes + at, part);
        cr_assert(used == part || decoder.place == DOT_ENDED);
        at += used;
    }
    return at;
}

/* Un-stuffing in any cut, with what is noted on the way. */
TEST(dot, decode)
{
    static const struct {
        const char *in;
        const char *out;
        bool dot_line;
    } cases[] = {{".\r\nNEXT", "", false},
                 {"a\r\n.\r\nNEXT", "a\r\n", false},
                 {"..\r\n.\r\nNEXT", ".\r\n", true},
                 {"...a\r\n.\r\nNEXT", "..a\r\n", true},
                 {".a\r\n.\r\nNEXT", "a\r\n", false},
                 {"\r\n\r\n.\r\nNEXT", "\r\n\r\n", false},
                 {"a.b\r\n..\r\n..c\r\n.\r\nNEXT", "a.b\r\n.\r\n.c\r\n", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].in);
        for (size_t step = 0; step <= length; step++) {
            cr_assert_eq(decode(cases[i].in, length, step, false, false), length - 4,
                         "case %zu", i);
            cr_assert_str_eq(content, cases[i].out);
            cr_assert_eq(decoder.facts.has_dot_line, cases[i].dot_line);
            cr_assert_eq(decoder.facts.size_bytes, content_length);
            cr_assert(decoder.facts.ends_in_crlf);
            cr_assert(!decoder.facts.has_bare_cr);
            cr_assert(!decoder.facts.has_bare_lf);
        }
    }
}

/* Bare CR and LF: passed on and noted, or turned into CRLF; never an end. */
TEST(dot, bare)
{
    static const struct {
        const char *in;
        const char *kept;
        const char *repaired;
        bool cr;
        bool lf;
    } cases[] = {{"a\nb", "a\nb", "a\r\nb", false, true},
                 {"a\rb", "a\rb", "a\r\nb", true, false},
                 {"a\r\r\nb", "a\r\r\nb", "a\r\n\r\nb", true, false},
                 {"a\n\r\nb", "a\n\r\nb", "a\r\n\r\nb", false, true},
                 {".\rb", "\rb", "\r\nb", true, false},
                 {".\nb", "\nb", "\r\nb", false, true},
                 {"\n.\n.b", "\n.\n.b", "\r\n.\r\n.b", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char in[64];
        size_t length = strlen(cases[i].in);
        memcpy(in, cases[i].in, length);
        memcpy(in + length, "\r\n.\r\n", 6);
        length += 5;
        for (size_t step = 0; step <= length; step++) {
            for (int normalise = 0; normalise < 2; normalise++) {
                cr_assert_eq(decode(in, length, step, normalise == 1, false), length);
                const char *want = normalise == 1 ? cases[i].repaired : cases[i].kept;
                cr_assert_eq(strncmp(content, want, strlen(want)), 0, "case %zu", i);
                cr_assert_eq(content_length, strlen(want) + 2);
                cr_assert_eq(decoder.facts.has_bare_cr, cases[i].cr, "case %zu", i);
                cr_assert_eq(decoder.facts.has_bare_lf, cases[i].lf, "case %zu", i);
            }
        }
    }
}

/* Facts: 8-bit, NUL, the longest line, in the middle of long runs too. */
TEST(dot, facts)
{
    char in[300];
    memset(in, 'x', sizeof in);
    memcpy(in + 250, "\r\n.\r\n", 5);
    (void)decode(in, 255, 0, false, false);
    cr_assert(!decoder.facts.has_8bit);
    cr_assert_eq(decoder.facts.longest_line, 250);
    for (size_t at = 0; at < 250; at += 13) {
        char byte = in[at];
        in[at] = (char)0x80;
        (void)decode(in, 255, 0, false, false);
        cr_assert(decoder.facts.has_8bit);
        in[at] = '\0';
        (void)decode(in, 255, 3, false, false);
        cr_assert(decoder.facts.has_nul);
        in[at] = byte;
    }
}

/* Chunked content has no transparency and no end of its own. */
TEST(dot, plain)
{
    static const char in[] = ".a\r\n.\r\nb\r";
    for (size_t step = 0; step < sizeof in; step++) {
        cr_assert_eq(decode(in, sizeof in - 1, step, false, true), sizeof in - 1);
        cr_assert_neq(decoder.place, DOT_ENDED);
        dot_decode_end(&decoder);
        cr_assert_str_eq(content, in);
        cr_assert(decoder.facts.has_dot_line);
        cr_assert(decoder.facts.has_bare_cr);
        cr_assert(!decoder.facts.ends_in_crlf);
    }
}

/* Random content, seed 7: what is encoded and decoded again is the same; on the wire
 * there is no bare CR or LF and exactly one CRLF.CRLF, at the end. Damaged content is
 * repaired so. */
TEST(dot, round_trip)
{
    static const char alphabet[] = "..\r\n\r\nab";
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        char in[40];
        char wire[256];
        size_t length = (size_t)rand_r(&seed) % sizeof in;
        size_t written = 0;
        size_t at = 0;
        struct dot_encoder encoder;
        struct dot_encoder checker;
        for (size_t i = 0; i < length; i++) {
            in[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        }
        dot_encode_init(&encoder);
        dot_encode_init(&checker);
        while (at < length) {
            size_t used = 0;
            size_t cap = 4 + (size_t)rand_r(&seed) % 9;
            size_t part = 1 + (size_t)rand_r(&seed) % (length - at);
            size_t got = dot_encode(&encoder, in + at, part, &used, wire + written, cap);
            cr_assert_leq(got, cap);
            written += got;
            at += used;
        }
        bool is_clean = dot_is_clean(&checker, in, length) && !checker.cr_pending;
        if (is_clean) {
            cr_assert_eq(written, length, "round %d", round);
            cr_assert_eq(memcmp(wire, in, length), 0);
            cr_assert_eq(checker.at_line_start, encoder.at_line_start);
        }
        const char *end = dot_encode_end(&encoder);
        memcpy(wire + written, end, strlen(end) + 1);
        written += strlen(end);
        cr_assert_eq(decode(wire, written, 0, false, false), written, "round %d", round);
        cr_assert_eq(decoder.place, DOT_ENDED);
        cr_assert(!decoder.facts.has_bare_cr);
        cr_assert(!decoder.facts.has_bare_lf);
        if (!encoder.repaired) {
            cr_assert_geq(content_length, length);
            cr_assert_eq(memcmp(content, in, length), 0, "round %d", round);
        }
    }
}

/* dot_is_clean agrees with the encoder across calls, and changes nothing when it says no.
 */
TEST(dot, clean)
{
    struct dot_encoder encoder;
    dot_encode_init(&encoder);
    cr_assert(dot_is_clean(&encoder, "abc\r", 4));
    cr_assert(dot_is_clean(&encoder, "\na.b\r\n", 6));
    cr_assert(!dot_is_clean(&encoder, ".x", 2));
    cr_assert(encoder.at_line_start);
    cr_assert(!dot_is_clean(&encoder, "a\n", 2));
    cr_assert(!dot_is_clean(&encoder, "a\rb", 3));
    cr_assert(!dot_is_clean(&encoder, "\n", 1));
    cr_assert(dot_is_clean(&encoder, "", 0));
    cr_assert(dot_is_clean(&encoder, "a", 1));
    cr_assert(dot_is_clean(&encoder, ".", 1));
    cr_assert_str_eq(dot_encode_end(&encoder), "\r\n.\r\n");
    cr_assert_str_eq(dot_encode_end(&encoder), ".\r\n");
}
