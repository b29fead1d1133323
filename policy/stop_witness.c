#include <string.h>

#include "policy/stop.h"

#define INDEPENDENT_SITES 3
#define VOLUME_SHARE      0.10

/* The shipped sites whose own word is enough (docs/policy.md). */
static const char *const big_sites[] = {"google", "yahoo", "outlook", "microsoft365",
                                        "icloud", "gmx",   "orange",  "comcast"};

bool stop_is_big(const char *site)
{
    for (size_t i = 0; i < sizeof(big_sites) / sizeof(big_sites[0]); i++) {
        if (strcmp(big_sites[i], site) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_fresh(const struct stop_witness *witness, int64_t now_unix_ms)
{
    return now_unix_ms - witness->unix_ms < STOP_DAY_MS;
}

void stop_witness_add(struct stop_witnesses *witnesses,
                      const struct stop_witness *witness)
{
    uint32_t slot = witnesses->count;

    for (uint32_t i = 0; i < witnesses->count; i++) {
        if (witnesses->seen[i].site == witness->site) {
            slot = i;
            break;
        }
    }
    if (slot == STOP_WITNESSES) {
        slot = 0; /* full: the oldest goes, it says least */
        for (uint32_t i = 1; i < STOP_WITNESSES; i++) {
            slot = witnesses->seen[i].unix_ms < witnesses->seen[slot].unix_ms ? i : slot;
        }
    } else if (slot == witnesses->count) {
        witnesses->count++;
    }
    witnesses->seen[slot] = *witness;
}

/* Sites in networks of their own. */
static uint32_t independent(const struct stop_witnesses *witnesses, int64_t now_unix_ms)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < witnesses->count; i++) {
        bool alone = is_fresh(&witnesses->seen[i], now_unix_ms);
        for (uint32_t k = 0; k < i && alone; k++) {
            alone = !is_fresh(&witnesses->seen[k], now_unix_ms) ||
                    witnesses->seen[k].network != witnesses->seen[i].network;
        }
        count += alone ? 1 : 0;
    }
    return count;
}

bool stop_witnessed(const struct stop_witnesses *witnesses, int64_t now_unix_ms)
{
    double share = 0;

    for (uint32_t i = 0; i < witnesses->count; i++) {
        const struct stop_witness *witness = &witnesses->seen[i];
        if (!is_fresh(witness, now_unix_ms)) {
            continue;
        }
        if (witness->big) {
            return true;
        }
        share += witness->share;
    }
    return share >= VOLUME_SHARE ||
           independent(witnesses, now_unix_ms) >= INDEPENDENT_SITES;
}

bool stop_reputation_witnessed(const struct stop_witnesses *witnesses, uint32_t tried,
                               int64_t now_unix_ms)
{
    uint32_t count = independent(witnesses, now_unix_ms);
    return count >= INDEPENDENT_SITES || (count >= 2 && count * 3 >= tried);
}
