/* chatd is killed (killing.h) while it does what is asked of it: names, among them one that another member has just given
 * up, private messages, and rooms; and orders of an administrator: a notice, and a member that is muted and unmuted.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include <chat/paths.h>

#include "killing.h"
#include "tracer.h"

/* Changes the name of `who`. */
static void become(enum role who, const char *name)
{
        struct event *e = add_event(who, BECOMES);
        snprintf(e->text, sizeof(e->text), "%s", name);
        snprintf(persons[who].name, sizeof(persons[who].name), "%s", name);
        client_send(persons[who].client, "/nick %s\n", name);
}

static void act(enum role who, const char *text)
{
        snprintf(add_event(who, ACTS)->text, TEXT_BYTES, "%s", text);
        client_send(persons[who].client, "/me %s\n", text);
}

static void whisper(enum role who, enum role to, const char *text)
{
        struct event *e = add_event(who, WHISPERS);
        e->to = to;
        snprintf(e->with, sizeof(e->with), "%s", persons[to].name);
        snprintf(e->text, sizeof(e->text), "%s", text);
        client_send(persons[who].client, "/msg %s %s\n", persons[to].name, text);
}

/* Lets `who` go to a room, in which `with` is. */
static void go(enum role who, const char *room, enum role with)
{
        struct event *e = add_event(who, GOES);
        snprintf(e->text, sizeof(e->text), "%s", room);
        snprintf(e->with, sizeof(e->with), "%s", persons[with].name);
        snprintf(persons[who].room, sizeof(persons[who].room), "%s", room);
        client_send(persons[who].client, "/join %s\n", room);
}

/* Bob takes another name, and Cat the one that he gives up; she is named by it, and sent a private message. Then he
 * takes one more. */
static void fill_queue_with_requests(void)
{
        unsigned length = 0;
        char given_up[64], name[64];
        snprintf(given_up, sizeof(given_up), "%s", persons[BOB].name);
        snprintf(name, sizeof(name), "round-%u", round_number);
        say(ANN, "who is who?");
        queue_grows(&length);
        become(BOB, name);
        queue_grows(&length);
        whisper(ANN, BOB, "is it you?");
        queue_grows(&length);
        become(CAT, given_up);
        queue_grows(&length);
        act(CAT, "smiles");
        queue_grows(&length);
        snprintf(name, sizeof(name), "again-%u", round_number);
        become(BOB, name);
        queue_grows(&length);
        whisper(BOB, CAT, "that was my name");
        queue_grows(&length);
        say(ANN, "so it is");
        queue_grows(&length);
}

/* Ann, who was with Cat, goes to Bob and back, all in one batch. */
static void fill_queue_with_rooms(void)
{
        unsigned length = 0;
        say(ANN, "good bye");
        queue_grows(&length);
        go(ANN, "kitchen", BOB);
        queue_grows(&length);
        say(ANN, "hello, kitchen");
        queue_grows(&length);
        say(CAT, "hello?");
        queue_grows(&length);
        say(BOB, "hello, Ann");
        queue_grows(&length);
        go(ANN, "lobby", CAT);
        queue_grows(&length);
        say(CAT, "hello again");
        queue_grows(&length);
        act(BOB, "is alone");
        queue_grows(&length);
}

/* Asserts that the notes have the current names, at the latest when the next chatd has noted them, and that this chatd
 * knows them, too. */
static void assert_names(void)
{
        for (int who = 0; who < RESIDENTS; who++)
                shell_until("ls -l %s/" MEMBERS_DIR_NAME " 2>/dev/null | grep -q ' %s$'", chat->dir,
                            persons[who].name); /* written after all were told */
        forget_events();
        say(BOB, "I am Bob");
        wait_until_heard(0, RESIDENTS);
        say(CAT, "I am Cat");
        wait_until_heard(0, RESIDENTS);
        say(ANN, "I am Ann");
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
}

/* Waits for the answers to the roll call: each session has received it from this chatd. Each says something more, which
 * goes out after its answer, for which the queue may have been too full until now. So no answer comes into the next
 * round. */
static void wait_for_answers(void)
{
        whisper(BOB, CAT, "I am here");
        wait_until_heard(0, RESIDENTS);
        whisper(CAT, BOB, "so am I");
        wait_until_heard(0, RESIDENTS);
        whisper(ANN, BOB, "and I");
        wait_until_heard(0, RESIDENTS);
}

static bool play_requests(unsigned at, void (*fill)(void), void (*assert_after)(void))
{
        round_number++;
        killed_count = 0;
        playing = true;
        fill();
        run_and_kill(at);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        assert_after();
        wait_for_answers();
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        playing = false;
        return killed[0].done;
}

/* Asserts that two are in the lobby and one in the kitchen, whose lines only the link gets. */
static void assert_rooms(void)
{
        forget_events();
        say(BOB, "I am in the kitchen");
        wait_until_heard(0, RESIDENTS);
        say(CAT, "I am in the lobby");
        wait_until_heard(0, RESIDENTS); /* two lines in one read would be a paste */
        whisper(CAT, BOB, "can you hear me?");
        wait_until_heard(0, RESIDENTS);
        say(ANN, "so am I");
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
}

static unsigned play_requests_at_each_call(const char *what, void (*fill)(void), void (*assert_after)(void))
{
        struct points p = {0};
        while (next_point(&p)) {
                if (play_requests(p.at, fill, assert_after))
                        p.calls = p.at;
                show_progress(what, 0);
        }
        assert_true(p.calls > 50);
        return p.calls;
}

static void test_every_call_of_requests(void **state)
{
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_with_residents();
        wait_until_heard(0, RESIDENTS);
        become(BOB, "Bob");
        wait_until_heard(0, RESIDENTS);
        become(CAT, "Cat");
        wait_until_heard(0, RESIDENTS);
        assert_int_equal(end_broker(SIGTERM), 0);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        forget_events();
        unsigned names = play_requests_at_each_call("each call of requests", fill_queue_with_requests, assert_names);
        start_broker(false);
        client_send(persons[BOB].client, "/join kitchen\n");
        client_expect(persons[BOB].client, "*** You are now in kitchen, alone\r\n");
        for (int who = 0; who < RESIDENTS; who += 2)
                client_expect(persons[who].client, " went to kitchen\r\n");
        snprintf(persons[BOB].room, sizeof(persons[BOB].room), "kitchen");
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        unsigned rooms = play_requests_at_each_call("each call of rooms", fill_queue_with_rooms, assert_rooms);
        show_points(names, " while people took names and whispered");
        show_points(rooms, " while they went to rooms");
}

/* ---- orders of an administrator ---- */

/* Returns the id of a member, which begins with its pid, from its note. */
static uint64_t id_of(enum role who)
{
        uint64_t id = 0;
        const char *note =
                shell("ls %s/" MEMBERS_DIR_NAME " | grep -x '%08x........'", chat->dir, (unsigned)persons[who].session);
        assert_int_equal(path_parse_id(note, &id), 0);
        return id;
}

/* Sends a frame of chatd to itself, which is possible because the test has the same user. */
static void ask_as_chatd(enum frame_type type, enum role who, const char *text)
{
        static uint64_t number;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {.type = (uint8_t)type, .id = ADMIN_ID, .number = ++number, .text = slice_of(text)};
        if (type != FRAME_SAY)
                f.id = id_of(who);
        size_t size = frame_encode(buffer, sizeof(buffer), &f);
        link_send(buffer, size);
        if (number % 2 == 0) /* as if the request was repeated */
                link_send(buffer, size);
}

static void announce(const char *text)
{
        snprintf(add_event(ANN, ANNOUNCED)->text, TEXT_BYTES, "Administrator: %s", text);
        ask_as_chatd(FRAME_SAY, ANN, text);
}

static void tell(enum role who, const char *text)
{
        snprintf(add_event(who, TOLD)->text, TEXT_BYTES, "%s", text);
}

/* Lines of Bob's in between reach nobody; he is told that once, because all come at the same moment. */
static void fill_queue_with_orders(void)
{
        unsigned length = 0;
        say(BOB, "I may speak");
        queue_grows(&length);
        announce("somebody will be muted");
        ask_as_chatd(FRAME_MUTE, BOB, "");
        length = queue_length();
        tell(BOB, "An administrator muted you: nobody sees what you say");
        client_send(persons[BOB].client, "I may not\n");
        tell(BOB, "You are muted: nobody sees what you say");
        queue_grows(&length);
        say(CAT, "do you hear Bob?");
        queue_grows(&length);
        ask_as_chatd(FRAME_UNMUTE, BOB, "");
        length = queue_length();
        tell(BOB, "You are no longer muted");
        say(BOB, "I may speak again");
        queue_grows(&length);
        announce("that is all");
}

static bool play_orders(unsigned at)
{
        round_number++;
        killed_count = 0;
        playing = true;
        fill_queue_with_orders();
        run_and_kill(at);
        start_broker(false);
        wait_until_heard(0, RESIDENTS);
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_link_heard();
        forget_events();
        for (int who = 0; who < RESIDENTS; who++) { /* after the answer to the roll call */
                say((enum role)who, "I am here");
                wait_until_heard(0, RESIDENTS);
        }
        for (int who = 0; who < RESIDENTS; who++)
                assert_heard((enum role)who);
        assert_int_equal(end_broker(SIGTERM), 0);
        shell("! ls %s/" MEMBERS_DIR_NAME " | grep -q muted", chat->dir);
        forget_events();
        playing = false;
        return killed[0].done;
}

static void test_every_call_of_orders(void **state)
{
        struct points p = {0};
        (void)state;
        if (!tracer_may_trace())
                skip();
        chat->more = "--arrivals=off";
        is_at_rest = have_residents_heard;
        start_with_residents();
        wait_until_heard(0, RESIDENTS);
        assert_int_equal(end_broker(SIGTERM), 0);
        forget_events();
        while (next_point(&p)) {
                if (play_orders(p.at))
                        p.calls = p.at;
                show_progress("each call of orders", 0);
        }
        assert_true(p.calls > 50);
        show_points(p.calls, " while an administrator said something and muted somebody");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                KILLING_TEST(test_every_call_of_requests),
                KILLING_TEST(test_every_call_of_orders),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
