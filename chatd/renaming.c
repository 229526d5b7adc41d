#include "renaming.h"

#include <stdio.h>

#include <chat/names.h>

#include "answer.h"
#include "arrivals.h"
#include "speech.h"

/* Makes the session of `holder` show its client a text, because the client may have vanished: the session leaves if the
 * client does not acknowledge the text. */
static void probe(struct chat *chat, struct member *holder, const struct member *m)
{
        char text[2 * NAME_MAX_BYTES + 64];
        snprintf(text, sizeof(text), "%s asked for your name, %s", m->name, holder->name);
        batch_tell(&chat->batch, holder,
                   &(struct frame){.type = FRAME_PROBE, .id = chat->relay.epoch, .key = m->id, .text = slice_of(text)});
}

/* Returns true if `m` can take this name; else tells it why not. */
static bool may_be_called(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *other = roster_find_alike(&chat->roster, f->name, m);
        if (!name_is_nick(f->name.at, f->name.len)) {
                answer_printf(chat, m, f,
                              "A name has 1 to %d characters and starts with a letter:\n" RENAMING_CHARACTERS,
                              NICK_MAX_BYTES);
                return false;
        }
        bool of_guests = chat->settings.addresses_hidden && guests_is_name(f->name);
        if (of_guests || name_is_reserved(f->name.at, f->name.len) || bans_find(&chat->bans, f->name, NULL)) {
                answer_printf(chat, m, f, "The name %.*s is not allowed here; please choose another", (int)f->name.len,
                              f->name.at);
                return false;
        }
        if (slice_equal(f->name, slice_of(m->name))) {
                answer_printf(chat, m, f, "You are already called %s", m->name);
                return false;
        }
        if (other) {
                probe(chat, other, m);
                answer_printf(chat, m, f,
                              "The name %s is taken%s; please choose another\n"
                              "If that is you, on a connection that was lost, try again in half a minute",
                              other->name,
                              slice_equal(f->name, slice_of(other->name)) ? "" : ", and the two look alike");
                return false;
        }
        return true;
}

void renaming_take(struct chat *chat, struct member *m, const struct frame *f)
{
        char was[sizeof(m->name)];
        memcpy(was, m->name, sizeof(was));
        if (!may_be_called(chat, m, f))
                return;
        if (m->arrival != ARRIVAL_ANNOUNCED)
                arrivals_name(chat, m);
        if (roster_rename(&chat->roster, m, f->name) < 0) {
                answer_printf(chat, m, f, "The chat is out of memory; try again later");
                return;
        }
        int r = changes_add_name(&chat->changes, chat->roster.dir, m, f->number, was);
        if (r < 0) {
                roster_rename(&chat->roster, m, slice_of(was)); /* no other member has taken it since */
                answer_unnoted(chat, m, f, "a new name", r);
                return;
        }
        struct record rec = speech_record(m, f, RECORD_RENAME, slice_of(m->name));
        rec.name = slice_of(was);
        batch_add(&chat->batch, m, m->seat.room, &rec);
        eventlog_rename(chat->log, m->id, was, m->name, m->address);
        answer_printf(chat, m, f, "You are now called %s", m->name);
}
