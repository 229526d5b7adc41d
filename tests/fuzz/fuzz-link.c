/* The link (chat-link/link.c, hosts, inbox, inject, message, spool), with real sockets and a real spool.
 *
 * Input: commands, see do_command(): other hosts publish, chatd sends and serves its queue, time passes, the stream is
 * replaced, the link is killed and its spool's file may change.
 *
 * Promises: chatd gets whole frames of FRAME_MAX_BYTES at most. It gets records of known kinds under names of the host
 * that sent them, with clean text and numbers that grow behind each HELLO; and clean notices. The inbox and the file
 * may have any contents: the spool hands out whole records, as many as it states, one behind another. At the end the
 * link has looked at everything that was published.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <chat/connect.h>
#include <chat/leave.h>
#include <chat/safe-text.h>

#include "../../chat-link/link.h"
#include "../unit/network-fixture.h"

#include "fuzz.h"

enum {
        COMMANDS_MAX = 256,
        STREAMS_MAX = 64, /* generations wrap around */
        SILENCE_MAX_ROUNDS = 512,
        HOSTS = 3,
        EPOCHS = 4,
};

static const char *const hosts[HOSTS] = {"b", "c", "abcdefghijklmnopqrstuvwx"};

/* The state that lasts from one input to the next. */
struct world {
        char dir[64], path[128];
        int intake, inbox, to_link;
        struct config config;
        struct journal journal; /* without a thread */
        struct network network;
        uint8_t buffer[DATAGRAM_MAX_BYTES];
};

struct run {
        struct world *world;
        struct spool *spool;
        struct link link;
        uint64_t last;                    /* the number of the last record that chatd relayed */
        uint64_t before;                  /* the number of the last record that chatd got since the last HELLO */
        uint64_t instance, next_position; /* of what the spool handed out last */
        uint64_t numbers;                 /* of records of members on this host */
        unsigned streams;
};

static int64_t now_ms;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
        (void)clock;
        *t = (struct timespec){(time_t)(now_ms / 1000), (long)(now_ms % 1000) * 1000000};
        return 0;
}

static int bind_socket(int (*path)(struct sockaddr_un *address, const char *dir), const char *dir)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
        path(&address, dir);
        PROMISE(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0,
                "cannot bind %s: %s", address.sun_path, strerror(errno));
        return fd;
}

static struct world *get_world(void)
{
        static struct world *w;
        const char *tmp = getenv("TMPDIR");
        struct sockaddr_un address;
        if (w)
                return w;
        w = calloc(1, sizeof(*w));
        snprintf(w->dir, sizeof(w->dir), "%s/chat-fuzz.XXXXXX", tmp ? tmp : "/tmp");
        PROMISE(mkdtemp(w->dir), "cannot make %s: %s", w->dir, strerror(errno));
        snprintf(w->path, sizeof(w->path), "%s/spool", w->dir);
        w->intake = bind_socket(path_broker, w->dir);
        w->inbox = bind_socket(path_link, w->dir);
        w->to_link = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        path_link(&address, w->dir);
        PROMISE(connect(w->to_link, (const struct sockaddr *)&address, sizeof(address)) == 0, "cannot connect");
        strcpy(w->config.host, "here");
        return w;
}

static void empty(struct world *w, int fd)
{
        while (recv(fd, w->buffer, sizeof(w->buffer), MSG_DONTWAIT) >= 0)
                ;
}

static void begin(struct run *r)
{
        struct world *w = r->world;
        uint64_t lost;
        r->spool = spool_open(w->path, SPOOL_RING_MIN_BYTES, w->dir, "net", &lost);
        PROMISE(r->spool, "the spool cannot be opened: %s", strerror(errno));
        r->link = (struct link){0};
        w->network.reading = false;
        int e = link_begin(&r->link, &w->config, w->dir, w->inbox, r->spool, &w->network, &w->journal, lost);
        PROMISE(e == 0, "link_begin: %d", e);
}

static void end(struct run *r)
{
        link_end(&r->link);
        spool_close(r->spool);
}

/* ---- chatd ---- */

static void check_name(struct slice name)
{
        PROMISE(name.len <= NAME_MAX_BYTES && text_is_remote_name(name.at, name.len), "the name %.*s", (int)name.len,
                name.at);
        const char *at = memchr(name.at, '@', name.len);
        struct slice host = {at + 1, (size_t)(name.at + name.len - at - 1)};
        for (int i = 0; i < HOSTS; i++)
                if (slice_equal(host, slice_of(hosts[i])))
                        return;
        BROKEN("nobody is on %.*s", (int)host.len, host.at);
}

static void check_record(const struct record *rec)
{
        PROMISE(record_is_of_person(rec) || rec->kind == RECORD_PRIVATE, "kind %d", rec->kind);
        PROMISE(rec->id == LINK_ID, "id %llx", (unsigned long long)rec->id);
        check_name(rec->name);
        PROMISE(rec->text.len <= TEXT_MAX_BYTES && text_is_clean(rec->text.at, rec->text.len),
                "a text that is not clean");
        PROMISE((rec->kind != RECORD_JOIN && rec->kind != RECORD_LEAVE) || rec->text.len == 0 ||
                        (rec->kind == RECORD_LEAVE && leave_why(rec->text) != 0),
                "a text that nobody said");
        if (rec->kind == RECORD_RENAME)
                check_name(rec->text);
}

static void check_records(struct run *r, struct wire_reader records)
{
        struct record rec;
        int more;
        while ((more = record_next(&records, &rec)) > 0) {
                check_record(&rec);
                PROMISE(rec.number > r->before, "number %llx behind %llx", (unsigned long long)rec.number,
                        (unsigned long long)r->before);
                PROMISE(rec.number >> 63 == 0, "a number of a notice");
                r->before = rec.number;
                r->last = rec.number > r->last ? rec.number : r->last;
        }
        PROMISE(more == 0, "half a record");
}

static void welcome(struct run *r)
{
        uint8_t frame[FRAME_MAX_BYTES];
        struct frame f = {.type = FRAME_WELCOME, .id = 1, .number = r->last, .name = slice_of("link"), .members = 2};
        send(r->world->to_link, frame, frame_encode(frame, sizeof(frame), &f), MSG_DONTWAIT);
        r->before = 0;
}

/* Lets chatd serve its queue. Returns true if there was anything. */
static bool serve(struct run *r)
{
        struct world *w = r->world;
        struct frame f;
        bool any = false;
        for (ssize_t n; (n = recv(w->intake, w->buffer, sizeof(w->buffer), MSG_DONTWAIT)) >= 0; any = true) {
                PROMISE(n <= FRAME_MAX_BYTES, "a frame of %zd bytes", n);
                PROMISE(frame_decode(&f, w->buffer, (size_t)n) == 0 && f.id == LINK_ID, "what is no frame of the link");
                if (f.type == FRAME_HELLO)
                        welcome(r);
                else if (f.type == FRAME_INJECT)
                        check_records(r, f.records);
                else
                        PROMISE((f.type == FRAME_NOTICE || f.type == FRAME_TELL) && f.number >> 63 && f.text.len > 0 &&
                                        text_is_clean(f.text.at, f.text.len),
                                "a frame of type %d", f.type);
        }
        return any;
}

/* ---- commands ---- */

static struct slice choose_bytes(struct choices *c, size_t most)
{
        size_t left = (size_t)(c->end - c->at), len = choose_u8(c);
        left -= left > 0;
        len = len > most ? most : len;
        len = len > left ? left : len;
        struct slice s = {(const char *)c->at, len};
        c->at += len;
        return s;
}

/* Returns a position or a number: small, or near the largest. */
static uint64_t choose_number(struct choices *c)
{
        uint8_t n = choose_u8(c);
        return n < 0xf0 ? n : UINT64_MAX - (0xff - n);
}

static size_t choose_records(struct choices *c, uint8_t *data, size_t size, uint64_t *numbers)
{
        size_t len = 0;
        for (unsigned n = choose_u8(c) % 16; n > 0; n--) {
                uint8_t kind = choose_u8(c) % 8;
                struct record rec = {.kind = kind, .id = kind < 6 ? 7 : LINK_ID};
                rec.number = kind == RECORD_MISSED ? choose_number(c) : ++*numbers;
                rec.name = choose_u8(c) % 4 ? slice_of("eve") : choose_bytes(c, NAME_MAX_BYTES);
                rec.text = choose_bytes(c, 255);
                len += record_encode(data + len, size - len, &rec);
        }
        return len;
}

static void publish(struct run *r, struct choices *c, bool raw)
{
        static uint8_t data[16384];
        struct network *n = &r->world->network;
        const char *host = hosts[choose_u8(c) % HOSTS];
        uint64_t ignored = 0;
        if (n->count == NETWORK_STORED_MAX)
                return;
        if (raw) {
                struct slice s = choose_bytes(c, 255);
                network_add(n, NETWORK_SAID, host, s.at, s.len);
                return;
        }
        struct message m = {.type = MESSAGE_SAID, .instance = choose_u8(c) % 3, .position = choose_number(c)};
        size_t size = message_encode(data, sizeof(data), &m);
        size += choose_records(c, data + size, sizeof(data) - size, &ignored);
        network_add(n, NETWORK_SAID, host, data, size);
}

static void be_alive(struct run *r, struct choices *c)
{
        uint8_t data[64];
        struct network *n = &r->world->network;
        struct message m = {.type = MESSAGE_ALIVE, .instance = 1, .members = choose_number(c)};
        if (n->count < NETWORK_STORED_MAX)
                network_add(n, NETWORK_ALIVE, hosts[choose_u8(c) % HOSTS], data,
                            message_encode(data, sizeof(data), &m));
}

/* Answers the link's question, or another one. */
static void answer(struct run *r, struct choices *c)
{
        static uint8_t data[16384];
        struct network *n = &r->world->network;
        const struct gap *gap = &r->link.gap;
        uint64_t ignored = 0;
        struct message m = {.type = MESSAGE_AGAIN,
                            .instance = gap->instance,
                            .question_position = gap->question_position,
                            .position = gap->at - 2 + choose_u8(c) % 8};
        size_t size = message_encode(data, sizeof(data), &m);
        size += choose_records(c, data + size, sizeof(data) - size, &ignored);
        free(network_answer(n));
        n->answer = network_make(n, NETWORK_AGAIN, gap->host, data, size);
}

/* Sends anything that chatd may send, except WELCOME: its number is a promise of its own. */
static void send_any(struct run *r, struct choices *c)
{
        uint8_t data[256];
        struct slice s = choose_bytes(c, sizeof(data) - 1);
        memcpy(data, s.at, s.len);
        if (s.len > 1 && data[1] == FRAME_WELCOME)
                data[1] = FRAME_BATCH;
        send(r->world->to_link, data, s.len, MSG_DONTWAIT);
}

static void send_batch(struct run *r, struct choices *c)
{
        static uint8_t data[16384];
        uint8_t choice = choose_u8(c);
        struct frame f = {.type = choice & 0x80 ? FRAME_MISSED : FRAME_BATCH, .id = 1 + choice % EPOCHS, .number = 5};
        uint64_t again = choose_u8(c), numbers = r->numbers > again ? r->numbers - again : 0;
        size_t size = frame_encode(data, sizeof(data), &f);
        if (f.type == FRAME_BATCH)
                size += choose_records(c, data + size, sizeof(data) - size, &numbers);
        r->numbers = numbers > r->numbers ? numbers : r->numbers;
        send(r->world->to_link, data, size, MSG_DONTWAIT);
}

/* Publishes what is in the spool, and checks that it is whole. */
static void drain(struct run *r)
{
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        struct spool_chunk chunk;
        while (spool_next(r->spool, &chunk, buffer, sizeof(buffer))) {
                struct wire_reader reader = wire_read(chunk.data, chunk.size);
                struct record rec;
                uint64_t count = 0;
                while (record_next(&reader, &rec) > 0)
                        count++;
                PROMISE(count == chunk.count && wire_left(&reader) == 0, "a chunk of %llu records holds %llu",
                        (unsigned long long)chunk.count, (unsigned long long)count);
                PROMISE(chunk.instance != r->instance || chunk.first == r->next_position,
                        "a chunk from %llu on, not %llu", (unsigned long long)chunk.first,
                        (unsigned long long)r->next_position);
                r->instance = chunk.instance;
                r->next_position = chunk.first + chunk.count;
                spool_release(r->spool);
        }
}

static void check_walked(void *user, const struct record *rec)
{
        (void)user;
        PROMISE(rec->name.len <= UINT8_MAX, "a name of %zu bytes", rec->name.len);
}

/* Kills the link and starts it again. In between its file may change: a few bytes of its head, of its state, or of an
 * entry. */
static void restart(struct run *r, struct choices *c)
{
        static const unsigned parts[] = {0, 0, 4096, 4096 + SPOOL_KEPT_BYTES};
        uint8_t choice = choose_u8(c);
        end(r);
        if (choice & 0x80) {
                off_t at = parts[choice % 4] + choose_u16(c) % (choice % 4 < 2 ? 120 : 8192);
                struct slice s = choose_bytes(c, 64);
                int fd = open(r->world->path, O_WRONLY | O_CLOEXEC);
                PROMISE(fd >= 0 && pwrite(fd, s.at, s.len, at) == (ssize_t)s.len, "cannot write");
                if (choice & 0x40)
                        PROMISE(ftruncate(fd, choose_u16(c)) == 0, "cannot truncate");
                close(fd);
                r->instance = 0;
        }
        begin(r);
        spool_walk(r->spool, check_walked, NULL);
        if (choice & 0x80) { /* the link cannot know the earlier numbers any more, so chatd must forget them, too */
                empty(r->world, r->world->intake);
                r->last = r->before = 0;
        }
}

static void replace_stream(struct run *r, struct choices *c)
{
        if (r->streams++ < STREAMS_MAX)
                network_replace(&r->world->network, choose_u8(c) % 4);
}

static void do_command(struct run *r, struct choices *c)
{
        switch (choose_u8(c) % 13) {
        case 0:
                publish(r, c, true);
                break;
        case 1:
        case 2:
                publish(r, c, false);
                break;
        case 3:
                be_alive(r, c);
                break;
        case 4:
                send_any(r, c);
                break;
        case 5:
                send_batch(r, c);
                break;
        case 6:
                drain(r);
                break;
        case 7:
                serve(r);
                break;
        case 8:
                now_ms += choose_u8(c) * 100;
                break;
        case 9:
                restart(r, c);
                break;
        case 10:
                replace_stream(r, c);
                break;
        case 11:
                answer(r, c);
                break;
        default:
                link_work(&r->link);
                break;
        }
}

static void check_silence(struct run *r)
{
        const struct network *n = &r->world->network;
        int rounds = 0;
        bool any = true;
        while (any || !n->reading || n->next < n->count) {
                now_ms += LINK_HELLO_MS / 4;
                link_work(&r->link);
                any = serve(r);
                drain(r);
                PROMISE(rounds++ < SILENCE_MAX_ROUNDS, "it does not fall silent");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct choices c = {data, data + size};
        struct world *w = get_world();
        struct run *r = calloc(1, sizeof(*r));
        r->world = w;
        now_ms = 1000000;
        network_replace(&w->network, 1);
        w->journal.used_bytes = 0;
        w->journal.drops = 0;
        begin(r);
        for (int i = 0; i < COMMANDS_MAX && c.at < c.end; i++)
                do_command(r, &c);
        check_silence(r);
        end(r);
        free(r);
        empty(w, w->intake);
        empty(w, w->inbox);
        unlink(w->path);
        return 0;
}
