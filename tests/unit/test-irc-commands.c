/* Commands of an IRC client: which server they ask, and how the answers name what they ask for. */
#include "irc-fixture.h"

/* The commands about the server take the name of this server, a mask of it, or the client's own nick. */
static void test_another_server(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        static const char *const commands[] = {"MOTD", "VERSION", "TIME", "INFO", "LUSERS *"};
        static const char *const here[] = {"irc.test", "IRC.Test", "*.test", "irc.t?st", "ann", ":"};
        static const char *const numerics[] = {"422", "351", "391", "371"};
        static const char *const elsewhere[] = {"irc.test2", "nowhere", "bob", "?rc", "*.example"};
        for (unsigned n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
                for (unsigned k = 0; k < sizeof(elsewhere) / sizeof(elsewhere[0]); k++) {
                        char shown[80];
                        type(f, commands[n]);
                        type(f, " ");
                        type(f, elsewhere[k]);
                        type(f, "\r\n");
                        snprintf(shown, sizeof(shown), ":irc.test 402 ann %s :There is no such server\r\n",
                                 elsewhere[k]);
                        assert_shown(f, shown);
                }
        for (unsigned n = 0; n < sizeof(numerics) / sizeof(numerics[0]); n++)
                for (unsigned k = 0; k < sizeof(here) / sizeof(here[0]); k++) {
                        char shown[80];
                        type(f, commands[n]);
                        type(f, " ");
                        type(f, here[k]);
                        type(f, "\r\nPONG\r\n");
                        snprintf(shown, sizeof(shown), ":irc.test %s ann ", numerics[n]);
                        see(f, shown);
                }
        type(f, "LUSERS * irc.test\r\n");
        assert_int_equal(next_frame(f).type, FRAME_ROOMS);
        stop(f);
}

/* MOTD shows what chatd sent after the welcome. */
static void test_motd(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        static const char shown[] = ":irc.test 375 ann :- Message of the day -\r\n"
                                    ":irc.test 372 ann :Be nice.\r\n"
                                    ":irc.test 372 ann :\r\n"
                                    ":irc.test 372 ann :Have fun.\r\n"
                                    ":irc.test 376 ann :End of /MOTD command\r\n";
        type(f, "MOTD\r\n");
        assert_shown(f, ":irc.test 422 ann :There is no message of the day\r\n");
        tell(f, FRAME_TEXT, 1, 1, "Be nice.\n\nHave fun.");
        assert_shown(f, shown);
        type(f, "MOTD\r\n");
        assert_shown(f, shown);
        stop(f);
}

/* WHOIS takes the server, or the nick itself, in front of the nick. */
static void test_whois_with_a_server(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        uint8_t buffer[FRAME_MAX_BYTES];
        static const char *const asks[] = {"WHOIS bob\r\n", "WHOIS irc.test bob\r\n", "WHOIS Bob bob\r\n"};
        for (unsigned n = 0; n < sizeof(asks) / sizeof(asks[0]); n++) {
                type(f, asks[n]);
                struct frame find = next_frame(f);
                assert_int_equal(find.type, FRAME_FIND);
                find.type = FRAME_FOUND;
                find.id = 1;
                find.key = 7;
                tell_raw(f, buffer, frame_encode(buffer, sizeof(buffer), &find));
                assert_shown(f, ":irc.test 311 ann bob chat irc.test * :chat\r\n"
                                ":irc.test 312 ann bob irc.test :the chat\r\n"
                                ":irc.test 318 ann bob :End of /WHOIS list\r\n");
        }
        type(f, "WHOIS irc.elsewhere bob\r\n");
        assert_shown(f, ":irc.test 402 ann irc.elsewhere :There is no such server\r\n");
        stop(f);
}

/* USERHOST takes five nicks. */
static void test_userhost(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        uint8_t buffer[FRAME_MAX_BYTES];
        type(f, "USERHOST n1,n2 n3 :n4 n5 n6\r\n");
        for (unsigned n = 1; n <= 5; n++) {
                struct frame find = next_frame(f);
                assert_int_equal(find.type, FRAME_FIND);
                find.type = FRAME_FOUND;
                find.id = 1;
                find.key = n;
                tell_raw(f, buffer, frame_encode(buffer, sizeof(buffer), &find));
        }
        assert_shown(f, ":irc.test 302 ann :n1=+chat@irc.test n2=+chat@irc.test n3=+chat@irc.test n4=+chat@irc.test "
                        "n5=+chat@irc.test\r\n");
        stop(f);
}

/* Tells the session that its client is in one more room. */
static void tell_entered(struct fixture *f, const char *room)
{
        uint8_t buffer[ANSWER_ROOMS_MAX_BYTES];
        struct answer_rooms rooms = answer_rooms_begin(buffer);
        answer_add_room(&rooms, &(struct answer_room){.name = slice_of(room), .topic = slice_of("")});
        assert_true(answer_add_name(&rooms, slice_of("ann")));
        const struct answer a = answer_of_rooms(ANSWER_ENTERED, &rooms);
        tell_code(f, (struct frame){.type = FRAME_ANSWER, .number = 1, .name = slice_of("ann")}, &a);
}

/* MODE answers with the name of the channel as all others see it. */
static void test_modes_of_a_channel(void **state)
{
        (void)state;
        struct irc i;
        struct fixture *f = start_ann(&i);
        type(f, "JOIN #dEN\r\n");
        assert_int_equal(next_frame(f).type, FRAME_ENTER);
        tell_entered(f, "Den");
        see(f, " 366 ann #Den :");
        type(f, "MODE #dEN\r\nMODE #dEN b\r\nMODE #dEN +n\r\n");
        assert_shown(f, ":irc.test 324 ann #Den :+\r\n"
                        ":irc.test 368 ann #Den :End of channel ban list\r\n"
                        ":irc.test 482 ann #Den :Channels have no operators and no modes\r\n");
        stop(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_another_server),      cmocka_unit_test(test_motd),
                cmocka_unit_test(test_whois_with_a_server), cmocka_unit_test(test_userhost),
                cmocka_unit_test(test_modes_of_a_channel),
        };
        return RUN_TESTS(tests);
}
