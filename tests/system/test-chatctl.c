/* chatctl under a real systemd, with a real journal: what each command does in the chat and prints, who may use it,
 * what survives chatd, and the shells' completion. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "booted.h"

/* Reads JSON as another program does. Fails if it is malformed, or if `condition` (Python, of the value j) is false. */
#define JSON_IS(condition) " | python3 -c 'import json, sys; j = json.load(sys.stdin); assert " condition ", j'"
#define JSON_LINES_ARE(condition)                                                                                      \
        " | python3 -c 'import json, sys; j = [json.loads(line) for line in sys.stdin]; assert " condition ", j'"

#define STATUS "; echo \"status $?\""
#define BANS "/var/lib/chat/bans"
#define TOKENS "/var/lib/chat/tokens"
#define AS_MEMBER "setpriv --reuid=nobody --regid=nogroup --groups=chat-admin "
#define AS_NOBODY "setpriv --reuid=nobody --regid=nogroup --clear-groups "

static struct client *ann, *bob;

static int install(void **state)
{
        int r = booted_install_naming(state);
        shell("ln -sf /usr/local/bin/chatctl /usr/bin/chatctl");
        return r;
}

static void take_name(struct client *c, const char *name)
{
        client_send(c, "/nick %s\n", name);
        client_expect(c, "*** You are now called %s\r\n", name);
        snprintf(c->name, sizeof(c->name), "%s", name);
}

/* Lets ann and bob join. */
static int come(void **state)
{
        (void)state;
        ann = booted_join();
        take_name(ann, "ann");
        bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);
        take_name(bob, "bob");
        client_expect(ann, " is now called bob\r\n");
        return 0;
}

static int go(void **state)
{
        (void)state;
        client_free(ann);
        client_free(bob);
        shell_until("test -z \"$(chatctl who --no-legend)\"");
        return 0;
}

/* Lets ann say the text. Bob gets it next. */
static void assert_said(const char *text)
{
        client_send(ann, "%s\n", text);
        assert_string_equal(client_expect(bob, "ann: %s\r\n", text), "");
}

static void kill_chatd(void)
{
        shell("systemctl kill -s KILL --kill-who=main chatd");
}

static void test_status(void **state)
{
        (void)state;
        assert_said("one line");
        shell("chatctl status | grep -Eqx ' *Members: 2'");
        shell("chatctl status | grep -Eqx ' *Link to other hosts: none'");
        shell("chatctl status --json" JSON_IS("j[\"members\"] == 2 and j[\"lines\"] >= 1 and j[\"queue\"] == 0"));
        shell("chatctl --json status" JSON_IS("j[\"pid\"] == '$(systemctl show -P MainPID chatd)'"));
        assert_string_equal(shell("chatctl --version"),
                            shell("/usr/local/sbin/chatd --version | sed s/chatd/chatctl/"));
        shell("chatctl --help | grep -q '^Exit status: 0 done'");
        assert_string_equal(shell("chatctl help"), shell("chatctl --help"));
        assert_string_equal(shell("chatctl help mute"),
                            "chatctl mute NAME: hides what a person says, until that person leaves");
        assert_string_equal(shell("chatctl help nothing 2>&1" STATUS),
                            "chatctl: there is no command nothing; see --help\nstatus 2");
        shell("systemctl stop chatd.service 2>&1"); /* a request starts it */
        shell("chatctl status >/dev/null && systemctl is-active chatd.service");
}

static void test_who(void **state)
{
        (void)state;
        assert_said("one line");
        assert_string_equal(shell("chatctl who | awk '{ print $1 }'"), "NAME\nann\nbob");
        assert_string_equal(shell("chatctl who --no-legend | awk '$1 == \"ann\" { print $7 }'"),
                            shell("printf %%d %d", booted_session(ann)));
        shell("chatctl who --json" JSON_IS(
                "[m[\"name\"] for m in j] == [\"ann\", \"bob\"] and j[0][\"said\"] == 2 and not j[0][\"muted\"]"));
        /* times are shown in the user's zone, with its name */
        shell("TZ=XYZ-5 chatctl who | grep -q '^ann .* [0-9:]* XYZ '");
        shell("TZ=XYZ-5 chatctl log -n 1 | grep -q '^[0-9-]* [0-9:]* XYZ '");
        shell("chatctl who --json" JSON_IS("j[0][\"address\"].startswith(\"127.0.0.1:\") and j[0][\"alive\"]"));
}

static void test_rooms(void **state)
{
        (void)state;
        client_send(ann, "/join kitchen\n");
        client_expect(ann, "*** You are now in kitchen, alone\r\n");
        client_expect(bob, "*** ann went to kitchen\r\n");
        assert_string_equal(shell("chatctl who --no-legend | awk '{ print $1, $2 }'"), "ann kitchen\nbob lobby");
        shell("chatctl who --json" JSON_IS("[m[\"room\"] for m in j] == [\"kitchen\", \"lobby\"]"));
        shell("echo LogLines=yes >>/etc/chat/chat.conf && systemctl reload chatd");
        client_send(ann, "hello, kitchen\n");
        client_send(bob, "hello, lobby\n");
        shell_until("journalctl --sync; chatctl log --room=kitchen | grep -q 'ann: hello, kitchen$'");
        shell_until("journalctl --sync; chatctl log --room=lobby | grep -q 'bob: hello, lobby$'");
        shell("! chatctl log --room=kitchen | grep -q lobby");
        assert_string_equal(shell("chatctl log --room=kitchen --name=bob"), "");
        shell("chatctl log --room=kitchen --json | grep -q '\"room\":\"kitchen\"'");
        shell("sed -i /^LogLines=yes/d /etc/chat/chat.conf && systemctl reload chatd");
        client_send(ann, "/leave\n");
        client_expect(bob, "*** ann came from kitchen\r\n");
}

static void test_say(void **state)
{
        (void)state;
        shell("chatctl say 'the host goes down' at 'noon \"sharp\"'");
        client_expect(ann, "*** Administrator: the host goes down at noon \"sharp\"\r\n");
        client_expect(bob, "*** Administrator: the host goes down at noon \"sharp\"\r\n");
        shell("chatctl --json say \"$(printf 'red \\033[31m')\"" JSON_IS(
                "j[\"ok\"] and j[\"text\"] == \"red ^[[31m\""));
        client_expect(bob, "*** Administrator: red ^[[31m\r\n");
        shell("chatctl say \"$(printf 'so\\302\\255on          .')\"");
        client_expect(bob, "*** Administrator: so<U+00AD>on        .\r\n");
        shell("journalctl --sync; journalctl -u chatd CHAT_EVENT=say CHAT_BY=0 -o cat | grep -q 'the host goes down'");
        shell("journalctl -u chatd -x CHAT_EVENT=say | grep -q 'chatctl say'"); /* the catalog */
        assert_string_equal(shell("chatctl say 2>/dev/null" STATUS), "status 2");
        assert_string_equal(shell("chatctl say '  ' 2>/dev/null" STATUS), "status 2");
}

/* Every error is reported, also as JSON. */
static void test_wrong_usage(void **state)
{
        (void)state;
        assert_string_equal(shell("chatctl top -f 2>&1" STATUS),
                            "chatctl: top takes no --follow; see --help\nstatus 2");
        assert_string_equal(shell("chatctl log --run-dir=/run/chat --json 2>/dev/null" STATUS),
                            "{\"ok\":false,\"error\":\"log takes no --run-dir; see --help\"}\nstatus 2");
        assert_string_equal(shell("chatctl token add 2>&1" STATUS),
                            "chatctl: token add takes NAME; see --help\nstatus 2");
        assert_string_equal(shell("chatctl token list ops 2>&1" STATUS),
                            "chatctl: token list takes no arguments; see --help\nstatus 2");
        assert_string_equal(shell("chatctl token list --room=ops 2>&1" STATUS),
                            "chatctl: token list takes no --room; see --help\nstatus 2");
        for (int i = 0; i < 2; i++)
                assert_string_equal(shell("chatctl token add ops --room='%s' 2>&1" STATUS, i == 0 ? "" : "#"),
                                    "chatctl: --room takes the name of a room; see --help\nstatus 2");
        assert_string_equal(shell("chatctl token make ops 2>&1" STATUS),
                            "chatctl: token takes add NAME, list or remove NAME; see --help\nstatus 2");
        assert_string_equal(shell("chatctl token 2>&1" STATUS),
                            "chatctl: token takes ACTION [NAME]; see --help\nstatus 2");
        assert_string_equal(shell("chatctl who --room=ops 2>&1" STATUS),
                            "chatctl: who takes no --room; see --help\nstatus 2");
        assert_string_equal(shell("chatctl --json whoo 2>/dev/null" STATUS),
                            "{\"ok\":false,\"error\":\"there is no command whoo; see --help\"}\nstatus 2");
        assert_string_equal(shell("chatctl --json mute ann please 2>/dev/null" STATUS),
                            "{\"ok\":false,\"error\":\"mute takes NAME; see --help\"}\nstatus 2");
        assert_string_equal(shell("chatctl --json -n 2>/dev/null" STATUS),
                            "{\"ok\":false,\"error\":\"there is no such option, or it takes another argument; "
                            "see --help\"}\nstatus 2");
        assert_string_equal(shell("chatctl log -n 0 --json 2>/dev/null" STATUS),
                            "{\"ok\":false,\"error\":\"--lines takes a number, 1 at least, or all\"}\nstatus 2");
        assert_string_equal(shell("chatctl kick $(printf %%09000d 1) 2>&1" STATUS),
                            "chatctl: the request is too long\nstatus 2");
        assert_string_equal(shell("chatctl who >/dev/full 2>/run/said; echo $?; cat /run/said"),
                            "1\nchatctl: cannot write: No space left on device");
}

/* Each notice comes once, in order, even while chatd is killed again and again. */
static void test_say_while_chatd_is_killed(void **state)
{
        (void)state;
        char *const killer[] = {"sh", "-c",
                                "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do systemctl kill -s KILL "
                                "--kill-who=main chatd; sleep 0.3; done",
                                NULL};
        pid_t pid = process_start(killer, -1, -1, -1);
        for (int i = 0; i < 100; i++)
                shell("chatctl say notice %d-%d", i, i);
        while (!process_has_ended(pid))
                usleep(10000);
        for (int i = 0; i < 100; i++) {
                assert_string_equal(client_expect(ann, "*** Administrator: notice %d-%d\r\n", i, i), "");
                assert_string_equal(client_expect(bob, "*** Administrator: notice %d-%d\r\n", i, i), "");
        }
        assert_said("and nothing behind them");
}

static void test_mute(void **state)
{
        (void)state;
        shell("chatctl mute ANN");
        client_expect(ann, "*** An administrator muted you: nobody sees what you say\r\n");
        client_send(ann, "unheard\n/me is unheard\n/msg bob unheard\n");
        client_expect(ann, "*** You are muted: nobody sees what you say\r\n");
        shell("chatctl who --json" JSON_IS("[m[\"muted\"] for m in j] == [True, False]"));
        kill_chatd();
        client_send(ann, "unheard\n");
        client_expect(ann, "*** You are muted: nobody sees what you say\r\n");
        shell("chatctl unmute ann");
        client_expect(ann, "*** You are no longer muted\r\n");
        assert_said("heard");
        shell("journalctl --sync; chatctl log --json --name=ann | grep '\"event\":\"unmute\"'" JSON_LINES_ARE(
                "j[-1][\"by\"] == 0 and j[-1][\"message\"] == \"root unmuted ann\""));
        assert_string_equal(shell("chatctl mute nobody 2>&1" STATUS),
                            "chatctl: there is nobody called nobody here\nstatus 5");
}

static void test_kick(void **state)
{
        (void)state;
        shell("chatctl kick bob 'too' loud");
        client_expect(bob, "*** You were removed: too loud\r\n");
        assert_string_equal(client_expect_end(bob), "");
        client_expect(ann, "*** bob was removed\r\n");
        shell("journalctl --sync; journalctl -u chatd -o json CHAT_EVENT=kick CHAT_NAME=bob | grep -q "
              "'\"CHAT_REASON\":\"too loud\"'");
        shell("journalctl -u chatd -o json CHAT_EVENT=leave CHAT_NAME=bob | grep -q '\"CHAT_REASON\":\"kicked\"'");
        assert_string_equal(shell("chatctl kick bob 2>&1" STATUS),
                            "chatctl: there is nobody called bob here\nstatus 5");
        shell("chatctl kick bob --json 2>/dev/null" JSON_IS("not j[\"ok\"] and \"bob\" in j[\"error\"]") "; true");
}

/* A stopped session is reported, and root can end its process. */
static void test_kick_who_does_not_run(void **state)
{
        (void)state;
        int session = (int)booted_session(bob);
        kill(session, SIGSTOP);
        const char *said = shell("chatctl kick bob 2>&1" STATUS);
        char expected[64];
        snprintf(expected, sizeof(expected), "process %d,", session);
        assert_non_null(strstr(said, expected));
        assert_non_null(strstr(said, "chatctl kick --kill bob\nstatus 6"));
        said = shell(AS_MEMBER "chatctl kick --kill bob 2>&1" STATUS);
        assert_non_null(strstr(said, "--kill is for root\nstatus 4"));
        shell("chatctl kick --kill bob");
        client_expect(ann, "*** bob was removed\r\n");
}

static void test_ban(void **state)
{
        (void)state;
        assert_string_equal(shell("chatctl ban nobody 2>&1 && chatctl unban nobody"), "");
        assert_string_equal(shell("chatctl ban BOB was rude 2>&1"),
                            "chatctl: bob is here from 127.0.0.1; to ban that, too: chatctl ban 127.0.0.1");
        client_expect(bob, "*** You were removed and banned: was rude\r\n");
        client_expect_end(bob);
        client_expect(ann, "*** bob was removed\r\n");
        client_free(bob);
        bob = booted_join();
        client_expect(ann, "*** %s is connected\r\n", bob->name);
        client_send(bob, "/nick bob\n");
        client_expect(bob, "*** The name bob is not allowed here; please choose another\r\n");
        take_name(bob, "zoe");
        client_expect(ann, " is now called zoe\r\n");

        assert_string_equal(
                shell("chatctl ban 2001:db8:0:7::1 2>&1 && chatctl unban 2001:db8:0:7::1"),
                "chatctl: one host usually has all of 2001:db8:0:7::/64; to ban that: chatctl ban 2001:db8:0:7::/64");
        assert_string_equal(shell("chatctl ban --json 2001:db8::1 && chatctl unban 2001:db8::1"),
                            "{\"ok\":true,\"did\":\"ban\",\"to\":\"2001:db8::1\",\"network\":\"2001:db8::/64\"}");
        shell("chatctl ban ::1/64");
        struct client *six = client_connect("::1", CHAT_PORT);
        client_expect(six, "*** You cannot join: you are banned\r\n");
        client_expect_end(six);
        client_free(six);
        assert_string_equal(shell("chatctl bans --no-legend | awk '{ print $1, $5, $6, $7 }'"),
                            "BOB root was rude\n::/64 root  ");
        assert_string_equal(shell("stat -c '%%U %%a' " BANS " /var/lib/chat"), "chatd 600\nchatd 700");
        kill_chatd();
        shell("chatctl bans --json" JSON_IS("[(b[\"ban\"], b[\"by\"], b[\"reason\"]) for b in j] == [(\"BOB\", 0, "
                                            "\"was rude\"), (\"::/64\", 0, \"\")]"));
        shell("systemctl stop chatd.service chatd.socket chatctl.socket 2>&1; rm -rf /run/chat/*; "
              "systemd-tmpfiles --create; systemctl start chatd.socket"); /* everything that a boot removes */
        shell("chatctl bans | grep -q '^BOB '");
        assert_string_equal(shell("chatctl unban bob; chatctl unban ::/64; chatctl unban bob 2>&1" STATUS),
                            "chatctl: bob is not banned\nstatus 5");
        assert_string_equal(shell("chatctl bans --json"), "[]");
        assert_string_equal(shell("chatctl ban 192.0.2 2>&1" STATUS),
                            "chatctl: '192.0.2' is neither an address, ADDRESS/BITS, nor a name\nstatus 2");
        assert_string_equal(shell("chatctl ban %% 2>&1" STATUS),
                            "chatctl: '%' is neither an address, ADDRESS/BITS, nor a name\nstatus 2");
        shell("journalctl --sync; chatctl log -n all --json" JSON_LINES_ARE(
                "{\"ban\", \"unban\", \"refused\"} <= {e[\"event\"] for e in j}"));
        six = client_connect("::1", CHAT_PORT);
        client_greeted(six);
        client_free(six);
}

/* The intact part of a damaged file is in effect. The administrator is told which part is not, until the damaged file,
 * which is kept, is removed. */
static void test_damaged_bans(void **state)
{
        (void)state;
        shell("chatctl ban mallory; chatctl ban 192.0.2.7 spam; chatctl ban trudy");
        shell("chatctl status | grep -q 'File of bans: whole'");
        shell("systemctl stop chatd.service 2>&1; sed -i 's/192.0.2.7/192.0.2.5/; /trudy/,$d' " BANS);
        assert_string_equal(shell("chatctl bans --no-legend | awk '{ print $1 }'"), "mallory");
        shell_until("journalctl -u chatd -o cat CHAT_EVENT=bad-ban | grep -q '^" BANS
                    " is damaged: 1 of 3 bans are intact and in effect; damaged, and without effect: line 7, 8; the "
                    "damaged file is kept as bans.damaged$'");
        /* a thread writes the file, so chatd logs that first */
        shell_until("grep -q 192.0.2.5 " BANS ".damaged && ! grep -q 192 " BANS);
        shell("systemctl restart chatd.service 2>&1; chatctl status | grep -q 'File of bans: damaged'");
        assert_string_equal(shell("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=bad-ban | wc -l"), "1");
        shell("rm " BANS
              ".damaged; systemctl restart chatd.service 2>&1; chatctl status | grep -q 'File of bans: whole'");
        shell("systemctl stop chatd.service 2>&1; printf 'eve 1 0 by hand\\n' >>" BANS);
        assert_string_equal(shell("chatctl bans --no-legend | awk '{ print $1 }'"), "mallory\neve");
        shell_until("journalctl -u chatd -o cat CHAT_EVENT=bans-edited | grep -q 'without a checksum: line 7$'");
        shell("chatctl unban mallory; chatctl unban eve");
}

/* Tokens of programs: the secret is printed once, and kept nowhere. */
static void test_tokens(void **state)
{
        char secret[64];
        (void)state;
        shell("chatctl token list --json" JSON_IS("j == []"));
        snprintf(secret, sizeof(secret), "%s", shell("chatctl token add ops 2>&1"));
        assert_int_equal(strlen(secret), 32);
        assert_int_equal(strspn(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 32);
        shell("chatctl --json token add Backup --room='#den'" JSON_IS(
                "(j[\"ok\"], j[\"did\"], j[\"to\"], len(j[\"token\"])) == (True, \"token-add\", \"Backup\", 32)"));
        assert_string_equal(shell("chatctl token list | awk '{ print $1, $(NF - 1), $NF }'"),
                            "NAME BY ROOM\nops UTC root\nBackup root den");
        for (int i = 0; i < 2; i++)
                assert_string_equal(shell("chatctl token add %s 2>&1" STATUS, i == 0 ? "ops" : "OPS"),
                                    "chatctl: there is a token for ops already; remove it first\nstatus 1");
        assert_string_equal(
                shell("chatctl token add 0ps 2>&1" STATUS),
                "chatctl: a token's name has 1 to 24 characters and starts with a letter: plain letters (no "
                "accents), digits, - _ and .\nstatus 2");
        assert_string_equal(shell("chatctl token add Ann 2>&1" STATUS),
                            "chatctl: somebody here is called ann; choose another name\nstatus 1");
        assert_string_equal(shell("chatctl mute ops 2>&1" STATUS),
                            "chatctl: there is nobody called ops here; ops is a token: chatctl token remove ops ends "
                            "it\nstatus 5");
        assert_string_equal(shell("chatctl ban OPS 2>&1" STATUS),
                            "chatctl: ops is a token: chatctl token remove ops ends it\nstatus 1");
        client_send(bob, "/nick 0ps\n/nick OPS\n");
        client_expect(bob, "*** The name OPS is not allowed here; please choose another\r\n");

        /* a person at a terminal is told how to use it; the token itself is still all of standard output */
        shell("script -qec 'chatctl token add cron --room=ops >/run/token' /dev/null >/run/said");
        shell("grep -q \"/say?room=ops'\" /run/said && grep -q 'shown only now' /run/said && ! grep -qf /run/token "
              "/run/said");
        assert_string_equal(shell("wc -c </run/token; rm /run/token"), "33");

        assert_string_equal(shell("stat -c '%%U %%a' " TOKENS), "chatd 600");
        shell("! grep -qF -e %s " TOKENS, secret);
        shell("grep -q \"^ops $(printf %%s %s | sha256sum | cut -d' ' -f1) [0-9]* 0$\" " TOKENS, secret);
        kill_chatd();
        shell("chatctl token list --json" JSON_IS("[(t[\"name\"], t[\"room\"], t[\"by\"]) for t in j] == [(\"ops\", "
                                                  "\"\", 0), (\"Backup\", \"den\", 0), (\"cron\", \"ops\", 0)]"));
        shell("chatctl status --json" JSON_IS("j[\"tokens\"] == 3 and j[\"tokens_file\"] == \"whole\""));
        shell("chatctl metrics | grep -qx 'chat_tokens 3'");
        assert_string_equal(shell("chatctl token remove OPS && chatctl token remove ops 2>&1" STATUS),
                            "chatctl: there is no token for ops\nstatus 5");
        shell("chatctl --json token remove Backup" JSON_IS(
                "j == {\"ok\": True, \"did\": \"token-remove\", \"to\": \"Backup\"}"));
        shell("systemctl restart chatd.service 2>&1; chatctl token remove cron");
        assert_string_equal(shell("chatctl token list --no-legend"), "");
        take_name(bob, "ops");
        client_expect(ann, " is now called ops\r\n");

        shell("journalctl --sync; chatctl log -n all --json --name=Backup" JSON_LINES_ARE(
                "[(e[\"event\"], e[\"by\"], e[\"room\"]) for e in j] == [(\"token\", 0, \"den\"), (\"token-removed\", "
                "0, \"den\")]"));
        shell("! journalctl -o export | grep -qaF -e %s", secret);
        shell("journalctl -u chatd -x CHAT_EVENT=token CHAT_NAME=ops | grep -q 'chatctl token remove ops'");
}

static void test_log(void **state)
{
        (void)state;
        shell("journalctl --sync");
        shell("chatctl log -n all | grep -q ' ann'");
        assert_string_equal(shell("chatctl log -n 1 --json | wc -l"), "1");
        shell("chatctl log -n 1 --json" JSON_LINES_ARE(
                "j[0][\"event\"] == \"rename\" and j[0][\"name\"] == \"bob\" and j[0][\"time\"].endswith(\"Z\")"));
        shell("chatctl log -n all --json --name bob" JSON_LINES_ARE(
                "j and all(\"bob\" in (e.get(\"name\"), e.get(\"was\"), e.get(\"ban\")) for e in j)"));
        assert_string_equal(shell("chatctl log --name=nobody-at-all"), "");
        assert_string_equal(shell("chatctl log --name=nobody-at-all 2>&1" STATUS),
                            "chatctl: no such event in the journal\nstatus 0");
        char *const follower[] = {"sh", "-c", "exec chatctl log -f -n 1 >/run/followed", NULL};
        pid_t pid = process_start(follower, -1, -1, -1);
        shell_until("grep -q 'is now called bob' /run/followed");
        take_name(bob, "zoe");
        shell_until("grep -q 'bob is now called zoe' /run/followed");
        kill(pid, SIGTERM);
        assert_int_equal(process_wait(pid), 0);
}

/* On a terminal without escape sequences, as in an editor's shell, each screen comes below the one before. */
static void assert_no_escapes(const char *term)
{
        shell("TERM=%s script -qec 'chatctl top -n 2' /dev/null >/run/screens; grep -c '^members: 2 ' /run/screens | "
              "grep -qx 2",
              term);
        shell("! grep -q \"$(printf '\\033')\" /run/screens");
}

static void test_top(void **state)
{
        (void)state;
        assert_said("something");
        shell("chatctl top -n 2 --json" JSON_LINES_ARE(
                "len(j) == 2 and j[1][\"status\"][\"members\"] == 2 and len(j[1][\"slowest\"]) == 2"));
        shell("chatctl top -n 1 | grep -q '^members: 2 '");
        assert_no_escapes("dumb");
        assert_no_escapes("unknown");
        assert_no_escapes("");
        shell("tmux -S /run/tmux -f /dev/null new-session -d -x 100 -y 20 'chatctl top'");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q '^members: 2 '");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q '^ann '");
        shell("tmux -S /run/tmux kill-server");
        client_send(bob, "/time on\n"); /* so that his session writes to him, and chatd does not */
        client_expect(bob, "/time is on\r\n");
        kill((pid_t)booted_session(bob), SIGSTOP);
        char *const talker[] = {"sh", "-c",
                                "i=0; while [ $i -lt 3000 ]; do chatctl say $i || exit 1; i=$((i + 1)); done", NULL};
        pid_t pid = process_start(talker, -1, -1, -1);
        shell_until("chatctl who --json" JSON_IS("j[1][\"lagging\"] and j[1][\"missed\"] > 0"));
        shell("chatctl top -n 1 --json" JSON_IS("j[\"slowest\"][0][\"name\"] == \"bob\""));
        kill(pid, SIGKILL);
        process_wait(pid);
        kill((pid_t)booted_session(bob), SIGCONT);
}

static void test_who_may(void **state)
{
        (void)state;
        assert_string_equal(shell("stat -c '%%A %%U %%G' /run/chat-control.sock"), "srw-rw---- root chat-admin");
        shell(AS_MEMBER "chatctl who --json" JSON_IS("len(j) == 2"));
        shell(AS_MEMBER "chatctl say by a member");
        client_expect(bob, "*** Administrator: by a member\r\n");
        shell("journalctl --sync; journalctl -u chatd -o cat CHAT_EVENT=say CHAT_BY=$(id -u nobody) | grep -q member");
        const char *said = shell(AS_NOBODY "chatctl who 2>&1" STATUS);
        assert_non_null(strstr(said, "members of the group chat-admin: sudo usermod -aG chat-admin USER"));
        assert_non_null(strstr(said, "\nstatus 4"));
        shell("setpriv --reuid=chat-session --regid=chat --clear-groups chatctl who 2>/dev/null; test $? = 4");
        /* chatd refuses even if the socket's mode lets everybody connect */
        shell("chmod 666 /run/chat-control.sock");
        said = shell(AS_NOBODY "chatctl who 2>&1" STATUS);
        assert_non_null(strstr(said, "members of the group chat-admin"));
        shell("setpriv --reuid=chat-session --regid=chat --clear-groups chatctl who 2>/dev/null; test $? = 4");
        shell("chmod 660 /run/chat-control.sock");
        said = shell(AS_MEMBER "chatctl log -n 1 2>&1" STATUS);
        assert_non_null(strstr(said, "the group systemd-journal"));
        shell(AS_MEMBER "true; setpriv --reuid=nobody --regid=nogroup --groups=systemd-journal chatctl log -n 1");
}

/* Others see a guest, with the same name each time; administrators see the address. */
static void test_hidden_addresses(void **state)
{
        (void)state;
        char name[64], again[64], address[64];
        shell("echo Addresses=hidden >>/etc/chat/chat.conf && chatd --check-config && systemctl try-reload-or-restart "
              "chatd");
        for (int i = 0; i < 3; i++) {
                struct client *c = client_connect("127.0.0.1", CHAT_PORT);
                client_expect(ann, "*** guest-");
                snprintf(again, sizeof(again), "guest-%s", client_expect(ann, " is connected\r\n"));
                assert_null(strchr(again, ':'));
                if (i > 0)
                        assert_string_equal(again, name);
                snprintf(name, sizeof(name), "%s", again);
                snprintf(address, sizeof(address), "%s",
                         shell("chatctl who --no-legend | awk '$1 == \"%s\" { print $3 }'", name));
                assert_string_equal(address, c->name);
                shell("journalctl --sync; chatctl log --name=%s -n 1 | grep -q '%s joined from %s$'", name, name,
                      address);
                client_send(c, "exit\n");
                client_expect_end(c);
                client_expect(ann, "*** %s is disconnected\r\n", name);
                client_free(c);
                if (i == 0)
                        kill_chatd();
                else
                        shell("systemctl restart chatd.service 2>&1");
                client_send(ann, "who is there?\n");
                client_expect(bob, "ann: who is there?\r\n");
        }
        assert_string_equal(shell("stat -c '%%U %%a %%s' /var/lib/chat/guests.key"), "chatd 400 24");
        struct client *six = client_connect("::1", CHAT_PORT);
        client_expect(ann, "*** guest-");
        assert_string_not_equal(client_expect(ann, " is connected\r\n"), name + strlen("guest-"));
        client_free(six);
        client_expect(ann, " is disconnected\r\n");
        shell("chatctl ban %s", name); /* nobody with this name can join from now on */
        struct client *banned = client_connect("127.0.0.1", CHAT_PORT);
        client_expect(banned, "*** You cannot join: ");
        client_expect_end(banned);
        client_free(banned);
        shell("chatctl unban %s; sed -i /^Addresses=/d /etc/chat/chat.conf && systemctl reload chatd", name);
}

/* Clients that systemd or chatd refused are counted. */
static void test_who_was_refused(void **state)
{
        (void)state;
        shell("chatctl status --json" JSON_IS(
                "j[\"refused_by_systemd\"] == 0 and j[\"refused_at_chat.socket\"] == 0 and "
                "j[\"not_chat\"] == 0"));
        shell("mkdir -p /run/systemd/system/chat.socket.d && printf '[Socket]\\nMaxConnections=3\\n' "
              ">/run/systemd/system/chat.socket.d/few.conf && systemctl daemon-reload && systemctl restart "
              "chat.socket");
        struct client *third = booted_join();
        for (int i = 0; i < 2; i++) {
                struct client *c = client_connect("127.0.0.1", CHAT_PORT);
                assert_string_equal(client_expect_end(c), "");
                client_free(c);
        }
        shell("chatctl status --json" JSON_IS("j[\"refused_by_systemd\"] == 2 and j[\"refused_at_chat.socket\"] == 2"));
        shell("chatctl status | grep -Eqx ' *at chat.socket: 2'");
        shell("chatctl top -n 1 | grep -q '^refused by systemd: 2   by chatd: [0-9]*   not chat clients: 0$'");
        shell("chatctl top -n 2 --json" JSON_LINES_ARE("[t[\"status\"][\"refused_by_systemd\"] for t in j] == [2, 2]"));
        shell(AS_MEMBER "chatctl status --json" JSON_IS("j[\"refused_by_systemd\"] in (2, None)"));
        client_free(third);
        shell("rm /run/systemd/system/chat.socket.d/few.conf; systemctl daemon-reload; systemctl restart chat.socket");
        shell("printf 'POST / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n/nick helpdesk\\r\\n' | nc -N 127.0.0.1 %d",
              CHAT_PORT);
        shell_until("chatctl status | grep -Eqx ' *Not chat clients: 1'");
        int before = atoi(shell("chatctl status | sed -n 's/ *Refused by chatd: //p'"));
        shell("chatctl ban ::1");
        struct client *banned = client_connect("::1", CHAT_PORT);
        client_expect(banned, "*** You cannot join: ");
        client_expect_end(banned);
        client_free(banned);
        shell("chatctl unban ::1");
        assert_int_equal(atoi(shell("chatctl status | sed -n 's/ *Refused by chatd: //p'")), before + 1);
}

/* Tools that connect and send nothing, or do not read, do not hinder the chat. */
static void test_idle_tools(void **state)
{
        (void)state;
        struct client *idle[20];
        for (int i = 0; i < 20; i++) {
                struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/chat-control.sock"};
                int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
                for (int n = 0; n < 50; n++)
                        send(fd, "who", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
                idle[i] = client_of(fd, "");
        }
        assert_said("they cost nothing");
        assert_string_equal(shell("chatctl who 2>&1" STATUS), "chatctl: chatd is busy; try again later\nstatus 1");
        for (int i = 0; i < 20; i++) {
                client_free(idle[i]);
                if (i == 7) /* a few places are free: each of many requests gets its turn */
                        assert_string_equal(shell("for i in $(seq 50); do chatctl who --no-legend & done 2>&1 | wc -l"),
                                            "100");
        }
        assert_string_equal(shell("for i in $(seq 300); do chatctl who --no-legend & done 2>&1 | wc -l"), "600");
}

static void stop_chat(void)
{
        shell("systemctl stop 'chat*.socket' 'chat@*.service' chatd.service 2>&1");
}

static void start_chat(void)
{
        shell("systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/chat.conf && systemctl start chat.socket");
}

/* Mounts a file system with few inodes on /run/chat. */
static int begin_with_few_inodes(void **state)
{
        stop_chat();
        shell("mount -t tmpfs -o nr_inodes=64 tmpfs /run/chat");
        start_chat();
        return come(state);
}

static int end_with_few_inodes(void **state)
{
        int r = go(state);
        stop_chat();
        shell("umount /run/chat");
        start_chat();
        return r;
}

#define NOT_NOTED(what) "*** Not done: the chat cannot store " what " right now; try again later\r\n"

/* A change that this chatd cannot note would be unknown to the next one. So it is not made, and both the user and the
 * journal are told. */
static void test_no_inode_is_left(void **state)
{
        (void)state;
        struct client *eve = booted_join(), *late;
        take_name(ann, "anna");
        shell("chatctl topic lobby first");
        client_expect(bob, "first\r\n");
        shell("mkdir /run/chat/full && cd /run/chat/full && i=0; while touch $i 2>/dev/null; do i=$((i + 1)); done; "
              "test $i -gt 9 && ! touch x 2>/dev/null");
        client_send(eve, "/nick eve\n");
        client_expect(eve, NOT_NOTED("a new name"));
        client_send(eve, "/join kitchen\n");
        client_expect(eve, NOT_NOTED("a change of room"));
        assert_string_equal(shell("chatctl mute bob 2>&1" STATUS),
                            "chatctl: not done, because chatd cannot note it in /run/chat: No space left on device\n"
                            "status 1");
        client_send(bob, "heard as before\n");
        client_expect(ann, "bob: heard as before\r\n");
        /* existing notes can be replaced */
        take_name(ann, "anita");
        shell("chatctl topic lobby second");
        client_expect(bob, "second\r\n");
        late = client_connect("127.0.0.1", CHAT_PORT);
        client_expect(late, "*** The chat is unavailable right now;");
        kill_chatd();
        client_send(bob, "still bob\n");
        client_expect(ann, "bob: still bob\r\n");
        client_send(ann, "and anita\n");
        client_expect(bob, "anita: and anita\r\n");
        assert_non_null(strstr(shell("chatctl topic lobby"), "second"));
        assert_string_equal(
                shell("chatctl who --no-legend | awk '{ print ($1 == \"%s\" ? \"eve\" : $1), $2 }' | sort", eve->name),
                "anita lobby\nbob lobby\neve lobby");
        shell("journalctl --sync; journalctl -u chatd -o cat >/run/said; "
              "grep -q 'cannot note a new name: No space left on device' /run/said && "
              "grep -q 'cannot note a change of room: No space left on device' /run/said && "
              "grep -q 'cannot note what an administrator asked for, which is not done: No space' /run/said");
        shell("rm -r /run/chat/full");
        client_send(late, "hello\n");
        client_expect(ann, ": hello\r\n");
        client_free(late);
        shell("chatctl mute bob");
        client_expect(bob, "*** An administrator muted you: nobody sees what you say\r\n");
        kill_chatd();
        client_send(bob, "unheard\n");
        client_expect(bob, "*** You are muted: nobody sees what you say\r\n");
        take_name(eve, "eve");
        client_free(eve);
}

static void test_completion(void **state)
{
        (void)state;
        shell("bash -n /usr/local/share/bash-completion/completions/chatctl");
        shell("zsh -n /usr/local/share/zsh/site-functions/_chatctl");
#define BASH(words)                                                                                                    \
        "bash -c '. /usr/local/share/bash-completion/completions/chatctl; COMP_WORDS=(" words "); "                    \
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _chatctl; printf \"%%s\\n\" \"${COMPREPLY[@]}\"'"
        assert_string_equal(shell(BASH("chatctl un")), "unmute\nunban");
        assert_string_equal(shell(BASH("chatctl kick b")), "bob");
        assert_string_equal(shell(BASH("chatctl help unm")), "unmute");
        assert_string_equal(shell(BASH("chatctl --json mute \"\"")), "ann\nbob");
        assert_string_equal(shell(BASH("chatctl log --name a")), "ann");
        assert_string_equal(shell(BASH("chatctl log --name = a")), "ann");
        assert_string_equal(shell(BASH("chatctl log --foll")), "--follow");
        assert_string_equal(shell(BASH("chatctl kick bob \"\"")), "");
        shell("chatctl ban mallory");
        assert_string_equal(shell(BASH("chatctl unban \"\"")), "mallory");
        shell("chatctl unban mallory");
        assert_string_equal(shell(BASH("chatctl token \"\"")), "add\nlist\nremove");
        shell("chatctl token add webshop >/dev/null");
        assert_string_equal(shell(BASH("chatctl token remove \"\"")), "webshop");
        assert_string_equal(shell(BASH("chatctl token add \"\"")), "");
        /* a person at a zsh */
        shell("printf 'fpath=(/usr/local/share/zsh/site-functions $fpath)\\nautoload -Uz compinit && compinit -u\\n"
              "PS1=\"ready> \"\\n' >/root/.zshrc");
        shell("tmux -S /run/tmux -f /dev/null new-session -d -x 100 -y 20 'exec zsh -i'");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q '^ready>'");
        shell("tmux -S /run/tmux send-keys -l 'chatctl kick b' && tmux -S /run/tmux send-keys Tab");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q 'chatctl kick bob'");
        shell("tmux -S /run/tmux send-keys C-u && tmux -S /run/tmux send-keys -l 'chatctl unm' && tmux -S /run/tmux "
              "send-keys Tab");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q 'chatctl unmute'");
        shell("tmux -S /run/tmux send-keys C-u && tmux -S /run/tmux send-keys -l 'chatctl token rem' && tmux -S "
              "/run/tmux send-keys Tab w Tab");
        shell_until("tmux -S /run/tmux capture-pane -p | grep -q 'chatctl token remove webshop'");
        shell("tmux -S /run/tmux kill-server; chatctl token remove webshop");
        shell("man -w chatctl");
}

static void test_the_chat_does_not_run(void **state)
{
        (void)state;
        shell("systemctl stop chatctl.socket 2>&1");
        const char *said = shell("chatctl status 2>&1" STATUS);
        assert_non_null(strstr(said, "see: systemctl status chatd.socket chatctl.socket"));
        assert_non_null(strstr(said, "\nstatus 3"));
        shell("chatctl status --json 2>/dev/null" JSON_IS("not j[\"ok\"]") "; true");
        assert_said("the chat goes on without it");
        shell("systemctl restart chatd.service 2>&1"); /* only then it can begin to listen */
        shell("systemctl is-active chatctl.socket; chatctl status");
        assert_said("and with it");
        assert_string_equal(shell("systemctl --failed -q --plain list-units 'chat*'"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, come, go)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_status),
                TEST(test_who),
                TEST(test_rooms),
                TEST(test_say),
                TEST(test_wrong_usage),
                TEST(test_say_while_chatd_is_killed),
                TEST(test_mute),
                TEST(test_kick),
                TEST(test_kick_who_does_not_run),
                TEST(test_ban),
                TEST(test_damaged_bans),
                TEST(test_tokens),
                TEST(test_log),
                TEST(test_top),
                TEST(test_who_may),
                TEST(test_hidden_addresses),
                TEST(test_who_was_refused),
                TEST(test_idle_tools),
                cmocka_unit_test_setup_teardown(test_no_inode_is_left, begin_with_few_inodes, end_with_few_inodes),
                TEST(test_completion),
                TEST(test_the_chat_does_not_run),
        };
        return RUN_TESTS(tests, install, NULL);
}
