#include <stdio.h>

#include "queue/index_impl.h"

#include "tests/support/test.h"

#define NODES 600

static struct index table;

static bool less(const struct index *index, uint32_t left, uint32_t right)
{
    uint64_t a = index_message_at(index, left)->id;
    uint64_t b = index_message_at(index, right)->id;
    return a != b ? a < b : left < right;
}

static uint32_t right_of(uint32_t node)
{
    uint32_t left = index_waiting_at(&table, node)->child;
    if (left == 0) {
        return 0;
    }
    uint32_t sibling = index_waiting_at(&table, left)->sibling;
    return (sibling & INDEX_PARENT) != 0 ? 0 : sibling;
}

static unsigned rank_of(uint32_t node)
{
    return node == 0 ? 0 : index_waiting_at(&table, node)->rank;
}

/* Order and leftist shape of everything below root; how many nodes there are. */
static unsigned check(uint32_t root)
{
    uint32_t stack[NODES];
    unsigned depth = 0;
    unsigned count = 0;
    if (root != 0) {
        cr_assert_eq(index_waiting_at(&table, root)->sibling, 0, "a root has no parent");
        stack[depth++] = root;
    }
    while (depth > 0) {
        uint32_t node = stack[--depth];
        uint32_t children[2] = {index_waiting_at(&table, node)->child, right_of(node)};
        count++;
        cr_assert_leq(count, NODES, "a loop");
        cr_assert_geq(rank_of(children[0]), rank_of(children[1]));
        cr_assert_eq(rank_of(node), rank_of(children[1]) + 1);
        for (int i = 0; i < 2; i++) {
            if (children[i] != 0) {
                cr_assert(less(&table, node, children[i]));
                stack[depth++] = children[i];
            }
        }
    }
    return count;
}

static void begin(void)
{
    index_init(&table, 0);
    for (uint32_t i = 1; i <= NODES; i++) {
        cr_assert_eq(pool_take(&table.messages), i);
    }
}

/* Whatever is put in and taken out, in the middle too: the root is the least of what is
 * there, the shape stays leftist, nothing is lost. Prints its seed. */
TEST(heap, random_history)
{
    uint64_t dice = 4711;
    printf("seed %llu\n", (unsigned long long)dice);
    bool in[NODES + 1] = {false};
    uint32_t root = 0;
    unsigned count = 0;
    begin();
    for (int step = 0; step < 30000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t node = 1 + (uint32_t)(dice >> 33) % NODES;
        if (in[node]) {
            root = heap_remove(&table, root, node, less);
            count--;
        } else {
            index_message_at(&table, node)->id = (dice >> 20) % 50;
            root = heap_insert(&table, root, node, less);
            count++;
        }
        in[node] = !in[node];
        if (step % 50 == 0) {
            uint32_t least = 0;
            for (uint32_t i = 1; i <= NODES; i++) {
                least = in[i] && (least == 0 || less(&table, i, least)) ? i : least;
            }
            cr_assert_eq(root, least, "step %d", step);
            cr_assert_eq(check(root), count, "step %d", step);
        }
    }
    index_done(&table);
}

/* The same through heap_append, with its leaf remembered as flows do: keys that mostly
 * rise, some that do not, and removals of the leaf itself. Prints its seed. */
TEST(heap, appended_history)
{
    uint64_t dice = 815;
    printf("seed %llu\n", (unsigned long long)dice);
    bool in[NODES + 1] = {false};
    uint32_t root = 0;
    uint32_t last = 0;
    unsigned count = 0;
    begin();
    for (int step = 0; step < 30000; step++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t node = 1 + (uint32_t)(dice >> 33) % NODES;
        node = dice >> 62 == 0 && last != 0 ? last : node;
        if (in[node]) {
            last = last == node ? 0 : last;
            root = heap_remove(&table, root, node, less);
            count--;
        } else {
            bool rises = (dice >> 58 & 7) != 0;
            index_message_at(&table, node)->id =
                rises ? (uint64_t)step : (dice >> 20) % 30000;
            root = heap_append(&table, root, node, less, &last);
            count++;
        }
        in[node] = !in[node];
        cr_assert(last == 0 || in[last]);
        if (step % 50 == 0) {
            uint32_t least = 0;
            for (uint32_t i = 1; i <= NODES; i++) {
                least = in[i] && (least == 0 || less(&table, i, least)) ? i : least;
            }
            cr_assert_eq(root, least, "step %d", step);
            cr_assert_eq(check(root), count, "step %d", step);
        }
    }
    index_done(&table);
}

/* What comes in order is hung under the last leaf: no node but the two is touched, so a
 * million in order cost a million steps. */
TEST(heap, in_order_is_one_step)
{
    uint32_t root = 0;
    uint32_t last = 0;
    begin();
    for (uint32_t i = 1; i <= NODES; i++) {
        index_message_at(&table, i)->id = i;
        root = heap_append(&table, root, i, less, &last);
        cr_assert_eq(last, i);
        cr_assert_eq(index_waiting_at(&table, i)->rank, 1);
        cr_assert(i == 1 || index_waiting_at(&table, i - 1)->child == i);
    }
    cr_assert_eq(root, 1);
    cr_assert_eq(check(root), NODES);
    index_done(&table);
}

/* Rising, falling and equal keys, the shapes that make the longest paths, come out in
 * order. */
TEST(heap, ordered_inserts)
{
    for (int shape = 0; shape < 3; shape++) {
        uint32_t root = 0;
        begin();
        for (uint32_t i = 1; i <= NODES; i++) {
            index_message_at(&table, i)->id = shape == 0 ? i : shape == 1 ? NODES - i : 9;
            root = heap_insert(&table, root, i, less);
        }
        cr_assert_eq(check(root), NODES);
        for (uint32_t i = 1; i <= NODES; i++) {
            cr_assert_eq(root, shape == 1 ? NODES + 1 - i : i);
            root = heap_remove(&table, root, root, less);
        }
        cr_assert_eq(root, 0);
        index_done(&table);
    }
}
