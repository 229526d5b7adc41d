/* Requests of administrators, made by the tool's own code, including those that are repeated after chatd was killed. */
#include <chat/clock.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../../chatd/control-client.h"
#include "../../chatd/reach.h"

#include "../../chatd/admin.h"
#include "../../chatd/confinement.h"
#include "../../chatd/control.h"
#include "broker-fixture.h"
#include "inodes.h"

enum { TOOLS = CONTROL_CLIENTS_MAX + 1 };

struct control_fixture {
        struct fixture base; /* first in the struct, because the broker's fixture takes it for its own */
        int listener;
        int tools[TOOLS];
};

static struct sockaddr_un control_address(const struct fixture *f)
{
        struct sockaddr_un address;
        assert_int_equal(path_control(&address, f->dir), 0);
        return address;
}

static void listen_again(struct control_fixture *c)
{
        assert_int_equal(bans_read(&c->base.chat->bans, c->base.dir, c->base.log), 0);
        assert_int_equal(control_listen(c->base.chat, c->listener, NULL), 0);
}

static int begin(void **state)
{
        struct fixture *base;
        struct control_fixture *c = calloc(1, sizeof(*c));
        setup((void **)&base);
        c->base = *base;
        free(base);
        c->listener = rundir_bind_control(c->base.dir);
        assert_true(c->listener >= 0);
        listen_again(c);
        *state = c;
        return 0;
}

static int end(void **state)
{
        struct control_fixture *c = *state;
        close(c->listener);
        for (int i = 0; i < TOOLS; i++)
                if (c->tools[i] > 0)
                        close(c->tools[i]);
        return teardown(state);
}

/* Replaces fsync() of libc: the disk takes as long as `disk_held` is locked. */
static pthread_mutex_t disk_held = PTHREAD_MUTEX_INITIALIZER;

int fsync(int fd)
{
        (void)fd;
        pthread_mutex_lock(&disk_held);
        pthread_mutex_unlock(&disk_held);
        return 0;
}

static void turn(struct fixture *f)
{
        struct epoll_event events[64];
        int n = epoll_wait(f->epoll, events, 64, 0);
        for (int i = 0; i < n; i++) {
                const struct watch *w = events[i].data.ptr;
                if (w->kind == WATCH_CONTROL)
                        control_accept(f->chat);
                else if (w->kind == WATCH_CLIENT)
                        control_serve(f->chat, w);
        }
        serve(f);
}

/* Runs the main loop until nothing happens any more. */
static void run(struct fixture *f)
{
        for (int i = 0; i < 8; i++)
                turn(f);
}

static int tool(struct control_fixture *c, int i)
{
        struct sockaddr_un address = control_address(&c->base);
        if (c->tools[i] > 0)
                return c->tools[i];
        c->tools[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(c->tools[i], (const struct sockaddr *)&address, sizeof(address)), 0);
        return c->tools[i];
}

/* Sends a request. `words` are separated by "|". */
static void request(struct control_fixture *c, int i, const char *words)
{
        char packet[CONTROL_PACKET_MAX_BYTES + 16];
        size_t size = strlen(words) + 1;
        assert_true(size <= sizeof(packet));
        memcpy(packet, words, size);
        for (size_t at = 0; at < size; at++)
                if (packet[at] == '|')
                        packet[at] = '\0';
        assert_int_equal(send(tool(c, i), packet, size, MSG_NOSIGNAL), size);
}

/* Returns the answer: fields with a blank between them, packets separated by ", "; "closed" at the end if the
 * connection is closed. */
static const char *answer(struct control_fixture *c, int i)
{
        static char all[64 * 1024];
        char packet[CONTROL_PACKET_MAX_BYTES];
        size_t len = 0;
        ssize_t n;
        all[0] = '\0';
        while ((n = recv(tool(c, i), packet, sizeof(packet), 0)) > 0) {
                struct slice rest = {packet, (size_t)n};
                len += (size_t)snprintf(all + len, sizeof(all) - len, "%s", len > 0 ? ", " : "");
                for (const char *field, *blank = ""; (field = control_next(&rest)); blank = " ")
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", blank, field);
                assert_int_equal(rest.len, 0);
        }
        if (n == 0 || errno != EAGAIN)
                snprintf(all + len, sizeof(all) - len, "%sclosed", len > 0 ? ", " : "");
        return all;
}

/* Makes a request and returns the answer. Waits for the disk if the request does; the disk must not be held. */
static const char *ask(struct control_fixture *c, const char *words)
{
        request(c, 0, words);
        run(&c->base);
        bans_finish(&c->base.chat->bans);
        run(&c->base);
        return answer(c, 0);
}

static void join_all(struct fixture *f)
{
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

/* Kills chatd and starts the next one. The administrator's tools are disconnected. */
static void kill_and_restart(struct control_fixture *c)
{
        restart_broker(&c->base);
        listen_again(c);
        for (int i = 0; i < TOOLS; i++)
                if (c->tools[i] > 0) {
                        close(c->tools[i]);
                        c->tools[i] = 0;
                }
}

static void test_status_and_who(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        assert_string_equal(ask(c, "who"), "end=ok");
        join_all(f);
        say(f, ANN, "one");
        serve(f);
        const char *got = ask(c, "status");
        assert_non_null(strstr(got, "members=3 lines=1 queue=0 "));
        assert_non_null(strstr(got, " link=none "));
        /* ann was told of bob and eve, bob of eve; bob and eve got her line */
        assert_non_null(strstr(got, " rooms=1 joined=3 batches=2 delivered=5 missed=0 "));
        assert_non_null(strstr(got, " refused=0 not_chat=0 "));
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(BOB), .reason = LEAVE_NOT_CHAT});
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " refused=0 not_chat=1 "));
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=0 "));
        got = ask(c, "who");
        assert_non_null(strstr(got, "name=ann room=lobby address=here:1 since="));
        assert_non_null(strstr(got, "said=1"));
        assert_non_null(strstr(got, ", name=eve "));
        assert_string_equal(strstr(got, ", end="), ", end=ok");
        bye(f, ANN);
        serve(f);
        assert_null(strstr(ask(c, "who"), "name=ann"));
}

/* Sessions report that a part of their sandbox is missing. Members of each kind are counted, and one of each kind is
 * logged. A session that could not enter its sandbox is logged now and then. The next chatd knows them by HERE. */
static void test_sandboxes(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct frame frame = {.type = FRAME_HELLO, .address = slice_of("here:1")};
        for (uint32_t who = ANN; who < SESSIONS; who++) {
                f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
                frame.id = frame.key = inbox_id(who);
                frame.name = slice_of(names[who]);
                frame.confinement = who == BOB ? CONFINED : CONFINED_NO_FILTER;
                put(f, &frame);
        }
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " unconfined=2 unserved=0 "));
        assert_true(f->chat->confinements->told[CONFINED_NO_FILTER]);
        assert_false(f->chat->confinements->told[CONFINED_NOT]);
        kill_and_restart(c);
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=0 "));
        frame.type = FRAME_HERE; /* of EVE */
        put(f, &frame);
        for (int i = 0; i < 3; i++)
                put(f, &(struct frame){.type = FRAME_UNSERVED, .id = inbox_id(40), .key = UINT64_MAX});
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " unconfined=1 unserved=3 "));
        assert_true(f->chat->confinements->told[CONFINED_NO_FILTER]);
        assert_int_equal(f->chat->confinements->unlogged, 2);
        bye(f, EVE);
        serve(f);
        assert_non_null(strstr(ask(c, "status"), " members=2 "));
        assert_non_null(strstr(ask(c, "status"), " unconfined=0 unserved=3 "));
}

static void test_what_is_no_request(void **state)
{
        struct control_fixture *c = *state;
        char words[CONTROL_PACKET_MAX_BYTES + 2];
        assert_non_null(strstr(ask(c, ""), "end=wrong"));
        assert_non_null(strstr(ask(c, "frobnicate"), "end=wrong"));
        assert_non_null(strstr(ask(c, "frobnicate|1|x"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|0|hello"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1x|hello"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|red \x1b[31m"), "end=wrong"));
        assert_non_null(strstr(ask(c, "say|1|a|b|c"), "end=wrong"));
        assert_non_null(strstr(ask(c, "ban|1|192.0.2"), "end=wrong"));
        memset(words, 'x', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';
        memcpy(words, "say|1|", 6);
        assert_non_null(strstr(ask(c, words), "end=wrong text=the request is too long"));
        words[6 + CONTROL_TEXT_MAX_BYTES + 1] = '\0';
        assert_non_null(strstr(ask(c, words), "end=wrong"));
        words[6 + CONTROL_TEXT_MAX_BYTES] = '\0';
        assert_string_equal(ask(c, words), "end=ok");
        assert_string_equal(ask(c, "bans"), "end=ok"); /* the connection can be used for more requests */
        send(tool(c, 0), "no end", 6, 0);
        run(&c->base);
        assert_non_null(strstr(answer(c, 0), "end=wrong"));
}

static void test_a_notice(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        say(f, ANN, "before");
        request(c, 0, "say|7|the host goes down");
        turn(f); /* chatctl is connected */
        turn(f); /* its request is read */
        say(f, ANN, "after");
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, BOB, "line ann before, notice Administrator: the host goes down, line ann after");
        assert_inbox(f, ANN, "notice Administrator: the host goes down");
        assert_string_equal(ask(c, "say|7|the host goes down"), "end=ok"); /* the same request */
        assert_inbox(f, BOB, "");
}

/* Wherever chatd dies, chatctl asks again, and the notice is shown once. */
static void test_a_notice_is_said_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        join_all(f);
        say(f, ANN, "first"); /* so that a session knows an epoch */
        serve(f);
        inbox_read_new(f->inboxes[BOB], &seen);
        request(c, 0, "say|8|hello");
        turn(f);
        turn(f);
        kill_and_restart(c);
        assert_string_equal(ask(c, "say|8|hello"), "end=ok");
        kill_and_restart(c);
        assert_string_equal(ask(c, "say|8|hello"), "end=ok");
        /* the frame comes again, as if it had not been consumed */
        put(f, &(struct frame){.type = FRAME_SAY, .id = ADMIN_ID, .number = 8, .text = slice_of("hello")});
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "notice Administrator: hello, rollcall, rollcall");
}

static void test_a_topic(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        char text[TOPIC_MAX_BYTES + 16] = "topic|9|lobby|";
        join_all(f);
        say(f, ANN, "first"); /* so that a session knows an epoch */
        serve(f);
        inbox_read_new(f->inboxes[BOB], &seen);
        assert_string_equal(ask(c, "topic|7|LOBBY"), "end=ok room=lobby topic=");
        assert_string_equal(ask(c, "topic|8|lobby|tea and cakes"), "end=ok");
        assert_string_equal(ask(c, "topic|9|lobby"), "end=ok room=lobby topic=tea and cakes");
        kill_and_restart(c);
        assert_string_equal(ask(c, "topic|8|lobby|tea and cakes"), "end=ok"); /* asked again, and done once */
        put(f, &(struct frame){.type = FRAME_SET_TOPIC,
                               .id = ADMIN_ID,
                               .number = 8,
                               .name = slice_of("lobby"),
                               .text = slice_of("tea and cakes")});
        serve(f);
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "topic Administrator tea and cakes, rollcall");
        assert_string_equal(ask(c, "topic|a|lobby|-"), "end=ok");
        assert_string_equal(ask(c, "topic|b|lobby"), "end=ok room=lobby topic=");
        assert_string_equal(ask(c, "topic|c|den"), "end=nobody text=there is no room called den");
        assert_string_equal(ask(c, "topic|d|den|tea"), "end=nobody text=there is no room called den");
        assert_string_equal(ask(c, "topic|e|lobby|  "),
                            "end=wrong text=a topic is clean text of 1 to 256 bytes, not all "
                            "spaces");
        memset(text + strlen(text), 'x', TOPIC_MAX_BYTES + 1);
        assert_string_equal(ask(c, text), "end=wrong text=a topic is clean text of 1 to 256 bytes, not all spaces");
        for (int i = 0; i < 2 * TOPIC_CHANGES; i++) { /* there is no limit for administrators */
                snprintf(text, sizeof(text), "topic|%x|lobby|%d", 0x20 + i, i);
                assert_string_equal(ask(c, text), "end=ok");
        }
}

static void test_a_mute(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        say(f, ANN, "one");
        assert_string_equal(ask(c, "mute|9|ANN"), "end=ok");
        assert_inbox(f, ANN, "notice An administrator muted you: nobody sees what you say");
        assert_string_equal(ask(c, "mute|99|ann"), "end=ok"); /* ann is muted already */
        assert_inbox(f, ANN, "");
        say(f, ANN, "two");
        say(f, ANN, "three");
        serve(f);
        assert_inbox(f, ANN, "answer You are muted: nobody sees what you say"); /* only once */
        put(f, &(struct frame){
                       .type = FRAME_ACTION, .id = inbox_id(ANN), .number = ++f->numbers[ANN], .text = slice_of("x")});
        put(f, &(struct frame){.type = FRAME_PRIVATE,
                               .id = inbox_id(ANN),
                               .number = ++f->numbers[ANN],
                               .name = slice_of("bob"),
                               .text = slice_of("psst")});
        serve(f);
        assert_inbox(f, ANN,
                     "answer You are muted: nobody sees what you say, "
                     "answer You are muted: nobody sees what you say"); /* each request has an answer */
        assert_inbox(f, BOB, "line ann one");
        assert_int_equal(member(f, ANN)->lines_in, f->numbers[ANN]); /* the session need not send them again */

        kill_and_restart(c);
        here(f, ANN, f->numbers[ANN]);
        say(f, ANN, "four");
        serve(f);
        assert_inbox(f, BOB, "rollcall");
        assert_non_null(strstr(ask(c, "who"), "muted=yes"));
        assert_string_equal(ask(c, "unmute|a|ann"), "end=ok");
        say(f, ANN, "five");
        serve(f);
        assert_inbox(f, BOB, "line ann five");
        assert_inbox(f, ANN,
                     "rollcall, answer You are muted: nobody sees what you say, notice You are no longer muted");
        kill_and_restart(c);
        assert_false(member(f, ANN)->muted);
        assert_non_null(strstr(ask(c, "mute|b|zoe"), "end=nobody"));
}

/* A change that the next chatd would not know of is not made, and the administrator is told so. */
static void test_no_inode_is_left(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char failed[512];
        join_all(f);
        snprintf(failed, sizeof(failed),
                 "end=failed text=not done, because chatd cannot note it in %s: No space left on device", f->dir);
        kill_and_restart(c);
        inbox_read(f->inboxes[ANN]);
        inbox_read(f->inboxes[BOB]);
        inodes = 0;
        assert_string_equal(ask(c, "mute|51|ann"), failed);
        assert_string_equal(ask(c, "mute|51|ann"), failed); /* the request is not remembered as done */
        assert_string_equal(ask(c, "topic|52|lobby|rules"), failed);
        assert_string_equal(ask(c, "unmute|53|ann"), "end=ok");
        say(f, ANN, "heard");
        serve(f);
        assert_inbox(f, BOB, "line ann heard");
        assert_inbox(f, ANN, "");
        kill_and_restart(c);
        assert_false(member(f, ANN)->muted);
        inodes = 1;
        assert_string_equal(ask(c, "mute|51|ann"), "end=ok");
        assert_int_equal(inodes, 0);
        kill_and_restart(c);
        assert_true(member(f, ANN)->muted);
        /* the change was noted, too, in place of the note before */
        assert_string_equal(ask(c, "mute|51|ann"), "end=ok");
        assert_string_equal(ask(c, "unmute|54|ann"), "end=ok");
        assert_int_equal(inodes, 1);
        assert_string_equal(ask(c, "say|55|hello"), "end=ok");
        inodes = 0;
        assert_string_equal(ask(c, "kick|56|bob"), ""); /* chatctl waits for bob to leave */
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        inodes = INT_MAX;
}

/* chatd dies before or after it writes the mark, and the frame is met again: lines in front of it were relayed, lines
 * behind it were not. */
static void test_killed_while_it_mutes(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct seen seen = {0};
        struct frame mute = {.type = FRAME_MUTE, .id = inbox_id(ANN), .number = 5, .text = slice_of("")};
        join_all(f);
        for (int again = 0; again < 2; again++) {
                f->numbers[ANN] = 0;
                say(f, ANN, "before");
                put(f, &mute);
                say(f, ANN, "behind");
                serve(f);
                assert_true(member(f, ANN)->muted);
                restart_broker(f);
                assert_true(member(f, ANN)->muted);
        }
        assert_string_equal(inbox_read_new(f->inboxes[BOB], &seen), "line ann before, rollcall, rollcall");
}

static void test_marks_go_with_the_member(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char path[256];
        struct stat st;
        join_all(f);
        snprintf(path, sizeof(path), "%s/members/%016llx.muted", f->dir, (unsigned long long)inbox_id(ANN));
        assert_string_equal(ask(c, "mute|c|ann"), "end=ok");
        assert_int_equal(lstat(path, &st), 0);
        bye(f, ANN);
        serve(f);
        assert_int_equal(lstat(path, &st), -1);
        assert_int_equal(symlink("-", path), 0); /* a leftover of a chatd that died before it removed it */
        restart_broker(f);
        assert_int_equal(lstat(path, &st), -1);
}

static void test_a_kick(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "kick|d|bob|too loud"), ""); /* bob must leave */
        assert_inbox(f, BOB, "kicked too loud");
        say(f, BOB, "and yet");
        put(f, &(struct frame){
                       .type = FRAME_ACTION, .id = inbox_id(BOB), .number = ++f->numbers[BOB], .text = slice_of("x")});
        serve(f);
        assert_inbox(f, BOB, ""); /* nothing follows KICKED */
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, ANN, "leave bob removed");
        assert_non_null(strstr(ask(c, "kick|e|bob"), "end=nobody"));
}

static void test_who_does_not_leave(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char expected[128];
        join_all(f);
        assert_string_equal(ask(c, "kick|f|bob"), "");
        control_settle(f->chat, INT64_MAX - 1); /* much later */
        run(f);
        snprintf(expected, sizeof(expected), "end=stays text=bob pid=%d id=%016llx", (int)getpid(),
                 (unsigned long long)inbox_id(BOB));
        assert_string_equal(answer(c, 0), expected);
        say(f, BOB, "I am still here");
        serve(f);
        assert_inbox(f, ANN, "");
        snprintf(expected, sizeof(expected), "kick|10|#%016llx", (unsigned long long)inbox_id(BOB));
        assert_string_equal(ask(c, expected), "");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
}

static void test_a_ban(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "ban|11|Bob|was rude"), "end=ok text=Bob");
        assert_inbox(f, BOB, "kicked banned: was rude");
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "leave bob removed");
        close(f->inboxes[BOB]);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, BOB, "refused you are banned (was rude)");
        assert_null(member(f, BOB));
        put(f, &(struct frame){
                       .type = FRAME_NICK, .id = inbox_id(EVE), .number = ++f->numbers[EVE], .name = slice_of("BOB")});
        serve(f);
        assert_inbox(f, EVE, "leave bob removed, answer The name BOB is not allowed here; please choose another");
        assert_non_null(strstr(ask(c, "bans"), "ban=Bob since="));
        kill_and_restart(c);
        hello_again(f, BOB);
        serve(f);
        assert_null(member(f, BOB));
        assert_string_equal(ask(c, "unban|12|bob"), "end=ok text=bob");
        assert_non_null(strstr(ask(c, "unban|13|bob"), "end=nobody"));
        hello_again(f, BOB);
        serve(f);
        assert_non_null(member(f, BOB));
}

/* A banned member is removed even if chatd dies after the ban; nobody is removed twice. */
static void test_killed_behind_a_ban(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct ban ban = {.reason = ""};
        join_all(f);
        assert_int_equal(ban_parse(&ban, "eve"), 0);
        assert_int_equal(bans_add(&f->chat->bans, &ban), 0);
        kill_and_restart(c);
        f->chat->admin->sweep = true; /* the fixture reads the bans only after the recovery */
        run(f);
        assert_inbox(f, EVE, "rollcall, kicked banned");
        assert_inbox(f, BOB, "rollcall");
        run(f);
        assert_inbox(f, EVE, "");
}

/* Fills the inbox of a member that is to be removed. */
static void fill_inbox(struct fixture *f, uint32_t who)
{
        const struct frame relayed = {.type = FRAME_RELAYED, .id = f->chat->relay.epoch};
        while (reach_send(member(f, who), &relayed) == 0)
                ;
}

static const char *after_lagging(struct fixture *f, uint32_t who)
{
        assert_true(member(f, who)->lagging);
        inbox_empty(f->inboxes[who]);
        broker_has_room(f->chat, member(f, who));
        return inbox_read(f->inboxes[who]);
}

static void test_who_lags_is_removed_all_the_same(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        fill_inbox(f, BOB);
        assert_string_equal(ask(c, "kick|1|bob|too loud"), "");
        say(f, ANN, "he is gone");
        serve(f);
        assert_string_equal(after_lagging(f, BOB), "missed 1, kicked too loud");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");

        fill_inbox(f, EVE);
        assert_string_equal(ask(c, "ban|2|eve|spam"), "end=ok text=eve");
        run(f);
        assert_string_equal(after_lagging(f, EVE), "kicked banned: spam");
}

/* The next chatd removes a lagging member, too, and announces nobody twice. */
static void test_who_lags_is_removed_by_the_next_chatd(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        fill_inbox(f, BOB);
        fill_inbox(f, EVE);
        assert_string_equal(ask(c, "kick|1|bob"), "");
        put(f, &(struct frame){.type = FRAME_KICK, .id = inbox_id(EVE), .number = 2, .text = slice_of("two words")});
        serve(f);
        kill_and_restart(c);
        assert_string_equal(after_lagging(f, BOB), "missed some, kicked ");
        assert_string_equal(after_lagging(f, EVE), "missed some, kicked two words");
        say(f, BOB, "I am still here");
        serve(f);
        assert_inbox(f, ANN, "rollcall");
        bye(f, BOB);
        serve(f);
        assert_false(exists(f, "members", BOB));
        assert_string_equal(ask(c, "unmute|3|eve"), "end=ok"); /* eve leaves all the same */
        say(f, EVE, "may I?");
        serve(f);
        assert_inbox(f, ANN, "leave bob removed");
}

/* A request that waits for its answer is not forgotten, however many members a ban removes. */
static void test_a_ban_removes_many(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "say|7|hello"), "end=ok");
        for (int i = 0; i < ADMIN_REMEMBERED; i++) {
                member(f, EVE)->removal_sent = false;
                free(member(f, EVE)->removal);
                member(f, EVE)->removal = NULL;
                assert_non_null(strstr(ask(c, "ban|8|eve|"), "end=ok"));
        }
        inbox_read(f->inboxes[ANN]);
        assert_string_equal(ask(c, "say|7|hello"), "end=ok");
        assert_inbox(f, ANN, "");
}

/* Returns what chatd logs from now on, on standard error, up to `word`. */
static const char *read_log(int from, const char *word)
{
        static char all[1 << 16];
        size_t len = 0;
        do {
                ssize_t n = read(from, all + len, sizeof(all) - 1 - len);
                assert_true(n > 0);
                len += (size_t)n;
                all[len] = '\0';
        } while (!strstr(all, word));
        return all;
}

static size_t count(const char *text, const char *word)
{
        size_t n = 0;
        for (; (text = strstr(text, word)); text++)
                n++;
        return n;
}

/* The frames are met again, as after the death of a chatd that had not consumed them. */
static void test_it_is_logged_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        int ends[2], error = dup(STDERR_FILENO);
        char path[256];
        assert_int_equal(pipe(ends), 0);
        join_all(f);
        dup2(ends[1], STDERR_FILENO);
        for (int again = 0; again < 2; again++) {
                put(f, &(struct frame){.type = FRAME_KICK, .id = inbox_id(BOB), .number = 1});
                put(f, &(struct frame){.type = FRAME_MUTE, .id = inbox_id(EVE), .number = 2});
                serve(f);
                snprintf(path, sizeof(path), "%s/members/requests", f->dir);
                assert_int_equal(unlink(path), 0);
                kill_and_restart(c);
        }
        assert_string_equal(ask(c, "say|7|that is all"), "end=ok");
        const char *log = read_log(ends[0], "that is all");
        dup2(error, STDERR_FILENO);
        close(error);
        close(ends[0]);
        close(ends[1]);
        assert_int_equal(count(log, "removed bob"), 1);
        assert_int_equal(count(log, "muted eve"), 1);
}

/* The disk is slow: a ban is in effect at once, the chat goes on, and chatctl gets its answer when the file is
 * written. */
static void test_nobody_waits_for_the_disk(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char path[256];
        struct stat st;
        join_all(f);
        snprintf(path, sizeof(path), "%s/bans", f->dir);
        pthread_mutex_lock(&disk_held);
        request(c, 0, "ban|1|eve|spam");
        run(f);
        request(c, 1, "ban|2|zoe|");
        say(f, ANN, "hello");
        run(f);
        assert_inbox(f, BOB, "line ann hello");
        assert_inbox(f, EVE, "kicked banned: spam, line ann hello");
        assert_string_equal(answer(c, 0), "");
        assert_int_equal(stat(path, &st), -1);
        control_settle(f->chat, INT64_MAX - 1); /* much later */
        run(f);
        assert_non_null(strstr(answer(c, 0), "end=queued text=the change is in effect, but "));
        pthread_mutex_unlock(&disk_held);
        request(c, 0, "unban|3|eve");
        run(f);
        bans_finish(&f->chat->bans);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok text=eve");
        kill_and_restart(c);
        assert_non_null(strstr(ask(c, "bans"), "ban=zoe "));
        assert_null(strstr(ask(c, "bans"), "ban=eve "));
}

/* A change that cannot be written is reported, and is in effect all the same. */
static void test_the_disk_takes_nothing(void **state)
{
        struct control_fixture *c = *state;
        char path[256];
        snprintf(path, sizeof(path), "%s/bans.new", c->base.dir);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_non_null(
                strstr(ask(c, "ban|1|eve|spam"), "end=failed text=in effect only until chatd ends: cannot write "));
        assert_non_null(strstr(ask(c, "bans"), "ban=eve "));
        rmdir(path);
}

/* A request that waits in the queue for long will be done: the administrator is told not to repeat it. */
static void test_the_queue_takes_long(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        for (int i = 0; i < 2; i++) { /* first chatctl connects, then its request is read and queued */
                struct epoll_event events[64];
                int n;
                if (i == 0)
                        request(c, 0, "say|5|hello");
                n = epoll_wait(f->epoll, events, 64, 0);
                for (int j = 0; j < n; j++) {
                        const struct watch *w = events[j].data.ptr;
                        if (w->kind == WATCH_CONTROL)
                                control_accept(f->chat);
                        else if (w->kind == WATCH_CLIENT)
                                control_serve(f->chat, w);
                }
        }
        control_settle(f->chat, INT64_MAX - 1);
        control_settle(f->chat, clock_ms());
        assert_string_equal(answer(c, 0), "end=queued text=the request is in the queue of the chat");
        run(f);
        assert_inbox(f, BOB, "notice Administrator: hello");
}

/* If a request is repeated, another member that has taken the name in the meantime is not affected. */
static void test_a_name_is_looked_up_once(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        char id[64], words[128];
        join_all(f);
        snprintf(id, sizeof(id), "%016llx", (unsigned long long)inbox_id(BOB));
        snprintf(words, sizeof(words), "end=ok text=bob id=%s", id);
        assert_string_equal(ask(c, "find|1|BOB"), words);
        assert_non_null(strstr(ask(c, "find|2|zoe"), "end=nobody"));
        snprintf(words, sizeof(words), "kick|3|#%s|", id);
        assert_string_equal(ask(c, words), "");
        bye(f, BOB);
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        put(f, &(struct frame){
                       .type = FRAME_NICK, .id = inbox_id(EVE), .number = ++f->numbers[EVE], .name = slice_of("bob")});
        serve(f);
        inbox_read(f->inboxes[EVE]);
        kill_and_restart(c);
        assert_string_equal(ask(c, words), "end=ok"); /* eve is neither awaited nor removed */
        assert_inbox(f, EVE, "rollcall");
}

/* There is no memory or no room for watching the listener: chatd tries again. */
static void test_the_listener_cannot_be_watched(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        int epoll = f->chat->epoll;
        epoll_ctl(epoll, EPOLL_CTL_DEL, c->listener, NULL);
        f->chat->control->watch.armed = false;
        f->chat->control->again_ms = 0;
        f->chat->epoll = -1;
        control_settle(f->chat, clock_ms());
        assert_false(f->chat->control->watch.armed);
        f->chat->epoll = epoll;
        assert_in_range(control_due_ms(f->chat->control), clock_ms(), clock_ms() + CONTROL_AGAIN_MS);
        control_settle(f->chat, clock_ms() + CONTROL_AGAIN_MS);
        assert_true(f->chat->control->watch.armed);
        assert_string_equal(ask(c, "who"), "end=ok");
}

static int accept_error; /* the error of accept4(); 0: it works */

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
        errno = accept_error;
        return accept_error != 0 ? -1 : (int)syscall(SYS_accept4, fd, address, size, flags);
}

static void test_what_runs_out_when_somebody_connects(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
        request(c, 0, "who");
        for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
                accept_error = errors[i];
                turn(f);
                assert_false(f->chat->control->watch.armed); /* so that epoll does not report it again and again */
                control_settle(f->chat, clock_ms() + CONTROL_AGAIN_MS);
                assert_true(f->chat->control->watch.armed);
        }
        accept_error = 0;
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
}

static void test_too_many(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        for (int i = 0; i < TOOLS; i++) {
                tool(c, i);
                run(f);
        }
        assert_string_equal(answer(c, CONTROL_CLIENTS_MAX), "end=busy, closed");
        assert_int_equal(f->chat->control->count, CONTROL_CLIENTS_MAX);
        control_settle(f->chat, INT64_MAX - 1); /* connections without requests are closed by then */
        assert_int_equal(f->chat->control->count, 0);
        assert_string_equal(answer(c, 0), "closed");
        assert_int_equal(control_due_ms(f->chat->control), INT64_MAX);
}

/* A list is sent as fast as chatctl takes it; a chatctl that takes nothing is disconnected. */
static void test_a_long_list(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        size_t got = 0;
        join_all(f);
        for (uint32_t i = 0; i < 2000; i++) {
                char name[32];
                snprintf(name, sizeof(name), "member-%u", i);
                struct member *m =
                        roster_add(&f->chat->roster, inbox_id(1000 + i), 0, slice_of(name), slice_of("x"), 0);
                assert_non_null(m);
                m->dead = m->gone_sent = true; /* these members have no inbox */
        }
        request(c, 0, "who");
        for (int i = 0; i < 100; i++)
                turn(f);
        for (bool more = true; more;) {
                const char *text = answer(c, 0);
                more = !strstr(text, "end=ok");
                for (; (text = strstr(text, "name=")); text++)
                        got++;
                for (int i = 0; i < 8; i++)
                        turn(f);
        }
        assert_int_equal(got, 2003);
        request(c, 1, "who");
        for (int i = 0; i < 100; i++)
                turn(f);
        control_settle(f->chat, clock_ms() + CONTROL_ANSWER_MS + 1);
        assert_string_equal(strstr(answer(c, 1), ", closed"), ", closed");
        assert_int_equal(f->chat->control->count, 1);
}

/* The request waits for room in the queue, but not longer than it may. */
static void test_the_queue_is_full(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        while (send(f->sender, "x", 1, 0) >= 0)
                ;
        request(c, 0, "say|14|hello");
        control_accept(f->chat);
        control_serve(f->chat, &f->chat->control->clients[0].watch);
        assert_int_equal(f->chat->control->clients[0].state, CONTROL_QUEUE);
        control_settle(f->chat, clock_ms());
        assert_string_equal(answer(c, 0), "");
        run(f);
        assert_string_equal(answer(c, 0), "end=ok");
        assert_inbox(f, BOB, "notice Administrator: hello");

        while (send(f->sender, "x", 1, 0) >= 0)
                ;
        request(c, 0, "say|15|hello");
        control_serve(f->chat, &f->chat->control->clients[0].watch);
        control_settle(f->chat, clock_ms() + CONTROL_ANSWER_MS + 1);
        assert_string_equal(answer(c, 0), "end=busy text=the queue of the chat is full");
}

/* A chatctl that dies while it waits costs its place and nothing else. */
static void test_a_tool_that_dies(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        join_all(f);
        assert_string_equal(ask(c, "kick|16|bob"), "");
        close(c->tools[0]);
        c->tools[0] = 0;
        run(f);
        assert_int_equal(f->chat->control->count, 0);
        bye(f, BOB);
        run(f);
        assert_inbox(f, ANN, "leave bob removed");
}

/* A connection that finds no free descriptor does not keep the main loop busy. */
static void test_no_descriptor(void **state)
{
        struct control_fixture *c = *state;
        struct fixture *f = &c->base;
        struct rlimit limit, none;
        struct epoll_event events[8];
        hello(f, ANN);
        run(f);
        struct sockaddr_un address = control_address(f);
        c->tools[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        assert_int_equal(connect(c->tools[0], (struct sockaddr *)&address, sizeof(address)), 0);
        getrlimit(RLIMIT_NOFILE, &limit);
        none = limit;
        none.rlim_cur = 3;
        setrlimit(RLIMIT_NOFILE, &none);
        int ready = 0;
        for (int i = 0; i < 100; i++) {
                int n = epoll_wait(f->epoll, events, 8, 0);
                for (int j = 0; j < n; j++)
                        if (((const struct watch *)events[j].data.ptr)->kind == WATCH_CONTROL) {
                                ready++;
                                control_accept(f->chat);
                        }
                broker_settle(f->chat);
        }
        setrlimit(RLIMIT_NOFILE, &limit);
        assert_true(ready < 5);
}

#define CONTROL_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                CONTROL_TEST(test_status_and_who),
                CONTROL_TEST(test_no_descriptor),
                CONTROL_TEST(test_sandboxes),
                CONTROL_TEST(test_what_is_no_request),
                CONTROL_TEST(test_a_notice),
                CONTROL_TEST(test_a_notice_is_said_once),
                CONTROL_TEST(test_a_topic),
                CONTROL_TEST(test_a_mute),
                CONTROL_TEST(test_no_inode_is_left),
                CONTROL_TEST(test_killed_while_it_mutes),
                CONTROL_TEST(test_marks_go_with_the_member),
                CONTROL_TEST(test_a_kick),
                CONTROL_TEST(test_who_does_not_leave),
                CONTROL_TEST(test_a_ban),
                CONTROL_TEST(test_killed_behind_a_ban),
                CONTROL_TEST(test_who_lags_is_removed_all_the_same),
                CONTROL_TEST(test_who_lags_is_removed_by_the_next_chatd),
                CONTROL_TEST(test_a_ban_removes_many),
                CONTROL_TEST(test_it_is_logged_once),
                CONTROL_TEST(test_nobody_waits_for_the_disk),
                CONTROL_TEST(test_the_disk_takes_nothing),
                CONTROL_TEST(test_the_queue_takes_long),
                CONTROL_TEST(test_a_name_is_looked_up_once),
                CONTROL_TEST(test_the_listener_cannot_be_watched),
                CONTROL_TEST(test_what_runs_out_when_somebody_connects),
                CONTROL_TEST(test_too_many),
                CONTROL_TEST(test_a_long_list),
                CONTROL_TEST(test_the_queue_is_full),
                CONTROL_TEST(test_a_tool_that_dies),
        };
        return RUN_TESTS(tests);
}
