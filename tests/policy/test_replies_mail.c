#include <string.h>

#include "policy/match.h"
#include "policy/replies_tables.h"

#include "tests/support/test.h"

/* Every rule can be reached and means something: a name of its own, patterns in the
 * folded form in which texts are searched, a real class, ranges the right way round. */
TEST(replies_mail, rules_are_well_formed)
{
    size_t count = 0;
    const struct replies_rule *rules = replies_mail_table(&count);

    cr_assert_gt(count, 7);
    for (size_t i = 0; i < count; i++) {
        const char *patterns[] = {rules[i].match, rules[i].unless};
        for (int k = 0; k < 2; k++) {
            char folded[8192];
            if (patterns[k] != NULL) {
                match_fold(patterns[k], folded, sizeof(folded));
                cr_assert_str_eq(folded, patterns[k], "%s is not folded", rules[i].name);
                cr_assert_null(strstr(patterns[k], "||"), "%s: an empty alternative",
                               rules[i].name);
                cr_assert_neq(patterns[k][strlen(patterns[k]) - 1], '|', "%s",
                              rules[i].name);
            }
        }
        cr_assert_neq(rules[i].class, FINDING_NONE, "%s", rules[i].name);
        cr_assert_leq(rules[i].code_low, rules[i].code_high);
        cr_assert_neq(rules[i].flags & (FINDING_PERMANENT | FINDING_TEMPORARY),
                      FINDING_PERMANENT | FINDING_TEMPORARY, "%s", rules[i].name);
        for (size_t k = 0; k < i; k++) {
            cr_assert_str_neq(rules[i].name, rules[k].name);
        }
    }
}
