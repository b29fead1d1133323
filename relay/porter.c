#include "relay/porter.h"

#include <assert.h>
#include <stddef.h>

#include "relay/clerk.h"

static struct clerk *clerk; /* set before threads, cleared after them */

int porter_start(struct errmsg *err)
{
    assert(clerk == NULL);
    return clerk_start(&clerk, &(struct clerk_options){.name = "porter"}, err);
}

void porter_post(struct letter *letter, letter_cb run_cb)
{
    clerk_post(clerk, letter, run_cb);
}

void porter_stop(void)
{
    clerk_stop(clerk);
    clerk = NULL;
}
