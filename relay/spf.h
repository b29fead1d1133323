/* SPF (RFC 7208): may this address send for that domain?
 *
 * Pure: what names have is asked of the caller, who may not know it yet. Then the answer
 * is SPF_ASKS with the name that is wanted, and the caller asks again when it is known.
 * Ten look-ups, two void ones, ten addresses of one MX or PTR: as the standard says. */

#ifndef RELAY_SPF_H
#define RELAY_SPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/net/dns_answer.h"
#include "relay/net/netaddr.h"

#define SPF_LOOKUPS 10
#define SPF_VOIDS   2

enum spf_result {
    SPF_NONE, /* no record */
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR, /* a name server did not answer */
    SPF_PERMERROR, /* the record is broken, or asks for too much */
    SPF_ASKS,      /* wants, wants_type */
};

/* What a name has, or NULL when that is not known yet. The answer must stay where it is
 * until spf_check returns. */
typedef const struct dns_answer *(*spf_look_cb)(const char *name, enum dns_type type,
                                                void *owner);

struct spf_ask {
    struct netaddr address;
    const char *domain;
    const char *sender; /* the local part, "postmaster" when there is none */
    const char *helo;
    spf_look_cb look_cb;
    void *owner;
};

struct spf_answer {
    enum spf_result result;
    unsigned lookups;            /* terms that asked DNS */
    unsigned voids;              /* of them without an answer */
    char domain[DNS_NAME_BYTES]; /* whose record decided */
    char term[80];               /* which of its terms, or what is wrong with it */
    char wants[DNS_NAME_BYTES];
    enum dns_type wants_type;
};

void spf_check(const struct spf_ask *ask, struct spf_answer *out);

/* "pass", "softfail", ... */
const char *spf_result_name(enum spf_result result);

#endif
