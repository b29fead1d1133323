#include "policy/control.h"

#include "tests/support/test.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)

static const struct control_limits limits = {
    .enabled = true,
    .start_rate = {.count = 1, .period_ns = SECOND},
    .max_connections = 10,
    .pause_ns = MINUTE,
    .max_pause_ns = 240 * MINUTE,
};

static const struct finding vague = {.class = FINDING_REMOTE_FAILURE,
                                     .scope = FINDING_SCOPE_LANE,
                                     .flags = FINDING_UNKNOWN};
static const struct finding busy = {.class = FINDING_REMOTE_FAILURE,
                                    .scope = FINDING_SCOPE_LANE,
                                    .flags = FINDING_LOAD};

static struct control_change refuse(struct control *control,
                                    const struct finding *finding, bool probe,
                                    int64_t now_ns)
{
    struct control_event event = {.finding = finding,
                                  .units = 1,
                                  .open = 1,
                                  .started_ns = now_ns - 1,
                                  .probe = probe};
    return control_refused(control, &limits, &event, now_ns);
}

/* One or two of a hundred refused for no stated reason is what big receivers do: nothing
 * is cut, whatever the number of messages. */
TEST(control_soft, a_small_share_is_nothing)
{
    for (int every = 50; every <= 100; every += 50) {
        struct control control;
        control_init(&control, &limits, 0);
        for (int64_t i = 1; i < 100000; i++) {
            if (i % every == 0) {
                cr_assert_neq(refuse(&control, &vague, false, i * SECOND).what,
                              CONTROL_RATE_CUT, "1 of %d, answer %ld", every, (long)i);
            } else {
                (void)control_accepted(&control, &limits, 1, 1, false, i * SECOND);
            }
        }
    }
}

/* A lane that was clean and then meets refusal after refusal is cut and paused within a
 * dozen, with its ceiling learnt; the probe is held to the same. */
TEST(control_soft, a_sudden_share_is_a_limit)
{
    struct control control;
    int64_t now_ns = 0;
    int refusals = 0;

    control_init(&control, &limits, 0);
    for (int i = 0; i < 1000; i++) {
        now_ns += SECOND;
        (void)control_accepted(&control, &limits, 1, 1, false, now_ns);
    }
    while (control.state == CONTROL_OPEN && refusals < 100) {
        now_ns += SECOND;
        (void)refuse(&control, &vague, false, now_ns);
        refusals++;
    }
    cr_assert_leq(refusals, 12);
    cr_assert_eq(control.state, CONTROL_PAUSED);
    cr_assert_gt(control.ceiling, 0);
    now_ns = control.until_ns;
    cr_assert(control_started(&control, &limits, now_ns));
    cr_assert_eq(refuse(&control, &vague, true, now_ns + 1).what, CONTROL_PAUSED_AGAIN);
    cr_assert(control_started(&control, &limits, control.until_ns));
    (void)control_accepted(&control, &limits, 1, 1, true, control.until_ns + 1);
    cr_assert_eq(control.state, CONTROL_OPEN);
}

/* However long it lasts, no pause on such evidence is longer than ten. */
TEST(control_soft, pauses_stay_short)
{
    struct control control;

    control_init(&control, &limits, 0);
    for (int64_t i = 1; i < 20; i++) {
        (void)refuse(&control, &vague, false, i * SECOND);
    }
    cr_assert_eq(control.state, CONTROL_PAUSED);
    for (int i = 0; i < 12; i++) {
        int64_t now_ns = control.until_ns;
        cr_assert(control_started(&control, &limits, now_ns));
        (void)refuse(&control, &vague, true, now_ns + 1);
        cr_assert_leq(control.until_ns - now_ns, 10 * MINUTE + SECOND);
    }
}

/* A busy receiver is eased; one that is busy for every other message has a limit. */
TEST(control_soft, busy_for_every_other_is_a_limit)
{
    struct control control;
    int64_t now_ns = 0;

    control_init(&control, &limits, 0);
    cr_assert_eq(refuse(&control, &busy, false, SECOND).what, CONTROL_EASED);
    for (int i = 0; i < 60 && control.state == CONTROL_OPEN; i++) {
        now_ns += 2 * SECOND;
        (void)refuse(&control, &busy, false, now_ns);
        (void)control_accepted(&control, &limits, 1, 1, false, now_ns + SECOND);
    }
    cr_assert_eq(control.state, CONTROL_PAUSED);
}

/* Answers that are the recipients' own affair count as let through: they neither slow
 * growth nor hide a limit. */
TEST(control_soft, recipients_answers_are_use)
{
    struct control control;
    const struct finding full = {.class = FINDING_MAILBOX_FULL,
                                 .scope = FINDING_SCOPE_RECIPIENT};
    int64_t now_ns = 0;

    control_init(&control, &limits, 0);
    for (int i = 0; i < 200; i++) {
        now_ns += (int64_t)(1e9 / control.rate);
        if (i % 2 == 0) {
            (void)refuse(&control, &full, false, now_ns);
        } else {
            (void)control_accepted(&control, &limits, 1, 1, false, now_ns);
        }
    }
    cr_assert_gt(control.rate, 2.0, "%f", control.rate);
}
