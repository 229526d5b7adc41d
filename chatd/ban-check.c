#include "ban-check.h"

#include <stdio.h>

#include "chat.h"

_Static_assert((int)CONTROL_REASON_MAX_BYTES <= (int)ANSWER_TEXT_MAX_BYTES,
               "a session takes an answer with any reason");

bool ban_check_refuses(struct chat *chat, const struct frame *f)
{
        char address[ADDRESS_MAX_BYTES + 1] = "";
        if (chat->bans.count == 0)
                return false;
        memcpy(address, f->address.at, f->address.len);
        const struct ban *ban = bans_find(&chat->bans, f->name, address);
        if (!ban)
                return false;
        struct answer why = {.code = ANSWER_BANNED, .text = slice_of(ban->reason)};
        chat_refuse(chat, f->id, f->key, REFUSED_BANNED, &why);
        uint64_t unlogged;
        if (complaint_is_due(&chat->ban_check->complaint, &unlogged))
                eventlog_refused(chat->log, f->name, f->address, ban->target, unlogged);
        return true;
}

bool ban_check_name(const struct chat *chat, struct slice name)
{
        return bans_find(&chat->bans, name, NULL) != NULL;
}

void ban_check_begin(struct chat *chat)
{
        chat->ban_check->sweep = chat->bans.count > 0;
}

/* Returns true if nothing is left to do: `m` may stay, or its KICK is in the queue. */
static bool ban_check_member(struct chat *chat, struct member *m)
{
        char text[CONTROL_REASON_MAX_BYTES + 16];
        const struct ban *ban =
                m->id == LINK_ID || member_is_dead(m) ? NULL : bans_find(&chat->bans, slice_of(m->name), m->address);
        if (!ban || m->presence == LEAVING || m->removal != REMOVAL_NONE)
                return true;
        snprintf(text, sizeof(text), KICKED_BANNED "%s%s", ban->reason[0] ? ": " : "", ban->reason);
        struct frame f = {.type = FRAME_KICK, .id = m->id, .key = ban->uid, .text = slice_of(text)};
        if (!chat_send_self(chat, &f))
                return false;
        member_expel(m, REMOVAL_QUEUED);
        return true;
}

void ban_check_settle(struct chat *chat)
{
        if (!chat->ban_check->sweep)
                return;
        chat->ban_check->sweep = false;
        for (size_t i = 0; i < chat->roster.count; i++)
                chat->ban_check->sweep |= !ban_check_member(chat, chat->roster.members[i]);
}
