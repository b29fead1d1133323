#include <string.h>

#include "relay/shares.h"
#include "relay/sites.h"

#include "tests/support/core_rig.h"

static const char shared[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; } );\n"
    "streams = ( { name = \"transactional\"; weight = 3; sources = [ \"one\" ]; },\n"
    "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_connections = 8; max_rate = \"unlimited\"; } "
    ");\n"
    "adapt = { enabled = false; };\n";

static unsigned jobs_of(struct core_rig *rig, const char *stream)
{
    unsigned count = 0;
    for (unsigned i = 0; i < rig->job_count; i++) {
        const struct flow *flow = core_rig_recipient(rig, rig->jobs[i]->id).flow;
        count += strcmp(flow->stream, stream) == 0;
    }
    return count;
}

/* Bulk alone on a shared source takes half the connections: a password reset that comes
 * finds one free, and need not wait for an answer. */
TEST(shares, bulk_leaves_half)
{
    struct core_rig rig;
    core_rig_open(&rig, shared);
    for (unsigned i = 0; i < 100; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    }
    core_rig_pass(&rig, 1000);
    cr_assert_eq(rig.job_count, 4, "bulk holds %u of 8", rig.job_count);
    (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    core_rig_run(&rig);
    cr_assert_eq(jobs_of(&rig, "transactional"), 1);
    while (rig.job_count > 0) {
        core_rig_answer(&rig, "250 2.0.0 ok");
        cr_assert_leq(jobs_of(&rig, "bulk"), 4);
    }
    cr_assert_eq(core_rig_queued(&rig), 0);
    core_rig_close(&rig);
}

/* Both have plenty: connections by weight, and neither has none. */
TEST(shares, by_weight)
{
    struct core_rig rig;
    core_rig_open(&rig, shared);
    for (unsigned i = 0; i < 200; i++) {
        (void)core_rig_accept(&rig,
                              &(struct core_rig_mail){.stream = i % 2 ? "bulk" : NULL});
    }
    core_rig_pass(&rig, 1000);
    for (unsigned i = 0; i < 100 && rig.job_count > 0; i++) {
        core_rig_answer(&rig, "250 2.0.0 ok");
        cr_assert_leq(jobs_of(&rig, "bulk"), 4);
        cr_assert_leq(jobs_of(&rig, "transactional"), 8);
    }
    cr_assert_eq(jobs_of(&rig, "bulk"), 2, "a quarter of eight");
    cr_assert_eq(jobs_of(&rig, "transactional"), 6);
    core_rig_close(&rig);
}

/* One stream alone, which is not bulk, has all of them. */
TEST(shares, alone)
{
    struct core_rig rig;
    core_rig_open(&rig, shared);
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    }
    core_rig_pass(&rig, 1000);
    cr_assert_eq(rig.job_count, 8);
    core_rig_close(&rig);
}

/* A throttled lane is tried with what is not bulk, when there is such mail. */
TEST(shares, bulk_yields_while_throttled)
{
    static const char learning[] =
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; } );\n"
        "streams = ( { name = \"transactional\"; weight = 3; sources = [ \"one\" ]; },\n"
        "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
        "adapt = { start_rate = \"10/s\"; };\n";
    struct core_rig rig;
    core_rig_open(&rig, learning);
    for (unsigned i = 0; i < 20; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
    }
    core_rig_pass(&rig, 1000);
    cr_assert_gt(rig.job_count, 0);
    while (rig.job_count > 0) {
        core_rig_answer(&rig, "421 4.7.0 rate limited");
    }
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "one.test"});
    for (unsigned i = 0; i < 120 && rig.job_count == 0; i++) {
        core_rig_pass(&rig, 10000);
    }
    cr_assert_eq(rig.job_count, 1, "one probe");
    cr_assert_eq(jobs_of(&rig, "transactional"), 1, "bulk was the probe");
    core_rig_close(&rig);
}
