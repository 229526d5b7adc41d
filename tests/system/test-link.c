/* chat-link as a program, for example beside another chat-link that runs already. */
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
#include "nats.h"

/* The arguments of a chat-link whose files are in the directory of `chat`. */
struct arguments {
        char program[PATH_MAX], settings[128], state_dir[128], run_dir[128];
        char *argv[5];
};

static void make_arguments(struct arguments *a, const struct chat *chat, const char *server)
{
        snprintf(a->settings, sizeof(a->settings), "--config=%s/link.conf", chat->dir);
        snprintf(a->state_dir, sizeof(a->state_dir), "--state-dir=%s", chat->dir);
        shell("echo Servers=%s > %s/link.conf", server, chat->dir);
        snprintf(a->program, sizeof(a->program), "%s", program("chat-link"));
        snprintf(a->run_dir, sizeof(a->run_dir), "%s", chat->option);
        memcpy(a->argv, (char *[]){a->program, a->settings, a->run_dir, a->state_dir, NULL}, sizeof(a->argv));
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
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* the first one still has its inbox */
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
        kill(first, SIGTERM);
        assert_int_equal(process_wait(first), 0);
        assert_int_equal(access(address.sun_path, F_OK), -1);
        first = process_start(a.argv, -1, -1, -1); /* leftovers of a killed one do not matter */
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

/* Makes a server that takes connections and sends nothing: chat-link waits for its greeting. Returns its socket. */
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

/* Returns the next connection that is made; those that wait already are closed. */
static int accept_next(int server)
{
        struct pollfd p = {.fd = server, .events = POLLIN};
        while (poll(&p, 1, 0) > 0)
                close(accept(server, NULL, NULL));
        assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
        return accept(server, NULL, NULL);
}

/* Sends lines for TALK_MS, TALK_MAX at most, each when the one before was relayed. Returns how many. */
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

/* While chat-link stops, far more lines are said than the inbox holds. The server's time, 1.5 s, is not over by
 * then. */
static void test_what_is_said_while_it_stops(void **state)
{
        (void)state;
        enum { BEFORE = 3 }; /* two JOINs, and a line */
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

/* A disk returns other bytes than were written. The line in them is counted, the others still wait. */
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

/* ---- three hosts, two of which have the same name ---- */

struct host {
        struct chat *chat;
        struct arguments arguments;
        pid_t link;          /* 0: it does not run */
        struct client *told; /* reads what the link prints on standard error */
        struct client *person;
};

static void set_label(const struct host *h, const char *label)
{
        shell("sed -i /Host=/d %s/link.conf && echo Host=%s >>%s/link.conf", h->chat->dir, label, h->chat->dir);
}

static void start_link(struct host *h)
{
        int log[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, log), 0);
        h->link = process_start(h->arguments.argv, -1, -1, log[1]);
        close(log[1]);
        if (h->told)
                client_free(h->told);
        h->told = client_of(log[0], "chat-link");
        client_expect(h->told, "linked by nats");
}

static void end_link(struct host *h, int signal)
{
        kill(h->link, signal);
        process_wait(h->link);
        h->link = 0;
}

static void make_host(struct host *h, const char *label, const struct nats *server)
{
        *h = (struct host){.chat = chat_start()};
        make_arguments(&h->arguments, h->chat, server->url);
        set_label(h, label);
        h->person = chat_join(h->chat, NULL);
}

static void free_host(struct host *h)
{
        end_link(h, SIGTERM);
        client_free(h->told);
        client_free(h->person);
        chat_stop(h->chat);
}

/* Reads lines of `to` until the next line of each of the two has come `count` times, in order and without another line
 * of theirs in between. */
static void expect_lines_of_both(struct client *to, const struct host *twins, const char *label, int *last, int count)
{
        char begin[2][128], wanted[sizeof(begin) + 32];
        for (int i = 0; i < 2; i++)
                snprintf(begin[i], sizeof(begin[i]), "%s@%s: ", twins[i].person->name, label);
        for (int left = 2 * count; left > 0;) {
                const char *line = client_expect(to, "\r\n");
                assert_null(strstr(line, "missing"));
                for (int i = 0; i < 2; i++) {
                        if (strncmp(line, begin[i], strlen(begin[i])) != 0)
                                continue;
                        snprintf(wanted, sizeof(wanted), "%sline %d", begin[i], ++last[i]);
                        assert_string_equal(line, wanted);
                        left--;
                }
        }
}

/* Two machines, of which one has a copy of the other's disk with the spool, talk under one label, and whatever runs is
 * killed. The third host gets each line of both once. One of the two gets a label of its own: its past, which it reads
 * again, is not shown there. */
static void test_cloned_machines(void **state)
{
        (void)state;
        enum { ROUNDS = 3, LINES = 40 };
        struct host twins[2], third;
        int said[2] = {0}, heard[2] = {0};
        if (!nats_available())
                skip();
        struct nats *server = nats_start(true, "");
        make_host(&third, "third", server);
        for (int i = 0; i < 2; i++)
                make_host(&twins[i], "web", server);
        start_link(&third);
        start_link(&twins[0]);
        client_send(twins[0].person, "before\n");
        client_expect(third.person, "%s@web: before\r\n", twins[0].person->name);
        end_link(&twins[0], SIGTERM);
        shell("cp -a %s/spool %s/spool", twins[0].chat->dir, twins[1].chat->dir);
        for (int i = 0; i < 2; i++)
                start_link(&twins[i]);
        client_send(third.person, "hello\n");
        for (int i = 0; i < 2; i++)
                client_expect(twins[i].person, "%s@third: hello\r\n", third.person->name);
        for (int round = 0; round < ROUNDS; round++) {
                for (int n = 0; n < LINES; n++)
                        for (int i = 0; i < 2; i++)
                                client_send(twins[i].person, "line %d\n", ++said[i]);
                expect_lines_of_both(third.person, twins, "web", heard, LINES);
                if (round == 0) { /* all know it */
                        for (int i = 0; i < 2; i++)
                                client_expect(twins[i].told, "another host of this network is called web, too");
                        client_expect(third.told, "several hosts of this network are called web");
                }
                end_link(&third, SIGKILL);
                for (int i = 0; i < 2; i++)
                        end_link(&twins[i], SIGKILL);
                nats_signal(server, SIGKILL);
                nats_run(server);
                start_link(&third);
                for (int i = 0; i < 2; i++)
                        start_link(&twins[i]);
        }
        end_link(&twins[1], SIGTERM);
        set_label(&twins[1], "web2");
        start_link(&twins[1]);
        client_send(twins[1].person, "from web2\n");
        client_expect(third.person, "%s@web2: from web2\r\n", twins[1].person->name);
        client_expect(twins[0].person, "%s@web2: from web2\r\n", twins[1].person->name);
        client_send(twins[0].person, "from web\n");
        const char *before = client_expect(twins[1].person, "%s@web: from web\r\n", twins[0].person->name);
        char own[128];
        snprintf(own, sizeof(own), "%s@web", twins[1].person->name);
        if (strstr(before, own) || strstr(before, "missing"))
                fail_msg("it reads its own past: %s", before);
        for (int i = 0; i < 2; i++)
                free_host(&twins[i]);
        free_host(&third);
        nats_stop_all();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_second_one),
                cmocka_unit_test(test_what_is_said_while_it_stops),
                cmocka_unit_test(test_a_damaged_spool),
                cmocka_unit_test(test_cloned_machines),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
