/* MTA-STS policies of recipient domains (RFC 8461): asked for, cached, kept across
 * restarts.
 *
 * One entry for each domain that was asked about. Its TXT record says whether there is a
 * policy and which version; a new version is fetched over HTTPS, from an address of our
 * own resolver. A policy holds for its max_age, whatever DNS says meanwhile; one that is
 * older than a day is fetched again in the background. Core thread. */

#ifndef RELAY_STS_H
#define RELAY_STS_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/destination.h"

struct dns;
struct fetch;
struct mailbox;
struct store;
struct store_row;
struct sts;

struct sts_options {
    uint16_t port;       /* of HTTPS: 443 */
    bool allow_private;  /* policy hosts may have private addresses: rehearsals */
    const char *trust;   /* PEM file of roots; "" the system's; copied */
    uint32_t timeout_ms; /* of one fetch */
};

/* Somebody who waits. Embedded in the waiting object. */
struct sts_want {
    struct list_node node;
    void (*known_cb)(struct sts_want *want);
};

/* dns, fetch, home (core's mailbox) and store are borrowed until sts_close. store may be
 * NULL: nothing is kept. */
struct sts *sts_open(struct dns *dns, struct fetch *fetch, struct mailbox *home,
                     struct store *store, const struct sts_options *options);
void sts_set_options(struct sts *sts, const struct sts_options *options);

/* A row that the store has kept. */
void sts_load(struct sts *sts, const struct store_row *row);

/* Is it known what the domain's policy is? True: sts_fill. False: want->known_cb comes,
 * from the loop; whoever gives up before takes want out with list_remove. */
bool sts_ask(struct sts *sts, const char *domain, struct sts_want *want);

/* Write what is known into the guard: mode, id, which of the destination's hosts the
 * policy names. */
void sts_fill(struct sts *sts, const char *domain, const struct destination *destination,
              struct destination_guard *guard);

/* Why the last fetch for the domain failed; "" when it did not. */
const char *sts_problem(struct sts *sts, const char *domain);

/* After fetch_stop. Those who wait are not called. NULL is allowed. */
void sts_close(struct sts *sts);

#endif
