#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/entropy.h"
#include "relay/users.h"

#include "tests/support/test.h"

static struct users_user named(const char *name)
{
    struct users_user user = {.priority_high = 9};
    (void)snprintf(user.name, sizeof user.name, "%s", name);
    return user;
}

static void put(struct users *users, const struct users_user *user)
{
    struct errmsg err = {""};
    cr_assert_eq(users_put(users, user, &err), 0, "%s", err.text);
}

TEST(users, keep_one_of_each_name_in_order)
{
    /* After any history of puts and removals the table holds each name once, in order,
     * with what was put last. */
    uint64_t seed = entropy_roll();
    struct entropy_dice dice;
    entropy_dice_init(&dice, seed);
    struct users *users = users_new();
    uint32_t model[50] = {0}; /* 0: absent */
    for (int round = 0; round < 5000; round++) {
        unsigned number = (unsigned)entropy_dice_below(&dice, 50);
        char name[16];
        (void)snprintf(name, sizeof name, "%s%02u", round % 2 == 0 ? "user" : "USER",
                       number);
        if (entropy_dice_below(&dice, 3) == 0) {
            cr_assert_eq(users_remove(users, name), model[number] != 0);
            model[number] = 0;
        } else {
            struct users_user user = named(name);
            user.per_day = (uint32_t)round + 1;
            put(users, &user);
            model[number] = user.per_day;
        }
    }
    size_t place = 0;
    for (unsigned number = 0; number < 50; number++) {
        char name[16];
        (void)snprintf(name, sizeof name, "uSeR%02u", number);
        const struct users_user *user = users_find(users, name);
        cr_assert_eq(user != NULL, model[number] != 0, "seed %llu",
                     (unsigned long long)seed);
        if (user != NULL) {
            cr_assert_eq(user->per_day, model[number]);
            cr_assert_eq(users_at(users, place), user);
            place++;
        }
    }
    cr_assert_eq(users_count(users), place);
    users_free(users);
    users_free(NULL);
}

TEST(users, are_copied_whole)
{
    /* A user put into a table owes nothing to the memory it came from. */
    struct users *users = users_new();
    char stream[] = "bulk";
    const char *streams[] = {stream};
    struct users_user user = named("app");
    user.streams = streams;
    user.stream_count = 1;
    put(users, &user);
    stream[0] = 'x';
    streams[0] = NULL;
    cr_assert_str_eq(users_find(users, "app")->streams[0], "bulk");
    users_free(users);
}

TEST(users, are_refused_when_a_file_could_not_hold_them)
{
    /* A value that would not come back from the file is refused with a reason. */
    struct users *users = users_new();
    struct errmsg err = {""};
    struct users_user user = named("a b");
    cr_assert_eq(users_put(users, &user, &err), -EINVAL);
    cr_assert_not_null(strstr(err.text, "is no user's name"));
    user = named("app");
    (void)snprintf(user.hash, sizeof user.hash, "plain");
    cr_assert_eq(users_put(users, &user, &err), -EINVAL);
    const char *from[] = {"x y"};
    user = named("app");
    user.from = from;
    user.from_count = 1;
    cr_assert_eq(users_put(users, &user, &err), -EINVAL);
    cr_assert_eq(users_count(users), 0);
    users_free(users);
}

TEST(users, may_do_what_their_lists_say)
{
    /* An empty list allows all; a list allows what is on it, and nothing that only looks
     * like it. */
    struct users_user free_user = named("free");
    cr_assert(users_may_stream(&free_user, "anything"));
    cr_assert(users_may_send_as(&free_user, "a@b"));
    cr_assert(users_may_come_from(&free_user, "192.0.2.1"));

    struct users_user user = named("bound");
    const char *streams[] = {"tx"};
    const char *from[] = {"example.com", "*.example.org", "me@example.net"};
    struct users_network networks[2] = {{.bits = 104}, {.bits = 32}};
    const uint8_t ten[16] = {[10] = 0xff, [11] = 0xff, [12] = 10};
    const uint8_t doc[16] = {0x20, 0x01, 0x0d, 0xb8};
    memcpy(networks[0].address, ten, 16);
    memcpy(networks[1].address, doc, 16);
    user.streams = streams;
    user.stream_count = 1;
    user.from = from;
    user.from_count = 3;
    user.networks = networks;
    user.network_count = 2;
    cr_assert(users_may_stream(&user, "tx"));
    cr_assert_not(users_may_stream(&user, "bulk"));
    static const char *const yes[] = {"",
                                      "a@example.com",
                                      "A@EXAMPLE.COM",
                                      "x@a.example.org",
                                      "x@a.b.example.org",
                                      "me@example.net",
                                      "ME@example.NET",
                                      "\"odd@local\"@example.com"};
    static const char *const no[] = {
        "a@example.org", "a@badexample.com", "a@example.com.evil",     "you@example.net",
        "example.com",   "a@xexample.org",   "a@example.com@evil.test"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        cr_assert(users_may_send_as(&user, yes[i]), "%s", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        cr_assert_not(users_may_send_as(&user, no[i]), "%s", no[i]);
    }
    cr_assert(users_may_come_from(&user, "10.255.0.1"));
    cr_assert(users_may_come_from(&user, "::ffff:10.0.0.1"));
    cr_assert(users_may_come_from(&user, "2001:db8:ffff::1"));
    cr_assert_not(users_may_come_from(&user, "11.0.0.1"));
    cr_assert_not(users_may_come_from(&user, "2001:db9::1"));
    cr_assert_not(users_may_come_from(&user, "nonsense"));
}

TEST(users, are_found_by_their_token)
{
    /* The token shown once finds its user, another one nobody; the file keeps only its
     * hash. */
    struct users *users = users_new();
    char token[USERS_TOKEN_TEXT_BYTES];
    char other[USERS_TOKEN_TEXT_BYTES];
    struct users_token kept;
    struct users_token unused;
    users_make_token(token, &kept);
    users_make_token(other, &unused);
    cr_assert_eq(strncmp(token, "mesura_", 7), 0);
    cr_assert_eq(strlen(token), 50);
    cr_assert_neq(strcmp(token, other), 0);
    struct users_user user = named("app");
    user.tokens = &kept;
    user.token_count = 1;
    put(users, &user);
    cr_assert_str_eq(users_find_token(users, token)->name, "app");
    cr_assert_null(users_find_token(users, other));
    cr_assert_null(users_find_token(users, ""));
    users_free(users);
}

TEST(users, certificates_and_references)
{
    /* A fingerprint names its user and nobody else; a table lives as long as somebody
     * holds it. */
    struct users *users = users_new();
    struct users_token print = {.hash = {7}};
    struct users_user user = named("cam");
    user.certificates = &print;
    user.certificate_count = 1;
    put(users, &user);
    struct users *again = users_ref(users);
    users_free(users);
    cr_assert_str_eq(users_find_certificate(again, print.hash)->name, "cam");
    print.hash[31] = 1;
    cr_assert_null(users_find_certificate(again, print.hash));
    users_free(again);
}
