/* IRC over TLS under a real systemd, by a real stunnel, set up as doc/administration.md says. The clients are openssl's
 * s_client and irssi. test-access.c has what stunnel does for every kind of client. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "witness.h"

#define TARGET "localhost:6697"
#define PROXIED_SOCKET "/run/chat-irc-proxied.sock"
#define TMUX "tmux -S /run/irssi-tmux "

enum { IRCS_PORT = 6697 };

static int install(void **state)
{
        booted_unpack("build/access", (const char *const[]){"/usr/bin/stunnel", NULL});
        booted_install_naming(state);
        booted_install_certificate();
        shell("systemctl enable --now chat-ircs.socket 2>&1");
        return 0;
}

/* ---- clients ---- */

/* Registers under this nick, and joins the lobby, where the witness is. */
static struct client *join(const char *target, const char *nick, pid_t *pid)
{
        struct client *c = booted_start_tls_client(target, pid);
        snprintf(c->name, sizeof(c->name), "%s", nick);
        client_send(c, "NICK %s\r\nUSER %s 0 * :%s\r\n", nick, nick, nick);
        client_expect(c, " 001 %s :Welcome to the chat", nick);
        client_send(c, "JOIN #lobby\r\n");
        client_expect(c, " 366 %s #lobby ", nick);
        client_expect(witness, "*** %s is connected\r\n", nick);
        return c;
}

/* s_client takes lines that begin with Q for itself. */
static void leave(struct client *c, pid_t pid)
{
        client_send(c, "quit\r\n");
        client_expect_end(c);
        assert_int_equal(process_wait(pid), 0);
        witness_sees_leave(c);
}

/* Asserts that both get each other's lines, each once. `what` tells this client from others. */
static void assert_chat(struct client *c, const char *what, int n)
{
        client_send(c, "PRIVMSG #lobby :%s %d\r\n", what, n);
        assert_null(strstr(client_expect(witness, "%s: %s %d\r\n", c->name, what, n), c->name));
        client_send(witness, "back, %s %d\n", what, n);
        assert_null(strstr(client_expect(c, " PRIVMSG #lobby :back, %s %d\r\n", what, n), what));
}

/* Asserts that chatd knows the client by the address that the kernel has for its connection. */
static void assert_address(const struct client *c, pid_t pid)
{
        char address[80];
        snprintf(address, sizeof(address), "%s",
                 shell("ss -tnpH dport = :6697 | grep -F ',pid=%d,' | awk '{print $4}'", pid));
        assert_string_not_equal(address, "");
        shell("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=join CHAT_ADDR='%s' | grep -q .", address);
        shell("chatctl who | grep -w '^%s' | grep -qF ' %s '", c->name, address);
}

/* ---- tests ---- */

static void test_a_conversation(void **state)
{
        (void)state;
        pid_t pid, pid6;
        struct client *c = join("127.0.0.1:6697", "zoe", &pid), *six = join("[::1]:6697", "six", &pid6);
        assert_address(c, pid);
        assert_address(six, pid6);
        assert_chat(c, "over TLS", 4);
        assert_chat(six, "over TLS and IPv6", 6);
        client_expect(c, ":six!");
        client_expect(c, " PRIVMSG #lobby :over TLS and IPv6 6\r\n");
        leave(c, pid);
        leave(six, pid6);
        shell_until("! systemctl list-units --plain --no-legend 'chat-ircs@*' 'chat-irc-proxied@*' | grep -q .");
        assert_string_equal(shell("chatctl metrics | grep '^chat_socket_listening{socket=\"chat-irc.*} 1$'"),
                            "chat_socket_listening{socket=\"chat-ircs.socket\"} 1\n"
                            "chat_socket_listening{socket=\"chat-irc-proxied.socket\"} 1");
}

static void test_irssi(void **state)
{
        (void)state;
        shell(TMUX "-f /dev/null new-session -d -x 100 -y 30 'exec env TERM=screen LC_ALL=C.UTF-8 irssi "
                   "--home=/run/irssi -! -n ann'");
        shell(TMUX "send-keys -l '/connect -tls_verify -tls_cafile /etc/chat/tls-cert.pem localhost 6697' && " TMUX
                   "send-keys Enter");
        shell_until(TMUX "capture-pane -p | grep -q 'Welcome to the chat'");
        shell(TMUX "send-keys -l '/join #lobby' && " TMUX "send-keys Enter");
        client_expect(witness, "*** ann is connected\r\n");
        shell_until(TMUX "capture-pane -p | grep -q 'has joined #lobby'");
        shell(TMUX "send-keys -l 'hello from irssi' && " TMUX "send-keys Enter");
        client_expect(witness, "ann: hello from irssi\r\n");
        client_send(witness, "hello to irssi\n");
        shell_until(TMUX "capture-pane -p | grep -q '> hello to irssi'");
        shell(TMUX "kill-server");
        client_expect(witness, "*** ann is disconnected\r\n");
}

static void test_chatd_is_killed(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join(TARGET, "zoe", &pid);
        for (int i = 0; i < 10; i++) {
                shell("systemctl kill -s KILL --kill-who=main chatd || true");
                assert_chat(c, "after a kill", i);
        }
        leave(c, pid);
}

/* The client, its stunnel and its session are ended in turn. */
static void test_one_side_ends(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join(TARGET, "zoe", &pid);
        kill(pid, SIGKILL);
        assert_int_equal(process_wait(pid), 128 + SIGKILL);
        witness_sees_leave(c);
        c = join(TARGET, "zoe", &pid);
        shell("systemctl stop 'chat-ircs@*.service'");
        client_expect_end(c);
        process_wait(pid);
        witness_sees_leave(c);
        c = join(TARGET, "zoe", &pid);
        shell("systemctl stop 'chat-irc-proxied@*.service'");
        client_expect(c, "ERROR :");
        client_expect_end(c);
        process_wait(pid);
        witness_sees_leave(c);
}

static void test_a_ban_is_of_the_clients_address(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join("[::1]:6697", "zoe", &pid);
        shell("chatctl ban ::1 rude words");
        client_expect(c, "ERROR :");
        client_expect_end(c);
        process_wait(pid);
        client_expect(witness, "*** zoe was removed\r\n");
        client_free(c);
        c = booted_start_tls_client("[::1]:6697", &pid);
        client_send(c, "NICK zoe\r\nUSER zoe 0 * :zoe\r\n");
        client_expect(c, " 465 ");
        client_expect_end(c);
        process_wait(pid);
        client_free(c);
        c = join("127.0.0.1:6697", "zoe", &pid);
        leave(c, pid);
        shell("chatctl unban ::1");
}

/* Also clients that send nothing for TIMEOUTbusy= seconds. None of them is a member, or costs anybody anything. */
static void test_what_is_no_tls(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join(TARGET, "zoe", &pid);
        shell("sed -i.orig 's/^TIMEOUTbusy.*/TIMEOUTbusy = 1/' /etc/chat/ircs.conf");
        struct client *silent = client_connect("127.0.0.1", IRCS_PORT), *plain = client_connect("::1", IRCS_PORT);
        client_send(plain, "NICK plain\r\nUSER plain 0 * :plain\r\n");
        assert_null(strstr(client_expect_end(plain), "Welcome"));
        assert_string_equal(client_expect_end(silent), "");
        shell("mv /etc/chat/ircs.conf.orig /etc/chat/ircs.conf");
        shell("! openssl s_client -connect " TARGET " -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null 2>&1");
        shell("! openssl s_client -connect " TARGET " -tls1_2 -cipher AES128-SHA </dev/null 2>&1");
        client_send(c, "PRIVMSG #lobby :after them\r\n");
        assert_string_equal(client_expect(witness, "zoe: after them\r\n"), "");
        leave(c, pid);
        client_free(silent);
        client_free(plain);
}

static void test_stopping_the_listeners_disconnects_nobody(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join(TARGET, "zoe", &pid);
        shell("systemctl stop chat-ircs.socket");
        shell_until("! systemctl is-active chat-irc-proxied.socket");
        shell("! test -e " PROXIED_SOCKET);
        assert_chat(c, "no listener", 0);
        shell("systemctl start chat-ircs.socket");
        assert_chat(c, "again", 0);
        leave(c, pid);
        c = join(TARGET, "zoe", &pid);
        leave(c, pid);
}

/* The process that speaks TLS with strangers is no session, and no other process can state a client's address. */
static void test_who_may_what(void **state)
{
        (void)state;
        pid_t pid;
        struct client *c = join(TARGET, "zoe", &pid);
        assert_string_equal(
                shell("for u in 'chat-ircs@*' 'chat-irc-proxied@*'; do stat -c '%%U %%G' /proc/$(systemctl show -P "
                      "MainPID \"$u.service\"); done"),
                "chat-tls chat-tls\nchat-session chat");
        leave(c, pid);
        assert_string_equal(shell("stat -c '%%A %%U' " PROXIED_SOCKET), "srw------- chat-tls");
        shell("! runuser -u nobody -- nc -U " PROXIED_SOCKET " </dev/null 2>&1");
        shell("echo PROXY TCP4 me | runuser -u chat-tls -- nc -U " PROXIED_SOCKET
              " | grep -q '^ERROR :.*the proxy did not say where you come from'");
}

static void test_a_wrong_key_is_in_the_journal(void **state)
{
        (void)state;
        shell("chmod 600 /etc/chat/tls-key.pem");
        struct client *c = client_connect("127.0.0.1", IRCS_PORT);
        client_expect_end(c);
        shell_until("journalctl -q -u 'chat-ircs@*' -o cat | grep -q 'PrivateKey_file: .*Permission denied'");
        shell("chmod 640 /etc/chat/tls-key.pem");
        client_free(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, witness_join, witness_leave)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_conversation),
                TEST(test_irssi),
                TEST(test_chatd_is_killed),
                TEST(test_one_side_ends),
                TEST(test_a_ban_is_of_the_clients_address),
                TEST(test_what_is_no_tls),
                TEST(test_stopping_the_listeners_disconnects_nobody),
                TEST(test_who_may_what),
                TEST(test_a_wrong_key_is_in_the_journal),
        };
        return RUN_TESTS(tests, install, NULL);
}
