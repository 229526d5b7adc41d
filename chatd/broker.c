#include "broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <chat/assert.h>
#include <chat/clock.h>

#include "admin.h"
#include "arrivals.h"
#include "ban-check.h"
#include "confinement.h"
#include "consume.h"
#include "contact.h"
#include "control.h"
#include "lending.h"
#include "limits.h"
#include "linelog.h"
#include "membership.h"
#include "remote.h"
#include "requests.h"
#include "speech.h"

/* What the files between broker.h and chat.h remember. */
struct deeds {
        struct contact contact;
        struct lending lending;
        struct membership membership;
        struct remote remote;
        struct arrivals arrivals;
        struct admin admin;
        struct ban_check ban_check;
        struct limits limits;
        struct confinements confinements;
        struct control control;
};

int broker_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log)
{
        struct deeds *deeds = calloc(1, sizeof(*deeds));
        if (!deeds)
                return -ENOMEM;
        int r = chat_init(chat, dir, intake_fd, epoll, session_user, link_user, log);
        if (r < 0) {
                free(deeds);
                return r;
        }
        chat->deeds = deeds;
        chat->contact = &deeds->contact;
        chat->lending = &deeds->lending;
        chat->membership = &deeds->membership;
        chat->remote = &deeds->remote;
        chat->arrivals = &deeds->arrivals;
        chat->admin = &deeds->admin;
        chat->ban_check = &deeds->ban_check;
        chat->limits = &deeds->limits;
        chat->confinements = &deeds->confinements;
        chat->control = &deeds->control;
        remote_init(chat->remote);
        control_init(chat->control);
        chat->admin->answer = control_done;
        lending_init(chat);
        return 0;
}

void broker_free(struct chat *chat)
{
        control_free(chat->control);
        lending_free(chat);
        remote_free(chat->remote);
        chat_free(chat);
        free(chat->deeds);
}

/* Returns true if the sender, whom the kernel names, may send this frame. */
static bool broker_is_allowed(struct chat *chat, const struct datagram *d, const struct frame *f)
{
        bool ourself = d->uid == chat->own_user, link = d->uid == chat->link_user;
        bool session = ourself || d->uid == chat->session_user;
        if (!session && !link) {
                complaints_ignore(&chat->complaints, IGNORED_USER);
                return false;
        }
        bool process = frame_is_from(f->type, FROM_ITSELF) ? ourself : (pid_t)(f->id >> 32) == d->pid;
        bool allowed = f->id == LINK_ID ? link : session && process;
        if (!allowed)
                complaints_ignore(&chat->complaints, IGNORED_FORGED);
        return allowed;
}

/* Handlers of the frames that a session sends, or chatd to itself. A type without a handler is of a later version, or
 * one that only the link or chatd sends. */
static enum outcome (*const handlers[FRAME_TYPES])(struct chat *chat, const struct frame *f) = {
        [FRAME_HELLO] = membership_hello,   [FRAME_HERE] = membership_here,
        [FRAME_ARRIVE] = membership_arrive, [FRAME_BYE] = membership_leave,
        [FRAME_GONE] = membership_leave,    [FRAME_UNSERVED] = confinement_take_unserved,
        [FRAME_LINE] = speech_line,         [FRAME_ACTION] = requests_take,
        [FRAME_NICK] = requests_take,       [FRAME_PRIVATE] = requests_take,
        [FRAME_WHO] = requests_take,        [FRAME_ROOM] = requests_take,
        [FRAME_TOPIC] = requests_take,      [FRAME_ROOMS] = requests_take,
        [FRAME_HISTORY] = requests_take,    [FRAME_FIND] = requests_take,
        [FRAME_COMPLETE] = requests_take,   [FRAME_SAY] = admin_take,
        [FRAME_KICK] = admin_take,          [FRAME_MUTE] = admin_take,
        [FRAME_UNMUTE] = admin_take,        [FRAME_SET_TOPIC] = admin_take,
};

static enum outcome broker_take_from_session(struct chat *chat, const struct frame *f)
{
        if (f->type < FRAME_TYPES && handlers[f->type])
                return handlers[f->type](chat, f);
        complaints_ignore(&chat->complaints, IGNORED_TYPE);
        return TAKEN;
}

/* Does what a frame says, or ignores and counts it. Returns NEXT_BATCH if the batch is full, or may not have this frame,
 * or too many members wait to be announced. */
static enum outcome broker_take_frame(struct chat *chat, const struct datagram *d)
{
        struct frame f = {0};
        int r = d->is_truncated ? -EBADMSG : frame_decode(&f, d->data, d->size);
        size_t lines = r == 0 && f.type == FRAME_LINE ? frame_lines(&f) : 1;
        if (lines > FRAME_LINES_MAX) {
                lines = 1;
                r = -EBADMSG;
        }
        /* one for the member's arrival, if it was not announced yet; and a move to another room is announced in two
         * rooms */
        size_t records = lines + 2;
        if (!batch_has_room_for(&chat->batch, records,
                                records * (size_t)(RECORD_HEADER_BYTES + NAME_MAX_BYTES + NICK_MAX_BYTES + 1) +
                                        d->size))
                return NEXT_BATCH;
        if (r < 0) {
                complaints_ignore(&chat->complaints, r == -EPROTONOSUPPORT ? IGNORED_VERSION : IGNORED_MALFORMED);
                return TAKEN;
        }
        if (!broker_is_allowed(chat, d, &f) || departed_has(&chat->departed, f.id))
                return TAKEN;
        return f.id == LINK_ID ? remote_take(chat, &f) : broker_take_from_session(chat, &f);
}

_Static_assert((int)INTAKE_WINDOW <= (int)BATCH_MAX_RECORDS, "who waits to be announced leaves without a record");

/* Makes a batch of the first frames in the window, of which there are `left`. Returns how many that are. */
static size_t broker_take(struct chat *chat, size_t left)
{
        size_t taken = 0;
        round_enter(&chat->round, ROUND_TAKE);
        batch_begin(&chat->batch, chat->relay.epoch);
        changes_begin(&chat->changes);
        do {
                struct datagram d = intake_get(&chat->intake, taken);
                if (broker_take_frame(chat, &d) == NEXT_BATCH)
                        break;
                taken++;
        } while (taken < left && round_admit(&chat->round, ROUND_PLAIN));
        assert(taken > 0); /* any frame fits into an empty batch, and waiting members are announced before */
        return taken;
}

static void broker_relay(struct chat *chat)
{
        round_enter(&chat->round, ROUND_RELAY);
        relay_send(&chat->relay, &chat->batch, &chat->roster);
        if (chat->settings.log_lines)
                linelog_write(chat->log, &chat->batch);
}

/* Does all steps of one batch, of the first frames in the window. Returns how many frames that were, or a negative
 * errno. */
static int broker_do_round(struct chat *chat, size_t left)
{
        size_t taken = broker_take(chat, left);
        broker_relay(chat);
        int r = consume_batch(chat, taken);
        return r < 0 ? r : (int)taken;
}

int broker_serve(struct chat *chat)
{
        int n = intake_peek(&chat->intake);
        if (n == 0)
                round_enter(&chat->round, ROUND_OVER);
        for (int left = n, taken; left > 0; left -= taken) {
                taken = broker_do_round(chat, (size_t)left);
                if (taken < 0)
                        return taken;
                if (arrivals_are_full(chat))
                        arrivals_announce(chat);
        }
        return n;
}

void broker_has_room(struct chat *chat, struct member *m)
{
        relay_resume(&chat->relay, &chat->roster, m);
        if (m->is_lagging && !member_is_dead(m))
                return; /* the inbox is still full */
        epoll_ctl(chat->epoll, EPOLL_CTL_DEL, m->fd, NULL);
        m->inbox_watch.is_armed = false;
        if (m->id == LINK_ID && !member_is_dead(m))
                remote_resumed(chat, m);
}

void broker_confirm(struct chat *chat)
{
        struct todo *todo = &chat->roster.todo;
        for (struct member *m = todo_first(todo, TODO_CONFIRM), *next; m; m = next) {
                next = todo_next(TODO_CONFIRM, m);
                if (relay_confirm(&chat->relay, m))
                        todo_remove(todo, TODO_CONFIRM, m);
        }
}

void broker_finish(struct chat *chat)
{
        int64_t until = clock_ms() + FINISH_MAX_MS;
        bool serves = chat->round.step <= ROUND_UNKNOWN; /* else chatd ends because a step failed */
        while (serves && clock_ms() < until)
                serves = broker_serve(chat) > 0;
        arrivals_announce(chat);
        broker_confirm(chat);
}

void broker_settle(struct chat *chat)
{
        int64_t now = clock_ms();
        contact_settle(chat, now);
        remote_report(chat);
        ban_check_settle(chat);
        control_settle(chat, now);
}
