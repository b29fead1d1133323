#include <string.h>

#include "relay/idn.h"

#include "tests/support/test.h"

TEST(idn, makes_lower_case_a_labels)
{
    /* Non-transitional (the sharp s stays itself), upper case in either script goes down,
     * plain names stay as they are. */
    static const struct {
        const char *from;
        const char *to;
    } cases[] = {{"b\xc3\xbc"
                  "cher.example",
                  "xn--bcher-kva.example"},
                 {"B\xc3\x9c"
                  "CHER.Example",
                  "xn--bcher-kva.example"},
                 {"stra\xc3\x9f"
                  "e.example",
                  "xn--strae-oqa.example"},
                 {"EXAMPLE.com", "example.com"},
                 {"xn--bcher-kva.example", "xn--bcher-kva.example"}};
    char out[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert(idn_to_ascii(cases[i].from, out, sizeof out), "%s", cases[i].from);
        cr_assert_str_eq(out, cases[i].to);
    }
}

TEST(idn, refuses_what_is_no_domain_or_does_not_fit)
{
    /* Broken UTF-8, labels above 63 bytes, and a result above the room there is; out is
     * left alone. */
    char out[16] = "before";
    char label[80];
    memset(label, 'a', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    cr_assert_not(idn_to_ascii("\xff\xfe.example", out, sizeof out));
    cr_assert_not(idn_to_ascii(label, out, sizeof out));
    cr_assert_not(idn_to_ascii("b\xc3\xbc"
                               "cher.example",
                               out, sizeof out));
    cr_assert_not(idn_to_ascii("exactly16.longer", out, sizeof out));
    cr_assert_str_eq(out, "before");
    cr_assert(idn_to_ascii("fits15.longerxx", out, sizeof out));
}
