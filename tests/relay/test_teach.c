#include "relay/now.h"
#include "relay/sites.h"
#include "relay/teach.h"

#include "tests/support/core_rig.h"
#include "tests/support/test.h"

static struct core_rig rig;

static struct dest *dest_of(const struct core_rig *from, uint64_t id)
{
    struct lading *lading = core_rig_recipient(from, id).flow->owner;
    return lading->dest;
}

/* Nobody there closes the destination for a while, and costs the lane nothing; a server
 * that speaks opens it again. */
TEST(teach, silence_closes_the_destination)
{
    struct core_rig_mail mail = {0};
    core_rig_open(&rig, "");
    uint64_t id = core_rig_accept(&rig, &mail);
    core_rig_run(&rig);
    core_rig_answer(&rig, "");
    cr_assert_eq(dest_of(&rig, id)->state, DEST_DOWN);
    cr_assert_eq(rig.job_count, 0);

    core_rig_pass(&rig, 20000);
    cr_assert_eq(rig.job_count, 1);
    core_rig_answer(&rig, "450 4.2.1 not now");
    cr_assert_eq(dest_of(&rig, id)->state, DEST_OPEN);
    core_rig_close(&rig);
}

/* A reply that names a list stops the source of the job and no other. */
TEST(teach, a_list_stops_the_source)
{
    struct core_rig_mail mail = {0};
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &mail);
    core_rig_run(&rig);
    struct source *source = core_rig_find_source(&rig, core_rig_source(&rig));
    core_rig_answer(&rig, "554 5.7.1 Service unavailable; blocked using bl.spamcop.net");
    unsigned stopped = 0;
    for (uint32_t i = 0; i < rig.core->sources.count; i++) {
        stopped += rig.core->sources.items[i]->stop.state != STOP_CLEAR;
    }
    bool is_stopped = source->stop.state != STOP_CLEAR;
    core_rig_close(&rig);
    cr_assert(is_stopped);
    cr_assert_eq(stopped, 1);
}

/* Answers that take longer than usual are a warning: the rate does not grow on them. */
TEST(teach, slower_answers_stop_growth)
{
    core_rig_open(&rig, "adapt = { start_rate = \"10/s\"; };\n");
    struct site *site = NULL;
    double before = 0;
    for (unsigned i = 0; i < 400; i++) {
        struct core_rig_mail mail = {0};
        (void)core_rig_accept(&rig, &mail);
        core_rig_pass(&rig, 1000);
        cr_assert_geq(rig.job_count, 1);
        rig.jobs[0]->transmit_ns = (i < 200 ? 50 : 9000) * NOW_NS_PER_MS;
        core_rig_answer(&rig, "250 2.0.0 ok");
        site = sites_find(&rig.core->sites, "one.test");
        struct lane *lane = LIST_OWNER(list_first(&site->lanes), struct lane, by_site);
        if (i == 199) {
            cr_assert_eq(lane->slow_said_ns, 0);
            before = lane->control.rate;
        }
        if (i == 230) {
            cr_assert_neq(lane->slow_said_ns, 0, "nobody was told");
            cr_assert_float_eq(lane->control.rate, before, 1e-9, "it has grown");
            cr_assert_float_eq(lane->control.step_used, 0, 2.0);
        }
    }
    core_rig_close(&rig);
}
