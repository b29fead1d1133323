/* Asks name servers, over c-ares on a loop. No cache: relay/resolve has it.
 *
 * Ids are random, the answer is parsed by dns_answer. At most LIMIT_DNS_IN_FLIGHT
 * questions are on the wire, the others wait in order. Loop's thread only. */

#ifndef RELAY_NET_DNS_H
#define RELAY_NET_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/net/dns_answer.h"

struct dns;
struct dns_query;
struct loop;

/* Comes once, never before dns_ask returned, unless cancelled. answer is valid during
 * the call. The query is gone when it returns. */
typedef void (*dns_answer_cb)(const struct dns_answer *answer, void *owner);

struct dns_options {
    const char *servers; /* "127.0.0.1:53,[::1]:53"; "" for the system's resolvers */
    uint32_t timeout_ms; /* for a question in all, retries included; 0: 5 s */
};

/* 0, or a negative errno with err set (a server that is no address, no servers). */
int dns_open(struct dns **out, struct loop *loop, const struct dns_options *options,
             struct errmsg *err) ATTR_MUST_CHECK;

/* Ask for (name, type). A name that cannot be asked (empty label, too long) is answered
 * with DNS_MALFORMED. */
struct dns_query *dns_ask(struct dns *dns, const char *name, enum dns_type type,
                          dns_answer_cb answer_cb, void *owner);

/* Its answer_cb never comes; query is gone for the caller. NULL is allowed. */
void dns_cancel(struct dns_query *query);

/* How many questions are out or waiting. */
unsigned dns_pending(const struct dns *dns);

/* Cancel everything and free. dns is gone for the caller; may be called from an
 * answer_cb. NULL is allowed. */
void dns_close(struct dns *dns);

#endif
