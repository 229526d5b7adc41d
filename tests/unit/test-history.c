/* The past lines: their file, and the lines that a newcomer is shown, even if chatd is killed at any moment. */
#include <fcntl.h>
#include <signal.h>

#include "broker-fixture.h"

enum {
        LINES = 20,
        KILLS = 200,
        KILLED_WITHIN_US = 3000,
        OF_ANOTHER_LAYOUT = 77,
};

static void turn_on(struct fixture *f)
{
        f->chat->settings.history = LINES;
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
}

static void restart(struct fixture *f)
{
        kill_broker(f);
        start_broker(f);
        turn_on(f);
        recovery_run(f->chat);
        broker_settle(f->chat);
}

static void request(struct fixture *f, uint32_t who, enum frame_type type, uint64_t key, const char *name)
{
        put(f, &(struct frame){.type = (uint8_t)type,
                               .id = inbox_id(who),
                               .number = ++f->numbers[who],
                               .key = key,
                               .name = slice_of(name)});
}

static void say_lines(struct fixture *f, uint32_t who, unsigned first, unsigned last)
{
        for (unsigned i = first; i <= last; i++) {
                char text[24];
                snprintf(text, sizeof(text), "%u", i);
                say(f, who, text);
                if (i % 8 == 0 || i == last)
                        serve(f);
        }
}

/* Returns "past, line ann FIRST, …, line ann LAST". */
static const char *past(unsigned first, unsigned last)
{
        static char text[8192];
        size_t len = (size_t)snprintf(text, sizeof(text), "past");
        for (unsigned i = first; i <= last; i++)
                len += (size_t)snprintf(text + len, sizeof(text) - len, ", line ann %u", i);
        return text;
}

static void assert_past(struct fixture *f, uint32_t who, unsigned first, unsigned last)
{
        const char *at = NULL; /* the last "past" in the inbox */
        for (const char *next = inbox_read(f->inboxes[who]); (next = strstr(next, "past")); next++)
                at = next;
        assert_non_null(at);
        assert_string_equal(at, past(first, last));
}

static void test_a_newcomer(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, past"); /* there are no lines yet */
        say_lines(f, ANN, 1, 3);
        say(f, ANN, "4"); /* a line in front of bob's HELLO, in one batch with it */
        hello(f, BOB);
        say(f, ANN, "5"); /* a line behind bob's HELLO */
        serve(f);
        assert_inbox(f, BOB, "welcome 2, past, line ann 1, line ann 2, line ann 3, line ann 4, line ann 5");
        say_lines(f, ANN, 6, 40);
        hello(f, EVE);
        serve(f);
        assert_past(f, EVE, 21, 40);
}

static void test_what_is_past(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        hello(f, BOB);
        link_hello(f);
        serve(f);
        request(f, ANN, FRAME_NICK, 0, "amy");
        put(f, &(struct frame){.type = FRAME_ACTION, .id = inbox_id(ANN), .number = 2, .text = slice_of("waves")});
        put(f, &(struct frame){.type = FRAME_PRIVATE,
                               .id = inbox_id(ANN),
                               .number = 3,
                               .name = slice_of("bob"),
                               .text = slice_of("psst")});
        inject(f, 1, 1);
        notice(f, UINT64_C(1) << 63, "b is away");
        bye(f, BOB);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 2, past, action amy waves, line zoe@b 1");
}

static void test_history_on_request(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        request(f, ANN, FRAME_HISTORY, 3, "");
        serve(f);
        assert_inbox(f, ANN, "welcome 1, answer This chat keeps no history");
        turn_on(f);
        request(f, ANN, FRAME_HISTORY, 3, "");
        serve(f);
        assert_inbox(f, ANN, "answer Nothing has been said in lobby yet");
        f->numbers[ANN] = 2;
        say_lines(f, ANN, 1, 150);
        request(f, ANN, FRAME_HISTORY, 3, "");
        serve(f);
        assert_past(f, ANN, 148, 150);
        request(f, ANN, FRAME_HISTORY, 0, "");
        serve(f);
        assert_past(f, ANN, 131, 150);
        request(f, ANN, FRAME_HISTORY, UINT64_MAX, "");
        serve(f);
        assert_past(f, ANN, 51, 150);
}

static void test_long_lines(void **state)
{
        struct fixture *f = *state;
        static char text[TEXT_MAX_BYTES + 1];
        struct wire_reader records;
        static uint8_t buffer[HISTORY_SHOWN_MAX_BYTES];
        turn_on(f);
        hello(f, ANN);
        serve(f);
        memset(text, 'x', TEXT_MAX_BYTES);
        for (int i = 0; i < 30; i++) {
                say(f, ANN, text);
                serve(f);
        }
        size_t size = history_read(&f->chat->history, &f->chat->roster.rooms, member(f, ANN)->seat.room,
                                   &f->chat->batch, 30, HISTORY_TIME_AS_NUMBER, buffer);
        records = wire_read(buffer, size);
        assert_int_equal(records_count(records), 11); /* as many as fit */
        assert_true(size <= HISTORY_SHOWN_MAX_BYTES);
}

static void test_rooms_have_their_own(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        f->chat->settings.keep_empty_rooms = true;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        say_lines(f, ANN, 1, 2);
        request(f, ANN, FRAME_ROOM, 0, "kitchen");
        say(f, ANN, "in here");
        serve(f);
        inbox_read(f->inboxes[BOB]);
        request(f, BOB, FRAME_ROOM, 0, "kitchen");
        serve(f);
        assert_inbox(f, BOB, "answer You are now in kitchen, with ann, past, line kitchen: ann in here");
        hello(f, EVE);
        serve(f);
        assert_past(f, EVE, 1, 2);
        request(f, ANN, FRAME_ROOM, 0, "");
        request(f, BOB, FRAME_ROOM, 0, "");
        serve(f);
        inbox_read(f->inboxes[EVE]);
        request(f, EVE, FRAME_ROOM, 0, "Kitchen"); /* the room was empty in the meantime */
        serve(f);
        assert_inbox(f, EVE, "answer You are now in Kitchen, alone, past, line kitchen: ann in here");
}

/* Returns true if the file has these words, outside its holes. */
static bool is_in_file(const struct fixture *f, const char *words)
{
        const struct history_file *file = f->chat->history.file;
        return memmem(file, sizeof(*file), words, strlen(words)) != NULL;
}

/* The lines of a room are gone once everybody has left it, even if the next member joins at once, or chatd dies
 * before it has forgotten the lines. The first room keeps its lines. */
static void test_an_empty_room_is_forgotten(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        hello(f, BOB);
        say(f, ANN, "in the lobby");
        for (int round = 0; round < 3; round++) {
                request(f, ANN, FRAME_ROOM, 0, "kitchen");
                say(f, ANN, "a secret");
                serve(f);
                assert_true(is_in_file(f, "a secret"));
                request(f, ANN, FRAME_ROOM, 0, "");
                if (round == 0)
                        serve(f);
                if (round == 2) {
                        f->chat->settings.keep_empty_rooms = true; /* chatd dies before it forgets */
                        serve(f);
                        assert_true(is_in_file(f, "a secret"));
                        restart(f);
                }
                inbox_read(f->inboxes[BOB]);
                request(f, BOB, FRAME_ROOM, 0, "kitchen");
                serve(f);
                assert_false(is_in_file(f, "a secret"));
                assert_inbox(f, BOB,
                             round == 1 ? "came ann kitchen, answer You are now in kitchen, alone"
                                        : "answer You are now in kitchen, alone");
                request(f, BOB, FRAME_ROOM, 0, "");
                serve(f);
                assert_true(is_in_file(f, "in the lobby"));
        }
        bye(f, ANN);
        bye(f, BOB);
        serve(f);
        assert_true(is_in_file(f, "in the lobby"));
}

/* If there are more rooms than shelves, a new room takes the shelf of an empty one. */
static void test_many_rooms(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        f->chat->settings.keep_empty_rooms = true;
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        say(f, BOB, "in the lobby");
        for (unsigned i = 0; i < 2 * HISTORY_SHELVES; i++) {
                char room[16];
                snprintf(room, sizeof(room), "room-%u", i);
                request(f, ANN, FRAME_ROOM, 0, room);
                serve(f);
                inbox_read(f->inboxes[ANN]);
                say_lines(f, ANN, i, i);
                request(f, ANN, FRAME_HISTORY, 0, "");
                serve(f);
                snprintf(room, sizeof(room), "%u", i);
                assert_non_null(strstr(inbox_read(f->inboxes[ANN]), room));
        }
        request(f, ANN, FRAME_ROOM, 0, "room-0"); /* the first room that lost its shelf */
        serve(f);
        assert_inbox(f, ANN, "answer You are now in room-0, alone");
        request(f, ANN, FRAME_ROOM, 0, "");
        serve(f);
        assert_inbox(f, ANN, "answer You are now in lobby, with bob, past, line bob in the lobby");
}

static void test_no_shelf_is_free(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        for (unsigned i = 0; i < HISTORY_SHELVES; i++) {
                char room[16];
                snprintf(room, sizeof(room), "room-%u", i);
                struct member *m = roster_add(&f->chat->roster, inbox_id(100 + i), 0, slice_of(room), slice_of("x"), 0);
                roster_move(&f->chat->roster, m, rooms_get(&f->chat->roster.rooms, slice_of(room)));
                struct record rec = {.kind = RECORD_LINE, .id = 9, .name = slice_of("x"), .text = slice_of("x")};
                batch_begin(&f->chat->batch, f->chat->relay.epoch);
                batch_add(&f->chat->batch, m, m->seat.room, &rec);
                history_note(&f->chat->history, &f->chat->roster.rooms, &f->chat->batch);
        }
        request(f, ANN, FRAME_ROOM, 0, "one-more");
        say(f, ANN, "1");
        request(f, ANN, FRAME_HISTORY, 0, "");
        assert_true(broker_serve(f->chat) >= 0);
        assert_inbox(f, ANN,
                     "welcome 1, past, answer You are now in one-more, alone, answer Nobody hears you: nobody else is "
                     "here, answer Nothing has been said in one-more yet");
}

/* A chatd of an earlier version stored text that hides something. */
static void test_what_hides_is_shown(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        struct member *m = roster_find(&f->chat->roster, inbox_id(ANN));
        struct record rec = {
                .kind = RECORD_LINE, .id = 9, .name = slice_of("x"), .text = slice_of("hi\u200b          .")};
        batch_begin(&f->chat->batch, f->chat->relay.epoch);
        batch_add(&f->chat->batch, m, m->seat.room, &rec);
        history_note(&f->chat->history, &f->chat->roster.rooms, &f->chat->batch);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, BOB, "welcome 2, past, line x hi?        .");
}

static void test_it_outlives_chatd(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        say_lines(f, ANN, 1, 5);
        restart(f);
        here(f, ANN, 5);
        say_lines(f, ANN, 6, 6);
        restart(f);
        hello(f, BOB);
        serve(f);
        assert_past(f, BOB, 1, 6);
        history_remove(&f->chat->history, f->dir);
        restart(f);
        hello(f, EVE);
        serve(f);
        assert_inbox(f, EVE, "welcome 3, past");
}

/* A batch was relayed and not consumed: lines that are in the file already are not stored twice. */
static void test_a_batch_again(void **state)
{
        struct fixture *f = *state;
        for (unsigned before = 0; before <= 5; before++) {
                turn_on(f);
                if (before == 0)
                        hello(f, ANN);
                serve(f);
                say_lines(f, ANN, 1, 5);
                f->numbers[ANN] = 5 - before; /* so many of them come once more */
                restart(f);
                for (unsigned i = 6 - before; i <= 6; i++) {
                        char text[24];
                        snprintf(text, sizeof(text), "%u", i);
                        say(f, ANN, text);
                }
                f->chat->order.old_frames = before + 1;
                serve(f);
                inbox_read(f->inboxes[ANN]);
                request(f, ANN, FRAME_HISTORY, 0, "");
                serve(f);
                assert_past(f, ANN, 1, 6);
                history_remove(&f->chat->history, f->dir);
                kill_broker(f);
                start_broker(f);
                recovery_run(f->chat);
                f->numbers[ANN] = 0;
        }
}

/* The batch that is relayed again has a newcomer, which was told that there were no lines. The lines that the next
 * chatd finds came after that. */
static void test_who_came_before_the_first_line(void **state)
{
        struct fixture *f = *state;
        turn_on(f);
        hello(f, ANN);
        hello(f, BOB);
        say(f, ANN, "1");
        serve(f);
        assert_inbox(f, BOB, "welcome 2, past, line ann 1");
        f->numbers[ANN] = 0;
        kill_broker(f);
        start_broker(f);
        turn_on(f);
        hello_again(f, ANN);
        hello_again(f, BOB);
        say(f, ANN, "1");
        recovery_run(f->chat);
        serve(f);
        /* the session shows the first past */
        assert_inbox(f, BOB, "welcome 2, past, line ann 1, line ann 1, rollcall");
}

/* The batch that is relayed again has more lines than are kept. */
static void test_a_long_batch_again(void **state)
{
        struct fixture *f = *state;
        char lines[1024];
        turn_on(f);
        hello(f, ANN);
        serve(f);
        for (int time = 0; time < 2; time++) {
                for (unsigned first = 1; first <= 200; first += 50) {
                        size_t len = 0;
                        for (unsigned i = first; i < first + 50; i++)
                                len += (size_t)snprintf(lines + len, sizeof(lines) - len, i == first ? "%u" : "\n%u",
                                                        i);
                        put(f, &(struct frame){
                                       .type = FRAME_LINE, .id = inbox_id(ANN), .number = first, .text = {lines, len}});
                }
                if (time == 1)
                        f->chat->order.old_frames = 4;
                serve(f);
                if (time == 0)
                        restart(f);
        }
        f->numbers[ANN] = 200;
        request(f, ANN, FRAME_HISTORY, 100, "");
        serve(f);
        assert_past(f, ANN, 101, 200);
}

static void test_a_file_of_another_layout(void **state)
{
        struct fixture *f = *state;
        char path[256];
        uint64_t layout = OF_ANOTHER_LAYOUT;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        say_lines(f, ANN, 1, 5);
        snprintf(path, sizeof(path), "%s/history", f->dir);
        int fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, &layout, sizeof(layout), 0), sizeof(layout));
        close(fd);
        restart(f);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, BOB, "welcome 2, past");
        history_remove(&f->chat->history, f->dir);
        assert_int_equal(open(path, O_RDONLY), -1);
        /* the file of a chatd that died before it had written anything, or half of it */
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(ftruncate(fd, 100), 0);
        close(fd);
        assert_int_equal(history_open(&f->chat->history, f->dir), 0);
}

/* Stores lines until it is killed. */
static void write_until_killed(struct chat *chat, struct member *ann, unsigned from, int done)
{
        for (unsigned i = from;; i++) {
                char text[TEXT_MAX_BYTES];
                size_t len = (size_t)snprintf(text, sizeof(text), "%u ", i);
                memset(text + len, 'a' + (int)(i % 26), sizeof(text) - len);
                struct record rec = {.kind = RECORD_LINE,
                                     .id = ann->id,
                                     .number = i,
                                     .name = slice_of("ann"),
                                     .text = {text, len + i * 37 % (sizeof(text) - len)}};
                batch_begin(&chat->batch, chat->relay.epoch);
                batch_add(&chat->batch, ann, ann->seat.room, &rec);
                history_note(&chat->history, &chat->roster.rooms, &chat->batch);
                if (write(done, &i, sizeof(i)) != sizeof(i))
                        abort();
        }
}

/* The next chatd finds whole lines, one behind another, and at least all that were stored. */
static void test_killed_at_any_instruction(void **state)
{
        struct fixture *f = *state;
        static uint8_t buffer[HISTORY_SHOWN_MAX_BYTES];
        unsigned last = 0;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        struct member *ann = member(f, ANN); /* not by its id, which has this process's number */
        for (unsigned kill_at = 0; kill_at < KILLS; kill_at++) {
                int pipe_fds[2], status;
                unsigned done = last;
                assert_int_equal(pipe(pipe_fds), 0);
                pid_t child = fork();
                if (child == 0)
                        write_until_killed(f->chat, ann, last + 1, pipe_fds[1]);
                close(pipe_fds[1]);
                usleep(kill_at * 7919 % KILLED_WITHIN_US);
                kill(child, SIGKILL);
                waitpid(child, &status, 0);
                while (read(pipe_fds[0], &done, sizeof(done)) == sizeof(done))
                        ;
                close(pipe_fds[0]);
                history_close(&f->chat->history);
                assert_int_equal(history_open(&f->chat->history, f->dir), 0);
                struct wire_reader records = wire_read(
                        buffer, history_read(&f->chat->history, &f->chat->roster.rooms, member(f, ANN)->seat.room,
                                             &f->chat->batch, HISTORY_KEPT, HISTORY_TIME_AS_NUMBER, buffer));
                struct record rec = {0};
                unsigned number = 0;
                while (record_next(&records, &rec) > 0) {
                        unsigned i = (unsigned)strtoul(rec.text.at, NULL, 10);
                        assert_true(number == 0 || i == number + 1);
                        number = i;
                        size_t len = (size_t)snprintf(NULL, 0, "%u ", i);
                        assert_int_equal(rec.text.len, len + i * 37 % (TEXT_MAX_BYTES - len));
                        for (size_t at = len; at < rec.text.len; at++)
                                assert_int_equal(rec.text.at[at], 'a' + (int)(i % 26));
                }
                assert_in_range(number, done, done + 1);
                last = number;
        }
        assert_true(last > KILLS);
}

/* A user with as many connections as there are shelves cannot displace the history of the lobby. */
static void test_lobby(void **state)
{
        struct fixture *f = *state;
        struct rooms *rooms = &f->chat->roster.rooms;
        turn_on(f);
        hello(f, ANN);
        serve(f);
        for (unsigned i = 0; i < HISTORY_SHELVES; i++) {
                char name[16];
                snprintf(name, sizeof(name), "r%u", i + 100);
                struct member *m = roster_add(&f->chat->roster, inbox_id(100 + i), 0, slice_of("x"), slice_of("x"), 0);
                roster_move(&f->chat->roster, m, rooms_get(rooms, slice_of(name)));
                put(f, &(struct frame){.type = FRAME_LINE, .id = m->id, .number = 2, .text = slice_of("x")});
                assert_true(broker_serve(f->chat) > 0);
        }
        say(f, ANN, "hello");
        broker_serve(f->chat);
        hello(f, BOB);
        broker_serve(f->chat);
        assert_non_null(strstr(inbox_read(f->inboxes[BOB]), "line ann hello"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_newcomer),
                TEST(test_what_is_past),
                TEST(test_history_on_request),
                TEST(test_long_lines),
                TEST(test_rooms_have_their_own),
                TEST(test_an_empty_room_is_forgotten),
                TEST(test_many_rooms),
                TEST(test_no_shelf_is_free),
                TEST(test_lobby),
                TEST(test_what_hides_is_shown),
                TEST(test_it_outlives_chatd),
                TEST(test_a_batch_again),
                TEST(test_who_came_before_the_first_line),
                TEST(test_a_long_batch_again),
                TEST(test_a_file_of_another_layout),
                TEST(test_killed_at_any_instruction),
        };
        return RUN_TESTS(tests);
}
