#include <string.h>

#include "relay/freezes.h"
#include "relay/now.h"
#include "relay/scheduler.h"
#include "relay/slots.h"

#include "tests/support/core_rig.h"

static const char narrow[] =
    "sources = ( { name = \"one\"; address = \"127.0.0.11\"; shared = true; } );\n"
    "streams = ( { name = \"transactional\"; weight = 3; sources = [ \"one\" ]; },\n"
    "            { name = \"bulk\"; weight = 1; sources = [ \"one\" ]; } );\n"
    "sites = ( { name = \"default\"; max_rate = \"60/m\"; max_connections = 4; } );\n"
    "adapt = { enabled = false; };\n";

static void set_freeze(struct core_rig *rig, enum freeze_kind kind, const char *name)
{
    struct freeze freeze = {.kind = kind};
    (void)snprintf(freeze.name, sizeof freeze.name, "%s", name);
    cr_assert_eq(freezes_set(&rig->core->freezes, &freeze, NULL), 0);
}

/* A frozen user's mail waits, retries too, and keeps nobody else's from going. */
TEST(scheduler, frozen_user)
{
    struct core_rig rig;
    core_rig_open(&rig, "");
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.user = "eve", .stream = "bulk"});
    core_rig_run(&rig);
    core_rig_answer(&rig, "451 4.3.0 later"); /* bound to its source from now on */
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.user = "eve", .stream = "bulk"});
    set_freeze(&rig, FREEZE_USER, "eve");
    core_rig_pass(&rig, INT64_C(3600) * 1000);
    core_rig_run(&rig);
    while (rig.job_count > 0) { /* it was given out before the freeze */
        core_rig_answer(&rig, "451 4.3.0 later");
        core_rig_pass(&rig, INT64_C(5) * 3600 * 1000);
    }
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.user = "bob", .stream = "bulk"});
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 1, "bob waits behind eve");
    core_rig_answer(&rig, "250 2.0.0 ok");
    cr_assert_eq(core_rig_queued(&rig), 2);
    cr_assert(freezes_clear(&rig.core->freezes, FREEZE_USER, "eve", NULL));
    scheduler_kick_all(rig.core);
    core_rig_run(&rig);
    cr_assert_eq(rig.job_count, 2, "thawed mail goes");
    core_rig_close(&rig);
}

/* Freezes of a stream, a site, a source hold what they name, and come to rest. */
TEST(scheduler, freezes)
{
    static const enum freeze_kind kinds[] = {FREEZE_STREAM, FREEZE_SITE, FREEZE_SOURCE};
    static const char *const names[] = {"bulk", "one.test", "one"};
    for (unsigned i = 0; i < 3; i++) {
        struct core_rig rig;
        core_rig_open(&rig, "");
        set_freeze(&rig, kinds[i], names[i]);
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.stream = "bulk"});
        core_rig_run(&rig);
        cr_assert_eq(rig.job_count, 0);
        cr_assert(freezes_clear(&rig.core->freezes, kinds[i], names[i], NULL));
        scheduler_kick_all(rig.core);
        core_rig_run(&rig);
        cr_assert_eq(rig.job_count, 1);
        core_rig_close(&rig);
    }
}

/* Streams that meet at one limit share it by weight. */
TEST(scheduler, weights)
{
    struct core_rig rig;
    core_rig_open(&rig, narrow);
    for (unsigned i = 0; i < 200; i++) {
        (void)core_rig_accept(&rig,
                              &(struct core_rig_mail){.stream = i % 2 ? "bulk" : NULL});
    }
    unsigned heavy = 0;
    for (unsigned i = 0; i < 80;) {
        core_rig_pass(&rig, 1000);
        for (; rig.job_count > 0; i++) {
            uint64_t id = rig.jobs[0]->id;
            const struct flow *flow = core_rig_recipient(&rig, id).flow;
            heavy += strcmp(flow->stream, "transactional") == 0;
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    cr_assert(heavy >= 55 && heavy <= 65, "%u of 80 instead of 60", heavy);
    core_rig_close(&rig);
}

/* A stream that was held does not make up for it afterwards. */
TEST(scheduler, held_stream_saves_nothing)
{
    struct core_rig rig;
    core_rig_open(&rig, narrow);
    set_freeze(&rig, FREEZE_STREAM, "bulk");
    for (unsigned i = 0; i < 300; i++) {
        (void)core_rig_accept(&rig,
                              &(struct core_rig_mail){.stream = i % 2 ? "bulk" : NULL});
    }
    for (unsigned i = 0; i < 60; i++) {
        core_rig_pass(&rig, 1000);
        while (rig.job_count > 0) {
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    cr_assert(freezes_clear(&rig.core->freezes, FREEZE_STREAM, "bulk", NULL));
    scheduler_kick_all(rig.core);
    unsigned heavy = 0;
    for (unsigned i = 0; i < 20;) {
        core_rig_pass(&rig, 1000);
        for (; rig.job_count > 0; i++) {
            const struct flow *flow = core_rig_recipient(&rig, rig.jobs[0]->id).flow;
            heavy += strcmp(flow->stream, "transactional") == 0;
            core_rig_answer(&rig, "250 2.0.0 ok");
        }
    }
    cr_assert_geq(heavy, 12, "only %u of 20 while bulk catches up", heavy);
    core_rig_close(&rig);
}

/* However jobs come back, no rate and no connection limit is exceeded. */
TEST(scheduler, limits_hold_in_any_history)
{
    static const char *const answers[] = {"250 2.0.0 ok", "451 4.3.0 later", "",
                                          "550 5.1.1 no such user"};
    uint64_t seed = 20261122;
    struct core_rig rig;
    core_rig_open(&rig, narrow);
    unsigned given = 0;
    for (unsigned second = 0; second < 200; second++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        (void)core_rig_accept(
            &rig, &(struct core_rig_mail){.sender = "",
                                          .stream = seed >> 60 & 1 ? "bulk" : NULL});
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.sender = ""});
        unsigned before = rig.job_count;
        core_rig_pass(&rig, 1000);
        given += rig.job_count - before;
        struct site *site = sites_find(&rig.core->sites, "one.test");
        cr_assert_leq(site->slots, 4, "seed 20261122, second %u", second);
        cr_assert_leq(rig.job_count, 4);
        cr_assert_leq(given, second + 2, "seed 20261122, second %u", second);
        if (rig.job_count > 0 && (seed >> 40 & 3) != 0) {
            unsigned at = (unsigned)(seed >> 33) % rig.job_count;
            core_rig_answer_at(&rig, at, answers[seed >> 50 & 3]);
            before = rig.job_count;
            core_rig_run(&rig);
            given += rig.job_count - before;
        }
    }
    cr_assert_gt(given, 20);
    core_rig_close(&rig);
}

/* A dead destination takes no slots from others, and core comes to rest. */
TEST(scheduler, dead_destination)
{
    struct core_rig rig;
    core_rig_open(&rig, narrow);
    for (unsigned i = 0; i < 50; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){0});
    }
    core_rig_pass(&rig, 1000); /* paces start empty */
    cr_assert_eq(rig.job_count, 1);
    while (rig.job_count > 0) {
        core_rig_answer(&rig, "");
    }
    (void)core_rig_accept(&rig, &(struct core_rig_mail){.domain = "two.test"});
    core_rig_run(&rig);
    core_rig_pass(&rig, 1000);
    cr_assert_eq(rig.job_count, 1);
    core_rig_close(&rig);
}
