/* Intrusive doubly linked list. The node lives in its owner; a node is in one list at
 * most. Header only, no allocation. */

#ifndef QUEUE_LIST_H
#define QUEUE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev;
    struct list_node *next;
};

struct list {
    struct list_node head; /* head.next is the first, head.prev the last */
};

#define LIST_OWNER(NODE, TYPE, FIELD) \
    ((TYPE *)(void *)((char *)(NODE)-offsetof(TYPE, FIELD)))

/* NODE is the name that the loop declares: a name cannot be in parentheses. */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define list_each(NODE, LIST)                                               \
    for (struct list_node *NODE = (LIST)->head.next; NODE != &(LIST)->head; \
         NODE = NODE->next)

/* As list_each; NODE itself may be taken out in the body. */
#define list_each_safe(NODE, LIST)                                              \
    for (struct list_node *NODE = (LIST)->head.next, *NODE##_next = NODE->next; \
         NODE != &(LIST)->head; NODE = NODE##_next, NODE##_next = NODE##_next->next)
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *list)
{
    list->head.prev = &list->head;
    list->head.next = &list->head;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

/* A zeroed node is in no list; list_remove leaves it so. */
static inline bool list_is_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    node->prev = list->head.prev;
    node->next = &list->head;
    list->head.prev->next = node;
    list->head.prev = node;
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    node->next = list->head.next;
    node->prev = &list->head;
    list->head.next->prev = node;
    list->head.next = node;
}

static inline void list_remove(struct list_node *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = NULL;
    node->next = NULL;
}

static inline struct list_node *list_first(struct list *list)
{
    return list_is_empty(list) ? NULL : list->head.next;
}

#endif
