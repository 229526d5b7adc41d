/* A session that has lent the connection of a client of IRC. */
#include <sys/socket.h>

#include "../../chat-irc/irc-kind.h"
#include "../../chat-irc/irc.h"
#include "../../chat-irc/line.h"

#include "session-lent-fixture.h"

static const struct record said = {.kind = RECORD_LINE,
                                   .id = 99,
                                   .number = 1,
                                   .name = {"bob", 3},
                                   .text = {"hi there", 8},
                                   .styled = {"\x02hi\x0f there", 10}};

/* Reads what the client is shown up to this text. */
static void see(struct fixture *f, const char *text)
{
        char got[8192];
        size_t len = 0;
        do {
                await(f->client);
                assert_int_equal(read(f->client, got + len, 1), 1);
                got[++len] = '\0';
                assert_true(len < sizeof(got) - 1);
        } while (!strstr(got, text));
}

/* Starts a session whose client has registered and lends its connection to the chatd of epoch 1. */
static struct fixture *start_lending(struct irc *i)
{
        static const struct irc_options options = {.server = "irc.test"};
        int fds[2];
        *i = (struct irc){.options = &options};
        tcp_connect(fds, 0);
        struct fixture *f = start_kind(&irc_kind, i, fds, &(struct session_options){0});
        snprintf(f->batch.server, sizeof(f->batch.server), "%s", options.server);
        assert_int_equal(lent_batch_init(&f->batch), 0);
        type(f, "NICK ann\r\nUSER ann 0 * :Ann\r\n");
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        see(f, " 422 ann :");
        see(f, "\n");
        assert_true(ask(f, 1));
        return f;
}

/* Lets chatd write all but the last `left` bytes of the line to the client, and die. */
static void write_and_die(struct fixture *f, size_t left)
{
        char text[1024];
        const struct line_form form = {.server = "irc.test"};
        size_t size = line_record(&form, &said, 0, text, sizeof(text));
        die_writing_record(f, &said, OUTLET_IRC, 0, text, size, left);
}

/* Lets the next chatd relay the line again, and another one. A chatd of version 9 knows no style. */
static void relay_again(struct fixture *f, bool has_style)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_BATCH, .id = 2});
        struct record r = said;
        size += has_style ? record_encode_styled(buffer + size, sizeof(buffer) - size, &r)
                          : record_encode(buffer + size, sizeof(buffer) - size, &r);
        r = (struct record){.kind = RECORD_LINE, .id = 99, .number = 2, .name = said.name, .text = slice_of("next")};
        size += record_encode(buffer + size, sizeof(buffer) - size, &r);
        tell_raw(f, buffer, size);
}

#define BEGIN ":bob!chat@irc.test PRIVMSG #lobby :"

/* The rest of a line has the formatting of its beginning. If the next chatd relays the line without its formatting, the
 * line comes once more, whole. */
static void test_a_line_that_is_cut(void **state)
{
        static const char whole[] = BEGIN "\x02hi\x0f there\r\n";
        static struct irc irc;
        char expected[512];
        (void)state;
        for (size_t left = 1; left < sizeof(whole) - 1; left += 3) {
                for (int has_style = 0; has_style < 2; has_style++) {
                        struct fixture *f = start_lending(&irc);
                        write_and_die(f, left);
                        relay_again(f, has_style);
                        size_t cut = sizeof(whole) - 1 - left;
                        if (has_style)
                                snprintf(expected, sizeof(expected), "%s" BEGIN "next\r\n", whole);
                        else
                                snprintf(expected, sizeof(expected), "%.*s\r\n" BEGIN "hi there\r\n" BEGIN "next\r\n",
                                         (int)cut, whole);
                        assert_shown(f, expected);
                        stop(f);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_line_that_is_cut)};
        return RUN_TESTS(tests);
}
