#include "lending.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chat/clock.h>

#include "looks.h"
#include "reach.h"

enum {
        /* chatd asks for clients' connections only while the last of so many equal parts of its descriptors is free */
        LEND_OF_FDS = 4,
        GIVE_BACK = 64, /* connections that are given back at a time */
};

void lending_init(struct chat *chat)
{
        struct rlimit fds;
        chat->lending->pause_end_ms = INT64_MAX;
        chat->lending->pause_look_ms = INT64_MIN / 2;
        chat->lending->inbox_fd_min =
                getrlimit(RLIMIT_NOFILE, &fds) < 0 ? 0 : (int)(fds.rlim_cur / LEND_OF_FDS * (LEND_OF_FDS - 1));
        looks_server(chat->batch.lent.server);
        int r = lent_batch_init(&chat->batch.lent);
        if (r < 0)
                eventlog_warning(chat->log, "cannot write to clients by itself", r);
}

void lending_free(struct chat *chat)
{
        lent_batch_free(&chat->batch.lent);
}

void lending_close(struct chat *chat, struct member *m)
{
        todo_remove(&chat->roster.todo, TODO_ANSWER, m);
        chat->lending->questions -= m->lent.reply >= 0;
        lent_close(&m->lent);
}

bool lending_give_back(struct chat *chat)
{
        size_t given = 0;
        for (size_t i = chat->roster.count; i-- > 0 && given < GIVE_BACK;) {
                struct member *m = chat->roster.members[i];
                given += lent_is_open(&m->lent);
                lending_close(chat, m);
        }
        return given > 0;
}

/* Returns true if chatd has a descriptor for a lent connection, apart from those that it keeps for members' inboxes. */
static bool lending_has_fds(const struct chat *chat)
{
        int lowest = fcntl(chat->self, F_DUPFD_CLOEXEC, 0);
        if (lowest >= 0)
                close(lowest);
        return lowest >= 0 && lowest < chat->lending->inbox_fd_min;
}

/* Asks the session of `m` for its client's connection, or lets it pause. */
static void lending_ask(struct chat *chat, struct member *m, int64_t now)
{
        struct todo *todo = &chat->roster.todo;
        struct lent *l = &m->lent;
        todo_remove(todo, TODO_LEND, m);
        if (!l->worth_asking || lent_is_open(l))
                return; /* `m` was connected anew, for example */
        if (!lent_may_ask(l, now)) {
                todo_add(todo, TODO_PAUSE, m);
                chat->lending->pause_end_ms = clock_earlier(chat->lending->pause_end_ms, lent_pause_ends_ms(l));
                return;
        }
        if (!lending_has_fds(chat)) {
                l->ask_ms = now; /* the next question is as late as for a session that could not lend */
                return;
        }
        if (lent_ask(l, m->fd, chat->relay.epoch, &chat->batch.lent, now) < 0)
                return;
        chat->lending->questions++;
        todo_add(todo, TODO_ANSWER, m);
        chat_watch(chat, &m->lent_watch, WATCH_LENT, m, l->reply, EPOLLIN);
        if (!m->lent_watch.is_armed)
                lending_close(chat, m);
}

/* Puts members whose pause is over back into the list of members to ask. It looks at all pausing members, so it does
 * that once in LENT_ASK_AGAIN_MIN_MS at most. */
static void lending_end_pauses(struct chat *chat, int64_t now)
{
        struct todo *todo = &chat->roster.todo;
        if (now < chat->lending->pause_end_ms || now - chat->lending->pause_look_ms < LENT_ASK_AGAIN_MIN_MS)
                return;
        chat->lending->pause_look_ms = now;
        chat->lending->pause_end_ms = INT64_MAX;
        for (struct member *m = todo_first(todo, TODO_PAUSE), *next; m; m = next) {
                next = todo_next(TODO_PAUSE, m);
                if (lent_pause_ends_ms(&m->lent) > now) {
                        chat->lending->pause_end_ms =
                                clock_earlier(chat->lending->pause_end_ms, lent_pause_ends_ms(&m->lent));
                        continue;
                }
                todo_remove(todo, TODO_PAUSE, m);
                todo_add(todo, TODO_LEND, m);
        }
}

/* It does not ask while the queue has frames that a previous chatd relayed. Sessions drop records that they have seen,
 * but they cannot drop bytes that chatd writes to a client. */
void lending_settle(struct chat *chat, int64_t now)
{
        const struct todo *todo = &chat->roster.todo;
        struct member *m, *next;
        while ((m = todo_first(todo, TODO_ANSWER)) && now - m->lent.ask_ms >= LENT_ANSWER_MS)
                lending_close(chat, m);
        if (chat->order.old_frames > 0 || !chat->batch.lent.outlet)
                return;
        lending_end_pauses(chat, now);
        for (m = todo_first(todo, TODO_LEND); m && chat->lending->questions < LENDING_ASKED_MAX; m = next) {
                next = todo_next(TODO_LEND, m);
                if (!member_is_dead(m) && !member_lags(m))
                        lending_ask(chat, m, now);
        }
}

void lending_answered(struct chat *chat, struct member *m)
{
        if (m->lent.reply < 0)
                return; /* the member died meanwhile */
        todo_remove(&chat->roster.todo, TODO_ANSWER, m);
        chat->lending->questions--;
        lent_answer(&m->lent);
}
