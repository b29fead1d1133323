/* An export, move or purge under way, and what is said of it in the end. For view_pack*.c
 * alone. */

#ifndef RELAY_VIEW_PACKING_H
#define RELAY_VIEW_PACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/packer.h"
#include "relay/view_parts.h"

/* Messages packed with one sync; one more may be open, for its next recipient. */
#define PACK_AT_ONCE 64

/* And recipients that are settled in one turn; a single message may have more. */
#define PACK_RECIPIENTS 2000

struct packing {
    struct view_walk walk; /* first */
    struct core *core;
    enum api_pack how;
    struct packer_ask ask;
    struct packer_item items[PACK_AT_ONCE + 1];
    unsigned recipients; /* in items */
    unsigned count;      /* items with something in them */
    char dir[LIMIT_CONFIG_STRING + 64];
    char hostname[LIMIT_DOMAIN + 1];
    char by[CHANGE_ACTOR + 1];
    char why[CHANGE_REASON + 1];
    uint64_t refused_id; /* a message that cannot be pinned */
    uint64_t gone;       /* recipients that have left the queue */
    uint64_t skipped;    /* in a conversation */
    uint64_t failed;     /* cannot be packed: they stay */
    uint64_t changed;    /* by somebody else, while they were packed */
    bool is_walked;
    bool is_walking; /* the walk was begun and not yet done */
    bool is_packing; /* the porter has the items */
    bool is_writing; /* a record is on its way */
    int rc;
    struct errmsg err;
};

/* Do the messages leave the queue? */
bool view_packing_takes_out(const struct packing *packing);

const char *view_packing_word(enum api_pack how);

/* The journal, the answer, and the end of packing. */
void view_packing_answer(struct packing *packing);

#endif
