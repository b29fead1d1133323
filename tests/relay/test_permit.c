#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/allowance.h"
#include "relay/permit.h"
#include "relay/users.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static unsigned answered;

static void on_answer(struct letter *letter)
{
    (void)letter;
    answered++;
}

static struct permit *ask(struct core_rig *rig, const char *user)
{
    struct permit *permit = calloc(1, sizeof *permit);
    cr_assert_not_null(permit);
    permit->core = rig->core;
    permit->home = &rig->core->mailbox;
    permit->done_cb = on_answer;
    permit->recipients = 2;
    (void)snprintf(permit->user, sizeof permit->user, "%s", user);
    unsigned before = answered;
    core_on_permit(&permit->letter);
    for (unsigned i = 0; i < 10 && answered == before; i++) {
        core_rig_run(rig); /* until the store has written */
    }
    cr_assert_eq(answered, before + 1);
    return permit;
}

/* Who is not in the table any more, or disabled, is refused for good; others are counted,
 * and what was not accepted is given back when the permit comes home. */
TEST(permit, asks_the_table_and_the_allowance)
{
    struct core_rig rig;
    struct errmsg err;
    core_rig_open(&rig, "");
    struct users_user user = {.name = "erp", .priority_high = 9, .per_day = 10};
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    struct permit *permit = ask(&rig, "erp");
    cr_assert_eq(permit->code, 0);
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_DAY), 2);
    core_on_permit_over(&permit->letter);
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_DAY), 0);
    permit = ask(&rig, "erp");
    permit->is_accepted = true;
    core_on_permit_over(&permit->letter);
    cr_assert_eq(allowances_used(rig.core, "erp", ALLOWANCE_DAY), 2);
    permit = ask(&rig, "eve");
    cr_assert_eq(permit->code, 550);
    core_on_permit_over(&permit->letter);
    user.is_disabled = true;
    cr_assert_eq(users_put(rig.core->users, &user, &err), 0);
    permit = ask(&rig, "erp");
    cr_assert_eq(permit->code, 550);
    cr_assert_eq(strncmp(permit->text, "5.7.1 ", 6), 0);
    core_on_permit_over(&permit->letter);
    core_rig_close(&rig);
}
