/* What a domain's DNS answers mean for its mail: the rules of RFC 5321 5.1 and RFC 7505,
 * without any asking. Belongs to resolve. */

#ifndef RELAY_RESOLVE_BUILD_H
#define RELAY_RESOLVE_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reply.h"

#include "relay/answers.h"
#include "relay/destination.h"

/* Who we are, and what we are willing to use. */
struct resolve_self {
    const char *hostname;
    const struct netaddr *own;
    unsigned own_count;
    bool ipv6;
    bool allow_private;
    bool trust_ad; /* the resolver's word on DNSSEC is believed */
};

/* All that is known about one lookup. Entries are held by it. */
struct resolve_case {
    char domain[LIMIT_DOMAIN + 1];
    uint16_t port;
    uint16_t ports[LIMIT_MX_HOSTS]; /* of an explicit route's hosts; 0: port */
    bool explicit_route;
    bool implicit;
    bool wants_tlsa;
    struct answers_entry *list;               /* the MX answer, or a list in its place */
    struct answers_entry *v4[LIMIT_MX_HOSTS]; /* by place in list; NULL: not asked */
    struct answers_entry *v6[LIMIT_MX_HOSTS];
    /* TLSA, by place in list: under the end of the host's aliases, and under its own
     * name. NULL: not asked. */
    struct answers_entry *tlsa[2][LIMIT_MX_HOSTS];
};

enum resolve_build_next {
    RESOLVE_BUILD_GO,       /* ask for the hosts' addresses */
    RESOLVE_BUILD_IMPLICIT, /* no MX: the domain is its own host */
    RESOLVE_BUILD_REFUSED,
};

/* The list is known: what next? out_refusal is set with RESOLVE_BUILD_REFUSED. */
enum resolve_build_next resolve_build_judge_list(const struct resolve_case *facts,
                                                 struct reply *out_refusal);

/* How many hosts of the list are looked at. */
unsigned resolve_build_host_count(const struct resolve_case *facts);

/* All is known: the destination in order of preference (not yet shuffled), true; or why
 * there is none, false. */
bool resolve_build(const struct resolve_case *facts, const struct resolve_self *self,
                   int64_t now_ns, struct destination *out, struct reply *out_refusal);

/* The port of the i-th host. */
uint16_t resolve_build_port(const struct resolve_case *facts, unsigned i);

/* Were the answers about the i-th host's addresses validated? */
bool resolve_build_is_secure(const struct resolve_case *facts,
                             const struct resolve_self *self, unsigned i);

/* A route's host without its brackets; out has LIMIT_DOMAIN + 1 bytes. */
void resolve_build_bare_name(const char *host, char *out);

#endif
