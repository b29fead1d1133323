/* Leftist heaps whose nodes are the recipients themselves.
 *
 * Each node holds two links: its left child, and its right sibling or, tagged, its
 * parent. A right child has no sibling, and a leftist node with a right child has a left
 * one, so left, right and parent can all be found. Insert, remove the first and remove
 * any are O(log n) in the worst case; no recursion, no allocation.
 *
 * What is put in mostly comes after all that is there (mail gets older, retries rise). A
 * leaf may take a left child without any rank above it changing, so whoever remembers the
 * leaf that was added last hangs the next one under it: one step, and one or two places
 * in memory instead of a walk down the right spine. */

#include <assert.h>

#include "queue/index_impl.h"

#define SPINE 64 /* a right spine of n nodes needs 2^n - 1 nodes below it */

static struct waiting *node_at(const struct index *index, uint32_t recipient)
{
    return index_waiting_at(index, recipient);
}

static uint32_t left_of(const struct index *index, uint32_t node)
{
    return node_at(index, node)->child;
}

static uint32_t right_of(const struct index *index, uint32_t node)
{
    uint32_t left = left_of(index, node);
    if (left == 0) {
        return 0;
    }
    uint32_t sibling = node_at(index, left)->sibling;
    return (sibling & INDEX_PARENT) != 0 ? 0 : sibling;
}

static uint32_t parent_of(const struct index *index, uint32_t node)
{
    uint32_t sibling = node_at(index, node)->sibling;
    if (sibling == 0) {
        return 0;
    }
    if ((sibling & INDEX_PARENT) == 0) {
        sibling = node_at(index, sibling)->sibling;
    }
    return sibling & ~INDEX_PARENT;
}

static unsigned rank_of(const struct index *index, uint32_t node)
{
    return node == 0 ? 0 : node_at(index, node)->rank;
}

/* Hang a and b under node, the higher rank left. Returns true when node's rank changed.
 */
static bool set_children(struct index *index, uint32_t node, uint32_t a, uint32_t b)
{
    if (rank_of(index, a) < rank_of(index, b)) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    struct waiting *parent = node_at(index, node);
    parent->child = a;
    if (a != 0) {
        node_at(index, a)->sibling = b != 0 ? b : (node | INDEX_PARENT);
    }
    if (b != 0) {
        node_at(index, b)->sibling = node | INDEX_PARENT;
    }
    unsigned rank = rank_of(index, b) + 1;
    bool changed = parent->rank != rank;
    parent->rank = rank & 31;
    return changed;
}

/* Two heaps without parents become one. */
static uint32_t merge(struct index *index, uint32_t a, uint32_t b, heap_less_cb less_cb)
{
    uint32_t spine[SPINE];
    unsigned depth = 0;
    while (a != 0 && b != 0) {
        if (less_cb(index, b, a)) {
            uint32_t swap = a;
            a = b;
            b = swap;
        }
        assert(depth < SPINE);
        spine[depth++] = a;
        a = right_of(index, a);
    }
    uint32_t merged = a != 0 ? a : b;
    while (depth > 0) {
        uint32_t node = spine[--depth];
        (void)set_children(index, node, left_of(index, node), merged);
        merged = node;
    }
    if (merged != 0) {
        node_at(index, merged)->sibling = 0;
    }
    return merged;
}

uint32_t heap_insert(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb)
{
    struct waiting *node = node_at(index, recipient);
    node->child = 0;
    node->sibling = 0;
    node->rank = 1;
    return merge(index, root, recipient, less_cb);
}

uint32_t heap_append(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb, uint32_t *last)
{
    uint32_t leaf = *last;
    if (leaf == 0 || node_at(index, leaf)->child != 0 ||
        less_cb(index, recipient, leaf)) {
        root = heap_insert(index, root, recipient, less_cb);
    } else {
        struct waiting *node = node_at(index, recipient);
        node->child = 0;
        node->sibling = leaf | INDEX_PARENT;
        node->rank = 1;
        node_at(index, leaf)->child = recipient;
    }
    if (node_at(index, recipient)->child == 0) {
        *last = recipient;
    }
    return root;
}

uint32_t heap_remove(struct index *index, uint32_t root, uint32_t recipient,
                     heap_less_cb less_cb)
{
    uint32_t parent = parent_of(index, recipient);
    uint32_t left = left_of(index, recipient);
    uint32_t right = right_of(index, recipient);
    uint32_t below = merge(index, left, right, less_cb);
    node_at(index, recipient)->child = 0;
    if (parent == 0) {
        assert(root == recipient);
        node_at(index, recipient)->sibling = 0;
        return below;
    }
    uint32_t other = left_of(index, parent);
    if (other == recipient) {
        other = right_of(index, parent);
    }
    node_at(index, recipient)->sibling = 0;
    bool changed = set_children(index, parent, below, other);
    while (changed) {
        uint32_t above = parent_of(index, parent);
        if (above == 0) {
            break;
        }
        changed =
            set_children(index, above, left_of(index, above), right_of(index, above));
        parent = above;
    }
    return root;
}
