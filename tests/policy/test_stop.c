#include <string.h>

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

/* A reply that names a list freezes everything at once; an operator's clear lifts it. */
TEST(stop, freezes_at_once)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    cr_assert(stop_ask(&stop, true, NOW).go);
    cr_assert(stop_freeze(&stop, &hit, NOW));
    cr_assert_not(stop_ask(&stop, true, NOW).go);
    cr_assert_not(stop_ask(&stop, false, NOW).go);
    cr_assert_str_eq(stop.list, "bl.spamcop.net");
    cr_assert_not(stop_freeze(&stop, &hit, NOW + 1), "nothing new to store");
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
        struct stop_hit hit = listed(rulings[i].list);
        (void)stop_freeze(&stop, &hit, NOW);
        struct stop_ruling ruling = stop_proved(
            &stop, rulings[i].proof, stop_list_kind(rulings[i].list, rulings[i].answer),
            rulings[i].witnessed, NOW + MINUTE);
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
    struct stop_hit hit = listed("zen.spamhaus.org");

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_MIXED, false, NOW + MINUTE);
    cr_assert_not(stop_ask(&stop, false, NOW + MINUTE).go, "once is not twice");
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_MIXED, false,
                      NOW + 5 * MINUTE);
    cr_assert_not(stop_ask(&stop, false, NOW + 5 * MINUTE).go,
                  "too soon after the first");
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_MIXED, false,
                      NOW + 11 * MINUTE);
    cr_assert(stop_ask(&stop, true, NOW + 11 * MINUTE).go);
}

/* Careful: transactional mail goes at a quarter, bulk waits. */
TEST(stop, careful)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, hit.kind, false, NOW);
    struct stop_answer answer = stop_ask(&stop, false, NOW);
    cr_assert(answer.go && answer.careful && answer.fraction == 0.25);
}

/* A pinned stop is lifted by nobody but its operator; a longer one is not shortened. */
TEST(stop, operators_have_the_last_word)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    stop_hold(&stop, STOP_CAUSE_OPERATOR, STOP_REACH_ALL, "maintenance", NOW + 9 * HOUR,
              NOW);
    stop.pinned = true;
    cr_assert_not(stop_freeze(&stop, &hit, NOW));
    cr_assert_not(stop_tick(&stop, false, NOW + 90 * HOUR));
    stop.pinned = false;
    stop_hold(&stop, STOP_CAUSE_REPUTATION, STOP_REACH_BULK, "x", NOW + HOUR, NOW);
    cr_assert_eq(stop.until_unix_ms, NOW + 9 * HOUR);
    cr_assert(stop_tick(&stop, false, NOW + 9 * HOUR) && stop.state == STOP_CLEAR);
}

/* A check that nobody answers cannot tell, and says so after a quarter of an hour. */
TEST(stop, an_unanswered_check_ends)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &hit, NOW);
    cr_assert_not(stop_tick(&stop, false, NOW + 14 * MINUTE));
    cr_assert(stop_tick(&stop, false, NOW + 15 * MINUTE));
    cr_assert(stop_ask(&stop, false, NOW + 15 * MINUTE).go);
    cr_assert_not(stop_ask(&stop, true, NOW + 15 * MINUTE).go);
    cr_assert_str_eq(stop_state_name(stop.state), "held");
    cr_assert_str_eq(stop_cause_name(stop.cause), "listed");
}

/* Where nobody could tell, a list that is healthy later reopens the source at once; where
 * it had been proved, only a day and the canaries do. */
TEST(stop, a_late_proof)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN, false, NOW);
    cr_assert(stop_ask(&stop, false, NOW).go && !stop_ask(&stop, true, NOW).go);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_UNKNOWN, false, NOW);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_UNKNOWN, false,
                      NOW + 10 * MINUTE);
    cr_assert_eq(stop.state, STOP_CLEAR);

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN, false, NOW);
    (void)stop_proved(&stop, STOP_PROOF_LISTED, STOP_LIST_COMPLAINT, false, NOW + HOUR);
    cr_assert_eq(stop.reach, STOP_REACH_BULK);
    (void)stop_proved(&stop, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN, true,
                      NOW + 2 * HOUR);
    cr_assert_eq(stop.reach, STOP_REACH_BULK, "a broken zone unsays nothing");
    cr_assert_eq(stop.until_unix_ms, NOW + 25 * HOUR, "counted from the last word");
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_UNKNOWN, false,
                      NOW + 3 * HOUR);
    (void)stop_proved(&stop, STOP_PROOF_NOT_LISTED, STOP_LIST_UNKNOWN, false,
                      NOW + 4 * HOUR);
    cr_assert_eq(stop.state, STOP_HELD);
    cr_assert_eq(stop.until_unix_ms, NOW + 24 * HOUR);
}

/* Witnesses that come later widen a stop that nobody could prove. */
TEST(stop, later_witnesses)
{
    struct stop stop = {0};
    struct stop_hit hit = listed("bl.spamcop.net");

    (void)stop_freeze(&stop, &hit, NOW);
    (void)stop_proved(&stop, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN, false, NOW);
    cr_assert(stop_ask(&stop, false, NOW).go);
    (void)stop_proved(&stop, STOP_PROOF_CANNOT_TELL, STOP_LIST_UNKNOWN, true, NOW + HOUR);
    cr_assert_not(stop_ask(&stop, false, NOW + HOUR).go);
}

/* An operator extends or pins what stands; what is clear cannot be kept. */
TEST(stop, kept_by_an_operator)
{
    struct stop stop = {0};

    cr_assert_not(stop_extend(&stop, "x", NOW + HOUR));
    cr_assert_not(stop_pin(&stop, "x"));
    stop_hold(&stop, STOP_CAUSE_REPUTATION, STOP_REACH_ALL, "550", NOW + HOUR, NOW);
    cr_assert(stop_extend(&stop, "after the weekend", NOW + 48 * HOUR));
    cr_assert_eq(stop.until_unix_ms, NOW + 48 * HOUR);
    cr_assert(stop_extend(&stop, "", NOW + 2 * HOUR));
    cr_assert_eq(stop.until_unix_ms, NOW + 48 * HOUR, "it is not made shorter");
    cr_assert(stop_pin(&stop, "until we know"));
    cr_assert_not(stop_tick(&stop, false, NOW + 4800 * HOUR));
    cr_assert_str_eq(stop.why, "until we know");
    stop_clear(&stop);
    cr_assert(stop_ask(&stop, true, NOW).go);
}
