#include "membership.h"

#include <errno.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/leave.h>

#include "admin.h"
#include "arrivals.h"
#include "ban-check.h"
#include "confinement.h"
#include "contact.h"
#include "lagging.h"
#include "lending.h"
#include "limits.h"
#include "notes.h"
#include "reach.h"

/* Returns true if the sender is already a member under another id. If that member is dead, it belongs to an earlier
 * process with the same pid, and its GONE is on the way: then returns false. */
static bool membership_is_second(const struct chat *chat, uint64_t id)
{
        const struct member *m = chat->shares_pids ? NULL : roster_find_process(&chat->roster, (pid_t)(id >> 32));
        return m && member_is_running(m);
}

/* Returns the name of a newcomer: the name in its HELLO. If that is an address which must not be shown, returns the
 * name of a guest instead, in `guest`. */
static struct slice membership_name(const struct chat *chat, const struct frame *f,
                                    char guest[static GUESTS_NAME_BYTES + 1])
{
        char address[ADDRESS_MAX_BYTES + 1] = "";
        if (!chat->settings.hide_addresses || !slice_equal(f->name, f->address))
                return f->name;
        memcpy(address, f->address.at, f->address.len);
        const struct network n = network_of(address);
        guests_name(&chat->guests, &n, guest);
        return slice_of(guest);
}

/* Counts a connection from the newcomer's network. A network that connects too often is logged but not refused, because
 * other clients may come from there. */
static void membership_count_connection(struct chat *chat, const struct frame *f)
{
        char address[ADDRESS_MAX_BYTES + 1] = "", from[NETWORK_MAX_BYTES + 1];
        memcpy(address, f->address.at, f->address.len);
        const struct network n = network_of(address);
        if (!floods_count(&chat->floods, &n, clock_ms()))
                return;
        network_describe(&n, from);
        eventlog_flood(chat->log, f->address, from);
}

/* Lets `m` roam, and notes that. Returns 0 or a negative errno. */
static int membership_let_roam(struct chat *chat, struct member *m)
{
        int r = note_rooms(chat->roster.dir, m->id, "", "");
        if (r == 0)
                roster_roam(&chat->roster, m);
        return r;
}

/* Makes the sender of HELLO or HERE a member. Returns NULL if that is impossible. */
static struct member *membership_admit(struct chat *chat, const struct frame *f)
{
        char guest[GUESTS_NAME_BYTES + 1];
        if (membership_is_second(chat, f->id)) {
                complaints_ignore(&chat->complaints, IGNORED_SECOND);
                return NULL;
        }
        if (!text_is_local_name(f->name.at, f->name.len) || f->name.len > LOCAL_NAME_MAX_BYTES ||
            !text_is_name(f->address.at, f->address.len)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return NULL;
        }
        struct frame newcomer = *f;
        newcomer.name = membership_name(chat, f, guest);
        if (f->type == FRAME_HELLO)
                membership_count_connection(chat, f);
        if (ban_check_refuses(chat, &newcomer) || (f->type == FRAME_HELLO && limits_refuse(chat, &newcomer)))
                return NULL;
        struct member *m =
                roster_add_newcomer(&chat->roster, f->id, f->key, newcomer.name, f->address, clock_boottime_us());
        int r = m ? contact_open(chat, m) : -ENOMEM;
        if (r >= 0 && f->roams) {
                int noted = membership_let_roam(chat, m); /* a chatd that finds the note needs the mark */
                r = noted < 0 ? noted : r;
        }
        if (r >= 0 && (f->type == FRAME_HELLO ? f->quiet : f->roams))
                arrivals_hold(chat, m);
        /* Without a note the next chatd would not know the sender of the lines in the queue. A dead member may have
         * lines there, too. */
        if (r == 0 || r == CONTACT_E_DEAD)
                r = note_write(chat->roster.dir, m);
        if (r != 0) {
                if (m && m->roams)
                        note_remove_rooms(chat->roster.dir, m->id);
                if (m && member_is_held(m))
                        note_remove_held(chat->roster.dir, m->id);
                if (m)
                        roster_remove(&chat->roster, m);
                contact_turn_away(chat, f->id, f->key, r);
                return NULL;
        }
        chat->membership->joins++;
        return m;
}

static void membership_welcome(struct chat *chat, struct member *m)
{
        arrivals_take(chat, m);
        batch_joins(&chat->batch, m);
        chat_welcome(chat, m, m->lines_in);
}

enum outcome membership_hello(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (m && m->presence != EXPECTED) {
                complaints_ignore(&chat->complaints, IGNORED_REPEATED);
                return TAKEN;
        }
        if (arrivals_are_full(chat) || !order_admit(&chat->order, CONTENT_MEMBERSHIP))
                return NEXT_BATCH;
        if (!m)
                m = membership_admit(chat, f);
        if (m) {
                confinement_take(chat, m, f);
                membership_welcome(chat, m);
                motd_send(&chat->motd, &chat->batch, chat->relay.epoch, m);
                if (!m->roams)
                        chat_show_past(chat, m, m->seat.room, 0, (uint64_t)chat->settings.history);
        }
        return TAKEN;
}

/* Connects to a dead member again. Returns true if its session runs, and has bound its inbox anew. The member did not
 * get the records that were relayed in between. So it lags until it is told that: at once, or when chatd has a
 * descriptor for its inbox. */
static bool membership_reach_again(struct chat *chat, struct member *m)
{
        contact_open(chat, m);
        if (member_is_dead(m))
                return false;
        roster_lags(&chat->roster, m);
        lagging_lose_count(m);
        if (m->fd >= 0)
                relay_resume(&chat->relay, &chat->roster, m);
        return !member_is_dead(m);
}

/* Lets `m` roam, which a chatd of an earlier version took for a member that does not. */
static void membership_roam(struct chat *chat, struct member *m)
{
        const struct room *room = m->seat.room;
        if (membership_let_roam(chat, m) < 0)
                return;
        if (m->is_moved)
                note_remove_room(chat->roster.dir, m->id);
        m->is_moved = false;
        batch_exits(&chat->batch, m, room);
}

enum outcome membership_here(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (m && m->presence == LEAVING) /* it becomes a member again in the next batch */
                return NEXT_BATCH;
        if (!m && (arrivals_are_full(chat) || !order_admit(&chat->order, CONTENT_MEMBERSHIP)))
                return NEXT_BATCH;
        if (!m) {
                m = membership_admit(chat, f);
                if (m)
                        membership_welcome(chat, m);
        } else if (member_is_dead(m)) {
                membership_reach_again(chat, m);
        }
        if (m && f->roams && !m->roams && m->presence == PRESENT)
                membership_roam(chat, m);
        if (m && member_is_held(m) && !m->roams) /* its ARRIVE may have been lost with the queue */
                arrivals_release(chat, m);
        if (m) {
                todo_remove(&chat->roster.todo, TODO_CALL, m);
                confinement_take(chat, m, f);
                /* Earlier frames of the session are out of the queue: this chatd or a previous one relayed them. */
                chat_take_number(chat, m, f->number > m->lines_in ? f->number : m->lines_in);
                m->lines_total = m->lines_in > m->lines_total ? m->lines_in : m->lines_total;
                m->lines_out = f->lines_out;
                m->lines_skipped = f->lines_skipped;
        }
        return TAKEN;
}

/* Logs that the client of `m` spoke another protocol, at a limited rate. */
static void membership_log_not_chat(struct chat *chat, const struct member *m, struct slice protocol)
{
        uint64_t unlogged;
        chat->membership->not_chat++;
        if (!complaint_is_due(&chat->membership->complaint, &unlogged))
                return;
        if (!text_is_name(protocol.at, protocol.len))
                protocol = slice_of("unknown");
        eventlog_not_chat(chat->log, m->address, protocol, unlogged);
}

enum outcome membership_arrive(struct chat *chat, const struct frame *f)
{
        if (arrivals_are_full(chat))
                return NEXT_BATCH;
        struct member *m = roster_find(&chat->roster, f->id);
        if (!m || m->presence != PRESENT)
                complaints_ignore(&chat->complaints, IGNORED_STRANGER);
        else
                arrivals_release(chat, m);
        return TAKEN;
}

enum outcome membership_leave(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        bool bye = f->type == FRAME_BYE;
        enum leave_reason why = bye ? (enum leave_reason)f->reason : LEAVE_KILLED;
        if (!m || m->presence != PRESENT || (!bye && !member_is_dead(m)))
                return TAKEN; /* a GONE behind a BYE or behind another GONE, or a frame from before its HELLO */
        if (!bye && membership_reach_again(chat, m))
                return TAKEN;
        if (!order_admit(&chat->order, CONTENT_MEMBERSHIP))
                return NEXT_BATCH;
        batch_leaves(&chat->batch, m);
        if (why == LEAVE_KICKED && m->removal != REMOVAL_DONE)
                member_expel(m, REMOVAL_DONE); /* the session knows its reason even if chatd was restarted */
        if (arrivals_leave(chat, m))
                chat_announce(chat, m, RECORD_LEAVE, leave_word(m->removal == REMOVAL_DONE ? LEAVE_KICKED : why));
        member_go_on(m, LEAVING);
        assert(chat->membership->leavers_count < BATCH_MAX_RECORDS);
        chat->membership->leavers[chat->membership->leavers_count++] = m;

        struct eventlog_member event = chat_describe(chat, m);
        event.members--;
        event.reason = why;
        event.lines_in = bye ? f->number : m->lines_total;
        event.lines_out = bye ? f->lines_out : m->lines_out;
        event.lines_skipped = bye ? f->lines_skipped : m->lines_skipped + m->lag.misses;
        if (event.reason == LEAVE_NOT_CHAT)
                membership_log_not_chat(chat, m, f->text);
        if (!member_is_held(m))
                eventlog_leave(chat->log, &event);
        return TAKEN;
}

/* Returns true if the session of `m` runs, and has lost its inbox: then it binds one of the same name. */
static bool membership_binds_anew(const struct chat *chat, const struct member *m)
{
        return member_is_dead(m) && !chat->shares_pids && reach_process_runs(m);
}

/* The last datagram reaches only members that sent BYE: the inboxes of the others are gone. All members of the chat
 * were told of the leaves before. */
void membership_say_goodbye(struct chat *chat)
{
        order_enter(&chat->order, STEP_PART);
        for (size_t i = 0; i < chat->membership->leavers_count; i++) {
                struct member *m = chat->membership->leavers[i];
                chat_tell(chat, m, FRAME_GOODBYE);
                note_departed(chat->roster.dir, m->id);
                /* a session that leaves removes its inbox itself, unless it dies before that */
                if (!membership_binds_anew(chat, m))
                        reach_remove_inbox(chat->roster.dir, m->key);
        }
}

/* Removes `m` and its notes. */
static void membership_remove(struct chat *chat, struct member *m)
{
        note_remove_departed(chat->roster.dir, m->id);
        if (member_lags(m))
                note_remove_lag(chat->roster.dir, m->id);
        if (m->arrival != ARRIVAL_ANNOUNCED)
                note_remove_arrival(chat->roster.dir, m->id);
        if (m->is_muted)
                note_remove_mute(chat->roster.dir, m->id);
        if (m->is_renamed)
                note_remove_name(chat->roster.dir, m->id);
        if (m->is_moved)
                note_remove_room(chat->roster.dir, m->id);
        if (m->roams)
                note_remove_rooms(chat->roster.dir, m->id);
        lending_close(chat, m);
        roster_remove(&chat->roster, m);
}

void membership_remove_leavers(struct chat *chat)
{
        struct membership *ms = chat->membership;
        order_enter(&chat->order, STEP_FORGET);
        for (size_t i = 0; i < ms->leavers_count; i++)
                membership_remove(chat, ms->leavers[i]);
        ms->leavers_count = 0;
}
