/* chat-link as a program: what it does to the one that runs already. */
#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/frame.h>

#include "harness.h"

/* What chat-link is started with: its files are in the directory of `chat`. */
struct arguments {
        char program[PATH_MAX], settings[128], state_dir[128];
        char *argv[5];
};

static void make_arguments(struct arguments *a, struct chat *chat, const char *server)
{
        snprintf(a->settings, sizeof(a->settings), "--config=%s/link.conf", chat->dir);
        snprintf(a->state_dir, sizeof(a->state_dir), "--state-dir=%s", chat->dir);
        shell("echo Servers=%s > %s/link.conf", server, chat->dir);
        snprintf(a->program, sizeof(a->program), "%s", program("chat-link"));
        memcpy(a->argv, (char *[]){a->program, a->settings, chat->option, a->state_dir, NULL}, sizeof(a->argv));
}

static void test_a_second_one(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        struct arguments a;
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        make_arguments(&a, chat, "nats://127.0.0.1:1");
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/link.sock", chat->dir);
        pid_t first = process_start(a.argv, -1, -1, -1);
        shell_until("test -S %s && test -s %s/spool", address.sun_path, chat->dir);
        assert_int_equal(process_wait(process_start(a.argv, -1, -1, -1)), 1);
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* the first still has its inbox */
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
        kill(first, SIGTERM);
        assert_int_equal(process_wait(first), 0);
        assert_int_equal(access(address.sun_path, F_OK), -1);
        first = process_start(a.argv, -1, -1, -1); /* what one that was killed left is in nobody's way */
        shell_until("test -S %s", address.sun_path);
        kill(first, SIGKILL);
        process_wait(first);
        first = process_start(a.argv, -1, -1, -1);
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        for (int64_t i = 0; i < 6000 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0; i++)
                usleep(10000);
        close(fd);
        kill(first, SIGTERM);
        assert_int_equal(process_wait(first), 0);
        chat_stop(chat);
}

/* A server that takes connections and says nothing: chat-link waits for its greeting. */
static int listen_silently(char url[static 64])
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
        assert_int_equal(listen(fd, 16), 0);
        getsockname(fd, (struct sockaddr *)&address, &size);
        snprintf(url, 64, "nats://127.0.0.1:%d", ntohs(address.sin_port));
        return fd;
}

/* The next connection that is made, none that waits already. */
static int accept_next(int server)
{
        struct pollfd p = {.fd = server, .events = POLLIN};
        while (poll(&p, 1, 0) > 0)
                close(accept(server, NULL, NULL));
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        return accept(server, NULL, NULL);
}

/* Says lines for TALK_MS, TALK_MAX at most, each when the one before was relayed. Returns how many. */
static int talk(struct client *from, struct client *to)
{
        enum { TALK_MS = 1000, TALK_MAX = 1000 };
        int64_t begin = clock_ms();
        int said = 0;
        while (said < TALK_MAX && clock_ms() - begin < TALK_MS) {
                client_send(from, "line %d\n", ++said);
                client_expect(to, ": line %d\r\n", said);
        }
        return said;
}

/* Much more is said than the inbox holds. The server's time is not over then: chat-link gives it 1.5 s. */
static void test_what_is_said_while_it_stops(void **state)
{
        (void)state;
        enum { BEFORE = 3 }; /* two who join, and a line */
        struct chat *chat = chat_start();
        struct arguments a;
        char url[64];
        int server = listen_silently(url), log[2];
        make_arguments(&a, chat, url);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log), 0);
        pid_t link = process_start(a.argv, -1, -1, log[1]);
        close(log[1]);
        shell_until("test -L %s/members/%016llx", chat->dir, (unsigned long long)LINK_ID);
        struct client *told = client_of(log[0], "chat-link"), *ann = chat_join(chat, NULL),
                      *bob = chat_join(chat, NULL);
        client_send(bob, "we are here\n");
        client_expect(ann, "we are here\r\n");
        shell_until("grep -aq 'we are here' %s/spool", chat->dir);
        int waits = accept_next(server);
        kill(link, SIGTERM);
        int said = talk(ann, bob);
        assert_false(process_has_ended(link));
        assert_int_equal(process_wait(link), 0);
        client_expect(told, "stopped; lines that wait for other hosts: %d,", BEFORE + said);
        assert_int_equal(atoi(shell("grep -ao 'line [0-9]*' %s/spool | sort -u | wc -l", chat->dir)), said);
        client_free(told);
        client_free(ann);
        client_free(bob);
        close(waits);
        close(server);
        chat_stop(chat);
}

/* A disk gives back other bytes than were written. The line in them is counted, the others still wait. */
static void test_a_damaged_spool(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        struct arguments a;
        char url[64];
        int server = listen_silently(url), log[2];
        make_arguments(&a, chat, url);
        struct client *told, *ann = chat_join(chat, NULL), *bob = chat_join(chat, NULL);
        pid_t link = process_start(a.argv, -1, -1, -1);
        shell_until("test -L %s/members/%016llx", chat->dir, (unsigned long long)LINK_ID);
        for (int i = 1; i <= 3; i++) {
                client_send(bob, "this is %d\n", i);
                client_expect(ann, "this is %d\r\n", i);
                shell_until("grep -aq 'this is %d' %s/spool", i, chat->dir);
        }
        kill(link, SIGKILL);
        process_wait(link);
        shell("LC_ALL=C sed -i 's/this is 2/THIS IS 2/' %s/spool && grep -aq 'THIS IS 2' %s/spool", chat->dir,
              chat->dir);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log), 0);
        link = process_start(a.argv, -1, -1, log[1]);
        close(log[1]);
        told = client_of(log[0], "chat-link");
        client_expect(told, "the spool was damaged: 1 line in it cannot be sent to other hosts");
        kill(link, SIGTERM);
        assert_int_equal(process_wait(link), 0);
        client_free(told);
        client_free(ann);
        client_free(bob);
        close(server);
        chat_stop(chat);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_second_one),
                cmocka_unit_test(test_what_is_said_while_it_stops),
                cmocka_unit_test(test_a_damaged_spool),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
