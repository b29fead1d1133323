/* What the simulated providers know: the providers, the source addresses each has met,
 * the accounts against which its limits count, and the tallies that are printed.
 *
 * A source is one client address; an account is what shares one set of limits (one
 * source, a prefix or all, as the provider's share says). Neither is ever forgotten. */

#ifndef TOOLS_RECEIVER_BOOK_H
#define TOOLS_RECEIVER_BOOK_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/receiver_spec.h"

#define RECEIVER_SOURCES_MAX 65536 /* of one provider; more are turned away with 421 */

/* IPv6, or IPv4 mapped into it. */
struct receiver_address {
    uint8_t bytes[16];
};

/* Sources or accounts by address. */
struct receiver_table {
    void **slots; /* owned: the array and what it points to */
    size_t count;
    size_t capacity; /* a power of 2, or 0 */
};

struct receiver_account {
    struct receiver_address key; /* first: the table looks at it */
    int64_t first_ns; /* provider time of the first connection, here and below */
    uint64_t open;    /* connections */
    double tokens;
    int64_t refilled_ns;
    int64_t hour;
    int64_t day;
    uint64_t hour_count;
    uint64_t day_count;
    int64_t curve_day;
    uint64_t curve_count;
    uint64_t curve_attempts;
    int64_t *strikes; /* owned ring of spec.strikes + 1 times */
    size_t strikes_next;
    size_t strikes_count;
    int64_t box_until_ns;
    uint64_t box_attempts;
    int64_t block_until_ns;
    double recent_attempts; /* decaying over a day */
    double recent_refusals;
    int64_t recent_ns;
    double capacity; /* integral of what could have been taken, up to capacity_ns */
    int64_t capacity_ns;
    double capacity_last; /* the same at the last attempt */
    uint64_t accepted;    /* messages, or recipients where at = rcpt */
    uint64_t blocks;      /* how often it was blocked */
    uint64_t boxes;
};

enum receiver_listing {
    RECEIVER_LISTING_NOT_YET,
    RECEIVER_LISTING_ON,
    RECEIVER_LISTING_OVER
};

/* Counts of one source. Attempts count recipients once they are known, else the
 * connection or the transaction as one. */
struct receiver_tally {
    uint64_t connections;
    uint64_t open;
    uint64_t max_open;
    uint64_t transactions; /* MAIL commands */
    uint64_t messages;     /* accepted */
    uint64_t accepted;     /* recipients */
    uint64_t deferred;
    uint64_t refused;
    uint64_t blocked;
    uint64_t closed; /* cut off without a reply */
    uint64_t duplicates;
    uint64_t bytes; /* of accepted messages, as on the wire */
    uint64_t by_class[RECEIVER_CLASSES];
    uint64_t after_listing; /* transactions and connections begun after the first listing
                               reply */
    int64_t first_ns;       /* monotonic, here and below; 0: never */
    int64_t last_ns;
    int64_t first_accepted_ns;
    int64_t last_accepted_ns;
    int64_t listing_ns; /* first listing reply */
};

struct receiver_source {
    struct receiver_address key; /* first: the table looks at it */
    char text[48];
    struct receiver_account *account; /* borrowed: lives as long as the provider */
    enum receiver_listing listing;
    int64_t listed_ns; /* provider time */
    struct receiver_tally tally;
};

struct receiver_grey;

struct receiver_provider {
    struct receiver_spec spec;
    char address[512]; /* where it really listens */
    struct receiver_table sources;
    struct receiver_table accounts;
    struct receiver_grey *grey; /* owned; NULL without greylisting */
    uint64_t dice;
    uint64_t turned_away; /* connections beyond RECEIVER_SOURCES_MAX */
};

/* A provider of that spec. Free it with receiver_book_free, which takes NULL. */
struct receiver_provider *receiver_book_new(const struct receiver_spec *spec);
void receiver_book_free(struct receiver_provider *provider);

/* The address of a peer; its first bits IPv4 bits (of IPv6: 64, unless bits is 0 or 32).
 */
struct receiver_address receiver_book_address(const struct sockaddr_storage *peer);
struct receiver_address receiver_book_prefix(const struct receiver_address *address,
                                             int bits);

/* The source of that peer, made when it is new; model_ns is the provider's time. NULL
 * when there are too many. It lives as long as the provider. */
struct receiver_source *receiver_book_source(struct receiver_provider *provider,
                                             const struct sockaddr_storage *peer,
                                             int64_t model_ns);

/* A connection began or ended. */
void receiver_book_opened(struct receiver_source *source, int64_t now_ns);
void receiver_book_closed(struct receiver_source *source);

/* Count an answer: its class, its code (0: the connection was cut) and for how many
 * recipients it holds. */
void receiver_book_count(struct receiver_source *source, enum receiver_class class,
                         int code, uint64_t weight, int64_t now_ns);

/* "accepted", "deferred", "refused", "blocked" or "closed". */
const char *receiver_book_verdict(enum receiver_class class, int code);

#endif
