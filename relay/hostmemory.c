#include "relay/hostmemory.h"

#include <stdlib.h>
#include <string.h>

#include "relay/arena.h"

/* A few rows for each hash: 4096 addresses in 256 KiB, which a busy relay meets in the
 * time that anything here lasts. */
#define SETS 1024
#define WAYS 4

struct row {
    struct netaddr addr; /* NETADDR_NONE: free */
    uint8_t failures;    /* in a row */
    int64_t down_until_ns;
    int64_t clear_until_ns; /* TLS is not tried before */
    int64_t told_ns;        /* when it last changed: the oldest makes room */
};

struct hostmemory {
    uint64_t key;
    struct row rows[SETS][WAYS];
};

struct hostmemory *hostmemory_new(uint64_t key)
{
    struct hostmemory *memory = arena_must(1, sizeof *memory);
    memory->key = key;
    return memory;
}

void hostmemory_free(struct hostmemory *memory)
{
    free(memory);
}

static unsigned set_of(const struct hostmemory *memory, const struct netaddr *addr)
{
    uint64_t hash = memory->key ^ addr->port;
    for (size_t i = 0; i < sizeof addr->bytes; i++) {
        hash = (hash ^ addr->bytes[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (unsigned)(hash >> 32) % SETS;
}

static const struct row *find(const struct hostmemory *memory, const struct netaddr *addr)
{
    const struct row *set = memory->rows[set_of(memory, addr)];
    for (unsigned i = 0; i < WAYS; i++) {
        if (netaddr_equal(&set[i].addr, addr)) {
            return &set[i];
        }
    }
    return NULL;
}

/* The address' row, made from the one that was told of longest ago. */
static struct row *take(struct hostmemory *memory, const struct netaddr *addr,
                        int64_t now_ns)
{
    struct row *set = memory->rows[set_of(memory, addr)];
    struct row *row = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (netaddr_equal(&set[i].addr, addr)) {
            set[i].told_ns = now_ns;
            return &set[i];
        }
        if (set[i].addr.family == NETADDR_NONE || set[i].told_ns < row->told_ns) {
            row = &set[i];
        }
    }
    *row = (struct row){.addr = *addr, .told_ns = now_ns};
    return row;
}

/* What is known of nobody needs no row. */
static struct row *find_to_change(struct hostmemory *memory, const struct netaddr *addr)
{
    struct row *set = memory->rows[set_of(memory, addr)];
    for (unsigned i = 0; i < WAYS; i++) {
        if (netaddr_equal(&set[i].addr, addr)) {
            return &set[i];
        }
    }
    return NULL;
}

void hostmemory_failed(struct hostmemory *memory, const struct netaddr *addr,
                       int64_t now_ns)
{
    struct row *row = take(memory, addr, now_ns);
    int64_t wait_ns = HOSTMEMORY_DOWN_FIRST_NS << (row->failures < 5 ? row->failures : 5);
    wait_ns = wait_ns > HOSTMEMORY_DOWN_MOST_NS ? HOSTMEMORY_DOWN_MOST_NS : wait_ns;
    row->down_until_ns = now_ns + wait_ns;
    if (row->failures < 5) {
        row->failures++;
    }
}

void hostmemory_answered(struct hostmemory *memory, const struct netaddr *addr)
{
    struct row *row = find_to_change(memory, addr);
    if (row != NULL) {
        row->failures = 0;
        row->down_until_ns = 0;
    }
}

bool hostmemory_is_down(const struct hostmemory *memory, const struct netaddr *addr,
                        int64_t now_ns)
{
    const struct row *row = find(memory, addr);
    return row != NULL && row->down_until_ns > now_ns;
}

void hostmemory_tls_failed(struct hostmemory *memory, const struct netaddr *addr,
                           int64_t now_ns)
{
    take(memory, addr, now_ns)->clear_until_ns = now_ns + HOSTMEMORY_TLS_NS;
}

void hostmemory_tls_worked(struct hostmemory *memory, const struct netaddr *addr)
{
    struct row *row = find_to_change(memory, addr);
    if (row != NULL) {
        row->clear_until_ns = 0;
    }
}

bool hostmemory_is_tls_broken(const struct hostmemory *memory, const struct netaddr *addr,
                              int64_t now_ns)
{
    const struct row *row = find(memory, addr);
    return row != NULL && row->clear_until_ns > now_ns;
}
