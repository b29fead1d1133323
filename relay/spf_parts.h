/* Shared by spf.c, spf_term.c and spf_macro.c alone. */

#ifndef RELAY_SPF_PARTS_H
#define RELAY_SPF_PARTS_H

#include "relay/spf.h"

#define SPF_SPEC_BYTES 256

enum spf_kind {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_REDIRECT,
    SPF_MODIFIER, /* exp= and those nobody knows: no part in the decision */
};

struct spf_term {
    enum spf_kind kind;
    enum spf_result result;    /* of its qualifier */
    char spec[SPF_SPEC_BYTES]; /* the domain with its macros; "" the present one */
    struct netaddr network;    /* of ip4 and ip6 */
    unsigned bits4;            /* of the network; 32 and 128 when not given */
    unsigned bits6;
};

/* One word of a record. False when it is none that a record may have. */
bool spf_term_read(const char *word, size_t size, struct spf_term *out);

/* Replace the macros of spec (RFC 7208, 7). `domain` is that of the present record. False
 * when it has an unknown one, or the result is no name; longer names lose labels on the
 * left. %{p} is "unknown", as the standard allows. */
bool spf_macro_expand(const struct spf_ask *ask, const char *domain, const char *spec,
                      char out[DNS_NAME_BYTES]);

/* The letters of %{i}: dotted octets, or dotted nibbles. */
void spf_macro_address(const struct netaddr *address, char out[72]);

#endif
