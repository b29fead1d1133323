#include "relay/reader.h"

#include <assert.h>

#include "queue/list.h"

#include "relay/clerk.h"

static struct clerk *clerk; /* set before threads, cleared after them */

int reader_start(struct errmsg *err)
{
    assert(clerk == NULL);
    return clerk_start(&clerk, &(struct clerk_options){.name = "reader"}, err);
}

static void on_ask(struct letter *letter)
{
    struct reader_ask *ask = LIST_OWNER(letter, struct reader_ask, letter);
    if (ask->is_piece) {
        ask->rc =
            queue_read_piece(ask->pin, ask->message, ask->piece, false, ask->out_piece);
    } else {
        ask->rc = queue_read_message(ask->pin, false, ask->message);
    }
    mailbox_post(ask->home, &ask->letter, ask->done_cb);
}

void reader_fetch(struct reader_ask *ask)
{
    clerk_post(clerk, &ask->letter, on_ask);
}

void reader_stop(void)
{
    clerk_stop(clerk);
    clerk = NULL;
}
