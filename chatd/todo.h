/* Lists of members for whom chatd has work to do. So chatd need not look at all members in each turn.
 *
 * There is one list for each kind of work. A member is in each list once at most. The members are in the order in which
 * they were added. The roster owns the lists. When it removes a member, it takes the member out of all lists.
 */
#pragma once

#include <stdbool.h>

#include "member.h"

struct todo {
        struct member *first[TODO_KINDS], *last[TODO_KINDS]; /* NULL: the list is empty */
};

/* Adds `m` at the end, unless it is in the list. */
void todo_add(struct todo *t, enum todo_kind kind, struct member *m);

/* Takes `m` out, if it is in the list. */
void todo_remove(struct todo *t, enum todo_kind kind, struct member *m);

/* Takes `m` out of all lists. */
void todo_forget(struct todo *t, struct member *m);

/* Returns the first member, or NULL. */
static inline struct member *todo_first(const struct todo *t, enum todo_kind kind)
{
        return t->first[kind];
}

/* Returns the member behind `m` in the list, or NULL. `m` must be in the list. */
static inline struct member *todo_next(enum todo_kind kind, const struct member *m)
{
        return m->todo[kind].next;
}

static inline bool todo_has(enum todo_kind kind, const struct member *m)
{
        return m->is_listed[kind];
}
