#include "confinement.h"

#include <limits.h>

#include "chat.h"

void confinement_take(struct chat *chat, struct member *m, const struct frame *f)
{
        m->confinement = f->confinement < CONFINEMENTS ? f->confinement : CONFINED_NOT;
        if (m->confinement == CONFINED || chat->confinements->entry[m->confinement])
                return;
        chat->confinements->entry[m->confinement] = true;
        eventlog_unconfined(chat->log, m->id, (enum confinement)m->confinement);
}

enum outcome confinement_take_unserved(struct chat *chat, const struct frame *f)
{
        struct confinements *c = chat->confinements;
        uint64_t unlogged;
        c->unserved_count++;
        if (complaint_is_due(&c->complaint, &unlogged))
                eventlog_unserved(chat->log, f->id, f->key < INT_MAX ? (int)f->key : 0, unlogged);
        return TAKEN;
}
