#include "policy/extract.h"
#include "policy/finding.h"

#include "tests/support/test.h"

static const struct {
    const char *text;
    const char *list;
} cases[] = {
    {"Client host [198.51.100.9] blocked using bl.spamcop.net; see the page",
     "bl.spamcop.net"},
    {"198.51.100.9 is listed at \"zen.spamhaus.org\".", "zen.spamhaus.org"},
    {"Your address is on the Spamhaus XBL", "Spamhaus XBL"},
    {"see https://www.spamhaus.org/query/ip/198.51.100.9", "Spamhaus"},
    {"refused: SORBS says so", "SORBS"},
    {"Rejected (dnsbl.example.net - 198.51.100.9)", "dnsbl.example.net"},
    {"blocked using Spamhaus. Ask them", "Spamhaus"},
    {"listed in the Exploits Block List", "Spamhaus XBL"},
    {"blocked by mail.example.org for other reasons", ""},
    {"listed in version 2.0", ""},
    {"No such user", ""},
    {"http://www.example.org/blocked", ""},
    {"", ""},
};

/* The zone where one is given, else the name of the list, else nothing. */
TEST(extract, lists)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char list[FINDING_LIST_BYTES];
        bool found = extract_list(cases[i].text, list, sizeof(list));
        cr_assert_str_eq(list, cases[i].list, "%s: %s", cases[i].text, list);
        cr_assert_eq(found, cases[i].list[0] != '\0');
    }
}

/* A name that does not fit is cut, not overrun. */
TEST(extract, bounded)
{
    char list[8];

    cr_assert(
        extract_list("blocked using a.very.long.zone.example.org", list, sizeof(list)));
    cr_assert_str_eq(list, "a.very.");
    cr_assert(extract_list("blocked using x.example", list, 1));
    cr_assert_str_eq(list, "");
}
