#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../chat-link/config.h"

#include "test.h"

struct fixture {
        char dir[64], path[96];
        struct config config;
        char error[CONFIG_ERROR_BYTES];
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        strcpy(f->dir, "/tmp/chat-unit.XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/link.conf", f->dir);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        unlink(f->path);
        rmdir(f->dir);
        free(f);
        return 0;
}

static int read_text(struct fixture *f, const char *text)
{
        FILE *file = fopen(f->path, "we");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        f->error[0] = '\0';
        return config_read(&f->config, f->path, f->error);
}

static void assert_read(struct fixture *f, const char *text)
{
        if (read_text(f, text) != 0)
                fail_msg("%s", f->error);
}

/* Asserts that the error is `what`, with the file. The error also has the line, unless `line` is 0. */
static void assert_wrong(struct fixture *f, const char *text, int line, const char *what)
{
        char expected[CONFIG_ERROR_BYTES];
        assert_int_equal(read_text(f, text), -EINVAL);
        if (line > 0)
                snprintf(expected, sizeof(expected), "%s, line %d: %s", f->path, line, what);
        else
                snprintf(expected, sizeof(expected), "%s: %s", f->path, what);
        assert_string_equal(f->error, expected);
}

#define SERVER "Servers=nats://a:4222\n"

static void test_defaults(void **state)
{
        struct fixture *f = *state;
        char machine[256] = "", host[HOST_MAX_BYTES + 1];
        const struct config *c = &f->config;
        assert_read(f, SERVER);
        assert_int_equal(c->servers_count, 1);
        assert_string_equal(c->servers[0], "nats://a:4222");
        assert_string_equal(c->network, "chat");
        gethostname(machine, sizeof(machine) - 1);
        bool is_name = config_default_host(host, machine);
        assert_string_equal(c->host, host);
        assert_true(is_name == (c->machine[0] == '\0'));
        assert_string_equal(c->user, "");
        assert_string_equal(c->password, "");
        assert_string_equal(c->credentials_file, "");
        assert_string_equal(c->ca_file, "");
        assert_string_equal(c->certificate_file, "");
        assert_string_equal(c->key_file, "");
        assert_int_equal(c->replicas, 0);
        assert_int_equal(c->retention_s, 3600);
        assert_int_equal(c->spool_bytes, 64 << 20);
}

static void test_every_setting(void **state)
{
        struct fixture *f = *state;
        const struct config *c = &f->config;
        assert_read(f, "# where they are\n"
                       "; and another remark\n"
                       "\n"
                       "  Servers = nats://a:4222\ttls://b:4222  \r\n"
                       "Network=office\n"
                       "Host=first-floor\n"
                       "User=chat\n"
                       "Password=a=b #c\n"
                       "CAFile=/etc/chat/ca.pem\n"
                       "CertificateFile=/etc/chat/cert.pem\n"
                       "KeyFile=/etc/chat/key.pem\n"
                       "StreamReplicas=5\n"
                       "StreamRetention=2d\n"
                       "SpoolSize=16M"); /* the last line has no end */
        assert_int_equal(c->servers_count, 2);
        assert_string_equal(c->servers[0], "nats://a:4222");
        assert_string_equal(c->servers[1], "tls://b:4222");
        assert_string_equal(c->network, "office");
        assert_string_equal(c->host, "first-floor");
        assert_string_equal(c->user, "chat");
        assert_string_equal(c->password, "a=b #c");
        assert_string_equal(c->ca_file, "/etc/chat/ca.pem");
        assert_string_equal(c->certificate_file, "/etc/chat/cert.pem");
        assert_string_equal(c->key_file, "/etc/chat/key.pem");
        assert_int_equal(c->replicas, 5);
        assert_int_equal(c->retention_s, 2 * 24 * 3600);
        assert_int_equal(c->spool_bytes, 16 << 20);
        assert_read(f, SERVER "CredentialsFile=/etc/chat/user.creds\n");
        assert_string_equal(c->credentials_file, "/etc/chat/user.creds");
        assert_string_equal(c->password, ""); /* nothing remains of the file before */
}

static void test_numbers_and_units(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *line;
                int retention_s, replicas, spool_mib;
        } good[] = {
                {"StreamRetention=60", 60, 0, 64},       {"StreamRetention=60s", 60, 0, 64},
                {"StreamRetention=1min", 60, 0, 64},     {"StreamRetention=720h", 2592000, 0, 64},
                {"StreamRetention=30d", 2592000, 0, 64}, {"StreamReplicas=1", 3600, 1, 64},
                {"StreamReplicas=auto", 3600, 0, 64},    {"SpoolSize=1", 3600, 0, 1},
                {"SpoolSize=1024M", 3600, 0, 1024},
        };
        static const char *const retentions[] = {
                "59",   "0",  "31d", "-1", "60 s", "60m", "s", "99999999999999999999", "9223372036854775807d",
                "1.5h", "+60"};
        static const char *const replicas[] = {"0", "6", "Auto", "3x", "-1"};
        static const char *const sizes[] = {"0", "1025", "1G", "64 M", "M"};
        char text[128];
        for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
                snprintf(text, sizeof(text), SERVER "%s\n", good[i].line);
                assert_read(f, text);
                assert_int_equal(f->config.retention_s, good[i].retention_s);
                assert_int_equal(f->config.replicas, good[i].replicas);
                assert_int_equal(f->config.spool_bytes, (size_t)good[i].spool_mib << 20);
        }
        for (size_t i = 0; i < sizeof(retentions) / sizeof(retentions[0]); i++) {
                snprintf(text, sizeof(text), SERVER "StreamRetention=%s\n", retentions[i]);
                assert_wrong(f, text, 2, "StreamRetention= takes 60s to 30d (s, min, h or d)");
        }
        for (size_t i = 0; i < sizeof(replicas) / sizeof(replicas[0]); i++) {
                snprintf(text, sizeof(text), SERVER "StreamReplicas=%s\n", replicas[i]);
                assert_wrong(f, text, 2, "StreamReplicas= takes 1 to 5, or auto");
        }
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
                snprintf(text, sizeof(text), SERVER "SpoolSize=%s\n", sizes[i]);
                assert_wrong(f, text, 2, "SpoolSize= takes 1M to 1024M");
        }
}

static void test_labels(void **state)
{
        struct fixture *f = *state;
        static const char *const wrong[] = {"-a", "a-", "A", "a.b", "a b", "a_b", "ä", "abcdefghijklmnopqrstuvwxy",
                                            "*",  ">"};
        char text[128];
        assert_read(f, SERVER "Host=abcdefghijklmnopqrstuvwx\nNetwork=0-9\n");
        assert_string_equal(f->config.host, "abcdefghijklmnopqrstuvwx");
        assert_string_equal(f->config.machine, ""); /* whatever the machine's name */
        assert_string_equal(f->config.network, "0-9");
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                snprintf(text, sizeof(text), "Host=%s\n", wrong[i]);
                assert_wrong(f, text, 1, "Host= takes 1 to 24 of a-z, 0-9 and -, with no - at either end");
                snprintf(text, sizeof(text), "Network=%s\n", wrong[i]);
                assert_wrong(f, text, 1, "Network= takes 1 to 24 of a-z, 0-9 and -, with no - at either end");
        }
}

static void test_servers(void **state)
{
        struct fixture *f = *state;
        static const char *const wrong[] = {"a:4222",
                                            "http://a:4222",
                                            "nats://",
                                            "tls://",
                                            "nats:/a",
                                            "xnats://a",
                                            "nats://a:4222, nats://b:4222x ,"};
        char text[512] = "Servers=";
        for (int i = 0; i < CONFIG_SERVERS_MAX; i++)
                strcat(text, "nats://a:4222 ");
        assert_read(f, text);
        assert_int_equal(f->config.servers_count, CONFIG_SERVERS_MAX);
        strcat(text, "nats://b:4222");
        assert_wrong(f, text, 1,
                     "Servers= takes up to 16 of nats://HOST:PORT or tls://HOST:PORT, with blanks between them");
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                snprintf(text, sizeof(text), "\n\nServers=%s\n", wrong[i]);
                assert_wrong(
                        f, text, 3,
                        "Servers= takes up to 16 of nats://HOST:PORT or tls://HOST:PORT, with blanks between them");
        }
}

static void test_lines_that_are_wrong(void **state)
{
        struct fixture *f = *state;
        assert_wrong(f, SERVER "Host\n", 2, "this is not of the form Key=value");
        assert_wrong(f, SERVER "\n[Link]\n", 3, "this is not of the form Key=value");
        assert_wrong(f, SERVER "Color=red\n", 2, "there is no setting Color=; link.conf(5) lists those there are");
        assert_wrong(f, SERVER "servers=x\n", 2, "there is no setting servers=; link.conf(5) lists those there are");
        assert_wrong(f, SERVER "=x\n", 2, "there is no setting =; link.conf(5) lists those there are");
        assert_wrong(f, SERVER "Host=a\nHost=a\n", 3, "Host= is there twice");
        assert_wrong(f, SERVER "User=\n", 2, "User= has no value");
        assert_wrong(f, "Servers= \t\n", 1, "Servers= has no value");
        assert_wrong(f, SERVER "Host=\nHost=a\n", 2, "Host= has no value");
}

static void test_the_longest_line(void **state)
{
        struct fixture *f = *state;
        char text[CONFIG_VALUE_MAX_BYTES + 64] = "User=";
        size_t len = strlen(text);
        memset(text + len, 'x', CONFIG_VALUE_MAX_BYTES - len);
        strcpy(text + CONFIG_VALUE_MAX_BYTES, "\nPassword=y\n" SERVER);
        assert_read(f, text);
        assert_int_equal(strlen(f->config.user), CONFIG_VALUE_MAX_BYTES - len);
        assert_string_equal(f->config.password, "y");
        text[CONFIG_VALUE_MAX_BYTES] = 'x';
        strcpy(text + CONFIG_VALUE_MAX_BYTES + 1, "\nPassword=y\n" SERVER);
        assert_wrong(f, text, 1, "the line is longer than 511 bytes");
        text[CONFIG_VALUE_MAX_BYTES + 1] = '\0';
        assert_wrong(f, text, 1, "the line is longer than 511 bytes");
        text[CONFIG_VALUE_MAX_BYTES] = '\0';
        assert_wrong(f, text, 0,
                     "Servers= is missing: name the NATS servers, as in "
                     "Servers=nats://192.168.1.10:4222");
}

static void test_a_line_with_a_nul(void **state)
{
        struct fixture *f = *state;
        FILE *file = fopen(f->path, "we");
        fwrite(SERVER "Host=a\0b\nUser=x\n", 1, sizeof(SERVER "Host=a\0b\nUser=x\n") - 1, file);
        fclose(file);
        assert_int_equal(config_read(&f->config, f->path, f->error), -EINVAL);
        assert_non_null(strstr(f->error, ", line 2: "));
}

static void test_settings_that_do_not_go_together(void **state)
{
        struct fixture *f = *state;
        assert_wrong(f, "", 0,
                     "Servers= is missing: name the NATS servers, as in "
                     "Servers=nats://192.168.1.10:4222");
        assert_wrong(f, SERVER "User=a\n", 0, "User= and Password= belong together");
        assert_wrong(f, SERVER "Password=a\n", 0, "User= and Password= belong together");
        assert_wrong(f, SERVER "CertificateFile=a\n", 0, "CertificateFile= and KeyFile= belong together");
        assert_wrong(f, SERVER "KeyFile=a\n", 0, "CertificateFile= and KeyFile= belong together");
        assert_wrong(f, SERVER "CredentialsFile=a\nUser=b\nPassword=c\n", 0,
                     "CredentialsFile= and User= exclude each other");
}

static void test_files_that_cannot_be_read(void **state)
{
        struct fixture *f = *state;
        char expected[CONFIG_ERROR_BYTES];
        assert_int_equal(config_read(&f->config, f->path, f->error), -ENOENT);
        snprintf(expected, sizeof(expected), "cannot read %s: No such file or directory", f->path);
        assert_string_equal(f->error, expected);
        assert_int_equal(config_read(&f->config, f->dir, f->error), -EISDIR);
        snprintf(expected, sizeof(expected), "cannot read %s: Is a directory", f->dir);
        assert_string_equal(f->error, expected);
}

static void test_a_long_path(void **state)
{
        struct fixture *f = *state;
        char path[1000];
        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        assert_int_equal(config_read(&f->config, path, f->error), -ENAMETOOLONG);
        assert_in_range(strlen(f->error), 256, CONFIG_ERROR_BYTES - 1);
}

/* A name that can be a label is one. For other names digits are appended that depend on the name, so that no two
 * machines get the same label. */
static void test_the_name_of_the_machine(void **state)
{
        (void)state;
        static const struct {
                const char *machine, *label;
                bool is_name;
        } names[] = {
                {"a", "a", true},
                {"localhost", "localhost", true},
                {"Web-1.example.org", "web-1", true},
                {"abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx", true},
                {"ABCDEFGHIJKLMNOPQRSTUVWX.example.org", "abcdefghijklmnopqrstuvwx", true},
                {"web1", "web1", true},
                {"web_1", "web-1-e4e9a1", false},
                {"web1_", "web1-7269ad", false},
                {"My_Host", "my-host-9f7036", false},
                {"my_host.example.org", "my-host-9f7036", false},
                {"abcdefghijklmnopqrstuvwxy", "abcdefghijklmnopq-661acc", false},
                {"production-frontend-server-01", "production-fronte-a2c6d5", false},
                {"production-frontend-server-02", "production-fronte-a2c21c", false},
                {"sixteen-letters1-and-more", "sixteen-letters1-bbb13c", false},
                {"-a", "a-cd881b", false},
                {"___", "host-5a3b34", false},
                {"\xc3\xa4", "host-9de0e2", false},
                {"", "host", false},
                {".example.org", "host", false},
        };
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                char host[HOST_MAX_BYTES + 1];
                memset(host, 'x', sizeof(host));
                assert_true(config_default_host(host, names[i].machine) == names[i].is_name);
                assert_string_equal(host, names[i].label);
                assert_true(text_is_host(host, strlen(host)));
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_defaults),
                TEST(test_every_setting),
                TEST(test_numbers_and_units),
                TEST(test_labels),
                TEST(test_servers),
                TEST(test_lines_that_are_wrong),
                TEST(test_the_longest_line),
                TEST(test_a_line_with_a_nul),
                TEST(test_settings_that_do_not_go_together),
                TEST(test_files_that_cannot_be_read),
                TEST(test_a_long_path),
                TEST(test_the_name_of_the_machine),
        };
        return RUN_TESTS(tests);
}
