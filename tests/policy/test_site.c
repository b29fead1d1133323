#include "policy/site.h"

#include "tests/support/test.h"

static const char *const google[] = {"gmail.com", "mx:*.google.com",
                                     "mx:*.googlemail.com"};
static const char *const example[] = {"*.example.org"};
static const struct site_rule rules[] = {
    {"google", google, 3},
    {"example", example, 1},
};

static struct site_answer ask(const char *domain, const char *const *mx, uint32_t count,
                              const char *organisational)
{
    struct site_ask question = {domain, mx, count, organisational};
    return site_of(rules, 2, &question);
}

/* By domain before any lookup, by MX names after it, else the organisational domain. */
TEST(site, by_domain_by_mx_or_by_organisation)
{
    const char *const mx[] = {"ALT1.ASPMX.L.GOOGLE.COM.", "aspmx2.googlemail.com"};
    const char *const own[] = {"mx1.provider.example"};

    cr_assert_str_eq(ask("GMAIL.com", NULL, 0, "").name, "google");
    cr_assert_str_eq(ask("shop.test", mx, 2, "google.com").name, "google");
    cr_assert_eq(ask("mail.example.org", own, 1, "provider.example").rule, 1);
    cr_assert_str_eq(ask("shop.test", own, 1, "provider.example").name,
                     "provider.example");
    cr_assert_eq(ask("shop.test", own, 1, "provider.example").rule, -1);
    cr_assert_str_eq(ask("shop.test", NULL, 0, "").name, "shop.test");
}

/* One foot at a provider is not the provider: all names of the best preference must be.
 */
TEST(site, a_mixed_set_is_no_group)
{
    const char *const mixed[] = {"aspmx.l.google.com", "mx.shop.test"};

    cr_assert_eq(ask("shop.test", mixed, 2, "shop.test").rule, -1);
}
