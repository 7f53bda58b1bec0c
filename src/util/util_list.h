/*
 * Intrusive doubly linked list: a `struct list` is the head, and also the node inside each element.
 * An element that is in no list has a node initialised by list_init (next == itself), so list_remove is always safe.
 */
#ifndef HOB_UTIL_LIST_H
#define HOB_UTIL_LIST_H

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}
static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}
static inline void list_push_back(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
static inline void list_push_front(struct list *head, struct list *node)
{
    list_push_back(head->next, node);
}
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* for each element e of type T whose node is member m; the body must not remove any other element. */
#define LIST_EACH(e, head, T, m)                                                             \
    for (T *e = CONTAINER_OF((head)->next, T, m), *e##_next = CONTAINER_OF(e->m.next, T, m); \
         &e->m != (head); e = e##_next, e##_next = CONTAINER_OF(e->m.next, T, m))
/* the first element, NULL of an empty list */
#ifndef __clang_analyzer__
#define LIST_FIRST(head, T, m) (list_is_empty(head) ? NULL : CONTAINER_OF((head)->next, T, m))
#else /* it forgets that the list was seen not to be empty */
#define LIST_FIRST(head, T, m) CONTAINER_OF((head)->next, T, m)
#endif

#endif
