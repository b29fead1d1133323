#include <string.h>

#include "policy/conduct.h"

#include "tests/support/test.h"

#define MONDAY       (20000 / 7 * 7 + 4) /* days since 1970: 1970-01-05 was one */
#define HOUR(DAY, H) ((int32_t)((MONDAY + (DAY)) * 24 + (H)))
#define NS           INT64_C(1000000000)

static struct conduct conduct;

static enum conduct_judgement judge(bool trusted)
{
    return conduct_judge(&conduct, &conduct_defaults, trusted, NS).judgement;
}

/* So many days of office hours: each day at nine so many recipients, one network, one
 * kind of content. */
static void live(int days, uint32_t recipients)
{
    conduct_init(&conduct, HOUR(0, 0));
    for (int day = 0; day < days; day++) {
        (void)conduct_hour(&conduct, HOUR(day, 9));
        conduct_see(&conduct, recipients, 1, 1);
    }
}

TEST(conduct, volume_alone_slows)
{
    /* 500 an hour is odd for nobody; above it the allowance is three times the peak of 90
     * days; no volume alone ever holds. */
    conduct_init(&conduct, HOUR(0, 9));
    conduct_see(&conduct, 500, 1, 1);
    cr_assert_eq(judge(false), CONDUCT_CALM);
    conduct_see(&conduct, 1, 1, 1);
    cr_assert_eq(judge(false), CONDUCT_SLOW);
    live(20, 1000);
    (void)conduct_hour(&conduct, HOUR(20, 9));
    conduct_see(&conduct, 3000, 1, 1);
    cr_assert_eq(judge(false), CONDUCT_CALM);
    conduct_see(&conduct, 1, 1, 1);
    struct conduct_verdict verdict =
        conduct_judge(&conduct, &conduct_defaults, false, NS);
    cr_assert_eq(verdict.judgement, CONDUCT_SLOW);
    cr_assert_eq(verdict.allowed, 3000);
    cr_assert_eq(verdict.peak, 1000);
    conduct_see(&conduct, 1000000, 1, 1);
    cr_assert_eq(judge(false), CONDUCT_SLOW);
}

TEST(conduct, a_second_sign_holds)
{
    /* Ten times the usual and a new network, a new kind of content, or recipients that do
     * not exist; a sign without the volume is nothing. */
    for (int sign = 0; sign < 3; sign++) {
        live(20, 20);
        (void)conduct_hour(&conduct, HOUR(20, 3));
        conduct_see(&conduct, 100, sign == 0 ? 2 : 1, sign == 1 ? 2 : 1);
        for (int i = 0; sign == 2 && i < 50; i++) {
            conduct_ended(&conduct, i % 2 == 0, i % 2 == 0, NS);
        }
        cr_assert_eq(judge(false), CONDUCT_CALM, "sign %d", sign);
        conduct_see(&conduct, 401, 1, 1);
        cr_assert_eq(judge(false), CONDUCT_HOLD, "sign %d", sign);
        cr_assert_eq(judge(true), CONDUCT_SLOW, "sign %d", sign);
        (void)conduct_hour(&conduct, HOUR(20, 4));
        cr_assert_eq(judge(false), CONDUCT_CALM, "the hour is over");
    }
}

TEST(conduct, a_new_user_has_no_novelty)
{
    /* In the first week everything is new, and means nothing; few bounces prove nothing.
     */
    conduct_init(&conduct, HOUR(0, 9));
    conduct_see(&conduct, 1, 1, 1);
    conduct_see(&conduct, 2000, 2, 2);
    for (int i = 0; i < 4; i++) {
        conduct_ended(&conduct, i == 0, i == 0, NS);
    }
    cr_assert_eq(judge(false), CONDUCT_SLOW);
}

TEST(conduct, who_sends_many_kinds_is_not_held_for_another)
{
    /* More kinds than are remembered: a new one is no sign. */
    live(20, 20);
    for (uint64_t kind = 2; kind < 60; kind++) {
        conduct_see(&conduct, 1, 1, kind);
    }
    (void)conduct_hour(&conduct, HOUR(21, 3));
    conduct_see(&conduct, 5000, 1, 1000);
    cr_assert_eq(judge(false), CONDUCT_SLOW);
}

TEST(conduct, month_ends_and_campaigns_are_usual)
{
    /* The peak of the same days a month ago counts as usual; an announced campaign is
     * nothing odd until it is over or exceeded by more than a tenth. */
    live(30, 20);
    (void)conduct_hour(&conduct, HOUR(30, 9));
    conduct_see(&conduct, 5000, 1, 1);
    for (int day = 31; day < 60; day++) {
        (void)conduct_hour(&conduct, HOUR(day, 9));
        conduct_see(&conduct, 20, 1, 1);
    }
    (void)conduct_hour(&conduct, HOUR(60, 9));
    conduct_see(&conduct, 5000, 2, 1);
    cr_assert_eq(judge(false), CONDUCT_CALM);
    live(20, 20);
    (void)conduct_hour(&conduct, HOUR(20, 3));
    conduct_expect(&conduct, 10000, HOUR(20, 6));
    conduct_see(&conduct, 11000, 2, 1);
    cr_assert_eq(judge(false), CONDUCT_CALM);
    conduct_see(&conduct, 1, 2, 1);
    cr_assert_eq(judge(false), CONDUCT_HOLD);
    conduct_expect(&conduct, 100000, HOUR(20, 3));
    cr_assert_eq(judge(false), CONDUCT_HOLD, "it is over");
}

TEST(conduct, time_goes_forward)
{
    /* A clock that steps back changes nothing; years of silence end. */
    live(20, 1000);
    struct conduct before;
    memcpy(&before, &conduct, sizeof before);
    cr_assert_not(conduct_hour(&conduct, HOUR(2, 0)));
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): copied with its padding */
    cr_assert_eq(memcmp(&before, &conduct, sizeof before), 0);
    cr_assert(conduct_hour(&conduct, HOUR(4000, 0)));
    conduct_see(&conduct, 501, 1, 1);
    cr_assert_eq(judge(false), CONDUCT_SLOW, "the peak is forgotten after 90 days");
}
