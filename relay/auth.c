/* Good path: a check reaches the front thread; it is in the cache and answered; or it is
 * within its buckets, goes to a hash thread, comes back, is remembered and answered.
 * Failure modes: too many tries, too many waiting: answered at once, without hashing; no
 * memory for a hash: as a wrong password. A table is replaced while a check is hashed:
 * the check is judged by the new table. */

#include "relay/auth.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <assert.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"
#include "relay/bucket.h"
#include "relay/clerk.h"
#include "relay/entropy.h"
#include "relay/limits.h"
#include "relay/now.h"

#define HASHERS_MAX           4
#define DIGEST_BYTES          32
#define CACHE_WAYS            4
#define DEFAULT_ADDRESS_BURST 20
#define DEFAULT_USER_BURST    30
#define DEFAULT_REFILL_MS     3000

/* A recent success: proof that this password was right for this user's present hash. */
struct success {
    uint8_t digest[DIGEST_BYTES];
    int64_t until_ns; /* 0: empty */
};

/* All but the clerks and the totals is the front thread's. */
struct auth {
    struct clerk *front;                /* owned */
    struct clerk *hashers[HASHERS_MAX]; /* owned */
    unsigned hasher_count;
    unsigned next_hasher;
    unsigned queue_max;
    unsigned waiting; /* checks given to hashers */
    bool is_closing;
    sem_t is_idle;                  /* posted when closing and nothing waits */
    struct users *users;            /* owned */
    struct bucket_table *addresses; /* owned */
    struct bucket_table *names;     /* owned */
    struct success *cache;          /* owned; LIMIT_AUTH_CACHE */
    int64_t cache_ns;
    uint8_t secret[DIGEST_BYTES]; /* of this process: the cache is no list of passwords */
    char decoy[USERS_HASH_BYTES]; /* hashed for names that do not exist */
    struct letter closing;
    _Atomic uint64_t ok;
    _Atomic uint64_t cached;
    _Atomic uint64_t wrong;
    _Atomic uint64_t too_fast;
    _Atomic uint64_t busy;
};

struct table_letter {
    struct letter letter;
    struct auth *auth;
    struct users *users;
};

static void count(_Atomic uint64_t *total)
{
    atomic_fetch_add_explicit(total, 1, memory_order_relaxed);
}

static void answer(struct auth_check *check, enum auth_result result)
{
    struct auth *auth = check->auth;
    switch (result) {
    case AUTH_OK: count(&auth->ok); break;
    case AUTH_WRONG: count(&auth->wrong); break;
    case AUTH_TOO_FAST: count(&auth->too_fast); break;
    case AUTH_BUSY: count(&auth->busy); break;
    }
    sodium_memzero(check->password, sizeof check->password);
    sodium_memzero(check->hash, sizeof check->hash);
    check->result = result;
    mailbox_post(check->home, &check->letter, check->done_cb);
}

/* An IPv6 customer has a whole /64. */
static size_t address_bytes(const struct auth_check *check)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(check->address, mapped, sizeof mapped) == 0 ? 16 : 8;
}

static size_t name_bytes(const struct auth_check *check)
{
    return strlen(check->name);
}

static void take_tries(struct auth *auth, const struct auth_check *check, int64_t time_ns)
{
    bucket_take(auth->addresses, check->address, address_bytes(check), time_ns);
    bucket_take(auth->names, check->name, name_bytes(check), time_ns);
}

static void give_tries(struct auth *auth, const struct auth_check *check, int64_t time_ns)
{
    bucket_give(auth->addresses, check->address, address_bytes(check), time_ns);
    bucket_give(auth->names, check->name, name_bytes(check), time_ns);
}

static bool comes_from_allowed(const struct users_user *user,
                               const struct auth_check *check)
{
    char ip[INET6_ADDRSTRLEN] = "";
    bool is_four = address_bytes(check) == 16;
    (void)inet_ntop(is_four ? AF_INET : AF_INET6, check->address + (is_four ? 12 : 0), ip,
                    sizeof ip);
    return users_may_come_from(user, ip);
}

/* The user this check would pass for, if the password is right. */
static const struct users_user *candidate(const struct auth *auth,
                                          const struct auth_check *check)
{
    const struct users_user *user = users_find(auth->users, check->name);
    bool may_pass = user != NULL && !user->is_disabled && user->hash[0] != '\0' &&
                    comes_from_allowed(user, check);
    return may_pass ? user : NULL;
}

static void digest_of(const struct auth *auth, const struct auth_check *check,
                      const char *hash, uint8_t out[DIGEST_BYTES])
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, auth->secret, sizeof auth->secret,
                                  DIGEST_BYTES);
    const char *const parts[] = {hash, check->password};
    for (size_t i = 0; i < 2; i++) {
        (void)crypto_generichash_update(&state, (const unsigned char *)parts[i],
                                        strlen(parts[i]) + 1);
    }
    (void)crypto_generichash_final(&state, out, DIGEST_BYTES);
}

static struct success *cache_set(const struct auth *auth,
                                 const uint8_t digest[DIGEST_BYTES])
{
    uint64_t place = 0;
    memcpy(&place, digest, sizeof place);
    return &auth->cache[place % (LIMIT_AUTH_CACHE / CACHE_WAYS) * CACHE_WAYS];
}

static bool is_remembered(const struct auth *auth, const uint8_t digest[DIGEST_BYTES],
                          int64_t time_ns)
{
    const struct success *set = cache_set(auth, digest);
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].until_ns > time_ns &&
            sodium_memcmp(set[i].digest, digest, DIGEST_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void remember(struct auth *auth, const uint8_t digest[DIGEST_BYTES],
                     int64_t time_ns)
{
    if (auth->cache_ns == 0) {
        return;
    }
    struct success *set = cache_set(auth, digest);
    struct success *oldest = &set[0];
    for (size_t i = 1; i < CACHE_WAYS; i++) {
        oldest = set[i].until_ns < oldest->until_ns ? &set[i] : oldest;
    }
    memcpy(oldest->digest, digest, DIGEST_BYTES);
    oldest->until_ns = time_ns + auth->cache_ns;
}

static void pass(struct auth_check *check, const struct users_user *user)
{
    memcpy(check->user, user->name, sizeof check->user);
    answer(check, AUTH_OK);
}

static void end_if_idle(struct auth *auth)
{
    if (auth->is_closing && auth->waiting == 0) {
        (void)sem_post(&auth->is_idle);
    }
}

/* Front thread: the hash is done. */
static void on_hashed(struct letter *letter)
{
    struct auth_check *check = (struct auth_check *)(void *)letter;
    struct auth *auth = check->auth;
    int64_t time_ns = now_ns();
    const struct users_user *user = candidate(auth, check);
    bool is_right =
        check->is_right && user != NULL && strcmp(user->hash, check->hash) == 0;
    auth->waiting--;
    if (is_right) {
        uint8_t digest[DIGEST_BYTES];
        digest_of(auth, check, user->hash, digest);
        remember(auth, digest, time_ns);
        give_tries(auth, check, time_ns);
        pass(check, user);
    } else {
        answer(check, AUTH_WRONG);
    }
    end_if_idle(auth);
}

/* Hash thread: the work, the same for every name. */
static void on_hash(struct letter *letter)
{
    struct auth_check *check = (struct auth_check *)(void *)letter;
    bool is_right = crypto_pwhash_str_verify(check->hash, check->password,
                                             strlen(check->password)) == 0;
    check->is_right = is_right && check->may_pass;
    clerk_post(check->auth->front, &check->letter, on_hashed);
}

/* A hash as costly as those of real users: one of theirs, the same for the same name. */
static const char *decoy_for(const struct auth *auth, const char *name)
{
    size_t users = users_count(auth->users);
    if (users == 0) {
        return auth->decoy;
    }
    uint8_t hash[crypto_shorthash_BYTES];
    (void)crypto_shorthash(hash, (const unsigned char *)name, strlen(name), auth->secret);
    uint64_t place = 0;
    memcpy(&place, hash, sizeof place);
    const char *chosen = users_at(auth->users, place % users)->hash;
    return chosen[0] == '\0' ? auth->decoy : chosen;
}

static void give_to_hasher(struct auth *auth, struct auth_check *check,
                           const struct users_user *user)
{
    const struct users_user *named = users_find(auth->users, check->name);
    bool has_hash = named != NULL && named->hash[0] != '\0';
    const char *hash = has_hash ? named->hash : decoy_for(auth, check->name);
    memcpy(check->hash, hash, sizeof check->hash);
    check->may_pass = user != NULL;
    auth->waiting++;
    auth->next_hasher = (auth->next_hasher + 1) % auth->hasher_count;
    clerk_post(auth->hashers[auth->next_hasher], &check->letter, on_hash);
}

/* Front thread: a check begins. */
static void on_check(struct letter *letter)
{
    struct auth_check *check = (struct auth_check *)(void *)letter;
    struct auth *auth = check->auth;
    int64_t time_ns = now_ns();
    const struct users_user *user = candidate(auth, check);
    if (user != NULL) {
        uint8_t digest[DIGEST_BYTES];
        digest_of(auth, check, user->hash, digest);
        if (is_remembered(auth, digest, time_ns)) {
            count(&auth->cached);
            pass(check, user);
            return;
        }
    }
    if (!bucket_has(auth->addresses, check->address, address_bytes(check), time_ns) ||
        !bucket_has(auth->names, check->name, name_bytes(check), time_ns)) {
        answer(check, AUTH_TOO_FAST);
        return;
    }
    if (auth->is_closing || auth->waiting >= auth->queue_max) {
        answer(check, AUTH_BUSY);
        return;
    }
    take_tries(auth, check, time_ns);
    give_to_hasher(auth, check, user);
}

static void lower(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at - 'A' + 'a');
        }
    }
}

void auth_check(struct auth *auth, struct auth_check *check)
{
    assert(auth != NULL);
    assert(check != NULL);
    assert(memchr(check->name, '\0', sizeof check->name) != NULL);
    assert(memchr(check->password, '\0', sizeof check->password) != NULL);
    check->auth = auth;
    check->user[0] = '\0';
    lower(check->name);
    clerk_post(auth->front, &check->letter, on_check);
}

static void on_users(struct letter *letter)
{
    struct table_letter *table = (struct table_letter *)(void *)letter;
    users_free(table->auth->users);
    table->auth->users = table->users;
    free(table);
}

void auth_set_users(struct auth *auth, struct users *users)
{
    assert(auth != NULL);
    assert(users != NULL);
    struct table_letter *table = arena_must(1, sizeof *table);
    table->auth = auth;
    table->users = users;
    clerk_post(auth->front, &table->letter, on_users);
}

static int start_clerks(struct auth *auth, unsigned threads, struct errmsg *err)
{
    struct clerk_options front = {.name = "mesura-auth"};
    struct clerk_options hasher = {.name = "mesura-hash"};
    int failed = clerk_start(&auth->front, &front, err);
    while (failed == 0 && auth->hasher_count < threads) {
        failed = clerk_start(&auth->hashers[auth->hasher_count], &hasher, err);
        auth->hasher_count += failed == 0 ? 1 : 0;
    }
    return failed;
}

static void auth_free(struct auth *auth)
{
    for (unsigned i = 0; i < auth->hasher_count; i++) {
        clerk_stop(auth->hashers[i]);
    }
    clerk_stop(auth->front);
    users_free(auth->users);
    bucket_free(auth->addresses);
    bucket_free(auth->names);
    sodium_memzero(auth->cache, LIMIT_AUTH_CACHE * sizeof *auth->cache);
    free(auth->cache);
    (void)sem_destroy(&auth->is_idle);
    sodium_memzero(auth, sizeof *auth);
    free(auth);
}

int auth_start(struct auth **out, const struct auth_options *options, struct errmsg *err)
{
    assert(out != NULL);
    assert(options != NULL);
    assert(options->threads >= 1 && options->threads <= HASHERS_MAX);
    struct auth *auth = arena_must(1, sizeof *auth);
    unsigned address_burst =
        options->address_burst == 0 ? DEFAULT_ADDRESS_BURST : options->address_burst;
    unsigned user_burst =
        options->user_burst == 0 ? DEFAULT_USER_BURST : options->user_burst;
    int64_t refill_ns =
        (options->refill_ms == 0 ? DEFAULT_REFILL_MS : options->refill_ms) *
        NOW_NS_PER_MS;
    auth->queue_max = options->queue_max == 0 ? LIMIT_AUTH_QUEUE : options->queue_max;
    auth->cache_ns = options->cache_ms * NOW_NS_PER_MS;
    auth->addresses = bucket_new(LIMIT_AUTH_BUCKETS, address_burst, refill_ns);
    auth->names = bucket_new(LIMIT_AUTH_BUCKETS, user_burst, refill_ns);
    auth->cache = arena_must(LIMIT_AUTH_CACHE, sizeof *auth->cache);
    auth->users = users_new();
    (void)sem_init(&auth->is_idle, 0, 0);
    entropy_bytes(auth->secret, sizeof auth->secret);
    char nobody[32];
    entropy_bytes(nobody, sizeof nobody);
    nobody[sizeof nobody - 1] = '\0';
    int failed = users_hash(nobody, auth->decoy);
    if (failed < 0) {
        errmsg_errno(err, failed, "auth: memory for a password hash");
    } else {
        failed = start_clerks(auth, options->threads, err);
    }
    if (failed < 0) {
        auth_free(auth);
        return failed;
    }
    *out = auth;
    return 0;
}

static void on_closing(struct letter *letter)
{
    struct auth *auth =
        (struct auth *)(void *)((char *)letter - offsetof(struct auth, closing));
    auth->is_closing = true;
    end_if_idle(auth);
}

void auth_get_totals(const struct auth *auth, struct auth_totals *out_totals)
{
    assert(auth != NULL);
    assert(out_totals != NULL);
    out_totals->ok = atomic_load_explicit(&auth->ok, memory_order_relaxed);
    out_totals->cached = atomic_load_explicit(&auth->cached, memory_order_relaxed);
    out_totals->wrong = atomic_load_explicit(&auth->wrong, memory_order_relaxed);
    out_totals->too_fast = atomic_load_explicit(&auth->too_fast, memory_order_relaxed);
    out_totals->busy = atomic_load_explicit(&auth->busy, memory_order_relaxed);
}

void auth_stop(struct auth *auth)
{
    if (auth == NULL) {
        return;
    }
    clerk_post(auth->front, &auth->closing, on_closing);
    while (sem_wait(&auth->is_idle) != 0) {
    }
    auth_free(auth);
}
