#include "relay/permit.h"

#include <stdio.h>
#include <stdlib.h>

#include "relay/allowance.h"
#include "relay/core.h"
#include "relay/users.h"

static void answer(struct permit *permit, unsigned code, const char *text)
{
    permit->code = code;
    (void)snprintf(permit->text, sizeof permit->text, "%s", text);
    mailbox_post(permit->home, &permit->letter, permit->done_cb);
}

void core_on_permit(struct letter *letter)
{
    struct permit *permit = LIST_OWNER(letter, struct permit, letter);
    struct core *core = permit->core;
    const struct users_user *user = users_find(core->users, permit->user);
    if (user == NULL || user->is_disabled) {
        answer(permit, 550, "5.7.1 this user may not send any more");
        return;
    }
    allowances_ask(core, user, permit);
}

void core_on_permit_over(struct letter *letter)
{
    struct permit *permit = LIST_OWNER(letter, struct permit, letter);
    if (permit->is_counted) {
        allowances_settle(permit->core, permit);
    }
    free(permit);
}
