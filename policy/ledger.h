/* A count against a cap that no crash can exceed: reserved on disk before it is spent.
 *
 * The caller stores `day` and `reserved` durably, then says so; only what is durable may
 * be spent. After a crash everything reserved counts as spent. Days are numbers that the
 * caller derives from the configured zone and start of day; they only go forward: a clock
 * stepped back never refills. Limits per hour are ledgers whose "day" is an hour. */

#ifndef POLICY_LEDGER_H
#define POLICY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* What is on disk. */
struct ledger_record {
    int32_t day;       /* local day number */
    uint64_t reserved; /* of that day: spent, or leased to this process */
};

struct ledger {
    int32_t day;
    uint64_t durable; /* reserved on disk for this day */
    uint64_t asked;   /* reservation being written; equals durable when none is */
    uint64_t spent;   /* of durable: accepted, in flight, or lost to a crash */
    uint64_t flying;  /* of spent: not yet answered */
};

/* Open from what is on disk (NULL: nothing is). All reserved is spent. */
void ledger_open(struct ledger *ledger, const struct ledger_record *record, int32_t day);

/* It is `day` now. A later day starts empty; the same or an earlier one changes nothing.
 * True when a new day began (the old one's numbers are in out_old, which may be NULL). */
bool ledger_day(struct ledger *ledger, int32_t day, struct ledger *out_old);

/* How many may be spent now without another write. */
uint64_t ledger_room(const struct ledger *ledger, uint64_t cap);

/* Should a lease be taken now? True: write out_record durably, then call ledger_durable.
 * One at a time: false while one is being written. Taken ahead of need: when less than
 * half a lease is left. lease >= 1, see ledger_lease. */
bool ledger_want(struct ledger *ledger, uint64_t cap, uint64_t lease,
                 struct ledger_record *out_record);

/* The record is on disk. One of another day is ignored. */
void ledger_durable(struct ledger *ledger, const struct ledger_record *record);

/* The write failed: nothing was gained. */
void ledger_failed(struct ledger *ledger);

/* n recipients start. The caller has asked for the room. */
void ledger_spend(struct ledger *ledger, uint64_t n);

/* n recipients that were started on `day` are answered: accepted ones stay spent, others
 * are given back (never to another day). */
void ledger_settle(struct ledger *ledger, int32_t day, uint64_t accepted,
                   uint64_t given_back);

/* A clean stop: what to write so that unspent leases come back. */
struct ledger_record ledger_close(const struct ledger *ledger);

/* The size of a lease: 1 % of the cap or two seconds of rate, whichever is less; >= 1. */
uint64_t ledger_lease(uint64_t cap, double per_second);

#endif
