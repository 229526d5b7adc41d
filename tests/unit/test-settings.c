#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/settings.h>

#include "test.h"

enum { ERRORS_MAX = 8 };

struct fixture {
        char path[64];
        struct settings settings;
        char errors[ERRORS_MAX][CONF_ERROR_BYTES]; /* without the name of the file */
        int count;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        strcpy(f->path, "/tmp/chat-unit.XXXXXX");
        int fd = mkstemp(f->path);
        assert_true(fd >= 0);
        close(fd);
        settings_init(&f->settings);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        unlink(f->path);
        free(f);
        return 0;
}

static void complain(void *user, const char *error)
{
        struct fixture *f = user;
        size_t path = strlen(f->path);
        assert_memory_equal(error, f->path, path);
        assert_in_range(f->count, 0, ERRORS_MAX - 1);
        strcpy(f->errors[f->count++], error + path);
}

static int read_bytes(struct fixture *f, const char *bytes, size_t size)
{
        FILE *file = fopen(f->path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        fclose(file);
        f->count = 0;
        return settings_read(&f->settings, f->path, SETTINGS_CHATD, complain, f);
}

static int read_text(struct fixture *f, const char *text)
{
        return read_bytes(f, text, strlen(text));
}

static void assert_wrong(struct fixture *f, const char *text, const char *error)
{
        assert_int_equal(read_text(f, text), -EINVAL);
        assert_int_equal(f->count, 1);
        assert_string_equal(f->errors[0], error);
}

static void assert_defaults(const struct settings *s)
{
        assert_int_equal(s->pace.interval_us, 100000);
        assert_int_equal(s->pace.burst, 20);
        assert_int_equal(s->client_timeout_ms, 240000);
        assert_int_equal(s->editing, EDITING_OFFERED);
        assert_int_equal(s->arrivals.interval_us, 200000);
        assert_int_equal(s->arrivals.burst, 20);
        assert_int_equal(s->history, 20);
        assert_string_equal(s->motd, "/etc/chat/motd");
        assert_false(s->log_lines);
        assert_int_equal(s->members_per_network, 512);
        assert_int_equal(s->members_per_user, 64);
        assert_false(s->hide_addresses);
}

static void test_defaults(void **state)
{
        struct fixture *f = *state;
        assert_defaults(&f->settings);
        assert_int_equal(read_text(f, ""), 0);
        assert_defaults(&f->settings);
}

static void test_every_setting(void **state)
{
        struct fixture *f = *state;
        const struct settings *s = &f->settings;
        assert_int_equal(read_text(f, "# a remark\n; another\n\n"
                                      " Pace = off \r\n"
                                      "ClientTimeout=60\n"
                                      "Editing=asked\n"
                                      "Arrivals=1:2\n"
                                      "History=100\n"
                                      "EmptyRooms=kept\n"
                                      "Motd=/srv/the motd\n"
                                      "LogLines=yes\n"
                                      "MembersPerNetwork=1\n"
                                      "MembersPerUser=1000000\n"
                                      "Addresses=hidden"),
                         0);
        assert_int_equal(s->pace.interval_us, 0);
        assert_int_equal(s->client_timeout_ms, 60000);
        assert_int_equal(s->editing, EDITING_ASKED);
        assert_int_equal(s->arrivals.interval_us, 1000000);
        assert_int_equal(s->arrivals.burst, 2);
        assert_int_equal(s->history, 100);
        assert_true(s->keep_empty_rooms);
        assert_string_equal(s->motd, "/srv/the motd");
        assert_true(s->log_lines);
        assert_int_equal(s->members_per_network, 1);
        assert_int_equal(s->members_per_user, 1000000);
        assert_true(s->hide_addresses);
        assert_int_equal(
                read_text(f, "ClientTimeout=off\nHistory=off\nMotd=off\nLogLines=no\n"
                             "MembersPerNetwork=off\nMembersPerUser=off\nAddresses=shown\nEmptyRooms=forgotten\n"),
                0);
        assert_false(s->keep_empty_rooms);
        assert_int_equal(s->members_per_network, 0);
        assert_int_equal(s->members_per_user, 0);
        assert_false(s->hide_addresses);
        assert_int_equal(s->client_timeout_ms, 0);
        assert_int_equal(s->history, 0);
        assert_string_equal(s->motd, "");
        assert_false(s->log_lines);
}

/* The installed file has a line for each setting, which states the default. */
static void test_the_installed_file(void **state)
{
        struct fixture *f = *state;
        char text[8192], line[256];
        FILE *file = fopen("units/chat.conf", "re");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof(text) - 1, file);
        text[size] = '\0';
        fclose(file);
        for (int i = 0; i < SETTINGS; i++) {
                snprintf(line, sizeof(line), "\n#%s=%s\n", settings_table[i].name, settings_table[i].standard);
                char *at = strstr(text, line);
                if (!at)
                        fail_msg("%s= is not in units/chat.conf, or has another default there", settings_table[i].name);
                at[1] = ' ';
        }
        assert_int_equal(read_text(f, text), 0);
        assert_defaults(&f->settings);
}

static void test_values_that_cannot_be(void **state)
{
        struct fixture *f = *state;
        static const char *const paces[] = {"0", "x", "10:0", "1000001", "10:", "Off", "-1"};
        static const char *const timeouts[] = {"0", "1000001", "60s", "-1", "99999999999999999999"};
        static const char *const histories[] = {"101", "-1", "all", "20 lines"};
        char text[128];
        for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
                snprintf(text, sizeof(text), "Pace=%s\n", paces[i]);
                assert_wrong(f, text, ", line 1: Pace= takes RATE or RATE:BURST, 1 to 1000000 each, or off");
                snprintf(text, sizeof(text), "\nArrivals=%s\n", paces[i]);
                assert_wrong(f, text, ", line 2: Arrivals= takes RATE or RATE:BURST, 1 to 1000000 each, or off");
        }
        for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
                snprintf(text, sizeof(text), "ClientTimeout=%s\n", timeouts[i]);
                assert_wrong(f, text, ", line 1: ClientTimeout= takes 1 to 1000000 seconds, or off");
        }
        for (size_t i = 0; i < sizeof(histories) / sizeof(histories[0]); i++) {
                snprintf(text, sizeof(text), "History=%s\n", histories[i]);
                assert_wrong(f, text, ", line 1: History= takes 0 to 100 lines, or off");
        }
        assert_wrong(f, "Motd=motd\n", ", line 1: Motd= takes a path of up to 255 bytes that begins with /, or off");
        static const char *const limits[] = {"0", "1000001", "-1", "few", "5 connections"};
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
                snprintf(text, sizeof(text), "MembersPerNetwork=%s\n", limits[i]);
                assert_wrong(f, text, ", line 1: MembersPerNetwork= takes 1 to 1000000 connections, or off");
                snprintf(text, sizeof(text), "MembersPerUser=%s\n", limits[i]);
                assert_wrong(f, text, ", line 1: MembersPerUser= takes 1 to 1000000 connections, or off");
        }
        assert_wrong(f, "Addresses=yes\n", ", line 1: Addresses= takes shown or hidden");
        assert_wrong(f, "EmptyRooms=no\n", ", line 1: EmptyRooms= takes forgotten or kept");
        assert_wrong(f, "LogLines=maybe\n", ", line 1: LogLines= takes yes or no");
        assert_defaults(&f->settings);
}

static void test_origins(void **state)
{
        struct fixture *f = *state;
        static const char *const right[] = {"none", "https://chat.example",
                                            "http://[::1]:8880 https://Chat.example:8443",
                                            "http://chat_server.lan:8880"};
        static const char *const wrong[] = {"chat.example",
                                            "https://",
                                            "ftp://chat.example",
                                            "https://chat.example/",
                                            "https://a.example,https://b.example",
                                            "https://*.example",
                                            "https://ann@chat.example",
                                            "https://a.example null",
                                            "*"};
        for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
                if (settings_take_web_origins(&f->settings, right[i]) < 0)
                        fail_msg("'%s' is right", right[i]);
        assert_string_equal(f->settings.web_origins, right[3]);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                if (settings_take_web_origins(&f->settings, wrong[i]) == 0)
                        fail_msg("'%s' is wrong", wrong[i]);
        assert_string_equal(f->settings.web_origins, right[3]);
}

static void test_each_error_is_told_and_the_rest_is_taken(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(read_text(f, "[Chat]\nColor=red\nPace=5\nHistory=x\nHistory=3\nPace=6\nMotd=\nbell\x1b=1\n"),
                         -EINVAL);
        assert_int_equal(f->count, 7);
        assert_string_equal(f->errors[0], ", line 1: this is not of the form Key=value");
        assert_string_equal(f->errors[1], ", line 2: there is no setting Color=; chat.conf(5) lists those there are");
        assert_string_equal(f->errors[2], ", line 4: History= takes 0 to 100 lines, or off");
        assert_string_equal(f->errors[3], ", line 5: History= is there twice");
        assert_string_equal(f->errors[4], ", line 6: Pace= is there twice");
        assert_string_equal(f->errors[5], ", line 7: Motd= has no value");
        assert_string_equal(f->errors[6], ", line 8: there is no setting =; chat.conf(5) lists those there are");
        assert_int_equal(f->settings.pace.interval_us, 200000);
        assert_int_equal(f->settings.history, 20);
}

static void test_an_option_wins(void **state)
{
        struct fixture *f = *state;
        struct settings *s = &f->settings;
        assert_int_equal(settings_take_option(s, SETTINGS_OPTION + SETTING_HISTORY, "7", "chatd"), -1);
        assert_int_equal(settings_take_option(s, SETTINGS_OPTION + SETTING_LOG_LINES, NULL, "chatd"), -1);
        assert_int_equal(read_text(f, "History=9\nLogLines=no\nArrivals=9\n"), 0);
        assert_int_equal(s->history, 7);
        assert_true(s->log_lines);
        assert_int_equal(s->arrivals.burst, 18);
        assert_wrong(f, "History=x\n", ", line 1: History= takes 0 to 100 lines, or off"); /* reported all the same */
        assert_int_equal(settings_take_option(s, '?', NULL, "chatd"), EXIT_USAGE);
}

static void test_a_session_reads_what_is_its_own(void **state)
{
        struct fixture *f = *state;
        read_text(f, "History=x\nLogLines=maybe\nPace=5\n");
        settings_init(&f->settings);
        f->count = 0;
        assert_int_equal(settings_read(&f->settings, f->path, SETTINGS_SESSION, complain, f), 0);
        assert_int_equal(f->count, 0);
        assert_int_equal(f->settings.pace.interval_us, 200000);
        assert_defaults(&(struct settings){.pace = pace_of(10, 20),
                                           .client_timeout_ms = 240000,
                                           .arrivals = f->settings.arrivals,
                                           .history = f->settings.history,
                                           .members_per_network = 512,
                                           .members_per_user = 64,
                                           .motd = "/etc/chat/motd"});
}

static void test_files_that_are_not_there(void **state)
{
        struct fixture *f = *state;
        unlink(f->path);
        assert_int_equal(
                settings_read(&f->settings, f->path, SETTINGS_CHATD, complain, &(struct fixture){.path = "can"}),
                -ENOENT); /* the file was asked for */
        assert_defaults(&f->settings);
}

/* Lines across the ends of what is read at once, and a line that is longer than that. */
static void test_a_long_file(void **state)
{
        struct fixture *f = *state;
        static char text[64 * 1024];
        char error[64];
        size_t len = 0;
        unsigned lines = 0;
        while (len < 20000) {
                memset(text + len, '#', 1 + lines * 7 % CONF_LINE_MAX_BYTES);
                len += 1 + lines++ * 7 % CONF_LINE_MAX_BYTES;
                text[len++] = '\n';
        }
        size_t begin = len;
        len += (size_t)sprintf(text + len, "History=3\n#");
        assert_int_equal(read_bytes(f, text, len), 0);
        assert_int_equal(f->settings.history, 3);
        for (size_t size = CONF_LINE_MAX_BYTES + 1; size < 3 * CONF_BUFFER_BYTES; size += 301) {
                len = begin;
                memset(text + len, '#', size);
                len += size;
                len += (size_t)sprintf(text + len, "\nHistory=5\nHistory=%zu", size);
                snprintf(error, sizeof(error), ", line %u: the line is longer than 511 bytes", lines + 1);
                assert_int_equal(read_bytes(f, text, len), -EINVAL);
                assert_int_equal(f->count, 2);
                assert_string_equal(f->errors[0], error);
                snprintf(error, sizeof(error), ", line %u: History= is there twice", lines + 3);
                assert_string_equal(f->errors[1], error);
                assert_int_equal(f->settings.history, 5);
        }
        memset(text, 'x', sizeof(text)); /* no line end at all */
        assert_int_equal(read_bytes(f, text, sizeof(text)), -EINVAL);
        assert_int_equal(f->count, 1);
        assert_int_equal(read_bytes(f, "Pace=1\0\n", 8), -EINVAL);
        assert_string_equal(f->errors[0], ", line 1: the line has a NUL");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_defaults),
                TEST(test_every_setting),
                TEST(test_the_installed_file),
                TEST(test_values_that_cannot_be),
                TEST(test_origins),
                TEST(test_each_error_is_told_and_the_rest_is_taken),
                TEST(test_an_option_wins),
                TEST(test_a_session_reads_what_is_its_own),
                TEST(test_files_that_are_not_there),
                TEST(test_a_long_file),
        };
        return RUN_TESTS(tests);
}
