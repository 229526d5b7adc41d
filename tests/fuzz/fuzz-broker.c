/* chatd's whole intake (chatd/broker.c, intake, relay, roster, recovery), with real sockets and a real run directory.
 *
 * Input: the length of chatd's queue, then commands: see do_command(). Sessions join, talk and leave (sessions.h);
 * chatd runs, is killed at any step (death.h) and started again. At the end all sessions read and chatd has served its
 * queue.
 *
 * Promises, besides those of sessions.h: no call fails, and chatd falls silent. Then its roster is consistent, and has
 * all members and no dead one. There is a note of each member, and no other note. No descriptor is left open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sanitizer/lsan_interface.h>
#include <sched.h>
#include <search.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/journal.h>

#include "../../chatd/broker.h"
#include "../../chatd/contact.h"
#include "../../chatd/lending.h"
#include "../../chatd/membership.h"
#include "../../chatd/recovery.h"
#include "../../chatd/rundir.h"

#include "../../chatd/arrivals.h"
#include "death.h"
#include "fuzz.h"
#include "sessions.h"

enum {
        COMMANDS_MAX = 256,
        RESTARTS_MAX = 8,
        SILENCE_MAX_ROUNDS = 64,
        SHORT_QUEUE = 10, /* Linux's default */
        NEVER_S = 1000000,
        DESCRIPTORS_MAX = 256,
        HISTORY = 20,
};

/* The state that lasts from one input to the next. */
struct world {
        char dir[64];
        int queue_length; /* net.unix.max_dgram_qlen of a network namespace of our own, or -1 */
        struct journal *log;
};

struct run {
        int intake, epoll;
        struct chat *chat;
        struct sessions sessions;
        unsigned restarts;
        bool has_empty;   /* an empty datagram was sent */
        unsigned waiting; /* the sessions that waited before arrivals_announce(): a bit for each */
        uint64_t notice;  /* the number of the last notice before arrivals_announce() */
};

/* Opens the setting for the length of queues in a network namespace of our own. Either may be unavailable; then queues
 * are as long as on this machine. */
static int own_queue_length(void)
{
        return unshare(CLONE_NEWNET) == 0 ? open("/proc/sys/net/unix/max_dgram_qlen", O_WRONLY | O_CLOEXEC) : -1;
}

static void set_queue_length(const struct world *w, unsigned length)
{
        char digits[16];
        int n = snprintf(digits, sizeof(digits), "%u\n", length);
        if (w->queue_length >= 0 && pwrite(w->queue_length, digits, (size_t)n, 0) != n) /* elsewhere it has no effect */
                BROKEN("cannot set the length of queues: %s", strerror(errno));
}

static void remove_files(const struct world *w, const char *folder)
{
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", w->dir, folder);
        DIR *dir = opendir(path);
        for (const struct dirent *entry; (entry = readdir(dir));)
                if (entry->d_name[0] != '.')
                        unlinkat(dirfd(dir), entry->d_name, 0);
        closedir(dir);
}

static struct world world;

static void remove_world(void)
{
        char path[128];
        remove_files(&world, SESSIONS_DIR_NAME);
        remove_files(&world, MEMBERS_DIR_NAME);
        for (size_t i = 0; i < 5; i++) {
                static const char *const names[] = {"/" BROKER_SOCKET_NAME, "/" LINK_SOCKET_NAME, "/" SESSIONS_DIR_NAME,
                                                    "/" MEMBERS_DIR_NAME, ""};
                snprintf(path, sizeof(path), "%s%s", world.dir, names[i]);
                remove(path);
        }
}

static void make_world(void)
{
        const char *tmp = getenv("TMPDIR");
        snprintf(world.dir, sizeof(world.dir), "%s/chat-fuzz.XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(world.dir) || rundir_open(world.dir) < 0)
                BROKEN("cannot make the run directory: %s", strerror(errno));
        world.queue_length = own_queue_length();
        world.log = journal_start("chatd");
        atexit(remove_world);
}

static unsigned count_descriptors(void)
{
        unsigned n = 0;
        DIR *dir = opendir("/proc/self/fd");
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

/* Lets chatd name one newcomer and then never another, if the input allows that. */
static void set_pace(struct run *r)
{
        if (r->sessions.merges)
                r->chat->arrivals->pace = (struct pace){.interval_us = NEVER_S * INT64_C(1000000), .burst = 1};
}

static void start_broker(struct run *r)
{
        r->chat = calloc(1, sizeof(*r->chat));
        r->epoll = epoll_create1(EPOLL_CLOEXEC);
        int error = broker_init(r->chat, world.dir, r->intake, r->epoll, getuid(), getuid(), world.log);
        PROMISE(error == 0, "broker_init(): %s", strerror(-error));
        r->chat->shares_pids = true;
        r->chat->settings.history = HISTORY;
        error = history_open(&r->chat->history, world.dir);
        PROMISE(error == 0, "history_open(): %s", strerror(-error));
        set_pace(r);
        sessions_epoch(&r->sessions, r->chat->relay.epoch);
}

static void kill_broker(struct run *r)
{
        broker_free(r->chat);
        free(r->chat);
        close(r->epoll);
}

static unsigned count_waiting(const struct run *r)
{
        unsigned waiting = 0;
        for (unsigned k = 0; k < SESSIONS; k++) {
                const struct member *m = roster_find(&r->chat->roster, r->sessions.all[k].id);
                if (m && m->arrival == ARRIVAL_WAITING && m->presence != EXPECTED)
                        waiting |= 1u << k;
        }
        return waiting;
}

/* Announces newcomers if that is due, as chatd's main loop does. */
static void announce(struct run *r)
{
        r->waiting = count_waiting(r);
        r->notice = r->chat->arrivals->number;
        if (arrivals_due_ms(r->chat) <= clock_ms())
                arrivals_announce(r->chat);
}

/* Notes the newcomers of the last notice. chatd may have died while it sent the notice. */
static void note_group(struct run *r)
{
        if (r->chat->arrivals->number != r->notice)
                sessions_group(&r->sessions, r->chat->arrivals->number, r->waiting);
}

/* Lists the open descriptors. */
static void list_descriptors(bool open[static DESCRIPTORS_MAX])
{
        for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
                open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Starts a chatd that dies at step `steps` of its start, or after the last one, and releases what it had open. */
static void recover_and_die(struct run *r, unsigned steps)
{
        bool before[DESCRIPTORS_MAX], after[DESCRIPTORS_MAX];
        jmp_buf grave;
        kill_broker(r);
        list_descriptors(before);
        start_broker(r);
        __lsan_disable();
        if (setjmp(grave) == 0) {
                death_arm(steps, &grave);
                recovery_run(r->chat);
        }
        death_arm(0, NULL);
        __lsan_enable();
        r->restarts++;
        kill_broker(r);
        list_descriptors(after);
        for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
                if (after[fd] && !before[fd])
                        close(fd);
        start_broker(r);
}

static void restart_broker(struct run *r)
{
        kill_broker(r);
        start_broker(r);
        int members = recovery_run(r->chat);
        PROMISE(members >= 0, "recovery_run(): %s", strerror(-members));
        broker_settle(r->chat);
        r->restarts++;
}

/* Notes sessions that lagged: they are not promised everything. */
static void note_laggards(struct run *r)
{
        for (unsigned k = 0; k < PLAYERS; k++) {
                const struct member *m = roster_find(&r->chat->roster, r->sessions.all[k].id);
                if (m && (m->lag.since_ms != 0 || member_lags(m)))
                        r->sessions.all[k].attentive = false;
        }
}

/* Does what chatd's main loop does when it wakes up. With `steps`, chatd dies at that step, or after the last one. */
static void serve(struct run *r, unsigned steps)
{
        struct epoll_event events[16];
        jmp_buf grave;
        int n = epoll_wait(r->epoll, events, 16, 0);
        for (int i = 0; i < n; i++) {
                const struct watch *w = events[i].data.ptr;
                if (w->kind == WATCH_EXIT)
                        contact_exited(r->chat, w->member);
                else if (w->kind == WATCH_LENT)
                        lending_answered(r->chat, w->member);
                else
                        broker_has_room(r->chat, w->member);
        }
        r->notice = r->chat->arrivals->number;
        if (steps > 0) {
                __lsan_disable(); /* what a dead chatd had allocated is lost */
                if (setjmp(grave) == 0) {
                        death_arm(steps, &grave);
                        broker_serve(r->chat);
                        announce(r);
                }
                death_arm(0, NULL);
                __lsan_enable();
                note_group(r);
                note_laggards(r);
                restart_broker(r);
        } else {
                int error = broker_serve(r->chat);
                PROMISE(error >= 0, "broker_serve(): %s", strerror(-error));
                announce(r);
                note_group(r);
                broker_settle(r->chat);
                note_laggards(r);
        }
        for (unsigned k = 0; k < PLAYERS; k++)
                if (r->sessions.all[k].reads)
                        session_read(&r->sessions, k);
}

/* Loses the queue with its socket, as when chatd.socket is restarted: nothing is promised any more. */
static void lose_queue(struct run *r)
{
        struct sessions *s = &r->sessions;
        close(r->intake);
        r->intake = rundir_bind(world.dir);
        sessions_connect(s);
        for (unsigned k = 0; k < PLAYERS; k++)
                s->all[k].once = s->all[k].attentive = false;
        restart_broker(r);
        for (unsigned k = 0; k < SESSIONS; k++)
                if (s->all[k].inbox >= 0 && s->all[k].hellos > 0)
                        session_here(s, k);
}

static void send_raw(struct run *r, struct choices *c)
{
        uint8_t data[256], who = choose_u8(c), size = choose_u8(c);
        for (size_t i = 0; i < size; i++)
                data[i] = choose_u8(c);
        if (who < 128 && size >= FRAME_HEADER_BYTES) { /* otherwise it is forged */
                unsigned k = 1 + who % (SESSIONS - 1);
                memcpy(data + 2, &r->sessions.all[k].id, sizeof(uint64_t));
                if (k == SESSION_BEFORE && data[0] > SENTENCES_VERSION)
                        data[0] = SENTENCES_VERSION;
        }
        /* chatd would take an administrator's orders from us, because our user is chatd's, too. Sessions have another
         * user. */
        if (size > 1 && frame_is_from(data[1], FROM_ITSELF))
                data[1] = FRAME_GONE;
        r->has_empty |= size == 0;
        session_raw(&r->sessions, data, size);
}

static void send_large(struct run *r, size_t size)
{
        uint8_t *data = malloc(size);
        memset(data, FRAME_LINE, size);
        session_raw(&r->sessions, data, size);
        free(data);
}

static void send_request(struct sessions *s, unsigned k, unsigned what)
{
        switch (what % 8) {
        case 0:
                session_nick(s, k, what / 8 % NICKS);
                break;
        case 1:
                session_private(s, k, what / 8 % SESSIONS);
                break;
        case 3:
        case 4:
                session_room(s, k, what / 8 % ROOMS);
                break;
        case 5:
                session_topic(s, k);
                break;
        case 6:
                if (what / 8 % 2)
                        session_rooms(s, k);
                else
                        session_history(s, k, what / 16);
                break;
        case 2:
                session_acts(s, k);
                break;
        case 7:
                if (s->quiet) {
                        session_arrive(s, k);
                        break;
                }
                /* fall through */
        default:
                session_who(s, k);
        }
}

static void do_link_command(struct run *r, struct choices *c, unsigned command)
{
        struct sessions *s = &r->sessions;
        size_t count;
        switch (command) {
        case 0:
                session_hello(s, LINK);
                break;
        case 1:
                link_inject(s, 1, 0, false);
                break;
        case 2:
                count = choose_u8(c);
                link_inject(s, count, choose_u8(c) * 16u, false);
                break;
        case 3:
                link_inject_again(s);
                break;
        case 4:
                link_notice(s);
                break;
        case 5:
                link_inject(s, choose_u8(c), 0, true);
                break;
        case 6:
                session_close(s, LINK);
                break;
        case 7:
                s->all[LINK].reads = !s->all[LINK].reads;
                break;
        case 8:
                session_fill(s, LINK);
                break;
        case 9:
                s->merges = true;
                set_pace(r);
                break;
        case 10:
                if (r->restarts < RESTARTS_MAX) {
                        recover_and_die(r, 1u + choose_u8(c));
                        restart_broker(r);
                }
                break;
        case 11:
                session_lends(s, choose_u8(c) % SESSIONS);
                break;
        case 12:
                count = 1u + choose_u8(c) % (SESSIONS - 1u);
                session_spoil(s, (unsigned)count, choose_u8(c), choose_u8(c));
                break;
        case 13:
                count = choose_u8(c);
                send_request(s, 1u + (unsigned)count % (SESSIONS - 1u), choose_u8(c));
                break;
        case 14:
                s->roams = s->quiet;
                s->quiet = true;
                break;
        case 15:
                if (r->restarts < RESTARTS_MAX)
                        lose_queue(r);
                break;
        default:
                break;
        }
}

static void do_command(struct run *r, struct choices *c)
{
        struct sessions *s = &r->sessions;
        uint8_t command = choose_u8(c);
        unsigned k = 1 + (command >> 4) % (SESSIONS - 1);
        switch (command % 16) {
        case 0:
                session_hello(s, k);
                break;
        case 1:
                session_here(s, k);
                break;
        case 2:
                session_lines(s, k, 0, 1);
                break;
        case 3:
                session_lines(s, WITNESS, 0, 1);
                break;
        case 4:
                for (size_t n = choose_u8(c) % 64u, size = choose_u16(c) % (TEXT_MAX_BYTES + 1u); n > 0; n--)
                        if (!session_lines(s, k, size, size % 2 == 0 ? 1 : n))
                                break;
                break;
        case 5:
                session_bye(s, k);
                break;
        case 6:
                session_close(s, k);
                break;
        case 7:
                send_raw(r, c);
                break;
        case 8:
                send_large(r, 1u + choose_u16(c));
                break;
        case 9:
                s->all[k].reads = !s->all[k].reads;
                break;
        case 10:
                session_fill(s, k);
                break;
        case 11:
                time_pass(choose_u8(c) * 100u);
                complaints_report(&r->chat->complaints, clock_ms());
                break;
        case 12:
                if (r->restarts < RESTARTS_MAX)
                        restart_broker(r);
                break;
        case 13:
                if (r->restarts < RESTARTS_MAX)
                        serve(r, 1u + choose_u8(c));
                break;
        case 14:
                do_link_command(r, c, command >> 4);
                break;
        default:
                serve(r, 0);
        }
}

static bool has_link(const struct run *r)
{
        return r->sessions.all[LINK].hellos > 0 || roster_find(&r->chat->roster, LINK_ID);
}

/* Lets sessions be announced whose HELLO was quiet. */
static void release_all(struct run *r)
{
        for (unsigned k = 0; k < SESSIONS; k++) {
                const struct member *m = roster_find(&r->chat->roster, r->sessions.all[k].id);
                if (m && member_is_held(m))
                        session_arrive(&r->sessions, k);
        }
}

/* Lets chatd send something to the session that roams, which may be in no room. */
static void send_to_roamer(struct run *r)
{
        for (int round = 0;; round++) {
                PROMISE(round < SILENCE_MAX_ROUNDS, "chatd does not serve its queue");
                release_all(r);
                serve(r, 0);
                const struct member *m = roster_find(&r->chat->roster, r->sessions.all[ROAMER].id);
                bool is_held = m && member_is_held(m);
                if (!is_held && session_private(&r->sessions, WITNESS, ROAMER))
                        return;
        }
}

/* Waits until nothing is on the way any more. */
static void fall_silent(struct run *r)
{
        for (unsigned k = 0; k < PLAYERS; k++)
                r->sessions.all[k].reads = true;
        /* chatd learns that an inbox is gone when it sends to it. The witness reads the answers room by room: all of them
         * together may be too much for its inbox, and then no line would be promised to it. */
        for (unsigned room = 0; room < ROOMS; room++) {
                int round = 0;
                while (!session_room(&r->sessions, WITNESS, room) || !session_lines(&r->sessions, WITNESS, 0, 1)) {
                        PROMISE(round++ < SILENCE_MAX_ROUNDS, "chatd does not serve its queue");
                        serve(r, 0);
                }
                serve(r, 0);
        }
        send_to_roamer(r);
        for (int round = 0; has_link(r) && !session_hello(&r->sessions, LINK); round++) { /* with an inbox again */
                PROMISE(round < SILENCE_MAX_ROUNDS, "chatd does not serve its queue");
                serve(r, 0);
        }
        if (r->has_empty)
                /* an empty datagram is not consumed together with a frame behind it */
                session_raw(&r->sessions, (uint8_t[]){0}, 0);
        for (int round = 0; round < SILENCE_MAX_ROUNDS; round++) {
                release_all(r);
                serve(r, 0);
                struct pollfd queue = {.fd = r->intake, .events = POLLIN};
                time_pass(ARRIVALS_WAIT_MS);
                bool waits = poll(&queue, 1, 0) > 0 || r->chat->arrivals->waiting_count > 0;
                for (size_t i = 0; i < r->chat->roster.count; i++)
                        waits |= member_lags(r->chat->roster.members[i]) || member_is_held(r->chat->roster.members[i]);
                if (!waits)
                        return;
        }
        BROKEN("chatd does not fall silent");
}

static void count_node(const void *node, VISIT which, void *count)
{
        (void)node;
        if (which == leaf || which == postorder)
                ++*(size_t *)count;
}

/* Returns true if nobody knows of the member, because it roams and has entered no room. */
static bool is_unknown(const struct member *m)
{
        return m->roams && !m->seats && m->arrival == ARRIVAL_HELD;
}

/* Returns true if the file is the mark beside the note of a member that changed its name or room, or the topic of a
 * room. */
static bool is_mark(const struct roster *roster, const char *file)
{
        char digits[ID_DIGITS + 1] = "";
        uint64_t id;
        if (strncmp(file, "room:", 5) == 0) {
                struct slice name = slice_of(file + 5);
                bool set = name.len > 4 && strcmp(name.at + name.len - 4, ":set") == 0;
                name.len -= set ? 4 : 0;
                const struct room *room = rooms_find(&roster->rooms, name);
                return room && (set ? room->changes[0].id != 0 : room->topic[0] != '\0');
        }
        if (strlen(file) <= ID_DIGITS)
                return false;
        memcpy(digits, file, ID_DIGITS);
        const struct member *m = path_parse_id(digits, &id) == 0 ? roster_find(roster, id) : NULL;
        return m && ((strcmp(file + ID_DIGITS, ".renamed") == 0 && m->is_renamed) ||
                     (strcmp(file + ID_DIGITS, ".room") == 0 && m->is_moved) ||
                     (strcmp(file + ID_DIGITS, ".rooms") == 0 && m->roams) ||
                     (strcmp(file + ID_DIGITS, ".held") == 0 && is_unknown(m)));
}

static void check_notes(const struct run *r)
{
        const struct roster *roster = &r->chat->roster;
        char path[128];
        size_t notes = 0;
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, world.dir);
        DIR *dir = opendir(path);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                uint64_t id;
                char note[512];
                if (is_mark(roster, entry->d_name))
                        continue;
                if (entry->d_name[0] == '.' || strcmp(entry->d_name, "0000000000000001.relayed") == 0 ||
                    strcmp(entry->d_name, "requests") == 0)
                        continue;
                if (path_parse_id(entry->d_name, &id) < 0) {
                        PROMISE(r->has_empty, "%s is left over", entry->d_name);
                        continue;
                }
                const struct member *m = roster_find(roster, id);
                PROMISE(m, "a note of %s, who is no member", entry->d_name);
                ssize_t n = readlinkat(dirfd(dir), entry->d_name, note, sizeof(note));
                size_t len = strlen(m->name);
                PROMISE(n > (ssize_t)len && note[(size_t)n - len - 1] == ' ' &&
                                memcmp(note + (size_t)n - len, m->name, len) == 0,
                        "the note of %s does not say that it is called %s", entry->d_name, m->name);
                notes++;
        }
        closedir(dir);
        PROMISE(notes == roster->count, "%zu notes of %zu members", notes, roster->count);
}

static size_t count_unknown(const struct run *r)
{
        const struct roster *roster = &r->chat->roster;
        size_t unknown = 0;
        for (size_t i = 0; i < roster->count; i++)
                unknown += is_unknown(roster->members[i]);
        return unknown;
}

/* Lets the link send HELLO once more, when nothing is on the way any more, and checks the WELCOME. */
static void check_link(struct run *r)
{
        const struct session *link = &r->sessions.all[LINK];
        if (!link->once || !has_link(r))
                return;
        PROMISE(session_hello(&r->sessions, LINK), "the queue is full");
        serve(r, 0);
        PROMISE(roster_find(&r->chat->roster, LINK_ID) && link->welcome, "the link is not a member");
        PROMISE(link->welcome_number == link->number, "WELCOME says number %llu, not %llu",
                (unsigned long long)link->welcome_number, (unsigned long long)link->number);
        size_t people = roster_people(&r->chat->roster) - count_unknown(r);
        PROMISE(link->welcome_members == people, "WELCOME says %llu members, not %zu",
                (unsigned long long)link->welcome_members, people);
}

static void check_roster(const struct run *r)
{
        const struct roster *roster = &r->chat->roster;
        size_t nodes = 0, seats = 0;
        for (size_t i = 0; i < roster->count; i++) {
                const struct member *m = roster->members[i];
                PROMISE(m->index == i && roster_find(roster, m->id) == m, "member %zu is misplaced", i);
                PROMISE(!member_is_dead(m) && m->presence == PRESENT && !member_lags(m),
                        "%016llx is dead, leaving or expected", (unsigned long long)m->id);
                PROMISE(m->arrival == ARRIVAL_ANNOUNCED || is_unknown(m), "%016llx was not announced",
                        (unsigned long long)m->id);
                seats += member_rooms(m);
                PROMISE(!roster_find_alike(roster, slice_of(m->name), m), "somebody is called like %s", m->name);
                PROMISE(m->fd >= 0 && (m->pidfd >= 0) == (m->id != LINK_ID), "a member without descriptors");
        }
        twalk_r(roster->by_id, count_node, &nodes);
        PROMISE(nodes == roster->count, "%zu members in the tree, %zu in the array", nodes, roster->count);
        nodes = 0;
        twalk_r(roster->naming.by_name, count_node, &nodes);
        PROMISE(nodes == roster->count, "%zu names of %zu members", nodes, roster->count);
        PROMISE(r->chat->membership->leavers_count == 0, "somebody is still leaving");
        size_t people = 0;
        for (size_t i = 0; i < roster->rooms.count; i++) {
                const struct room *room = roster->rooms.all[i];
                PROMISE(i == 0 || room->people > 0, "nobody is in %s", room->name);
                for (const struct seat *s = room->first; s; s = s->next, people++)
                        PROMISE(s->room == room && member_seat_in(s->member, room) == s && (s->next || s == room->last),
                                "a broken chain");
        }
        PROMISE(people == seats, "%zu people in rooms, with %zu seats", people, seats);
        for (unsigned k = 0; k < SESSIONS; k++) {
                const struct session *s = &r->sessions.all[k];
                bool is_there = s->hellos > 0 && !s->bye_at && !s->closed_at;
                PROMISE(!s->once || is_there == (roster_find(roster, s->id) != NULL), "s%u is %sa member", k,
                        is_there ? "not " : "");
        }
        check_notes(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct run r;
        struct choices c = {data, data + size};
        if (!world.log)
                make_world();
        unsigned descriptors = count_descriptors();

        set_queue_length(&world, 1u + choose_u8(&c) * 2u);
        r.intake = rundir_bind(world.dir);
        PROMISE(r.intake >= 0, "rundir_bind(): %s", strerror(-r.intake));
        set_queue_length(&world, SHORT_QUEUE);
        r.restarts = 0;
        r.has_empty = false;
        sessions_init(&r.sessions, world.dir);
        sessions_connect(&r.sessions);
        start_broker(&r);
        session_hello(&r.sessions, WITNESS);

        for (int i = 0; i < COMMANDS_MAX && c.at < c.end; i++)
                do_command(&r, &c);
        fall_silent(&r);
        check_link(&r);
        check_roster(&r);
        sessions_check(&r.sessions);

        sessions_free(&r.sessions);
        history_remove(&r.chat->history, world.dir);
        kill_broker(&r);
        close(r.intake);
        remove_files(&world, SESSIONS_DIR_NAME);
        remove_files(&world, MEMBERS_DIR_NAME);
        PROMISE(count_descriptors() == descriptors, "%u descriptors instead of %u", count_descriptors(), descriptors);
        return 0;
}
