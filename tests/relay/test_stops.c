#include <string.h>

#include "relay/now.h"
#include "relay/stops.h"

#include "tests/support/core_rig.h"

#define LISTED                                                               \
    "554 5.7.1 Service unavailable; Client host [127.0.0.11] blocked using " \
    "zen.spamhaus.org"
#define REPUTATION "550 5.7.1 message refused: poor reputation of your IP address"

static const char observing[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; mode = \"observe\"; "
    "},\n"
    "            { name = \"bulk\"; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );\n"
    "adapt = { enabled = false; };\n";

static const char falling_back[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; },\n"
    "            { name = \"spare\"; address = \"127.0.0.13\"; } );\n"
    "streams = ( { name = \"transactional\"; sources = [ \"one\" ]; fallback_source = "
    "\"spare\"; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"unlimited\"; } );\n"
    "adapt = { enabled = false; };\n";

/* A reply that names a list stops the source at once, on the disk too; other sources go
 * on, and nothing hops to them that was tried from it. */
TEST(stops, listed)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t caught = core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    struct source *one = core_rig_find_source(&rig, "one");
    cr_assert_neq(one->stop.state, STOP_CLEAR);
    cr_assert(atomic_load(&one->stop_flag));
    cr_assert_eq(rig.job_count, 0);

    core_rig_crash(&rig);
    one = core_rig_find_source(&rig, "one");
    cr_assert_neq(one->stop.state, STOP_CLEAR, "the stop did not survive");
    cr_assert(atomic_load(&one->stop_flag));
    core_rig_pass(&rig, 6 * 3600 * 1000);
    cr_assert_eq(rig.job_count, 0, "mail left from a stopped source");
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
        core_rig_run(&rig);
        cr_assert_str_eq(core_rig_source(&rig), "two");
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    cr_assert_eq(stops_clear(rig.core, one, "", "test", NULL), 1);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(rig.jobs[0]->id, caught);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_close(&rig);
}

/* Without a fallback mail waits; with one it goes there while all else is stopped. */
TEST(stops, fallback)
{
    struct core_rig rig;
    core_rig_open(&rig, falling_back);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_str_eq(core_rig_source(&rig), "one");
    core_rig_answer(&rig, LISTED);
    uint64_t fresh = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_eq(rig.jobs[0]->id, fresh);
    cr_assert_str_eq(core_rig_source(&rig), "spare");
    core_rig_close(&rig);
}

/* A receiver that dislikes us stops its lane alone, for four hours, across a restart. */
TEST(stops, lane)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, REPUTATION);
    cr_assert_neq(core_rig_lane(&rig, "one", "one.test")->stop.state, STOP_CLEAR);
    cr_assert_eq(core_rig_find_source(&rig, "one")->stop.state, STOP_CLEAR);
    core_rig_stop(&rig);
    core_rig_start(&rig);
    cr_assert_neq(core_rig_lane(&rig, "one", "one.test")->stop.state, STOP_CLEAR);
    core_rig_pass(&rig, 3 * 3600 * 1000);
    cr_assert_eq(rig.job_count, 0);
    (void)core_rig_accept(
        &rig, &(struct core_rig_mail){.stream = "bulk", .domain = "two.test"});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "another site waits too");
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_pass(&rig, 3600 * 1000 + 2000);
    core_rig_pass(&rig, 2000);
    cr_assert_eq(core_rig_lane(&rig, "one", "one.test")->stop.state, STOP_CLEAR);
    cr_assert_eq(rig.job_count, 1);
    core_rig_close(&rig);
}

/* A stream that observes stops nothing, does not storm, and heeds no stop of others. */
TEST(stops, observe)
{
    struct core_rig rig;
    core_rig_open(&rig, observing);
    uint64_t id = core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    cr_assert_eq(core_rig_find_source(&rig, "one")->stop.state, STOP_CLEAR);
    cr_assert_eq(rig.job_count, 0, "tried again at once");
    cr_assert_eq(core_rig_recipient(&rig, id).phase, INDEX_DEFERRED);

    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    cr_assert_neq(core_rig_find_source(&rig, "one")->stop.state, STOP_CLEAR);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1);
    cr_assert_not(atomic_load(rig.jobs[0]->source_stop), "the worker would give it back");
    core_rig_close(&rig);
}

/* A stop whose time is over holds until the tick that takes the flag away. */
TEST(stops, over_but_not_lifted)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, REPUTATION);
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    const struct config_stream *stream = &rig.core->snapshot->config->streams[1];
    lane->stop.until_unix_ms = CORE_RIG_START - 1;
    int64_t until_ns = 0;
    int64_t now = now_ns();
    cr_assert(stops_lane_holds(lane, stream, now, &until_ns));
    cr_assert_gt(until_ns, now);
    stops_tick(rig.core, now_unix_ms());
    cr_assert_not(stops_lane_holds(lane, stream, now, &until_ns));
    core_rig_close(&rig);
}
