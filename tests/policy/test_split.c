#include "policy/split.h"

#include "tests/support/test.h"

static struct split_source sources[] = {{1, 3, true}, {2, 1, true}};

static struct split_ask ask_of(int32_t sticky, int64_t age_ns, int32_t fallback)
{
    return (struct split_ask){.sources = sources,
                              .count = 2,
                              .sticky = sticky,
                              .sticky_age_ns = age_ns,
                              .fallback = fallback,
                              .fallback_live = true};
}

/* Fresh mail goes by weight among the live ones. */
TEST(split, by_weight)
{
    int first = 0;

    for (uint64_t roll = 0; roll < 400; roll++) {
        struct split_ask ask = ask_of(-1, 0, -1);
        ask.roll = roll;
        first += split_choose(&ask).source == 1;
    }
    cr_assert_eq(first, 300);
    sources[0].live = false;
    struct split_ask ask = ask_of(-1, 0, -1);
    cr_assert(split_choose(&ask).source == 2 && split_choose(&ask).why == SPLIT_WEIGHT);
}

/* A recipient that a remote answered keeps its source for a day, and waits for it while
 * it is stopped, however long that is: nothing hops unless a fallback is configured. */
TEST(split, sticky_and_never_hops)
{
    struct split_ask ask = ask_of(2, SPLIT_STICKY_NS - 1, -1);
    cr_assert(split_choose(&ask).source == 2 && split_choose(&ask).why == SPLIT_STICKY);
    sources[1].live = false;
    for (int64_t age_ns = 0; age_ns < 5 * SPLIT_STICKY_NS;
         age_ns += SPLIT_STICKY_NS / 2) {
        ask = ask_of(2, age_ns, -1);
        struct split_answer answer = split_choose(&ask);
        cr_assert(answer.source == 2 && answer.waits &&
                  answer.why == SPLIT_STICKY_STOPPED);
    }
    ask = ask_of(2, 0, 9);
    cr_assert(split_choose(&ask).source == 9 && split_choose(&ask).why == SPLIT_FALLBACK);
    ask.fallback_live = false;
    cr_assert(split_choose(&ask).waits);
    sources[1].live = true;
    ask = ask_of(1, SPLIT_STICKY_NS, -1);
    ask.roll = 3;
    cr_assert_eq(split_choose(&ask).source, 2, "after a day it may go by weight");
}

/* With none live it waits, or takes the configured fallback, and a weight of nothing is
 * never chosen by weight. */
TEST(split, none_live)
{
    sources[0].live = false;
    sources[1].live = false;
    struct split_ask ask = ask_of(-1, 0, -1);
    cr_assert(split_choose(&ask).waits && split_choose(&ask).why == SPLIT_NONE_LIVE);
    ask = ask_of(-1, 0, 9);
    cr_assert(split_choose(&ask).source == 9 && !split_choose(&ask).waits);
    struct split_source idle[] = {{7, 0, true}};
    struct split_ask none = {.sources = idle, .count = 1, .sticky = -1, .fallback = -1};
    cr_assert(split_choose(&none).waits);
    cr_assert_str_eq(split_why_name(SPLIT_FALLBACK), "configured fallback");
}
