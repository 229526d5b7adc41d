#include "todo.h"

void todo_add(struct todo *t, enum todo_kind kind, struct member *m)
{
        if (m->is_listed[kind])
                return;
        m->is_listed[kind] = true;
        m->todo[kind] = (struct todo_place){.before = t->last[kind]};
        *(t->last[kind] ? &t->last[kind]->todo[kind].next : &t->first[kind]) = m;
        t->last[kind] = m;
}

void todo_remove(struct todo *t, enum todo_kind kind, struct member *m)
{
        const struct todo_place *place = &m->todo[kind];
        if (!m->is_listed[kind])
                return;
        *(place->before ? &place->before->todo[kind].next : &t->first[kind]) = place->next;
        *(place->next ? &place->next->todo[kind].before : &t->last[kind]) = place->before;
        m->is_listed[kind] = false;
}

void todo_forget(struct todo *t, struct member *m)
{
        for (int kind = 0; kind < TODO_KINDS; kind++)
                todo_remove(t, (enum todo_kind)kind, m);
}
