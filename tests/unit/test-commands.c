#include "../../chat-session/commands.h"

#include <stdio.h>

#include <chat/frame.h>

#include "test.h"

static const struct command_row *row;
static struct slice rest;

static void assert_parsed(const char *line, enum command command, const char *expected_rest)
{
        assert_int_equal(command_parse(slice_of(line), &row, &rest), command);
        if (expected_rest)
                assert_true(slice_equal(rest, slice_of(expected_rest)));
}

static void test_text(void **state)
{
        (void)state;
        assert_parsed("", COMMAND_SAY, "");
        assert_parsed("hello", COMMAND_SAY, "hello");
        assert_parsed("exit now", COMMAND_SAY, "exit now");
        assert_parsed(" exit", COMMAND_SAY, " exit");
        assert_parsed("    /* a comment */", COMMAND_SAY, "    /* a comment */");
        assert_parsed(" /usr/bin", COMMAND_SAY, " /usr/bin");
        assert_parsed("and /quit", COMMAND_SAY, "and /quit");
        assert_parsed("  ", COMMAND_SAY, "  ");
        assert_parsed("//usr/bin", COMMAND_SAY, "/usr/bin");
        assert_parsed("//", COMMAND_SAY, "/");
}

static void test_commands(void **state)
{
        (void)state;
        assert_parsed("exit", COMMAND_LEAVE, NULL);
        assert_parsed("exit  ", COMMAND_LEAVE, NULL);
        assert_parsed("/quit", COMMAND_LEAVE, "");
        assert_parsed("/nick ann", COMMAND_NICK, "ann");
        assert_parsed("/nick   ann  ", COMMAND_NICK, "ann");
        assert_parsed("/nick", COMMAND_NICK, "");
        assert_parsed("/msg ann  two  words ", COMMAND_MSG, "ann  two  words");
        assert_parsed("/MSG Ann Hi", COMMAND_MSG, "Ann Hi");
        assert_parsed("/tell ann hi", COMMAND_MSG, "ann hi");
        assert_string_equal(row->name, "/tell");
        static const char *const messages[] = {"/w", "/m", "/pm", "/dm", "/query", "/whisper", "/W"};
        for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
                char line[32];
                snprintf(line, sizeof(line), "%s ann hi", messages[i]);
                assert_parsed(line, COMMAND_MSG, "ann hi");
        }
        assert_parsed("/r hi", COMMAND_REPLY, "hi");
        assert_parsed("/q", COMMAND_LEAVE, "");
}

static void test_finding(void **state)
{
        (void)state;
        assert_string_equal(command_find(slice_of("/NICK"))->name, "/nick");
        assert_null(command_find(slice_of("/nic")));
        assert_null(command_find(slice_of("nick")));
        assert_string_equal(command_nearest(slice_of("/nic"))->name, "/nick");
}

static void test_indented(void **state)
{
        (void)state;
        assert_parsed(" /quit", COMMAND_INDENTED, NULL);
        assert_parsed("  /Msg ann psst", COMMAND_INDENTED, NULL);
        assert_string_equal(row->name, "/msg");
}

static void test_unknown(void **state)
{
        static const char *const nearest[][3] = {
                {"/nik ann", "/nik", "/nick"}, {"/Hist", "/Hist", "/history"},
                {"/exti", "/exti", "/exit"},   {"/quitter", "/quitter", "/quit"},
                {"/wsi", "/wsi", "/who"},      {"/mgs bob", "/mgs", "/msg"},
                {"/jion", "/jion", "/join"},   {"/ignroe x", "/ignroe", "/ignore"},
                {"/qiut", "/qiut", "/quit"},   {"/whsiper", "/whsiper", "/whisper"},
                {"/WHOO", "/WHOO", "/who"},    {"/z", "/z", "/help"},
                {"/lobby", "/lobby", "/help"}, {"/", "/", "/help"},
        };
        (void)state;
        for (size_t i = 0; i < sizeof(nearest) / sizeof(nearest[0]); i++) {
                assert_parsed(nearest[i][0], COMMAND_UNKNOWN, nearest[i][1]);
                assert_string_equal(row->name, nearest[i][2]);
        }
        assert_parsed("/wohooooooooooooooooooooooooooooooooooooooooooooooooo", COMMAND_UNKNOWN, NULL);
}

/* Every row can be found, and says what it is for or is another name of one that does. */
static void test_the_table(void **state)
{
        (void)state;
        for (const struct command_row *r = commands; r->name; r++) {
                bool explained = false;
                assert_parsed(r->name, r->command, "");
                assert_ptr_equal(row, r);
                assert_true(strlen(r->name) <= 16);
                assert_true(r->cost <= UINT8_MAX);
                for (const struct command_row *other = commands; other->name; other++)
                        explained |= other->command == r->command && other->help && other->cost == r->cost;
                assert_true(explained);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),    cmocka_unit_test(test_commands), cmocka_unit_test(test_indented),
                cmocka_unit_test(test_unknown), cmocka_unit_test(test_finding),  cmocka_unit_test(test_the_table),
        };
        return RUN_TESTS(tests);
}
