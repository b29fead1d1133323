#include "policy/stop.h"

#include "tests/support/test.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define NOW    (INT64_C(1700000000000))

static struct stop_hit listed(const char *list)
{
    return (struct stop_hit){.list = list,
                             .kind = stop_list_kind(list, 0),
                             .ip = "192.0.2.1",
                             .site = "one.test",
                             .why = "554 blocked using a list"};
}

/* The way back: not before a day, then 1, 2, 4, 8 canaries five minutes apart, then a
 * quarter doubling each clean day. */
TEST(stop_canary, resumes_by_proof_and_canary)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("zen.spamhaus.org");
    int64_t now = NOW;
    int canaries = 0;

    (void)stop_freeze(&stop, &hit, now);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, hit.kind, false, now);
    now += 2 * HOUR;
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_MIXED, false, now);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_MIXED, false,
                      now + 20 * MINUTE);
    cr_assert_not(stop_ask(&stop, true, now + 21 * MINUTE).go, "the hold lasts a day");
    now = NOW + 24 * HOUR;
    cr_assert(stop_tick(&stop, false, now) && stop.state == STOP_CANARY);
    while (stop.state == STOP_CANARY && canaries < 100) {
        struct stop_answer answer = stop_ask(&stop, true, now);
        if (!answer.go) {
            now = answer.earliest_unix_ms;
            continue;
        }
        cr_assert(answer.canary);
        stop_canary_started(&stop);
        canaries++;
        stop_canary_done(&stop, STOP_CANARY_ACCEPTED, now);
    }
    cr_assert_eq(canaries, 15);
    cr_assert(now - NOW >= 24 * HOUR + 15 * MINUTE);
    cr_assert_eq(stop_ask(&stop, true, now).fraction, 0.25);
    cr_assert(stop_tick(&stop, false, now + 24 * HOUR));
    cr_assert_eq(stop_ask(&stop, true, now + 24 * HOUR).fraction, 0.5);
    cr_assert(stop_tick(&stop, false, now + 48 * HOUR) && stop.state == STOP_CLEAR);
    (void)stop_freeze(&stop, &hit, now + 72 * HOUR);
    cr_assert_eq(stop.times, 2, "again within thirty days");
}

/* A refused canary doubles the hold, up to a week; a lost one may be sent again. */
TEST(stop_canary, a_refused_canary_doubles_the_hold)
{
    struct stop stop = {0};
    int64_t now = NOW;
    int64_t hold = 0;

    stop_hold(&stop, STOP_CAUSE_REPUTATION, STOP_REACH_ALL, "550", now + 4 * HOUR, now);
    for (int i = 0; i < 10; i++) {
        now = stop.until_unix_ms;
        cr_assert(stop_tick(&stop, false, now));
        stop_canary_started(&stop);
        cr_assert_not(stop_ask(&stop, true, now).go, "one at a time");
        stop_canary_done(&stop, STOP_CANARY_LOST, now);
        cr_assert(stop_ask(&stop, true, now).go);
        stop_canary_started(&stop);
        stop_canary_done(&stop, STOP_CANARY_REFUSED, now);
        cr_assert(stop.until_unix_ms - now >= hold, "the hold never shrinks");
        hold = stop.until_unix_ms - now;
        cr_assert_leq(hold, INT64_C(7) * 24 * HOUR);
    }
    cr_assert_eq(hold, INT64_C(7) * 24 * HOUR);
}

/* The canary goes to the site that refused; elsewhere only when none came for an hour. */
TEST(stop_canary, to_the_site_that_refused)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("zen.spamhaus.org");

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, STOP_LIST_GRAVE, false, NOW);
    int64_t now = stop.until_unix_ms;
    cr_assert(stop_tick(&stop, false, now));
    cr_assert(stop_canary_fits(&stop, "one.test", now));
    cr_assert_not(stop_canary_fits(&stop, "two.test", now));
    cr_assert_not(stop_canary_fits(&stop, "two.test", now + 59 * MINUTE));
    cr_assert(stop_canary_fits(&stop, "two.test", now + HOUR));
    stop_canary_started(&stop);
    cr_assert_not(stop_canary_fits(&stop, "two.test", now + HOUR), "one is out");
}
