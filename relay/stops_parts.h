/* Shared by the stops*.c files alone. */

#ifndef RELAY_STOPS_PARTS_H
#define RELAY_STOPS_PARTS_H

#include "relay/log.h"
#include "relay/stops.h"

/* The stop has changed: raise or lower the workers' flags, write it down. */
void stops_changed(struct core *core, struct source *source, struct lane *lane,
                   struct store_ticket *ticket);

/* The same for a source that has become free: its lanes' flags too, sites are kicked. */
void stops_kick(struct core *core, const struct source *source, const struct lane *lane);

/* stops_book.c */
void stops_book_stop(struct core *core, const struct source *source,
                     const struct lane *lane, struct store_ticket *ticket);

/* Return when what the book was told is on the disk. Core's thread stands still for one
 * commit: only where a source is stopped, which is told to people the moment after, and
 * what they are told must hold whatever happens then. */
void stops_book_wait(struct core *core);
void stops_book_witnesses(struct core *core, const struct source *source);
void stops_book_volume(struct core *core, const struct source *source);

/* stops_whose.c */
enum stops_whose {
    STOPS_OURS,
    STOPS_UNKNOWN, /* we do not know our own public address */
    STOPS_NOT_OURS,
};

/* Whose address is meant, and which one is to be asked about. */
enum stops_whose stops_whose(const struct core *core, const struct source *source,
                             const struct netaddr *remote, const struct finding *finding,
                             struct netaddr *out_ask);
/* May receivers see this address, or is there a NAT of which we know nothing? */
bool stops_is_seen(const struct netaddr *address);
/* The lane's receiver speaks against its source. */
void stops_add_witness(struct core *core, struct lane *lane, const struct netaddr *remote,
                       struct stop_witnesses *witnesses);
/* Sites that were sent to within a day. */
uint32_t stops_sites_tried(const struct source *source);

/* stops_words.c: log, alert, journal. lane NULL: the source. */
struct stops_said {
    const struct source *source;
    const struct lane *lane;
    const char *actor;  /* "stop", "watcher", "operator root" */
    const char *before; /* states, for the journal */
    const char *after;
    const char *evidence;
    const struct reply *reply;     /* NULL none */
    const struct finding *finding; /* NULL none */
    const char *dnsbl;             /* "" by the finding */
    int64_t until_unix_ms;         /* 0 none */
};
/* LOG_BLOCKED and LOG_UNBLOCKED: out of service, and back; LOG_LIMIT: what is between.
 * text: for a person, "" for none. */
void stops_say(struct core *core, const struct stops_said *said, enum log_kind kind,
               const char *text);
/* In a stream that only observes: what would have been stopped. */
void stops_say_observed(struct core *core, const struct stops_said *said,
                        const char *stream);
void stops_say_alert(struct core *core, const struct stops_said *said, const char *event,
                     const char *text);

#endif
