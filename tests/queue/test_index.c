#include <stdio.h>
#include <stdlib.h>

#include "queue/index.h"
#include "queue/index_impl.h"

#include "tests/support/test.h"

#define NOW UINT64_C(1800000000000)

static struct index table;
static struct place place = {1, 4096, 5000};
static int born;
static int gone;
static int domains_gone;

static void on_born(void *owner, struct flow *flow)
{
    (void)owner;
    (void)flow;
    born++;
}

static void on_gone(void *owner, struct flow *flow)
{
    (void)owner;
    (void)flow;
    gone++;
}

static void on_domain_gone(void *owner, struct domain *domain)
{
    (void)owner;
    (void)domain;
    domains_gone++;
}

static uint32_t add(uint64_t id, uint8_t priority, unsigned recipients)
{
    struct envelope_recipient list[8];
    struct envelope envelope;
    envelope_init(&envelope);
    envelope.id = id;
    envelope.priority = priority;
    envelope.accepted_unix_ms = NOW;
    envelope.expires_unix_ms = NOW + id * 1000;
    envelope.stream = "bulk";
    envelope.from_domain = "example.org";
    for (unsigned i = 0; i < recipients; i++) {
        list[i] = (struct envelope_recipient){
            .address = "", .domain = i % 2 == 0 ? "a.example" : "b.example", .orcpt = ""};
    }
    envelope.recipients = list;
    envelope.recipient_count = recipients;
    return index_add(&table, &envelope, &place);
}

static struct change change_of(uint64_t id, uint16_t number, enum change_state state)
{
    struct change change;
    change_init(&change);
    change.id = id;
    change.number = number;
    change.state = state;
    change.home = 1;
    change.ended = change_state_is_final(state);
    return change;
}

/* Higher priority first, then the older id; due ones join when their time has come. */
TEST(index, order)
{
    index_init(&table, NOW);
    add(3, 0, 1);
    add(1, 0, 1);
    add(2, 9, 1);
    struct change later = change_of(4, 0, CHANGE_WAITING);
    later.next_unix_ms = NOW + 500;
    add(4, 9, 1);
    cr_assert_neq(index_apply(&table, &later), 0);
    struct flow *flow = index_domain(&table, "a.example")->flows;
    cr_assert_eq(flow->ready, 3);
    cr_assert_eq(flow->deferred, 1);
    uint64_t expected[] = {2, 1, 3, 0};
    for (int i = 0; i < 4; i++) {
        uint32_t recipient = flow_pop_ready(&table, flow, NOW);
        struct recipient_view view = {.id = 0};
        if (recipient != 0) {
            index_recipient(&table, recipient, &view);
        }
        cr_assert_eq(view.id, expected[i], "pop %d", i);
    }
    cr_assert_eq(flow_next_due_ms(&table, flow), NOW + 500);
    cr_assert_eq(flow_pop_ready(&table, flow, NOW + 499), 0);
    cr_assert_neq(flow_pop_ready(&table, flow, NOW + 500), 0);
    cr_assert_eq(flow->out, 4);
    index_done(&table);
}

/* A million due at once: no call moves more than FLOW_STEP. */
TEST(index, many_due)
{
    index_init(&table, NOW);
    for (uint64_t id = 1; id <= 5000; id++) {
        struct change later = change_of(id, 0, CHANGE_WAITING);
        later.next_unix_ms = NOW + 1000;
        add(id, 0, 1);
        (void)index_apply(&table, &later);
    }
    struct flow *flow = NULL;
    for (flow = index_flow_next(&table, NULL); flow->deferred == 0;
         flow = index_flow_next(&table, flow)) {
    }
    cr_assert_neq(flow_pop_ready(&table, flow, NOW + 2000), 0);
    cr_assert_eq(flow->deferred, 5000 - FLOW_STEP);
    unsigned popped = 1;
    while (flow_pop_ready(&table, flow, NOW + 2000) != 0) {
        popped++;
    }
    cr_assert_eq(popped, 5000);
    index_done(&table);
}

/* Ends count when they are on disk; the last one takes the message, its flow and its
 * domain along. */
TEST(index, life)
{
    struct index_hooks hooks = {on_born, on_gone, on_domain_gone, NULL};
    born = gone = domains_gone = 0;
    index_init(&table, NOW);
    index_set_hooks(&table, &hooks);
    uint32_t message = add(10, 0, 3);
    cr_assert_neq(message, 0);
    cr_assert_eq(add(10, 0, 1), 0, "an id is known once");
    cr_assert_eq(born, 2);
    cr_assert_eq(shelf_at(&table.shelf, 1)->live_messages, 1);
    for (uint16_t number = 0; number < 3; number++) {
        struct change done = change_of(10, number, CHANGE_DELIVERED);
        cr_assert_neq(index_apply(&table, &done), 0);
        cr_assert_eq(index_apply(&table, &done), 0, "an end is final");
        cr_assert_eq(index_find(&table, 10), message);
        index_written(&table, &done, &(struct place){2, 4096, 0});
        struct message_view view;
        if (number < 2) {
            index_message(&table, message, &view);
            cr_assert_eq(view.live, 2 - number);
            cr_assert_str_eq(view.from_domain, "example.org");
        }
    }
    cr_assert_eq(index_find(&table, 10), 0);
    cr_assert_eq(gone, 2);
    cr_assert_eq(domains_gone, 2);
    cr_assert_eq(shelf_at(&table.shelf, 1)->live_messages, 0);
    cr_assert(shelf_is_needed(&table.shelf, shelf_find(&table.shelf, 2)),
              "the end outlives what it ends");
    index_done(&table);
}

/* A sticky source moves the recipient to a flow of its own, and back. */
TEST(index, sticky)
{
    index_init(&table, NOW);
    uint32_t recipient = add(5, 0, 1);
    struct change later = change_of(5, 0, CHANGE_WAITING);
    struct recipient_view view;
    later.source = "tx1";
    later.attempts = 1;
    cr_assert_eq(index_apply(&table, &later), recipient);
    index_recipient(&table, recipient, &view);
    cr_assert_str_eq(view.flow->source, "tx1");
    cr_assert_eq(view.phase, INDEX_READY);
    later.source = "";
    later.state = CHANGE_HELD;
    (void)index_apply(&table, &later);
    index_recipient(&table, recipient, &view);
    cr_assert_str_eq(view.flow->source, "");
    cr_assert_eq(view.phase, INDEX_IDLE);
    struct index_stats stats;
    index_stats(&table, &stats);
    cr_assert_eq(stats.held, 1);
    cr_assert_eq(stats.flows, 1);
    index_done(&table);
}

/* Clocks ring in order, once, a second after at the latest; a new lifetime winds again.
 */
TEST(index, clocks)
{
    index_init(&table, NOW);
    for (uint64_t id = 50; id >= 1; id--) {
        add(id, 0, 1);
    }
    bool expired = false;
    cr_assert_eq(index_clock_next(&table), NOW + 1000);
    for (uint64_t id = 1; id <= 50; id++) {
        cr_assert_eq(index_clock_pop(&table, NOW + id * 1000 - 1, &expired), 0);
        uint32_t message = index_clock_pop(&table, NOW + id * 1000, &expired);
        cr_assert_eq(message, index_find(&table, id));
        cr_assert(expired);
    }
    cr_assert_eq(index_clock_next(&table), UINT64_MAX);
    index_clock_set(&table, index_find(&table, 7), NOW + 90000);
    cr_assert_eq(index_clock_next(&table), NOW + 90000);
    index_done(&table);
}

/* Random inserts, takes, removals: every flow's heaps always give the least. Prints its
 * seed. */
TEST(index, random_heaps)
{
    uint64_t seed = 20260;
    printf("seed %llu\n", (unsigned long long)seed);
    uint64_t dice = seed;
    index_init(&table, NOW);
    unsigned queued = 0;
    uint64_t next_id = 1;
    for (int step = 0; step < 20000; step++) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        uint64_t id = next_id > 1 ? 1 + dice % (next_id - 1) : 0;
        uint32_t message = index_find(&table, id);
        if (dice % 3 != 0 || message == 0) {
            if (queued < 600) {
                add(next_id++, (uint8_t)(dice / 7 % 10), 1);
                queued++;
            }
            continue;
        }
        struct change change = change_of(id, 0, CHANGE_DELIVERED);
        if (dice % 2 == 0) {
            change = change_of(id, 0, CHANGE_WAITING);
            change.next_unix_ms = NOW + dice % 100000;
        }
        (void)index_apply(&table, &change);
        if (change.ended) {
            index_written(&table, &change, &place);
            queued--;
        }
    }
    struct flow *flow = index_domain(&table, "a.example")->flows;
    uint64_t last_due = 0;
    while (flow->deferred_root != 0) {
        uint64_t due = index_waiting_at(&table, flow->deferred_root)->due;
        cr_assert_geq(due, last_due);
        last_due = due;
        index_take(&table, flow->deferred_root);
    }
    struct recipient_view before = {0};
    uint8_t priority = 9;
    for (uint32_t r = flow_pop_ready(&table, flow, NOW); r != 0;
         r = flow_pop_ready(&table, flow, NOW)) {
        struct recipient_view view;
        struct message_view message;
        index_recipient(&table, r, &view);
        index_message(&table, view.message, &message);
        cr_assert(message.priority < priority ||
                  (message.priority == priority && view.id > before.id));
        priority = message.priority;
        before = view;
    }
    cr_assert_eq(flow->out, queued);
    index_done(&table);
}

/* A walk sees every message once, in chunks. */
TEST(index, each)
{
    index_init(&table, NOW);
    for (uint64_t id = 1; id <= 1000; id++) {
        add(id, 0, 1);
    }
    uint32_t cursor = 0;
    uint32_t handles[64];
    unsigned seen = 0;
    do {
        seen += index_each(&table, &cursor, handles, 64);
    } while (cursor != 0);
    cr_assert_eq(seen, 1000);
    index_done(&table);
}

/* The walk of idle ones finds the messages that have one, first recipient or a later one,
 * and no others. */
TEST(index, each_idle)
{
    index_init(&table, NOW);
    for (uint64_t id = 1; id <= 300; id++) {
        cr_assert_neq(add(id, 0, 3), 0);
        struct change change = change_of(id, (uint16_t)(id % 3), CHANGE_HELD);
        cr_assert(id % 5 != 0 || index_apply(&table, &change) != 0);
    }
    uint32_t cursor = 0;
    uint32_t handles[64];
    unsigned seen = 0;
    do {
        unsigned found = index_each_idle(&table, &cursor, handles, 64);
        for (unsigned i = 0; i < found; i++) {
            cr_assert_eq(index_message_at(&table, handles[i])->id % 5, 0);
        }
        seen += found;
    } while (cursor != 0);
    cr_assert_eq(seen, 60);
    index_done(&table);
}

/* One-recipient messages in many domains cost at most 96 bytes each, beside at most one
 * chunk of each table that is not full yet. */
TEST(index, memory)
{
    index_init(&table, NOW);
    for (uint64_t id = 1; id <= 200000; id++) {
        char domain[32];
        struct envelope_recipient recipient = {
            .address = "", .domain = domain, .orcpt = ""};
        struct envelope envelope;
        (void)snprintf(domain, sizeof domain, "d%05u.example", (unsigned)(id % 20000));
        envelope_init(&envelope);
        envelope.id = id;
        envelope.accepted_unix_ms = NOW;
        envelope.expires_unix_ms = NOW + 1000000;
        envelope.stream = "bulk";
        envelope.recipients = &recipient;
        envelope.recipient_count = 1;
        cr_assert_neq(index_add(&table, &envelope, &place), 0);
    }
    struct index_stats stats;
    index_stats(&table, &stats);
    cr_assert_leq(stats.memory_bytes, 96 * stats.messages + 1048576);
    index_done(&table);
}
