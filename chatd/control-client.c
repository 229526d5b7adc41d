#include "control-client.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/socket.h>

#include "kept-file.h"

#define STEP(state) (1U << CONTROL_##state)

/* The table of control-client.h. */
static const struct control_step {
        uint32_t events;
        int limit_ms;
        unsigned next; /* bits of the states that may follow */
} control_steps[] = {
        [CONTROL_IDLE] = {EPOLLIN, CONTROL_IDLE_MS,
                          STEP(LIST) | STEP(QUEUE) | STEP(DEPARTURE) | STEP(DISK) | STEP(END)},
        [CONTROL_LIST] = {EPOLLOUT, CONTROL_ANSWER_MS, STEP(END)},
        [CONTROL_QUEUE] = {0, CONTROL_ANSWER_MS, STEP(TURN) | STEP(END)},
        [CONTROL_TURN] = {0, CONTROL_ANSWER_MS, STEP(DEPARTURE) | STEP(END)},
        [CONTROL_DEPARTURE] = {0, CONTROL_ANSWER_MS, STEP(END)},
        [CONTROL_DISK] = {0, CONTROL_ANSWER_MS, STEP(END)},
        [CONTROL_END] = {EPOLLOUT, CONTROL_ANSWER_MS, STEP(IDLE)},
};

int control_client_open(struct control_client *client, int epoll, int fd, uid_t uid)
{
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        client->watch = (struct watch){.kind = WATCH_CLIENT, .is_armed = true};
        client->fd = fd;
        client->uid = uid;
        client->state = CONTROL_IDLE;
        client->events = EPOLLIN;
        control_client_extend(client);
        return 0;
}

void control_client_close(struct control_client *client)
{
        close(client->fd);
        free(client->ids);
        client->ids = NULL;
        client->fd = -1;
}

void control_client_enter(struct control_client *client, enum control_state state)
{
        assert(control_steps[client->state].next & 1U << state);
        client->state = state;
        control_client_extend(client);
}

void control_client_extend(struct control_client *client)
{
        client->deadline_ms = clock_ms() + control_steps[client->state].limit_ms;
}

int control_client_wait(struct control_client *client, int epoll)
{
        struct epoll_event event = {.events = control_steps[client->state].events, .data.ptr = client};
        if (client->events == event.events)
                return 0;
        if (epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event) < 0)
                return -errno;
        client->events = event.events;
        return 0;
}

int control_client_send(const struct control_client *client, const struct control_packet *p)
{
        if (send(client->fd, p->data, p->size, MSG_NOSIGNAL) >= 0)
                return 0;
        return socket_is_transient(errno) ? -EAGAIN : -errno;
}

void control_begin_end(struct control_packet *p, const char *status)
{
        control_begin(p);
        control_put(p, "end=%s", status);
}

static void control_write_end(struct control_client *client, const char *status, const char *format, va_list args)
{
        char text[CONTROL_REASON_MAX_BYTES + NAME_MAX_BYTES + 64];
        vsnprintf(text, sizeof(text), format, args);
        control_begin_end(&client->end, status);
        control_put(&client->end, "text=%s", text);
}

void control_client_prepare(struct control_client *client, const char *status, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        control_write_end(client, status, format, args);
        va_end(args);
}

void control_client_end(struct control_client *client, const char *status, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        control_write_end(client, status, format, args);
        va_end(args);
        control_client_enter(client, CONTROL_END);
}

void control_client_done(struct control_client *client, const char *status)
{
        control_begin_end(&client->end, status);
        control_client_enter(client, CONTROL_END);
}

void control_client_await_disk(struct control_client *client, const struct kept_file *file, uint64_t changes,
                               void (*end_unwritten)(struct control_client *client))
{
        client->file = file;
        client->changes = changes;
        client->end_unwritten = end_unwritten;
        control_client_enter(client, CONTROL_DISK);
}

void control_client_check_disk(struct control_client *client, bool late)
{
        const struct kept_file *file = client->file;
        if (file->written_changes >= client->changes)
                control_client_enter(client, CONTROL_END);
        else if (file->disk_changes >= client->changes)
                client->end_unwritten(client);
        else if (late)
                control_client_end(client, CONTROL_QUEUED, "the change is in effect, but %s is not written yet",
                                   file->path);
}
