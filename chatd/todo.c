#include "todo.h"

void todo_add(struct todo *t, enum todo_kind kind, struct member *m)
{
        if (m->todo[kind].is_listed)
                return;
        m->todo[kind] = (struct todo_place){.is_listed = true, .before = t->last[kind]};
        *(t->last[kind] ? &t->last[kind]->todo[kind].next : &t->first[kind]) = m;
        t->last[kind] = m;
}

void todo_remove(struct todo *t, enum todo_kind kind, struct member *m)
{
        struct todo_place *place = &m->todo[kind];
        if (!place->is_listed)
                return;
        *(place->before ? &place->before->todo[kind].next : &t->first[kind]) = place->next;
        *(place->next ? &place->next->todo[kind].before : &t->last[kind]) = place->before;
        *place = (struct todo_place){0};
}

void todo_forget(struct todo *t, struct member *m)
{
        for (int kind = 0; kind < TODO_KINDS; kind++)
                todo_remove(t, (enum todo_kind)kind, m);
}
