/* Core's answers to a user's messages, for the worker rig; and a small thing it has no
 * room for. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core.h"
#include "relay/permit.h"
#include "relay/returns.h"

#include "tests/support/worker_rig.h"

void core_on_permit(struct letter *letter)
{
    struct permit *permit = LIST_OWNER(letter, struct permit, letter);
    worker_rig_open_one->permits++;
    permit->code = worker_rig_open_one->permit_code;
    (void)snprintf(permit->text, sizeof permit->text, "4.7.1 not now");
    mailbox_post(permit->home, &permit->letter, permit->done_cb);
}

void core_on_permit_over(struct letter *letter)
{
    struct permit *permit = LIST_OWNER(letter, struct permit, letter);
    worker_rig_open_one->permits_over++;
    worker_rig_open_one->permits_kept += permit->is_accepted ? 1 : 0;
    free(permit);
}

void worker_rig_say(int fd, const char *text)
{
    worker_rig_write(fd, text, strlen(text));
}

/* Nothing that comes back is a report. */
void core_on_returned(struct letter *letter)
{
    struct returned *returned = LIST_OWNER(letter, struct returned, letter);
    mailbox_post(returned->home, &returned->letter, returned->done_cb);
}
