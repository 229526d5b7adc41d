#include <sys/resource.h>
#include <sys/syscall.h>

#include <chat/clock.h>

#include "../clock-call.h"
#include "broker-fixture.h"

static int64_t later_ms; /* added to the real time; whole seconds */

static void (*before_consume)(void *); /* called before the call that removes frames from the queue */
static void *before_consume_arg;
static bool consume_fails;

/* Replaces recvmmsg() of libc. */
int recvmmsg(int fd, struct mmsghdr *headers, unsigned n, int flags, struct timespec *timeout)
{
        if (!(flags & MSG_PEEK) && before_consume)
                before_consume(before_consume_arg);
        if (!(flags & MSG_PEEK) && consume_fails) {
                errno = ENOMEM;
                return -1;
        }
        return (int)syscall(SYS_recvmmsg, fd, headers, n, flags, timeout);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
        int r = clock_call(clock, t);
        if (r == 0 && clock == CLOCK_MONOTONIC)
                t->tv_sec += later_ms / 1000;
        return r;
}

static void test_a_chat(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob");
        assert_inbox(f, BOB, "welcome 2");
        say(f, ANN, "hi bob");
        say(f, BOB, "hi ann");
        serve(f);
        assert_inbox(f, ANN, "line bob hi ann");
        assert_inbox(f, BOB, "line ann hi bob");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "goodbye");
        assert_inbox(f, BOB, "leave ann");
        assert_int_equal(f->chat->roster.count, 1);
        assert_false(exists(f, "members", ANN));
        assert_int_equal(f->chat->lines, 2);
}

static void test_all_of_it_in_one_batch(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        say(f, ANN, "alone");
        hello(f, BOB);
        say(f, ANN, "two");
        hello(f, EVE);
        bye(f, ANN);
        say(f, BOB, "three");
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer Nobody hears you: nobody else is here, join bob, join eve, goodbye");
        assert_inbox(f, BOB, "welcome 2, line ann two, join eve, leave ann");
        assert_inbox(f, EVE, "welcome 3, leave ann, line bob three");
}

static void test_more_than_one_batch_in_a_window(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        unsigned got = 0, sent = 0;
        memset(text, 'x', TEXT_MAX_BYTES);
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        for (; sent < 9; sent++) /* 9 × 4 KiB: the queue takes 10 datagrams unless its length was raised */
                say(f, ANN, text);
        assert_true(broker_serve(f->chat) >= 0);
        for (const char *at = inbox_read(f->inboxes[BOB]); (at = strstr(at, "line ann x")); at++)
                got++;
        assert_int_equal(got, sent);
}

/* Each line of a frame is a record with its own number; a line that is not clean does not affect the others. */
static void test_a_frame_of_many_lines(void **state)
{
        struct fixture *f = *state;
        char many[FRAME_LINES_MAX + 1];
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        say(f, ANN, "one\n\nt\x1bree\nfour");
        f->numbers[ANN] += 3;
        serve(f);
        assert_inbox(f, BOB, "line ann one, line ann, line ann four");
        assert_int_equal(roster_find(&f->chat->roster, inbox_id(ANN))->lines_in, 4);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 1);
        f->numbers[ANN] -= 2;
        say(f, ANN, "three\nfour\nfive"); /* the first two were there before */
        f->numbers[ANN] += 2;
        serve(f);
        assert_inbox(f, BOB, "line ann five");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_REPEATED], 2);
        memset(many, '\n', sizeof(many) - 1);
        many[sizeof(many) - 1] = '\0'; /* there is one LF less than lines */
        say(f, ANN, many);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_MALFORMED], 1);
        assert_inbox(f, BOB, "");
}

/* A session of an earlier version sends text that hides something: nothing of it is lost, and it becomes no longer. */
static void test_what_hides_is_shown(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        say(f, ANN, "a\u200bb\n\u00ad\u00ad\u00ad\u00ad\u00ad\u00ad          .\nhm                    *** x");
        serve(f);
        assert_inbox(f, BOB, "line ann a?b, line ann ??????        ., line ann hm        *** x");
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_UNCLEAN], 0);
}

/* A frame that does not fit into a batch as a whole begins the next one. */
static void test_frames_fill_batches(void **state)
{
        struct fixture *f = *state;
        char text[FRAME_LINES_MAX];
        unsigned got = 0, sent = 0;
        memset(text, '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        for (int frames = 0; frames < 9; frames++, sent += FRAME_LINES_MAX) { /* 576 lines: a batch has 512 */
                say(f, ANN, text);
                f->numbers[ANN] += FRAME_LINES_MAX - 1;
        }
        assert_true(broker_serve(f->chat) >= 0);
        for (const char *at = inbox_read(f->inboxes[BOB]); (at = strstr(at, "line ann")); at++)
                got++;
        assert_int_equal(got, sent);
}

static void test_frames_that_are_ignored(void **state)
{
        struct fixture *f = *state;
        const uint64_t *ignored = f->chat->complaints.ignored_counts;
        uint8_t raw[FRAME_MAX_BYTES + 200] = {0};
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);

        send(f->sender, "x", 1, 0);
        send(f->sender, "", 0, 0);
        send(f->sender, raw, sizeof(raw), 0);
        serve(f);
        assert_int_equal(ignored[IGNORED_MALFORMED], 3);

        send(f->sender, raw, 100, 0); /* version 0 */
        size_t n = frame_encode(raw, sizeof(raw), &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)});
        raw[1] = 99;
        send(f->sender, raw, n, 0);
        put(f, &(struct frame){.type = FRAME_BATCH, .id = inbox_id(ANN)});
        serve(f);
        assert_int_equal(ignored[IGNORED_VERSION], 1);
        assert_int_equal(ignored[IGNORED_TYPE] + ignored[IGNORED_MALFORMED], 3 + 2);

        put(f, &(struct frame){.type = FRAME_LINE, .id = 1ULL << 32 | ANN, .number = 1, .text = slice_of("forged")});
        serve(f);
        assert_int_equal(ignored[IGNORED_FORGED], 1);

        say(f, EVE, "a stranger");
        serve(f);
        assert_int_equal(ignored[IGNORED_STRANGER], 1);

        say(f, ANN, "once");
        f->numbers[ANN]--;
        say(f, ANN, "twice");
        put(f, &(struct frame){
                       .type = FRAME_HELLO, .id = inbox_id(ANN), .name = slice_of("other"), .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_REPEATED], 2);

        say(f, ANN, "\x1b[2J");
        say(f, ANN, "\xff");
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        put(f, &(struct frame){.type = FRAME_HELLO,
                               .id = inbox_id(EVE),
                               .key = inbox_id(EVE),
                               .name = slice_of("eve\nann"),
                               .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 3);
        static char longer[LOCAL_NAME_MAX_BYTES + 2];
        memset(longer, 'x', LOCAL_NAME_MAX_BYTES + 1);
        const char *const no_names[] = {"", "bob: I confess", "eve:", "\u200beve", "eve@b", longer};
        for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
                put(f, &(struct frame){.type = FRAME_HELLO,
                                       .id = inbox_id(EVE),
                                       .key = inbox_id(EVE),
                                       .name = slice_of(no_names[i]),
                                       .address = slice_of("a")});
        serve(f);
        assert_int_equal(ignored[IGNORED_UNCLEAN], 9);

        put(f, &(struct frame){.type = FRAME_GONE, .id = inbox_id(ANN)}); /* ann lives */
        serve(f);
        assert_inbox(f, BOB, "line ann once");
        assert_int_equal(f->chat->roster.count, 2);
}

static bool is_marked_as_left(struct fixture *f, uint32_t who)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/members/%016llx.left", f->dir, (unsigned long long)inbox_id(who));
        return lstat(path, &st) == 0;
}

static bool was_marked, was_told;

static void look_before_consume(void *arg)
{
        struct fixture *f = arg;
        was_marked = is_marked_as_left(f, ANN);
        was_told = strcmp(inbox_read(f->inboxes[BOB]), "leave ann") == 0;
}

/* chatd may crash before it consumes the frames: they come again, so the mark must still be there. A chatd that finds
 * the mark announces nothing again, so everybody must have been told before. */
static void test_the_mark_of_who_left_outlives_the_frames(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        bye(f, ANN);
        before_consume_arg = f;
        before_consume = look_before_consume;
        serve(f);
        before_consume = NULL;
        assert_true(was_marked);
        assert_true(was_told);
        assert_false(is_marked_as_left(f, ANN));
}

static void lose_inbox(struct fixture *f, uint32_t who)
{
        struct sockaddr_un address;
        close(f->inboxes[who]);
        path_inbox(&address, f->dir, inbox_id(who));
        unlink(address.sun_path);
}

/* A session whose inbox was removed binds it anew, and says so by HERE. */
static void test_an_inbox_that_is_bound_anew(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        lose_inbox(f, ANN);
        say(f, BOB, "one");
        serve(f); /* chatd finds the inbox gone: GONE is in the queue */
        assert_true(member_is_dead(member(f, ANN)));
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        here(f, ANN, 0);
        say(f, BOB, "two");
        serve(f);
        assert_false(member_is_dead(member(f, ANN)));
        assert_inbox(f, ANN, "missed some, line bob two");
        assert_inbox(f, EVE, "line bob one, line bob two"); /* ann did not leave */
}

static void bind_late(void *arg)
{
        struct fixture *f = arg;
        before_consume = NULL;
        assert_true(exists(f, "sessions", ANN)); /* chatd has left the file to the session, which runs */
        lose_inbox(f, ANN);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        f->chat->shares_pids = true;
}

/* The same, but chatd takes GONE before the session has bound its inbox, and HERE behind it. */
static void test_an_inbox_that_is_bound_anew_late(void **state)
{
        struct fixture *f = *state;
        join_all(f);
        close(f->inboxes[ANN]);
        say(f, BOB, "one");
        serve(f);
        assert_true(member_is_dead(member(f, ANN)));
        here(f, ANN, 0);
        f->chat->shares_pids = false; /* this is the process of ann */
        before_consume_arg = f;
        before_consume = bind_late;
        serve(f);
        assert_null(before_consume);
        say(f, BOB, "two");
        serve(f);
        assert_string_equal(strstr(inbox_read(f->inboxes[ANN]), "line "), "line bob two");
        assert_inbox(f, EVE, "line bob one, leave ann, join ann, line bob two");
}

static void test_another_user_is_ignored(void **state)
{
        struct fixture *f = *state;
        if (getuid() != 0)
                skip();
        hello(f, ANN);
        serve(f);
        pid_t child = fork();
        if (child == 0) {
                char text[FRAME_MAX_BYTES];
                uint64_t id = (uint64_t)getpid() << 32;
                size_t n = frame_encode(
                        text, sizeof(text),
                        &(struct frame){
                                .type = FRAME_HELLO, .id = id, .name = slice_of("intruder"), .address = slice_of("a")});
                _exit(setuid(65534) == 0 && send(f->sender, text, n, 0) > 0 ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        assert_int_equal(status, 0);
        serve(f);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_USER], 1);
        assert_int_equal(f->chat->roster.count, 1);
}

static void test_ignored_frames_are_reported_at_a_bounded_rate(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(complaints_report(&f->chat->complaints, 1000), INT64_MAX);
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000), INT64_MAX);
        assert_int_equal(f->chat->complaints.ignored_counts[IGNORED_MALFORMED], 0);
        send(f->sender, "x", 1, 0);
        serve(f);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000 + IGNORED_REPORT_MS - 1),
                         1000 + IGNORED_REPORT_MS);
        assert_int_equal(complaints_report(&f->chat->complaints, 1000 + IGNORED_REPORT_MS), INT64_MAX);
}

static void test_a_killed_session_is_announced_behind_its_words(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        say(f, ANN, "last words");
        close(f->inboxes[ANN]);
        contact_exited(f->chat, roster_find(&f->chat->roster, inbox_id(ANN)));
        broker_settle(f->chat);
        serve(f);
        assert_inbox(f, BOB, "line ann last words, leave ann");
        assert_false(exists(f, "sessions", ANN));
        f->inboxes[ANN] = -1;
}

static void test_gone_behind_bye_says_nothing(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
        bye(f, ANN);
        contact_exited(f->chat, roster_find(&f->chat->roster, inbox_id(ANN)));
        broker_settle(f->chat);
        serve(f);
        serve(f);
        assert_inbox(f, BOB, "leave ann");
}

/* ---- which sessions are asked to lend their client's connection ---- */

/* Asserts that chatd asked the session, with the right descriptors. The caller must close the descriptors. */
static struct socket_fds take_lend(struct fixture *f, uint32_t who)
{
        struct socket_fds fds;
        assert_true(outlet_is_asked(f->inboxes[who], &fds));
        assert_int_equal(fds.count, LENT_FDS);
        return fds;
}

static void decline(struct fixture *f, uint32_t who)
{
        struct socket_fds fds = take_lend(f, who);
        socket_close_fds(&fds);
        take_answers(f);
}

static void assert_not_asked(struct fixture *f, uint32_t who)
{
        struct socket_fds fds;
        assert_false(outlet_is_asked(f->inboxes[who], &fds));
}

static void come(struct fixture *f, uint32_t who)
{
        hello(f, who);
        serve(f);
}

/* Sends a line, so that everybody except its author has a batch. */
static void say_to_all(struct fixture *f, uint32_t who)
{
        say(f, who, "x");
        serve(f);
}

static void test_who_is_asked(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        link_hello(f);
        serve(f);
        assert_not_asked(f, ANN);
        come(f, BOB);
        struct socket_fds ann = take_lend(f, ANN);
        assert_not_asked(f, BOB); /* nothing was relayed to bob so far */
        assert_int_equal(f->chat->lending->questions, 1);
        say_to_all(f, BOB);
        assert_not_asked(f, ANN); /* once is enough */
        say_to_all(f, ANN);
        struct socket_fds bob = take_lend(f, BOB);
        assert_int_equal(f->chat->lending->questions, 2);
        assert_true(strstr(inbox_read(f->inboxes[LINK]), "line bob x, line ann x") != NULL);
        assert_false(lent_is_open(&link_member(f)->lent));
        socket_close_fds(&ann);
        socket_close_fds(&bob);
        take_answers(f);
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_nobody_is_asked_without_memory_for_it(void **state)
{
        struct fixture *f = *state;
        lent_batch_free(&f->chat->batch.lent);
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        assert_not_asked(f, ANN);
        assert_inbox(f, BOB, "welcome 2, line ann x");
}

static void test_who_was_removed(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        run_session(f, ANN);
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(BOB), .reason = LEAVE_KICKED});
        serve(f);
        assert_lender_got(f->lenders[ANN], "*** bob is connected\r\n*** bob was removed\r\n");
}

static void test_who_answers_is_written_to(void **state)
{
        struct fixture *f = *state;
        unsigned before = count_fds();
        come(f, ANN);
        come(f, BOB);
        run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_true(member(f, ANN)->lent.client >= 0);
        say(f, BOB, "hi");
        say(f, ANN, "hi yourself");
        serve(f);
        say(f, BOB, "so long");
        bye(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "");
        assert_lender_got(f->lenders[ANN],
                          "*** bob is connected\r\nbob: hi\r\nbob: so long\r\n*** bob is disconnected\r\n");
        bye(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "goodbye");
        lender_free(f->lenders[ANN]);
        close(f->inboxes[ANN]);
        close(f->inboxes[BOB]);
        f->lenders[ANN] = NULL;
        f->inboxes[ANN] = f->inboxes[BOB] = 0;
        assert_int_equal(count_fds(), before);
}

enum { CROWD = LENDING_ASKED_MAX + 5 };

static uint32_t crowd_number(int i)
{
        return (uint32_t)(SESSIONS + i);
}

/* Lets the crowd join one after the other, so that each member except the last has something relayed. */
static void crowd_comes(struct fixture *f, int inboxes[static CROWD])
{
        for (int i = 0; i < CROWD; i++) {
                char name[16];
                uint64_t id = inbox_id(crowd_number(i));
                snprintf(name, sizeof(name), "p%d", i);
                inboxes[i] = inbox_bind(f->dir, id);
                put(f, &(struct frame){.type = FRAME_HELLO,
                                       .id = id,
                                       .key = id,
                                       .name = slice_of(name),
                                       .address = slice_of("here:1")});
                serve(f);
        }
}

static void test_few_are_asked_at_once(void **state)
{
        struct fixture *f = *state;
        int inboxes[CROWD], asked[CROWD] = {0};
        crowd_comes(f, inboxes);
        for (int left = CROWD - 1; left > 0;) {
                int now = 0;
                assert_int_equal(f->chat->lending->questions, left < LENDING_ASKED_MAX ? left : LENDING_ASKED_MAX);
                for (int i = 0; i < CROWD; i++) {
                        struct socket_fds fds;
                        if (!outlet_is_asked(inboxes[i], &fds))
                                continue;
                        socket_close_fds(&fds);
                        asked[i]++;
                        now++;
                }
                assert_int_equal(now, f->chat->lending->questions);
                left -= now;
                take_answers(f);
                assert_int_equal(f->chat->lending->questions, 0);
                broker_settle(f->chat);
        }
        assert_int_equal(f->chat->lending->questions, 0);
        for (int i = 0; i < CROWD; i++) {
                assert_int_equal(asked[i], i < CROWD - 1);
                close(inboxes[i]);
        }
}

static void test_who_declines_is_asked_again_some_time_later(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        decline(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_not_asked(f, ANN); /* nothing more was relayed to ann */
        for (int64_t ms = 2 * LENT_ASK_AGAIN_MIN_MS; ms <= 4 * LENT_ASK_AGAIN_MAX_MS; ms *= 2) {
                say_to_all(f, BOB);
                decline(f, ANN);
                say_to_all(f, BOB);
                later_ms += clock_earlier(ms, LENT_ASK_AGAIN_MAX_MS) - LENT_ASK_AGAIN_MIN_MS;
                serve(f);
                assert_not_asked(f, ANN); /* each time the pause is twice as long, up to the longest */
                later_ms += LENT_ASK_AGAIN_MIN_MS;
        }
        serve(f);
        run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_true(lent_is_open(&member(f, ANN)->lent));
}

static void test_who_does_not_answer(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        unsigned before = count_fds();
        say_to_all(f, BOB);
        later_ms += LENT_ANSWER_MS - LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_int_equal(f->chat->lending->questions, 1);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        serve(f);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), before - 1);
        run_session(f, ANN); /* too late */
        assert_null(f->lenders[ANN]->outlet.page);
        say_to_all(f, BOB);
        run_session(f, ANN);
        assert_true(member(f, ANN)->lent.client >= 0);
        assert_lender_got(f->lenders[ANN], "*** bob is connected\r\nbob: x\r\nbob: x\r\n");
}

/* Sessions may take LEND and never answer. */
static void test_silence_does_not_keep_others_from_being_asked(void **state)
{
        struct fixture *f = *state;
        int inboxes[CROWD];
        bool asked[CROWD] = {0};
        crowd_comes(f, inboxes);
        for (int round = 0; round < CROWD / LENDING_ASKED_MAX + 1; round++) {
                for (int i = 0; i < CROWD; i++) {
                        struct socket_fds fds;
                        asked[i] |= outlet_is_asked(inboxes[i], &fds);
                        socket_close_fds(&fds); /* takes no answer, as if the descriptors were kept */
                }
                come(f, ANN); /* a member joins and leaves, and everybody is told */
                bye(f, ANN);
                serve(f);
                close(f->inboxes[ANN]);
                later_ms += LENT_ANSWER_MS;
                broker_settle(f->chat);
        }
        for (int i = 0; i < CROWD; i++) {
                assert_true(asked[i]);
                close(inboxes[i]);
        }
        f->inboxes[ANN] = 0;
}

static void test_who_lags_or_is_dead_is_not_asked(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        decline(f, ANN);
        say_to_all(f, BOB);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        member(f, ANN)->is_lagging = true; /* as if her inbox had been full */
        broker_settle(f->chat);
        assert_not_asked(f, ANN);
        broker_has_room(f->chat, member(f, ANN));
        member(f, ANN)->life = LIFE_DEAD;
        broker_settle(f->chat);
        assert_not_asked(f, ANN);
        member(f, ANN)->life = LIFE_ALIVE;
        broker_settle(f->chat);
        decline(f, ANN);
}

/* ---- members that leave while they are asked, or after they have lent ---- */

/* Lets bob lend his connection, and lets ann be asked, or lend, too. Returns the number of descriptors without those
 * that chatd has for ann. */
static unsigned come_and_be_asked(struct fixture *f, bool answers)
{
        come(f, BOB);
        come(f, EVE);
        run_session(f, BOB);
        bye(f, EVE);
        serve(f);
        close(f->inboxes[EVE]);
        f->inboxes[EVE] = 0;
        unsigned before = count_fds();
        come(f, ANN);
        say_to_all(f, BOB);
        assert_int_equal(f->chat->lending->questions, 1);
        if (answers)
                run_session(f, ANN);
        assert_int_equal(f->chat->lending->questions, !answers);
        return before + 1 + (answers ? 2 : 0); /* her inbox, and both ends of her client's connection */
}

static void assert_nothing_is_left(struct fixture *f, unsigned fds)
{
        serve(f);
        assert_null(member(f, ANN));
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds);
        take_answers(f);
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_who_leaves_while_it_is_asked(void **state)
{
        struct fixture *f = *state;
        unsigned fds = come_and_be_asked(f, false);
        bye(f, ANN);
        assert_nothing_is_left(f, fds);
}

/* Lets ann's process end, and with it her inbox. */
static void ann_dies(struct fixture *f)
{
        close(f->inboxes[ANN]);
        f->inboxes[ANN] = 0;
        contact_exited(f->chat, member(f, ANN));
}

static void test_who_dies_while_it_is_asked(void **state)
{
        struct fixture *f = *state;
        unsigned fds = come_and_be_asked(f, false);
        struct socket_fds lend = take_lend(f, ANN);
        ann_dies(f);
        assert_int_equal(f->chat->lending->questions, 0);
        socket_close_fds(&lend);
        take_answers(f);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 1);
        assert_lender_got(f->lenders[BOB], "*** eve is connected\r\n*** eve is disconnected\r\n*** ann is connected\r\n"
                                           "*** ann is disconnected\r\n");
}

/* The answer and the end come within one turn of the loop. */
static void test_who_answers_and_dies(void **state)
{
        struct fixture *f = *state;
        struct epoll_event event;
        unsigned fds = come_and_be_asked(f, false);
        struct member *ann = member(f, ANN);
        struct socket_fds lend = take_lend(f, ANN);
        socket_close_fds(&lend);
        assert_int_equal(epoll_wait(f->epoll, &event, 1, 0), 1);
        ann_dies(f);
        lending_answered(f->chat, ann);
        assert_int_equal(f->chat->lending->questions, 0);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 1);
}

/* chatd must not keep a lent connection: it would stay open. */
static void test_the_client_of_who_dies_sees_the_end(void **state)
{
        struct fixture *f = *state;
        char text[64];
        ssize_t n;
        unsigned fds = come_and_be_asked(f, true);
        ann_dies(f);
        lender_die(f->lenders[ANN]);
        do
                n = recv(f->lenders[ANN]->peer, text, sizeof(text), 0);
        while (n > 0);
        assert_int_equal(n, 0);
        broker_settle(f->chat);
        assert_nothing_is_left(f, fds - 2);
}

/* Removes ann's inbox while she is asked, or after she has lent. Another one is there before chatd announces that she
 * left. */
static void bind_anew(struct fixture *f, bool answers)
{
        unsigned fds = come_and_be_asked(f, answers);
        lose_inbox(f, ANN);
        if (answers)
                assert_true(outlet_claim(&f->lenders[ANN]->outlet)); /* so that chatd tries to send her a datagram */
        say(f, BOB, "who hears this?");
        assert_true(broker_serve(f->chat) > 0);
        assert_true(member_is_dead(member(f, ANN)));
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        here(f, ANN, 0);
        assert_true(broker_serve(f->chat) > 0);
        assert_false(member_is_dead(member(f, ANN)));
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds + 2); /* for her inbox and her process */
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, BOB);
        assert_int_equal(f->chat->lending->questions, 1);
        inbox_read(f->inboxes[ANN]);
        take_answers(f);
        bye(f, ANN);
        assert_nothing_is_left(f, fds);
}

static void test_who_binds_its_inbox_anew_while_it_is_asked(void **state)
{
        bind_anew(*state, false);
}

static void test_who_binds_its_inbox_anew_after_it_lent(void **state)
{
        bind_anew(*state, true);
}

/* ---- when descriptors run out ---- */

enum { FEW_FDS = 128 };

/* Takes all descriptors except `left`. */
static int take_descriptors(struct rlimit *before, int taken[static FEW_FDS], int left)
{
        int n = 0;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
        struct rlimit few = {.rlim_cur = FEW_FDS, .rlim_max = before->rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        while ((taken[n] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
                n++;
        while (left-- > 0)
                close(taken[--n]);
        return n;
}

static void free_descriptors(const struct rlimit *before, const int *taken, int n)
{
        while (n > 0)
                close(taken[--n]);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, before), 0);
}

/* Lets eve join. To become a member takes three descriptors for a moment. */
static void eve_comes_though_descriptors_run_out(struct fixture *f, int left)
{
        struct rlimit before;
        int taken[FEW_FDS];
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        int n = take_descriptors(&before, taken, left);
        hello_again(f, EVE);
        serve(f);
        free_descriptors(&before, taken, n);
}

static void test_what_is_lent_is_given_back_for_who_comes(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        run_session(f, ANN);
        run_session(f, BOB);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "welcome 3");
        assert_false(lent_is_open(&member(f, ANN)->lent));
        assert_false(lent_is_open(&member(f, BOB)->lent));
        say_to_all(f, EVE); /* the lines come as datagrams now */
        run_session(f, ANN);
        run_session(f, BOB);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, EVE);
        run_session(f, ANN);
        run_session(f, BOB);
        say_to_all(f, EVE); /* the connections are lent again */
        assert_inbox(f, ANN, "");
        assert_lender_got(f->lenders[ANN],
                          "*** bob is connected\r\n*** eve is connected\r\neve: x\r\neve: x\r\neve: x\r\n");
        assert_lender_got(f->lenders[BOB], "ann: x\r\n*** eve is connected\r\neve: x\r\neve: x\r\neve: x\r\n");
}

static void test_what_is_asked_for_is_given_back_for_who_comes(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        come(f, BOB);
        say_to_all(f, ANN);
        assert_int_equal(f->chat->lending->questions, 2);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "welcome 3");
        assert_int_equal(f->chat->lending->questions, 0);
}

static void test_nothing_to_give_back(void **state)
{
        struct fixture *f = *state;
        come(f, ANN);
        eve_comes_though_descriptors_run_out(f, 1);
        assert_inbox(f, EVE, "refused the chat is full");
        assert_inbox(f, ANN, "welcome 1");
}

static void test_descriptors_are_kept_for_who_comes(void **state)
{
        enum { LIMIT = 128, BELOW = LIMIT / 4 * 3 };
        struct fixture *f = *state;
        struct rlimit before;
        int taken[FEW_FDS], n = 0;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){LIMIT, before.rlim_max}), 0);
        restart_broker(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(f->chat->lending->inbox_fd_min, BELOW);
        f->inboxes[ANN] = inbox_bind(f->dir, inbox_id(ANN));
        f->inboxes[BOB] = inbox_bind(f->dir, inbox_id(BOB));
        hello_again(f, ANN);
        serve(f);
        do
                taken[n] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        while (taken[n++] < BELOW - 1);
        unsigned fds = count_fds();
        hello_again(f, BOB);
        serve(f);
        assert_not_asked(f, ANN);
        assert_int_equal(f->chat->lending->questions, 0);
        assert_int_equal(count_fds(), fds + 2); /* bob's descriptors */
        while (n > 0)
                close(taken[--n]);
        later_ms += LENT_ASK_AGAIN_MIN_MS;
        say_to_all(f, BOB);
        run_session(f, ANN);
        assert_true(lent_is_open(&member(f, ANN)->lent));
}

/* One kind of error does not hide another, and errors that were not logged are counted. */
static void test_warnings(void **state)
{
        struct fixture *f = *state;
        const struct warning *w = f->chat->complaints.warnings;
        char what[32];
        for (int i = 0; i < 3; i++)
                complaints_warn(&f->chat->complaints, "cannot fly", -EIO);
        complaints_warn(&f->chat->complaints, "cannot swim", -EIO);
        assert_string_equal(w[0].what, "cannot fly");
        assert_int_equal(w[0].complaint.unlogged_count, 2);
        assert_string_equal(w[1].what, "cannot swim");
        assert_int_equal(w[1].complaint.unlogged_count, 0);
        f->chat->complaints.warnings[0].complaint.entry_ms -= WARNING_MS;
        complaints_warn(&f->chat->complaints, "cannot fly", -EIO);
        assert_int_equal(w[0].complaint.unlogged_count, 0);
        for (int i = 0; i < 2 * WARNINGS_MAX; i++) {
                snprintf(what, sizeof(what), "cannot do %d", i);
                complaints_warn(&f->chat->complaints, what, -EIO);
        }
        assert_string_equal(w[WARNINGS_MAX - 2].what, "cannot do 8");
        assert_string_equal(w[WARNINGS_MAX - 1].what, "cannot do 9"); /* the last place is for all others */
        assert_int_equal(w[WARNINGS_MAX - 1].complaint.unlogged_count, 14);
}

/* chatd ends in the middle of a round. It must take no frame any more: the next chatd does. */
static void test_a_queue_that_cannot_be_consumed(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        hello(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 3");
        say(f, ANN, "bye");
        bye(f, ANN);
        consume_fails = true;
        assert_int_equal(broker_serve(f->chat), -ENOMEM);
        say(f, BOB, "later");
        broker_finish(f->chat);
        consume_fails = false;
        assert_inbox(f, EVE, "line ann bye, leave ann");
        restart_broker(f);
        serve(f);
        assert_inbox(f, EVE, "rollcall, line bob later");
        assert_int_equal(f->chat->roster.count, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_chat),
                TEST(test_all_of_it_in_one_batch),
                TEST(test_more_than_one_batch_in_a_window),
                TEST(test_a_frame_of_many_lines),
                TEST(test_what_hides_is_shown),
                TEST(test_frames_fill_batches),
                TEST(test_frames_that_are_ignored),
                TEST(test_the_mark_of_who_left_outlives_the_frames),
                TEST(test_an_inbox_that_is_bound_anew),
                TEST(test_an_inbox_that_is_bound_anew_late),
                TEST(test_another_user_is_ignored),
                TEST(test_ignored_frames_are_reported_at_a_bounded_rate),
                TEST(test_a_killed_session_is_announced_behind_its_words),
                TEST(test_gone_behind_bye_says_nothing),
                TEST(test_who_is_asked),
                TEST(test_nobody_is_asked_without_memory_for_it),
                TEST(test_who_was_removed),
                TEST(test_who_answers_is_written_to),
                TEST(test_few_are_asked_at_once),
                TEST(test_who_declines_is_asked_again_some_time_later),
                TEST(test_who_does_not_answer),
                TEST(test_silence_does_not_keep_others_from_being_asked),
                TEST(test_who_lags_or_is_dead_is_not_asked),
                TEST(test_who_leaves_while_it_is_asked),
                TEST(test_who_dies_while_it_is_asked),
                TEST(test_who_answers_and_dies),
                TEST(test_the_client_of_who_dies_sees_the_end),
                TEST(test_who_binds_its_inbox_anew_while_it_is_asked),
                TEST(test_who_binds_its_inbox_anew_after_it_lent),
                TEST(test_what_is_lent_is_given_back_for_who_comes),
                TEST(test_what_is_asked_for_is_given_back_for_who_comes),
                TEST(test_nothing_to_give_back),
                TEST(test_descriptors_are_kept_for_who_comes),
                TEST(test_warnings),
                TEST(test_a_queue_that_cannot_be_consumed),
        };
        return RUN_TESTS(tests);
}
