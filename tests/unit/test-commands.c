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
        assert_parsed("", COMMAND_NOTHING, "");
        assert_parsed(" \t\u3000", COMMAND_NOTHING, NULL);
        assert_parsed("\u200b", COMMAND_SAY, NULL);
        assert_parsed("hello", COMMAND_SAY, "hello");
        assert_parsed("exit now", COMMAND_SAY, "exit now");
        assert_parsed("exits", COMMAND_SAY, "exits");
        assert_parsed("    /* a comment */", COMMAND_SAY, "    /* a comment */");
        assert_parsed(" /usr/bin", COMMAND_SAY, " /usr/bin");
        assert_parsed("and /quit", COMMAND_SAY, "and /quit");
        assert_parsed("  ", COMMAND_NOTHING, "  ");
        assert_parsed("//usr/bin", COMMAND_SAY, "/usr/bin");
        assert_parsed("//", COMMAND_SAY, "/");
        assert_parsed("/etc/passwd is here", COMMAND_SAY, "/etc/passwd is here");
        assert_parsed("/usr/", COMMAND_SAY, "/usr/");
        assert_parsed("\\o/", COMMAND_SAY, "\\o/");
        assert_parsed("\uff3c(^o^)\uff0f", COMMAND_SAY, "\uff3c(^o^)\uff0f");
        assert_parsed("\u30ceart", COMMAND_SAY, "\u30ceart");
        assert_parsed("\\\\msg", COMMAND_SAY, "\\\\msg");
        assert_parsed(" //msg", COMMAND_SAY, " //msg");
        assert_parsed("<U+12> /who", COMMAND_SAY, "<U+12> /who");
}

static void test_commands(void **state)
{
        (void)state;
        assert_parsed("exit", COMMAND_LEAVE, NULL);
        assert_parsed("exit  ", COMMAND_LEAVE, NULL);
        assert_parsed(" Exit", COMMAND_LEAVE, NULL);
        assert_parsed("\texit \t", COMMAND_LEAVE, NULL);
        assert_parsed("EXIT", COMMAND_LEAVE, NULL);
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

static void test_disguised(void **state)
{
        static const char *const lines[] = {
                "  /Msg ann psst",    "\t/msg ann psst",    "\ufeff/msg ann psst",      "\u200b \u00ad/msg ann",
                "\u3000/msg ann",     "\u115f/msg ann",     "\u034f/msg ann",           "\x01\x02/msg ann",
                "\x80/msg ann",       "<U+200B>/msg ann",   "/m\u200bsg ann",           "\uff0fmsg ann",
                "\u2215msg ann",      "\\msg ann",          "\uff0f\uff4d\uff53\uff47", "\x01/mgs ann",
                "/msg\u00a0ann psst", "/msg\u3000ann psst", "/m<U+008D>sg ann",         "\u2041msg ann",
                "\u30cemsg ann",      "\uff3cmsg ann",      "\u2044/msg ann",           "\\/msg ann",

                "\U000e0041/msg ann",
        };
        (void)state;
        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
                assert_parsed(lines[i], COMMAND_DISGUISED, NULL);
        assert_parsed("  /Msg ann psst", COMMAND_DISGUISED, "Msg ann psst");
        assert_string_equal(row->name, "/msg");
        assert_parsed("\u200b/etc/passwd", COMMAND_SAY, NULL);
        assert_parsed("\u200bhello", COMMAND_SAY, NULL);
        assert_parsed(" /tmp is full", COMMAND_SAY, " /tmp is full");
}

static void test_words_that_are_meant_as_commands(void **state)
{
        size_t word;
        (void)state;
        assert_string_equal(command_meant(slice_of("help"), &word)->name, "/help");
        assert_string_equal(command_meant(slice_of(" ? "), &word)->name, "/help");
        assert_string_equal(command_meant(slice_of("Quit"), &word)->name, "/quit");
        assert_string_equal(command_meant(slice_of("logout"), &word)->name, "/quit");
        assert_true(word < COMMANDS_MEANT);
        assert_null(command_meant(slice_of("help me"), &word));
        assert_null(command_meant(slice_of(""), &word));
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

/* Every row can be found, and has a help text or is another name of a row that has one. */
static void test_the_table(void **state)
{
        (void)state;
        for (const struct command_row *r = commands; r->name[0] != '\0'; r++) {
                bool explained = false;
                assert_parsed(r->name, r->command, "");
                assert_ptr_equal(row, r);
                assert_true(strlen(r->name) <= 16);
                assert_true(r->cost <= UINT8_MAX);
                for (const struct command_row *other = commands; other->name[0] != '\0'; other++)
                        explained |= other->command == r->command && other->help[0] != '\0' && other->cost == r->cost;
                assert_true(explained);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),      cmocka_unit_test(test_commands),
                cmocka_unit_test(test_disguised), cmocka_unit_test(test_words_that_are_meant_as_commands),
                cmocka_unit_test(test_unknown),   cmocka_unit_test(test_finding),
                cmocka_unit_test(test_the_table),
        };
        return RUN_TESTS(tests);
}
