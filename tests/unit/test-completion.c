#include <stdio.h>

#include "../../chat-session/commands.h"
#include "../../chat-session/completion.h"

#include "test.h"

static struct names names;
static struct completion completion;
static const char *room = ""; /* the names that chatd knows */

static int setup(void **state)
{
        (void)state;
        memset(&names, 0, sizeof(names));
        return 0;
}

static void note(enum record_kind kind, const char *name, const char *text)
{
        names_note(&names, &(struct record){.kind = (uint8_t)kind, .name = slice_of(name), .text = slice_of(text)});
}

/* Asserts how TAB at the end of the line completes it. Listed matches stand behind " -> ". */
static void assert_completed(const char *line, const char *expected)
{
        char got[1024];
        completion_find(&completion, &names, slice_of(room), slice_of(line));
        bool lists = completion.count > 1 && completion.text.len == strlen(line) - completion.begin;
        snprintf(got, sizeof(got), "%.*s%.*s%s%s", (int)completion.begin, line,
                 completion.count > 0 ? (int)completion.text.len : (int)strlen(line + completion.begin),
                 completion.count > 0 ? completion.text.at : line + completion.begin, lists ? " -> " : "",
                 lists ? completion.list : "");
        assert_string_equal(got, expected);
}

static void test_commands(void **state)
{
        (void)state;
        assert_completed("/wh", "/who ");
        assert_completed("/q", "/quit ");
        assert_completed("/m", "/m -> /msg /me");
        assert_completed("/ME", "/me ");
        assert_completed("/xyz", "/xyz");
        assert_completed("//wh", "//wh");
        assert_completed("text /wh", "text /wh");
        size_t explained = 0;
        for (const struct command_row *row = commands; row->name[0] != '\0'; row++)
                explained += row->help[0] != '\0';
        completion_find(&completion, &names, slice_of(room), slice_of("/"));
        assert_int_equal(completion.count, explained);
        assert_null(strstr(completion.list, "…"));
}

static void test_names(void **state)
{
        (void)state;
        assert_completed("a", "a");
        note(RECORD_JOIN, "ann", "");
        note(RECORD_LINE, "Anton", "hi");
        note(RECORD_PRIVATE, "bob@host-b", "psst");
        note(RECORD_ACTION, "127.0.0.1:4711", "waves");
        note(RECORD_NOTICE, "", "b is away");
        assert_completed("a", "An");
        assert_completed("AN", "An -> Anton ann");
        assert_completed("ant", "Anton: "); /* the line addresses a member */
        assert_completed("hello ann", "hello ann ");
        assert_completed("/msg b", "/msg bob@host-b ");
        assert_completed("/msg 1", "/msg 127.0.0.1:4711 ");
        assert_completed("", "");
        assert_completed("hello ", "hello ");
        note(RECORD_RENAME, "Anton", "zoe");
        assert_completed("an", "ann: ");
        note(RECORD_RENAME, "nobody-heard-of", "annika");
        assert_completed("an", "ann");
        assert_completed("ann", "ann -> annika ann");
        note(RECORD_LEAVE, "annika", "");
        assert_completed("an", "ann: ");
        note(RECORD_LEAVE, "annika", "");
        assert_int_equal(names.count, 4);
}

/* Names that were heard of come first, and count once. */
static void test_names_in_the_room(void **state)
{
        (void)state;
        room = "ann annika bob zoe";
        assert_completed("b", "bob: ");
        assert_completed("hello zo", "hello zoe ");
        note(RECORD_LINE, "Ann", "hi");
        note(RECORD_LINE, "annex@b", "hi");
        assert_completed("an", "ann");
        assert_completed("ann", "ann -> annex@b Ann annika");
        assert_completed("anni", "annika: ");
        room = "bob bobby …";
        assert_completed("bob", "bob -> bob bobby");
        room = "";
        assert_true(completion_name(slice_of("/msg b")).len == 1);
        assert_true(completion_name(slice_of("b")).len == 1);
        assert_true(completion_name(slice_of("/m")).len == 0);
        assert_true(completion_name(slice_of("hello ")).len == 0);
        assert_true(completion_name(slice_of("")).len == 0);
}

static void test_names_are_bounded(void **state)
{
        (void)state;
        char name[NAME_MAX_BYTES + 2];
        for (int i = 0; i < 100; i++) {
                note(RECORD_LINE, "zoe", "hi"); /* this name is heard all the time */
                snprintf(name, sizeof(name), "somebody-%02d", i);
                note(RECORD_LINE, name, "hi");
        }
        assert_int_equal(names.count, NAMES_MAX);
        assert_completed("z", "zoe: ");
        assert_completed("somebody-9", "somebody-9 -> somebody-99 somebody-98 somebody-97 somebody-96 somebody-95 "
                                       "somebody-94 somebody-93 somebody-92 somebody-91 somebody-90");
        assert_completed("somebody-00", "somebody-00");
        completion_find(&completion, &names, slice_of(room), slice_of("s")); /* more matches than the list holds */
        assert_int_equal(completion.count, NAMES_MAX - 1);
        assert_true(strlen(completion.list) < COMPLETION_LIST_BYTES);
        assert_string_equal(strrchr(completion.list, ' '), " …");

        memset(name, 'x', sizeof(name));
        name[NAME_MAX_BYTES + 1] = '\0';
        note(RECORD_LINE, name, "");
        assert_completed("x", "x");
        name[NAME_MAX_BYTES] = '\0';
        note(RECORD_LINE, name, "");
        completion_find(&completion, &names, slice_of(room), slice_of("x"));
        assert_int_equal(completion.text.len, NAME_MAX_BYTES + 2);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_commands),
                TEST(test_names),
                TEST(test_names_in_the_room),
                TEST(test_names_are_bounded),
        };
        return RUN_TESTS(tests);
}
