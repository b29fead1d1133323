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
};

/* All that is known about one lookup. Entries are held by it. */
struct resolve_case {
    char domain[LIMIT_DOMAIN + 1];
    uint16_t port;
    bool explicit_route;
    bool implicit;
    struct answers_entry *list;               /* the MX answer, or a list in its place */
    struct answers_entry *v4[LIMIT_MX_HOSTS]; /* by place in list; NULL: not asked */
    struct answers_entry *v6[LIMIT_MX_HOSTS];
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

/* A route's host without its brackets; out has LIMIT_DOMAIN + 1 bytes. */
void resolve_build_bare_name(const char *host, char *out);

#endif
