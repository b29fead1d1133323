/* Checking passwords: argon2id on threads of its own, without giving an attacker CPU.
 *
 * A front thread owns the token buckets and the cache of recent successes; hash threads
 * do the work. Unknown and disabled users cost the same work as others and get the same
 * answer. Order: cache (free), bucket of the address, bucket of the user, queue cap,
 * hash. Only failures and first successes cost a token. */

#ifndef RELAY_AUTH_H
#define RELAY_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/errmsg.h"

#include "relay/mailbox.h"
#include "relay/users.h"

struct auth;

enum auth_result {
    AUTH_OK,       /* 235 2.7.0 */
    AUTH_WRONG,    /* 535 5.7.8: no such user, wrong password, disabled, not from here */
    AUTH_TOO_FAST, /* 454 4.7.0: the address or the user tried too often */
    AUTH_BUSY,     /* 454 4.7.0: too many checks wait */
};

#define AUTH_PASSWORD_BYTES 256 /* with terminator; longer ones are wrong */

/* One check. The caller's until auth_check, then the auth's until done_cb, which runs
 * exactly once, on the thread of home. The password is wiped before that. */
struct auth_check {
    struct letter letter;
    struct mailbox *home; /* borrowed */
    letter_cb done_cb;
    char name[USERS_NAME_BYTES];
    char password[AUTH_PASSWORD_BYTES];
    uint8_t address[16];         /* of the client; IPv4 as ::ffff:a.b.c.d */
    enum auth_result result;     /* out */
    char user[USERS_NAME_BYTES]; /* out: the name as the file writes it, when AUTH_OK */

    /* The auth's, while it checks. */
    struct auth *auth;
    char hash[USERS_HASH_BYTES];
    bool may_pass; /* a right password would do */
    bool is_right; /* it is */
};

struct auth_options {
    unsigned threads;       /* hash threads: 1 to 4 */
    unsigned queue_max;     /* checks that may wait for one; 0: LIMIT_AUTH_QUEUE */
    int64_t cache_ms;       /* how long a success is remembered; 0: not at all */
    unsigned address_burst; /* tries at once per address (IPv6: per /64), 0: 20 */
    unsigned user_burst;    /* and per user name, 0: 30 */
    int64_t refill_ms;      /* one try is given back this often, 0: 3000 */
};

struct auth_totals {
    uint64_t ok;
    uint64_t cached; /* of ok: without hashing */
    uint64_t wrong;
    uint64_t too_fast;
    uint64_t busy;
};

/* Start the threads with no users: every check is AUTH_WRONG. Negative errno on refusal.
 */
ATTR_MUST_CHECK int auth_start(struct auth **out, const struct auth_options *options,
                               struct errmsg *err);

/* Put a table in force. users is auth's from now on (freed when no check uses it); what
 * was remembered of users that changed, were disabled or are gone is forgotten. Any
 * thread. */
void auth_set_users(struct auth *auth, struct users *users);

/* Check. Any thread, never waits. */
void auth_check(struct auth *auth, struct auth_check *check);

void auth_get_totals(const struct auth *auth, struct auth_totals *out_totals);

/* Answer every check handed over before, then end and free. Blocks. NULL is allowed. */
void auth_stop(struct auth *auth);

#endif
