/* As many people as chat.socket lets in, in one room, each a process of PID 1. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "booted.h"

enum {
        MEMBERS = 2048, /* MaxConnections= of chat.socket */
        PER_SOURCE = 500,
        TOOLS = 300,
        KILLS = 5,
};

static struct client *members[MEMBERS];

/* Connects from 127.0.1.N. */
static struct client *connect_from(int n)
{
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000100u + (unsigned)n)};
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(CHAT_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(from);
        char name[64];
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &size), 0);
        snprintf(name, sizeof(name), "127.0.1.%d:%u", n, ntohs(from.sin_port));
        return client_of(fd, name);
}

static void test_one_more_is_too_many(void **state)
{
        (void)state;
        for (int i = 0; i < MEMBERS; i++) {
                members[i] = connect_from(1 + i / PER_SOURCE);
                client_expect(members[i], "*** Welcome, %s.", members[i]->name);
        }
        shell_until("systemctl show -P StatusText chatd | grep -q '^members: %d,'", MEMBERS);
        clients_announced("/run/chat"); /* before that, chatctl does not list them */
        struct client *refused = connect_from(1 + MEMBERS / PER_SOURCE);
        assert_string_equal(client_expect_end(refused), "");
        client_free(refused);
}

/* Each tool gets its turn, and the whole list. */
static void test_many_tools_at_once(void **state)
{
        (void)state;
        assert_int_equal(atoi(shell("for i in $(seq %d); do chatctl who --no-legend & done 2>&1 | wc -l", TOOLS)),
                         TOOLS * MEMBERS);
}

/* A line that is sent at the moment of a kill of chatd reaches everybody once, in the same order. */
static void test_kills(void **state)
{
        (void)state;
        for (int k = 0; k < KILLS; k++) {
                shell("systemctl kill -s KILL --kill-who=main chatd");
                client_send(members[k], "behind kill %d\n", k);
                for (int i = 0; i < MEMBERS; i++) {
                        if (i == k)
                                continue;
                        const char *before = client_expect(members[i], "%s: behind kill %d\r\n", members[k]->name, k);
                        assert_null(strstr(before, "behind kill"));
                }
        }
        client_send(members[KILLS], "the end\n");
        for (int i = 0; i < MEMBERS; i++) {
                if (i != KILLS)
                        assert_null(strstr(client_expect(members[i], ": the end\r\n"), "behind kill"));
        }
        shell_until("systemctl show -P StatusText chatd | grep -q '^members: %d,'", MEMBERS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_more_is_too_many),
                cmocka_unit_test(test_many_tools_at_once),
                cmocka_unit_test(test_kills),
        };
        return RUN_TESTS(tests, booted_install_without_history, NULL);
}
