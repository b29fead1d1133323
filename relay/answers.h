/* A cache of DNS answers: by TTL, bounded in number, equal questions asked once.
 *
 * An answer never changes once it is known; a fresher one takes its place in the cache
 * while those who hold the old one may go on reading it. Belongs to resolve. */

#ifndef RELAY_ANSWERS_H
#define RELAY_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/list.h"

#include "relay/net/dns.h"

struct answers;

/* One question and, once `known`, its answer. */
struct answers_entry {
    struct answers_entry *chain; /* next in its bucket */
    struct list_node age;        /* in answers' order of use; unlinked when displaced */
    struct answers *answers;     /* borrowed; NULL when displaced or never cached */
    struct dns_query *query;     /* in flight while not known */
    struct list wants;           /* of struct answers_want, until known */
    unsigned holders;
    enum dns_type type;
    enum dns_outcome outcome;
    bool known;
    bool secure;
    bool cut;
    uint8_t count;
    int64_t until_ns;      /* may be used up to here */
    uint16_t *preferences; /* owned: count of them, MX only */
    char *data;  /* owned: names one after another, terminated (MX), or addresses, or
                    struct dns_tlsa, packed */
    char *alias; /* owned: the end of the CNAME chain; NULL when there is none */
    char name[]; /* lower case */
};

/* Somebody who waits for an entry. Embedded in the waiting object. */
struct answers_want {
    struct list_node node;
    void (*known_cb)(struct answers_want *want);
};

struct answers_stats {
    uint64_t asked;
    uint64_t hits;
    uint64_t joined;
    uint32_t count;
};

/* most: entries kept. dns is borrowed until answers_free. */
struct answers *answers_new(struct dns *dns, uint32_t most);

/* Cancel what is in flight and free. Entries still held are the holders' to release. */
void answers_free(struct answers *answers);

/* The entry for (name, type), held for the caller until answers_release. Already known,
 * or want->known_cb comes when it is: from the loop, never from here. Whoever gives up
 * before takes want out with list_remove. */
struct answers_entry *answers_ask(struct answers *answers, const char *name,
                                  enum dns_type type, struct answers_want *want);

void answers_release(struct answers_entry *entry);

/* Forget everything that nobody waits for. */
void answers_flush(struct answers *answers);

void answers_count(const struct answers *answers, struct answers_stats *out);

/* A list of hosts that comes from no DNS: held for the caller, known, valid for ttl_s. */
struct answers_entry *answers_list(const char *const *hosts, unsigned count,
                                   uint32_t ttl_s);

/* The i-th name of an entry of hosts. */
const char *answers_name(const struct answers_entry *entry, unsigned i);

#endif
