/* The other ways into the chat under a real systemd: TLS by stunnel, the UNIX socket for local users, ssh. With real
 * servers and clients, set up as doc/administration.md says. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "witness.h"

#define LOCAL_SOCKET "/run/chat-local.sock"
#define SSH "ssh", "-i", "/root/.ssh/chat", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-l"

enum { TLS_PORT = 8889 };

/* ---- prerequisites ---- */

/* Makes ann and bob, who connect by ssh with root's key, and a real sshd. */
static void install_ssh(void)
{
        shell("systemctl start systemd-user-sessions && groupadd chat-ssh");
        shell("mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/chat");
        for (int i = 0; i < 2; i++) {
                const char *user = i == 0 ? "ann" : "bob";
                shell("useradd -m -s /bin/sh -p '*' -G chat-ssh %s && install -d -o %s -m 700 /home/%s/.ssh", user,
                      user, user);
                shell("install -o %s -m 600 /root/.ssh/chat.pub /home/%s/.ssh/authorized_keys", user, user);
        }
        shell("id -u sshd >/dev/null 2>&1 || useradd -r -d /run/sshd -s /usr/sbin/nologin sshd; mkdir -p /run/sshd");
        shell("cd /etc/ssh && cp /usr/share/openssh/sshd_config . && rm -f sshd_config.d/* ssh_host_*");
        shell("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
        shell("sed 's/^/localhost /' /etc/ssh/ssh_host_ed25519_key.pub >/root/.ssh/known_hosts");
        shell("sed -n '/^Match Group chat-ssh/,/^END/{/^END/d;p}' doc/administration.md "
              ">/etc/ssh/sshd_config.d/chat.conf");
        shell("test -s /etc/ssh/sshd_config.d/chat.conf && /usr/sbin/sshd -t 2>&1");
        char *const sshd[] = {"/usr/sbin/sshd", "-D", "-o", "ListenAddress=127.0.0.1", NULL};
        process_start(sshd, -1, -1, -1);
        shell_until("nc -z 127.0.0.1 22");
}

static int install(void **state)
{
        booted_unpack("build/access", (const char *const[]){"/usr/bin/stunnel", "/usr/sbin/sshd", NULL});
        booted_install_naming(state);
        booted_install_certificate();
        shell("systemctl enable --now chat-tls.socket chat-local.socket 2>&1");
        install_ssh();
        return 0;
}

/* ---- clients ---- */

/* Waits for the greeting of a client, whose name is in it, and until the witness is told of the client. */
static struct client *greet_client(struct client *c)
{
        client_expect(c, "*** Welcome, ");
        const char *name = client_expect(c, ". ");
        snprintf(c->name, sizeof(c->name), "%s", name);
        client_expect(c, "exit leaves.\r");
        client_expect(c, "\n"); /* a terminal puts a CR in between */
        if (witness)
                client_expect(witness, "*** %s is connected\r\n", c->name);
        return c;
}

static struct client *start_client(char *const argv[], pid_t *pid)
{
        return greet_client(booted_start_client(argv, pid));
}

static struct client *join_tls(const char *target, pid_t *pid)
{
        return greet_client(booted_start_tls_client(target, pid));
}

static struct client *join_local(const char *user, pid_t *pid)
{
        char *const argv[] = {"runuser", "-u", (char *)user, "--", "nc", "-NU", LOCAL_SOCKET, NULL};
        return start_client(argv, pid);
}

/* Asserts that both get each other's lines. `what` tells this client from others. */
static void assert_chat(struct client *c, const char *what, int n)
{
        char own[64];
        snprintf(own, sizeof(own), "back, %s ", what);
        client_send(c, "%s %d\n", what, n);
        const char *before = client_expect(witness, "%s: %s %d\r\n", c->name, what, n);
        assert_null(strstr(before, c->name)); /* nothing comes twice */
        client_send(witness, "back, %s %d\n", what, n);
        before = client_expect(c, "%s: back, %s %d\r", witness->name, what, n);
        assert_null(strstr(before, own));
}

/* Lets the client leave by "exit", which ends its program, too. */
static void leave(struct client *c, pid_t pid)
{
        client_send(c, "exit\n");
        client_expect_end(c);
        assert_int_equal(process_wait(pid), 0);
        witness_sees_leave(c);
}

/* ---- TLS ---- */

static void test_tls(void **state)
{
        (void)state;
        pid_t pid, pid6;
        struct client *c = join_tls("127.0.0.1:8889", &pid), *six = join_tls("[::1]:8889", &pid6);
        /* each has the name that the kernel knows of its connection */
        shell("ss -tnpH dport = :8889 | grep -F ' %s ' | grep -F ',pid=%d,'", c->name, pid);
        shell("ss -tnpH dport = :8889 | grep -F ' %s ' | grep -F ',pid=%d,'", six->name, pid6);
        assert_chat(c, "over TLS", 4);
        assert_chat(six, "over TLS and IPv6", 6);
        client_expect(c, "%s: over TLS and IPv6 6\r\n", six->name);
        leave(c, pid);
        leave(six, pid6);
        shell_until("! systemctl list-units --plain --no-legend 'chat-tls@*' 'chat-proxied@*' | grep -q .");
}

static void test_tls_versions(void **state)
{
        (void)state;
        shell("echo | openssl s_client -connect 127.0.0.1:8889 -tls1_3 2>&1 | grep -q 'Cipher is TLS_'");
        shell("echo | openssl s_client -connect 127.0.0.1:8889 -tls1_2 2>&1 | grep -q 'Cipher is ECDHE-'");
        shell("! openssl s_client -connect 127.0.0.1:8889 -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null 2>&1");
        shell("! openssl s_client -connect 127.0.0.1:8889 -tls1_2 -cipher AES128-SHA </dev/null 2>&1");
}

static void test_tls_that_ends(void **state)
{
        (void)state;
        pid_t pid;
        /* the client's input ends: TLS says so, and what came before it arrives */
        shell("echo backup done | openssl s_client -quiet -no_ign_eof -connect localhost:8889 2>/dev/null");
        const char *before = client_expect(witness, ": backup done\r\n");
        assert_non_null(strstr(before, " is connected\r\n"));
        client_expect(witness, " is disconnected\r\n");
        /* the client is killed */
        struct client *c = join_tls("localhost:8889", &pid);
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid), 128 + SIGKILL);
        witness_sees_leave(c);
        /* the client's session is stopped */
        c = join_tls("127.0.0.1:8889", &pid);
        shell("systemctl stop 'chat-tls@*-%s.service'", c->name);
        client_expect_end(c);
        process_wait(pid);
        witness_sees_leave(c);
}

/* A client that does not answer the end does not keep its stunnel. A client that ends gets its waiting lines relayed,
 * at its pace. */
static void test_tls_when_one_side_ends(void **state)
{
        enum {
                LINES = 100, /* ten a second after the first twenty */
                /* at once, unless the machine is busy; stunnel's TIMEOUTclose= is a minute */
                STUNNEL_END_MAX_MS = 30000,
        };
        (void)state;
        pid_t pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid);
        kill(pid, SIGSTOP);
        int64_t began = clock_ms();
        /* the session's instance has the pid of stunnel in its name */
        shell("systemctl stop \"chat-proxied@*-$(systemctl show -P MainPID 'chat-tls@*-%s.service')-*.service\"",
              c->name);
        client_expect(witness, "*** %s is disconnected\r\n", c->name);
        shell_until("! systemctl list-units --plain --no-legend 'chat-tls@*' | grep -q .");
        assert_in_range(clock_ms() - began, 0, STUNNEL_END_MAX_MS);
        kill(pid, SIGCONT);
        client_expect(c, "*** The chat was shut down\r\n");
        client_expect_end(c);
        process_wait(pid);
        client_free(c);

        c = join_tls("127.0.0.1:8889", &pid);
        for (int i = 0; i < LINES; i++)
                client_send(c, "%d of many\n", i);
        shutdown(c->fd, SHUT_WR);
        client_expect_end(c);
        process_wait(pid);
        for (int i = 0; i < LINES; i++)
                assert_string_equal(client_expect(witness, "%s: %d of many\r\n", c->name, i), "");
        witness_sees_leave(c);
}

/* Pastes more at once than fits on the way. */
static void assert_paste(struct client *c, size_t size)
{
        enum { LINES = 30, LINE_MAX_BYTES = 4000 };
        char line[LINE_MAX_BYTES + 1];
        memset(line, 'x', size);
        line[size] = '\0';
        for (int i = 0; i < LINES; i++)
                client_send(c, "%d %s\n", i, line);
        for (int i = 0; i < LINES; i++)
                assert_string_equal(client_expect(witness, "%s: %d %s\r\n", c->name, i, line), "");
}

static void test_tls_paste(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid);
        assert_paste(c, 4000);
        leave(c, pid);
}

/* Clients that do not speak TLS, or send nothing at all, cost nobody anything, and are no members. */
static void test_what_is_no_tls(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid);
        shell("sed -i.orig 's/^TIMEOUTbusy.*/TIMEOUTbusy = 1/' /etc/chat/tls.conf");
        struct client *silent = client_connect("127.0.0.1", TLS_PORT), *plain = client_connect("::1", TLS_PORT);
        client_send(plain, "hello\n");
        assert_null(strstr(client_expect_end(plain), "Welcome"));
        assert_chat(c, "beside them", 0);
        assert_string_equal(client_expect_end(silent), "");
        shell("mv /etc/chat/tls.conf.orig /etc/chat/tls.conf");
        for (int i = 0; i < 20; i++)
                client_reset(client_connect("127.0.0.1", TLS_PORT));
        client_send(c, "after them\n");
        assert_string_equal(client_expect(witness, "%s: after them\r\n", c->name), "");
        shell("systemctl is-active chat-tls.socket chat-proxied.socket");
        leave(c, pid);
        client_free(silent);
        client_free(plain);
}

static void test_tls_while_chatd_is_killed(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid);
        for (int i = 0; i < 10; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                assert_chat(c, "after a kill", i);
        }
        leave(c, pid);
}

static void test_stopping_the_listeners_disconnects_nobody(void **state)
{
        (void)state;
        pid_t pid, local_pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid), *local = join_local("ann", &local_pid);
        shell("systemctl stop chat-tls.socket chat-local.socket");
        shell_until("! systemctl is-active chat-proxied.socket");
        shell("! test -e /run/chat-proxied.sock && ! test -e " LOCAL_SOCKET);
        assert_chat(c, "no listener", 0);
        assert_chat(local, "no listener here", 1);
        shell("systemctl start chat-tls.socket chat-local.socket");
        leave(c, pid);
        leave(local, local_pid);
        c = join_tls("127.0.0.1:8889", &pid);
        leave(c, pid);
}

/* The process that speaks TLS with strangers is no session, and no other process can state a client's address. */
static void test_who_may_what(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join_tls("127.0.0.1:8889", &pid);
        assert_string_equal(
                shell("stat -c '%%U %%G' /proc/$(systemctl show -P MainPID 'chat-tls@*-%s.service')", c->name),
                "chat-tls chat-tls");
        assert_string_equal(shell("stat -c '%%U %%G' /proc/%d", booted_session(c)), "chat-session chat");
        leave(c, pid);
        assert_string_equal(shell("stat -c '%%A %%U' /run/chat-proxied.sock " LOCAL_SOCKET),
                            "srw------- chat-tls\nsrw-rw-rw- root");
        shell("! runuser -u nobody -- nc -U /run/chat-proxied.sock </dev/null 2>&1");
        shell("! runuser -u ann -- nc -U /run/chat/chatd.sock </dev/null 2>&1");
        shell("! runuser -u chat-tls -- ls /run/chat 2>&1");
        shell("! runuser -u chat-session -- cat /etc/chat/tls-key.pem 2>&1");
        assert_string_equal(
                shell("echo PROXY TCP4 me | runuser -u chat-tls -- nc -U /run/chat-proxied.sock | tr -d '\\r'"),
                "*** You cannot join: the proxy did not say where you come from");
        /* a proxy that sends nothing is not awaited for ever */
        struct client *silent = client_connect_unix("/run/chat-proxied.sock");
        client_expect(silent, "*** You cannot join: the proxy did not say where you come from\r\n");
        client_expect_end(silent);
        client_free(silent);
}

static void test_a_wrong_key_is_in_the_journal(void **state)
{
        (void)state;
        shell("chmod 600 /etc/chat/tls-key.pem");
        struct client *c = client_connect("127.0.0.1", TLS_PORT);
        client_expect_end(c);
        shell_until("journalctl -q -u 'chat-tls@*' -o cat | grep -q 'PrivateKey_file: .*Permission denied'");
        shell("chmod 640 /etc/chat/tls-key.pem");
        client_free(c);
}

/* ---- the UNIX socket ---- */

static void test_local_users(void **state)
{
        (void)state;
        pid_t pids[3];
        struct client *ann = join_local("ann", &pids[0]), *bob = join_local("bob", &pids[1]);
        assert_string_equal(ann->name, "ann");
        assert_string_equal(bob->name, "bob");
        assert_chat(ann, "by a UNIX socket", 0);
        assert_chat(bob, "by the same", 1);
        client_expect(ann, "bob: by the same 1\r\n");
        /* the same user again; the witness sees the name that it gets */
        char *const argv[] = {"runuser", "-u", "ann", "--", "nc", "-NU", LOCAL_SOCKET, NULL};
        struct client *w = witness;
        witness = NULL;
        struct client *again = start_client(argv, &pids[2]);
        witness = w;
        client_expect(again, "*** The name ann is taken. Others see you as ann~2\r\n");
        client_expect(witness, "*** ann~2 is connected\r\n");
        snprintf(again->name, sizeof(again->name), "ann~2");
        assert_chat(again, "twice", 0);
        leave(again, pids[2]);
        leave(ann, pids[0]);
        shell("systemctl stop \"chat-local@*-$(id -u bob).service\"");
        client_expect(bob, "*** The chat was shut down\r\n");
        client_expect_end(bob);
        process_wait(pids[1]);
        witness_sees_leave(bob);
        /* no user can pretend to be another one */
        shell("echo forged | runuser -u bob -- env REMOTE_ADDR=1.2.3.4 REMOTE_PORT=1 USER=ann nc -NU " LOCAL_SOCKET);
        client_expect(witness, "bob: forged\r\n");
}

/* One user cannot take all the places: connections beyond MembersPerUser= are refused with a reason, and other users
 * get in. */
static void test_a_user_who_connects_too_often(void **state)
{
        enum { PLACES = 3, CONNECTIONS = 300 }; /* more than chat-local.socket takes */
        (void)state;
        pid_t pids[PLACES], pid;
        struct client *taken[PLACES];
        shell("echo MembersPerUser=%d >>/etc/chat/chat.conf && systemctl reload chatd", PLACES);
        for (int i = 0; i < PLACES; i++) {
                char *const argv[] = {"runuser", "-u", "ann", "--", "nc", "-NU", LOCAL_SOCKET, NULL};
                int fds[2];
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
                pids[i] = process_start(argv, fds[1], fds[1], -1);
                close(fds[1]);
                taken[i] = client_of(fds[0], "ann");
                client_expect(taken[i], "*** Welcome, ann");
                client_expect(witness, " is connected\r\n");
        }
        assert_non_null(strstr(shell("runuser -u ann -- nc -dU " LOCAL_SOCKET),
                               "*** You cannot join: 3 connections from your account are here already\r"));
        shell("for i in $(seq %d); do runuser -u ann -- nc -dU " LOCAL_SOCKET " >/dev/null & done; wait", CONNECTIONS);
        struct client *bob = join_local("bob", &pid);
        assert_chat(bob, "beside them", 0);
        leave(bob, pid);
        shell("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=crowded | "
              "grep -q '^ann (pid=[0-9]*,uid=[0-9]*) may not join: 3 connections from user'");
        for (int i = 0; i < PLACES; i++) {
                kill(pids[i], SIGTERM);
                process_wait(pids[i]);
                client_free(taken[i]);
        }
        shell("sed -i /^MembersPerUser=/d /etc/chat/chat.conf && systemctl reload chatd");
        shell_until("chatctl who --json | grep -c '\"name\"' | grep -qx 1");
}

/* ---- ssh ---- */

static void test_ssh(void **state)
{
        (void)state;
        pid_t pid, pid_tty;
        char *const plain[] = {SSH, "ann", "localhost", NULL}, *const tty[] = {SSH, "bob", "-tt", "localhost", NULL};
        struct client *ann = start_client(plain, &pid), *bob = start_client(tty, &pid_tty);
        assert_string_equal(ann->name, "ann");
        assert_string_equal(bob->name, "bob");
        assert_chat(ann, "by ssh", 0);
        assert_chat(bob, "with a terminal", 0);
        client_expect(ann, "bob: with a terminal 0\r\n");
        for (int i = 0; i < 5; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                assert_chat(ann, "kill, by ssh", i);
                assert_chat(bob, "kill, with a terminal", i);
        }
        assert_paste(ann, 4000);
        assert_paste(bob, 1000);
        leave(ann, pid);
        client_send(bob, "\004"); /* ^D, which the terminal takes */
        client_expect_end(bob);
        assert_int_equal(process_wait(pid_tty), 0);
        witness_sees_leave(bob);
        /* the client is killed */
        ann = start_client(tty, &pid);
        kill(pid, SIGKILL);
        process_wait(pid);
        witness_sees_leave(ann);
}

static void test_ssh_is_for_nothing_else(void **state)
{
        (void)state;
        const char *ssh = "ssh -i /root/.ssh/chat -o BatchMode=yes -o LogLevel=ERROR -l ann";
        shell("! %s -W 127.0.0.1:%d localhost </dev/null 2>&1", ssh, CHAT_PORT);
        /* ssh does not run a file of the user first either */
        shell("printf 'touch /home/ann/file\\n' >/home/ann/.ssh/rc");
        shell("echo another | %s localhost", ssh);
        client_expect(witness, "ann: another\r\n");
        shell("! test -e /home/ann/file");
}

/* A client that asks for a command or a subsystem is refused in one line, and nothing of its protocol is said. */
static void test_ssh_refuses_commands(void **state)
{
        static const char *const commands[] = {
                "ssh %s ann@localhost touch /home/ann/file",
                "ssh %s -tt ann@localhost bash",
                "ssh %s ann@localhost 'exec sh -c true'",
                "scp -q -O %s /etc/hostname ann@localhost:file",
                "scp -q -O %s ann@localhost:/etc/hostname /run/file",
                "echo true | ssh %s ann@localhost sh",
                "ssh %s ann@localhost rsync --server .",
                "ssh %s ann@localhost git-upload-pack x",
                NULL,
                "scp -q %s /etc/hostname ann@localhost:file",
                "sftp -q %s ann@localhost",
                "ssh %s ann@localhost -s sftp",
                "ssh %s ann@localhost -s nothing-known",
        };
        (void)state;
        char command[256];
        bool sees = true; /* sshd drops the line for a subsystem */
        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
                if (!commands[i]) {
                        sees = false;
                        continue;
                }
                snprintf(command, sizeof(command), commands[i],
                         "-i /root/.ssh/chat -o BatchMode=yes -o LogLevel=ERROR");
                const char *told = shell("(echo put /etc/hostname; echo exit) | %s 2>&1; echo status $?", command);
                if (sees && !strstr(told, "This account is for the chat alone: no commands, no files. "))
                        fail_msg("%s was not refused in so many words: %s", command, told);
                assert_null(strstr(told, "Welcome"));
                assert_null(strstr(told, "status 0"));
        }
        shell("! test -e /home/ann/file && ! test -e /run/file");
        client_send(witness, "/who\n");
        assert_string_equal(client_expect(witness, "*** You are alone here"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, witness_join, witness_leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_tls),
                TEST(test_tls_versions),
                TEST(test_tls_that_ends),
                TEST(test_tls_when_one_side_ends),
                TEST(test_tls_paste),
                TEST(test_what_is_no_tls),
                TEST(test_tls_while_chatd_is_killed),
                TEST(test_stopping_the_listeners_disconnects_nobody),
                TEST(test_who_may_what),
                TEST(test_a_wrong_key_is_in_the_journal),
                TEST(test_local_users),
                TEST(test_a_user_who_connects_too_often),
                TEST(test_ssh),
                TEST(test_ssh_is_for_nothing_else),
                TEST(test_ssh_refuses_commands),
        };
        return RUN_TESTS(tests, install, NULL);
}
