/* load [OPTION...] ADDRESS:PORT...: puts a chat server under load and counts every line that it delivers.
 *
 * Connects --clients to the servers in turn, waits until each receives lines of the others, and then lets the first
 * --senders of them send lines of --bytes (with their end): --lines of them, or for --seconds. Each line carries its
 * sender, its number and its time, so every receiver notices a line that is lost, doubled or out of order. A run ends
 * when all clients have all lines, or nothing has come for QUIET_END_MS: what is missing then is lost.
 *
 * With --in-flight the loop is closed: a line is sent when fewer are not delivered yet, on average over the receivers.
 * With --rate it is open: so many lines per second are due, however slow the server is, and a latency begins when the
 * line was due. A sender sends all that is due in one call, or with --line-per-call in a call for each line.
 *
 * With --rooms the clients go to as many rooms, the same number in each, and a line is for the room of its sender. The
 * senders are in different rooms or, with --together, in as few as possible.
 *
 * With --arrive the run ends when all clients are greeted.
 *
 * Prints lines of KEY VALUE; times are in µs. `others` are lines to its clients in that time that it did not send. The
 * processes below each --cgroup, and each --server with its children, are the server: prints the CPU time that they
 * used while lines were on their way, per delivery, and with --memory their memory afterwards. Latencies are those to
 * clients of the sender's own server; far_… are those to clients of other servers.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>

#include "costs.h"

enum {
        TARGETS_MAX = 8,
        CGROUPS_MAX = 16,
        SERVERS_MAX = 4,
        CLIENTS_MAX = 20000,
        SENDERS_MAX = 4096,       /* what two digits of a line can say */
        CLIENTS_PER_SOURCE = 200, /* servers limit the connections of one address */
        LATENCIES_MAX = 1 << 26,  /* the first of a long run */
        LINE_MAX_BYTES = 1024,    /* RFC 2812, section 2.3: 512; a message of JSON has more */
        NOTICE_MAX_BYTES = 100,
        READ_BYTES = 1 << 18,
        CONNECTING_DEFAULT = 32,
        MS = 1000, /* in µs, as all times here */
        S = 1000 * MS,
        WAIT = 100 * MS,
        QUIET = 300 * MS,
        QUIET_DEADLINE = 10 * S, /* others may be sending */
        QUIET_END = 5 * S,
        PROBE = 200 * MS,
        READY_DEADLINE = 300 * S,
        EVENTS = 512,
};

enum protocol { PLAIN, IRC, WEBSOCKET };

enum state {
        CONNECTING, /* connect(2) has not ended */
        UPGRADING,  /* the answer to the request for a WebSocket has not come */
        JOINING,
        READY,
};

struct client {
        int fd;
        enum state state;
        bool probed;
        bool writable_wanted;
        size_t index;
        uint64_t got;                  /* lines of the run */
        uint64_t lost;                 /* lines that were missing when a later one came */
        char notice[NOTICE_MAX_BYTES]; /* the last line that is not ours: it tells why a server closes */
        char tail[LINE_MAX_BYTES];     /* the beginning of a line */
        size_t tail_len;
        uint64_t skip;  /* bytes of a long message, which is not ours */
        uint32_t *next; /* number of the next line, by sender */
        char *out;      /* a sender's bytes that the kernel has not taken */
        size_t out_len, out_room;
};

struct options {
        size_t clients, senders, bytes, in_flight, connecting;
        uint64_t lines;
        double rate;    /* 0: as fast as it goes */
        double seconds; /* 0: as long as there are lines */
        enum protocol protocol;
        bool greeted;  /* the server writes first */
        size_t rooms;  /* clients are spread over so many rooms, the same number in each */
        bool together; /* neighbours are in one room */
        bool line_per_call;
        bool arrive; /* nothing is said */
        bool memory;
        const char *cgroups[CGROUPS_MAX];
        size_t cgroups_count;
        long servers[SERVERS_MAX];
        size_t servers_count;
        struct sockaddr_in targets[TARGETS_MAX];
        size_t targets_count;
};

struct latencies {
        uint32_t *us;
        size_t count, room;
};

struct load {
        struct options o;
        struct client *clients;
        int epoll;
        size_t ready, in_room, probed;
        uint64_t sent;                   /* lines of the run */
        uint32_t *sent_by;               /* lines of the run, by sender */
        uint64_t deliveries, disordered; /* lines out of order, including doubled ones */
        uint64_t others;                 /* lines that are not ours */
        bool lossy;                      /* `lost` of some client is not 0 */
        uint64_t last_us;                /* when something came last */
        uint64_t epoch_us;               /* the times of lines begin here */
        struct latencies near, far;      /* to clients of the sender's server, and to those of other servers */
};

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void watch(const struct load *l, struct client *c, int op, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = c};
        if (epoll_ctl(l->epoll, op, c->fd, &event) < 0)
                err(EXIT_FAILURE, "epoll_ctl");
}

static void flush(const struct load *l, struct client *c)
{
        ssize_t n = c->out_len > 0 ? send(c->fd, c->out, c->out_len, MSG_NOSIGNAL) : 0;
        if (n < 0 && errno != EAGAIN)
                err(EXIT_FAILURE, "client %zu cannot send", c->index);
        if (n > 0) {
                memmove(c->out, c->out + n, c->out_len - (size_t)n);
                c->out_len -= (size_t)n;
        }
        bool wanted = c->out_len > 0;
        if (wanted != c->writable_wanted)
                watch(l, c, EPOLL_CTL_MOD, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
        c->writable_wanted = wanted;
}

static void put(struct client *c, const char *data, size_t size)
{
        if (c->out_room - c->out_len < size) {
                c->out_room = (c->out_len + size) * 2;
                c->out = realloc(c->out, c->out_room);
                if (!c->out)
                        err(EXIT_FAILURE, "memory");
        }
        memcpy(c->out + c->out_len, data, size);
        c->out_len += size;
}

static void put_text(struct client *c, const char *text)
{
        put(c, text, strlen(text));
}

/* Numbers have base 64. The digits follow each other in ASCII, and JSON escapes none of them: "\" is behind the last. */
enum { DIGIT_BITS = 6, DIGIT_FIRST = '0', DIGIT_ESCAPED = '\\' };

static void put_number(char *at, size_t digits, uint64_t value)
{
        for (size_t i = digits; i-- > 0; value >>= DIGIT_BITS) {
                char digit = (char)(DIGIT_FIRST + value % (1 << DIGIT_BITS));
                at[i] = digit == DIGIT_ESCAPED ? DIGIT_FIRST + (1 << DIGIT_BITS) : digit;
        }
}

static uint64_t get_number(const char *at, size_t digits)
{
        uint64_t value = 0;
        for (size_t i = 0; i < digits; i++) {
                unsigned digit = (unsigned char)at[i] - DIGIT_FIRST;
                value = value << DIGIT_BITS | (digit < 1 << DIGIT_BITS ? digit : DIGIT_ESCAPED - DIGIT_FIRST);
        }
        return value;
}

#define MESSAGE_END "\"}" /* of the JSON that servers send, too, behind the text */

/* Puts a message of a WebSocket (RFC 6455, section 5.2): `begin`, a text, and MESSAGE_END. */
static void put_message(struct client *c, const char *begin, const char *text, size_t len)
{
        static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
        uint8_t frame[1024] = {0x81};
        size_t size = strlen(begin) + len + strlen(MESSAGE_END), at = size < 126 ? 2 : 4;
        frame[1] = (uint8_t)(0x80 | (size < 126 ? size : 126));
        if (size >= 126) {
                frame[2] = (uint8_t)(size >> 8);
                frame[3] = (uint8_t)size;
        }
        memcpy(frame + at, mask, sizeof(mask));
        at += sizeof(mask);
        char *payload = (char *)frame + at;
        memcpy(mempcpy(mempcpy(payload, begin, strlen(begin)), text, len), MESSAGE_END, strlen(MESSAGE_END));
        for (size_t i = 0; i < size; i++)
                frame[at + i] ^= mask[i % 4];
        put(c, (const char *)frame, at + size);
}

/* The fields of a line: "~", kind, sender (2), number (4), time (6), padding. All lines have the same length, so that
 * the fields can be found from the end of a line, whatever a server puts in front. */
enum { AT_KIND = 1, AT_SENDER = 2, AT_NUMBER = 4, AT_TIME = 8, AT_PADDING = 14 };
enum { SENDER_DIGITS = 2, NUMBER_DIGITS = 4, TIME_DIGITS = 6, LINES_MAX = 1 << NUMBER_DIGITS * DIGIT_BITS };

static void put_line(const struct options *o, struct client *c, char kind, uint64_t number, uint64_t us)
{
        char line[LINE_MAX_BYTES];
        size_t len = o->bytes - 1;
        line[0] = '~';
        line[AT_KIND] = kind;
        put_number(line + AT_SENDER, SENDER_DIGITS, c->index);
        put_number(line + AT_NUMBER, NUMBER_DIGITS, number);
        put_number(line + AT_TIME, TIME_DIGITS, us);
        memset(line + AT_PADDING, 'x', len - AT_PADDING);
        if (o->protocol == WEBSOCKET) {
                put_message(c, "{\"do\":\"say\",\"room\":\"lobby\",\"text\":\"", line, len);
                return;
        }
        if (o->protocol == IRC)
                put_text(c, "PRIVMSG #bench :");
        put(c, line, len);
        put_text(c, o->protocol == IRC ? "\r\n" : "\n");
}

static void say(struct load *l, size_t sender, uint64_t us)
{
        if (l->sent_by[sender] == LINES_MAX)
                errx(EXIT_FAILURE, "a client cannot number more than %d lines", LINES_MAX);
        put_line(&l->o, &l->clients[sender], 'L', l->sent_by[sender]++, us - l->epoch_us);
        l->sent++;
        if (l->o.line_per_call)
                flush(l, &l->clients[sender]);
}

/* ---- receiving --------------------------------------------------------------------------------------------------- */

static void become_ready(struct load *l, struct client *c)
{
        c->state = READY;
        l->ready++;
}

static void take_run_line(struct load *l, struct client *c, const char *payload)
{
        size_t sender = get_number(payload + AT_SENDER, SENDER_DIGITS);
        uint64_t number = get_number(payload + AT_NUMBER, NUMBER_DIGITS);
        if (sender >= l->o.senders || number < c->next[sender]) {
                l->disordered++;
                return;
        }
        c->lost += number - c->next[sender];
        l->lossy |= number != c->next[sender];
        c->next[sender] = (uint32_t)number + 1;
        c->got++;
        l->deliveries++;
        struct latencies *t = sender % l->o.targets_count == c->index % l->o.targets_count ? &l->near : &l->far;
        if (t->count < t->room)
                t->us[t->count++] = (uint32_t)(l->last_us - l->epoch_us - get_number(payload + AT_TIME, TIME_DIGITS));
}

/* Takes a line that is not ours: a notice, or a command of IRC (RFC 2812). */
static void take_other(struct load *l, struct client *c, const char *line, size_t len)
{
        static const char join[] = "JOIN #bench\r\n", in_room[] = "*** You are now in room-";
        l->others++;
        l->in_room += len >= strlen(in_room) && memcmp(line, in_room, strlen(in_room)) == 0;
        snprintf(c->notice, sizeof(c->notice), "%.*s", (int)len, line);
        if (l->o.protocol == WEBSOCKET)
                return;
        if (l->o.protocol == PLAIN) {
                if (c->state == JOINING)
                        become_ready(l, c);
                return;
        }
        const char *command = line;
        if (line[0] == ':')
                command = memchr(line, ' ', len);
        command = command ? command + (line[0] == ':') : line;
        size_t left = len - (size_t)(command - line);
        if (left >= 5 && memcmp(command, "PING ", 5) == 0) {
                put_text(c, "PONG ");
                put(c, command + 5, left - 5);
                put_text(c, "\r\n");
                flush(l, c);
        } else if (left >= 4 && (memcmp(command, "376 ", 4) == 0 || memcmp(command, "422 ", 4) == 0)) {
                put(c, join, sizeof(join) - 1);
                flush(l, c);
        } else if (left >= 4 && memcmp(command, "366 ", 4) == 0 && c->state == JOINING) {
                become_ready(l, c);
        } else if (left >= 5 && memcmp(command, "ERROR", 5) == 0) {
                errx(EXIT_FAILURE, "client %zu: %.*s", c->index, (int)len, line);
        }
}

static void take_line(struct load *l, struct client *c, const char *line, size_t len)
{
        size_t payload = l->o.bytes - 1;
        if (l->o.protocol == PLAIN && line[0] == '(')
                return; /* was sent in the run before this one */
        if (len > 0 && line[len - 1] == '\r')
                len--;
        const char *at = line + len - payload;
        if (len < payload || at[0] != '~' || (at[AT_KIND] != 'L' && at[AT_KIND] != 'P')) {
                take_other(l, c, line, len);
        } else if (at[AT_KIND] == 'L') {
                take_run_line(l, c, at);
        } else if (!c->probed) {
                c->probed = true;
                l->probed++;
        }
}

/* Takes a message, or the beginning of a long one. */
static void take_message(struct load *l, struct client *c, const char *message, size_t len)
{
        static const char entered[] = "\"code\":\"entered\"", past[] = "{\"event\":\"past\"";
        size_t end = strlen(MESSAGE_END);
        if (c->state == JOINING && memmem(message, len, entered, strlen(entered)))
                become_ready(l, c);
        if (len > strlen(past) && memcmp(message, past, strlen(past)) == 0)
                return; /* was sent in the run before this one */
        if (len > end && memcmp(message + len - end, MESSAGE_END, end) == 0)
                take_line(l, c, message, len - end);
        else
                l->others++;
}

/* Takes the answer to the request for a WebSocket. Returns what is behind it, or `at` if it is not complete. */
static const char *take_upgrade(struct load *l, struct client *c, const char *at, const char *end)
{
        const char *head = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        if (!head)
                return at;
        if (memcmp(at, "HTTP/1.1 101 ", 13) != 0)
                errx(EXIT_FAILURE, "client %zu: %.*s", c->index, (int)(head - at), at);
        c->state = JOINING;
        if (l->o.greeted)
                put_message(c, "{\"do\":\"join\",\"room\":\"", "lobby", 5);
        else
                become_ready(l, c);
        flush(l, c);
        return head + 4;
}

/* Takes the messages in a client's input. Returns the beginning of what is not complete. */
static const char *take_messages(struct load *l, struct client *c, const char *at, const char *end)
{
        size_t skipped = c->skip < (uint64_t)(end - at) ? (size_t)c->skip : (size_t)(end - at);
        c->skip -= skipped;
        at += skipped;
        if (c->state == UPGRADING)
                at = take_upgrade(l, c, at, end);
        while (c->state != UPGRADING && end - at >= 2) {
                const uint8_t *head = (const uint8_t *)at;
                size_t extra = head[1] < 126 ? 0 : 2, room = (size_t)(end - at);
                if (head[1] > 126)
                        errx(EXIT_FAILURE, "client %zu: a message of 64 kB", c->index);
                if (room < 2 + extra)
                        break;
                size_t len = extra == 0 ? head[1] : (size_t)(head[2] << 8 | head[3]), have = room - 2 - extra;
                if (have < len && 2 + extra + len <= LINE_MAX_BYTES)
                        break;
                take_message(l, c, at + 2 + extra, have < len ? have : len);
                c->skip = have < len ? len - have : 0;
                at += 2 + extra + (have < len ? have : len);
        }
        return at;
}

static void take(struct load *l, struct client *c)
{
        static char buffer[LINE_MAX_BYTES + READ_BYTES];
        memcpy(buffer, c->tail, c->tail_len);
        ssize_t n = recv(c->fd, buffer + c->tail_len, READ_BYTES, 0);
        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0)
                errx(EXIT_FAILURE, "the server closed client %zu of %zu (%s), after \"%s\"", c->index, l->o.clients,
                     n < 0 ? strerror(errno) : "end of file", c->notice);
        l->last_us = clock_boottime_us();
        const char *at = buffer, *end = buffer + c->tail_len + n;
        if (l->o.protocol == WEBSOCKET)
                at = take_messages(l, c, at, end);
        for (const char *eol; l->o.protocol != WEBSOCKET && (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1)
                take_line(l, c, at, (size_t)(eol - at));
        c->tail_len = (size_t)(end - at);
        if (c->tail_len > sizeof(c->tail)) { /* a notice: our lines are shorter, and recognised by their end */
                at = end - sizeof(c->tail);
                c->tail_len = sizeof(c->tail);
        }
        memcpy(c->tail, at, c->tail_len);
}

static void connected(struct load *l, struct client *c)
{
        int error = 0;
        socklen_t size = sizeof(error);
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0)
                errx(EXIT_FAILURE, "client %zu cannot connect: %s", c->index, strerror(error));
        watch(l, c, EPOLL_CTL_MOD, EPOLLIN);
        c->state = l->o.protocol == WEBSOCKET ? UPGRADING : JOINING;
        if (l->o.protocol == WEBSOCKET) {
                put_text(c, "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
                flush(l, c);
        } else if (l->o.protocol == IRC) {
                char hello[64];
                snprintf(hello, sizeof(hello), "NICK b%zu\r\nUSER b 0 * :b\r\n", c->index);
                put_text(c, hello);
                flush(l, c);
        } else if (!l->o.greeted) {
                become_ready(l, c);
        }
}

/* Takes what comes within `wait` µs. Returns true if anything came. */
static bool turn(struct load *l, uint64_t wait)
{
        static struct epoll_event events[EVENTS];
        const struct timespec most = {.tv_sec = (time_t)(wait / S), .tv_nsec = (long)(wait % S) * 1000};
        int n = epoll_pwait2(l->epoll, events, EVENTS, &most, NULL);
        for (int i = 0; i < n; i++) {
                struct client *c = events[i].data.ptr;
                if (c->state == CONNECTING)
                        connected(l, c);
                else if (events[i].events & ~(uint32_t)EPOLLOUT)
                        take(l, c);
                if (c->writable_wanted && events[i].events & EPOLLOUT)
                        flush(l, c);
        }
        return n > 0;
}

/* ---- the phases -------------------------------------------------------------------------------------------------- */

static void begin_connect(struct load *l, size_t index)
{
        struct client *c = &l->clients[index];
        struct sockaddr_in source = {
                .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / CLIENTS_PER_SOURCE)),
        };
        const struct sockaddr_in *target = &l->o.targets[index % l->o.targets_count];
        int on = 1;
        c->index = index;
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
                err(EXIT_FAILURE, "socket");
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (ntohl(target->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET &&
            bind(c->fd, (const struct sockaddr *)&source, sizeof(source)) < 0)
                err(EXIT_FAILURE, "bind");
        if (connect(c->fd, (const struct sockaddr *)target, sizeof(*target)) < 0 && errno != EINPROGRESS)
                err(EXIT_FAILURE, "client %zu cannot connect", index);
        watch(l, c, EPOLL_CTL_ADD, EPOLLOUT);
}

/* Returns how many clients a line reaches: all in the room except its author. */
static size_t count_receivers(const struct load *l)
{
        return l->o.clients / l->o.rooms - 1;
}

static void enter_rooms(struct load *l, uint64_t deadline)
{
        char text[48];
        for (size_t i = 0; l->o.rooms > 1 && i < l->o.clients; i++) {
                size_t room = l->o.together ? i / (l->o.clients / l->o.rooms) : i % l->o.rooms;
                snprintf(text, sizeof(text), "/join room-%zu\n", room);
                put_text(&l->clients[i], text);
                flush(l, &l->clients[i]);
        }
        while (l->o.rooms > 1 && l->in_room < l->o.clients) {
                turn(l, WAIT);
                if (clock_boottime_us() > deadline)
                        errx(EXIT_FAILURE, "%zu of %zu clients are in their rooms", l->in_room, l->o.clients);
        }
}

/* Connects all clients, and waits until each may speak. */
static void arrive(struct load *l, uint64_t deadline)
{
        size_t begun = 0;
        while (l->ready < l->o.clients) {
                while (begun < l->o.clients && begun - l->ready < l->o.connecting)
                        begin_connect(l, begun++);
                turn(l, WAIT);
                if (clock_boottime_us() > deadline)
                        errx(EXIT_FAILURE, "%zu of %zu clients are ready", l->ready, l->o.clients);
        }
}

/* Waits until all clients have received a line of the first one. */
static void gather(struct load *l, uint64_t deadline)
{
        uint64_t probe_at = 0, number = 0;
        enter_rooms(l, deadline);
        while (l->probed < count_receivers(l)) {
                if (clock_boottime_us() >= probe_at) {
                        put_line(&l->o, &l->clients[0], 'P', number++, 0);
                        flush(l, &l->clients[0]);
                        probe_at = clock_boottime_us() + PROBE;
                }
                turn(l, WAIT);
                if (clock_boottime_us() > deadline)
                        errx(EXIT_FAILURE, "%zu of %zu clients hear the first", l->probed, count_receivers(l));
        }
        deadline = clock_boottime_us() + QUIET_DEADLINE;
        while (turn(l, QUIET) && clock_boottime_us() < deadline)
                ;
}

static uint64_t count_expected(const struct load *l)
{
        return l->sent * count_receivers(l);
}

/* Returns how many lines are not delivered yet, on average over the receivers. */
static uint64_t in_flight(const struct load *l)
{
        uint64_t lost = 0, missing = count_expected(l) - l->deliveries;
        for (size_t i = 0; l->lossy && i < l->o.clients; i++)
                lost += l->clients[i].lost;
        size_t each = count_receivers(l);
        return (missing - lost + each - 1) / each;
}

/* Sends all lines that the senders have said. */
static void flush_all(const struct load *l)
{
        for (size_t i = 0; i < l->o.senders; i++)
                if (l->clients[i].out_len > 0 && !l->clients[i].writable_wanted)
                        flush(l, &l->clients[i]);
}

/* Lets the senders say `lines` together: all of them the same number, or some of them one line each. */
static void say_some(struct load *l, uint64_t lines)
{
        static size_t next;
        uint64_t us = clock_boottime_us(), each = (lines + l->o.senders - 1) / l->o.senders;
        size_t first = next;
        for (uint64_t i = 0; i < lines; i++)
                say(l, (first + i / each) % l->o.senders, us);
        next = (first + 1) % l->o.senders;
        flush_all(l);
}

static void run_saturated(struct load *l)
{
        uint64_t flying, end = l->o.seconds > 0 ? clock_boottime_us() + (uint64_t)(l->o.seconds * 1e6) : UINT64_MAX;
        while ((flying = in_flight(l)) > 0 || (l->sent < l->o.lines && clock_boottime_us() < end)) {
                uint64_t room = flying < l->o.in_flight ? l->o.in_flight - flying : 0;
                uint64_t left = clock_boottime_us() < end ? l->o.lines - l->sent : 0;
                if (room > 0 && left > 0)
                        say_some(l, room < left ? room : left);
                if (!turn(l, QUIET_END))
                        return;
        }
}

static void run_paced(struct load *l)
{
        uint64_t begin = clock_boottime_us(), due = begin;
        while (l->sent < l->o.lines) {
                uint64_t now = clock_boottime_us();
                for (; due <= now && l->sent < l->o.lines; due = begin + (uint64_t)((double)l->sent * 1e6 / l->o.rate))
                        say(l, l->sent % l->o.senders, due);
                flush_all(l);
                turn(l, due > now ? due - now : 0);
        }
        while (in_flight(l) > 0 && turn(l, QUIET_END))
                ;
}

static uint64_t sum_server(const struct options *o, uint64_t (*of_process)(long pid))
{
        uint64_t sum = 0;
        for (size_t i = 0; i < o->cgroups_count; i++)
                sum += costs_of_cgroup(o->cgroups[i], of_process);
        for (size_t i = 0; i < o->servers_count; i++)
                sum += costs_of_family(o->servers[i], of_process);
        return sum;
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return (x > y) - (x < y);
}

static void report_latencies(const char *prefix, struct latencies *t)
{
        if (t->count == 0)
                return;
        qsort(t->us, t->count, sizeof(*t->us), compare);
        printf("%sp50_us %u\n", prefix, t->us[t->count / 2]);
        printf("%sp99_us %u\n", prefix, t->us[t->count * 99 / 100]);
        printf("%smax_us %u\n", prefix, t->us[t->count - 1]);
}

static void report(struct load *l, uint64_t took_us, uint64_t used_ns, uint64_t ready_us)
{
        double n = l->deliveries > 0 ? (double)l->deliveries : 1;
        printf("connect_us %" PRIu64 "\n", ready_us);
        printf("lines %" PRIu64 "\n", l->sent);
        printf("deliveries %" PRIu64 "\n", l->deliveries);
        printf("lost %" PRIu64 "\n", count_expected(l) - l->deliveries);
        printf("disordered %" PRIu64 "\n", l->disordered);
        printf("others %" PRIu64 "\n", l->others);
        printf("took_us %" PRIu64 "\n", took_us);
        printf("deliveries_per_s %.0f\n", (double)l->deliveries * 1e6 / (double)took_us);
        printf("cpu_us_per_delivery %.4f\n", (double)used_ns / 1e3 / n);
        report_latencies("", &l->near);
        report_latencies("far_", &l->far);
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static const char usage[] =
        "Usage: load [--clients=N] [--senders=N] [--lines=N | --seconds=N] [--bytes=N] [--in-flight=N | --rate=N]\n"
        "            [--line-per-call] [--irc | --websocket [--greeted] | --greeted [--rooms=N [--together]]]\n"
        "            [--connecting=N] [--cgroup=DIR...] [--server=PID...] [--memory] [--arrive] ADDRESS:PORT...\n";

static bool parse_target(struct options *o, const char *text)
{
        char address[INET_ADDRSTRLEN];
        const char *colon = strchr(text, ':');
        if (!colon || (size_t)(colon - text) >= sizeof(address) || o->targets_count == TARGETS_MAX)
                return false;
        memcpy(address, text, (size_t)(colon - text));
        address[colon - text] = '\0';
        struct sockaddr_in *target = &o->targets[o->targets_count++];
        *target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(colon + 1))};
        return inet_pton(AF_INET, address, &target->sin_addr) == 1 && target->sin_port != 0;
}

static bool parse(struct options *o, int argc, char **argv)
{
        static const struct option known[] = {
                {"clients", required_argument, NULL, 'c'},
                {"senders", required_argument, NULL, 's'},
                {"lines", required_argument, NULL, 'l'},
                {"seconds", required_argument, NULL, 't'},
                {"bytes", required_argument, NULL, 'b'},
                {"in-flight", required_argument, NULL, 'f'},
                {"rate", required_argument, NULL, 'r'},
                {"irc", no_argument, NULL, 'i'},
                {"greeted", no_argument, NULL, 'g'},
                {"rooms", required_argument, NULL, 'R'},
                {"connecting", required_argument, NULL, 'n'},
                {"cgroup", required_argument, NULL, 'p'},
                {"memory", no_argument, NULL, 'm'},
                {"together", no_argument, NULL, 'o'},
                {"server", required_argument, NULL, 'S'},
                {"websocket", no_argument, NULL, 'w'},
                {"line-per-call", no_argument, NULL, 'L'},
                {"arrive", no_argument, NULL, 'a'},
                {0},
        };
        for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
                size_t number = optarg ? strtoul(optarg, NULL, 10) : 0;
                switch (c) {
                case 'c':
                        o->clients = number;
                        break;
                case 's':
                        o->senders = number;
                        break;
                case 'l':
                        o->lines = number;
                        break;
                case 'b':
                        o->bytes = number;
                        break;
                case 'f':
                        o->in_flight = number;
                        break;
                case 'r':
                        o->rate = strtod(optarg, NULL);
                        break;
                case 't':
                        o->seconds = strtod(optarg, NULL);
                        break;
                case 'i':
                        o->protocol = IRC;
                        break;
                case 'w':
                        o->protocol = WEBSOCKET;
                        break;
                case 'g':
                        o->greeted = true;
                        break;
                case 'm':
                        o->memory = true;
                        break;
                case 'o':
                        o->together = true;
                        break;
                case 'a':
                        o->arrive = true;
                        break;
                case 'L':
                        o->line_per_call = true;
                        break;
                case 'S':
                        if (o->servers_count == SERVERS_MAX)
                                return false;
                        o->servers[o->servers_count++] = (long)number;
                        break;
                case 'R':
                        o->rooms = number;
                        break;
                case 'n':
                        o->connecting = number;
                        break;
                case 'p':
                        if (o->cgroups_count == CGROUPS_MAX)
                                return false;
                        o->cgroups[o->cgroups_count++] = optarg;
                        break;
                default:
                        return false;
                }
        }
        for (int i = optind; i < argc; i++)
                if (!parse_target(o, argv[i]))
                        return false;
        if (o->seconds > 0)
                o->lines = o->rate > 0 ? (uint64_t)(o->rate * o->seconds) : UINT64_MAX;
        return o->targets_count > 0 && o->clients > 1 && o->clients <= CLIENTS_MAX && o->senders > 0 &&
               o->senders <= SENDERS_MAX && o->senders <= o->clients && o->lines > 0 && o->bytes > AT_PADDING &&
               o->bytes < LINE_MAX_BYTES && o->in_flight > 0 && o->rate >= 0 && o->seconds >= 0 && o->connecting > 0 &&
               o->rooms > 0 && o->clients % o->rooms == 0 && o->clients > o->rooms;
}

static void make_room(struct latencies *t, size_t room)
{
        t->room = room < LATENCIES_MAX ? room : LATENCIES_MAX;
        t->us = calloc(t->room + 1, sizeof(*t->us));
        if (!t->us)
                err(EXIT_FAILURE, "memory");
}

int main(int argc, char **argv)
{
        static struct load l = {
                .o = {.clients = 100,
                      .senders = 10,
                      .lines = 10000,
                      .bytes = 80,
                      .in_flight = 256,
                      .rooms = 1,
                      .connecting = CONNECTING_DEFAULT},
        };
        struct rlimit files;
        if (!parse(&l.o, argc, argv)) {
                fputs(usage, stderr);
                return 2;
        }
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        l.epoll = epoll_create1(EPOLL_CLOEXEC);
        l.clients = calloc(l.o.clients, sizeof(*l.clients));
        l.sent_by = calloc(l.o.senders, sizeof(*l.sent_by));
        uint32_t *next = calloc(l.o.clients * l.o.senders, sizeof(*next));
        if (l.epoll < 0 || !l.clients || !l.sent_by || !next)
                err(EXIT_FAILURE, "begin");
        for (size_t i = 0; i < l.o.clients; i++)
                l.clients[i].next = next + i * l.o.senders;
        prctl(PR_SET_TIMERSLACK, 1UL); /* a line is sent when it is due */
        if (l.o.rate > 0) {
                make_room(&l.near, l.o.lines * l.o.clients);
                make_room(&l.far, l.o.targets_count > 1 ? l.o.lines * l.o.clients : 0);
        }
        uint64_t begin = l.epoch_us = clock_boottime_us();
        arrive(&l, begin + READY_DEADLINE);
        if (l.o.arrive) {
                printf("greeted_us %" PRIu64 "\n", clock_boottime_us() - begin);
                return 0;
        }
        gather(&l, begin + READY_DEADLINE);
        uint64_t ready_us = l.last_us - begin, used = sum_server(&l.o, costs_cpu_ns);
        l.others = 0;
        begin = clock_boottime_us();
        if (l.o.rate > 0)
                run_paced(&l);
        else
                run_saturated(&l);
        report(&l, (l.last_us > begin ? l.last_us : clock_boottime_us()) - begin, sum_server(&l.o, costs_cpu_ns) - used,
               ready_us);
        if (l.o.memory)
                printf("pss_kb %" PRIu64 "\n", sum_server(&l.o, costs_memory_kb));
        return 0;
}
