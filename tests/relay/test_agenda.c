#include <stdlib.h>

#include "relay/agenda.h"

#include "tests/support/test.h"

#define ITEMS 500

struct entry {
    struct agenda_item item;
    bool is_due;
    bool is_off;
};

static struct entry entries[ITEMS];
static uint64_t last_at;
static unsigned disorder;

static void on_due(struct agenda_item *item)
{
    struct entry *entry = (struct entry *)(void *)item;
    entry->is_due = true;
    if (item->at < last_at) {
        disorder++;
    }
    last_at = item->at;
}

static uint32_t roll(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Whatever is set, moved and dropped in whatever order: what is due comes once, in order
 * of time, and nothing else does. */
TEST(agenda, random_history)
{
    for (uint32_t seed = 1; seed <= 50; seed++) {
        struct agenda agenda = {0};
        uint32_t state = seed;
        last_at = 0;
        disorder = 0;
        for (unsigned i = 0; i < ITEMS; i++) {
            entries[i] = (struct entry){.item = {.due_cb = on_due}, .is_off = true};
        }
        for (unsigned step = 0; step < 3000; step++) {
            struct entry *entry = &entries[roll(&state) % ITEMS];
            if (roll(&state) % 3 == 0) {
                agenda_drop(&agenda, &entry->item);
                entry->is_off = true;
            } else {
                agenda_set(&agenda, &entry->item, roll(&state) % 1000);
                entry->is_off = false;
            }
        }
        while (agenda_run(&agenda, 500, 7) > 0) {
        }
        cr_assert_eq(disorder, 0, "seed %u", seed);
        for (unsigned i = 0; i < ITEMS; i++) {
            bool want = !entries[i].is_off && entries[i].item.at <= 500;
            cr_assert_eq(entries[i].is_due, want, "seed %u, item %u", seed, i);
            cr_assert_eq(agenda_is_set(&entries[i].item), !entries[i].is_off && !want);
        }
        agenda_done(&agenda);
        cr_assert_eq(agenda_next(&agenda), UINT64_MAX);
    }
}
