#include "renaming.h"

#include <chat/names.h>

#include "answer.h"
#include "arrivals.h"
#include "ban-check.h"
#include "speech.h"

/* Makes the session of `holder` show its client a notice, because the client may have vanished. The session leaves if
 * the client does not acknowledge the notice. */
static void renaming_probe(struct chat *chat, struct member *holder, const struct member *m)
{
        struct answer a = {.code = ANSWER_NAME_WANTED, .name = slice_of(m->name)};
        chat_tell_answer(chat, holder, (struct frame){.type = FRAME_PROBE, .key = m->id}, &a);
}

/* Tells `m` why it cannot take the name that it asked for in `f`. */
static void renaming_refuse(struct chat *chat, struct member *m, const struct frame *f, enum answer_code code)
{
        answer_send(chat, m, f, &(struct answer){.code = (uint8_t)code, .name = f->name, .most = NICK_MAX_BYTES});
}

/* Returns true if `m` can take the name in `f`. Otherwise tells `m` why not. */
static bool renaming_is_possible(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *other = roster_find_alike(&chat->roster, f->name, m);
        if (!name_is_nick(f->name.at, f->name.len)) {
                renaming_refuse(chat, m, f, ANSWER_NAME_INVALID);
                return false;
        }
        bool of_guests = chat->settings.hide_addresses && guests_is_name(f->name);
        bool of_token = tokens_find_blurred(&chat->tokens, f->name);
        if (of_guests || of_token || name_is_reserved(f->name.at, f->name.len) || ban_check_name(chat, f->name)) {
                renaming_refuse(chat, m, f, ANSWER_NAME_FORBIDDEN);
                return false;
        }
        if (slice_equal(f->name, slice_of(m->name))) {
                renaming_refuse(chat, m, f, ANSWER_NAME_SAME);
                return false;
        }
        if (other) {
                struct answer a = {.code = ANSWER_NAME_ALIKE, .name = slice_of(other->name)};
                if (slice_equal(f->name, a.name))
                        a.code = ANSWER_NAME_TAKEN;
                renaming_probe(chat, other, m);
                answer_send(chat, m, f, &a);
                return false;
        }
        return true;
}

void renaming_take(struct chat *chat, struct member *m, const struct frame *f)
{
        char old_name[sizeof(m->name)];
        memcpy(old_name, m->name, sizeof(old_name));
        if (!renaming_is_possible(chat, m, f))
                return;
        if (m->arrival != ARRIVAL_ANNOUNCED && m->seats) /* nobody knows a member that was in no room yet */
                arrivals_name(chat, m);
        if (roster_rename(&chat->roster, m, f->name) < 0) {
                answer_code(chat, m, f, ANSWER_NO_MEMORY);
                return;
        }
        int r = changes_add_name(&chat->changes, chat->roster.dir, m, f->number, old_name);
        if (r < 0) {
                roster_rename(&chat->roster, m, slice_of(old_name)); /* no other member has taken the old name since */
                answer_unnoted(chat, m, f, ANSWER_NAME_UNNOTED, "cannot note a new name", r);
                return;
        }
        struct record rec = speech_record(m, f, RECORD_RENAME, slice_of(m->name));
        rec.name = slice_of(old_name);
        if (m->seats)
                batch_add_to_rooms_of(&chat->batch, m, NULL, &rec);
        eventlog_rename(chat->log, m->id, old_name, m->name, m->address);
        answer_send(chat, m, f, &(struct answer){.code = ANSWER_RENAMED, .name = slice_of(m->name)});
}
