/* chatd is killed, restarted, stopped and upgraded under load: every line reaches all others once, in the same order,
 * and nobody is disconnected. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>

#include "booted.h"
#include "told.h"

enum {
        CLIENTS = 50,
        SENDERS = 10, /* the first ones */
        KILLS = 100,  /* KILLS in the environment changes it */
        KILL_EVERY_MAX_MS = 150,
        KILL_EVERY_SANITIZED_MS = 600, /* otherwise each chatd is killed before it relays anything */
        RESTARTS = 5,
        UPGRADES = 3,
        OUTAGE_S = 5,
        IN_FLIGHT = 256,
        LOAD_MIN = 2 * IN_FLIGHT, /* lines that are sent while chatd is disturbed */
        LINES_MAX = 1000 * 1000,
        LINE_MAX_BYTES = 256,
        MANY_MAX = 300,
        COMING_MAX = 20, /* how many join at the same time */
        KILLS_OF_MANY = 40,
};

struct receiver {
        struct client *client;
        char half[LINE_MAX_BYTES]; /* a line that has not come completely */
        size_t half_len;
        unsigned last[SENDERS]; /* the number of each sender's last line */
        uint32_t *order;        /* the received lines: sender << 24 | number */
        size_t count;
};

static struct receiver receivers[CLIENTS];
static unsigned sent[SENDERS];
static unsigned phase; /* of the load: one for each test */
static int epoll;

/* ---- disturbances of chatd, in a process of its own ---- */

static void kill_at_random(int kills)
{
        int64_t least_ms = reports_dir() ? KILL_EVERY_SANITIZED_MS : KILL_EVERY_MAX_MS, killed_ms = clock_ms();
        srandom((unsigned)killed_ms);
        for (int done = 0, last = 0; done < kills;) {
                int chatd = atoi(shell("systemctl show -P MainPID chatd"));
                if (chatd == 0 || chatd == last)
                        continue;
                /* Half of the kills come at random moments, the others as soon as there is a new chatd: while it
                 * recovers, or within the batch that the last one had begun. Random times count from its start, and
                 * are longer on a machine that takes long to start it. Otherwise a slow one never relays. */
                int64_t twice_ms = 2 * (clock_ms() - killed_ms), most_ms = twice_ms > least_ms ? twice_ms : least_ms;
                if (random() % 2)
                        usleep((useconds_t)(random() % (most_ms * 1000)));
                if (kill(chatd, SIGKILL) < 0)
                        continue;
                last = chatd;
                killed_ms = clock_ms();
                if (++done % 100 == 0 && kills > KILLS)
                        fprintf(stderr, "%d of %d kills\n", done, kills);
        }
}

static void kill_many_times(void)
{
        const char *wanted = getenv("KILLS");
        kill_at_random(wanted ? atoi(wanted) : KILLS);
}

static void kill_while_many_come(void)
{
        kill_at_random(KILLS_OF_MANY);
}

static void restart(void)
{
        for (int i = 0; i < RESTARTS; i++)
                shell("systemctl restart chatd 2>&1");
        shell("systemctl daemon-reload; systemctl daemon-reexec");
        shell("systemctl restart chatd 2>&1");
}

/* Keeps chatd away for a while, so that the queue and the sessions fill up. */
static void be_away(void)
{
        shell("printf '[Service]\nExecStartPre=/bin/sleep %d\n' > /run/systemd/system/chatd.service.d/away.conf",
              OUTAGE_S);
        shell("systemctl daemon-reload; systemctl stop chatd 2>&1");
        shell("systemctl start chatd; rm /run/systemd/system/chatd.service.d/away.conf; systemctl daemon-reload");
}

static void install_chatd(const char *from)
{
        shell("install %s /usr/local/sbin/chatd && systemctl restart chatd 2>&1", from);
}

static void upgrade_and_downgrade(void)
{
        for (int i = 0; i < UPGRADES; i++) {
                install_chatd("build/next/chatd");
                shell("systemctl kill -s KILL --kill-who=main chatd");
                install_chatd(program("chatd"));
                shell("systemctl kill -s KILL --kill-who=main chatd");
        }
}

static pid_t start_disturbance(void (*disturb)(void))
{
        pid_t pid = process_fork();
        if (pid > 0)
                return pid;
        disturb();
        _exit(0);
}

/* ---- the load ---- */

static void take_line(struct receiver *r, const char *line)
{
        unsigned of, sender, number;
        const char *text = strstr(line, ": line ");
        assert_null(strstr(line, "disconnected"));
        assert_null(strstr(line, "skipped"));
        assert_null(strstr(line, "not available"));
        assert_null(strstr(line, "lost"));
        if (!text || sscanf(text, ": line %u %u %u", &of, &sender, &number) != 3)
                return;
        assert_int_equal(of, phase);
        assert_true(sender < SENDERS);
        if (number != r->last[sender] + 1)
                fail_msg("%s: line %u of sender %u came behind line %u", r->client->name, number, sender,
                         r->last[sender]);
        r->last[sender] = number;
        assert_true(r->count < LINES_MAX);
        r->order[r->count++] = sender << 24 | number;
}

static void take_bytes(struct receiver *r)
{
        char bytes[64 * 1024];
        ssize_t n = recv(r->client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN)); /* nobody is disconnected */
        for (ssize_t i = 0; i < n; i++) {
                if (bytes[i] != '\n') {
                        assert_true(r->half_len < sizeof(r->half) - 1);
                        r->half[r->half_len++] = bytes[i];
                        continue;
                }
                r->half[r->half_len] = '\0';
                r->half_len = 0;
                take_line(r, r->half);
        }
}

static size_t sent_in_all(void)
{
        size_t all = 0;
        for (int i = 0; i < SENDERS; i++)
                all += sent[i];
        return all;
}

/* Sends lines unless too many are under way. */
static void send_more(void)
{
        size_t all = sent_in_all(), arrived = receivers[CLIENTS - 1].count;
        for (int i = 0; all - arrived < IN_FLIGHT && all < LINES_MAX - IN_FLIGHT; i = (i + 1) % SENDERS, all++)
                client_send(receivers[i].client, "line %u %d %u\n", phase, i, ++sent[i]);
}

static bool all_arrived(void)
{
        for (int i = 0; i < CLIENTS; i++)
                if (receivers[i].count != sent_in_all() - (i < SENDERS ? sent[i] : 0))
                        return false;
        return true;
}

/* Asserts the order of the last receiver, which sends nothing, without the lines of `sender`. */
static void assert_same_order(const struct receiver *r, int sender)
{
        const struct receiver *reference = &receivers[CLIENTS - 1];
        size_t at = 0;
        for (size_t i = 0; i < reference->count; i++)
                if ((int)(reference->order[i] >> 24) != sender)
                        assert_int_equal(r->order[at++], reference->order[i]);
        assert_int_equal(at, r->count);
}

static void begin_load(void)
{
        for (int i = 0; i < CLIENTS; i++) {
                receivers[i].count = 0;
                memset(receivers[i].last, 0, sizeof(receivers[i].last));
        }
        memset(sent, 0, sizeof(sent));
        phase++;
}

/* Puts load on the chat as long as `disturb` takes, and checks every line. */
static void check_under(void (*disturb)(void))
{
        int status = -1;
        begin_load();
        pid_t disturbance = start_disturbance(disturb);
        bool disturbing = true;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (disturbing || !all_arrived()) {
                struct epoll_event events[CLIENTS];
                if (disturbing)
                        send_more();
                int n = epoll_wait(epoll, events, CLIENTS, 100);
                for (int i = 0; i < n; i++)
                        take_bytes(&receivers[events[i].data.u32]);
                if (n > 0)
                        deadline = clock_ms() + DEADLINE_MS;
                else if (clock_ms() > deadline)
                        fail_msg("sent %zu lines, and %zu came: nothing comes any more", sent_in_all(),
                                 receivers[CLIENTS - 1].count);
                if (!disturbing || waitpid(disturbance, &status, WNOHANG) != disturbance)
                        continue;
                assert_int_equal(status, 0);
                disturbing = sent_in_all() <= LOAD_MIN; /* too few lines were on the way: once more */
                if (disturbing)
                        disturbance = start_disturbance(disturb);
        }
        for (int i = 0; i < CLIENTS; i++)
                assert_same_order(&receivers[i], i < SENDERS ? i : -1);
        printf("%zu lines to %d clients\n", sent_in_all(), CLIENTS);
}

static void test_kills(void **state)
{
        (void)state;
        check_under(kill_many_times);
}

static void test_restarts(void **state)
{
        (void)state;
        check_under(restart);
}

static void test_an_outage(void **state)
{
        (void)state;
        check_under(be_away);
}

static void test_upgrades_and_downgrades(void **state)
{
        (void)state;
        check_under(upgrade_and_downgrade);
}

/* Says something, which `other` sees, and gets an answer. */
static void check_version(struct client *c, struct client *other, int round)
{
        client_send(c, "in round %d\n/msg nobody hi\n", round);
        client_expect(other, "%s: in round %d\r\n", c->name, round);
        client_expect(c, "*** There is nobody called nobody here; /who lists who is here\r\n");
}

/* Lets sessions of this version and of another chat, with a chatd of either. */
static void check_beside(const char *version)
{
        char chatd[64];
        snprintf(chatd, sizeof(chatd), "build/%s/chatd", version);
        shell("install build/%s/chat-session /usr/local/sbin/chat-session", version);
        struct client *other = booted_join();
        shell("install %s /usr/local/sbin/chat-session", program("chat-session"));
        struct client *now = booted_join();
        client_expect(other, "*** %s is connected\r\n", now->name);
        for (int i = 0; i < 4; i++) {
                if (i > 0)
                        install_chatd(i % 2 ? chatd : program("chatd"));
                check_version(now, other, i);
                check_version(other, now, i);
        }
        client_send(other, "exit\n");
        client_expect_end(other);
        client_expect(now, "*** %s is disconnected\r\n", other->name);
        install_chatd(program("chatd"));
        client_free(other);
        client_free(now);
}

static void test_sessions_of_two_versions(void **state)
{
        (void)state;
        check_beside("next");
        check_beside("previous");
}

/* Lets clients join while chatd is killed. Returns how many joined. The first ones wait for chatd when it starts. */
static unsigned let_many_come(struct client *many[static MANY_MAX])
{
        bool disturbing = true;
        unsigned n = 0, greeted = 0;
        booted_hold_chatd();
        while (n < COMING_MAX)
                many[n++] = client_connect("127.0.0.1", CHAT_PORT);
        while (greeted < n)
                client_greeted(many[greeted++]);
        booted_release_chatd();
        pid_t disturbance = start_disturbance(kill_while_many_come);
        while (disturbing && n < MANY_MAX) {
                many[n++] = client_connect("127.0.0.1", CHAT_PORT);
                if (n - greeted > COMING_MAX)
                        client_greeted(many[greeted++]);
                disturbing = !process_has_ended(disturbance);
        }
        while (greeted < n)
                client_greeted(many[greeted++]);
        if (disturbing)
                assert_int_equal(process_wait(disturbance), 0);
        return n;
}

/* Everybody is told once of each newcomer, by name or in a notice, and in the same order. chatd names one a second, so
 * some are counted in notices. */
static void test_many_come_while_it_is_killed(void **state)
{
        (void)state;
        struct client *many[MANY_MAX], *speaker = receivers[CLIENTS - 1].client;
        struct told all = {0};
        shell("echo Arrivals=1:1 >>/etc/chat/chat.conf && systemctl reload chatd");
        client_send(speaker, "now many come\n");
        for (int i = 0; i < CLIENTS - 1; i++)
                client_expect(receivers[i].client, ": now many come\r\n");
        unsigned n = let_many_come(many);
        shell_until("test $(ls /run/chat/members | grep -vE 'arriv|held|named|requests' | wc -l) = %u", CLIENTS + n);
        shell_until("! ls /run/chat/members | grep -qE 'arriv|held|named'");
        client_send(speaker, "that is all\n");
        told_add(&all, client_expect(receivers[0].client, ": that is all\r\n"));
        printf("%zu notices of %u people\n", all.count, n);
        assert_int_equal(told_people(&all), n);
        assert_true(told_unnamed(&all) > 0);
        for (int i = 1; i < CLIENTS - 1; i++) {
                struct told told = {0};
                told_add(&told, client_expect(receivers[i].client, ": that is all\r\n"));
                assert_int_equal(told.count, all.count);
                assert_memory_equal(told.events, all.events, all.count * sizeof(*all.events));
                told_free(&told);
        }
        for (unsigned i = 0; i < n; i++) {
                struct told told = {0};
                told_add(&told, client_expect(many[i], ": that is all\r\n"));
                told_assert_same(&all, &told, many[i]->name);
                told_free(&told);
                client_free(many[i]);
        }
        told_free(&all);
}

/* Installs the chat and lets all join. Every client may send as fast as the broker takes it. */
static int install_and_join(void **state)
{
        booted_install_without_history(state);
        shell("mkdir -p /run/systemd/system/chat@.service.d");
        shell("printf '[Service]\nExecStart=\nExecStart=/usr/local/sbin/chat-session --pace=off\n'"
              " > /run/systemd/system/chat@.service.d/pace.conf");
        shell("systemctl daemon-reload; mkdir -p /run/systemd/system/chatd.service.d");
        epoll = epoll_create1(EPOLL_CLOEXEC);
        for (int i = 0; i < CLIENTS; i++) {
                struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
                receivers[i].client = booted_join();
                receivers[i].order = calloc(LINES_MAX, sizeof(uint32_t));
                epoll_ctl(epoll, EPOLL_CTL_ADD, receivers[i].client->fd, &event);
        }
        shell_until("! ls /run/chat/members | grep -qE 'arriv|held|named'"); /* members that wait to be announced */
        /* a client that is shown this is a member, and so all are */
        client_send(receivers[CLIENTS - 1].client, "all here?\n");
        client_expect(receivers[0].client, "all here?\r\n");
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kills),
                cmocka_unit_test(test_restarts),
                cmocka_unit_test(test_an_outage),
                cmocka_unit_test(test_upgrades_and_downgrades),
                cmocka_unit_test(test_sessions_of_two_versions),
                cmocka_unit_test(test_many_come_while_it_is_killed),
        };
        return RUN_TESTS(tests, install_and_join, NULL);
}
