/* Mail addresses of the envelope: the path of RFC 5321 4.1.2 and its UTF-8 form of
 * RFC 6531.
 *
 * The local part is kept byte for byte, quotes included; a source route is read and
 * dropped. Domains are checked for form only: looking up and turning U-labels into
 * A-labels is the caller's, with address_to_ascii. */

#ifndef RELAY_SMTP_ADDRESS_H
#define RELAY_SMTP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/limits.h"

#define ADDRESS_BYTES (LIMIT_LOCAL_PART + 1 + LIMIT_DOMAIN + 1)

enum address_error {
    ADDRESS_OK,
    ADDRESS_SYNTAX,        /* 501 5.1.3 (5.1.7 for a sender) */
    ADDRESS_LOCAL_LONG,    /* local part above LIMIT_LOCAL_PART */
    ADDRESS_DOMAIN_SYNTAX, /* a label is empty, above 63 bytes, or has a strange byte */
    ADDRESS_DOMAIN_LONG,   /* domain above LIMIT_DOMAIN */
    ADDRESS_NEEDS_UTF8,    /* 8-bit bytes without SMTPUTF8: 553 5.6.7 */
};

/* A value; zeroed, it is the null address. */
struct address {
    char text[ADDRESS_BYTES]; /* terminated; local@domain as written, "" for <> */
    uint16_t length;          /* of text */
    uint16_t local_length;    /* of the local part, quotes included */
    bool has_domain;          /* false for <> and for a bare name such as <postmaster> */
    bool is_quoted;           /* the local part is a quoted string */
    bool is_literal;          /* the domain is [192.0.2.1] or [IPv6:...] */
    bool is_utf8_local;
    bool is_utf8_domain;
};

/* Turns a U-label domain (UTF-8, terminated) into A-labels in lower case. Returns false
 * when it cannot. The caller provides it (libidn2 lives above this folder). */
typedef bool (*address_idn_cb)(const char *domain, char *out, size_t cap);

/* Read "<...>" at the start of bytes. Angle brackets may be missing, as old clients do;
 * the address then ends at the first space. utf8: SMTPUTF8 was asked for. Fills out and
 * how many bytes the path took; on any error both are untouched. */
enum address_error address_parse_path(const char *bytes, size_t length, bool utf8,
                                      struct address *out, size_t *out_used);

/* Read local@domain without brackets, all of bytes. */
enum address_error address_parse(const char *bytes, size_t length, bool utf8,
                                 struct address *out);

/* True for <>. */
bool address_is_null(const struct address *address);

/* The domain as written, terminated; "" when there is none. Lives as long as address. */
const char *address_domain(const struct address *address);

/* The domain in lower case and A-labels, for look-ups and comparison. idn_cb is called
 * only for a U-label domain and may be NULL, which makes those fail. False when the
 * domain cannot be had so or does not fit; out is then "". */
bool address_domain_ascii(const struct address *address, address_idn_cb idn_cb, char *out,
                          size_t cap);

/* The whole address with its domain in A-labels; false when the local part is not ASCII
 * or the domain cannot be had so. out needs ADDRESS_BYTES; it is "" on failure. */
bool address_to_ascii(const struct address *address, address_idn_cb idn_cb, char *out,
                      size_t cap);

/* Is this a domain that EHLO or an address may carry: labels of 1-63 letters, digits,
 * hyphens and underscores (and UTF-8 when allowed), or an address literal. */
bool address_is_domain(const char *bytes, size_t length, bool utf8);

#endif
