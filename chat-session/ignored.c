#include "ignored.h"

#include <stdio.h>

#include <chat/names.h>

static bool ignored_has_name(const struct ignored_person *p, struct slice name)
{
        return name_compare(p->name, strlen(p->name), name.at, name.len) == 0;
}

static void ignored_set_name(struct ignored_person *p, struct slice name)
{
        snprintf(p->name, sizeof(p->name), "%.*s", (int)name.len, name.at);
}

static bool ignored_is(const struct ignored_person *p, uint64_t id, struct slice name)
{
        if (p->id == LINK_ID || id == LINK_ID)
                return p->id == id && ignored_has_name(p, name);
        return p->id == id || (p->has_left && ignored_has_name(p, name));
}

static struct ignored_person *ignored_place(struct ignore_list *l, uint64_t id, struct slice name)
{
        for (size_t i = 0; i < l->count; i++)
                if (ignored_is(&l->people[i], id, name))
                        return &l->people[i];
        return NULL;
}

const struct ignored_person *ignored_find(const struct ignore_list *l, uint64_t id, struct slice name)
{
        return ignored_place((struct ignore_list *)l, id, name);
}

const struct ignored_person *ignored_find_absent(const struct ignore_list *l, struct slice name)
{
        for (size_t i = 0; i < l->count; i++)
                if ((l->people[i].has_left || l->people[i].id == LINK_ID) && ignored_has_name(&l->people[i], name))
                        return &l->people[i];
        return NULL;
}

bool ignored_add(struct ignore_list *l, uint64_t id, struct slice name)
{
        if (l->count == IGNORED_PEOPLE_MAX)
                return false;
        struct ignored_person *p = &l->people[l->count++];
        *p = (struct ignored_person){.id = id};
        ignored_set_name(p, name);
        return true;
}

void ignored_remove(struct ignore_list *l, const struct ignored_person *person)
{
        size_t i = (size_t)(person - l->people);
        memmove(&l->people[i], &l->people[i + 1], (--l->count - i) * sizeof(l->people[0]));
}

bool ignored_hides(const struct ignore_list *l, const struct record *r)
{
        const struct ignored_person *p = l->count > 0 ? ignored_find(l, r->id, r->name) : NULL;
        if (!p)
                return false;
        switch (r->kind) {
        case RECORD_LINE:
        case RECORD_ACTION:
        case RECORD_PRIVATE:
        case RECORD_RENAME:
        case RECORD_WENT:
        case RECORD_CAME:
        case RECORD_TOPIC:
                return true;
        case RECORD_JOIN:
        /* a name that the client has not seen yet is text that the ignored member chose */
        case RECORD_LEAVE:
                return p->is_renamed || !ignored_has_name(p, r->name);
        default:
                return false;
        }
}

void ignored_note(struct ignore_list *l, const struct record *r)
{
        struct ignored_person *p = l->count > 0 ? ignored_place(l, r->id, r->name) : NULL;
        bool renames = r->kind == RECORD_RENAME || r->kind == RECORD_RENAMED;
        if (!p && renames && r->id != LINK_ID) { /* a rename to the name of an ignored member who left */
                p = ignored_place(l, 0, r->text);
                if (p)
                        p->id = r->id;
        }
        if (!p)
                return;
        struct slice name = renames ? r->text : r->name;
        p->is_renamed |= !ignored_has_name(p, name);
        ignored_set_name(p, name);
        if (p->id != LINK_ID) {
                p->id = r->id;
                p->has_left = r->kind == RECORD_LEAVE;
        }
}
