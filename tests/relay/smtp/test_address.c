#include <string.h>

#include "relay/smtp/address.h"

#include "tests/support/test.h"

#define L64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UE  "\xc3\xbc"

/* Each path and what it must be. */
TEST(address, paths)
{
    static const struct {
        const char *path;
        bool utf8;
        enum address_error error;
        const char *text;
        size_t used;
    } cases[] = {
        {"<>", false, ADDRESS_OK, "", 2},
        {"<a@b.c>", false, ADDRESS_OK, "a@b.c", 7},
        {"<a@b.c> SIZE=1", false, ADDRESS_OK, "a@b.c", 7},
        {"a@b.c", false, ADDRESS_OK, "a@b.c", 5},
        {"a@b.c SIZE=1", false, ADDRESS_OK, "a@b.c", 5},
        {"<@one,@two.x:a@b.c>", false, ADDRESS_OK, "a@b.c", 19},
        {"<\"a b\\\"c\"@B.C>", false, ADDRESS_OK, "\"a b\\\"c\"@B.C", 14},
        {"<\"a@x>\"@b.c>", false, ADDRESS_OK, "\"a@x>\"@b.c", 12},
        {"<postmaster>", false, ADDRESS_OK, "postmaster", 12},
        {"<a@[192.0.2.1]>", false, ADDRESS_OK, "a@[192.0.2.1]", 15},
        {"<a@[IPv6:2001:db8::1]>", false, ADDRESS_OK, "a@[IPv6:2001:db8::1]", 22},
        {"<a..b.@docomo.example>", false, ADDRESS_OK, "a..b.@docomo.example", 22},
        {"<a@_x.example>", false, ADDRESS_OK, "a@_x.example", 14},
        {"<" UE "@b.c>", true, ADDRESS_OK, UE "@b.c", 8},
        {"<a@" UE ".c>", true, ADDRESS_OK, "a@" UE ".c", 8},
        {"<" L64 "@b.c>", false, ADDRESS_OK, L64 "@b.c", 70},
        {"<a@" L63 ".c>", false, ADDRESS_OK, "a@" L63 ".c", 69},
        {"<" L64 "a@b.c>", false, ADDRESS_LOCAL_LONG, "", 0},
        {"<a@" L64 ".c>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@" L63 "." L63 "." L63 "." L63 ".c>", false, ADDRESS_DOMAIN_LONG, "", 0},
        {"<" UE "@b.c>", false, ADDRESS_NEEDS_UTF8, "", 0},
        {"<\xff@b.c>", true, ADDRESS_SYNTAX, "", 0},
        {"<a@\xc3.c>", true, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<\xc2\x85@b.c>", true, ADDRESS_SYNTAX, "", 0},
        {"<\xed\xa0\x80@b.c>", true, ADDRESS_SYNTAX, "", 0},
        {"<\xc0\x80@b.c>", true, ADDRESS_SYNTAX, "", 0},
        {"", false, ADDRESS_SYNTAX, "", 0},
        {"<", false, ADDRESS_SYNTAX, "", 0},
        {"<a@b.c", false, ADDRESS_SYNTAX, "", 0},
        {"<@b.c>", false, ADDRESS_SYNTAX, "", 0},
        {"<a b@c>", false, ADDRESS_SYNTAX, "", 0},
        {"<a;id;@b>", false, ADDRESS_SYNTAX, "", 0},
        {"<a@@b>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@.c>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@b..c>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@b.>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@-b>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@b-.c>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<a@[1.2.3.4>", false, ADDRESS_DOMAIN_SYNTAX, "", 0},
        {"<\"a@b.c>", false, ADDRESS_SYNTAX, "", 0},
        {"<\"a\x01\"@b.c>", false, ADDRESS_SYNTAX, "", 0},
        {"<@one,two:a@b.c>", false, ADDRESS_SYNTAX, "", 0},
        {"<@one a@b.c>", false, ADDRESS_SYNTAX, "", 0},
        {"<;id;@>", false, ADDRESS_SYNTAX, "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct address address = {.length = 777};
        size_t used = 777;
        enum address_error error = address_parse_path(
            cases[i].path, strlen(cases[i].path), cases[i].utf8, &address, &used);
        cr_assert_eq(error, cases[i].error, "%s: %d", cases[i].path, (int)error);
        if (error != ADDRESS_OK) {
            cr_assert_eq(address.length, 777);
            cr_assert_eq(used, 777);
            continue;
        }
        cr_assert_str_eq(address.text, cases[i].text);
        cr_assert_eq(used, cases[i].used);
        cr_assert_eq(address.length, strlen(address.text));
        cr_assert_eq(address_is_null(&address), cases[i].used == 2);
    }
}

/* What is known of an address. */
TEST(address, facts)
{
    struct address address;
    cr_assert_eq(address_parse("\"x\"@[192.0.2.1]", 15, false, &address), ADDRESS_OK);
    cr_assert(address.is_quoted);
    cr_assert(address.is_literal);
    cr_assert_eq(address.local_length, 3);
    cr_assert_str_eq(address_domain(&address), "[192.0.2.1]");
    cr_assert_eq(address_parse("root", 4, false, &address), ADDRESS_OK);
    cr_assert(!address.has_domain);
    cr_assert_str_eq(address_domain(&address), "");
    cr_assert_eq(address_parse("a@b c", 5, false, &address), ADDRESS_DOMAIN_SYNTAX);
    cr_assert_eq(address_parse("a@b>", 4, false, &address), ADDRESS_DOMAIN_SYNTAX);
    cr_assert_eq(address_parse("", 0, false, &address), ADDRESS_SYNTAX);
}

static bool to_ascii(const char *domain, char *out, size_t cap)
{
    if (strcmp(domain, "b" UE "cher.example") != 0 || cap < 23) {
        return false;
    }
    memcpy(out, "xn--bcher-kva.example", 22);
    return true;
}

/* Domains for look-up: lower case, A-labels by the hook, failure without one. */
TEST(address, ascii)
{
    struct address address;
    char out[ADDRESS_BYTES];
    cr_assert_eq(address_parse("A@B.Example", 11, false, &address), ADDRESS_OK);
    cr_assert(address_domain_ascii(&address, NULL, out, sizeof out));
    cr_assert_str_eq(out, "b.example");
    cr_assert(address_to_ascii(&address, NULL, out, sizeof out));
    cr_assert_str_eq(out, "A@B.Example");
    cr_assert(!address_domain_ascii(&address, NULL, out, 5));

    cr_assert_eq(address_parse("a@b" UE "cher.example", 17, true, &address), ADDRESS_OK);
    cr_assert(address.is_utf8_domain);
    cr_assert(!address_domain_ascii(&address, NULL, out, sizeof out));
    cr_assert_str_eq(out, "");
    cr_assert(address_to_ascii(&address, to_ascii, out, sizeof out));
    cr_assert_str_eq(out, "a@xn--bcher-kva.example");
    cr_assert(!address_to_ascii(&address, to_ascii, out, 12));
    cr_assert_str_eq(out, "");

    cr_assert_eq(address_parse(UE "@b", 4, true, &address), ADDRESS_OK);
    cr_assert(!address_to_ascii(&address, to_ascii, out, sizeof out));
}
