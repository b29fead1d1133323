/* What a user may still send: recipients per minute, hour and day, counted so that no
 * crash exceeds them.
 *
 * Periods are those of the clock (UTC). Nothing is spent that the store has not on disk
 * as leased; who comes while a lease is written waits for it, in order. Core thread. */

#ifndef RELAY_ALLOWANCE_H
#define RELAY_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/ledger.h"

#include "queue/list.h"

#include "relay/permit.h"
#include "relay/users.h"

struct core;
struct store_row;

#define ALLOWANCE_BUCKETS 1024 /* of the table by name: users with limits */
#define ALLOWANCE_PREFIX  "allowance|"

enum allowance_period {
    ALLOWANCE_MINUTE,
    ALLOWANCE_HOUR,
    ALLOWANCE_DAY,
    ALLOWANCE_PERIODS,
};

struct allowance {
    struct list_node node;
    struct core *core; /* borrowed */
    char user[USERS_NAME_BYTES];
    struct ledger ledgers[ALLOWANCE_PERIODS];
    bool is_leasing[ALLOWANCE_PERIODS];
    struct list waiting; /* struct permit, oldest first */
};

struct allowances {
    struct list buckets[ALLOWANCE_BUCKETS]; /* struct allowance */
};

void allowances_init(struct allowances *allowances);
void allowances_done(struct allowances *allowances);

/* Take back one row of STORE_CONDUCT whose key begins with ALLOWANCE_PREFIX. */
void allowances_load(struct core *core, const struct store_row *row);

/* Answer the permit, now or when a lease is on disk: counted and code 0; 450 when the
 * user has to wait; 550 when so many recipients never fit. */
void allowances_ask(struct core *core, const struct users_user *user,
                    struct permit *permit);

/* The permit that was counted is over: kept when its message was accepted, else given
 * back. */
void allowances_settle(struct core *core, const struct permit *permit);

/* How many recipients the user has been counted in the period that is now. */
uint64_t allowances_used(struct core *core, const char *user,
                         enum allowance_period period);

/* Give unspent leases back: at a clean stop. */
void allowances_save_all(struct core *core);

#endif
