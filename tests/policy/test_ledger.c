#include <stddef.h>

#include "policy/ledger.h"

#include "tests/support/test.h"

static uint64_t roll(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Nothing may be spent before the reservation is on disk. */
TEST(ledger, reserves_before_it_spends)
{
    struct ledger ledger;
    struct ledger_record record;

    ledger_open(&ledger, NULL, 100);
    cr_assert_eq(ledger_room(&ledger, 50), 0);
    cr_assert(ledger_want(&ledger, 50, 10, &record));
    cr_assert(record.day == 100 && record.reserved == 10);
    cr_assert_eq(ledger_room(&ledger, 50), 0, "asked is not durable");
    cr_assert_not(ledger_want(&ledger, 50, 10, &record), "one at a time");
    ledger_durable(&ledger, &record);
    cr_assert_eq(ledger_room(&ledger, 50), 10);
    ledger_spend(&ledger, 6);
    cr_assert(ledger_want(&ledger, 50, 10, &record), "ahead of need");
    ledger_failed(&ledger);
    cr_assert_eq(ledger_room(&ledger, 50), 4);
    cr_assert_eq(ledger_room(&ledger, 5), 0, "a cap that was lowered holds at once");
}

/* After a crash all that was reserved is spent; after a clean stop only what was. */
TEST(ledger, crash_over_counts_clean_stop_does_not)
{
    struct ledger ledger;
    struct ledger_record record;

    ledger_open(&ledger, NULL, 100);
    cr_assert(ledger_want(&ledger, 100, 10, &record));
    ledger_durable(&ledger, &record);
    ledger_spend(&ledger, 3);
    struct ledger_record clean = ledger_close(&ledger);
    struct ledger again;
    ledger_open(&again, &record, 100);
    cr_assert_eq(again.spent, 10);
    ledger_open(&again, &clean, 100);
    cr_assert_eq(again.spent, 3);
}

/* What is refused is given back, on its own day only; a clock that steps back refills
 * nothing. */
TEST(ledger, days_only_go_forward)
{
    struct ledger ledger;
    struct ledger old;
    struct ledger_record record;

    ledger_open(&ledger, NULL, 100);
    cr_assert(ledger_want(&ledger, 100, 10, &record));
    ledger_durable(&ledger, &record);
    ledger_spend(&ledger, 10);
    ledger_settle(&ledger, 100, 4, 2);
    cr_assert(ledger.spent == 8 && ledger.flying == 4);
    cr_assert_not(ledger_day(&ledger, 99, &old));
    cr_assert_eq(ledger.spent, 8);
    cr_assert(ledger_day(&ledger, 101, &old));
    cr_assert(old.day == 100 && old.spent == 8 && ledger.spent == 0);
    ledger_settle(&ledger, 100, 0, 4);
    cr_assert_eq(ledger.spent, 0, "yesterday's refusals buy nothing today");
    ledger_open(&ledger, &(struct ledger_record){.day = 105, .reserved = 7}, 103);
    cr_assert(ledger.day == 105 && ledger.spent == 7, "the disk knows a later day");
    cr_assert_eq(ledger_lease(1000, 100), 10);
    cr_assert_eq(ledger_lease(100000, 2), 4);
    cr_assert_eq(ledger_lease(5, 0.001), 1);
}

/* Over random histories of spending, crashes, lost writes, clean stops and clock steps no
 * day's sum of accepted recipients ever exceeds its cap. */
TEST(ledger, never_exceeds_a_day)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        uint64_t cap = 20 + roll(&random) % 200;
        uint64_t sent[40] = {0};
        struct ledger_record disk = {.day = 0, .reserved = 0};
        struct ledger_record pending;
        bool writing = false;
        struct ledger ledger;
        int32_t clock = 0;

        ledger_open(&ledger, NULL, 0);
        for (int i = 0; i < 3000; i++) {
            uint64_t what = roll(&random) % 100;
            if (what < 60) {
                uint64_t room = ledger_room(&ledger, cap);
                uint64_t n = room > 0 ? 1 + roll(&random) % room : 0;
                ledger_spend(&ledger, n);
                uint64_t refused = n > 0 ? roll(&random) % (n + 1) : 0;
                sent[ledger.day] += n - refused;
                ledger_settle(&ledger, ledger.day, n - refused, refused);
            } else if (what < 80) {
                writing = writing ||
                          ledger_want(&ledger, cap, 1 + roll(&random) % 20, &pending);
                if (writing && roll(&random) % 2 == 0) {
                    disk = pending;
                    ledger_durable(&ledger, &pending);
                    writing = false;
                }
            } else if (what < 85) {
                /* A crash; the write in flight may or may not have reached the disk. */
                disk = writing && roll(&random) % 2 == 0 ? pending : disk;
                writing = false;
                ledger_open(&ledger, &disk, clock);
            } else if (what < 87 && !writing) {
                disk = ledger_close(&ledger);
                ledger_open(&ledger, &disk, clock);
            } else if (what < 90) {
                int32_t step = (int32_t)(roll(&random) % 3) - 1;
                clock = clock + step < 0 ? 0 : clock + step > 39 ? 39 : clock + step;
                writing = writing && !ledger_day(&ledger, clock, NULL);
            }
            cr_assert_leq(sent[ledger.day], cap, "seed %lu", (unsigned long)seed);
        }
    }
}
