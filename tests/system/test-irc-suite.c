/* The test suite of another server of IRC, ngIRCd, against chat-irc.socket. irc-suite.exp runs its scripts as they stand.
 * irc-suite.differences lists what they expect and chat-irc(8) does not have. */
#include <stdio.h>
#include <unistd.h>

#include "booted.h"

#define SUITE "build/irc-suite"
#define DIFFERENCES "tests/system/irc-suite.differences"
#define DRIVER "tests/system/irc-suite.exp"

enum {
        PORT = 6789,
        TLS_PORT = 6790,
        STRESS_CLIENTS = 5, /* as many as the suite has by default */
};

static unsigned held, applied; /* expectations of all scripts so far */
static struct client *member;

static void listen_also(const char *unit, int port)
{
        shell("d=/etc/systemd/system/%s.d && mkdir -p $d && printf '[Socket]\\nListenStream=127.0.0.1:%d\\n' "
              ">$d/port.conf && "
              "systemctl daemon-reload && systemctl enable --now %s 2>&1",
              unit, port, unit);
}

/* Makes the server that the suite expects: ngircd.test.server, on the ports 6789 and 6790 (TLS), with a message of the
 * day. */
static int install(void **state)
{
        if (access(SUITE "/connect-test.e", R_OK) != 0) {
                fprintf(stderr,
                        "SKIPPED: no test suite of ngIRCd; remove " SUITE " to download it again with apt-get\n");
                exit(getenv("NO_SKIP") ? 1 : 0);
        }
        booted_unpack("build/access", (const char *const[]){"/usr/bin/stunnel", NULL});
        shell("hostname ngircd.test.server && mkdir -p /etc/chat && echo 'This is a test' >/etc/chat/motd");
        booted_install_without_history(state);
        listen_also("chat-irc.socket", PORT);
        listen_also("chat-ircs.socket", TLS_PORT);
        return 0;
}

/* Lets a member join a channel, and set its topic. */
static int member_join(void **state)
{
        (void)state;
        member = client_connect("127.0.0.1", PORT);
        client_send(member, "NICK member\r\nUSER member 0 * :member\r\nJOIN #TopicChannel\r\n"
                            "TOPIC #TopicChannel :the topic\r\n");
        client_expect(member, " TOPIC #TopicChannel :the topic\r\n");
        return 0;
}

static int member_leave(void **state)
{
        (void)state;
        client_send(member, "QUIT\r\n");
        client_expect_end(member);
        client_free(member);
        return 0;
}

static int show_counts(void **state)
{
        (void)state;
        printf("%u of %u expectations of the suite hold; irc-suite.differences lists the others.\n", held, applied);
        return 0;
}

static void count(const char *counts)
{
        unsigned h, n;
        assert_int_equal(sscanf(counts, "%u %u", &h, &n), 2);
        assert_true(n > 0);
        held += h;
        applied += n;
}

static void run_script(const char *name)
{
        count(shell("expect " DRIVER " %s " SUITE "/%s.e " DIFFERENCES, name, name));
}

static void test_script(void **state)
{
        run_script(*state);
}

/* Several clients do the same at the same time, and all of them to the end. Afterwards no client is left. */
static void test_stress(void **state)
{
        (void)state;
        shell("for n in $(seq %d); do { cat " SUITE "/stress-A.e; echo 'send \"nick test'$n'\\r\"'; cat " SUITE
              "/stress-B.e; } >/run/stress-$n.e || exit 1; done",
              STRESS_CLIENTS);
        shell("for n in $(seq %d); do expect " DRIVER " stress /run/stress-$n.e " DIFFERENCES
              " >/run/stress-$n.out & pids=\"$pids $!\"; done; for pid in $pids; do wait $pid || failed=1; done; "
              "[ -z \"$failed\" ]",
              STRESS_CLIENTS);
        for (int n = 1; n <= STRESS_CLIENTS; n++)
                count(shell("cat /run/stress-%d.out", n));
        run_script("check-idle");
}

/* The scripts connect by TLS in turn, and meet one certificate of the suite and then the other. */
static void test_certificate(void **state)
{
        const char *name = *state, *which = strstr(name, "cert1") ? "first" : "second";
        shell("cd " SUITE "/ssl && install -m 644 cert-my-%s-domain-tld.pem /etc/chat/tls-cert.pem && "
              "install -m 640 -g chat-tls key-my-%s-domain-tld.pem /etc/chat/tls-key.pem",
              which, which);
        run_script(name);
}

#define SCRIPT(name)                                                                                                   \
        {                                                                                                              \
                "test_" name, test_script, member_join, member_leave, name                                             \
        }

static void test_all_scripts_are_known(void **state);

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_scripts_are_known),
        SCRIPT("connect-test"),
        SCRIPT("channel-test"),
        SCRIPT("invite-test"),
        SCRIPT("join-test"),
        SCRIPT("kick-test"),
        SCRIPT("message-test"),
        SCRIPT("misc-test"),
        SCRIPT("mode-test"),
        SCRIPT("opless-channel-test"),
        SCRIPT("who-test"),
        SCRIPT("whois-test"),
        cmocka_unit_test(test_stress),
        {"test_connect-ssl-cert1-test", test_certificate, NULL, NULL, "connect-ssl-cert1-test"},
        {"test_connect-ssl-cert2-test", test_certificate, NULL, NULL, "connect-ssl-cert2-test"},
};

/* Each script of the suite runs here, or is listed as a whole. Each line of the list has a reason, and is about a script, or
 * about a text in one. */
static void test_all_scripts_are_known(void **state)
{
        (void)state;
        char known[1024] = "stress-A stress-B check-idle";
        for (size_t n = 0; n < sizeof(tests) / sizeof(tests[0]); n++)
                if (tests[n].initial_state)
                        snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s",
                                 (const char *)tests[n].initial_state);
        shell("{ printf '%%s\\n' %s; sed -n 's/^\\([^ ]*\\) all .*/\\1/p' " DIFFERENCES
              "; } | sort >/run/known && ls " SUITE "/*.e | xargs -n 1 basename -s .e | sort | diff /run/known - >&2",
              known);
        shell("sed '/^#/d; /^$/d; / | [A-Z][^|]*[.]$/d' " DIFFERENCES " | { ! grep . >&2; }");
        shell("sed '/^#/d; /^$/d; /^replace /d; s/ .*//' " DIFFERENCES
              " | while read -r name; do [ $name = stress ] || [ -e " SUITE
              "/$name.e ] || { echo \"there is no script '$name'\" >&2; exit 1; }; done");
        shell("sed -n 's/^replace \\(.*[^ ]\\) *| .* | .*/\\1/p' " DIFFERENCES
              " | while read -r text; do grep -qF \"$text\" " SUITE
              "/*.e || { echo \"no script has '$text'\" >&2; exit 1; }; done");
}

int main(void)
{
        return RUN_TESTS(tests, install, show_counts);
}
