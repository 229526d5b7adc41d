#include "contact.h"

#include <errno.h>
#include <sys/epoll.h>

#include "lending.h"
#include "notes.h"
#include "reach.h"

int contact_open(struct chat *chat, struct member *m)
{
        lending_close(chat, m);
        int r = reach_connect(chat->roster.dir, chat->roster.owner, m);
        if (r == -EMFILE && lending_give_back(chat))
                r = reach_connect(chat->roster.dir, chat->roster.owner, m);
        m->exit_watch.armed = m->inbox_watch.armed = false; /* closing has removed them from the epoll */
        m->dead = r == -ECONNREFUSED || r == -ENOENT || r == -ESRCH || r == -EPERM;
        m->gone_sent = false;
        if (r < 0 && m->id == LINK_ID && !m->lagging) /* the link will have an inbox again */
                lagging_begin(chat->roster.dir, m);
        if (m->pidfd >= 0)
                chat_watch(chat, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
        return m->dead && r != -EPERM ? 0 : r;
}

void contact_exited(struct chat *chat, struct member *m)
{
        epoll_ctl(chat->epoll, EPOLL_CTL_DEL, m->pidfd, NULL);
        m->exit_watch.armed = false;
        m->dead = true;
        lending_close(chat, m); /* so that its client sees the end now */
}

int64_t contact_call_ms(const struct chat *chat)
{
        return chat->calls ? chat->call_at_ms : INT64_MAX;
}

/* Sends the roll call to the next members that a recovery found: few enough for the queue to take all answers beside
 * other frames. The process of each is watched by now. If the inbox still takes the roll call, the pid was not used
 * again before that, and the watch is on the right process. */
static void call_next(struct chat *chat, int64_t now)
{
        size_t called = 0;
        if (now < contact_call_ms(chat))
                return;
        chat->calls = false;
        chat->call_at_ms = now + CONTACT_CALL_MS;
        for (size_t i = 0; i < chat->roster.count && !chat->calls; i++) {
                struct member *m = chat->roster.members[i];
                chat->calls = m->uncalled && called == CONTACT_CALLED_MAX;
                if (!m->uncalled || chat->calls)
                        continue;
                m->uncalled = false;
                chat_tell(chat, m, FRAME_ROLLCALL); /* if the inbox is full the session answers without a roll call */
                called++;
        }
}

void contact_settle(struct chat *chat, int64_t now)
{
        call_next(chat, now);
        for (size_t i = 0; i < chat->roster.count; i++) {
                struct member *m = chat->roster.members[i];
                if (!m->dead && m->fd < 0)
                        contact_open(chat, m); /* descriptors had run out */
                if (m->dead && !m->gone_sent && m->id != LINK_ID)
                        m->gone_sent = chat_send_self(chat, &(struct frame){.type = FRAME_GONE, .id = m->id});
                if (!m->dead && m->pidfd >= 0 && !m->exit_watch.armed)
                        chat_watch(chat, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
                if (m->lagging && !m->dead && !m->inbox_watch.armed)
                        chat_watch(chat, &m->inbox_watch, WATCH_INBOX, m, m->fd, EPOLLOUT);
                lending_ask(chat, m, now);
        }
}
