#include <arpa/inet.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "relay/auth.h"
#include "relay/now.h"

#include "tests/support/inbox.h"
#include "tests/support/test.h"

static struct inbox inbox;
static struct auth *auth;
static struct auth_options options;

static void on_done(struct letter *letter)
{
    (void)letter;
}

/* A cheap hash, so that tests are quick; the daemon's own take 64 MiB. */
static void cheap_hash(const char *password, char out[USERS_HASH_BYTES])
{
    cr_assert_eq(crypto_pwhash_str_alg(out, password, strlen(password), 1,
                                       crypto_pwhash_MEMLIMIT_MIN,
                                       crypto_pwhash_ALG_ARGON2ID13),
                 0);
}

static struct users_user user_named(const char *name, const char *password)
{
    struct users_user user = {.priority_high = 9};
    (void)snprintf(user.name, sizeof user.name, "%s", name);
    if (password != NULL) {
        cheap_hash(password, user.hash);
    }
    return user;
}

static void set_one(const struct users_user *user)
{
    struct users *users = users_new();
    struct errmsg err = {""};
    cr_assert_eq(users_put(users, user, &err), 0, "%s", err.text);
    auth_set_users(auth, users);
}

static void start(void)
{
    inbox_init(&inbox);
    struct errmsg err = {""};
    if (options.threads == 0) {
        options.threads = 2;
    }
    cr_assert_eq(sodium_init() >= 0, true);
    cr_assert_eq(auth_start(&auth, &options, &err), 0, "%s", err.text);
}

static struct auth_check check_of(const char *name, const char *password, const char *ip)
{
    struct auth_check check = {.home = &inbox.mailbox, .done_cb = on_done};
    (void)snprintf(check.name, sizeof check.name, "%s", name);
    (void)snprintf(check.password, sizeof check.password, "%s", password);
    check.address[10] = 0xff;
    check.address[11] = 0xff;
    cr_assert_eq(inet_pton(AF_INET, ip, check.address + 12), 1);
    return check;
}

static enum auth_result ask(const char *name, const char *password, const char *ip)
{
    struct auth_check check = check_of(name, password, ip);
    auth_check(auth, &check);
    inbox_wait(&inbox, 1);
    for (size_t i = 0; i < sizeof check.password; i++) {
        cr_assert_eq(check.password[i], 0, "the password is not wiped");
    }
    cr_assert_eq(check.hash[0], '\0');
    cr_assert_eq(check.user[0] != '\0', check.result == AUTH_OK);
    return check.result;
}

TEST(auth, passes_the_right_password_only)
{
    /* Only the right password of an enabled user who has one, from an allowed network,
     * passes; names are compared without case; everything else is the same answer. */
    start();
    cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_WRONG, "no users yet");
    struct users_user user = user_named("App", "secret");
    set_one(&user);
    cr_assert_eq(ask("aPP", "secret", "192.0.2.1"), AUTH_OK);
    cr_assert_eq(ask("app", "Secret", "192.0.2.1"), AUTH_WRONG);
    cr_assert_eq(ask("app", "", "192.0.2.1"), AUTH_WRONG);
    cr_assert_eq(ask("nobody", "secret", "192.0.2.1"), AUTH_WRONG);
    cr_assert_eq(ask("", "", "192.0.2.1"), AUTH_WRONG);

    struct users_network network = {.bits = 120};
    (void)inet_pton(AF_INET, "10.0.0.0", network.address + 12);
    network.address[10] = 0xff;
    network.address[11] = 0xff;
    user.networks = &network;
    user.network_count = 1;
    set_one(&user);
    cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_WRONG, "not from there");
    cr_assert_eq(ask("app", "secret", "10.0.0.9"), AUTH_OK);

    struct users_user silent = user_named("app", NULL);
    set_one(&silent);
    cr_assert_eq(ask("app", "", "192.0.2.1"), AUTH_WRONG, "no password, no way in");
    auth_stop(auth);
    auth_stop(NULL);
}

TEST(auth, remembers_successes_and_forgets_them_at_once)
{
    /* A right password is hashed once; after the user is disabled or has another password
     * the memory is worth nothing. */
    options.cache_ms = 60000;
    start();
    struct users_user user = user_named("app", "secret");
    set_one(&user);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_OK);
    }
    struct auth_totals totals;
    auth_get_totals(auth, &totals);
    cr_assert_eq(totals.ok, 50);
    cr_assert_eq(totals.cached, 49);
    cr_assert_eq(ask("app", "secret2", "192.0.2.1"), AUTH_WRONG);
    user.is_disabled = true;
    set_one(&user);
    cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_WRONG, "disabled");
    struct users_user changed = user_named("app", "other");
    set_one(&changed);
    cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_WRONG, "password changed");
    cr_assert_eq(ask("app", "other", "192.0.2.1"), AUTH_OK);
    auth_stop(auth);
}

TEST(auth, remembers_nothing_when_told_so)
{
    /* Without a cache every check is hashed. */
    options.cache_ms = 0;
    start();
    struct users_user user = user_named("app", "secret");
    set_one(&user);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_OK);
    }
    struct auth_totals totals;
    auth_get_totals(auth, &totals);
    cr_assert_eq(totals.cached, 0);
    auth_stop(auth);
}

TEST(auth, slows_down_whoever_guesses)
{
    /* An address has its tries and then none; another address goes on, until the name has
     * been tried too often; a success costs nothing. */
    options.address_burst = 5;
    options.user_burst = 8;
    options.refill_ms = 3600000;
    start();
    struct users_user user = user_named("app", "secret");
    set_one(&user);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ask("app", "secret", "192.0.2.1"), AUTH_OK);
    }
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(ask("app", "guess", "192.0.2.1"), AUTH_WRONG);
    }
    cr_assert_eq(ask("app", "guess", "192.0.2.1"), AUTH_TOO_FAST);
    cr_assert_eq(ask("other", "guess", "192.0.2.1"), AUTH_TOO_FAST);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ask("app", "guess", "192.0.2.2"), AUTH_WRONG);
    }
    cr_assert_eq(ask("app", "guess", "192.0.2.2"), AUTH_TOO_FAST, "the name is used up");
    cr_assert_eq(ask("other", "guess", "192.0.2.2"), AUTH_WRONG);
    auth_stop(auth);
}

TEST(auth, bounds_what_waits)
{
    /* A flood is answered: as many as may wait are hashed, the rest is told to come
     * later. */
    options.threads = 1;
    options.queue_max = 4;
    options.address_burst = 1000;
    options.user_burst = 1000;
    start();
    static struct auth_check checks[64];
    for (size_t i = 0; i < 64; i++) {
        checks[i] = check_of("nobody", "guess", "192.0.2.1");
        auth_check(auth, &checks[i]);
    }
    inbox_wait(&inbox, 64);
    unsigned busy = 0;
    for (size_t i = 0; i < 64; i++) {
        cr_assert(checks[i].result == AUTH_WRONG || checks[i].result == AUTH_BUSY);
        busy += checks[i].result == AUTH_BUSY ? 1 : 0;
    }
    cr_assert_gt(busy, 0);
    cr_assert_lt(busy, 64);
    auth_stop(auth);
}

TEST(auth, answers_all_before_it_stops)
{
    /* Every check handed over before the stop is answered. */
    start();
    struct users_user user = user_named("app", "secret");
    set_one(&user);
    static struct auth_check checks[16];
    for (size_t i = 0; i < 16; i++) {
        checks[i] = check_of("app", "secret", "192.0.2.1");
        auth_check(auth, &checks[i]);
    }
    auth_stop(auth);
    inbox_wait(&inbox, 16);
    for (size_t i = 0; i < 16; i++) {
        cr_assert_eq(checks[i].result, AUTH_OK);
    }
}

static int64_t time_of(const char *name)
{
    int64_t started_ns = now_ns();
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(ask(name, "guess", "192.0.2.1"), AUTH_WRONG);
    }
    return now_ns() - started_ns;
}

TEST(auth, takes_as_long_for_unknown_names)
{
    /* A name that does not exist costs the work of one that does, whatever that costs. */
    options.address_burst = 1000;
    options.user_burst = 1000;
    start();
    struct users_user user = {.priority_high = 9, .name = "app"};
    cr_assert_eq(crypto_pwhash_str_alg(user.hash, "secret", 6, 2, (size_t)8 * 1024 * 1024,
                                       crypto_pwhash_ALG_ARGON2ID13),
                 0);
    set_one(&user);
    int64_t known_ns = time_of("app") + time_of("app");
    int64_t unknown_ns = time_of("nobody") + time_of("someone");
    cr_assert(unknown_ns > known_ns / 3 && unknown_ns < known_ns * 3,
              "known %ld ns, unknown %ld ns", (long)known_ns, (long)unknown_ns);
    auth_stop(auth);
}
