#include <string.h>

#include "policy/stop.h"

#include "tests/support/test.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define NOW    (INT64_C(1700000000000))

static struct finding listed(const char *list)
{
    struct finding finding = {.class = FINDING_IP_LISTED, .scope = FINDING_SCOPE_SOURCE};
    strncpy(finding.list, list, sizeof(finding.list) - 1);
    return finding;
}

/* A reply that names a list freezes everything at once; an operator's clear lifts it. */
TEST(stop, freezes_at_once)
{
    struct stop stop = {0};
    struct finding finding = listed("bl.spamcop.net");

    cr_assert(stop_ask(&stop, true, NOW).go);
    cr_assert(stop_freeze(&stop, &finding, "554 blocked using bl.spamcop.net", NOW));
    cr_assert_not(stop_ask(&stop, true, NOW).go);
    cr_assert_not(stop_ask(&stop, false, NOW).go);
    cr_assert_str_eq(stop.list, "bl.spamcop.net");
    cr_assert_not(stop_freeze(&stop, &finding, "again", NOW + 1), "nothing new to store");
    stop_clear(&stop);
    cr_assert(stop_ask(&stop, true, NOW).go && stop_ask(&stop, false, NOW).go);
}

static const struct {
    const char *list;
    enum stop_proof proof;
    uint32_t answer;
    bool witnessed;
    enum stop_reach reach;
} rulings[] = {
    {"zen.spamhaus.org", STOP_PROOF_LISTED, 2, false, STOP_REACH_ALL},
    {"zen.spamhaus.org", STOP_PROOF_LISTED, 3, false, STOP_REACH_ALL},
    {"zen.spamhaus.org", STOP_PROOF_LISTED, 11, false, STOP_REACH_BULK_ONLY},
    {"bl.spamcop.net", STOP_PROOF_LISTED, 2, false, STOP_REACH_BULK},
    {"b.barracudacentral.org", STOP_PROOF_LISTED, 2, false, STOP_REACH_BULK},
    {"dnsbl-3.uceprotect.net", STOP_PROOF_LISTED, 2, true, STOP_REACH_NOTHING},
    {"dnsbl.sorbs.net", STOP_PROOF_CANNOT_TELL, 0, true, STOP_REACH_NOTHING},
    {"rbl.example.org", STOP_PROOF_LISTED, 2, true, STOP_REACH_NOTHING},
    {"bl.spamcop.net", STOP_PROOF_NOT_OURS, 0, true, STOP_REACH_NOTHING},
    {"bl.spamcop.net", STOP_PROOF_CANNOT_TELL, 0, false, STOP_REACH_BULK_ONLY},
    {"Spamhaus", STOP_PROOF_CANNOT_TELL, 0, true, STOP_REACH_ALL},
    {"bl.spamcop.net", STOP_PROOF_NOT_LISTED_TWICE, 0, true, STOP_REACH_NOTHING},
};

/* The table of the decisions, row by row; the lane that refused always stays stopped. */
TEST(stop, rulings)
{
    for (size_t i = 0; i < sizeof(rulings) / sizeof(rulings[0]); i++) {
        struct stop stop = {0};
        struct finding finding = listed(rulings[i].list);
        (void)stop_freeze(&stop, &finding, "554", NOW);
        struct stop_ruling ruling =
            stop_proved(&stop, rulings[i].proof, rulings[i].answer, rulings[i].witnessed,
                        NOW + MINUTE);
        cr_assert_eq(ruling.reach, rulings[i].reach, "row %zu: %s", i,
                     stop_reach_name(ruling.reach));
        cr_assert(ruling.lane_stays && ruling.alert && ruling.words[0] != '\0');
        cr_assert_eq(stop_ask(&stop, true, NOW + MINUTE).go,
                     ruling.reach == STOP_REACH_NOTHING, "row %zu", i);
        bool transactional = stop_ask(&stop, false, NOW + MINUTE).go;
        cr_assert_eq(transactional, ruling.reach != STOP_REACH_ALL, "row %zu", i);
    }
}

/* A receiver that lies holds the source for the ten minutes of the check, no longer. */
TEST(stop, a_lie_is_found_out)
{
    struct stop stop = {0};
    struct finding finding = listed("zen.spamhaus.org");

    (void)stop_freeze(&stop, &finding, "554", NOW);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, 0, false, NOW + MINUTE);
    cr_assert_not(stop_ask(&stop, false, NOW + MINUTE).go, "once is not twice");
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, 0, false, NOW + 5 * MINUTE);
    cr_assert_not(stop_ask(&stop, false, NOW + 5 * MINUTE).go,
                  "too soon after the first");
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, 0, false, NOW + 11 * MINUTE);
    cr_assert(stop_ask(&stop, true, NOW + 11 * MINUTE).go);
}

/* Careful: transactional mail goes at a quarter, bulk waits. */
TEST(stop, careful)
{
    struct stop stop = {0};
    struct finding finding = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &finding, "554", NOW);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, 2, false, NOW);
    struct stop_answer answer = stop_ask(&stop, false, NOW);
    cr_assert(answer.go && answer.careful && answer.fraction == 0.25);
}

/* The way back: not before a day, then 1, 2, 4, 8 canaries five minutes apart, then a
 * quarter doubling each clean day. */
TEST(stop, resumes_by_proof_and_canary)
{
    struct stop stop = {0};
    struct finding finding = listed("zen.spamhaus.org");
    int64_t now = NOW;
    int canaries = 0;

    (void)stop_freeze(&stop, &finding, "554", now);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, 2, false, now);
    now += 2 * HOUR;
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, 0, false, now);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, 0, false, now + 20 * MINUTE);
    cr_assert_not(stop_ask(&stop, true, now + 21 * MINUTE).go, "the hold lasts a day");
    now = NOW + 24 * HOUR;
    cr_assert(stop_tick(&stop, now) && stop.state == STOP_CANARY);
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
    cr_assert(stop_tick(&stop, now + 24 * HOUR));
    cr_assert_eq(stop_ask(&stop, true, now + 24 * HOUR).fraction, 0.5);
    cr_assert(stop_tick(&stop, now + 48 * HOUR) && stop.state == STOP_CLEAR);
    (void)stop_freeze(&stop, &finding, "554", now + 72 * HOUR);
    cr_assert_eq(stop.times, 2, "again within thirty days");
}

/* A refused canary doubles the hold, up to a week; a lost one may be sent again. */
TEST(stop, a_refused_canary_doubles_the_hold)
{
    struct stop stop = {0};
    int64_t now = NOW;
    int64_t hold = 0;

    stop_hold(&stop, STOP_CAUSE_REPUTATION, STOP_REACH_ALL, "550", now + 4 * HOUR, now);
    for (int i = 0; i < 10; i++) {
        now = stop.until_unix_ms;
        cr_assert(stop_tick(&stop, now));
        stop_canary_started(&stop);
        cr_assert_not(stop_ask(&stop, true, now).go, "one at a time");
        stop_canary_done(&stop, STOP_CANARY_LOST, now);
        cr_assert(stop_ask(&stop, true, now).go);
        stop_canary_started(&stop);
        stop_canary_done(&stop, STOP_CANARY_REFUSED, now);
        cr_assert(stop.until_unix_ms - now >= hold, "the hold never shrinks");
        hold = stop.until_unix_ms - now;
        cr_assert_leq(hold, 7 * 24 * HOUR);
    }
    cr_assert_eq(hold, 7 * 24 * HOUR);
}

/* A pinned stop is lifted by nobody but its operator; a longer one is not shortened. */
TEST(stop, operators_have_the_last_word)
{
    struct stop stop = {0};
    struct finding finding = listed("bl.spamcop.net");

    stop_hold(&stop, STOP_CAUSE_OPERATOR, STOP_REACH_ALL, "maintenance", NOW + 9 * HOUR,
              NOW);
    stop.pinned = true;
    cr_assert_not(stop_freeze(&stop, &finding, "554", NOW));
    cr_assert_not(stop_tick(&stop, NOW + 90 * HOUR));
    stop.pinned = false;
    stop_hold(&stop, STOP_CAUSE_REPUTATION, STOP_REACH_BULK, "x", NOW + HOUR, NOW);
    cr_assert_eq(stop.until_unix_ms, NOW + 9 * HOUR);
    cr_assert(stop_tick(&stop, NOW + 9 * HOUR) && stop.state == STOP_CLEAR);
}

/* A check that nobody answers cannot tell, and says so after a quarter of an hour. */
TEST(stop, an_unanswered_check_ends)
{
    struct stop stop = {0};
    struct finding finding = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &finding, "554", NOW);
    cr_assert_not(stop_tick(&stop, NOW + 14 * MINUTE));
    cr_assert(stop_tick(&stop, NOW + 15 * MINUTE));
    cr_assert(stop_ask(&stop, false, NOW + 15 * MINUTE).go);
    cr_assert_not(stop_ask(&stop, true, NOW + 15 * MINUTE).go);
    cr_assert_str_eq(stop_state_name(stop.state), "held");
    cr_assert_str_eq(stop_cause_name(stop.cause), "listed");
}
