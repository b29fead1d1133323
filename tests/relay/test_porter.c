#include <sched.h>
#include <stdatomic.h>

#include "relay/porter.h"

#include "tests/support/test.h"

static atomic_uint done;

static void on_letter(struct letter *letter)
{
    (void)letter;
    (void)atomic_fetch_add(&done, 1);
}

/* What was posted is done before the stop returns; it may be started again. */
TEST(porter, does_what_was_posted)
{
    struct letter letters[100];
    struct errmsg err = {""};
    for (int round = 0; round < 2; round++) {
        atomic_store(&done, 0);
        cr_assert_eq(porter_start(&err), 0);
        for (unsigned i = 0; i < 100; i++) {
            porter_post(&letters[i], on_letter);
        }
        porter_stop();
        cr_assert_eq(atomic_load(&done), 100);
    }
    porter_stop();
}
