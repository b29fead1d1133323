#include <string.h>

#include "relay/now.h"
#include "relay/watcher.h"

#include "tests/support/core_rig.h"

#define MINUTE (INT64_C(60) * 1000)

static struct netaddr address_of(const char *text)
{
    struct netaddr out;
    cr_assert_eq(netaddr_parse(text, 0, &out), 0);
    return out;
}

/* Octets and nibbles in reverse; a name that DNS would not take is refused. */
TEST(watcher, names)
{
    char name[512];
    char zone[256];
    struct netaddr v4 = address_of("192.0.2.1");
    struct netaddr v6 = address_of("2001:db8::1");

    cr_assert(watcher_name(&v4, "bl.example", name, sizeof name));
    cr_assert_str_eq(name, "1.2.0.192.bl.example");
    cr_assert(watcher_name(&v6, "bl.example", name, sizeof name));
    cr_assert_str_eq(name,
                     "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
                     "bl.example");
    memset(zone, 'a', 255);
    zone[255] = '\0';
    cr_assert_not(watcher_name(&v4, zone, name, sizeof name));
    cr_assert_not(watcher_name(&(struct netaddr){0}, "bl.example", name, sizeof name));
}

/* What a list is: the file's word, else its name's; under which name it is asked. */
TEST(watcher, lists)
{
    struct core_rig rig;
    core_rig_open(&rig,
                  "dnsbl = { zones = ( { zone = \"bl.spamcop.net\"; kind = \"network\"; "
                  "}, { zone = \"rbl.partner.test\"; kind = \"grave\"; } ); };\n");
    struct watcher *watcher = rig.core->watcher;
    cr_assert_eq(watcher_kind(watcher, "bl.spamcop.net"), STOP_LIST_WIDE);
    cr_assert_eq(watcher_kind(watcher, "SpamCop"), STOP_LIST_WIDE);
    cr_assert_eq(watcher_kind(watcher, "rbl.partner.test"), STOP_LIST_GRAVE);
    cr_assert_eq(watcher_kind(watcher, "zen.spamhaus.org"), STOP_LIST_MIXED);
    cr_assert_eq(watcher_kind(watcher, "rbl.nobody.test"), STOP_LIST_UNKNOWN);
    cr_assert_str_eq(watcher_zone(watcher, "SpamCop"), "bl.spamcop.net");
    cr_assert_str_eq(watcher_zone(watcher, "Spamhaus"), "zen.spamhaus.org");
    core_rig_close(&rig);
}

static const struct nameserver_row clean[] = {
    {"2.0.0.127.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {NULL, 0, NULL, 0}};

/* At most one question a second, the test points before the address; private and unknown
 * addresses are not asked about, nor the test points themselves. */
TEST(watcher, one_question_a_second)
{
    struct core_rig rig;
    core_rig_open(
        &rig, "sources = ( { name = \"a\"; address = \"127.0.0.11\"; public = "
              "\"192.0.2.1\"; },\n"
              "  { name = \"b\"; address = \"127.0.0.12\"; public = \"192.0.2.2\"; },\n"
              "  { name = \"c\"; address = \"127.0.0.13\"; public = \"10.0.0.1\"; } );\n"
              "streams = ( { name = \"transactional\"; sources = [ \"a\", \"b\", \"c\" "
              "]; } );\n");
    rig.names.rows = clean;
    unsigned before = rig.names.asked;
    for (unsigned second = 1; second <= 60; second++) {
        core_rig_pass(&rig, 1000);
        cr_assert_leq(rig.names.asked - before, second);
    }
    cr_assert_eq(rig.names.asked - before, 4, "two test points, two addresses");
    struct watcher_row row;
    cr_assert(watcher_row(rig.core->watcher, 1, &row));
    cr_assert_str_eq(row.state, "clean");
    cr_assert_not(watcher_row(rig.core->watcher, 2, &row));
    struct source *source = core_rig_find_source(&rig, "a");
    struct netaddr test = address_of("127.0.0.2");
    struct netaddr private = address_of("10.0.0.1");
    cr_assert_not(watcher_ask(rig.core->watcher, source, "bl.spamcop.net", &test));
    cr_assert_not(watcher_ask(rig.core->watcher, source, "bl.spamcop.net", &private));
    cr_assert_not(watcher_ask(rig.core->watcher, source, "no zone at all", &private));
    core_rig_close(&rig);
}

static const struct nameserver_row broken[] = {
    {"2.0.0.127.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {"1.2.0.192.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {"2.2.0.192.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {"1.100.51.198.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {"2.100.51.198.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {NULL, 0, NULL, 0}};

/* All four sources of two networks at once: the list is at fault, nothing stops. */
TEST(watcher, breaker)
{
    struct core_rig rig;
    core_rig_open(
        &rig, "sources = ( { name = \"a\"; address = \"127.0.0.11\"; public = "
              "\"192.0.2.1\"; },\n"
              "  { name = \"b\"; address = \"127.0.0.12\"; public = \"192.0.2.2\"; },\n"
              "  { name = \"c\"; address = \"127.0.0.13\"; public = \"198.51.100.1\"; "
              "},\n"
              "  { name = \"d\"; address = \"127.0.0.14\"; public = \"198.51.100.2\"; } "
              ");\n"
              "streams = ( { name = \"transactional\"; sources = [ \"a\", \"b\", \"c\", "
              "\"d\" ]; } );\n");
    rig.names.rows = broken;
    for (int64_t ms = 0; ms < 45 * MINUTE; ms += 1000) {
        core_rig_pass(&rig, 1000);
    }
    unsigned stopped = 0;
    for (uint32_t i = 0; i < rig.core->sources.count; i++) {
        stopped += rig.core->sources.items[i]->stop.state != STOP_CLEAR;
    }
    cr_assert_leq(stopped, 1, "%u sources stopped by a list that lists everybody",
                  stopped);
    core_rig_close(&rig);
}
