#include "policy/extract_text.h"
#include "policy/finding.h"

#include "tests/support/test.h"

static const struct {
    const char *text;
    bool is_using;
    const char *name;
} cases[] = {
    {"blocked using Acme Mail Shield; see the page", true, "Acme Mail Shield"},
    {"blocked using Trend Micro RBL+. Please see", true, "Trend Micro RBL+"},
    {"blocked using Customer Block list", true, ""},
    {"blocked using spam pattern", true, ""},
    {"blocked using Acme.example.org", true, ""},
    {"your host is listed by Acme Intelligence", false, "Acme Intelligence"},
    {"your IP is in the Acme Shield black list", false, "Acme Shield"},
    {"your IP is in the Netherlands", false, ""},
    {"it is on our blacklist", false, ""},
    {"listed in A", false, ""},
    {"listed in ", false, ""},
};

/* A list is named by where the name stands in the sentence, not by knowing it. */
TEST(extract_name, by_grammar)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct extract_text low;
        char name[FINDING_LIST_BYTES] = "";
        extract_lower(cases[i].text, &low);
        bool found =
            extract_name(cases[i].text, &low, cases[i].is_using, name, sizeof(name));
        cr_assert_str_eq(name, cases[i].name, "%s: %s", cases[i].text, name);
        cr_assert_eq(found, cases[i].name[0] != '\0');
    }
}
