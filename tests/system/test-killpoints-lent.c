/* chatd is killed (killing.h) while it writes to the clients by itself (chat/outlet.h).
 *
 * It runs, and all have lent it their connections, when it is stopped, the queue is filled, and it is killed from there
 * on. One client, Dan, does not read, and one line is longer than all that his connection takes: what chatd writes to him
 * ends in the middle of it. He reads when that chatd is dead, or after the next one, and must get everything once as
 * well.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/paths.h>

#include "killing.h"
#include "tracer.h"

enum {
        LENT_RANDOM_ROUNDS = 100,
        LENT_TRIES = 5,         /* of a round in which chatd is to write to all clients */
        LEAVERS_WAIT_MS = 1500, /* a session that left waits two seconds for what was said before */
        DANS_ROOM_BYTES = 2048, /* of his connection's buffers, as small as possible: they take 3 KiB of lines */
        LONG_LINE_BYTES = 4000, /* more than Dan's connection takes */
        SHORT_LINE_BYTES = 280,
        VARIED_BYTES = 331,     /* how much more in each round, modulo VARIED_MAX_BYTES */
        VARIED_MAX_BYTES = 400, /* less than any connection with room takes */
        LENT_CALLS = 100,       /* roughly the number of calls of a chatd in such a round */
        RECOVERY_CALLS = 200,   /* roughly the number of calls of a chatd that finds a queue */
        BROKEN_ROUNDS = 40,     /* rounds in which chatd dies after it wrote to Dan */
        LEND_WAIT_MS =
                500, /* sessions decline while other tests of this user have many descriptors on their way, unix(7) */
};

static int dans_end = -1;  /* the end of his connection, if it is his session's */
static size_t junk;        /* bytes on it that are not lines, which he has not read */
static int64_t dans_bytes; /* that his connection had taken when chatd was stopped */
static int64_t lend_until; /* how long the test waits for Fay */

/* Connects to the chat, with buffers of `room` bytes (0: the default), and starts the session. There may be no chatd that
 * runs, for which the greeting would wait, so have_heard() takes it. The empty line is a sign of life. */
static void join_lending(enum role who, int room)
{
        struct person *p = &persons[who];
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)chat->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(a);
        struct stat st;
        char *const argv[] = {program(p->on_irc ? "chat-irc" : "chat-session"), chat->option, "--pace=off", NULL};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (room > 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
        int accepted = accept4(chat->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(accepted >= 0);
        if (room > 0)
                setsockopt(accepted, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        assert_int_equal(fstat(accepted, &st), 0);
        snprintf(p->name, sizeof(p->name), "127.0.0.1:%d", ntohs(a.sin_port));
        p->client = client_of(fd, p->name);
        p->client->got = realloc(p->client->got, HEARD_MAX_BYTES);
        assert_non_null(p->client->got);
        p->client->room = HEARD_MAX_BYTES;
        p->connection = st.st_ino;
        p->session = process_start(argv, accepted, accepted, -1);
        if (who == DAN)
                dans_end = accepted;
        else
                close(accepted);
        if (p->on_irc) {
                snprintf(p->name, sizeof(p->name), "%s", role_names[who]);
                client_send(p->client, "NICK %s\r\nUSER %s 0 * :x\r\nJOIN #lobby\r\n", p->name, p->name);
        } else {
                client_send(p->client, "\n");
        }
        add_event(who, JOINS);
}

/* Waits until a member that has just joined was shown all that it is shown then. */
static void await_welcome(enum role who)
{
        struct client *c = persons[who].client;
        if (!persons[who].on_irc) {
                client_greeted(c);
                return;
        }
        client_expect(c, " 366 %s #lobby :", persons[who].name);
        client_expect(c, "\r\n");
        c->got[c->len = 0] = '\0';
}

static bool is_lent(enum role who)
{
        char path[64];
        bool found = false;
        snprintf(path, sizeof(path), "/proc/%d/fd", (int)chat->broker);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *entry; !found && (entry = readdir(dir));)
                found = whose_connection(entry->d_name) == (int)who;
        closedir(dir);
        return found;
}

static bool are_all_lent(void)
{
        bool all = true;
        for (int who = 0; who < MEMBERS; who++)
                all = all && is_lent((enum role)who);
        return all;
}

static bool have_residents_heard_and_fay_lent(void)
{
        if (!have_residents_heard())
                return false;
        if (lend_until == 0)
                lend_until = clock_ms() + LEND_WAIT_MS;
        return is_lent(FAY) || clock_ms() > lend_until;
}

/* Returns how many bytes Dan's connection has taken since it was made. */
static int64_t dans_position(void)
{
        struct tcp_info before = {0}, after = {0};
        int waiting;
        do { /* an acknowledgement in between moves bytes from one count to the other */
                socklen_t size = sizeof(before);
                assert_int_equal(getsockopt(dans_end, IPPROTO_TCP, TCP_INFO, &before, &size), 0);
                assert_int_equal(ioctl(dans_end, SIOCOUTQ, &waiting), 0);
                assert_int_equal(getsockopt(dans_end, IPPROTO_TCP, TCP_INFO, &after, &size), 0);
        } while (before.tcpi_bytes_acked != after.tcpi_bytes_acked);
        return (int64_t)after.tcpi_bytes_acked + waiting;
}

/* Puts bytes into Dan's connection while nothing else writes to it, so that the kernel's count differs from what his
 * session wrote. */
static void put_junk(void)
{
        char bytes[VARIED_MAX_BYTES];
        memset(bytes, 'j', sizeof(bytes));
        junk = round_number * VARIED_BYTES % VARIED_MAX_BYTES;
        assert_int_equal(send(dans_end, bytes, junk, MSG_DONTWAIT), junk);
}

/* Returns true if a process waits: it has done what it had to do. */
static bool is_asleep(pid_t pid)
{
        char path[64], text[128] = "";
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
        close(fd);
        const char *name_end = strrchr(text, ')'); /* proc_pid_stat(5) */
        return name_end && strncmp(name_end, ") S", 3) == 0;
}

static bool are_all_asleep(void)
{
        bool all = true;
        for (int who = 0; who < MEMBERS; who++)
                all = all && is_asleep(persons[who].session);
        return all;
}

/* Returns true if what Dan's connection has taken since he was shown everything ends in the middle of a line. */
static bool is_dans_line_cut(void)
{
        char text[HEARD_MAX_BYTES];
        expected_of(DAN, text);
        int64_t end = (int64_t)persons[DAN].client->len + dans_position() - dans_bytes;
        return end > (int64_t)persons[DAN].client->len && end < (int64_t)strlen(text) && text[end - 1] != '\n';
}

static void drop_junk(void)
{
        char bytes[1024];
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (junk > 0) {
                ssize_t n =
                        recv(persons[DAN].client->fd, bytes, junk < sizeof(bytes) ? junk : sizeof(bytes), MSG_DONTWAIT);
                assert_true(n > 0 || clock_ms() < deadline);
                junk -= n > 0 ? (size_t)n : 0;
        }
}

/* Lets Dan take what is on its way to him. */
static void dan_reads(void)
{
        const struct client *c = persons[DAN].client;
        int64_t deadline = clock_ms() + DEADLINE_MS;
        int sending, waiting;
        do {
                assert_true(clock_ms() < deadline);
                have_heard(DAN, DAN + 1);
                assert_int_equal(ioctl(dans_end, SIOCOUTQ, &sending), 0);
                assert_int_equal(ioctl(c->fd, SIOCINQ, &waiting), 0);
        } while (sending > 0 || waiting > 0);
}

/* Lets a role say a line of `bytes` bytes that has the number of the round. */
static void say_much(enum role who, const char *text, size_t bytes)
{
        char much[LONG_LINE_BYTES + 1];
        size_t len = (size_t)snprintf(much, sizeof(much), "%s ", text);
        if (len < bytes)
                memset(much + len, 'a' + (int)who, bytes - len);
        much[len < bytes ? bytes : len] = '\0';
        say(who, much);
}

/* Lets a new chatd relay a line to all, after which it asks them to lend. Returns true if all lent; then chatd may
 * write to their clients, and Dan's connection is empty. */
static bool try_to_lend(void)
{
        int64_t until = clock_ms() + LEND_WAIT_MS;
        put_junk();
        start_broker(false);
        say(ANN, "who is there?");
        wait_until_heard(0, RESIDENTS);
        say(BOB, "I am");
        wait_until_heard(0, RESIDENTS);
        drop_junk();
        wait_until_heard(DAN, MEMBERS);
        while (!are_all_lent() && clock_ms() < until)
                usleep(50);
        wait_until_true(is_queue_empty, "an empty queue");
        wait_until_true(are_all_asleep, "all sessions have done what they had to");
        dan_reads();
        dans_bytes = dans_position();
        return are_all_lent();
}

/* The first part of a round in which chatd writes to the clients. */
static void begin_lent_round(void)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (!try_to_lend()) {
                if (clock_ms() > deadline)
                        fail_msg("not all lend their connections");
                end_gathering();
        }
        lend_until = 0;
}

/* The second part of such a round, while chatd is stopped. In the end each session has given its turn to write back: it
 * takes the turn whenever its client says something. */
static void fill_queue_of_stopped(void)
{
        unsigned length = 0;
        say_much(ANN, "first", round_number * VARIED_BYTES % VARIED_MAX_BYTES);
        queue_grows(&length);
        say_much(BOB, "second", LONG_LINE_BYTES);
        queue_grows(&length);
        join_lending(FAY, 0);
        queue_grows(&length);
        say_much(FAY, "here I am", SHORT_LINE_BYTES);
        queue_grows(&length);
        link_inject();
        queue_grows(&length);
        say_much(EVE, "I go", SHORT_LINE_BYTES);
        queue_grows(&length);
        leave(EVE);
        queue_grows(&length);
        say_much(ANN, "last", SHORT_LINE_BYTES);
        queue_grows(&length);
        wait_until_true(are_all_asleep, "all sessions have done what they had to");
}

/* Plays a round of play_lent_round(). Sets `written` to how often the first chatd wrote to a client. */
static bool play_lent_once(unsigned at, unsigned then, unsigned *written)
{
        int64_t start = clock_ms();
        round_number++;
        killed_count = 0;
        playing = true;
        begin_lent_round();
        int status = stop_broker();
        fill_queue_of_stopped();
        is_at_rest = have_residents_heard_and_fay_lent;
        kill_at(at, -1, status);
        *written = direct;
        if (at == BEHIND_DAN)
                assert_true(killed[0].done && is_dans_line_cut());
        if (round_number % 2 == 0)
                dan_reads();
        is_at_rest = have_residents_heard;
        if (then > 0)
                run_and_kill(then);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        wait_until_heard(FAY, FAY + 1);
        wait_until_heard(DAN, DAN + 1);
        for (int who = 0; who <= DAN; who++)
                assert_heard((enum role)who);
        assert_heard(FAY);
        assert_link_heard();
        assert_farewell(EVE, clock_ms() - start < LEAVERS_WAIT_MS);
        persons[EVE] = persons[FAY];
        persons[FAY].client = NULL;
        all_speak(EVE);
        end_gathering();
        assert_files(MEMBERS_DIR_NAME); /* these tell the owners of the others */
        assert_files(SESSIONS_DIR_NAME);
        playing = false;
        return killed[0].done;
}

/* Kills the chatd to which all have lent in front of its system call number `at`, or BEHIND_DAN, and the next one in
 * front of number `then`, unless that is 0. Fay is Eve in the next round. Returns true if the first one reached its
 * call; it always reaches BEHIND_DAN, and has cut a line then.
 *
 * A chatd that did not reach its call has written to all clients, except to newcomers. If it was about to wake a session
 * when it was stopped, that session got datagrams: then the round is played again. */
static bool play_lent_round(unsigned at, unsigned then)
{
        unsigned written;
        for (int i = 0; i < LENT_TRIES; i++)
                if (play_lent_once(at, then, &written))
                        return true;
                else if (written >= MEMBERS)
                        return false;
        fail_msg("chatd wrote to %u clients of %d, in each of %d rounds", written, MEMBERS, LENT_TRIES);
        return false;
}

/* Kills the next chatd, too: it first reads notes and calls the roll. */
static void play_lent_at_random(unsigned calls)
{
        unsigned last = round_number + number_from("ROUNDS", LENT_RANDOM_ROUNDS);
        srandom(seed);
        while (round_number < last) {
                unsigned at = random() % 2 == 0 ? BEHIND_DAN : 1 + (unsigned)random() % calls;
                play_lent_round(at, 1 + (unsigned)random() % RECOVERY_CALLS);
                show_progress("at random, to clients", last);
        }
}

/* Lets all members join, and lend. */
static void begin_lending(void)
{
        chat->more = "--arrivals=off";
        start_broker(false);
        shell_until("test -d %s/" MEMBERS_DIR_NAME, chat->dir);
        link_hello();
        for (int who = 0; who < MEMBERS; who++) {
                join_lending((enum role)who, who == DAN ? DANS_ROOM_BYTES : 0);
                await_welcome((enum role)who);
                wait_until_true(is_nobody_held, "it is announced before the next one comes");
        }
        wait_until_heard(0, MEMBERS);
        all_speak(EVE);
        end_gathering();
}

static void play_broken_rounds(void)
{
        for (unsigned i = 0; i < BROKEN_ROUNDS; i++)
                play_lent_round(BEHIND_DAN, 0);
        printf("killed %d times in the middle of a line\n", BROKEN_ROUNDS);
}

static void test_every_call_while_it_writes_to_clients(void **state)
{
        (void)state;
        struct points p = {0};
        if (!tracer_may_trace())
                skip();
        begin_lending();
        while (next_point(&p)) {
                if (play_lent_round(p.at, 0))
                        p.calls = p.at;
                show_progress("each call, to clients", 0);
        }
        assert_true(p.calls > 30);
        play_broken_rounds();
        show_points(p.calls, " while it wrote to clients");
        printf("SEED=%u\n", seed);
        play_lent_at_random(p.calls);
}

/* Cat and Dan are clients of IRC. */
static void test_clients_of_irc(void **state)
{
        (void)state;
        if (!tracer_may_trace())
                skip();
        persons[CAT].on_irc = persons[DAN].on_irc = true;
        begin_lending();
        play_broken_rounds();
        printf("SEED=%u\n", seed);
        play_lent_at_random(LENT_CALLS);
        persons[CAT].on_irc = persons[DAN].on_irc = false;
}

static int set_up(void **state)
{
        junk = 0;
        return killing_set_up(state);
}

static int tear_down(void **state)
{
        int r = killing_tear_down(state);
        if (dans_end >= 0)
                close(dans_end);
        dans_end = -1;
        return r;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_call_while_it_writes_to_clients, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_clients_of_irc, set_up, tear_down),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
