#include "contact.h"

#include <errno.h>
#include <sys/epoll.h>

#include "lending.h"
#include "notes.h"
#include "reach.h"

/* Converts the result of reach_connect() into that of contact_open(). */
static int contact_outcome(int r)
{
        if (r == -ECONNREFUSED || r == -ENOENT || r == -ESRCH)
                return CONTACT_E_DEAD;
        return r == -EPERM ? CONTACT_E_INVALID : r;
}

int contact_open(struct chat *chat, struct member *m)
{
        lending_close(chat, m);
        int r = reach_connect(chat->roster.dir, chat->roster.owner, m);
        if (r == -EMFILE && lending_give_back(chat))
                r = reach_connect(chat->roster.dir, chat->roster.owner, m);
        m->exit_watch.is_armed = m->inbox_watch.is_armed = false; /* closing has removed them from the epoll */
        r = contact_outcome(r);
        enum life life = r > 0 ? LIFE_DEAD : LIFE_ALIVE;
        if (m->life != life)
                member_live(m, life);
        if (r != 0 && m->id == LINK_ID && !member_lags(m)) /* the link will have an inbox again */
                roster_lags(&chat->roster, m);
        todo_add(&chat->roster.todo, TODO_CONTACT, m); /* `m` may be dead, lagging or not watched */
        if (m->pidfd >= 0)
                chat_watch(chat, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
        return r;
}

void contact_turn_away(struct chat *chat, uint64_t id, uint64_t key, int result)
{
        if (result > 0) {
                complaints_ignore(&chat->complaints, IGNORED_INBOX);
                return;
        }
        chat_refuse(chat, id, key, REFUSED_FULL, &(struct answer){.code = ANSWER_FULL});
        complaints_warn(&chat->complaints, "cannot take a new member", result);
}

void contact_exited(struct chat *chat, struct member *m)
{
        epoll_ctl(chat->epoll, EPOLL_CTL_DEL, m->pidfd, NULL);
        m->exit_watch.is_armed = false;
        roster_dies(&chat->roster, m);
        lending_close(chat, m); /* so that its client sees the end at once */
}

int64_t contact_call_ms(const struct chat *chat)
{
        return todo_first(&chat->roster.todo, TODO_CALL) ? chat->contact->call_ms : INT64_MAX;
}

/* Sends the roll call to the next members that a recovery found. They are few, so the queue has room for their answers
 * beside other frames. The process of each is watched already. If the inbox takes the roll call, the session is alive:
 * its pid was not used again, and the watch is on the right process. */
static void contact_call_next(struct chat *chat, int64_t now)
{
        struct todo *todo = &chat->roster.todo;
        if (now < contact_call_ms(chat))
                return;
        chat->contact->call_ms = now + CONTACT_CALL_MS;
        for (size_t called = 0; called < CONTACT_CALLED_MAX; called++) {
                struct member *m = todo_first(todo, TODO_CALL);
                if (!m)
                        return;
                todo_remove(todo, TODO_CALL, m);
                chat_tell(chat, m, FRAME_ROLLCALL); /* a session with a full inbox answers without a roll call */
        }
}

/* Returns true if nothing is left to do for `m` until something else happens to it. */
static bool contact_is_settled(const struct member *m)
{
        if (member_is_dead(m))
                return m->life == LIFE_GONE || m->id == LINK_ID;
        return m->fd >= 0 && (m->pidfd < 0 || m->exit_watch.is_armed) && (!member_lags(m) || m->inbox_watch.is_armed);
}

/* Does the work that the state of `m` requires. */
static void contact_settle_one(struct chat *chat, struct member *m)
{
        if (!member_is_dead(m) && m->fd < 0)
                contact_open(chat, m); /* descriptors had run out */
        if (m->life == LIFE_DEAD && m->id != LINK_ID &&
            chat_send_self(chat, &(struct frame){.type = FRAME_GONE, .id = m->id}))
                member_live(m, LIFE_GONE);
        if (!member_is_dead(m) && m->pidfd >= 0 && !m->exit_watch.is_armed)
                chat_watch(chat, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
        if (member_lags(m) && !member_is_dead(m) && !m->inbox_watch.is_armed)
                chat_watch(chat, &m->inbox_watch, WATCH_INBOX, m, m->fd, EPOLLOUT);
        if (contact_is_settled(m))
                todo_remove(&chat->roster.todo, TODO_CONTACT, m);
}

void contact_settle(struct chat *chat, int64_t now)
{
        contact_call_next(chat, now);
        for (struct member *m = todo_first(&chat->roster.todo, TODO_CONTACT), *next; m; m = next) {
                next = todo_next(TODO_CONTACT, m);
                contact_settle_one(chat, m);
        }
        lending_settle(chat, now);
}
