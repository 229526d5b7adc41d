#include "batch-lifecycle.h"

#include "admin.h"
#include "arrivals.h"
#include "chat.h"
#include "dispatch.h"
#include "linelog.h"
#include "membership.h"
#include "remote.h"
#include "webhook.h"

/* Makes a batch of the first frames. Returns the number of these frames. */
static size_t lifecycle_take(struct chat *chat, size_t left)
{
        order_enter(&chat->order, STEP_TAKE);
        batch_begin(&chat->batch, chat->relay.epoch);
        changes_begin(&chat->changes);
        return dispatch_frames(chat, left);
}

static void lifecycle_relay(struct chat *chat)
{
        order_enter(&chat->order, STEP_RELAY);
        relay_send(&chat->relay, &chat->batch, &chat->roster);
        if (chat->settings.log_lines)
                linelog_write(chat->log, &chat->batch);
}

static void lifecycle_note(struct chat *chat)
{
        order_enter(&chat->order, STEP_NOTE);
        if (chat->order.old_frames > 0)
                history_note_again(&chat->history, &chat->roster.rooms, &chat->batch);
        else
                history_note(&chat->history, &chat->roster.rooms, &chat->batch);
        remote_note(chat);
        arrivals_note(chat);
        admin_note(chat);
        webhook_note(chat);
}

/* Forgets members and rooms that frames in the queue no longer concern. `last` is true if no old frame is left. */
static void lifecycle_forget(struct chat *chat, bool last)
{
        membership_remove_leavers(chat);
        if (rooms_forget_empty(&chat->roster.rooms, chat->roster.dir))
                chat_forget_said(chat);
        if (last)
                chat_forget_departures(chat);
}

int lifecycle_do(struct chat *chat, size_t left)
{
        size_t frames = lifecycle_take(chat, left);
        lifecycle_relay(chat);
        lifecycle_note(chat);
        membership_say_goodbye(chat);
        order_enter(&chat->order, STEP_CONSUME);
        int r = intake_consume(&chat->intake, frames);
        if (r < 0)
                return r;
        lifecycle_forget(chat, order_consume(&chat->order, frames));
        order_enter(&chat->order, STEP_OVER);
        return (int)frames;
}
