/* What an operator has frozen: streams, sites, sources, users. Durable before the command
 * is answered. Core thread. */

#ifndef RELAY_FREEZES_H
#define RELAY_FREEZES_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"
#include "queue/list.h"

struct core;
struct store;
struct store_row;
struct store_ticket;

enum freeze_kind {
    FREEZE_STREAM,
    FREEZE_SITE,
    FREEZE_SOURCE,
    FREEZE_USER,
    FREEZE_KINDS,
};

struct freeze {
    struct list_node node;
    enum freeze_kind kind;
    char name[256];
    char why[256];
    char by[128];
    int64_t since_unix_ms;
    int64_t until_unix_ms; /* 0: until thawed */
};

struct freezes {
    struct list list;
    struct store *store; /* borrowed; NULL in tests */
};

void freezes_init(struct freezes *freezes, struct store *store);
void freezes_done(struct freezes *freezes);

/* Take back one row of STORE_FREEZE at start. */
void freezes_load(struct freezes *freezes, const struct store_row *row);

const struct freeze *freezes_find(struct freezes *freezes, enum freeze_kind kind,
                                  const char *name);

/* Freeze (again: the new terms hold). Acts at once; ticket tells when it is durable, and
 * may be NULL. -EINVAL when a text is too long. */
int freezes_set(struct freezes *freezes, const struct freeze *freeze,
                struct store_ticket *ticket) ATTR_MUST_CHECK;

/* Thaw. False when nothing of that name is frozen: ticket is then not answered. */
bool freezes_clear(struct freezes *freezes, enum freeze_kind kind, const char *name,
                   struct store_ticket *ticket);

/* Thaw what is over at now. Returns how many. */
unsigned freezes_expire(struct freezes *freezes, int64_t now_unix_ms);

const char *freeze_kind_name(enum freeze_kind kind);
bool freeze_kind_parse(const char *name, enum freeze_kind *out);

#endif
