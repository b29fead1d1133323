/* Recipients that are not written to, stream by stream: what put them there, since when,
 * until when.
 *
 * Core owns the list and changes it; workers look things up in it, under its lock, before
 * they offer a recipient to a receiver. An entry either blocks (until_ms is not 0) or
 * only remembers the strikes of a mailbox that may be blocked one day. Every change is in
 * the store; what blocks is also in the journal. Addresses are compared without case. */

#ifndef RELAY_SUPPRESSION_H
#define RELAY_SUPPRESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/suppress.h"

struct answer;
struct change;
struct config;
struct config_stream;
struct core;
struct known;
struct reply;
struct store;
struct store_row;
struct store_ticket;
struct suppression_item;

#define SUPPRESSION_ADDRESS 320 /* of an address, with terminator */
#define SUPPRESSION_STREAM  64
#define SUPPRESSION_WHY     200 /* the reply, or an operator's words */
#define SUPPRESSION_SITE    128

/* One entry as a value. */
struct suppression_entry {
    char address[SUPPRESSION_ADDRESS];
    char stream[SUPPRESSION_STREAM]; /* "": every stream */
    char site[SUPPRESSION_SITE];     /* whose receiver refused it; "" not known */
    char why[SUPPRESSION_WHY];
    enum suppress_cause cause;
    int64_t since_ms;
    int64_t until_ms; /* 0: it only remembers strikes; INT64_MAX: until taken off */
    struct suppress_history history;
};

struct suppression {
    pthread_rwlock_t lock;           /* core writes; workers read */
    struct suppression_item **items; /* owned: chains, in the order of their hashes */
    unsigned bits;                   /* of the hash that choose a chain */
    size_t count;
    size_t blocking; /* of them, those that block */
    uint8_t key[16]; /* of the hash: nobody outside can choose chains */
    struct known *known;
    struct store *store; /* borrowed; NULL in tests */
    uint64_t refused;    /* recipients kept back since start */
    int64_t swept_ms;    /* when what is over was last taken out */
};

void suppression_init(struct suppression *suppression, struct store *store);
void suppression_done(struct suppression *suppression);

/* Take back one row of the store at start. */
void suppression_load(struct suppression *suppression, const struct store_row *row);

/* How this stream's mail is kept from recipients. */
enum suppress_rule suppression_rule(const struct config *config,
                                    const struct config_stream *stream);

/* Is the address blocked for the stream at now_ms? Then true and the entry. Any thread.
 */
bool suppression_blocks(struct suppression *suppression, const struct config *config,
                        const char *stream, const char *address, int64_t now_ms,
                        struct suppression_entry *out_entry);

/* "mailbox refused on 2026-01-02, kept until ...": why a recipient was not written to. */
void suppression_words(const struct suppression_entry *entry, char *out, size_t size);

/* The same as our own answer in place of the receiver's. */
void suppression_reply(const struct suppression_entry *entry, struct reply *out);

/* Put an entry in, or put another in its place. 0; -EINVAL when the address is none or a
 * text has control bytes; -ENOSPC when the list is full. Acts at once; ticket says when
 * it is durable and may be NULL; it is answered only after 0. */
int suppression_set(struct suppression *suppression,
                    const struct suppression_entry *entry, struct store_ticket *ticket);

/* Take off. False when it is not there: ticket is then not answered. */
bool suppression_remove(struct suppression *suppression, const char *stream,
                        const char *address, struct store_ticket *ticket);

/* Walk what blocks, in an order that does not change while the list does: *cursor is 0 at
 * first and 0 again at the end. Up to `most` entries into out; returns how many. */
size_t suppression_page(const struct suppression *suppression, uint64_t *cursor,
                        struct suppression_entry *out, size_t most);

/* A recipient's answer is settled: strikes, and mailboxes that take mail. */
void suppression_answer(struct core *core, const struct answer *answer,
                        const struct change *change);

/* A complaint or an unsubscribe about mail of this stream to the address. True when it
 * keeps further mail away. */
bool suppression_wish(struct core *core, enum suppress_cause cause, const char *stream,
                      const char *address, const char *why);

/* A late report says that there is no such mailbox (a bounce that came back). */
void suppression_strike(struct core *core, const char *stream, const char *site,
                        const char *address, const char *why);

/* At the end: write what is not in the store yet. */
void suppression_save(struct suppression *suppression);

/* Once a second: what is over is taken out, once an hour. */
void suppression_tick(struct core *core);

#endif
