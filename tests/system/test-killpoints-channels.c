/* chatd is killed (killing.h) while clients of IRC are in several channels: they speak, enter a channel, leave one, and
 * take another nick. The residents are clients of IRC here.
 *
 * What each must be shown follows from who is in which channel: everything once and in order. Notices of the server and
 * lists of names are left out, because they depend on when chatd was killed.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

#include "killing.h"
#include "tracer.h"

enum channel { LOBBY, DEN, CHANNELS };

static const char *const channel_names[CHANNELS] = {"#lobby", "#den"};

/* The state of each client, and what it must be shown in this round. */
static struct {
        bool is_in[CHANNELS];
        char expected[HEARD_MAX_BYTES];
} irc[RESIDENTS];

/* ---- what must be shown ---- */

static bool share_a_channel(enum role a, enum role b)
{
        return (irc[a].is_in[LOBBY] && irc[b].is_in[LOBBY]) || (irc[a].is_in[DEN] && irc[b].is_in[DEN]);
}

/* Expects that `to` is shown this message of `who`. */
__attribute__((format(printf, 3, 4))) static void expect(enum role to, enum role who, const char *format, ...)
{
        size_t len = strlen(irc[to].expected);
        va_list args;
        len += (size_t)snprintf(irc[to].expected + len, HEARD_MAX_BYTES - len, ":%s!chat@%s ", persons[who].name,
                                irc_server());
        va_start(args, format);
        len += (size_t)vsnprintf(irc[to].expected + len, HEARD_MAX_BYTES - len, format, args);
        va_end(args);
        snprintf(irc[to].expected + len, HEARD_MAX_BYTES - len, "\r\n");
}

/* Returns true if this line is a notice of the server, or of a list of names. */
static bool is_left_out(const char *line, size_t len)
{
        static const char *const words[] = {" NOTICE ", " 353 ", " 366 "};
        size_t server = strlen(irc_server());
        if (len <= 1 + server || strncmp(line + 1, irc_server(), server) != 0)
                return false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
                if (strncmp(line + 1 + server, words[i], strlen(words[i])) == 0)
                        return true;
        return false;
}

/* Writes the whole lines that the client was shown, without those that are left out. */
static void shown_to(enum role who, char text[static HEARD_MAX_BYTES])
{
        const char *at = persons[who].client->got, *end;
        size_t len = 0;
        for (; (end = strstr(at, "\r\n")); at = end + 2)
                if (!is_left_out(at, (size_t)(end - at)))
                        len += (size_t)snprintf(text + len, HEARD_MAX_BYTES - len, "%.*s\r\n", (int)(end - at), at);
        text[len] = '\0';
}

/* Takes what has come. Returns true if all were shown as much as they must. */
static bool have_all_read(void)
{
        bool all = true;
        char shown[HEARD_MAX_BYTES];
        link_hear();
        for (int who = 0; who < RESIDENTS; who++) {
                struct client *c = persons[who].client;
                ssize_t got = recv(c->fd, c->got + c->len, c->room - 1 - c->len, MSG_DONTWAIT);
                if (got == 0)
                        fail_msg("%s was disconnected", persons[who].name);
                c->len += got > 0 ? (size_t)got : 0;
                c->got[c->len] = '\0';
                shown_to((enum role)who, shown);
                all &= strlen(shown) >= strlen(irc[who].expected);
        }
        return all;
}

static void wait_until_all_read(void)
{
        char shown[HEARD_MAX_BYTES];
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (!have_all_read() && wait_for_news(0, RESIDENTS, deadline))
                ;
        for (int who = 0; who < RESIDENTS; who++) {
                shown_to((enum role)who, shown);
                assert_string_equal(shown, irc[who].expected);
        }
}

static void forget_all(void)
{
        played.len = 0;
        for (int who = 0; who < RESIDENTS; who++) {
                irc[who].expected[0] = '\0';
                persons[who].client->len = 0;
                persons[who].client->got[0] = '\0';
        }
}

/* Waits until the next frame is in the queue, so that later frames are behind it. A late answer to the roll call of the
 * round before may come, too. */
static void queue_gets_more(unsigned *length)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        unsigned n;
        while ((n = queue_length()) <= *length) {
                assert_true(clock_ms() < deadline);
                usleep(50);
        }
        *length = n;
}

/* ---- what the clients do ---- */

static void tell_channel(enum role who, enum channel channel, const char *text)
{
        for (int to = 0; to < RESIDENTS; to++)
                if (to != (int)who && irc[to].is_in[channel])
                        expect((enum role)to, who, "PRIVMSG %s :%s, round %u", channel_names[channel], text,
                               round_number);
        client_send(persons[who].client, "PRIVMSG %s :%s, round %u\r\n", channel_names[channel], text, round_number);
}

static void enter(enum role who, enum channel channel)
{
        irc[who].is_in[channel] = true;
        for (int to = 0; to < RESIDENTS; to++)
                if (irc[to].is_in[channel])
                        expect((enum role)to, who, "JOIN %s", channel_names[channel]);
        client_send(persons[who].client, "JOIN %s\r\n", channel_names[channel]);
}

static void leave_channel(enum role who, enum channel channel)
{
        for (int to = 0; to < RESIDENTS; to++)
                if (irc[to].is_in[channel])
                        expect((enum role)to, who, "PART %s", channel_names[channel]);
        irc[who].is_in[channel] = false;
        client_send(persons[who].client, "PART %s\r\n", channel_names[channel]);
}

static void become(enum role who, const char *nick)
{
        for (int to = 0; to < RESIDENTS; to++)
                if (to == (int)who || share_a_channel((enum role)to, who))
                        expect((enum role)to, who, "NICK :%s", nick);
        client_send(persons[who].client, "NICK %s\r\n", nick);
        snprintf(persons[who].name, sizeof(persons[who].name), "%s", nick);
}

/* Connects a client of IRC, which has registered then. */
static void connect_client(enum role who)
{
        struct person *p = &persons[who];
        p->client = chat_join_with(chat, "127.0.0.1", &p->session, chat->option, "--pace=off", NULL);
        snprintf(p->name, sizeof(p->name), "%s", role_names[who]);
        client_send(p->client, "NICK %s\r\nUSER %s 0 * :x\r\n", p->name, p->name);
        client_expect(p->client, " 422 %s :", p->name);
        client_expect(p->client, "\r\n");
}

/* ---- rounds ---- */

/* Ann is in the lobby, Bob in both, and Cat in the den. Ann and Cat enter the other channel, and Bob leaves the lobby.
 * A client waits for the answer to these, so they are the last that it does in the round. */
static void fill_with_entries(unsigned *length)
{
        tell_channel(ANN, LOBBY, "I go to the den");
        queue_gets_more(length);
        enter(ANN, DEN);
        queue_gets_more(length);
        tell_channel(CAT, DEN, "hello, Ann");
        queue_gets_more(length);
        enter(CAT, LOBBY);
        queue_gets_more(length);
        tell_channel(BOB, LOBBY, "hello, Cat");
        queue_gets_more(length);
        tell_channel(BOB, DEN, "both of you");
        queue_gets_more(length);
        leave_channel(BOB, LOBBY);
        queue_gets_more(length);
}

/* Ann and Cat share two channels now: each new nick must be shown once. */
static void fill_with_nicks(unsigned *length)
{
        char nick[32];
        tell_channel(ANN, DEN, "who am I?");
        queue_gets_more(length);
        snprintf(nick, sizeof(nick), "ann-%u", round_number);
        become(ANN, nick);
        queue_gets_more(length);
        tell_channel(BOB, DEN, "you are Ann");
        queue_gets_more(length);
        enter(BOB, LOBBY);
        queue_gets_more(length);
        tell_channel(CAT, LOBBY, "and I?");
        queue_gets_more(length);
        snprintf(nick, sizeof(nick), "cat-%u", round_number);
        become(CAT, nick);
        queue_gets_more(length);
}

/* All go back to where they were at first. */
static void fill_with_exits(unsigned *length)
{
        tell_channel(ANN, LOBBY, "I leave the den");
        queue_gets_more(length);
        leave_channel(ANN, DEN);
        queue_gets_more(length);
        tell_channel(BOB, DEN, "good bye");
        queue_gets_more(length);
        leave_channel(CAT, LOBBY);
        queue_gets_more(length);
        tell_channel(BOB, LOBBY, "and good bye");
        queue_gets_more(length);
}

/* Everybody says something in a channel, one after another. By then each session has answered the roll call, and no
 * frame of this round is left. */
static void say_last_words(void)
{
        for (int who = 0; who < RESIDENTS; who++) {
                tell_channel((enum role)who, irc[who].is_in[DEN] ? DEN : LOBBY, "the end");
                wait_until_all_read();
        }
}

static bool play(unsigned at, void (*fill)(unsigned *length))
{
        unsigned length = queue_length();
        round_number++;
        killed_count = 0;
        playing = true;
        fill(&length);
        run_and_kill(at);
        start_broker(false);
        wait_until_all_read();
        say_last_words();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_all();
        playing = false;
        return killed[0].done;
}

static void test_every_call(void **state)
{
        static void (*const fills[])(unsigned *length) = {fill_with_entries, fill_with_nicks, fill_with_exits};
        struct points p = {0};
        (void)state;
        if (!tracer_may_trace())
                skip();
        memset(irc, 0, sizeof(irc));
        chat->more = "--arrivals=off";
        chat->server = "chat-irc";
        is_at_rest = have_all_read;
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir);
        link_hello();
        for (int who = 0; who < RESIDENTS; who++)
                connect_client((enum role)who);
        forget_all();
        enter(ANN, LOBBY);
        wait_until_all_read();
        enter(BOB, LOBBY);
        wait_until_all_read();
        enter(BOB, DEN);
        wait_until_all_read();
        enter(CAT, DEN);
        wait_until_all_read();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_all();
        while (next_point(&p)) {
                for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
                        if (play(p.at, fills[i]))
                                p.calls = p.at;
                show_progress("each call of channels", 0);
        }
        assert_true(p.calls > 50);
        show_points(p.calls, " while people entered channels, left them and took nicks");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
