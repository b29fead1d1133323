#include <stdio.h>
#include <string.h>

#include "relay/fingerprint.h"

#include "tests/support/test.h"

static uint64_t kind(const char *subject, const char *type, const char *body)
{
    struct fingerprint print;
    fingerprint_init(&print);
    fingerprint_feed(&print, body, strlen(body));
    return fingerprint_kind(&print, subject, type, strlen(type));
}

TEST(fingerprint, one_template_is_one_kind)
{
    /* Numbers, names of hosts below the domain, case and the order of links differ from
     * mail to mail; the kind does not. */
    uint64_t order = kind("Your order 4711", "Content-Type: text/html; charset=x\r\n",
                          "see https://www.shop.test/a?b=1 and http://img.other.test");
    cr_assert_eq(order, kind("your order A-12", "Content-Type: TEXT/html\r\n",
                             "http://cdn.other.test/x HTTPS://shop.test, again "
                             "https://www.shop.test/"));
    cr_assert_neq(order, kind("Your order 4711", "Content-Type: text/html\r\n",
                              "see https://evil.test/ and http://img.other.test"));
    cr_assert_neq(order, kind("Your invoice 4711", "Content-Type: text/html\r\n",
                              "https://shop.test http://img.other.test"));
    cr_assert_neq(order, kind("Your order 4711", "Content-Type: text/plain\r\n",
                              "https://shop.test http://img.other.test"));
}

TEST(fingerprint, pieces_do_not_matter)
{
    /* Byte for byte, or at once: the same kind, the same body; another body is another.
     */
    static const char body[] = "a https://x.test/?q : / // ://y.test:8080 ://";
    struct fingerprint one;
    struct fingerprint other;
    fingerprint_init(&one);
    fingerprint_init(&other);
    fingerprint_feed(&one, body, sizeof body - 1);
    for (size_t i = 0; i < sizeof body - 1; i++) {
        fingerprint_feed(&other, body + i, 1);
    }
    cr_assert_eq(one.host_count, 2);
    cr_assert_eq(fingerprint_body(&one), fingerprint_body(&other));
    cr_assert_eq(fingerprint_kind(&one, "", "", 0), fingerprint_kind(&other, "", "", 0));
    fingerprint_feed(&other, "x", 1);
    cr_assert_neq(fingerprint_body(&one), fingerprint_body(&other));
    cr_assert_eq(fingerprint_text("A@X.test"), fingerprint_text("a@x.TEST"));
}

TEST(fingerprint, many_and_long_hosts_are_bounded)
{
    /* A thousand links, a host without end: counted up to the cap, nothing breaks. */
    struct fingerprint print;
    char link[32];
    fingerprint_init(&print);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(link, sizeof link, "http://h%d.test ", i);
        fingerprint_feed(&print, link, strlen(link));
    }
    fingerprint_feed(&print, "http://", 7);
    for (int i = 0; i < 1000; i++) {
        fingerprint_feed(&print, "a", 1);
    }
    cr_assert_eq(print.host_count, FINGERPRINT_HOSTS);
    cr_assert_neq(fingerprint_kind(&print, "", "", 0), 0);
}
