/* What asking the list decides: the table of docs/policy.md, on a core with a name
 * server.
 */

#include <stdio.h>
#include <string.h>

#include "relay/now.h"
#include "relay/stops.h"
#include "relay/watcher.h"

#include "tests/support/core_rig.h"

#define MINUTE (INT64_C(60) * 1000)
#define HOUR   (60 * MINUTE)

#define BLOCKED(IP, ZONE) \
    "554 5.7.1 Service unavailable; Client host [" IP "] blocked using " ZONE

static const char config[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; public = \"192.0.2.1\"; "
    "shared "
    "= true; } );\n"
    "streams = ( { name = \"transactional\"; weight = 10; sources = [ \"one\" ]; },\n"
    "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; } "
    ");\n"
    "adapt = { enabled = false; };\n"
    "dnsbl = { zones = ( { zone = \"bl.spamcop.net\"; },\n"
    "  { zone = \"rbl.partner.test\"; kind = \"complaint\"; codes = [ \"127.0.0.9\" ]; } "
    "); "
    "};\n";

/* The mail's way, and what the lists say: [9] is filled in by each test. */
static struct nameserver_row rows[] = {
    {"one.test", DNS_MX, "10 mx.one.test", 86400},
    {"mx.one.test", DNS_A, "8.8.8.1", 86400},
    {"two.test", DNS_MX, "10 mx.two.test", 86400},
    {"mx.two.test", DNS_A, "8.8.8.2", 86400},
    {"three.test", DNS_MX, "10 mx.three.test", 86400},
    {"mx.three.test", DNS_A, "8.8.8.3", 86400},
    {"from.test", DNS_MX, "10 mx.from.test", 86400},
    {"mx.from.test", DNS_A, "8.8.8.9", 86400},
    {"2.0.0.127.bl.spamcop.net", DNS_A, "127.0.0.2", 60},
    {"x", 0, "!NXDOMAIN", 0},
    {"2.0.0.127.zen.spamhaus.org", DNS_A, "127.0.0.2", 60},
    {"x", 0, "!NXDOMAIN", 0},
    {NULL, 0, NULL, 0}};

static struct core_rig rig;

/* The rig whose lists answer this. */
static void open_rig(const char *spamcop, const char *zen)
{
    rows[9] = (struct nameserver_row){"1.2.0.192.bl.spamcop.net", DNS_A, spamcop, 60};
    rows[11] = (struct nameserver_row){"1.2.0.192.zen.spamhaus.org", DNS_A, zen, 60};
    core_rig_open(&rig, config);
    rig.names.rows = rows;
}

/* A message of the stream to the domain, answered like that. */
static void refuse(const char *stream, const char *domain, const char *reply)
{
    (void)core_rig_accept(&rig,
                          &(struct core_rig_mail){.stream = stream, .domain = domain});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "no job for %s", domain);
    core_rig_answer(&rig, reply);
}

/* Does mail of the stream to the domain leave? It is accepted when it does. */
static bool leaves(const char *stream, const char *domain)
{
    (void)core_rig_accept(&rig,
                          &(struct core_rig_mail){.stream = stream, .domain = domain});
    core_rig_run(&rig);
    bool left = rig.job_count > 0;
    while (rig.job_count > 0) {
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    return left;
}

/* Time passes in steps: a second, where questions are to be asked. */
static void pass(int64_t ms, int64_t step_ms)
{
    for (int64_t passed = 0; passed < ms; passed += step_ms) {
        core_rig_pass(&rig, step_ms);
    }
}

static struct stop *stop_of_source(void)
{
    return &core_rig_find_source(&rig, "one")->stop;
}

/* SBL and its like: a healthy zone says so, nothing leaves, before and after a crash. */
TEST(stops_proof, grave)
{
    open_rig("!NXDOMAIN", "127.0.0.2");
    refuse("transactional", "one.test", BLOCKED("192.0.2.1", "zen.spamhaus.org"));
    cr_assert_eq(stop_of_source()->state, STOP_CHECKING);
    cr_assert_not(leaves("transactional", "two.test"), "it is frozen at once");
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(stop_of_source()->state, STOP_HELD);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_ALL);
    cr_assert(stop_of_source()->was_listed);
    core_rig_crash(&rig);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_ALL);
    for (unsigned hour = 0; hour < 72; hour++) {
        core_rig_pass(&rig, HOUR);
        pass(4000, 1000); /* two test points and the question */
    }
    cr_assert_eq(rig.job_count, 0, "it left while the list still has it");
    cr_assert_eq(stop_of_source()->state, STOP_HELD);
    core_rig_close(&rig);
}

/* SpamCop: bulk stops everywhere, transactional mail goes on carefully, but not to who
 * refused. */
TEST(stops_proof, careful)
{
    open_rig("127.0.0.2", "!NXDOMAIN");
    refuse("bulk", "one.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_BULK);
    cr_assert_not(leaves("bulk", "two.test"));
    cr_assert_not(leaves("transactional", "one.test"));
    for (unsigned i = 0; i < 5; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "two.test"});
    }
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "one connection");
    core_rig_close(&rig);
}

/* The way back: off the list, a day, canaries to who refused, then a quarter. */
TEST(stops_proof, comes_back_by_canary)
{
    open_rig("127.0.0.2", "!NXDOMAIN");
    refuse("bulk", "one.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
    core_rig_pass(&rig, INT64_C(10) * 1000);
    rows[9].data = "!NXDOMAIN";
    core_rig_pass(&rig, 23 * HOUR);
    pass(70 * MINUTE, 2000);
    while (rig.job_count > 0) { /* its sender was told after a day */
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    cr_assert_eq(stop_of_source()->state, STOP_CANARY, "state %s",
                 stop_state_name(stop_of_source()->state));
    cr_assert_not(leaves("bulk", "two.test"), "the canary goes to who refused");
    unsigned canaries = 0;
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.stream = "bulk", .lifetime_ms = 30 * HOUR});
    }
    for (unsigned i = 0; i < 60 && stop_of_source()->state == STOP_CANARY; i++) {
        core_rig_pass(&rig, MINUTE);
        while (rig.job_count > 0 && rig.jobs[0]->is_source_canary) {
            canaries++;
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    cr_assert_eq(canaries, 15);
    cr_assert_eq(stop_of_source()->state, STOP_RESUMING);
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    cr_assert_eq(lane->stop.state, STOP_CLEAR, "its refusal was part of that stop");
    core_rig_close(&rig);
}

/* PBL: a configuration error, bulk alone. */
TEST(stops_proof, policy_list)
{
    open_rig("!NXDOMAIN", "127.0.0.10");
    refuse("bulk", "one.test", BLOCKED("192.0.2.1", "zen.spamhaus.org"));
    core_rig_pass(&rig, INT64_C(10) * 1000);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_BULK_ONLY);
    cr_assert(leaves("transactional", "two.test"));
    core_rig_close(&rig);
}

/* A receiver that lies: a healthy zone says no twice, ten minutes apart; the source is
 * back, the liar stays stopped for a day. */
TEST(stops_proof, a_lie)
{
    open_rig("!NXDOMAIN", "!NXDOMAIN");
    refuse("transactional", "one.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
    pass(9 * MINUTE, 1000);
    cr_assert_eq(stop_of_source()->state, STOP_CHECKING);
    pass(2 * MINUTE, 1000);
    cr_assert_eq(stop_of_source()->state, STOP_CLEAR);
    cr_assert(leaves("transactional", "two.test") && leaves("bulk", "two.test"));
    core_rig_pass(&rig, 20 * HOUR);
    cr_assert_not(leaves("transactional", "one.test"), "the liar's lane");
    core_rig_close(&rig);
}

/* The address named is none of ours: nobody is asked, only that lane stops. */
TEST(stops_proof, not_ours)
{
    open_rig("127.0.0.2", "127.0.0.2");
    refuse("transactional", "one.test", BLOCKED("203.0.113.7", "bl.spamcop.net"));
    cr_assert_eq(stop_of_source()->state, STOP_CLEAR);
    cr_assert(leaves("transactional", "two.test") && leaves("bulk", "two.test"));
    cr_assert_not(leaves("transactional", "one.test"));
    core_rig_close(&rig);
}

static const char *const lane_lists[] = {"dnsbl-3.uceprotect.net", "dnsbl.sorbs.net",
                                         "rbl.private.test"};

/* Lists of networks, closed ones, ones that nobody knows: only that lane stops. */
TEST(stops_proof, lists_that_say_little)
{
    for (size_t i = 0; i < sizeof lane_lists / sizeof lane_lists[0]; i++) {
        char reply[200];
        (void)snprintf(reply, sizeof reply, BLOCKED("192.0.2.1", "%s"), lane_lists[i]);
        open_rig("127.0.0.2", "127.0.0.2");
        refuse("transactional", "one.test", reply);
        cr_assert_eq(stop_of_source()->state, STOP_CLEAR, "%s", lane_lists[i]);
        cr_assert(leaves("transactional", "two.test"));
        cr_assert_not(leaves("transactional", "one.test"), "%s", lane_lists[i]);
        core_rig_close(&rig);
    }
}

/* A private list that the operator has declared counts, by the codes that he gave. */
TEST(stops_proof, a_list_of_the_operators)
{
    static const char *const answers[] = {"127.0.0.9", "127.0.0.2"};
    for (unsigned i = 0; i < 2; i++) {
        open_rig("!NXDOMAIN", "!NXDOMAIN");
        rows[9] =
            (struct nameserver_row){"1.2.0.192.rbl.partner.test", DNS_A, answers[i], 60};
        rows[11] =
            (struct nameserver_row){"2.0.0.127.rbl.partner.test", DNS_A, "127.0.0.9", 60};
        refuse("bulk", "one.test", BLOCKED("192.0.2.1", "rbl.partner.test"));
        core_rig_pass(&rig, INT64_C(40) * 1000);
        cr_assert_eq(stop_of_source()->reach,
                     i == 0 ? STOP_REACH_BULK : STOP_REACH_BULK_ONLY);
        cr_assert_eq(stop_of_source()->was_listed, i == 0);
        core_rig_close(&rig);
    }
}

/* Zones that cannot tell: no test entry, a wildcard, an error code, silence. Bulk stops,
 * transactional mail does not, until three independent sites say the same. */
TEST(stops_proof, cannot_tell)
{
    static const char *const answers[] = {"!NXDOMAIN", "203.0.113.9", "127.255.255.254",
                                          "!SERVFAIL"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        open_rig("127.0.0.2", "!NXDOMAIN");
        rows[8].data = answers[i];
        refuse("transactional", "one.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
        core_rig_pass(&rig, INT64_C(40) * 1000);
        cr_assert_eq(stop_of_source()->state, STOP_HELD, "%s", answers[i]);
        cr_assert_eq(stop_of_source()->reach, STOP_REACH_BULK_ONLY, "%s", answers[i]);
        cr_assert(leaves("transactional", "two.test"));
        refuse("transactional", "two.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
        cr_assert(leaves("transactional", "three.test"), "two are not three");
        refuse("transactional", "three.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
        cr_assert_eq(stop_of_source()->reach, STOP_REACH_ALL, "%s", answers[i]);
        cr_assert_not(leaves("transactional", "from.test"));
        rows[8].data = "127.0.0.2";
        core_rig_close(&rig);
    }
}

/* A zone that lists everything says yes to 127.0.0.1 too: it cannot tell. */
TEST(stops_proof, a_zone_that_lists_the_world)
{
    open_rig("127.0.0.2", "127.0.0.2");
    rows[11] =
        (struct nameserver_row){"1.0.0.127.bl.spamcop.net", DNS_A, "127.0.0.2", 60};
    refuse("transactional", "one.test", BLOCKED("192.0.2.1", "bl.spamcop.net"));
    core_rig_pass(&rig, INT64_C(40) * 1000);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_BULK_ONLY);
    cr_assert_not(stop_of_source()->was_listed);
    core_rig_close(&rig);
}

/* The watcher finds a listing by itself, on the second look, before any receiver does. */
TEST(stops_proof, watched)
{
    open_rig("127.0.0.2", "!NXDOMAIN");
    core_rig_pass(&rig, MINUTE);
    cr_assert_eq(stop_of_source()->state, STOP_CLEAR, "once is not twice");
    pass(10 * MINUTE, 1000);
    cr_assert_eq(stop_of_source()->state, STOP_HELD);
    cr_assert_eq(stop_of_source()->reach, STOP_REACH_BULK);
    struct watcher_row row;
    cr_assert(watcher_row(rig.core->watcher, 0, &row));
    cr_assert_str_eq(row.state, "listed");
    cr_assert_str_eq(row.ip, "192.0.2.1");
    core_rig_close(&rig);
}

/* Several receivers that refuse the source for its reputation stop it; one does not. */
TEST(stops_proof, reputation)
{
    static const char refused[] =
        "550 5.7.1 message refused: poor reputation of your IP address";
    open_rig("!NXDOMAIN", "!NXDOMAIN");
    cr_assert(leaves("transactional", "from.test"));
    refuse("transactional", "one.test", refused);
    cr_assert_eq(stop_of_source()->state, STOP_CLEAR);
    refuse("transactional", "two.test", refused);
    cr_assert_eq(stop_of_source()->state, STOP_HELD, "two of three sites");
    cr_assert_eq(stop_of_source()->cause, STOP_CAUSE_REPUTATION);
    cr_assert_not(leaves("transactional", "from.test"));
    core_rig_close(&rig);
}
