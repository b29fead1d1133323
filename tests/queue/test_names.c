#include <stdio.h>

#include "queue/names.h"

#include "tests/support/test.h"

/* The same text is the same name; numbers are found again and used again. */
TEST(names, interns)
{
    struct names names;
    names_init(&names, 1000);
    struct name *a = names_take(&names, "alpha");
    cr_assert_eq(names_take(&names, "alpha"), a);
    cr_assert_str_eq(names_text(&names, a->number), "alpha");
    cr_assert_eq(names_find(&names, "beta"), NULL);
    uint32_t number = a->number;
    names_give(&names, a);
    cr_assert_eq(names_find(&names, "alpha"), a);
    names_give(&names, a);
    cr_assert_eq(names_find(&names, "alpha"), NULL);
    for (int i = 0; i < 500; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "n%d", i);
        struct name *name = names_take(&names, text);
        cr_assert_str_eq(names_text(&names, name->number), text);
    }
    cr_assert_str_eq(names_text(&names, number), "n0");
    cr_assert_str_eq(names_text(&names, 0), "");
    names_done(&names);
}

/* A table without numbers left still interns. */
TEST(names, limit)
{
    struct names names;
    names_init(&names, 1);
    cr_assert_eq(names_take(&names, "a")->number, 1);
    cr_assert_eq(names_take(&names, "b")->number, 0);
    names_done(&names);
}
