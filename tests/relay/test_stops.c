#include <string.h>

#include "relay/now.h"
#include "relay/smtp/params.h"
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
 * on. Nobody can say whether it is true: bulk stays stopped, other mail may go on, but
 * not to the receiver that refused. */
TEST(stops, listed)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    uint64_t caught = core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    struct source *one = core_rig_find_source(&rig, "one");
    cr_assert_eq(one->stop.state, STOP_CHECKING);
    cr_assert(atomic_load(&one->stop_flag) && atomic_load(&one->bulk_flag));
    cr_assert_eq(rig.job_count, 0);

    core_rig_crash(&rig);
    one = core_rig_find_source(&rig, "one");
    cr_assert_eq(one->stop.state, STOP_CHECKING, "the stop did not survive");
    cr_assert(atomic_load(&one->stop_flag));
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
        core_rig_run(&rig);
        cr_assert_str_eq(core_rig_source(&rig), "two");
        core_rig_answer(&rig, "250 2.0.0 ok");
    }
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    core_rig_pass(&rig, INT64_C(60) * 1000);
    cr_assert_eq(one->stop.state, STOP_HELD);
    cr_assert_eq(one->stop.reach, STOP_REACH_BULK_ONLY);
    cr_assert(atomic_load(&one->bulk_flag) && !atomic_load(&one->stop_flag));
    core_rig_pass(&rig, INT64_C(6) * 3600 * 1000);
    cr_assert_eq(rig.job_count, 0, "bulk left from a stopped source");
    cr_assert_eq(stops_clear(rig.core, one, "", "test", NULL), 2);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2);
    cr_assert(rig.jobs[0]->id == caught || rig.jobs[1]->id == caught);
    core_rig_answer(&rig, "250 2.0.0 ok");
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
    core_rig_pass(&rig, INT64_C(3) * 3600 * 1000);
    cr_assert_eq(rig.job_count, 0);
    (void)core_rig_accept(
        &rig, &(struct core_rig_mail){.stream = "bulk", .domain = "two.test"});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "another site waits too");
    core_rig_answer(&rig, "250 2.0.0 ok");
    core_rig_pass(&rig, INT64_C(3600) * 1000 + 2000);
    core_rig_pass(&rig, 2000);
    struct lane *lane = core_rig_lane(&rig, "one", "one.test");
    cr_assert_eq(lane->stop.state, STOP_CANARY);
    for (unsigned i = 0; i < 3; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    }
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "one message tries");
    cr_assert(rig.jobs[0]->is_lane_canary);
    core_rig_answer(&rig, REPUTATION);
    cr_assert_eq(lane->stop.state, STOP_HELD);
    cr_assert_eq(rig.job_count, 0);
    core_rig_pass(&rig, INT64_C(7) * 3600 * 1000);
    cr_assert_eq(rig.job_count, 0, "a refused canary doubles the hold");
    core_rig_pass(&rig, INT64_C(3602) * 1000);
    cr_assert_eq(rig.job_count, 1);
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(rig.job_count, 0, "five minutes between the steps");
    core_rig_pass(&rig, INT64_C(301) * 1000);
    cr_assert_eq(rig.job_count, 1, "two may go, and one connection");
    core_rig_close(&rig);
}

/* A stream that observes stops nothing, does not storm, and heeds no stop of others. */
TEST(stops, observe)
{
    struct core_rig rig;
    core_rig_open(&rig, observing);
    uint64_t id =
        core_rig_accept(&rig, &(struct core_rig_mail){.notify = PARAMS_NOTIFY_NEVER});
    core_rig_run(&rig);
    core_rig_answer(&rig, LISTED);
    cr_assert_eq(core_rig_find_source(&rig, "one")->stop.state, STOP_CLEAR);
    cr_assert_eq(rig.job_count, 0, "tried again at once");
    cr_assert_eq(index_find(rig.core->index, id), 0, "the reply was final");
    cr_assert_eq(core_rig_lane(&rig, "one", "one.test")->stop.state, STOP_CLEAR);

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
    const struct config *config = rig.core->snapshot->config;
    const struct config_stream *stream = &config->streams[1];
    lane->stop.until_unix_ms = CORE_RIG_START - 1;
    int64_t until_ns = 0;
    int64_t now = now_ns();
    cr_assert(stops_lane_holds(lane, config, stream, now, &until_ns));
    cr_assert_gt(until_ns, now);
    stops_tick(rig.core, now_unix_ms());
    cr_assert_eq(lane->stop.state, STOP_CANARY);
    cr_assert_not(atomic_load(&lane->stop_flag));
    core_rig_close(&rig);
}
