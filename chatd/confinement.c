#include "confinement.h"

#include <limits.h>

#include <chat/clock.h>

#include "chat.h"

void confinement_take(struct chat *chat, struct member *m, const struct frame *f)
{
        m->confinement = f->confinement < CONFINEMENTS ? f->confinement : CONFINED_NOT;
        if (m->confinement == CONFINED || chat->confinements->told[m->confinement])
                return;
        chat->confinements->told[m->confinement] = true;
        eventlog_unconfined(chat->log, m->id, (enum confinement)m->confinement);
}

enum outcome confinement_take_unserved(struct chat *chat, const struct frame *f)
{
        struct confinements *c = chat->confinements;
        int64_t now = clock_ms();
        c->unserved++;
        if (c->logged_ms != 0 && now - c->logged_ms < WARNING_MS) {
                c->unlogged++;
                return TAKEN;
        }
        eventlog_unserved(chat->log, f->id, f->key < INT_MAX ? (int)f->key : 0, c->unlogged);
        c->logged_ms = now;
        c->unlogged = 0;
        return TAKEN;
}
