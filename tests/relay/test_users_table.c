#include <string.h>

#include "relay/users_table.h"

#include "tests/support/test.h"

TEST(users_table, knows_names_streams_and_senders)
{
    /* What a file may hold is told from what it may not. */
    cr_assert(users_table_is_name("erp-1.test_x+y@example.com"));
    cr_assert_not(users_table_is_name(""));
    cr_assert_not(users_table_is_name("a b"));
    cr_assert_not(users_table_is_name("a=b"));
    cr_assert_not(users_table_is_name("#a"));
    char large[USERS_NAME_BYTES + 1];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    cr_assert_not(users_table_is_name(large));
    cr_assert(users_table_is_stream("bulk-2"));
    cr_assert_not(users_table_is_stream("bulk,x"));
    static const char *const good[] = {"example.com", "*.example.com", "me@example.com",
                                       "o'neil+x@example.com"};
    static const char *const bad[] = {"",
                                      "*",
                                      "*.",
                                      "*example.com",
                                      "@example.com",
                                      "me@",
                                      "example..com",
                                      ".com",
                                      "a b@example.com",
                                      "me@exa mple"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(users_table_is_from(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(users_table_is_from(bad[i]), "%s", bad[i]);
    }
}

TEST(users_table, knows_hashes_and_their_cost)
{
    /* Only argon2id hashes are taken, and none whose cost would stop the door. */
    char hash[USERS_HASH_BYTES] = "";
    cr_assert_eq(users_hash("secret", hash), 0);
    cr_assert(users_table_is_hash(hash));
    static const char *const bad[] = {
        "",
        "secret",
        "$argon2id$",
        "$argon2id$v=19$m=65536,t=2,p=1$",
        "$argon2i$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
        "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=65536,t=999,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(users_table_is_hash(bad[i]), "%s", bad[i]);
    }
}

TEST(users_table, reads_networks_and_numbers)
{
    /* Networks of both families are read, bits below the mask cleared; nonsense is
     * refused. */
    struct users_network network;
    cr_assert(users_table_network("192.0.2.77/24", &network));
    cr_assert_eq(network.bits, 120);
    cr_assert_eq(network.address[15], 0);
    cr_assert_eq(network.address[14], 2);
    cr_assert(users_table_network("2001:db8::1", &network));
    cr_assert_eq(network.bits, 128);
    cr_assert(users_table_network("0.0.0.0/0", &network));
    cr_assert_eq(network.bits, 96);
    static const char *const bad[] = {"",
                                      "/",
                                      "192.0.2.0/33",
                                      "192.0.2/24",
                                      "2001:db8::/129",
                                      "192.0.2.0/",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/2x",
                                      "host"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(users_table_network(bad[i], &network), "%s", bad[i]);
    }
    uint64_t number = 42;
    cr_assert(users_table_number("4294967295", UINT32_MAX, &number));
    cr_assert_eq(number, UINT32_MAX);
    cr_assert(users_table_number("007", 10, &number));
    cr_assert_eq(number, 7);
    static const char *const none[] = {
        "", "-1", "+1", "1 ", "0x1", "11", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        cr_assert_not(users_table_number(none[i], 10, &number), "%s", none[i]);
        cr_assert_eq(number, 7);
    }
}
