/* The drop directory: what `mesura sendmail` kept while no daemon answered is taken into
 * the queue at start, and looked for now and then.
 *
 * Local users write there (mode 3733, the daemon owns it): names are not trusted, links
 * are not followed. A file goes when its message is durable; one that is refused for good
 * is set aside with the suffix .refused, and somebody is told. Core thread. */

#ifndef RELAY_DROPBOX_H
#define RELAY_DROPBOX_H

#include <stdint.h>

#include "queue/list.h"

struct core;

struct dropbox {
    struct list flying; /* at workers */
    unsigned count;     /* of them */
    unsigned turn;      /* which worker is next */
    int64_t next_ns;    /* when to look again */
    uint64_t taken;     /* messages, since start */
};

void dropbox_init(struct dropbox *dropbox);

/* Look when it is time. About once a second, and at start. */
void dropbox_tick(struct core *core);

#endif
