#include <stdio.h>
#include <string.h>

#include "relay/addresslist.h"

#include "tests/support/test.h"

/* Mailboxes are read as RFC 5322 writes them. */
TEST(addresslist, first_and_count)
{
    static const struct {
        const char *value;
        const char *address;
        unsigned count;
    } cases[] = {
        {"a@B.Example", "a@B.Example", 1},
        {" a@B.Example ", "a@B.Example", 1},
        {"\"X, Y\" <a@b.c>", "a@b.c", 1},
        {"X (c, d <e@f>) <a@b.c> (g)", "a@b.c", 1},
        {"a@b.c, d@e.f", "a@b.c", 2},
        {"a@b.c,,d@e.f,", "a@b.c", 2},
        {"Group: a@b.c, D <d@e.f>;", "a@b.c", 2},
        {"undisclosed:;", "", 0},
        {"\"a@evil\" <x@y.z>", "x@y.z", 1},
        {"\"q\\\"@evil\"@y.z", "\"q\\\"@evil\"@y.z", 1},
        {"<>", "", 1},
        {"", "", 0},
        {"no address", "no address", 1},
        {"X\r\n\t<a@b.c>", "a@b.c", 1},
        {"(((((", "", 0},
        {"a (\\) b) @c", "a  @c", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        unsigned count =
            addresslist_read(cases[i].value, strlen(cases[i].value), out, sizeof out);
        cr_assert_str_eq(out, cases[i].address, "case %zu", i);
        cr_assert_eq(count, cases[i].count, "case %zu", i);
    }
}

/* An address that does not fit is cut, and the others are still counted. */
TEST(addresslist, cut)
{
    char out[4];
    cr_assert_eq(addresslist_read("abcdefgh@x, b@y", 15, out, sizeof out), 2);
    cr_assert_str_eq(out, "abc");
}

struct places {
    const char *value;
    char told[256];
};

static void on_place(void *owner, const struct addresslist_place *place)
{
    struct places *places = owner;
    size_t length = strlen(places->told);
    (void)snprintf(places->told + length, sizeof places->told - length, "%s=%.*s|",
                   place->address, (int)(place->end - place->start),
                   places->value + place->start);
}

/* Where each address stands: from its first byte to its last, whatever is around it. */
TEST(addresslist, places)
{
    static const struct {
        const char *value;
        const char *told;
    } cases[] = {
        {" root (Cron) , K <k@b.c>", "root=root|k@b.c=k@b.c|"},
        {"g: a, \"x y\"@b;, <>", "a=a|\"x y\"@b=\"x y\"@b|"},
        {"a (c) @b", "a  @b=a (c) @b|"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct places places = {.value = cases[i].value};
        (void)addresslist_places(cases[i].value, strlen(cases[i].value), on_place,
                                 &places);
        cr_assert_str_eq(places.told, cases[i].told, "case %zu: %s", i, places.told);
    }
}
