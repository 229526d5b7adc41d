/* A broker as in broker-fixture.h, and administrators that ask it by the tool's own protocol. */
#pragma once

#include <chat/clock.h>

#include "../../chatd/admin.h"
#include "../../chatd/ban-check.h"
#include "../../chatd/control-client.h"
#include "../../chatd/control.h"

#include "broker-fixture.h"

enum { TOOLS = CONTROL_CLIENTS_MAX + 1 };

struct control_fixture {
        struct fixture base; /* first in the struct, because the broker's fixture takes it for its own */
        int listener;
        int tools[TOOLS];
};

static inline struct sockaddr_un control_address(const struct fixture *f)
{
        struct sockaddr_un address;
        assert_int_equal(path_control(&address, f->dir), 0);
        return address;
}

static inline void listen_again(struct control_fixture *c)
{
        assert_int_equal(bans_read(&c->base.chat->bans, c->base.dir, c->base.log), 0);
        assert_int_equal(tokens_read(&c->base.chat->tokens, c->base.dir, c->base.log), 0);
        assert_int_equal(control_listen(c->base.chat, c->listener, NULL), 0);
}

static inline int begin(void **state)
{
        struct fixture *base;
        struct control_fixture *c = calloc(1, sizeof(*c));
        setup((void **)&base);
        c->base = *base;
        free(base);
        c->listener = rundir_bind_control(c->base.dir);
        assert_true(c->listener >= 0);
        listen_again(c);
        *state = c;
        return 0;
}

static inline int end(void **state)
{
        struct control_fixture *c = *state;
        close(c->listener);
        for (int i = 0; i < TOOLS; i++)
                if (c->tools[i] > 0)
                        close(c->tools[i]);
        return teardown(state);
}

/* Lets chatd accept the connections of administrators and take their requests. */
static inline void take_requests(struct fixture *f)
{
        struct epoll_event events[64];
        int n = epoll_wait(f->epoll, events, 64, 0);
        for (int i = 0; i < n; i++) {
                const struct watch *w = events[i].data.ptr;
                if (w->kind == WATCH_CONTROL)
                        control_accept(f->chat);
                else if (w->kind == WATCH_CLIENT)
                        control_serve(f->chat, w);
        }
}

static inline void turn(struct fixture *f)
{
        take_requests(f);
        serve(f);
}

/* Runs the main loop until it has no more work. */
static inline void run(struct fixture *f)
{
        for (int i = 0; i < 8; i++)
                turn(f);
}

static inline int tool(struct control_fixture *c, int i)
{
        struct sockaddr_un address = control_address(&c->base);
        if (c->tools[i] > 0)
                return c->tools[i];
        c->tools[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(c->tools[i], (const struct sockaddr *)&address, sizeof(address)), 0);
        return c->tools[i];
}

/* Sends a request. `words` are separated by "|". */
static inline void request(struct control_fixture *c, int i, const char *words)
{
        char packet[CONTROL_PACKET_MAX_BYTES + 16];
        size_t size = strlen(words) + 1;
        assert_true(size <= sizeof(packet));
        memcpy(packet, words, size);
        for (size_t at = 0; at < size; at++)
                if (packet[at] == '|')
                        packet[at] = '\0';
        assert_int_equal(send(tool(c, i), packet, size, MSG_NOSIGNAL), size);
}

/* Returns the answer: fields with a blank between them, packets separated by ", "; "closed" at the end if the
 * connection is closed. */
static inline const char *answer(struct control_fixture *c, int i)
{
        static char all[64 * 1024];
        char packet[CONTROL_PACKET_MAX_BYTES];
        size_t len = 0;
        ssize_t n;
        all[0] = '\0';
        while ((n = recv(tool(c, i), packet, sizeof(packet), 0)) > 0) {
                struct slice rest = {packet, (size_t)n};
                len += (size_t)snprintf(all + len, sizeof(all) - len, "%s", len > 0 ? ", " : "");
                for (const char *field, *blank = ""; (field = control_next(&rest)); blank = " ")
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", blank, field);
                assert_int_equal(rest.len, 0);
        }
        if (n == 0 || errno != EAGAIN)
                snprintf(all + len, sizeof(all) - len, "%sclosed", len > 0 ? ", " : "");
        return all;
}

/* Makes a request and returns the answer. Waits for the disk if the request does; the disk must not be held. */
static inline const char *ask(struct control_fixture *c, const char *words)
{
        request(c, 0, words);
        run(&c->base);
        bans_finish(&c->base.chat->bans);
        tokens_finish(&c->base.chat->tokens);
        run(&c->base);
        return answer(c, 0);
}

/* Kills chatd and starts the next one. The administrator's tools are disconnected. */
static inline void kill_and_restart(struct control_fixture *c)
{
        restart_broker(&c->base);
        listen_again(c);
        for (int i = 0; i < TOOLS; i++)
                if (c->tools[i] > 0) {
                        close(c->tools[i]);
                        c->tools[i] = 0;
                }
}

#define CONTROL_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
