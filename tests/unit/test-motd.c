#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/safe-text.h>

#include "broker-fixture.h"

struct file {
        char path[64];
        struct motd motd;
};

static int make_file(void **state)
{
        struct file *f = calloc(1, sizeof(*f));
        strcpy(f->path, "/tmp/chat-unit.XXXXXX");
        close(mkstemp(f->path));
        *state = f;
        return 0;
}

static int remove_file(void **state)
{
        struct file *f = *state;
        unlink(f->path);
        free(f);
        return 0;
}

static void write_file(struct file *f, const char *text)
{
        FILE *file = fopen(f->path, "we");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void assert_read(struct file *f, const char *text, int r, const char *expected)
{
        write_file(f, text);
        assert_int_equal(motd_read(&f->motd, f->path), r);
        assert_int_equal(f->motd.len, strlen(expected));
        assert_memory_equal(f->motd.text, expected, strlen(expected));
}

static void test_texts(void **state)
{
        struct file *f = *state;
        assert_read(f, "", 0, "");
        assert_read(f, "hi", 0, "hi");
        assert_read(f, "hi\n", 0, "hi");
        assert_read(f, "\none\r\n\r\ntwo\n\n\n", 0, "\none\n\ntwo");
        assert_read(f, "\n\n", 0, "");
        assert_read(f, "\x1b[31mr\xc3\xa4t\xff\ta\rb\r\r\n\xe2\x80\xae", 0,
                    "^[[31mr\xc3\xa4t\xef\xbf\xbd    a^Mb^M\n<U+202E>");
        assert_read(f, "cut short \xe2\x82\n\xe2\x82", 0, "cut short \xef\xbf\xbd\n\xef\xbf\xbd");
}

static void test_bounds(void **state)
{
        struct file *f = *state;
        char text[MOTD_MAX_BYTES + 16], lines[MOTD_MAX_LINES * 2 + 16] = "";
        for (int i = 0; i < MOTD_MAX_LINES; i++)
                strcat(lines, "x\n");
        assert_int_equal(strlen(lines), MOTD_MAX_LINES * 2);
        write_file(f, lines);
        assert_int_equal(motd_read(&f->motd, f->path), 0);
        assert_int_equal(f->motd.len, MOTD_MAX_LINES * 2 - 1);
        strcat(lines, "\n\n"); /* nothing visible is left out */
        write_file(f, lines);
        assert_int_equal(motd_read(&f->motd, f->path), 0);
        strcat(lines, "x");
        write_file(f, lines);
        assert_int_equal(motd_read(&f->motd, f->path), MOTD_E_CUT);
        assert_int_equal(f->motd.len, MOTD_MAX_LINES * 2 - 1);

        memset(text, 'x', sizeof(text));
        strcpy(text + MOTD_MAX_BYTES, "\n");
        write_file(f, text);
        assert_int_equal(motd_read(&f->motd, f->path), 0);
        assert_int_equal(f->motd.len, MOTD_MAX_BYTES);
        strcpy(text + MOTD_MAX_BYTES, "y");
        write_file(f, text);
        assert_int_equal(motd_read(&f->motd, f->path), MOTD_E_CUT);
        assert_int_equal(f->motd.len, MOTD_MAX_BYTES);
        strcpy(text + MOTD_MAX_BYTES - 1, "\xc3\xa4"); /* an incomplete letter is left out */
        write_file(f, text);
        assert_int_equal(motd_read(&f->motd, f->path), MOTD_E_CUT);
        assert_int_equal(f->motd.len, MOTD_MAX_BYTES - 1);
        assert_true(text_is_clean(f->motd.text, f->motd.len));
}

static void test_files_that_are_none(void **state)
{
        struct file *f = *state;
        unlink(f->path);
        f->motd.len = 1;
        assert_int_equal(motd_read(&f->motd, f->path), -ENOENT);
        assert_int_equal(f->motd.len, 0);
        assert_int_equal(motd_read(&f->motd, "/tmp"), -EISDIR);
        assert_int_equal(mkfifo(f->path, 0600), 0);
        assert_int_equal(motd_read(&f->motd, f->path), 0); /* the call does not wait */
        assert_int_equal(f->motd.len, 0);
}

static void set_motd(struct fixture *f)
{
        f->chat->motd.len = 4;
        memcpy(f->chat->motd.text, "a\n\nb", 4);
}

static void test_who_is_shown_it(void **state)
{
        struct fixture *f = *state;
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1");
        set_motd(f);
        hello(f, BOB);
        serve(f);
        assert_inbox(f, ANN, "join bob"); /* there was no message when ann joined */
        assert_inbox(f, BOB, "welcome 2, text a\n\nb");
        f->inboxes[EVE] = inbox_bind(f->dir, inbox_id(EVE));
        here(f, EVE, 0); /* HELLO was lost with the queue: eve may have been here for long */
        serve(f);
        assert_inbox(f, EVE, "welcome 3");
        assert_int_equal(restart_broker(f), 3);
        set_motd(f);
        here(f, BOB, 0);
        serve(f);
        assert_inbox(f, BOB, "join eve, rollcall");
}

static void test_a_hello_that_is_met_again(void **state)
{
        struct fixture *f = *state;
        set_motd(f);
        hello(f, ANN);
        serve(f);
        assert_inbox(f, ANN, "welcome 1, text a\n\nb");
        hello_again(f, ANN); /* as if the earlier chatd had died before it took the HELLO */
        restart_broker(f);
        set_motd(f);
        serve(f);
        assert_inbox(f, ANN, "rollcall, welcome 1, text a\n\nb"); /* sessions recognise the text by its number */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_texts, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_bounds, make_file, remove_file),
                cmocka_unit_test_setup_teardown(test_files_that_are_none, make_file, remove_file),
                TEST(test_who_is_shown_it),
                TEST(test_a_hello_that_is_met_again),
        };
        return RUN_TESTS(tests);
}
