#include <stdio.h>
#include <string.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define KEYS 3000

static struct index table;
static int born;

static void on_born(void *owner, struct flow *flow)
{
    (void)owner;
    flow->owner = &born;
    born++;
}

static void key_at(unsigned i, char *domain, size_t bytes, struct flow_key *out_key)
{
    static const char *const streams[] = {"bulk", "transactional"};
    static const char *const users[] = {"", "alice", "bulk"};
    static const char *const sources[] = {"", "tx1"};
    (void)snprintf(domain, bytes, "d%u.example", i / 12);
    *out_key =
        (struct flow_key){domain, streams[i % 2], users[i / 2 % 3], sources[i / 6 % 2]};
}

/* One recipient of key i comes, as READY without a heap: these tests are about names. */
static uint32_t enter(unsigned i)
{
    char domain[32];
    struct flow_key key;
    key_at(i, domain, sizeof domain, &key);
    uint32_t handle = flows_enter(&table, &key);
    struct flow *flow = flows_at(&table, handle);
    flow->idle++;
    cr_assert_str_eq(flow->domain->name, domain);
    cr_assert_str_eq(flow->stream, key.stream);
    cr_assert_str_eq(flow->user, key.user);
    cr_assert_str_eq(flow->source, key.source);
    return handle;
}

static void leave(uint32_t handle)
{
    flows_at(&table, handle)->idle--;
    flows_leave(&table, handle);
}

/* The same four names are the same flow, one other name is another; domains count their
 * recipients over all flows; when all left, nothing is kept. Prints its seed. */
TEST(index_flows, random_history)
{
    static uint32_t flows[KEYS];
    static unsigned counts[KEYS];
    uint64_t dice = 555;
    printf("seed %llu\n", (unsigned long long)dice);
    memset(counts, 0, sizeof counts);
    index_init(&table, 0);
    for (int step = 0; step < 40000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        unsigned i = (unsigned)(dice >> 33) % KEYS;
        if (dice >> 63 || counts[i] == 0) {
            uint32_t handle = enter(i);
            cr_assert(counts[i] == 0 || handle == flows[i], "key %u", i);
            flows[i] = handle;
            counts[i]++;
        } else {
            leave(flows[i]);
            counts[i]--;
        }
    }
    unsigned alive = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        alive += counts[i] > 0;
        cr_assert(counts[i] == 0 || flows_at(&table, flows[i])->idle == counts[i]);
    }
    cr_assert_eq(table.flow_count, alive);
    unsigned walked = 0;
    for (struct flow *flow = index_flow_next(&table, NULL); flow != NULL;
         flow = index_flow_next(&table, flow)) {
        walked++;
    }
    cr_assert_eq(walked, alive, "a walk sees each flow once");
    for (unsigned first = 0; first < KEYS; first += 12) {
        char name[32];
        unsigned recipients = 0;
        unsigned of_domain = 0;
        (void)snprintf(name, sizeof name, "d%u.example", first / 12);
        for (unsigned i = first; i < first + 12; i++) {
            recipients += counts[i];
            of_domain += counts[i] > 0;
        }
        const struct domain *domain = index_domain(&table, name);
        cr_assert_eq(domain == NULL, recipients == 0);
        cr_assert(domain == NULL || domain->recipients == recipients);
        for (const struct flow *flow = domain == NULL ? NULL : domain->flows;
             flow != NULL; flow = index_flow_beside(&table, flow)) {
            of_domain--;
        }
        cr_assert_eq(of_domain, 0, "a domain leads to its flows");
    }
    for (unsigned i = 0; i < KEYS; i++) {
        while (counts[i] > 0) {
            leave(flows[i]);
            counts[i]--;
        }
    }
    cr_assert_eq(table.flow_count, 0);
    cr_assert_eq(table.domain_count, 0);
    cr_assert_eq(table.domain_bytes, 0);
    cr_assert_eq(table.labels.count, 0);
    index_done(&table);
}

/* Hooks that come late hear of every flow that is there already. */
TEST(index_flows, late_hooks)
{
    struct index_hooks hooks = {.flow_born_cb = on_born};
    uint32_t flows[100];
    index_init(&table, 0);
    for (unsigned i = 0; i < 100; i++) {
        flows[i] = enter(i);
    }
    leave(flows[50]);
    born = 0;
    index_set_hooks(&table, &hooks);
    cr_assert_eq(born, 99);
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(flows_at(&table, flows[i])->owner == &born, i != 50);
    }
    cr_assert_gt(flows_memory(&table), 99 * sizeof(struct flow));
    index_done(&table);
}
