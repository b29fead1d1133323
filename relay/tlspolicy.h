/* On what terms TLS is spoken with one host: what the operator wants, what the receiver
 * has published (DANE, MTA-STS), what the message asks for. Pure.
 *
 * DANE wins over MTA-STS (RFC 8461 2). A policy of the receiver's is never softened but
 * by "TLS-Required: No" of the sender, one of the operator's by nobody. */

#ifndef RELAY_TLSPOLICY_H
#define RELAY_TLSPOLICY_H

#include <stdbool.h>

#include "policy/reply.h"

#include "relay/config.h"
#include "relay/destination.h"

/* From weak to strong; a session of one level is not used for another. */
enum tlspolicy_level {
    TLSPOLICY_NONE,          /* never */
    TLSPOLICY_OPPORTUNISTIC, /* when it works */
    TLSPOLICY_REQUIRED,      /* or no session; any certificate */
    TLSPOLICY_VERIFY,        /* or no session; a trusted certificate of that name */
    TLSPOLICY_DANE,          /* or no session; the certificate of the TLSA records */
};

/* Whose policy it was: for TLS reports. */
enum tlspolicy_basis {
    TLSPOLICY_BASIS_NONE, /* nothing published, or nothing asked */
    TLSPOLICY_BASIS_STS,
    TLSPOLICY_BASIS_TLSA,
};

struct tlspolicy_ask {
    enum config_delivery_tls policy; /* the operator's */
    const struct destination *destination;
    unsigned host;   /* index into its hosts */
    bool requiretls; /* the message was given with REQUIRETLS (RFC 8689) */
    bool is_lenient; /* ... or says "TLS-Required: No" */
};

struct tlspolicy_answer {
    bool usable; /* false: this host may not be used; refusal says why */
    enum tlspolicy_level level;
    enum tlspolicy_basis basis;
    struct reply refusal; /* REPLY_LOCAL, stage STARTTLS */
};

void tlspolicy_ask(const struct tlspolicy_ask *ask, struct tlspolicy_answer *out);

/* Does the policy ask for the TLSA records of the hosts? For a policy of MTA-STS? May it
 * ask for certificates of a trusted root? */
bool tlspolicy_wants_tlsa(enum config_delivery_tls policy);
bool tlspolicy_wants_sts(enum config_delivery_tls policy);
bool tlspolicy_wants_roots(enum config_delivery_tls policy);

/* "opportunistic", "dane", ... */
const char *tlspolicy_level_name(enum tlspolicy_level level);

#endif
