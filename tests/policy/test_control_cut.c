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

static const struct finding throttle = {.class = FINDING_THROTTLE,
                                        .scope = FINDING_SCOPE_LANE,
                                        .flags = FINDING_RATE | FINDING_TEMPORARY};

static struct control_event event_of(const struct finding *finding, int64_t started_ns)
{
    return (struct control_event){.finding = finding,
                                  .units = 1,
                                  .open = 4,
                                  .messages = 7,
                                  .started_ns = started_ns};
}

static void warm_up(struct control *control, double rate, int64_t until_ns)
{
    control_init(control, &limits, 0);
    control->rate = rate;
    for (int64_t now_ns = 0; now_ns < until_ns; now_ns += (int64_t)(1e9 / rate)) {
        control->step_used = 0; /* hold the rate */
        (void)control_accepted(control, &limits, 1, 2, false, now_ns);
    }
}

/* A throttle cuts a little under what was accepted and at least to 0.7, pauses, and lets
 * exactly one probe through; its acceptance reopens without a burst. */
TEST(control_cut, cut_pause_probe_reopen)
{
    struct control control;

    warm_up(&control, 10.0, 10 * MINUTE);
    struct control_event event = event_of(&throttle, 10 * MINUTE - 1);
    struct control_change change =
        control_refused(&control, &limits, &event, 10 * MINUTE);
    cr_assert(change.what == CONTROL_RATE_CUT && change.before == 10.0);
    cr_assert(change.after <= 7.0 && change.after > 6.0, "%f", change.after);
    cr_assert_eq(change.until_ns, 11 * MINUTE);
    cr_assert_not(control_ask(&control, &limits, 11 * MINUTE - 1).go);
    cr_assert(control_ask(&control, &limits, 11 * MINUTE).go);
    cr_assert(control_started(&control, &limits, 11 * MINUTE));
    cr_assert_not(control_ask(&control, &limits, 11 * MINUTE).go, "one probe only");
    cr_assert_eq(control_connections(&control, &limits, 11 * MINUTE), 1);
    change = control_accepted(&control, &limits, 1, 1, true, 11 * MINUTE + SECOND);
    cr_assert_eq(change.what, CONTROL_REOPENED);
    cr_assert(control_ask(&control, &limits, 11 * MINUTE + SECOND).go);
    struct pace_limit rate = control_rate(&control, &limits, 11 * MINUTE + SECOND);
    cr_assert(rate.burst <= 1);
}

/* One cut per flight: what was on its way when the cut came does not cut again. */
TEST(control_cut, one_cut_per_flight)
{
    struct control control;

    warm_up(&control, 10.0, MINUTE);
    struct control_event event = event_of(&throttle, MINUTE - 5);
    (void)control_refused(&control, &limits, &event, MINUTE);
    double rate = control.rate;
    for (int i = 0; i < 20; i++) {
        event = event_of(&throttle, MINUTE - i);
        struct control_change change =
            control_refused(&control, &limits, &event, MINUTE + i + 1);
        cr_assert_eq(change.what, CONTROL_UNCHANGED);
    }
    cr_assert_eq(control.rate, rate);
}

/* A refused probe pauses longer each time: 5, 10, 20 ... minutes, never above the most.
 */
TEST(control_cut, refused_probes_pause_longer)
{
    struct control control;
    const int64_t pauses[] = {1, 5, 10, 20, 40, 80, 160, 240, 240};

    warm_up(&control, 10.0, MINUTE);
    int64_t now_ns = MINUTE;
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        struct control_event event = event_of(&throttle, now_ns);
        event.probe = i > 0;
        if (event.probe) {
            cr_assert(control_started(&control, &limits, now_ns));
        }
        struct control_change change = control_refused(&control, &limits, &event, now_ns);
        cr_assert_eq(change.until_ns - now_ns, pauses[i] * MINUTE, "%zu", i);
        now_ns = change.until_ns;
    }
}

/* Whatever the receiver says of a wait, between ten seconds and four hours, is done; and
 * a provider's own recovery rule is kept. */
TEST(control_cut, hints_and_providers)
{
    struct control control;
    struct finding hinted = throttle;
    struct finding google = throttle;
    struct finding microsoft = throttle;

    hinted.wait_ns = 17 * MINUTE;
    google.behaviour = FINDING_BEHAVIOUR_GOOGLE_4728;
    microsoft.behaviour = FINDING_BEHAVIOUR_MICROSOFT_S775;
    warm_up(&control, 10.0, MINUTE);
    struct control_event event = event_of(&hinted, MINUTE);
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).until_ns,
                 18 * MINUTE);
    warm_up(&control, 10.0, MINUTE);
    event = event_of(&google, MINUTE);
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).until_ns,
                 11 * MINUTE);
    cr_assert_eq(control.window.limit, 1);
    struct finding yahoo = throttle;
    yahoo.behaviour = FINDING_BEHAVIOUR_YAHOO_TSS04;
    warm_up(&control, 10.0, MINUTE);
    event = event_of(&yahoo, MINUTE);
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).until_ns,
                 121 * MINUTE);
    struct finding gmx = throttle;
    gmx.behaviour = FINDING_BEHAVIOUR_GMX_LATER;
    warm_up(&control, 10.0, MINUTE);
    event = event_of(&gmx, MINUTE);
    struct control_change later = control_refused(&control, &limits, &event, MINUTE);
    cr_assert_eq(later.until_ns, 121 * MINUTE);
    cr_assert_leq(later.after, 2.5);
    warm_up(&control, 10.0, MINUTE);
    event = event_of(&microsoft, MINUTE);
    struct control_change change = control_refused(&control, &limits, &event, MINUTE);
    cr_assert_eq(change.until_ns, 31 * MINUTE);
    cr_assert_leq(change.after, 1.0);
}

/* Each text moves its own knob, and those of recipients or messages move none. */
TEST(control_cut, each_text_its_knob)
{
    struct control control;
    struct finding finding = {.class = FINDING_THROTTLE, .scope = FINDING_SCOPE_LANE};
    struct control_event event = event_of(&finding, MINUTE);

    warm_up(&control, 10.0, MINUTE);
    control.window.limit = 8;
    finding.flags = FINDING_CONNECTIONS;
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).what,
                 CONTROL_WINDOW_CUT);
    finding.flags = FINDING_PER_CONNECTION;
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).what,
                 CONTROL_MESSAGES_CUT);
    cr_assert_eq(control_messages(&control, &limits), 7);
    finding = (struct finding){.class = FINDING_REMOTE_FAILURE,
                               .scope = FINDING_SCOPE_LANE,
                               .flags = FINDING_LOAD};
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).what, CONTROL_EASED);
    struct pace_limit eased = control_rate(&control, &limits, MINUTE);
    cr_assert(pace_per_second(&eased) < 9.01);
    for (int i = 0; i < 1000; i++) {
        finding = (struct finding){.class = FINDING_RECIPIENT_RATE,
                                   .scope = FINDING_SCOPE_RECIPIENT};
        (void)control_refused(&control, &limits, &event, MINUTE + i);
        finding = (struct finding){.class = FINDING_REMOTE_FAILURE,
                                   .flags = FINDING_NETWORK,
                                   .scope = FINDING_SCOPE_LANE};
        (void)control_refused(&control, &limits, &event, MINUTE + i);
    }
    cr_assert_eq(control.rate, 10.0);
    cr_assert_eq(control.state, CONTROL_OPEN);
}

/* One per cent of soft refusals slows nothing down; half of all does. */
TEST(control_cut, soft_refusals_act_on_evidence)
{
    struct control control;
    struct finding soft = {.class = FINDING_REMOTE_FAILURE, .scope = FINDING_SCOPE_LANE};
    struct control_event event = event_of(&soft, MINUTE);

    control_init(&control, &limits, 0);
    for (int i = 0; i < 100000; i++) {
        if (i % 100 == 0) {
            cr_assert_neq(control_refused(&control, &limits, &event, i * SECOND).what,
                          CONTROL_RATE_CUT);
        } else {
            (void)control_accepted(&control, &limits, 1, 1, false, i * SECOND);
        }
    }
    bool cut = false;
    for (int i = 100000; i < 101000; i++) {
        cut = cut || control_refused(&control, &limits, &event, i * SECOND).what ==
                         CONTROL_RATE_CUT;
        (void)control_accepted(&control, &limits, 1, 1, false, i * SECOND);
    }
    cr_assert(cut);
}

/* A silent close is a limit only when it comes twice at the same place; a stated one is
 * believed at once; a lost probe leaves the lane waiting for the next. */
TEST(control_cut, closes_statements_and_lost_probes)
{
    struct control control;

    control_init(&control, &limits, 0);
    cr_assert_eq(control_closed(&control, 20).what, CONTROL_UNCHANGED);
    cr_assert_eq(control_closed(&control, 5).what, CONTROL_UNCHANGED);
    cr_assert_eq(control_closed(&control, 5).what, CONTROL_MESSAGES_CUT);
    cr_assert_eq(control_messages(&control, &limits), 4);
    control_stated(&control, 3);
    cr_assert_eq(control_messages(&control, &limits), 3);
    struct control_event event = event_of(&throttle, 5);
    (void)control_refused(&control, &limits, &event, 10);
    cr_assert(control_started(&control, &limits, control.until_ns));
    control_probe_lost(&control, 2 * MINUTE);
    cr_assert(control_ask(&control, &limits, 2 * MINUTE).go);
    cr_assert(control_started(&control, &limits, 2 * MINUTE),
              "the next one is the probe");
}

/* "Too many connections" for the only one there is: connections are not what there is too
 * much of, and the lane pauses; with several it only narrows. */
TEST(control_cut, one_connection_too_many)
{
    struct control control;
    const struct finding many = {.class = FINDING_THROTTLE,
                                 .scope = FINDING_SCOPE_LANE,
                                 .flags = FINDING_CONNECTIONS | FINDING_TEMPORARY};
    struct control_event event = event_of(&many, MINUTE);

    warm_up(&control, 10.0, MINUTE);
    control.window.limit = 2;
    event.open = 1;
    cr_assert_eq(control_refused(&control, &limits, &event, MINUTE).what,
                 CONTROL_WINDOW_CUT);
    cr_assert_eq(control.state, CONTROL_OPEN);
    event.started_ns = 2 * MINUTE;
    event.open = 0;
    cr_assert_eq(control_refused(&control, &limits, &event, 2 * MINUTE + 1).what,
                 CONTROL_RATE_CUT);
    cr_assert_eq(control.state, CONTROL_PAUSED);
}

/* A capacity that falls is met by the second cut: the first leaves seven tenths, growth
 * from there is slow, and what the receiver then takes is believed at once. */
TEST(control_cut, the_second_of_a_row_is_believed)
{
    struct control control;

    warm_up(&control, 10.0, 20 * MINUTE);
    control.ceiling = 10.5;
    control.ceiling_ns = 20 * MINUTE;
    struct control_event event = event_of(&throttle, 20 * MINUTE - 1);
    (void)control_refused(&control, &limits, &event, 20 * MINUTE);
    cr_assert(control.rate > 6.5 && control.rate <= 7.0, "%f", control.rate);
    int64_t now_ns = control.until_ns;
    cr_assert(control_started(&control, &limits, now_ns));
    (void)control_accepted(&control, &limits, 1, 1, true, now_ns);
    for (int i = 0; i < 3; i++) {
        now_ns += SECOND / 7;
        (void)control_accepted(&control, &limits, 1, 1, false, now_ns);
    }
    event = event_of(&throttle, now_ns);
    struct control_change change = control_refused(&control, &limits, &event, now_ns + 1);
    cr_assert_eq(change.until_ns, now_ns + 1 + 5 * MINUTE);
    cr_assert(control.ceiling > 4.2 && control.ceiling < 5.0, "%f", control.ceiling);
    cr_assert(control.rate > 4.0 && control.rate < 4.75, "%f", control.rate);
}
