#include "relay/net/admission.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "relay/net/loop_uv.h"

#define ROWS  2
#define CELLS 16384 /* per row: 64 KiB */

struct admission {
    uint64_t key[ROWS];
    _Atomic uint32_t total;
    _Atomic uint32_t cells[ROWS][CELLS];
};

struct admission *admission_new(const uint64_t key[2])
{
    struct admission *admission = loop_alloc(sizeof *admission);
    for (int row = 0; row < ROWS; row++) {
        admission->key[row] = key[row];
    }
    return admission;
}

void admission_free(struct admission *admission)
{
    free(admission);
}

/* Keyed mixing of 64 bits: multiply and fold, three rounds. */
static uint64_t mix(uint64_t value, uint64_t key)
{
    uint64_t hash = value ^ key;
    for (int i = 0; i < 3; i++) {
        hash ^= hash >> 32;
        hash *= UINT64_C(0x9e3779b97f4a7c15);
        hash ^= key;
    }
    return hash ^ (hash >> 29);
}

static _Atomic uint32_t *cell_of(struct admission *admission, int row,
                                 const struct netaddr *addr)
{
    uint64_t value = 0;
    memcpy(&value, addr->bytes, sizeof value); /* IPv4 whole, IPv6 its /64 */
    value = mix(value + addr->family, admission->key[row]);
    return &admission->cells[row][value % CELLS];
}

static bool enter_total(struct admission *admission, uint32_t max)
{
    uint32_t most = max == 0 ? UINT32_MAX : max;
    uint32_t count = atomic_load_explicit(&admission->total, memory_order_relaxed);
    do {
        if (count >= most) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&admission->total, &count, count + 1,
                                                    memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* Too many from an address is said only when both of its cells say so: a stranger in one
 * of them does no harm. Two threads that enter one address at the same instant may both
 * find the last place. */
enum admission_answer admission_enter(struct admission *admission,
                                      const struct netaddr *addr,
                                      const struct admission_limits *limits)
{
    if (!enter_total(admission, limits->total)) {
        return ADMISSION_FULL;
    }
    uint32_t least = UINT32_MAX;
    for (int row = 0; row < ROWS; row++) {
        uint32_t before = atomic_fetch_add_explicit(cell_of(admission, row, addr), 1,
                                                    memory_order_relaxed);
        least = before < least ? before : least;
    }
    if (limits->per_address != 0 && least >= limits->per_address) {
        admission_leave(admission, addr);
        return ADMISSION_ADDRESS_FULL;
    }
    return ADMISSION_IN;
}

void admission_leave(struct admission *admission, const struct netaddr *addr)
{
    for (int row = 0; row < ROWS; row++) {
        atomic_fetch_sub_explicit(cell_of(admission, row, addr), 1, memory_order_relaxed);
    }
    atomic_fetch_sub_explicit(&admission->total, 1, memory_order_relaxed);
}

uint32_t admission_total(const struct admission *admission)
{
    return atomic_load_explicit(&admission->total, memory_order_relaxed);
}
