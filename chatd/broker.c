#include "broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <chat/clock.h>

#include "admin.h"
#include "arrivals.h"
#include "ban-check.h"
#include "batch-lifecycle.h"
#include "confinement.h"
#include "contact.h"
#include "control.h"
#include "lending.h"
#include "limits.h"
#include "membership.h"
#include "remote.h"
#include "webhook.h"

/* The state of the files between broker.h and chat.h. */
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
        struct webhook webhook;
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
        chat->webhook = &deeds->webhook;
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
        webhook_free(chat->webhook);
        chat_free(chat);
        free(chat->deeds);
}

int broker_serve(struct chat *chat)
{
        int n = intake_peek(&chat->intake);
        if (n == 0)
                order_enter(&chat->order, STEP_OVER);
        for (int left = n, taken; left > 0; left -= taken) {
                taken = lifecycle_do(chat, (size_t)left);
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
        if (member_lags(m) && !member_is_dead(m))
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
        bool serves = chat->order.step <= STEP_UNKNOWN; /* otherwise chatd ends because a step failed */
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
