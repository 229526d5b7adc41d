/* A process of the session user that is not a chat-session any more: what it cannot do to the others. Here it knows the
 * protocol by heart, and no seccomp filter restricts it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>
#include <chat/record.h>

#include "booted.h"

/* A session, with the data of chatd's note. */
struct victim {
        struct client *client;
        uint64_t id, key;
        pid_t pid;
};

static struct victim join_victim(void)
{
        struct victim v = {.client = booted_join()};
        unsigned long long id, key;
        shell_until("ls -l /run/chat/members | grep -q ' %s$'", v.client->name);
        const char *note =
                shell("cd /run/chat/members && for i in *; do echo \"$i $(readlink $i)\"; done | grep ' %s$'",
                      v.client->name);
        assert_int_equal(sscanf(note, "%16llx %*u %16llx", &id, &key), 2);
        v.id = id;
        v.key = key;
        v.pid = (pid_t)(id >> 32);
        return v;
}

static struct victim victim;
static struct client *witness; /* is shown everything that is relayed */

static int join_both(void **state)
{
        (void)state;
        victim = join_victim();
        witness = booted_join();
        client_expect(victim.client, "*** %s is connected\r\n", witness->name);
        client_send(victim.client, "we are all here\n"); /* behind its own arrival */
        client_expect(witness, ": we are all here\r\n");
        return 0;
}

static int leave_both(void **state)
{
        (void)state;
        client_free(victim.client);
        client_free(witness);
        return 0;
}

/* Forks a child that becomes this user, and makes a socket that is connected to chatd. Returns its pid to the test and
 * 0 to the child. */
static pid_t hijack_as(const char *user, int *broker)
{
        struct sockaddr_un address;
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        gid_t gid = getgrnam("chat")->gr_gid;
        if (setgroups(0, NULL) < 0 || setgid(gid) < 0 || setuid(getpwnam(user)->pw_uid) < 0)
                _exit(100);
        path_broker(&address, RUN_DIR_DEFAULT);
        *broker = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (connect(*broker, (struct sockaddr *)&address, sizeof(address)) < 0)
                _exit(101);
        return 0;
}

/* Forks a child that becomes the session user, with a socket to chatd. Returns its pid to the test and 0 to the
 * child. */
static pid_t hijack(int *broker)
{
        return hijack_as("chat-session", broker);
}

static void send_frame(int fd, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), f);
        if (send(fd, buffer, n, 0) < 0)
                _exit(102);
}

static uint64_t own_id(void)
{
        return (uint64_t)getpid() << 32 | 7;
}

/* Binds an inbox as a session does. */
static int bind_inbox(uint64_t key)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        path_inbox(&address, RUN_DIR_DEFAULT, key);
        umask(SOCKET_UMASK);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                _exit(103);
        return fd;
}

static void say_hello(int broker, uint64_t id, uint64_t key, const char *name)
{
        send_frame(broker, &(struct frame){.type = FRAME_HELLO,
                                           .id = id,
                                           .key = key,
                                           .name = slice_of(name),
                                           .address = slice_of("nowhere")});
}

/* Asserts that the two members go on whatever the intruder did: nobody left, and the witness was shown only
 * `before`. */
static void assert_unharmed(const char *before)
{
        client_send(victim.client, "unharmed\n");
        assert_string_equal(client_expect(witness, "%s: unharmed\r\n", victim.client->name), before);
        client_send(witness, "so am I\n");
        assert_string_equal(client_expect(victim.client, "%s: so am I\r\n", witness->name), before);
}

static void test_it_cannot_speak_as_another_session(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                send_frame(
                        broker,
                        &(struct frame){.type = FRAME_LINE, .id = victim.id, .number = 99, .text = slice_of("forged")});
                send_frame(broker, &(struct frame){.type = FRAME_BYE, .id = victim.id, .reason = LEAVE_EXIT});
                send_frame(broker, &(struct frame){.type = FRAME_GONE, .id = victim.id});
                send_frame(broker, &(struct frame){.type = FRAME_HERE,
                                                   .id = victim.id,
                                                   .key = 1,
                                                   .name = slice_of("x"),
                                                   .address = slice_of("x")});
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        assert_unharmed("");
}

static void test_it_cannot_take_the_name_of_another_session(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                bind_inbox(1);
                say_hello(broker, own_id(), 1, victim.client->name);
                send_frame(broker, &(struct frame){.type = FRAME_LINE,
                                                   .id = own_id(),
                                                   .number = 1,
                                                   .text = slice_of("I am not who I seem")});
                pause();
        }
        assert_string_equal(client_expect(witness, "*** %s~2 is connected\r\n", victim.client->name), "");
        assert_string_equal(client_expect(witness, "%s~2: I am not who I seem\r\n", victim.client->name), "");
        kill(pid, SIGKILL);
        client_expect(witness, "*** %s~2 is disconnected\r\n", victim.client->name);
        client_expect(victim.client, "*** %s~2 is disconnected\r\n", victim.client->name);
        assert_unharmed("");
}

static void test_it_cannot_be_many(void **state)
{
        (void)state;
        enum { TRIES = 200 };
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                for (uint64_t i = 1; i <= TRIES; i++) {
                        bind_inbox(i);
                        say_hello(broker, (uint64_t)getpid() << 32 | i, i, "crowd");
                }
                raise(SIGSTOP);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        client_expect(witness, "*** crowd is connected\r\n");
        client_send(victim.client, "one is enough\n");
        client_expect(witness, ": one is enough\r\n");
        kill(pid, SIGKILL);
        assert_string_equal(client_expect(witness, "*** crowd is disconnected\r\n"), "");
        client_expect(victim.client, "*** crowd is disconnected\r\n");
        assert_unharmed("");
}

/* Sends frames that only the link to other hosts may send. */
static void play_link(int broker, uint64_t id)
{
        uint8_t inject[FRAME_MAX_BYTES];
        struct record rec = {
                .kind = RECORD_LINE, .id = id, .number = 1, .name = slice_of("zoe@b"), .text = slice_of("forged")};
        size_t n = frame_encode(inject, sizeof(inject), &(struct frame){.type = FRAME_INJECT, .id = id});
        n += record_encode(inject + n, sizeof(inject) - n, &rec);
        if (send(broker, inject, n, 0) < 0)
                _exit(106);
        send_frame(broker, &(struct frame){.type = FRAME_NOTICE, .id = id, .number = 1, .text = slice_of("forged")});
}

static void test_it_cannot_speak_for_other_hosts(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                say_hello(broker, LINK_ID, 0, "x");
                play_link(broker, LINK_ID);
                play_link(broker, own_id());
                bind_inbox(2);
                say_hello(broker, own_id(), 2, "zoe@b");
                say_hello(broker, own_id(), 2, "member");
                play_link(broker, own_id());
                pause();
        }
        assert_string_equal(client_expect(witness, "*** member is connected\r\n"), "");
        client_expect(victim.client, "*** member is connected\r\n");
        client_send(victim.client, "who?\n"); /* after all that it said */
        assert_string_equal(client_expect(witness, ": who?\r\n"), victim.client->name);
        kill(pid, SIGKILL);
        assert_string_equal(client_expect(witness, "*** member is disconnected\r\n"), "");
        client_expect(victim.client, "*** member is disconnected\r\n");
        assert_unharmed("");
        shell("! test -L /run/chat/members/%016llx", (unsigned long long)LINK_ID);
}

/* The link speaks for other hosts, and is no member here. */
static void test_the_user_of_the_link_is_no_session(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack_as("chat-link", &broker);
        if (pid == 0) {
                say_hello(broker, own_id(), victim.key, "intruder");
                send_frame(broker,
                           &(struct frame){.type = FRAME_LINE, .id = own_id(), .number = 1, .text = slice_of("hi")});
                send_frame(broker,
                           &(struct frame){.type = FRAME_LINE, .id = LINK_ID, .number = 1, .text = slice_of("hi")});
                send_frame(broker, &(struct frame){.type = FRAME_BYE, .id = victim.id, .reason = LEAVE_EXIT});
                send_frame(broker, &(struct frame){.type = FRAME_GONE, .id = victim.id});
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        assert_unharmed("");
}

/* Even if it knew the inbox: the victim's inbox takes datagrams from chatd only. */
static void test_it_cannot_pass_for_chatd(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                struct sockaddr_un address;
                uint8_t batch[FRAME_MAX_BYTES];
                struct record rec = {.kind = RECORD_LINE,
                                     .id = 1,
                                     .number = 1,
                                     .name = slice_of(witness->name),
                                     .text = slice_of("forged")};
                path_inbox(&address, RUN_DIR_DEFAULT, victim.key);
                if (connect(broker, (struct sockaddr *)&address, sizeof(address)) < 0)
                        _exit(104);
                size_t n = frame_encode(batch, sizeof(batch), &(struct frame){.type = FRAME_BATCH, .id = 1});
                n += record_encode(batch + n, sizeof(batch) - n, &rec);
                if (send(broker, batch, n, 0) < 0)
                        _exit(105);
                send_frame(broker, &(struct frame){.type = FRAME_REFUSED, .id = 1, .text = slice_of("go away")});
                send_frame(broker, &(struct frame){.type = FRAME_GOODBYE, .id = 1});
                send_frame(broker, &(struct frame){.type = FRAME_MISSED, .id = 1, .number = 5});
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        assert_unharmed("");
}

/* A private message goes to the inbox of its session: no other process finds the inbox, or puts another in its place. */
static void test_it_cannot_get_at_what_another_session_is_sent(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                char path[128], line[512], key[24];
                if (opendir(RUN_DIR_DEFAULT "/" SESSIONS_DIR_NAME) || errno != EACCES)
                        _exit(1);
                if (opendir(RUN_DIR_DEFAULT "/" MEMBERS_DIR_NAME) || errno != EACCES)
                        _exit(2);
                snprintf(key, sizeof(key), "%016llx", (unsigned long long)victim.key);
                FILE *f = fopen("/proc/net/unix", "r");
                bool seen_any = false;
                while (f && fgets(line, sizeof(line), f)) {
                        seen_any |= strstr(line, "/run/chat/sessions/") != NULL;
                        if (strstr(line, key))
                                _exit(3);
                }
                if (!seen_any)
                        _exit(4); /* then this looked for the wrong thing */
                snprintf(path, sizeof(path), "/proc/%d/fd/3", victim.pid);
                if (open(path, O_RDONLY) >= 0 || (errno != EACCES && errno != EPERM))
                        _exit(5);
                if (ptrace(PTRACE_ATTACH, victim.pid, NULL, NULL) == 0 || errno != EPERM)
                        _exit(6);
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        assert_unharmed("");
}

/* An inbox that is a link would make chatd write to any place that its user may write to. */
static void test_it_cannot_send_chatd_elsewhere(void **state)
{
        (void)state;
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                struct sockaddr_un inbox;
                path_inbox(&inbox, RUN_DIR_DEFAULT, 0xbad);
                if (symlink("/run/systemd/journal/dev-log", inbox.sun_path) < 0)
                        _exit(1);
                say_hello(broker, own_id(), 0xbad, "link");
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        assert_unharmed("");
        shell("rm /run/chat/sessions/0000000000000bad");
}

/* Makes a file of each kind, named like an inbox, like an inbox before its renaming, and otherwise. Listens on the
 * sockets if possible. */
static void litter(int seed)
{
        static const char *const names[] = {"%016x", "%x+%07x", "litter-%x-%x"};
        static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
        for (unsigned i = 0; i < 8 * 3; i++) {
                struct sockaddr_un a = {.sun_family = AF_UNIX};
                char name[64];
                snprintf(name, sizeof(name), names[i / 8], i < 8 ? (unsigned)seed + i : (unsigned)getpid(), i);
                snprintf(a.sun_path, sizeof(a.sun_path), RUN_DIR_DEFAULT "/" SESSIONS_DIR_NAME "/%s", name);
                int r = 0;
                if (i % 8 < 3) {
                        int fd = socket(AF_UNIX, types[i % 8], 0);
                        umask(types[i % 8] == SOCK_DGRAM ? 0777 : SOCKET_UMASK); /* chatd may not send to it */
                        r = bind(fd, (struct sockaddr *)&a, sizeof(a));
                } else if (i % 8 == 3) {
                        r = symlink("/run/systemd/journal/dev-log", a.sun_path);
                } else if (i % 8 == 4) {
                        r = mkfifo(a.sun_path, 0600);
                } else if (i % 8 == 5) {
                        r = mkdir(a.sun_path, 0700);
                } else if (i % 8 == 6) {
                        r = open(a.sun_path, O_WRONLY | O_CREAT | O_EXCL, 0);
                } else {
                        r = symlink("nothing", a.sun_path);
                }
                if (r < 0)
                        _exit(104);
        }
}

/* Files that are not inboxes would use up all inodes of /run. A starting chatd removes them, even while their process
 * runs; inboxes stay. */
static void test_its_files_go(void **state)
{
        (void)state;
        int broker, told[2];
        assert_int_equal(pipe(told), 0);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        assert_unharmed("");
        char *before = strdup(shell("ls /run/chat/sessions")); /* files of other tests are gone */
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                litter(0xbad00);
                if (write(told[1], "x", 1) != 1)
                        _exit(1);
                pause();
        }
        char x;
        assert_int_equal(read(told[0], &x, 1), 1);
        assert_int_equal(atoi(shell("ls /run/chat/sessions | wc -l")), 24 + 2);
        shell("systemctl kill -s KILL --kill-who=main chatd");
        assert_unharmed("");
        assert_string_equal(shell("ls /run/chat/sessions"), before);
        free(before);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(process_wait(pid), 128 + SIGKILL);
        close(told[0]);
        close(told[1]);
}

static void flood(int broker, int64_t until)
{
        static uint8_t junk[100000];
        uint8_t header[FRAME_HEADER_BYTES] = {FRAME_VERSION};
        uint64_t id = own_id();
        int big = 1 << 20;
        for (size_t i = 0; i < sizeof(junk); i++)
                junk[i] = (uint8_t)random();
        setsockopt(broker, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
        for (unsigned i = 0; clock_ms() < until; i++) {
                union {
                        struct cmsghdr any;
                        char room[CMSG_SPACE(sizeof(int))];
                } control = {.any = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
                struct iovec iov = {junk, i % 7 == 0 ? sizeof(junk) : i % 300};
                struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
                if (i % 3 == 0) {
                        memcpy(CMSG_DATA(&control.any), &broker, sizeof(broker));
                        msg.msg_control = &control;
                        msg.msg_controllen = sizeof(control);
                }
                if (i % 2 == 0) { /* its own id, each type, and nothing else */
                        header[1] = (uint8_t)i;
                        memcpy(header + 2, &id, sizeof(id));
                        iov = (struct iovec){header, sizeof(header)};
                }
                sendmsg(broker, &msg, MSG_NOSIGNAL);
        }
}

static void test_it_cannot_stop_the_broker(void **state)
{
        (void)state;
        int broker, chatd = atoi(shell("systemctl show -P MainPID chatd"));
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                if (kill(chatd, SIGKILL) == 0 || errno != EPERM)
                        _exit(1);
                if (unlink(RUN_DIR_DEFAULT "/" BROKER_SOCKET_NAME) == 0 || errno != EACCES)
                        _exit(2);
                if (rename(RUN_DIR_DEFAULT "/" SESSIONS_DIR_NAME, RUN_DIR_DEFAULT "/x") == 0 || errno != EACCES)
                        _exit(3);
                flood(broker, INT64_MAX);
        }
        for (int i = 0; i < 50; i++) { /* lines go through in the middle of it */
                client_send(victim.client, "line %d\n", i);
                assert_string_equal(client_expect(witness, "%s: line %d\r\n", victim.client->name, i), "");
        }
        struct client *newcomer = booted_join();
        client_expect(witness, "*** %s is connected\r\n", newcomer->name);
        client_expect(victim.client, "*** %s is connected\r\n", newcomer->name);
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid), 128 + SIGKILL);
        client_send(newcomer, "exit\n");
        client_expect_end(newcomer);
        client_free(newcomer);
        client_expect(witness, " is disconnected\r\n");
        client_expect(victim.client, " is disconnected\r\n");
        assert_unharmed("");
        assert_int_equal(atoi(shell("systemctl show -P MainPID chatd")), chatd);
        shell("test $(ls /proc/%d/fd | wc -l) -lt 30", chatd); /* no descriptor that came along stays open */
}

/* The administrator can see that a process tried. */
static void test_all_of_it_is_logged(void **state)
{
        (void)state;
        static const char *const what[] = {"with another's id", "without an inbox", "malformed"};
        int broker;
        pid_t pid = hijack(&broker);
        if (pid == 0) {
                send_frame(broker, &(struct frame){.type = FRAME_BYE, .id = 1ULL << 32});
                send(broker, "x", 1, 0);
                struct sockaddr_un inbox;
                path_inbox(&inbox, RUN_DIR_DEFAULT, 0xbad);
                if (symlink("-", inbox.sun_path) < 0)
                        _exit(1);
                say_hello(broker, own_id(), 0xbad, "nobody");
                _exit(0);
        }
        assert_int_equal(process_wait(pid), 0);
        for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
                shell_until("journalctl -q -u chatd CHAT_EVENT=ignored | grep -q \"%s\"", what[i]);
        assert_in_range(atoi(shell("journalctl -q -u chatd -o cat CHAT_EVENT=ignored | wc -l")), 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, join_both, leave_both)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_it_cannot_speak_as_another_session),
                TEST(test_it_cannot_take_the_name_of_another_session),
                TEST(test_it_cannot_speak_for_other_hosts),
                TEST(test_the_user_of_the_link_is_no_session),
                TEST(test_it_cannot_be_many),
                TEST(test_it_cannot_pass_for_chatd),
                TEST(test_it_cannot_get_at_what_another_session_is_sent),
                TEST(test_it_cannot_send_chatd_elsewhere),
                TEST(test_its_files_go),
                TEST(test_it_cannot_stop_the_broker),
                cmocka_unit_test(test_all_of_it_is_logged),
        };
        return RUN_TESTS(tests, booted_install_without_history, NULL);
}
