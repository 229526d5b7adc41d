/* chatd is killed again and again under load: every line reaches everybody else once, in one and the same order. */
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

enum {
        CLIENTS = 50,
        SENDERS = 10, /* the first ones */
        KILLS = 40,
        KILL_EVERY_MAX_MS = 500,
        IN_FLIGHT = 256,
        LINES_MAX = 400 * 1000,
        LINE_MAX_BYTES = 256,
};

struct receiver {
        struct client *client;
        char half[LINE_MAX_BYTES]; /* a line that has not come whole */
        size_t half_len;
        unsigned last[SENDERS]; /* the number of each sender's last line */
        uint32_t *order;        /* what came: sender << 24 | number */
        size_t count;
};

static struct receiver receivers[CLIENTS];
static unsigned sent[SENDERS];

/* Kills chatd at moments of chance, sometimes while it starts. Ends when it has done so KILLS times. */
static pid_t start_killer(void)
{
        pid_t killer = process_fork();
        if (killer > 0)
                return killer;
        srandom((unsigned)clock_ms());
        for (int kills = 0; kills < KILLS;) {
                usleep((useconds_t)(random() % (KILL_EVERY_MAX_MS * 1000)));
                FILE *f = popen("systemctl show -P MainPID chatd", "r");
                int chatd = 0;
                if (f && fscanf(f, "%d", &chatd) == 1 && chatd > 0 && kill(chatd, SIGKILL) == 0)
                        kills++;
                if (f)
                        pclose(f);
        }
        _exit(0);
}

static void take_line(struct receiver *r, const char *line)
{
        unsigned sender, number;
        const char *text = strstr(line, ": line ");
        assert_null(strstr(line, "disconnected"));
        assert_null(strstr(line, "skipped"));
        assert_null(strstr(line, "not available"));
        if (!text || sscanf(text, ": line %u %u", &sender, &number) != 2)
                return;
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

/* Sends as long as not too much is under way. */
static void send_more(void)
{
        size_t all = sent_in_all(), arrived = receivers[CLIENTS - 1].count;
        for (int i = 0; all - arrived < IN_FLIGHT && all < LINES_MAX - IN_FLIGHT; i = (i + 1) % SENDERS, all++)
                client_send(receivers[i].client, "line %d %u\n", i, ++sent[i]);
}

static bool all_arrived(void)
{
        for (int i = 0; i < CLIENTS; i++)
                if (receivers[i].count != sent_in_all() - (i < SENDERS ? sent[i] : 0))
                        return false;
        return true;
}

/* The order of the last receiver, who sends nothing, without the lines of `sender`. */
static void assert_same_order(const struct receiver *r, int sender)
{
        const struct receiver *reference = &receivers[CLIENTS - 1];
        size_t at = 0;
        for (size_t i = 0; i < reference->count; i++)
                if ((int)(reference->order[i] >> 24) != sender)
                        assert_int_equal(r->order[at++], reference->order[i]);
        assert_int_equal(at, r->count);
}

static void test_kills_under_load(void **state)
{
        (void)state;
        int epoll = epoll_create1(EPOLL_CLOEXEC), status;
        for (int i = 0; i < CLIENTS; i++) {
                struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
                receivers[i].client = booted_join();
                receivers[i].order = calloc(LINES_MAX, sizeof(uint32_t));
                epoll_ctl(epoll, EPOLL_CTL_ADD, receivers[i].client->fd, &event);
        }
        client_send(receivers[CLIENTS - 1].client, "all here?\n"); /* whoever hears this is a member, and so all are */
        client_expect(receivers[0].client, "all here?\r\n");

        pid_t killer = start_killer();
        bool killing = true;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (killing || !all_arrived()) {
                struct epoll_event events[CLIENTS];
                if (killing)
                        send_more();
                int n = epoll_wait(epoll, events, CLIENTS, 100);
                for (int i = 0; i < n; i++)
                        take_bytes(&receivers[events[i].data.u32]);
                if (n > 0)
                        deadline = clock_ms() + DEADLINE_MS;
                else if (clock_ms() > deadline)
                        fail_msg("sent %zu lines, and %zu came: nothing comes any more", sent_in_all(),
                                 receivers[CLIENTS - 1].count);
                if (killing && waitpid(killer, &status, WNOHANG) == killer)
                        killing = false;
        }
        for (int i = 0; i < CLIENTS; i++)
                assert_same_order(&receivers[i], i < SENDERS ? i : -1);
        assert_true(sent_in_all() > KILLS * 10);
        printf("%d kills, %zu lines to %d clients\n", KILLS, sent_in_all(), CLIENTS);
        for (int i = 0; i < CLIENTS; i++) {
                client_free(receivers[i].client);
                free(receivers[i].order);
        }
        close(epoll);
}

/* As fast as the broker takes it. */
static int install_without_pace(void **state)
{
        booted_install(state);
        shell("mkdir -p /run/systemd/system/chat@.service.d");
        shell("printf '[Service]\nExecStart=\nExecStart=/usr/local/sbin/chat-session --pace=off\n'"
              " > /run/systemd/system/chat@.service.d/pace.conf");
        shell("systemctl daemon-reload");
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_kills_under_load)};
        return RUN_TESTS(tests, install_without_pace, NULL);
}
