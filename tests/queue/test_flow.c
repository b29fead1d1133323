#include <stdio.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define NOW   UINT64_C(1800000000000)
#define COUNT 200

static struct index table;
static uint32_t handles[COUNT];

static void begin(void)
{
    struct place place = {1, 4096, 1000};
    struct envelope_recipient recipient = {
        .address = "", .domain = "a.example", .orcpt = ""};
    struct envelope envelope;
    index_init(&table, NOW);
    for (unsigned i = 0; i < COUNT; i++) {
        envelope_init(&envelope);
        envelope.id = i + 1;
        envelope.priority = (uint8_t)(i * 7 % 10);
        envelope.expires_unix_ms = NOW + 1000000;
        envelope.stream = "bulk";
        envelope.recipients = &recipient;
        envelope.recipient_count = 1;
        handles[i] = index_add(&table, &envelope, &place);
        cr_assert_neq(handles[i], 0);
    }
}

/* Whether a goes before b when both are ready. */
static bool before(uint32_t a, uint32_t b)
{
    const struct message *left = index_message_at(&table, a);
    const struct message *right = index_message_at(&table, b);
    return left->priority != right->priority ? left->priority > right->priority
                                             : left->id < right->id;
}

static void check(struct flow *flow)
{
    unsigned counts[4] = {0};
    uint64_t due = UINT64_MAX;
    uint32_t first = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        struct recipient_view view;
        index_recipient(&table, handles[i], &view);
        counts[view.phase]++;
        if (view.phase == INDEX_DEFERRED && view.next_unix_ms < due) {
            due = view.next_unix_ms;
        }
        if (view.phase == INDEX_READY && (first == 0 || before(handles[i], first))) {
            first = handles[i];
        }
    }
    cr_assert_eq(flow->ready, counts[INDEX_READY]);
    cr_assert_eq(flow->deferred, counts[INDEX_DEFERRED]);
    cr_assert_eq(flow->out, counts[INDEX_OUT]);
    cr_assert_eq(flow->idle, counts[INDEX_IDLE]);
    for (int phase = 0; phase < 4; phase++) {
        cr_assert_eq(table.phases[phase], counts[phase]);
    }
    cr_assert_eq(flow_next_due_ms(&table, flow), counts[INDEX_READY] > 0 ? 0 : due);
    cr_assert_eq(flow->ready_root, first);
}

/* Whatever is taken, put back, put off and held: the counts are those of the phases, the
 * first ready one is the most urgent and oldest, and the next due time is the earliest.
 * Prints its seed. */
TEST(flow, random_history)
{
    uint64_t dice = 2024;
    uint64_t now = NOW;
    printf("seed %llu\n", (unsigned long long)dice);
    begin();
    struct flow *flow = index_domain(&table, "a.example")->flows;
    for (int step = 0; step < 6000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t recipient = handles[(dice >> 33) % COUNT];
        struct recipient_view view;
        struct change change;
        index_recipient(&table, recipient, &view);
        uint64_t later = now + (dice >> 20) % 100000;
        switch (dice >> 61) {
        case 0:
        case 1:
            if (view.phase == INDEX_READY || view.phase == INDEX_DEFERRED) {
                index_take(&table, recipient);
            } else if (view.phase == INDEX_OUT) {
                index_put_back(&table, recipient, dice >> 60 & 1 ? later : 0);
            }
            break;
        case 2:
            now += 500;
            (void)flow_pop_ready(&table, flow, now);
            break;
        case 3:
            now += 5000;
            (void)flow_peek(&table, flow, now);
            break;
        default:
            change_init(&change);
            change.id = view.id;
            change.state = dice >> 60 & 1 ? CHANGE_HELD : CHANGE_WAITING;
            change.next_unix_ms = dice >> 59 & 1 ? later : 0;
            cr_assert_eq(index_apply(&table, &change), recipient);
            break;
        }
        if (step % 10 == 0) {
            check(flow);
        }
    }
    index_done(&table);
}

/* Looking takes nothing; taking puts out exactly one; an empty flow has nothing due. */
TEST(flow, peek_and_pop)
{
    begin();
    struct flow *flow = index_domain(&table, "a.example")->flows;
    uint32_t first = flow_peek(&table, flow, NOW);
    cr_assert_eq(flow_peek(&table, flow, NOW), first);
    cr_assert_eq(flow->ready, COUNT);
    cr_assert_eq(flow_pop_ready(&table, flow, NOW), first);
    cr_assert_eq(flow->ready, COUNT - 1);
    cr_assert_eq(flow->out, 1);
    for (unsigned i = 1; i < COUNT; i++) {
        cr_assert_neq(flow_pop_ready(&table, flow, NOW), 0);
    }
    cr_assert_eq(flow_pop_ready(&table, flow, NOW + 1000000), 0);
    cr_assert_eq(flow_next_due_ms(&table, flow), UINT64_MAX);
    index_done(&table);
}

/* A hundred thousand that are due at the same instant are no stall: no look moves more
 * than FLOW_STEP of them, each is taken once, and the oldest first. */
TEST(flow, all_due_at_one_instant)
{
    static const unsigned many = 100000;
    struct place place = {1, 4096, 1000};
    struct envelope_recipient recipient = {
        .address = "", .domain = "a.example", .orcpt = ""};
    struct envelope envelope;
    index_init(&table, NOW);
    envelope_init(&envelope);
    envelope.expires_unix_ms = NOW + 1000000;
    envelope.stream = "bulk";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    for (uint64_t id = 1; id <= many; id++) {
        envelope.id = id;
        uint32_t handle = index_add(&table, &envelope, &place);
        index_take(&table, handle);
        index_put_back(&table, handle, NOW + 5000);
    }
    struct flow *flow = index_domain(&table, "a.example")->flows;
    cr_assert_eq(flow_pop_ready(&table, flow, NOW + 4999), 0);
    cr_assert_eq(flow->deferred, many);
    for (uint64_t id = 1; id <= many; id++) {
        unsigned before = flow->deferred;
        uint32_t taken = flow_pop_ready(&table, flow, NOW + 5000);
        cr_assert_leq(before - flow->deferred, FLOW_STEP);
        cr_assert_eq(index_message_at(&table, taken)->id, id);
    }
    cr_assert_eq(flow->out, many);
    cr_assert_eq(flow_pop_ready(&table, flow, NOW + 5000), 0);
    index_done(&table);
}

/* A due time is never early: it is rounded up to a tenth of a second. */
TEST(flow, due_is_not_early)
{
    begin();
    struct flow *flow = index_domain(&table, "a.example")->flows;
    for (unsigned i = 0; i < COUNT; i++) {
        index_take(&table, handles[i]);
    }
    for (uint64_t ms = 1; ms <= 300; ms += 13) {
        index_put_back(&table, handles[0], NOW + ms);
        uint64_t due = flow_next_due_ms(&table, flow);
        cr_assert_geq(due, NOW + ms);
        cr_assert_lt(due, NOW + ms + 100);
        cr_assert_eq(flow_pop_ready(&table, flow, NOW + ms - 1), 0);
        cr_assert_eq(flow_pop_ready(&table, flow, due), handles[0]);
    }
    index_done(&table);
}
