#include "control.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/socket.h>

#include "chat.h"
#include "control-client.h"
#include "control-lists.h"
#include "control-requests.h"

enum { GROUPS_MAX = 256 }; /* the groups of a user that are checked, at most */

void control_init(struct control *c)
{
        *c = (struct control){.listener = -1, .group = (gid_t)-1};
}

static void control_close(struct control *c, struct control_client *client)
{
        control_client_close(client);
        c->count--;
}

void control_free(struct control *c)
{
        for (size_t i = 0; c->clients && i < CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0)
                        control_close(c, &c->clients[i]);
        free(c->clients);
        c->clients = NULL;
}

/* Returns true if new connections have to wait, because descriptors have run out. */
static bool control_is_deaf(const struct control *c)
{
        return c->clients && !c->watch.is_armed;
}

/* Adds a watch to the epoll. Returns 0 or a negative errno. */
static int control_watch(const struct chat *chat, struct watch *w, enum watch_kind kind, int fd)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = w};
        *w = (struct watch){.kind = kind};
        if (epoll_ctl(chat->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        w->is_armed = true;
        return 0;
}

/* Watches the listener. Returns 0 or a negative errno: then control_settle() tries again at `retry_ms`. */
static int control_watch_listener(struct chat *chat)
{
        chat->control->retry_ms = clock_ms() + CONTROL_AGAIN_MS;
        return control_watch(chat, &chat->control->watch, WATCH_CONTROL, chat->control->listener);
}

int control_listen(struct chat *chat, int fd, const char *group)
{
        struct control *c = chat->control;
        const struct group *g = group ? getgrnam(group) : NULL;
        if (g)
                c->group = g->gr_gid;
        c->clients = calloc(CONTROL_CLIENTS_MAX, sizeof(*c->clients));
        if (!c->clients)
                return -ENOMEM;
        for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
                c->clients[i].fd = -1;
        c->listener = fd;
        int r = control_watch(chat, &c->bans_watch, WATCH_DISK, chat->bans.file.disk.event);
        if (r == 0)
                r = control_watch(chat, &c->tokens_watch, WATCH_DISK, chat->tokens.file.disk.event);
        return r < 0 ? r : control_watch_listener(chat);
}

/* Returns true if the peer is root, chatd's own user, or in the group, according to the kernel. */
static bool control_is_allowed(const struct chat *chat, int fd, uid_t *uid)
{
        gid_t groups[GROUPS_MAX];
        struct ucred peer;
        socklen_t size = sizeof(peer), groups_size = sizeof(groups);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return false;
        *uid = peer.uid;
        if (peer.uid == 0 || peer.uid == chat->own_user)
                return true;
        if (chat->control->group == (gid_t)-1)
                return false;
        if (peer.gid == chat->control->group)
                return true;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
                return false;
        for (size_t i = 0; i < groups_size / sizeof(groups[0]); i++)
                if (groups[i] == chat->control->group)
                        return true;
        return false;
}

/* Sends `status` to a chatctl that is not served, and closes its connection. */
static void control_turn_away(int fd, const char *status)
{
        struct control_packet end;
        control_begin_end(&end, status);
        send(fd, end.data, end.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        close(fd);
}

/* Returns true if accept4() failed because a resource of chatd has run out, and not because of the client. */
static bool control_is_lack(int error)
{
        return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

/* Accepts nothing for a while: otherwise the same event would come again at once, for ever. */
static void control_pause(struct chat *chat)
{
        struct control *c = chat->control;
        epoll_ctl(chat->epoll, EPOLL_CTL_DEL, c->listener, NULL);
        c->watch.is_armed = false;
        c->retry_ms = clock_ms() + CONTROL_AGAIN_MS;
}

void control_accept(struct chat *chat)
{
        struct control *c = chat->control;
        struct control_client *client = c->clients, *end = c->clients + CONTROL_CLIENTS_MAX;
        uid_t uid = (uid_t)-1;
        int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && control_is_lack(errno))
                control_pause(chat);
        if (fd < 0)
                return;
        while (client < end && client->fd >= 0)
                client++;
        if (!control_is_allowed(chat, fd, &uid))
                control_turn_away(fd, CONTROL_DENIED);
        else if (client == end || control_client_open(client, chat->epoll, fd, uid) < 0)
                control_turn_away(fd, CONTROL_BUSY);
        else
                c->count++;
}

/* Reads a request. Returns false if the connection is gone. */
static bool control_read(struct chat *chat, struct control_client *client)
{
        char data[CONTROL_PACKET_MAX_BYTES];
        ssize_t n = recv(client->fd, data, sizeof(data), MSG_TRUNC);
        if (n < 0 && socket_is_transient(errno))
                return true;
        if (n <= 0)
                return false;
        if ((size_t)n > sizeof(data))
                control_client_end(client, CONTROL_WRONG, "the request is too long");
        else
                control_requests_take(chat, client, data, (size_t)n);
        return true;
}

/* Sends as much of the answer as the connection takes. Returns false if the connection is gone. */
static bool control_go_on(struct chat *chat, struct control_client *client)
{
        int r = 0;
        if (client->state == CONTROL_LIST)
                r = control_lists_send(chat, client);
        if (r == 0 && client->state == CONTROL_END) {
                r = control_client_send(client, &client->end);
                if (r == 0)
                        control_client_enter(client, CONTROL_IDLE);
        }
        if (r == 0 || r == -EAGAIN)
                r = control_client_wait(client, chat->epoll);
        return r == 0;
}

void control_serve(struct chat *chat, const struct watch *w)
{
        struct control_client *client = (struct control_client *)w;
        bool lives = client->fd >= 0;
        if (!lives)
                return;
        if (client->state == CONTROL_IDLE)
                lives = control_read(chat, client);
        else if (client->events == 0) /* then only the end of the connection causes an event */
                lives = false;
        if (!lives || !control_go_on(chat, client))
                control_close(chat->control, client);
}

void control_done(struct chat *chat, uint64_t number, int result)
{
        for (size_t i = 0; chat->control->count > 0 && i < CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &chat->control->clients[i];
                if (client->fd >= 0 && client->state == CONTROL_TURN && client->number == number)
                        control_requests_done(chat, client, result);
        }
}

/* Continues a request that waits for the chat. `late` is true at the time limit of the state. Returns false if the
 * connection is to be closed. */
static bool control_look_again(struct chat *chat, struct control_client *client, bool late)
{
        switch (client->state) {
        case CONTROL_QUEUE:
                control_requests_queue(chat, client);
                if (client->state == CONTROL_QUEUE && late)
                        control_client_end(client, CONTROL_BUSY, "the queue of the chat is full");
                return true;
        case CONTROL_TURN:
                if (late)
                        control_client_end(client, CONTROL_QUEUED, "the request is in the queue of the chat");
                return true;
        case CONTROL_DEPARTURE:
                control_requests_departure(chat, client, late);
                return true;
        case CONTROL_DISK:
                control_client_check_disk(client, late);
                return true;
        case CONTROL_IDLE:
        case CONTROL_LIST:
        case CONTROL_END:
                return !late;
        }
        return false;
}

void control_settle(struct chat *chat, int64_t now)
{
        if (control_is_deaf(chat->control) && now >= chat->control->retry_ms)
                control_watch_listener(chat);
        if (chat->control->clients) {
                bans_settle(&chat->bans);
                tokens_settle(&chat->tokens);
        }
        for (size_t i = 0; chat->control->count > 0 && i < CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &chat->control->clients[i];
                if (client->fd < 0)
                        continue;
                bool lives = control_look_again(chat, client, now >= client->deadline_ms);
                bool waited = client->events == 0; /* it waited for the chat, not for room */
                if (lives && waited && client->state == CONTROL_END)
                        lives = control_go_on(chat, client);
                if (!lives)
                        control_close(chat->control, client);
        }
}

int64_t control_due_ms(const struct control *c)
{
        int64_t due = control_is_deaf(c) ? c->retry_ms : INT64_MAX;
        for (size_t i = 0; c->count > 0 && i < CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0)
                        due = clock_earlier(due, c->clients[i].deadline_ms);
        return due;
}
