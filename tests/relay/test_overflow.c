#include "relay/core.h"
#include "relay/overflow.h"

#include "tests/support/ramp_rig.h"

/* The source "one" is warming with 24 a day, "two" is warm; both serve the stream. */
static void start(struct core_rig *rig, const char *overflow, const char *other)
{
    static char config[1500];
    (void)snprintf(
        config, sizeof config,
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; warmup = \"mine\"; }%s "
        ");\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\"%s ]; } );\n"
        "warmups = ( { name = \"mine\"; start = 24; growth = 1.5; days = 9; per = "
        "\"source\"; %s } );\n"
        "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; "
        "} );\nadapt = { enabled = false; };\n",
        other[0] != '\0' ? ", { name = \"two\"; address = \"127.0.0.12\"; }" : "", other,
        overflow);
    core_rig_open(rig, config);
    ramp_rig_midnight(rig);
}

/* How many of the answered jobs left by each source. */
struct by_source {
    unsigned one;
    unsigned two;
};

static struct by_source spend(struct core_rig *rig, unsigned hours)
{
    struct by_source sent = {0};
    for (unsigned i = 0; i < 2 * hours; i++) {
        core_rig_pass(rig, RAMP_RIG_HOUR / 2);
        while (rig->job_count > 0) {
            bool is_one = strcmp(core_rig_source(rig), "one") == 0;
            sent.one += is_one;
            sent.two += !is_one;
            core_rig_answer(rig, "250 2.0.0 ok");
        }
    }
    return sent;
}

/* With nothing said, or "warm-source", what the warming source cannot take leaves at once
 * by the warm one, and the allowance holds. */
TEST(overflow, by_a_warm_source)
{
    static const char *const said[] = {"", "overflow = [ \"warm-source\" ];"};
    for (unsigned i = 0; i < 2; i++) {
        struct core_rig rig;
        start(&rig, said[i], ", \"two\"");
        ramp_rig_mail(&rig, 100);
        struct by_source sent = spend(&rig, 2);
        cr_assert_eq(sent.one + sent.two, 100);
        cr_assert_leq(sent.one, 24);
        core_rig_close(&rig);
    }
}

/* "wait": the warm source carries no more than its share by weight; the rest waits. */
TEST(overflow, wait)
{
    struct core_rig rig;
    start(&rig, "overflow = [ \"wait\" ];", ", \"two\"");
    ramp_rig_mail(&rig, 100);
    struct by_source sent = spend(&rig, 12);
    cr_assert(sent.one >= 8 && sent.one <= 13, "%u", sent.one);
    cr_assert_leq(sent.two, 5 * sent.one, "about as many as the warming one");
    cr_assert_gt(core_rig_queued(&rig), 20);
    core_rig_close(&rig);
}

/* "wait", then "warm-source": it waits for the release while the day has any left, and
 * goes by the warm source when it has not. */
TEST(overflow, wait_then_warm)
{
    struct core_rig rig;
    start(&rig, "overflow = [ \"wait\", \"warm-source\" ];", ", \"two\"");
    ramp_rig_mail(&rig, 300);
    ramp_rig_entry(&rig, "")->ledger.spent = 24;
    struct by_source sent = spend(&rig, 1);
    cr_assert_eq(sent.one + sent.two, 300);
    core_rig_close(&rig);
}

/* "hold": when the day's allowance is gone the rest is held, with who and why, and is not
 * sent by anybody until it is released. */
TEST(overflow, hold)
{
    struct core_rig rig;
    start(&rig, "overflow = [ \"hold\" ];", "");
    uint64_t last = 0;
    for (unsigned i = 0; i < 250; i++) {
        last = core_rig_accept(&rig, &(struct core_rig_mail){.sender = ""});
    }
    core_rig_run(&rig);
    struct by_source sent = spend(&rig, 1);
    cr_assert_leq(sent.one, 2);
    cr_assert_eq(core_rig_recipient(&rig, last).state, CHANGE_WAITING,
                 "while the day has some left it waits");
    ramp_rig_entry(&rig, "")->ledger.spent = 24;
    sent = spend(&rig, 2);
    cr_assert_eq(sent.one, 0);
    cr_assert_eq(core_rig_recipient(&rig, last).state, CHANGE_HELD);
    core_rig_close(&rig);
}

/* Copies for an archive leave whatever the allowance says, and count in no ramp. */
TEST(overflow, archives_are_outside)
{
    struct core_rig rig;
    start(&rig, "", "");
    ramp_rig_mail(&rig, 100);
    struct by_source sent = spend(&rig, 1);
    ramp_rig_entry(&rig, "")->ledger.spent = 24; /* the day is over */
    uint64_t waiting = core_rig_queued(&rig);
    cr_assert_gt(waiting, 90);
    for (unsigned i = 0; i < 50; i++) {
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.sender = "", .domain = "one.test;archive"});
    }
    core_rig_run(&rig);
    sent = spend(&rig, 1);
    cr_assert_eq(sent.one, 50);
    cr_assert_eq(ramp_rig_entry(&rig, "")->ledger.spent, 24);
    cr_assert_eq(core_rig_queued(&rig), waiting);
    core_rig_close(&rig);
}
