#include <string.h>

#include "relay/route.h"

#include "tests/support/test.h"

static const char *const one_host[] = {"127.0.0.1"};

#define RULE(DOMAIN, SENDER, STREAM)                                                   \
    {                                                                                  \
        .domain = (DOMAIN), .sender = (SENDER), .stream = (STREAM), .hosts = one_host, \
        .host_count = 1                                                                \
    }

static const struct route_rule rules[] = {
    RULE("*", "", -1),
    RULE("erp.example.net", "", -1),
    RULE(".example.net", "", -1),
    RULE(".b.example.net", "", -1),
    RULE("*", "@shop.example", -1),
    RULE("*", "billing@shop.example", -1),
    RULE("*", "", 2),
    RULE("*", "<>", -1),
    RULE("erp.example.net", "", 1),
    RULE("erp.example.net", "", 1),
};

static long chosen(const char *domain, const char *sender, int stream)
{
    struct route_ask ask = {.domain = domain, .sender = sender, .stream = stream};
    const struct route_rule *rule =
        route_choose(rules, sizeof rules / sizeof *rules, &ask);
    return rule == NULL ? -1 : rule - rules;
}

/* The most telling rule wins, whatever its place in the file; equals: the first. */
TEST(route, most_telling_wins)
{
    cr_assert_eq(chosen("other.example", "a@b.example", 0), 0);
    cr_assert_eq(chosen("erp.example.net", "a@b.example", 0), 1);
    cr_assert_eq(chosen("x.example.net", "a@b.example", 0), 2);
    cr_assert_eq(chosen("example.net", "a@b.example", 0), 0);
    cr_assert_eq(chosen("notexample.net", "a@b.example", 0), 0);
    cr_assert_eq(chosen("x.b.example.net", "a@b.example", 0), 3);
    cr_assert_eq(chosen("other.example", "news@Shop.Example", 0), 4);
    cr_assert_eq(chosen("other.example", "billing@SHOP.example", 2), 5);
    cr_assert_eq(chosen("other.example", "Billing@shop.example", 0), 4);
    cr_assert_eq(chosen("other.example", "a@b.example", 2), 6);
    cr_assert_eq(chosen("other.example", "", 0), 7);
    cr_assert_eq(chosen("erp.example.net", "", 1), 8);
}

/* Without a rule that fits, the MX records decide. */
TEST(route, none)
{
    struct route_ask ask = {
        .domain = "other.example", .sender = "a@b.example", .stream = 0};
    cr_assert_null(route_choose(rules + 1, 3, &ask));
    cr_assert_null(route_choose(rules, 0, &ask));
    ask.sender = "no-at-sign";
    cr_assert_null(route_choose(rules + 4, 2, &ask));
}

/* A route's name is its first host with the port in use. */
TEST(route, keys)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *key;
    } rows[] = {
        {"127.0.0.1", 2526, "127.0.0.1:2526"},
        {"::1", 0, "[::1]:25"},
        {"[::1]", 587, "[::1]:587"},
        {"smtp.example.net", 0, "smtp.example.net:25"},
        {"[smtp.example.net]", 465, "smtp.example.net:465"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[ROUTE_KEY_BYTES];
        const char *const hosts[] = {rows[i].host};
        struct route_rule rule = {.hosts = hosts, .host_count = 1, .port = rows[i].port};
        route_key(&rule, 25, key);
        cr_assert_str_eq(key, rows[i].key);
    }
    char longest[500];
    char key[ROUTE_KEY_BYTES];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    const char *const hosts[] = {longest};
    struct route_rule rule = {.hosts = hosts, .host_count = 1};
    route_key(&rule, 65535, key);
    cr_assert_eq(strlen(key), LIMIT_DOMAIN + 6);
}

/* A name that says which senders it is for, there and back; a rule is found again by its
 * own pattern; what does not fit is refused. */
TEST(route, labels)
{
    static const char *const hosts[] = {"h.test"};
    static const struct route_rule by_sender[] = {
        {.domain = "*",
         .sender = "@b.test",
         .stream = -1,
         .hosts = hosts,
         .host_count = 1},
        {.domain = "*",
         .sender = "a@b.test",
         .stream = -1,
         .hosts = hosts,
         .host_count = 1},
        {.domain = "*", .sender = "", .stream = -1, .hosts = hosts, .host_count = 1}};
    for (unsigned i = 0; i < 3; i++) {
        char name[LIMIT_DOMAIN + 1] = "x.test";
        char domain[LIMIT_DOMAIN + 1];
        if (i < 2) {
            cr_assert(
                route_label("x.test", false, by_sender[i].sender, name, sizeof name));
        }
        const char *sender = route_unlabel(name, domain);
        cr_assert_str_eq(domain, "x.test");
        cr_assert_str_eq(sender, by_sender[i].sender);
        struct route_ask ask = {.domain = domain, .sender = sender, .stream = 0};
        cr_assert_eq(route_choose(by_sender, 3, &ask), &by_sender[i]);
    }
    char small[16];
    cr_assert(route_label("a.test", false, "@b", small, sizeof small));
    cr_assert_not(route_label("a.test", false, "@b.t", small, sizeof small));
}

/* A copy for an archive waits under a name of its own, with or without a sender's route,
 * and leads to the same domain. */
TEST(route, archive)
{
    char name[LIMIT_DOMAIN + 1];
    char domain[LIMIT_DOMAIN + 1];
    cr_assert(route_label("x.test", true, "", name, sizeof name));
    cr_assert(route_is_archive(name));
    cr_assert_str_eq(route_unlabel(name, domain), "");
    cr_assert_str_eq(domain, "x.test");
    cr_assert(route_label("x.test", true, "@b.test", name, sizeof name));
    cr_assert(route_is_archive(name));
    cr_assert_str_eq(route_unlabel(name, domain), "@b.test");
    cr_assert_str_eq(domain, "x.test");
    cr_assert(route_label("x.test", false, "@b.test", name, sizeof name));
    cr_assert_not(route_is_archive(name));
    cr_assert_not(route_is_archive("x.test"));
}
