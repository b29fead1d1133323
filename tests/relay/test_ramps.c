#include <stdlib.h>

#include "relay/ramps_parts.h"

#include "tests/support/ramp_rig.h"

static char config[1500];

static uint64_t roll(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* No more than the day's allowance is accepted, whatever comes back, whatever crashes. */
TEST(ramps, cap_holds)
{
    uint64_t seed = 7;
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    core_rig_open(&rig, config);
    core_rig_pass(&rig, INT64_C(2) * 3600 * 1000); /* into the first whole day */
    for (unsigned i = 0; i < 400; i++) {
        (void)core_rig_accept(&rig, &(struct core_rig_mail){.sender = ""});
    }
    core_rig_run(&rig);
    uint64_t cap = ramps_cap(ramp_rig_entry(&rig, ""));
    unsigned accepted = 0;
    for (unsigned hour = 0; hour < 20; hour++) {
        core_rig_pass(&rig, INT64_C(3600) * 1000);
        while (rig.job_count > 0) {
            bool takes = roll(&seed) % 4 != 0;
            accepted += takes;
            core_rig_answer(&rig, takes ? "250 2.0.0 ok" : "451 4.3.0 later");
        }
        cr_assert_leq(accepted, cap, "seed 7, hour %u", hour);
        if (hour % 7 == 6) {
            core_rig_crash(&rig);
        }
    }
    cr_assert_gt(accepted, 10);
    core_rig_close(&rig);
}

/* What the receivers have taken, by source, key and day; and the most that was allowed.
 */
#define SEEN 600
struct seen {
    char key[400];
    int32_t day;
    uint64_t accepted;
    uint64_t allowed;
};
static struct seen seen[SEEN];
static unsigned seen_count;

static struct seen *seen_of(const struct ramp_entry *entry, int32_t day)
{
    char key[400];
    (void)snprintf(key, sizeof key, "%s|%s", entry->source->name, entry->site);
    for (unsigned i = 0; i < seen_count; i++) {
        if (seen[i].day == day && strcmp(seen[i].key, key) == 0) {
            return &seen[i];
        }
    }
    if (seen_count == SEEN) {
        abort();
    }
    struct seen *at = &seen[seen_count++];
    *at = (struct seen){.day = day};
    (void)snprintf(at->key, sizeof at->key, "%s", key);
    return at;
}

/* What each entry allows now; a verdict or a reload may have changed it. */
static void note_allowed(const struct core_rig *rig)
{
    list_each (node, &rig->core->ramps.entries) {
        const struct ramp_entry *entry = LIST_OWNER(node, struct ramp_entry, node);
        uint64_t cap = entry->warmup != CONFIG_NONE ? ramps_cap(entry) : UINT64_MAX;
        struct seen *at = seen_of(entry, entry->ledger.day);
        at->allowed = cap > at->allowed ? cap : at->allowed;
    }
}

static void answer(struct core_rig *rig, uint64_t *random, uint64_t seed)
{
    static const char *const replies[] = {"250 2.0.0 ok",
                                          "250 2.0.0 ok",
                                          "250 2.0.0 ok",
                                          "451 4.3.0 later",
                                          "550 5.1.1 no such user",
                                          "421 4.7.28 unusual rate of mail",
                                          ""};
    note_allowed(rig);
    const char *reply = replies[roll(random) % 7];
    const struct job *job = rig->jobs[0];
    for (unsigned i = 0; i < 2; i++) {
        const struct ramp_charge *charge = &job->ramps[i];
        if (charge->entry == NULL || reply[0] != '2') {
            continue;
        }
        struct seen *at = seen_of(charge->entry, charge->day);
        at->accepted += job->rcpt_count;
        cr_assert_leq(at->accepted, at->allowed, "seed %lu: %s, day %d",
                      (unsigned long)seed, at->key, at->day);
    }
    core_rig_answer(rig, reply);
    note_allowed(rig);
}

static void write_history_config(struct core_rig *rig, uint64_t which)
{
    static const char *const ramps[] = {
        "start = 30; growth = 1.5; days = 30; per = \"source\";",
        "start = 40; growth = 2.0; days = 9; per = \"site\"; total = 50;",
        "steps = [ 25, 80, 30 ]; per = \"site\"; timezone = \"Europe/Berlin\"; "
        "day_starts = \"07:00\"; window = \"09:00-17:00\";",
        "start = 22; growth = 1.1; days = 5; per = \"source\"; timezone = "
        "\"Pacific/Auckland\";"};
    (void)snprintf(
        config, sizeof config,
        "sources = ( { name = \"one\"; address = \"127.0.0.11\"; warmup = \"mine\"; },\n"
        "  { name = \"two\"; address = \"127.0.0.12\"; %s } );\n"
        "streams = ( { name = \"transactional\"; sources = [ \"one\", \"two\" ]; } );\n"
        "warmups = ( { name = \"mine\"; %s } );\n"
        "sites = ( { name = \"default\"; max_rate = \"unlimited\"; max_connections = 50; "
        "},\n  { name = \"first\"; match = [ \"one.test\" ]; max_rate = \"unlimited\"; "
        "} );\nadapt = { enabled = false; };\n",
        which % 3 == 0 ? "" : "warmup = \"mine\";", ramps[which % 4]);
    core_rig_config(rig, config);
}

static void mail(struct core_rig *rig, uint64_t *random)
{
    static const char *const domains[] = {"one.test", "two.test", "three.test"};
    unsigned count = (unsigned)(roll(random) % 20);
    for (unsigned i = 0; i < count; i++) {
        (void)core_rig_accept(
            rig, &(struct core_rig_mail){.sender = "",
                                         .domain = domains[roll(random) % 3],
                                         .recipients = 1 + (unsigned)(roll(random) % 3),
                                         .lifetime_ms = 20 * CORE_RIG_DAY});
    }
    core_rig_run(rig);
}

static void step(struct core_rig *rig, uint64_t *random, uint64_t seed)
{
    uint64_t what = roll(random) % 100;
    if (what < 20) {
        mail(rig, random);
    } else if (what < 60) {
        core_rig_pass(rig, 61000 + (int64_t)(roll(random) % 7200000));
    } else if (what < 64) {
        core_rig_pass(rig, (int64_t)(roll(random) % (2 * CORE_RIG_DAY)) + 61000);
    } else if (what < 90) {
        for (unsigned i = 0; i < 6 && rig->job_count > 0; i++) {
            answer(rig, random, seed);
        }
    } else if (what < 94) {
        core_rig_crash(rig);
    } else if (what < 96) {
        core_rig_stop(rig);
        core_rig_move((int64_t)(roll(random) % CORE_RIG_DAY));
        core_rig_start(rig);
    } else if (rig->job_count == 0) {
        write_history_config(rig, roll(random));
        cr_assert_eq(core_rig_reload(rig), 0);
    }
    note_allowed(rig);
}

/* Over random histories of mail, answers, restarts, power failures, days that pass while
 * the relay is down, clocks that change, and reloads with another ramp, no source and no
 * site is ever sent more than a day allows. */
TEST(ramps, no_history_exceeds_a_day)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t random = seed * 977;
        uint64_t taken = 0;
        struct core_rig rig;
        seen_count = 0;
        ramp_rig_config(config, "start = 30; growth = 1.5; days = 30; per = \"source\";");
        core_rig_open(&rig, config);
        for (unsigned i = 0; i < 150 && seen_count < SEEN - 40; i++) {
            step(&rig, &random, seed);
        }
        for (unsigned i = 0; i < seen_count; i++) {
            taken += seen[i].accepted;
        }
        cr_assert_gt(taken, 20, "seed %lu", (unsigned long)seed);
        core_rig_close(&rig);
    }
}

/* A job from before the source had a ramp gives nothing back to it. */
TEST(ramps, only_what_was_counted_is_given_back)
{
    struct core_rig rig;
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    char *warm = strstr(config, " warmup = \"mine\";");
    memset(warm, ' ', strlen(" warmup = \"mine\";"));
    core_rig_open(&rig, config);
    ramp_rig_mail(&rig, 3);
    cr_assert_eq(rig.job_count, 3);
    ramp_rig_config(config, "start = 60; growth = 1.5; days = 30; per = \"source\";");
    core_rig_config(&rig, config);
    cr_assert_eq(core_rig_reload(&rig), 0);
    ramp_rig_mail(&rig, 3);
    core_rig_pass(&rig, RAMP_RIG_HOUR);
    struct ledger before = ramp_rig_entry(&rig, "")->ledger;
    cr_assert_eq(before.flying, rig.job_count - 3);
    for (unsigned i = 0; i < 3; i++) {
        core_rig_answer(&rig, "451 4.3.0 later");
    }
    cr_assert_eq(ramp_rig_entry(&rig, "")->ledger.spent, before.spent);
    core_rig_close(&rig);
}
