#include "policy/finding.h"

#include "tests/support/test.h"

/* Every class and scope has the name that outsiders know, and comes back from it. */
TEST(finding, names_go_both_ways)
{
    for (int i = 0; i < FINDING_CLASSES; i++) {
        enum finding_class back = FINDING_CLASSES;
        cr_assert(finding_class_parse(finding_class_name((enum finding_class)i), &back));
        cr_assert_eq((int)back, i);
    }
    for (int i = 0; i < FINDING_SCOPES; i++) {
        enum finding_scope back = FINDING_SCOPES;
        cr_assert(finding_scope_parse(finding_scope_name((enum finding_scope)i), &back));
        cr_assert_eq((int)back, i);
    }
    enum finding_class class = FINDING_OTHER;
    cr_assert_not(finding_class_parse("blocked", &class));
    cr_assert_eq(class, FINDING_OTHER);
    cr_assert_str_eq(finding_class_name(FINDING_IP_LISTED), "ip-listed");
    cr_assert_str_eq(finding_scope_name(FINDING_SCOPE_SENDER_DOMAIN), "sender-domain");
    cr_assert_str_eq(finding_blocked_name(FINDING_BLOCKED_MAIL_FROM), "mail-from");
    cr_assert_str_eq(finding_behaviour_name(FINDING_BEHAVIOUR_YAHOO_TSS04),
                     "yahoo-tss04");
}
