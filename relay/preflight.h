/* Is a source fit to be warmed up? Its reverse names, its HELO, SPF and block lists,
 * asked before its first day; until they are as they should be its ramps do not start.
 *
 * A source that has passed, whose ramp had begun before, or that an operator has forced
 * is not asked again until a ramp of it is started again, or its address changes. Core
 * thread. */

#ifndef RELAY_PREFLIGHT_H
#define RELAY_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/net/netaddr.h"
#include "relay/preflight_judge.h"

struct core;
struct source;
struct store_row;

enum preflight_state {
    PREFLIGHT_OFF,     /* nothing is asked of it */
    PREFLIGHT_WAITING, /* on its way, or nobody answers */
    PREFLIGHT_FAILED,
    PREFLIGHT_PASSED,
    PREFLIGHT_FORCED, /* by an operator, whatever was found */
};

#define PREFLIGHT_IP_BYTES 144 /* two of NETADDR_TEXT_BYTES */

/* One source's. Lives as long as core. */
struct preflight {
    struct list_node node;
    struct core *core;
    struct source *source; /* borrowed */
    enum preflight_state state;
    char addresses[PREFLIGHT_IP_BYTES]; /* of which this is said */
    char why[PREFLIGHT_TEXT];           /* what is wrong, or the operator's reason */
    int64_t since_unix_ms;              /* of the state */
    int64_t next_unix_ms;               /* when it is asked again */
    struct preflight_report report;     /* of the last round; empty before */
    struct list lookups;                /* what this round has asked and heard */
    unsigned lookup_count;
    unsigned queries; /* of them without an answer */
};

struct preflights {
    struct list list; /* struct preflight */
};

void preflights_init(struct preflights *preflights);
void preflights_done(struct preflights *preflights);

/* Take back one row of STORE_PREFLIGHT at start. */
void preflights_load(struct core *core, const struct store_row *row);

/* After load and ramps_take, and after a reload. */
void preflights_take(struct core *core);

/* About once a second: ask whom it is time to ask. */
void preflights_tick(struct core *core);

/* A question is out. */
bool preflights_are_asking(const struct core *core);

/* The ramps of the source may not start yet. */
bool preflight_holds(const struct source *source);

/* An operator starts a ramp of the source again: the checks come first, or, forced,
 * never; then why is the reason. */
void preflight_restart(struct core *core, struct source *source, bool force,
                       const char *why);

/* "passed", "failed: its address has no PTR", ...; "" where nothing is asked. */
void preflight_say(const struct source *source, char out[PREFLIGHT_TEXT + 40]);

/* A table of what was found, a line each: "ptr: ok: ..."; returns out. */
char *preflight_list(const struct source *source, char *out, size_t size);

#endif
