#include <errno.h>
#include <math.h>
#include <string.h>

#include "relay/config_notes.h"
#include "relay/config_scalar.h"
#include "relay/limits.h"

#include "tests/support/test.h"

TEST(config_scalar, hosts)
{
    /* A host name is labels of letters, digits and hyphens; nothing else goes into HELO.
     */
    static const char *const good[] = {"a",
                                       "mail.example.com",
                                       "xn--bcher-kva.example",
                                       "_dmarc.example.com",
                                       "1.example",
                                       "a-b.c"};
    static const char *const bad[] = {
        "",     ".",    "a.",  ".a",   "a..b",          "-a",
        "a-",   "a-.b", "a b", "a\nb", "b\303\274cher", "a@b",
        "[::1]"};
    char label[66];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(config_scalar_is_host(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(config_scalar_is_host(bad[i]), "%s", bad[i]);
    }
    memset(label, 'x', sizeof label);
    label[63] = '\0';
    cr_assert(config_scalar_is_host(label));
    label[63] = 'x';
    label[64] = '\0';
    cr_assert_not(config_scalar_is_host(label));
}

TEST(config_scalar, hops)
{
    /* A next hop is a name or an address, with or without a port. */
    static const struct {
        const char *text;
        const char *name; /* NULL: refused */
        unsigned port;
    } cases[] = {
        {"relay.example.net", "relay.example.net", 0},
        {"relay.example.net:587", "relay.example.net", 587},
        {"192.0.2.1:2525", "192.0.2.1", 2525},
        {"2001:db8::1", "2001:db8::1", 0},
        {"[2001:db8::1]:25", "2001:db8::1", 25},
        {"[2001:db8::1]", NULL, 0},
        {"relay:", NULL, 0},
        {"relay:0", NULL, 0},
        {"relay:65536", NULL, 0},
        {"relay:25x", NULL, 0},
        {"[::1", NULL, 0},
        {"[]:25", NULL, 0},
        {"", NULL, 0},
        {":25", NULL, 0},
        {"a b", NULL, 0},
    };
    struct config_notes notes;
    struct config_build build;

    config_notes_init(&notes);
    config_build_init(&build, &notes);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config_host hop = {NULL, 0};
        int rc = config_scalar_hop(&build, cases[i].text, &hop, NULL);

        cr_assert_eq(rc, cases[i].name == NULL ? -EINVAL : 0, "%s", cases[i].text);
        if (cases[i].name != NULL) {
            cr_assert_str_eq(hop.name, cases[i].name);
            cr_assert_eq(hop.port, cases[i].port, "%s", cases[i].text);
        }
    }
    config_build_clear(&build);
}

TEST(config_scalar, bounds)
{
    /* A number is within its bounds or refused, with the bounds in its own unit. */
    static const struct config_key key = {
        .name = "pause", .kind = CONFIG_KIND_DURATION, .low = 1e9, .high = 3600e9};
    static const struct config_key count = {.name = "n", .kind = CONFIG_KIND_COUNT};
    static const struct config_key factor = {
        .name = "f", .kind = CONFIG_KIND_FACTOR, .low = 1, .high = 10};
    struct errmsg err = {""};
    int64_t ns = 5;
    uint32_t n = 5;
    double f = 5;

    cr_assert_eq(config_scalar_text(NULL, &key, "2h", &ns, &err), -EINVAL);
    cr_assert_str_eq(err.text, "out of bounds; from 1s to 1h");
    cr_assert_eq(config_scalar_text(NULL, &key, "10ms", &ns, &err), -EINVAL);
    cr_assert_eq(ns, 5);
    cr_assert_eq(config_scalar_text(NULL, &key, "1h", &ns, &err), 0);
    cr_assert_eq(config_scalar_number(&count, -1, &n, &err), -EINVAL);
    cr_assert_eq(config_scalar_number(&count, UINT32_MAX, &n, &err), -EINVAL,
                 "UINT32_MAX is CONFIG_NONE");
    cr_assert_eq(n, 5);
    cr_assert_eq(config_scalar_real(&factor, (double)NAN, &f, &err), -EINVAL);
    cr_assert_eq(config_scalar_real(&factor, (double)INFINITY, &f, &err), -EINVAL);
    cr_assert_eq(config_scalar_real(&factor, 0.5, &f, &err), -EINVAL);
    cr_assert_eq(config_scalar_number(&factor, 2, &f, &err), 0);
    cr_assert_float_eq(f, 2.0, 1e-9);
}

TEST(config_scalar, choices)
{
    /* Of a word that is none of the choices, all of them are told, and the nearest. */
    static const struct config_choice choices[] = {{"hold", 3}, {"bounce", 4}, {NULL, 0}};
    struct errmsg err = {""};
    unsigned value = 9;

    cr_assert_eq(config_scalar_choice(choices, "bounce", &value, &err), 0);
    cr_assert_eq(value, 4);
    cr_assert_eq(config_scalar_choice(choices, "bunce", &value, &err), -EINVAL);
    cr_assert_eq(value, 4);
    cr_assert_str_eq(err.text, "\"bunce\" is not possible; write one of \"hold\", "
                               "\"bounce\"; did you mean \"bounce\"?");
}

TEST(config_scalar, clean)
{
    /* A text that goes into logs and onto the wire holds no control bytes and has an end.
     */
    char large[LIMIT_CONFIG_STRING + 2];

    memset(large, 'x', sizeof large);
    large[LIMIT_CONFIG_STRING + 1] = '\0';
    cr_assert_eq(config_scalar_clean("b\303\274cher", NULL), 0);
    cr_assert_eq(config_scalar_clean("a\tb", NULL), -EINVAL);
    cr_assert_eq(config_scalar_clean("a\x7f", NULL), -EINVAL);
    cr_assert_eq(config_scalar_clean(large, NULL), -EINVAL);
    large[LIMIT_CONFIG_STRING] = '\0';
    cr_assert_eq(config_scalar_clean(large, NULL), 0);
}
