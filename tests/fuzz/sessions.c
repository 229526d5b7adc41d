#include "sessions.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/names.h>
#include <chat/paths.h>
#include <chat/record.h>
#include <chat/safe-text.h>
#include <chat/sentence.h>

#include "../../chat-irc/line.h"
#include "../lender.h"

#include "fuzz.h"

enum { ARRIVES_WITHIN_MS = 5000 };

/* Any inbox has room for at least this much: net.unix.max_dgram_qlen is 10 or more, net.core.wmem_default 200 KiB. */
enum { INBOX_SAFE_DATAGRAMS = 8, INBOX_SAFE_BYTES = 100000 };

#define NOTICES                                                                                                        \
        (UINT64_C(1) << 63) /* numbers of notices begin here: a record and a notice with one number would be the same */

static const char *const names[PLAYERS] = {"s0", "s1", "s2", "s3", "s4", "the link"};
/* Names that sessions ask for: some are too similar to each other, and one is not allowed. */
static const char *const nicks[NICKS] = {"ann", "Ann", "bob", "b0b", "eve", "zoe", "B0B", "e v e"};
/* Rooms that sessions ask for, by number; room_numbers tells which room that is, or -1. */
static const char *const rooms[ROOMS] = {"", "kitchen", "Kitchen", "garden", "lobby", "no room"};
static const int room_numbers[ROOMS] = {0, 1, 1, 2, 0, -1};

enum { NUMBERED = 3 };
static const char *const numbered[NUMBERED] = {"lobby", "kitchen", "garden"};
static const struct slice far_name = {"zoe@b", 5};

void sessions_init(struct sessions *s, const char *dir)
{
        memset(s, 0, sizeof(*s));
        s->dir = dir;
        s->sender = -1;
        for (unsigned k = 0; k < PLAYERS; k++) {
                s->all[k].id = k == LINK ? LINK_ID : (uint64_t)getpid() << 32 | k;
                s->all[k].inbox = -1;
                s->all[k].reads = s->all[k].once = s->all[k].attentive = true;
        }
}

void sessions_free(struct sessions *s)
{
        close(s->sender);
        for (unsigned k = 0; k < PLAYERS; k++) {
                if (s->all[k].inbox >= 0)
                        close(s->all[k].inbox);
                if (s->all[k].lender)
                        lender_free(s->all[k].lender);
        }
}

void sessions_epoch(struct sessions *s, uint64_t epoch)
{
        PROMISE(s->epochs_count < EPOCHS_MAX, "too many chatds");
        s->epochs[s->epochs_count++] = epoch;
}

void sessions_group(struct sessions *s, uint64_t number, unsigned who)
{
        PROMISE(s->groups_count < GROUPS_MAX, "too many groups");
        s->groups[s->groups_count].number = number;
        s->groups[s->groups_count++].who = who;
}

static int connect_to(const struct sockaddr_un *address)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
                BROKEN("cannot connect to %s: %s", address->sun_path, strerror(errno));
        return fd;
}

void sessions_connect(struct sessions *s)
{
        struct sockaddr_un address;
        if (s->sender >= 0)
                close(s->sender);
        path_broker(&address, s->dir);
        s->sender = connect_to(&address);
}

static bool put(struct sessions *s, const void *data, size_t size)
{
        ssize_t n = send(s->sender, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EMSGSIZE)
                BROKEN("cannot send: %s", strerror(errno));
        s->now += n >= 0;
        return n >= 0;
}

/* Returns the bytes of those fields of `f` that the early version does not have. They are its last fields. */
static size_t size_of_later_fields(const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        const struct frame_rule *rule = frame_rule(f->type);
        struct wire_writer w = wire_write(buffer, sizeof(buffer));
        for (size_t i = 0; i < FRAME_FIELDS_MAX && rule->fields[i] != 0; i++)
                if (rule->fields[i] / SINCE(1) > SENTENCES_VERSION)
                        frame_put_field(&w, f, rule->fields[i] & FIELD_MASK);
        return wire_written(&w);
}

static bool put_frame(struct sessions *s, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame sent;
        size_t n = frame_encode(buffer, sizeof(buffer), f);
        if (f->id == s->all[SESSION_BEFORE].id) {
                buffer[0] = SENTENCES_VERSION;
                n -= size_of_later_fields(f);
        }
        /* chatd would ignore a bad frame, and a line in it would seem to be lost */
        PROMISE(frame_decode(&sent, buffer, n) == 0, "a bad frame of type %u and version %u", f->type, buffer[0]);
        return put(s, buffer, n);
}

static void inbox_address(const struct sessions *s, const struct session *me, struct sockaddr_un *address)
{
        if (me->id == LINK_ID)
                path_link(address, s->dir);
        else
                path_inbox(address, s->dir, me->id);
}

static void open_inbox(struct sessions *s, struct session *me)
{
        struct sockaddr_un address;
        inbox_address(s, me, &address);
        unlink(address.sun_path);
        me->inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (me->inbox < 0 || bind(me->inbox, (const struct sockaddr *)&address, sizeof(address)) < 0)
                BROKEN("cannot bind an inbox: %s", strerror(errno));
}

static bool put_greeting(struct sessions *s, unsigned k, enum frame_type type)
{
        const struct session *me = &s->all[k];
        return put_frame(s, &(struct frame){.type = (uint8_t)type,
                                            .id = me->id,
                                            .key = me->id,
                                            .number = type == FRAME_HERE ? me->number : 0,
                                            .name = slice_of(names[k]),
                                            .address = slice_of("here:1"),
                                            .quiet = type == FRAME_HELLO && k != LINK && (s->quiet || me->roams),
                                            .roams = me->roams});
}

bool session_arrive(struct sessions *s, unsigned k)
{
        return put_frame(s, &(struct frame){.type = FRAME_ARRIVE, .id = s->all[k].id});
}

bool session_hello(struct sessions *s, unsigned k)
{
        struct session *me = &s->all[k];
        if (me->hellos > 0 && k != LINK)
                me->once = false;
        if (me->inbox < 0)
                open_inbox(s, me);
        me->roams |= k == ROAMER && s->roams && me->hellos == 0;
        if (!put_greeting(s, k, FRAME_HELLO))
                return false;
        if (me->hellos++ == 0)
                me->hello_at = s->now;
        return true;
}

bool link_inject(struct sessions *s, size_t count, size_t size, bool come_and_go)
{
        struct session *link = &s->all[LINK];
        struct frame f = {.type = FRAME_INJECT, .id = LINK_ID};
        uint8_t buffer[FRAME_MAX_BYTES];
        char text[TEXT_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &f), lines = s->lines_count, records = 0;
        memset(text, 'x', sizeof(text));
        for (; records < count && lines + 1 < LINES_MAX; records++) {
                struct record r = {.kind = RECORD_LINE, .number = link->number + 1 + records, .name = far_name};
                size_t len = (size_t)snprintf(text, sizeof(text), "#%zu ", lines + 1);
                text[len] = 'x';
                if (come_and_go)
                        r.kind = records % 2 == 0 ? RECORD_JOIN : RECORD_LEAVE;
                else
                        r.text = (struct slice){text, size > len && size < sizeof(text) ? size : len};
                size_t more = record_encode(buffer + n, sizeof(buffer) - n, &r);
                if (more == 0)
                        break;
                n += more;
                lines += !come_and_go;
        }
        if (!put(s, buffer, n))
                return false;
        link->once &= link->hellos > 0;
        for (size_t line = s->lines_count + 1; line <= lines; line++) {
                s->lines[line].from = LINK;
                s->lines[line].to = PLAYERS;
                s->lines[line].room = 0;
                s->lines[line].due = link->once;
                s->lines[line].at = s->now;
        }
        s->lines_count = lines;
        link->number += records;
        memcpy(s->injected, buffer, n);
        s->injected_size = n;
        return true;
}

bool link_inject_again(struct sessions *s)
{
        if (s->injected_size == 0 || !s->all[LINK].once) /* otherwise it may be new, and overtaken */
                return true;
        return put(s, s->injected, s->injected_size);
}

bool link_notice(struct sessions *s)
{
        bool to_one = s->now % 2 == 0;
        return put_frame(s, &(struct frame){.type = to_one ? FRAME_TELL : FRAME_NOTICE,
                                            .id = LINK_ID,
                                            .number = NOTICES + s->now,
                                            .key = s->all[s->now / 2 % SESSIONS].id,
                                            .text = slice_of("b is away")});
}

bool session_here(struct sessions *s, unsigned k)
{
        struct session *me = &s->all[k];
        if (me->hellos == 0 || me->bye_at || me->closed_at)
                me->once = false;
        return put_greeting(s, k, FRAME_HERE);
}

/* Returns the room of a session that does not roam at that time. */
static int room_at(const struct session *me, uint64_t at)
{
        int room = 0;
        for (size_t i = 0; i < me->moves_count && me->moves[i].at <= at; i++)
                room = me->moves[i].room;
        return room;
}

/* Returns true if a session is in that room at that time. */
static bool is_in(const struct session *me, int room, uint64_t at)
{
        bool in = false;
        for (size_t i = 0; i < me->moves_count && me->moves[i].at <= at; i++)
                if (me->moves[i].room == room)
                        in = !me->moves[i].exits;
        return me->roams ? in : room_at(me, at) == room;
}

/* Returns the number of a room for the next line of a session. A session that roams says lines in rooms where it is, and
 * in others. */
static int room_for_next(const struct sessions *s, unsigned k)
{
        const struct session *me = &s->all[k];
        return me->roams ? (int)(s->now % NUMBERED) : room_at(me, s->now);
}

/* Returns `f` as the session sends it: a session that roams names the room. */
static struct frame in_room(const struct sessions *s, unsigned k, struct frame f, enum frame_type type)
{
        if (s->all[k].roams) {
                f.type = (uint8_t)type;
                f.name = slice_of(numbered[room_for_next(s, k)]);
        }
        return f;
}

/* Notes the next line, for player `to`, or for all if that is PLAYERS. Members other than the witness may have left
 * when it is taken. */
static void add_line(struct sessions *s, unsigned k, unsigned to, int room)
{
        const struct session *me = &s->all[k];
        size_t line = ++s->lines_count;
        s->lines[line].room = room;
        s->lines[line].from = (uint8_t)k;
        s->lines[line].to = (uint8_t)to;
        s->lines[line].due =
                me->once && me->hellos == 1 && !me->bye_at && !me->closed_at && (to == PLAYERS || to == WITNESS);
        s->lines[line].at = s->now;
        if (me->roams && to == PLAYERS)
                s->lines[line].due &= is_in(me, room, s->now); /* otherwise nobody gets it */
}

/* Gives what a session says a style, if it knows styles: one that depends on its first line. Several lines have no
 * formatting. */
static struct frame in_style(const struct sessions *s, unsigned k, struct frame f, size_t lines,
                             char styled[static STYLED_MAX_BYTES])
{
        if (!s->all[k].roams)
                return f;
        f.speech = s->lines_count % 3 == 0 ? SPEECH_NOTICE : 0;
        if (s->lines_count % 2 == 0 && lines == 1 && f.text.len < STYLED_MAX_BYTES) {
                styled[0] = '\x02';
                memcpy(styled + 1, f.text.at, f.text.len);
                f.styled = (struct slice){styled, 1 + f.text.len};
        }
        return f;
}

/* Notes the style of the next line, which `f` says. */
static void note_style(struct sessions *s, const struct frame *f, size_t line)
{
        s->lines[line].is_notice = f->speech & SPEECH_NOTICE;
        s->lines[line].is_styled = f->styled.len > 0;
}

bool session_lines(struct sessions *s, unsigned k, size_t size, size_t count)
{
        struct session *me = &s->all[k];
        char text[TEXT_MAX_BYTES], styled[STYLED_MAX_BYTES];
        size_t len = 0, most = sizeof(text) / count - 1;
        if (s->lines_count + count >=
            (count > 1 ? LINES_MAX / 2 : LINES_MAX)) /* if there are many at once, leave room for the others */
                return true;
        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        text[len++] = '\n';
                size_t n = (size_t)snprintf(text + len, sizeof(text) - len, "#%zu ", s->lines_count + 1 + i);
                text[len + n] = 'x';
                len += size < n ? n : size < most ? size : most;
        }
        struct frame said = in_room(
                s, k, (struct frame){.type = FRAME_LINE, .id = me->id, .number = me->number + 1, .text = {text, len}},
                FRAME_ROOM_LINE);
        said = in_style(s, k, said, count, styled);
        int room = room_for_next(s, k);
        if (!put_frame(s, &said))
                return false;
        me->number += count;
        for (size_t i = 0; i < count; i++) {
                add_line(s, k, PLAYERS, room);
                note_style(s, &said, s->lines_count);
        }
        return true;
}

/* Puts a request into the queue. Returns false if the queue is full. */
static bool put_request(struct sessions *s, unsigned k, struct frame f)
{
        struct session *me = &s->all[k];
        f.id = me->id;
        f.number = me->number + 1;
        if (!put_frame(s, &f))
                return false;
        me->number++;
        return true;
}

bool session_nick(struct sessions *s, unsigned k, unsigned what)
{
        if (!put_request(s, k, (struct frame){.type = FRAME_NICK, .name = slice_of(nicks[what])}))
                return false;
        s->all[k].nicks |= 1u << what;
        return true;
}

bool session_room(struct sessions *s, unsigned k, unsigned what)
{
        struct session *me = &s->all[k];
        bool is_member = me->hellos > 0 && !me->bye_at && !me->closed_at;
        bool exits = me->roams && room_numbers[what] >= 0 && is_in(me, room_numbers[what], s->now);
        const struct frame asked = {.type = me->roams ? exits ? FRAME_EXIT : FRAME_ENTER : FRAME_ROOM,
                                    .name = slice_of(me->roams && rooms[what][0] == '\0' ? "lobby" : rooms[what])};
        if (me->moves_count == MOVES_MAX)
                return true;
        if (!put_request(s, k, asked))
                return false;
        if (me->closed_at && !me->bye_at && !me->adrift_at)
                me->adrift_at = s->now;
        if (!is_member || room_numbers[what] < 0)
                return true;
        me->moves[me->moves_count].at = s->now;
        me->moves[me->moves_count].exits = exits;
        me->moves[me->moves_count++].room = room_numbers[what];
        return true;
}

bool session_topic(struct sessions *s, unsigned k)
{
        const struct frame topic = {.type = FRAME_TOPIC, .text = {"tea", s->now % 4}};
        return put_request(s, k, in_room(s, k, topic, FRAME_ROOM_TOPIC));
}

bool session_history(struct sessions *s, unsigned k, unsigned what)
{
        return put_request(s, k, in_room(s, k, (struct frame){.type = FRAME_HISTORY, .key = what}, FRAME_ROOM_HISTORY));
}

bool session_rooms(struct sessions *s, unsigned k)
{
        return put_request(s, k, (struct frame){.type = FRAME_ROOMS});
}

bool session_who(struct sessions *s, unsigned k)
{
        return put_request(s, k, in_room(s, k, (struct frame){.type = FRAME_WHO}, FRAME_PEOPLE));
}

bool session_acts(struct sessions *s, unsigned k)
{
        char text[24], styled[STYLED_MAX_BYTES];
        if (s->lines_count + 1 >= LINES_MAX)
                return true;
        snprintf(text, sizeof(text), "#%zu", s->lines_count + 1);
        int room = room_for_next(s, k);
        struct frame acts =
                in_room(s, k, (struct frame){.type = FRAME_ACTION, .text = slice_of(text)}, FRAME_ROOM_ACTION);
        acts = in_style(s, k, acts, 1, styled);
        if (!put_request(s, k, acts))
                return false;
        add_line(s, k, PLAYERS, room);
        note_style(s, &acts, s->lines_count);
        return true;
}

bool session_private(struct sessions *s, unsigned k, unsigned what)
{
        char text[24], styled[STYLED_MAX_BYTES];
        if (s->lines_count + 1 >= LINES_MAX || what == k)
                return true;
        snprintf(text, sizeof(text), "#%zu", s->lines_count + 1);
        const struct frame says = in_style(
                s, k, (struct frame){.type = FRAME_PRIVATE, .key = s->all[what].id, .text = slice_of(text)}, 1, styled);
        if (!put_request(s, k, says))
                return false;
        add_line(s, k, what, 0);
        note_style(s, &says, s->lines_count);
        return true;
}

bool session_bye(struct sessions *s, unsigned k)
{
        struct session *me = &s->all[k];
        if (me->hellos == 0 || me->bye_at || me->closed_at)
                me->once = false;
        if (!put_frame(s, &(struct frame){.type = FRAME_BYE, .id = me->id, .number = me->number, .reason = LEAVE_EXIT}))
                return false;
        me->bye_at = s->now;
        return true;
}

/* Returns the name of the server in lines of IRC. */
static const char *server_name(void)
{
        static char server[LINE_SERVER_MAX_BYTES + 1];
        if (server[0] == '\0')
                line_server(server);
        return server;
}

/* Sets the loopback up, which is down in a network namespace of our own. */
static void set_loopback_up(void)
{
        struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ioctl(fd, SIOCSIFFLAGS, &lo);
        close(fd);
}

void session_lends(struct sessions *s, unsigned k)
{
        static bool is_up;
        const struct linger reset = {.l_onoff = 1}; /* so that the next connection can have any address */
        struct session *me = &s->all[k];
        if (me->lender || k == LINK || me->inbox < 0)
                return;
        if (!is_up)
                set_loopback_up();
        is_up = true;
        me->lender = lender_make(me->id);
        if (me->roams) {
                me->lender->look = OUTLET_IRC + LINE_ID;
                me->lender->server = server_name();
        }
        me->lender->seen = me->seen;
        setsockopt(me->lender->peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void session_spoil(struct sessions *s, unsigned k, size_t at, uint8_t value)
{
        struct session *me = &s->all[k];
        if (!me->lender || !me->lender->loan.page)
                return;
        ((volatile uint8_t *)me->lender->loan.page)[at % sizeof(struct outlet_page)] = value;
        me->attentive = false;
        me->spoilt = true;
}

void session_raw(struct sessions *s, uint8_t *data, size_t size)
{
        struct frame f;
        if (frame_decode(&f, data, size) == 0 && f.text.len > 0 && f.text.at[0] == '#')
                data[(const uint8_t *)f.text.at - data] = '!'; /* so that it is not taken for a counted line */
        for (size_t i = FRAME_HEADER_BYTES; f.type == FRAME_INJECT && i < size; i++)
                if (data[i] == '#')
                        data[i] = '!';
        for (unsigned k = 0; k < PLAYERS; k++)
                if (f.id == s->all[k].id)
                        s->all[k].once = false;
        put(s, data, size);
}

void session_close(struct sessions *s, unsigned k)
{
        struct session *me = &s->all[k];
        if (me->inbox < 0)
                return;
        close(me->inbox);
        me->inbox = -1;
        /* otherwise its client, or chatd, which watches no process here, could go on writing to the connection */
        if (me->lender) {
                lender_die(me->lender);
                close(me->lender->peer);
                me->lender->peer = -1;
        }
        if (k == LINK) {
                me->once &= me->welcome; /* otherwise it may never have been a member */
                me->attentive = false;
                return;
        }
        if (me->hellos == 0)
                return; /* chatd does not know of it */
        me->attentive = false;
        if (!me->closed_at)
                me->closed_at = s->now + 1;
}

void session_fill(struct sessions *s, unsigned k)
{
        struct sockaddr_un address;
        inbox_address(s, &s->all[k], &address);
        if (s->all[k].inbox < 0 || access(address.sun_path, F_OK) < 0)
                return;
        for (int i = 0; i < 3; i++) { /* the queue may be longer than what one sender may have on the way */
                int fd = connect_to(&address);
                while (send(fd, "", 1, MSG_NOSIGNAL) > 0)
                        ;
                close(fd);
        }
}

/* Returns true if this player can have this name. */
static bool is_name_of(const struct sessions *s, unsigned k, struct slice name)
{
        for (unsigned i = 0; i < NICKS; i++)
                if (s->all[k].nicks >> i & 1 && slice_equal(name, slice_of(nicks[i])))
                        return name_is_nick(name.at, name.len);
        return slice_equal(name, slice_of(names[k]));
}

/* Returns the player with this id, or PLAYERS. */
static unsigned find(const struct sessions *s, uint64_t id)
{
        unsigned k = 0;
        while (k < PLAYERS && s->all[k].id != id)
                k++;
        return k;
}

/* Returns true if every session does only what chat-session does. */
static bool are_all_once(const struct sessions *s)
{
        bool all = true;
        for (unsigned k = 0; k < PLAYERS; k++)
                all &= s->all[k].once;
        return all;
}

/* If `from` did anything that chat-session does not do, lets its records begin again. */
static void begin_again(const struct sessions *s, struct session *me, unsigned from)
{
        if (s->all[from].once)
                return;
        me->next[from] = 0;
        me->ended[from] = false;
}

/* Returns true if the session may get this record although it got another one of the same number: the link gets a new
 * name and a leave for each room, and a session in both rooms of a walk sees the departure and the arrival. */
static bool is_copy(const struct sessions *s, const struct session *me, unsigned from, const struct record *r)
{
        bool again = r->number + 1 == me->next[from];
        return again &&
               ((me->id == LINK_ID && s->all[from].roams && (r->kind == RECORD_RENAME || r->kind == RECORD_LEAVE)) ||
                (me->roams && r->kind == RECORD_CAME));
}

static void check_number(const struct sessions *s, struct session *me, unsigned from, const struct record *r)
{
        PROMISE(r->kind != RECORD_JOIN || r->number == 0, "a JOIN with number %llu", (unsigned long long)r->number);
        PROMISE((r->kind == RECORD_LEAVE) == (r->number == UINT64_MAX), "number %llu", (unsigned long long)r->number);
        if (is_copy(s, me, from, r))
                return;
        if (!me->once || !me->attentive)
                return;
        if (r->kind == RECORD_JOIN || me->lender) /* chatd may have written the leave to its client */
                begin_again(s, me, from);
        PROMISE(!me->ended[from] && r->number >= me->next[from], "%s: number %llu after %llu", names[from],
                (unsigned long long)r->number, (unsigned long long)me->next[from] - 1);
        PROMISE(!s->all[from].once || is_name_of(s, from, r->name), "%s is named '%.*s'", names[from], (int)r->name.len,
                r->name.at);
        PROMISE(r->kind != RECORD_RENAME || !s->all[from].once || is_name_of(s, from, r->text), "%s becomes '%.*s'",
                names[from], (int)r->text.len, r->text.at);
        me->next[from] = r->number + 1;
        me->ended[from] = r->kind == RECORD_LEAVE;
}

static void check_injected(struct session *me, const struct record *r)
{
        bool is_notice = r->kind == RECORD_NOTICE;
        PROMISE(is_notice ? r->name.len == 0 : text_is_remote_name(r->name.at, r->name.len), "a name that is none");
        if (is_notice || r->kind == RECORD_RENAMED) /* RENAMED has the number of the RENAME */
                return;
        PROMISE(r->number >= me->next[LINK] && r->number < UINT64_MAX, "injected number %llu after %llu",
                (unsigned long long)r->number, (unsigned long long)me->next[LINK] - 1);
        me->next[LINK] = r->number + 1;
}

/* Takes a notice that several sessions joined. */
static void take_arrivals(const struct sessions *s, struct session *me, const struct record *r)
{
        char text[64];
        unsigned self = 1u << (me - s->all), who = 0;
        for (size_t i = 0; i < s->groups_count; i++)
                if (s->groups[i].number == r->number)
                        who = s->groups[i].who;
        int count = __builtin_popcount(who & ~self);
        PROMISE(r->kind == RECORD_NOTICE && r->name.len == 0 && me->id != LINK_ID, "a notice that is none");
        PROMISE(count > 0, "a notice about nobody");
        for (unsigned k = 0; k < SESSIONS; k++)
                if (who >> k & 1)
                        begin_again(s, me, k);
        if (me->lender || seen_before(&me->seen, r->id, record_key(r)))
                return;
        snprintf(text, sizeof(text), "%d %s connected", count,
                 !(who & self) ? "people"
                 : count == 1  ? "other"
                               : "others");
        PROMISE(!me->once || slice_equal(r->text, slice_of(text)), "'%.*s' instead of '%s'", (int)r->text.len,
                r->text.at, text);
        PROMISE(r->number > me->last_group, "a notice that is older than one before");
        me->last_group = r->number;
        for (unsigned k = 0; k < SESSIONS; k++)
                me->told[k] += (who & ~self) >> k & 1;
}

/* Returns the number of a counted line, or 0. */
static size_t line_of(const struct record *r)
{
        size_t line = 0;
        bool counted = r->kind == RECORD_LINE || r->kind == RECORD_ACTION || r->kind == RECORD_PRIVATE;
        if (!counted || r->text.len == 0 || r->text.at[0] != '#')
                return 0;
        for (size_t i = 1; i < r->text.len && r->text.at[i] >= '0' && r->text.at[i] <= '9'; i++)
                line = line * 10 + (size_t)(r->text.at[i] - '0');
        return line;
}

static bool has_anybody_moved(const struct sessions *s)
{
        bool moved = false;
        for (unsigned k = 0; k < SESSIONS; k++)
                moved |= s->all[k].moves_count > 0 || s->all[k].adrift_at > 0 || s->all[k].roams;
        return moved;
}

static void keep(char name[static NAME_MAX_BYTES + 1], struct slice text)
{
        snprintf(name, NAME_MAX_BYTES + 1, "%.*s", (int)text.len, text.at);
}

/* Checks that all sessions see the same change of name. */
static void check_rename(struct sessions *s, const struct record *r)
{
        size_t i = 0;
        while (i < s->renames_count && (s->renames[i].id != r->id || s->renames[i].number != r->number))
                i++;
        if (i == RENAMES_MAX)
                return;
        if (i == s->renames_count) {
                s->renames_count++;
                s->renames[i].id = r->id;
                s->renames[i].number = r->number;
                keep(s->renames[i].name, r->name);
                keep(s->renames[i].text, r->text);
        }
        PROMISE(slice_equal(r->name, slice_of(s->renames[i].name)) &&
                        slice_equal(r->text, slice_of(s->renames[i].text)),
                "'%.*s' becomes '%.*s', or '%s' becomes '%s'", (int)r->name.len, r->name.at, (int)r->text.len,
                r->text.at, s->renames[i].name, s->renames[i].text);
}

/* Checks the name in a record of `from` that a session is shown. */
static void check_name(struct sessions *s, struct session *me, unsigned from, size_t line, const struct record *r)
{
        char *called = me->called[from];
        if (!are_all_once(s))
                return;
        if (line > 0 && s->lines[line].name[0] == '\0')
                keep(s->lines[line].name, r->name);
        PROMISE(line == 0 || slice_equal(r->name, slice_of(s->lines[line].name)), "line %zu is said by '%.*s' and '%s'",
                line, (int)r->name.len, r->name.at, s->lines[line].name);
        if (r->kind == RECORD_RENAME)
                check_rename(s, r);
        PROMISE(called[0] == '\0' || !me->attentive || has_anybody_moved(s) || slice_equal(r->name, slice_of(called)),
                "%s, who knows '%s', is told of '%.*s'", names[me - s->all], called, (int)r->name.len, r->name.at);
        keep(called, r->kind == RECORD_RENAME ? r->text : r->name);
}

/* Returns true if the record is a reply of another host. */
static bool is_of_host(const struct record *r)
{
        return r->kind == RECORD_REPLY || r->kind == RECORD_ANSWER;
}

/* Checks that a line has the style in which it was said. */
static void check_style(const struct sessions *s, size_t line, const struct record *r)
{
        PROMISE(r->is_notice == s->lines[line].is_notice, "line %zu is a notice, or is not", line);
        PROMISE((r->styled.len > 0) == s->lines[line].is_styled, "line %zu has formatting, or has none", line);
        PROMISE(r->styled.len == 0 || (r->styled.len == r->text.len + 1 && r->styled.at[0] == '\x02' &&
                                       memcmp(r->styled.at + 1, r->text.at, r->text.len) == 0),
                "line %zu has another formatting", line);
}

static void take_record(struct sessions *s, struct session *me, const struct record *r)
{
        unsigned from = find(s, r->id);
        size_t line = line_of(r);
        struct answer a;
        if (r->id == ARRIVALS_ID) {
                take_arrivals(s, me, r);
                return;
        }
        PROMISE((r->kind >= RECORD_LINE && r->kind <= (from == LINK ? RECORD_NOTICE : RECORD_LEAVE)) ||
                        (r->kind >= RECORD_ACTION && r->kind <= RECORD_TOPIC) ||
                        ((r->kind == RECORD_ENTER || r->kind == RECORD_EXIT) && from < SESSIONS &&
                         s->all[from].roams) ||
                        ((r->kind == RECORD_RENAMED || is_of_host(r)) && from == LINK) ||
                        (r->kind == RECORD_ASK && me->id == LINK_ID),
                "a record of kind %u", r->kind);
        PROMISE(r->kind != RECORD_WENT || me->id != LINK_ID, "the link is told who went");
        PROMISE(r->room.len == 0 || name_is_nick(r->room.at, r->room.len), "a room that is none");
        PROMISE(r->kind != RECORD_RENAME || from == LINK || name_is_nick(r->text.at, r->text.len), "a bad new name");
        PROMISE(r->id != me->id, "a session gets its own record");
        PROMISE(from == LINK || (pid_t)(r->id >> 32) == getpid(), "a record of another process");
        PROMISE(from == LINK || text_is_local_name(r->name.at, r->name.len), "a bad name");
        PROMISE(r->name.len <= NAME_MAX_BYTES, "a name that is too long");
        PROMISE(r->text.len <= TEXT_MAX_BYTES, "a text of %zu bytes", r->text.len);
        PROMISE(r->kind == RECORD_ANSWER ? answer_decode(&a, r->text) == 0 : text_is_clean(r->text.at, r->text.len),
                "a bad text");
        PROMISE(line <= s->lines_count, "line %zu was never sent", line);
        if (from < SESSIONS)
                check_number(s, me, from, r);
        if (from == LINK)
                check_injected(me, r);
        if (line > 0) {
                check_style(s, line, r);
                PROMISE(s->lines[line].from == from, "line %zu is not of player %u", line, from);
                PROMISE(line > me->last_line, "line %zu after line %zu", line, me->last_line);
                PROMISE(s->lines[line].to == PLAYERS || &s->all[s->lines[line].to] == me, "line %zu is not for %s",
                        line, names[me - s->all]);
                me->last_line = line;
        }
        if (me->lender || seen_before(&me->seen, r->id, record_key(r)))
                return;
        if (line > 0) {
                /* A frame may have been ignored when the batch was first taken, for example because its sender was a
                 * stranger. It may be relayed the second time. */
                PROMISE(me->shown[line] == 0 || (!are_all_once(s) && s->lines_count > BATCH_MAX_RECORDS),
                        "line %zu is shown twice", line);
                me->shown[line] = 1;
        }
        if (from < SESSIONS) {
                check_name(s, me, from, line, r);
                me->told[from] += r->kind == RECORD_JOIN;
                me->leaves[from] += r->kind == RECORD_LEAVE;
        }
}

/* Takes a message apart that a client of IRC got. Returns false if nobody says anything in it. */
static bool take_message(const struct session *me, char name[static NAME_MAX_BYTES + 1], struct slice *said)
{
        static const char action[] = "\001ACTION ";
        struct irc_message m;
        PROMISE(irc_parse(&m, (struct slice){me->text, me->text_size}) == 0, "a client gets what is no message");
        const char *end = memchr(m.source.at, '!', m.source.len);
        PROMISE(end && nick_to_name((struct slice){m.source.at, (size_t)(end - m.source.at)}, name), "a bad source");
        if (!slice_equal(m.command, slice_of("PRIVMSG")))
                return false;
        PROMISE(m.params_count == 2 && m.params[0].at[0] == '#' && m.tags.len > 0, "a bad message");
        *said = m.params[1];
        if (said->len > strlen(action) && memcmp(said->at, action, strlen(action)) == 0)
                *said = (struct slice){said->at + strlen(action), said->len - strlen(action) - 1};
        PROMISE(text_is_clean(said->at, said->len), "a client gets unclean text");
        return true;
}

/* Takes a line that its client got. */
static void take_text(struct sessions *s, struct session *me)
{
        static const char to_you[] = " (to you)";
        char name[NAME_MAX_BYTES + 1];
        bool acts = me->text_size > 2 && memcmp(me->text, "* ", 2) == 0;
        struct slice said = {me->text, me->text_size}, who = {0};
        if (me->lender->look != OUTLET_TEXT && (me->text[0] == ':' || me->text[0] == '@')) {
                if (!take_message(me, name, &said))
                        return;
                who = slice_of(name);
        } else if (acts) {
                said = (struct slice){me->text + 2, me->text_size - 2};
                word_next(&said, &who);
        } else {
                const char *colon = memchr(me->text, ':', me->text_size);
                if (!colon || me->text[0] == '*') /* datagrams tell of joins and leaves */
                        return;
                who = (struct slice){me->text, (size_t)(colon - me->text)};
                said = (struct slice){colon + 2, (size_t)(me->text + me->text_size - colon - 2)};
        }
        bool alone = who.len > strlen(to_you) && memcmp(who.at + who.len - strlen(to_you), to_you, strlen(to_you)) == 0;
        if (alone)
                who.len -= strlen(to_you);
        struct record r = {.kind = RECORD_LINE, .text = said};
        size_t line = line_of(&r);
        if (line == 0)
                return;
        PROMISE(line <= s->lines_count, "a client gets line %zu, which was never sent", line);
        if (s->lines[line].from != LINK && s->all[s->lines[line].from].once)
                PROMISE(is_name_of(s, s->lines[line].from, who), "a client gets line %zu of '%.*s'", line, (int)who.len,
                        who.at);
        PROMISE(alone == (s->lines[line].to != PLAYERS) && (!alone || &s->all[s->lines[line].to] == me),
                "a client gets line %zu, which is not for it", line);
        PROMISE(!me->shown[line] || !me->once, "a client gets line %zu twice", line);
        /* A session sends HERE behind its lines. It is no member when the lines are taken first, and is one when they
         * are taken again. */
        PROMISE(line > me->last_text || !me->once || !s->all[s->lines[line].from].once,
                "a client gets line %zu behind line %zu", line, me->last_text);
        me->shown[line] = 1;
        me->last_text = line;
}

/* Takes text that its client gets. Returns true if there was any. */
static bool read_text(struct sessions *s, struct session *me)
{
        static char buffer[64 * 1024];
        bool got = false;
        for (ssize_t n; (n = recv(me->lender->peer, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0; got = true) {
                for (ssize_t i = 0; i < n && !me->spoilt; i++) {
                        if (buffer[i] == '\n') {
                                PROMISE(me->text_size > 0 && me->text[me->text_size - 1] == '\r', "a line without CR");
                                me->text_size--;
                                PROMISE(me->lender->look != OUTLET_TEXT || text_is_clean(me->text, me->text_size),
                                        "a client gets unclean text");
                                take_text(s, me);
                                me->text_size = 0;
                                continue;
                        }
                        PROMISE(me->text_size < sizeof(me->text), "a client gets a line that does not end");
                        me->text[me->text_size++] = buffer[i];
                }
        }
        return got;
}

static bool is_on_its_way(const struct lender *l)
{
        int unsent = 0;
        ioctl(l->client.out, SIOCOUTQNSD, &unsent);
        return unsent > 0 || (client_waits(&l->client) && !l->client.is_broken_off);
}

/* Writes to its client, and reads as the client, until everything is there. */
static void finish_text(struct sessions *s, struct session *me)
{
        for (unsigned ms = 0; me->lender->client.out >= 0 && is_on_its_way(me->lender) && me->attentive;) {
                lender_write(me->lender);
                if (read_text(s, me))
                        continue;
                usleep(1000);
                PROMISE(ms++ < ARRIVES_WITHIN_MS, "a client does not get what waits for it");
        }
        read_text(s, me);
        PROMISE(!me->lender->client.is_broken_off || !me->attentive || !are_all_once(s),
                "the rest of a line does not come");
}

static void take_welcome(const struct sessions *s, struct session *me, const struct frame *f)
{
        bool is_link = me->id == LINK_ID;
        PROMISE(f->members >= !is_link && f->members <= SESSIONS, "%u members", (unsigned)f->members);
        me->welcome = true;
        if (!is_link || !me->once)
                return;
        PROMISE(f->number >= me->welcome_number && f->number <= s->all[LINK].number, "WELCOME says number %llu",
                (unsigned long long)f->number);
        me->welcome_number = f->number;
        me->welcome_members = f->members;
}

/* Checks why the rest of a line did not come. There are two reasons. The session's inbox was full; or a session sent
 * HELLO twice, chatd was killed between two batches, and only the first batch has that session's earlier lines. */
static void check_gave_up(const struct sessions *s, struct session *me)
{
        if (!me->lender->gave_up)
                return;
        PROMISE(!me->attentive || !are_all_once(s), "something else comes in place of the rest of a line");
        me->attentive = false;
        me->spoilt = true;
}

/* Takes past lines. Lines that a newcomer is shown at its join must not be shown again. The other past lines were shown
 * already. */
static void take_past(const struct sessions *s, struct session *me, const struct frame *f)
{
        struct wire_reader records = f->records;
        struct record r;
        size_t last = 0;
        int more;
        PROMISE(me->id != LINK_ID && (f->number == 0 || wire_left(&records) > 0), "nothing was said before");
        PROMISE(!me->once || f->number <= me->number, "a past to request %llu", (unsigned long long)f->number);
        bool shows = f->number >= me->past_number, comes = f->number == 0;
        if (shows)
                me->past_number = f->number + 1;
        while ((more = record_next_styled(&records, &r)) > 0) {
                size_t line = line_of(&r);
                if (r.kind == RECORD_TIME && me->roams)
                        continue;
                PROMISE(r.kind == RECORD_LINE || r.kind == RECORD_ACTION, "a past of kind %u", r.kind);
                PROMISE(text_is_clean(r.text.at, r.text.len), "a past that is unclean");
                PROMISE(line <= s->lines_count && (line == 0 || s->lines[line].to == PLAYERS),
                        "line %zu is in the past", line);
                if (line > 0)
                        check_style(s, line, &r);
                if (!shows || line == 0 || !are_all_once(s))
                        continue;
                PROMISE(line > last, "in the past, line %zu is behind line %zu", line, last);
                PROMISE(!comes || !me->shown[line], "line %zu was shown, and is past", line);
                last = line;
                me->past[line] |= comes;
        }
        PROMISE(more == 0, "a bad record of the past");
}

/* Returns true if an answer says that the session has another name now. A session of this version gets a code, and one
 * of an early version a text. */
static bool is_renamed(const struct sessions *s, const struct session *me, const struct frame *f)
{
        const struct slice renamed = slice_of("You are now called");
        struct answer a;
        char text[TEXT_MAX_BYTES];
        if (me == &s->all[SESSION_BEFORE]) {
                PROMISE(f->answer.len == 0 && f->text.len > 0, "a code for a session of an early version");
                return f->text.len > renamed.len && memcmp(f->text.at, renamed.at, renamed.len) == 0;
        }
        PROMISE(f->text.len == 0 && answer_decode(&a, f->answer) == 0, "a bad answer");
        PROMISE(sentence_write(&a, f->name, SENTENCE_COLUMNS, text, sizeof(text)).len > 0, "no sentence for %u",
                a.code);
        return a.code == ANSWER_RENAMED;
}

/* Takes an answer. A request is granted or refused, the same by any chatd. */
static void take_answer(const struct sessions *s, struct session *me, const struct frame *f)
{
        bool is_granted = is_renamed(s, me, f);
        PROMISE(!me->once || (f->number > 0 && f->number <= me->number), "an answer to request %llu",
                (unsigned long long)f->number);
        PROMISE(!me->once || is_name_of(s, (unsigned)(me - s->all), f->name), "an answer to '%.*s'", (int)f->name.len,
                f->name.at);
        if (!are_all_once(s) || f->number >= ANSWERS_MAX)
                return;
        PROMISE(me->answers[f->number].number == 0 || me->answers[f->number].granted == is_granted,
                "request %llu is granted and refused", (unsigned long long)f->number);
        me->answers[f->number].number = f->number;
        me->answers[f->number].granted = is_granted;
}

static void take_datagram(struct sessions *s, struct session *me, const uint8_t *data, size_t size,
                          const struct socket_fds *fds)
{
        struct frame f;
        struct record r;
        int more = 0;
        PROMISE(frame_decode(&f, data, size) == 0 && f.version == FRAME_VERSION, "a bad datagram of %zu bytes", size);

        size_t epoch = me->epoch;
        while (epoch < s->epochs_count && s->epochs[epoch] != f.id)
                epoch++;
        PROMISE(epoch < s->epochs_count, "the epoch of no chatd, or of one before");
        if (epoch != me->epoch) {
                me->epoch = epoch;
                me->last_line = 0;
                memset(me->next, 0, sizeof(me->next));
                memset(me->ended, 0, sizeof(me->ended));
        }
        seen_epoch(&me->seen, f.id);
        switch (f.type) {
        case FRAME_BATCH:
                PROMISE(wire_left(&f.records) > 0, "an empty batch");
                while ((more = record_next_styled(&f.records, &r)) > 0)
                        take_record(s, me, &r);
                PROMISE(more == 0, "a bad record");
                break;
        case FRAME_PROBE:
                break;
        case FRAME_PAST:
                take_past(s, me, &f);
                break;
        case FRAME_MISSED:
                PROMISE(f.number > 0, "missed nothing");
                me->attentive = false;
                break;
        case FRAME_GOODBYE:
                PROMISE(me->bye_at || me->closed_at || !me->once, "a GOODBYE without a BYE");
                break;
        case FRAME_REFUSED:
                PROMISE(!me->once, "refused: %.*s", (int)f.text.len, f.text.at);
                break;
        case FRAME_WELCOME:
                take_welcome(s, me, &f);
                break;
        case FRAME_LEND:
                PROMISE(me->id != LINK_ID && f.number == OUTLET_LAYOUT && fds->count == LENT_FDS, "a bad LEND");
                break;
        case FRAME_RELAYED:
                break;
        case FRAME_SENT:
                PROMISE(!me->once || (f.number > 0 && f.number <= me->number), "request %llu was sent",
                        (unsigned long long)f.number);
                break;
        case FRAME_FOUND:
        case FRAME_NAMES:
                PROMISE(!me->once, "found, or names, and nobody asked");
                break;
        case FRAME_ANSWER:
                take_answer(s, me, &f);
                break;
        default:
                PROMISE(f.type == FRAME_ROLLCALL, "type %u", f.type);
        }
        PROMISE(f.type == FRAME_LEND || fds->count == 0, "descriptors with type %u", f.type);
        frame_decode(&f, data, size); /* decodes it with its records, once more */
        if (me->lender) {
                lender_take_frame(me->lender, &f, fds);
                check_gave_up(s, me);
                lender_write(me->lender);
                read_text(s, me);
        }
}

void session_read(struct sessions *s, unsigned k)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES + 1];
        struct session *me = &s->all[k];
        struct iovec iov = {buffer, sizeof(buffer)};
        size_t count = 0, size = 0;
        while (me->inbox >= 0) {
                struct fds_room control;
                struct socket_fds fds = {0};
                struct msghdr msg = {
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = sizeof(control),
                };
                ssize_t n = recvmsg(me->inbox, &msg, MSG_TRUNC | MSG_CMSG_CLOEXEC);
                if (n < 0)
                        break;
                socket_take_fds(&msg, &fds);
                PROMISE(n <= DATAGRAM_MAX_BYTES, "a datagram of %zd bytes", n);
                count++;
                size += (size_t)n;
                if (n > 1) /* shorter ones come from session_fill() */
                        take_datagram(s, me, buffer, (size_t)n, &fds);
                socket_close_fds(&fds);
        }
        if (me->lender && me->lender->client.out >= 0) {
                lender_write(me->lender);
                read_text(s, me);
        }
        if (count >= INBOX_SAFE_DATAGRAMS || size >= INBOX_SAFE_BYTES ||
            (me->lender && me->lender->client.skipped_total > 0))
                me->attentive = false; /* it may have been full, or its client's connection was */
}

/* Returns true if `me` is in the room of the line at that time. The link is in all rooms, and its lines are for the first
 * room. */
static bool hears(const struct sessions *s, const struct session *me, size_t line)
{
        return me->id == LINK_ID || is_in(me, s->lines[line].room, s->lines[line].at);
}

/* Returns true if the room of `me` is unknown at that time. It closed its inbox before it asked for another room, and
 * chatd takes it for a member until it finds out. */
static bool is_adrift(const struct session *me, uint64_t at)
{
        return me->adrift_at > 0 && at > me->adrift_at;
}

static bool is_between(uint64_t at, uint64_t from, uint64_t to)
{
        return at > from && (to == 0 || at < to);
}

/* Returns true if any session was told of its join. */
static bool is_known(const struct sessions *s, unsigned from)
{
        bool known = false;
        for (unsigned k = 0; k < PLAYERS; k++)
                known |= s->all[k].told[from] > 0;
        return known;
}

/* Checks what `k` was told of the joins and leaves of `from`. */
static void check_told(const struct sessions *s, unsigned k, unsigned from)
{
        const struct session *me = &s->all[k], *other = &s->all[from];
        unsigned told = me->told[from], left = me->leaves[from];
        bool joins = is_between(other->hello_at, me->hello_at, me->bye_at);
        bool leaves = (other->bye_at && is_between(other->bye_at, me->hello_at, me->bye_at)) ||
                      (other->closed_at > me->hello_at && !other->bye_at && !me->bye_at);
        /* The newcomer, or a session that would be told, may have left while it waited to be announced. */
        bool skipped = s->merges && (other->bye_at || other->closed_at) && !is_known(s, from);
        bool late = s->merges && me->bye_at;
        if (has_anybody_moved(s))
                joins = leaves = false;
        PROMISE(told <= 1 && (told >= joins || skipped || late), "%s is told %u times that %s came", names[k], told,
                names[from]);
        unsigned most = k == LINK && other->roams ? NUMBERED : 1;
        PROMISE(left <= most && (left >= leaves || skipped), "%s is told %u times that %s left", names[k], left,
                names[from]);
        PROMISE(left <= told * most || !joins, "%s is told that %s left, but not that it came", names[k], names[from]);
        for (size_t line = 1; line <= s->lines_count; line++)
                PROMISE(told == 1 || !joins || s->lines[line].from != from || !me->shown[line],
                        "line %zu reaches %s without a name", line, names[k]);
}

void sessions_check(struct sessions *s)
{
        for (unsigned k = 0; k < SESSIONS; k++)
                if (s->all[k].lender)
                        finish_text(s, &s->all[k]);
        for (unsigned k = 0; k < PLAYERS; k++) {
                const struct session *me = &s->all[k];
                if (!me->once || me->hellos == 0)
                        continue;
                for (size_t line = 1; line <= s->lines_count; line++) {
                        PROMISE(!me->past[line] || !me->shown[line] || !are_all_once(s), "line %zu is said and past",
                                line);
                        bool is_for_me = is_between(s->lines[line].at, me->hello_at, me->bye_at);
                        /* the link may see what is in the queue before its first HELLO, if that is taken twice */
                        PROMISE(is_for_me || k == LINK || !me->shown[line], "line %zu reaches %s too early or late",
                                line, names[k]);
                        bool is_for_others = s->lines[line].to != PLAYERS && s->lines[line].to != k;
                        const struct session *from = &s->all[s->lines[line].from];
                        if (from->once && s->lines[line].to == PLAYERS && !hears(s, me, line)) {
                                PROMISE(!me->shown[line] || is_adrift(from, s->lines[line].at),
                                        "line %zu reaches %s in another room", line, names[k]);
                                continue;
                        }
                        PROMISE(me->shown[line] || !is_for_me || !me->attentive || !s->lines[line].due || !from->once ||
                                        from == me || is_for_others,
                                "line %zu does not reach %s", line, names[k]);
                }
                if (!me->attentive || me->lender)
                        continue;
                for (unsigned from = 0; from < SESSIONS; from++)
                        if (from != k && s->all[from].once && s->all[from].hellos > 0)
                                check_told(s, k, from);
        }
}
