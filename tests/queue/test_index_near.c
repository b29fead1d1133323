#include <stdio.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define NOW     UINT64_C(1800000000000)
#define COUNT   500
#define DOMAINS 40

static struct index table;

static void add(uint64_t id)
{
    struct place place = {1, 4096, 1000};
    char domain[32];
    struct envelope_recipient recipient = {.address = "", .domain = domain, .orcpt = ""};
    struct envelope envelope;
    (void)snprintf(domain, sizeof domain, "d%u.example", (unsigned)(id % DOMAINS));
    envelope_init(&envelope);
    envelope.id = id;
    envelope.expires_unix_ms = NOW + 1000000;
    envelope.stream = "bulk";
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    cr_assert_neq(index_add(&table, &envelope, &place), 0);
}

static void all_steps(struct index_near *near)
{
    index_near_tables(&table, near);
    index_near_heads(&table, near);
    index_near_flows(&table, near);
    index_near_heaps(&table, near);
}

/* The steps find what an add or a change is going to touch: the domain of the name, the
 * message of the id; and they change nothing. */
TEST(index_near, finds_what_will_be_touched)
{
    index_init(&table, NOW);
    for (uint64_t id = 1; id <= COUNT; id++) {
        add(id);
    }
    for (uint64_t id = 1; id <= COUNT; id++) {
        char domain[32];
        (void)snprintf(domain, sizeof domain, "d%u.example", (unsigned)(id % DOMAINS));
        struct index_near add_near = {.id = COUNT + id, .domain = domain};
        struct index_near change_near = {.id = id};
        all_steps(&add_near);
        all_steps(&change_near);
        cr_assert_eq(add_near.found, index_domain(&table, domain));
        cr_assert_eq(change_near.message,
                     index_message_at(&table, index_find(&table, id)));
    }
    struct index_stats stats;
    index_stats(&table, &stats);
    cr_assert_eq(stats.messages, COUNT);
    cr_assert_eq(stats.ready, COUNT);
    index_done(&table);
}

/* What is not there is not found, in an index without tables too: ids and names come from
 * files. */
TEST(index_near, finds_nothing_where_nothing_is)
{
    index_init(&table, NOW);
    for (int round = 0; round < 2; round++) {
        struct index_near strange[3] = {
            {.id = UINT64_MAX}, {.id = 0}, {.id = 7, .domain = "nobody.example"}};
        for (int i = 0; i < 3; i++) {
            all_steps(&strange[i]);
            cr_assert_null(strange[i].found);
            cr_assert_null(strange[i].message);
        }
        add(1 + (uint64_t)round);
    }
    index_done(&table);
}
