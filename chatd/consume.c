#include "consume.h"

#include "admin.h"
#include "arrivals.h"
#include "chat.h"
#include "membership.h"
#include "remote.h"

static void consume_note(struct chat *chat)
{
        round_enter(&chat->round, ROUND_NOTE);
        if (chat->round.old_frames > 0)
                history_note_again(&chat->history, &chat->roster.rooms, &chat->batch);
        else
                history_note(&chat->history, &chat->roster.rooms, &chat->batch);
        remote_note(chat);
        arrivals_note(chat);
        admin_note(chat);
}

/* Forgets members and rooms that no frame in the queue concerns any more. `last` says that no old frame is left. */
static void consume_forget(struct chat *chat, bool last)
{
        membership_remove_leavers(chat);
        if (rooms_forget_empty(&chat->roster.rooms, chat->roster.dir))
                chat_forget_said(chat);
        if (last)
                chat_forget_departed(chat);
}

int consume_batch(struct chat *chat, size_t frames)
{
        consume_note(chat);
        membership_say_goodbye(chat);
        round_enter(&chat->round, ROUND_CONSUME);
        int r = intake_consume(&chat->intake, frames);
        if (r < 0)
                return r;
        consume_forget(chat, round_consume(&chat->round, frames));
        round_enter(&chat->round, ROUND_OVER);
        return 0;
}
