#include <string.h>

#include "policy/match.h"

#include "tests/support/test.h"

static bool has(const char *pattern, const char *raw)
{
    struct match_text text;
    match_prepare(&text, raw);
    return match_phrase(pattern, &text);
}

/* A glob matches whole names, whatever their case, with or without the last dot. */
TEST(match, globs)
{
    cr_assert(match_glob("*.google.com", "ALT1.aspmx.l.GOOGLE.com."));
    cr_assert(match_glob("gmail.com", "Gmail.Com"));
    cr_assert(match_glob("mx?.example.org", "mx1.example.org"));
    cr_assert(match_glob("*", ""));
    cr_assert_not(match_glob("*.google.com", "google.com"));
    cr_assert_not(match_glob("*.google.com", "google.com.example.org"));
    cr_assert_not(match_glob("gmail.com", "xgmail.com"));
    cr_assert(match_glob("*a*b*", "xxaxxbxx"));
    cr_assert_not(match_glob("a*b", "acbd"));
}

/* Phrases: alternatives, gaps, edges, digits. */
TEST(match, phrases)
{
    cr_assert(has("too many*connection", "421 Too MANY open Connections"));
    cr_assert(has("abc|blocked using", "x BLOCKED  using y"));
    cr_assert(has("<spf>", "SPF: fail"));
    cr_assert_not(has("<spf>", "xspf failed"));
    cr_assert_not(has("<spf>", "spfx failed"));
    cr_assert(has("rl#", "see RL000012"));
    cr_assert_not(has("rl#x", "rl12y"));
    cr_assert(has("^[s#] blocked$", "[S10] Blocked"));
    cr_assert_not(has("^blocked", "was blocked"));
    cr_assert(has("a*b", "a a a b"));
    cr_assert_not(has("b*a", "a a b"));
}

/* Two words of a phrase belong together: a sentence apart they are two matters, and an
 * early first word does not hide a later one that is near. */
TEST(match, words_apart_are_two_matters)
{
    char far_apart[400];

    memset(far_apart, 'x', sizeof(far_apart) - 1);
    memcpy(far_apart, "first ", 6);
    memcpy(far_apart + 390, " second", 8);
    far_apart[397] = '\0';
    cr_assert_not(has("first*second", far_apart));
    memcpy(far_apart + 300, " first ", 7);
    cr_assert(has("first*second", far_apart));
}

/* Accents, scripts and broken bytes are folded, never refused. */
TEST(match, folding)
{
    char out[64];

    match_fold("Bo\xC3\xAEte  PLEINE\t!", out, sizeof(out));
    cr_assert_str_eq(out, "boite pleine !");
    match_fold("\xD0\x9F\xD0\x9E\xD0\xA7\xD0\xA2\xD0\x90", out, sizeof(out));
    cr_assert_str_eq(out, "\xD0\xBF\xD0\xBE\xD1\x87\xD1\x82\xD0\xB0");
    match_fold("gro\xC3\x9F zbyt du\xC5\xBC"
               "a",
               out, sizeof(out));
    cr_assert_str_eq(out, "gross zbyt duza");
    match_fold("Bo\xEEte", out, sizeof(out));
    cr_assert_str_eq(out, "boite", "Latin-1 as well");
    cr_assert_eq(match_fold("abcdefgh", out, 5), 1, "room is kept for a whole character");
    cr_assert_eq(match_fold("x", out, 1), 0);
    cr_assert_str_eq(out, "");
}
