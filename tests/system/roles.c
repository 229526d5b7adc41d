#include "roles.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>
#include <chat/record.h>

#include "../../chat-irc/line.h"

enum { DATAGRAM_ROOM = 16 * 1024 };

const char *const role_names[ROLES] = {"Ann", "Bob", "Cat", "Dan", "Eve", "Fay", "Gus", "Hal", "Zoe"};

struct chat *chat;
struct played_link played;
int child_signals;
struct person persons[ROLES];
struct event events[EVENTS_MAX];
size_t events_count;
unsigned round_number;

struct event *add_event(enum role who, enum what what)
{
        assert_true(events_count < EVENTS_MAX);
        struct event *e = &events[events_count++];
        *e = (struct event){.who = who, .what = what};
        memcpy(e->name, persons[who].name, sizeof(e->name));
        memcpy(e->room, persons[who].room, sizeof(e->room));
        return e;
}

const char *irc_server(void)
{
        static char server[LINE_SERVER_MAX_BYTES + 1];
        if (server[0] == '\0')
                line_server(server);
        return server;
}

/* Writes what a client of IRC is shown of an event. Returns its size. */
static size_t show_on_irc(const struct event *e, char *at, size_t room)
{
        const struct line_form form = {.server = irc_server()};
        static const uint8_t kinds[] = {[JOINS] = RECORD_JOIN, [SAYS] = RECORD_LINE, [LEAVES] = RECORD_LEAVE};
        assert_true(e->what < sizeof(kinds));
        const struct record r = {.kind = kinds[e->what],
                                 .name = slice_of(e->name),
                                 .text = slice_of(e->what == LEAVES ? "exit" : e->text)};
        size_t size = line_record(&form, &r, 0, at, room);
        at[size] = '\0';
        return size;
}

/* Returns the room of `who` before the events. */
static const char *room_at_first(enum role who)
{
        for (size_t i = 0; i < events_count; i++)
                if (events[i].who == who)
                        return events[i].room;
        return persons[who].room;
}

void expected_of(enum role who, char text[static HEARD_MAX_BYTES])
{
        size_t first = 0, len = 0;
        const char *room = room_at_first(who);
        text[0] = '\0';
        for (size_t i = 0; i < events_count; i++)
                if (events[i].who == who && events[i].what == JOINS)
                        first = i + 1;
        for (const struct event *e = events + first; e < events + events_count; e++) {
                const char *name = e->name;
                char *at = text + len;
                size_t left = HEARD_MAX_BYTES - len;
                bool here = who == ZOE || strcmp(e->room, room) == 0; /* the link gets the lines of all rooms */
                if (e->who == who && e->what == LEAVES)
                        return;
                if (e->what == ANNOUNCED ? who != ZOE : e->who == who && e->what == TOLD) {
                        len += (size_t)snprintf(at, left, "*** %s\r\n", e->text);
                } else if (e->what == ANNOUNCED || e->what == TOLD) {
                        continue; /* the link gets the event, and does not pass it on */
                } else if (e->who == who && e->what == GOES) {
                        room = e->text;
                        len += (size_t)snprintf(at, left, "*** You are now in %s, with %s\r\n", room, e->with);
                } else if (e->who != who && e->what == GOES && (who == ZOE || strcmp(e->text, room) == 0)) {
                        len += (size_t)snprintf(at, left, "*** %s came from %s\r\n", name, e->room);
                } else if (e->who != who && e->what == GOES && here) {
                        len += (size_t)snprintf(at, left, "*** %s went to %s\r\n", name, e->text);
                } else if (e->what == GOES) {
                        continue;
                } else if (e->who == who && e->what == BECOMES)
                        len += (size_t)snprintf(at, left, "*** You are now called %s\r\n", e->text);
                else if (e->who == who && e->what == WHISPERS)
                        len += (size_t)snprintf(at, left, "-> %s: %s\r\n", e->with, e->text);
                else if (e->who == who || (e->what == WHISPERS ? e->to != who : !here))
                        continue;
                else if (persons[who].on_irc)
                        len += show_on_irc(e, at, left);
                else if (e->what == SAYS)
                        len += (size_t)snprintf(at, left, "%s: %s\r\n", name, e->text);
                else if (e->what == ACTS)
                        len += (size_t)snprintf(at, left, "* %s %s\r\n", name, e->text);
                else if (e->what == WHISPERS)
                        len += (size_t)snprintf(at, left, "%s (to you): %s\r\n", name, e->text);
                else if (e->what == BECOMES)
                        len += (size_t)snprintf(at, left, "*** %s is now called %s\r\n", name, e->text);
                else
                        len += (size_t)snprintf(at, left, "*** %s is %s\r\n", name,
                                                e->what == JOINS ? "connected" : "disconnected");
                assert_true(len < HEARD_MAX_BYTES);
        }
}

bool heard_as_expected(enum role who)
{
        char text[HEARD_MAX_BYTES];
        expected_of(who, text);
        return strcmp(persons[who].client->got, text) == 0;
}

void assert_heard(enum role who)
{
        char text[HEARD_MAX_BYTES];
        expected_of(who, text);
        if (strcmp(persons[who].client->got, text) != 0)
                fail_msg("%s (%s) was to be shown:\n%sand was shown:\n%s", role_names[who], persons[who].name, text,
                         persons[who].client->got);
}

static void link_show(const struct record *r)
{
        char *at = played.got + played.len;
        size_t room = sizeof(played.got) - played.len;
        if (r->kind == RECORD_NOTICE)
                return;
        int name = (int)r->name.len, text = (int)r->text.len;
        if (r->kind == RECORD_LINE)
                played.len += (size_t)snprintf(at, room, "%.*s: %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_ACTION)
                played.len += (size_t)snprintf(at, room, "* %.*s %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_CAME)
                played.len +=
                        (size_t)snprintf(at, room, "*** %.*s came from %.*s\r\n", name, r->name.at, text, r->text.at);
        else if (r->kind == RECORD_RENAME)
                played.len += (size_t)snprintf(at, room, "*** %.*s is now called %.*s\r\n", name, r->name.at, text,
                                               r->text.at);
        else
                played.len += (size_t)snprintf(at, room, "*** %.*s is %s\r\n", name, r->name.at,
                                               r->kind == RECORD_JOIN ? "connected" : "disconnected");
        assert_true(played.len < sizeof(played.got));
}

void link_hear(void)
{
        static uint8_t datagram[DATAGRAM_MAX_BYTES];
        struct frame f;
        struct record r;
        ssize_t n;
        while ((n = recv(played.inbox, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0) {
                assert_int_equal(frame_decode(&f, datagram, (size_t)n), 0);
                seen_epoch(&played.seen, f.id);
                if (f.type == FRAME_WELCOME) {
                        played.welcome = true;
                        played.welcome_frame = f;
                        continue;
                }
                assert_true(f.type == FRAME_BATCH || f.type == FRAME_ROLLCALL);
                while (f.type == FRAME_BATCH && record_next(&f.records, &r) > 0)
                        if (!seen_before(&played.seen, r.id, record_key(&r)))
                                link_show(&r);
        }
}

void assert_link_heard(void)
{
        char text[HEARD_MAX_BYTES];
        int64_t deadline = clock_ms() + DEADLINE_MS;
        expected_of(ZOE, text);
        for (link_hear(); played.len < strlen(text) && clock_ms() < deadline; link_hear())
                usleep(50);
        if (strcmp(played.got, text) != 0)
                fail_msg("the link was to be sent:\n%sand was sent:\n%s", text, played.got);
}

void forget_events(void)
{
        link_hear();
        played.got[played.len = 0] = '\0';
        events_count = 0;
        for (int who = 0; who < ROLES; who++) {
                struct client *c = persons[who].client;
                if (c)
                        c->got[c->len = 0] = '\0';
        }
}

#define GREETING_BEGIN "*** Welcome, "

void drop_greeting(struct client *c)
{
        static const char end[] = "exit leaves.\r\n";
        const char *found = strncmp(c->got, GREETING_BEGIN, strlen(GREETING_BEGIN)) == 0 ? strstr(c->got, end) : NULL;
        if (!found)
                return;
        size_t size = (size_t)(found - c->got) + sizeof(end) - 1;
        c->len -= size;
        memmove(c->got, c->got + size, c->len + 1);
}

bool have_heard(int first, int end)
{
        bool all = true;
        link_hear();
        for (int who = first; who < end; who++) {
                struct client *c = persons[who].client;
                char text[HEARD_MAX_BYTES];
                ssize_t got = recv(c->fd, c->got + c->len, c->room - 1 - c->len, MSG_DONTWAIT);
                if (got == 0 || (got < 0 && errno != EAGAIN))
                        fail_msg("%s (%s) was disconnected", role_names[who], c->name);
                c->len += got > 0 ? (size_t)got : 0;
                c->got[c->len] = '\0';
                drop_greeting(c);
                expected_of((enum role)who, text);
                all &= c->len >= strlen(text) && strncmp(c->got, GREETING_BEGIN, strlen(GREETING_BEGIN)) != 0;
        }
        return all;
}

bool have_residents_heard(void)
{
        return have_heard(0, RESIDENTS);
}

bool wait_for_news(int first, int end, int64_t deadline)
{
        struct pollfd fds[2 + ROLES] = {{.fd = child_signals, .events = POLLIN},
                                        {.fd = played.inbox, .events = POLLIN}};
        struct signalfd_siginfo info;
        nfds_t n = 2;
        int64_t left = deadline - clock_ms();
        for (int who = first; who < end; who++)
                fds[n++] = (struct pollfd){.fd = persons[who].client->fd, .events = POLLIN};
        if (left <= 0 || poll(fds, n, (int)left) == 0)
                return false;
        if (fds[0].revents)
                assert_int_equal(read(child_signals, &info, sizeof(info)), sizeof(info));
        return true;
}

void wait_until_heard(int first, int end)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (!have_heard(first, end) && wait_for_news(first, end, deadline))
                ;
}

void wait_until_true(bool (*condition)(void), const char *what)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        for (; !condition(); usleep(50))
                if (clock_ms() > deadline)
                        fail_msg("waited for: %s", what);
}

/* ---- actions ---- */

unsigned queue_length(void)
{
        static char datagram[DATAGRAM_ROOM];
        int before, head = 0;
        unsigned n = 0;
        socklen_t size = sizeof(before);
        assert_int_equal(getsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &before, &size), 0);
        setsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &head, sizeof(head));
        while (recv(chat->queue, datagram, sizeof(datagram), MSG_PEEK | MSG_DONTWAIT) > 0)
                n++;
        setsockopt(chat->queue, SOL_SOCKET, SO_PEEK_OFF, &before, sizeof(before));
        return n;
}

void queue_grows(unsigned *length)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        ++*length;
        for (unsigned n; (n = queue_length()) != *length; usleep(50)) {
                if (n > *length || clock_ms() > deadline)
                        fail_msg("%u frames are queued, not %u", n, *length);
        }
}

void join(enum role who)
{
        struct person *p = &persons[who];
        p->client = chat_join_with(chat, "127.0.0.1", &p->session, chat->option, "--pace=off", NULL);
        client_send(p->client, "\n");
        snprintf(p->name, sizeof(p->name), "%s", p->client->name);
        add_event(who, JOINS);
}

void join_greeted(enum role who)
{
        join(who);
        client_greeted(persons[who].client);
}

void say(enum role who, const char *text)
{
        struct event *e = add_event(who, SAYS);
        snprintf(e->text, sizeof(e->text), "%s, round %u", text, round_number);
        client_send(persons[who].client, "%s%s\n", persons[who].on_irc ? "PRIVMSG #lobby :" : "", e->text);
}

void leave(enum role who)
{
        add_event(who, LEAVES);
        client_send(persons[who].client, "exit\n");
}

void die(enum role who)
{
        int status;
        kill(persons[who].session, SIGKILL);
        waitpid(persons[who].session, &status, 0);
        client_free(persons[who].client);
        persons[who].client = NULL;
}

void link_send(const void *data, size_t size)
{
        assert_int_equal(send(played.sender, data, size, 0), size);
}

void link_hello(void)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame hello = {.type = FRAME_HELLO, .id = LINK_ID, .name = slice_of(""), .address = slice_of("")};
        link_send(buffer, frame_encode(buffer, sizeof(buffer), &hello));
}

void link_inject(void)
{
        static const char *const texts[] = {"from afar", "and once more"};
        struct frame f = {.type = FRAME_INJECT, .id = LINK_ID};
        size_t n = frame_encode(played.injected, sizeof(played.injected), &f);
        for (int i = 0; i < 2; i++) {
                struct event *e = add_event(ZOE, SAYS);
                snprintf(e->text, sizeof(e->text), "%s, round %u", texts[i], round_number);
                struct record r = {.kind = RECORD_LINE,
                                   .number = ++played.number,
                                   .name = slice_of(persons[ZOE].name),
                                   .text = slice_of(e->text)};
                n += record_encode(played.injected + n, sizeof(played.injected) - n, &r);
        }
        played.injected_size = n;
        link_send(played.injected, n);
}

void link_ask(unsigned members)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        link_send(played.injected, played.injected_size);
        link_hear();
        played.welcome = false;
        link_hello();
        while (!played.welcome) {
                assert_true(wait_for_news(0, 0, deadline));
                link_hear();
        }
        assert_int_equal(played.welcome_frame.number, played.number);
        assert_int_equal(played.welcome_frame.members, members);
}

void assert_farewell(enum role who, bool in_time)
{
        struct person *p = &persons[who];
        int status;
        char text[HEARD_MAX_BYTES];
        client_expect_end(p->client);
        drop_greeting(p->client);
        expected_of(who, text);
        if (in_time || strncmp(text, p->client->got, p->client->len) != 0)
                assert_heard(who);
        assert_int_equal(waitpid(p->session, &status, 0), p->session);
        if (status != 0)
                fail_msg("the session of %s (%s) ended with %x", role_names[who], p->name, (unsigned)status);
        client_free(p->client);
        p->client = NULL;
}

void all_speak(enum role last)
{
        forget_events();
        link_ask(last + 1);
        for (enum role who = ANN; who <= last; who++) {
                say(who, "all is well");
                wait_until_heard(0, (int)last + 1);
        }
}

/* ---- files ---- */

/* Returns the owner of a note, whose name is the id, which begins with the pid. Returns MEMBERS if no member owns it.
 * Keeps the name of the inbox in the note. */
static int owner_of_note(int dir, const char *file)
{
        char note[512] = "";
        uint64_t id;
        int who = 0;
        if (path_parse_id(file, &id) < 0)
                return MEMBERS;
        while (who < MEMBERS && persons[who].session != (pid_t)(id >> 32))
                who++;
        if (who == MEMBERS || readlinkat(dir, file, note, sizeof(note) - 1) < 0 ||
            sscanf(note, "%*u %19s", persons[who].inbox) != 1)
                return MEMBERS;
        return who;
}

static int owner_of_inbox(const char *file)
{
        int who = 0;
        while (who < MEMBERS && strcmp(persons[who].inbox, file) != 0)
                who++;
        return who;
}

/* Returns true for the mark with the rooms of a client of IRC that is there. */
static bool is_of_irc(const char *file)
{
        uint64_t id;
        const char *dot = strchr(file, '.');
        char digits[32];
        snprintf(digits, sizeof(digits), "%.*s", (int)(dot ? dot - file : 0), file);
        for (int who = 0; dot && strcmp(dot, ".rooms") == 0 && who < MEMBERS; who++)
                if (path_parse_id(digits, &id) == 0 && persons[who].on_irc && persons[who].session == (pid_t)(id >> 32))
                        return true;
        return false;
}

/* Returns true for the link's note, the file of its number, and the requests of administrators. */
static bool is_of_nobody(const char *file)
{
        static const char *const files[] = {"0000000000000001", "0000000000000001.relayed", "requests"};
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
                if (strcmp(file, files[i]) == 0)
                        return true;
        return false;
}

void assert_files(const char *folder)
{
        char path[128];
        int found[MEMBERS] = {0};
        snprintf(path, sizeof(path), "%s/%s", chat->dir, folder);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                if (entry->d_name[0] == '.' || is_of_nobody(entry->d_name) || is_of_irc(entry->d_name))
                        continue;
                int who = strcmp(folder, MEMBERS_DIR_NAME) == 0 ? owner_of_note(dirfd(dir), entry->d_name)
                                                                : owner_of_inbox(entry->d_name);
                if (who == MEMBERS)
                        fail_msg("%s/%s is left of somebody who is gone", folder, entry->d_name);
                found[who]++;
        }
        closedir(dir);
        for (int who = 0; who < MEMBERS; who++)
                if (found[who] != 1)
                        fail_msg("%s (%s) has %d files in %s", role_names[who], persons[who].name, found[who], folder);
}
