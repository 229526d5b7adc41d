#include "confinement.h"

#include <limits.h>

#include <chat/clock.h>

#include "broker.h"

void confinement_take(struct broker *b, struct member *m, const struct frame *f)
{
        m->confinement = f->confinement < CONFINEMENTS ? f->confinement : CONFINED_NOT;
        if (m->confinement == CONFINED || b->confinements.told[m->confinement])
                return;
        b->confinements.told[m->confinement] = true;
        eventlog_unconfined(b->log, m->id, (enum confinement)m->confinement);
}

void confinement_take_unserved(struct broker *b, const struct frame *f)
{
        struct confinements *c = &b->confinements;
        int64_t now = clock_ms();
        c->unserved++;
        if (c->logged_ms != 0 && now - c->logged_ms < WARNING_MS) {
                c->unlogged++;
                return;
        }
        eventlog_unserved(b->log, f->id, f->key < INT_MAX ? (int)f->key : 0, c->unlogged);
        c->logged_ms = now;
        c->unlogged = 0;
}
