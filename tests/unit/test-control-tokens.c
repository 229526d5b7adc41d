/* Administrators add, list and remove tokens, also if chatd is killed meanwhile or the disk is slow. */
#include "control-fixture.h"
#include "held-disk.h"
#include "requests-fixture.h"

#define SECRET "0123456789abcdefABCDEF"
#define OTHER "-._~+/=zzzzzzzzzzzzzzz"

static bool knows(const struct control_fixture *c, const char *secret)
{
        return tokens_find(&c->base.chat->tokens, slice_of(secret)) != NULL;
}

static void test_a_token(void **state)
{
        struct control_fixture *c = *state;
        char expected[256];
        assert_string_equal(ask(c, "tokens"), "end=ok");
        assert_string_equal(ask(c, "token-add|1|ops|" SECRET), "end=ok text=ops");
        assert_string_equal(ask(c, "token-add|2|Backup|" OTHER "|den"), "end=ok text=Backup");
        assert_true(knows(c, SECRET));
        const struct token *token = tokens_find(&c->base.chat->tokens, slice_of(OTHER));
        assert_string_equal(token->name, "Backup");
        assert_string_equal(token->room, "den");
        assert_int_equal(token->uid, getuid());
        assert_in_range(token->time, time(NULL) - 60, time(NULL));
        snprintf(expected, sizeof(expected), "name=Backup room=den since=%lld by=%u, end=ok", (long long)token->time,
                 (unsigned)getuid());
        const char *got = ask(c, "tokens");
        assert_int_equal(strncmp(got, "name=ops room= since=", strlen("name=ops room= since=")), 0);
        assert_string_equal(strstr(got, "name=Backup"), expected);
        assert_null(strstr(got, SECRET));
        assert_non_null(strstr(ask(c, "status"), " tokens=2 tokens_file=whole "));

        kill_and_restart(c);
        assert_true(knows(c, SECRET));
        assert_string_equal(ask(c, "token-remove|3|OPS"), "end=ok text=ops");
        assert_false(knows(c, SECRET));
        assert_string_equal(ask(c, "token-remove|4|ops"), "end=nobody text=there is no token for ops");
        kill_and_restart(c);
        assert_false(knows(c, SECRET));
        assert_true(knows(c, OTHER));
}

/* If chatd dies, chatctl asks again. */
static void test_asked_again(void **state)
{
        struct control_fixture *c = *state;
        assert_string_equal(ask(c, "token-add|1|ops|" SECRET "|den"), "end=ok text=ops");
        uint64_t changes = c->base.chat->tokens.file.changes;
        assert_string_equal(ask(c, "token-add|1|ops|" SECRET "|den"), "end=ok text=ops");
        assert_int_equal(c->base.chat->tokens.file.changes, changes);
        assert_int_equal(c->base.chat->tokens.count, 1);
        kill_and_restart(c);
        assert_string_equal(ask(c, "token-add|1|ops|" SECRET "|den"), "end=ok text=ops");
        assert_int_equal(c->base.chat->tokens.count, 1);
        assert_string_equal(ask(c, "token-add|2|ops|" OTHER "|den"),
                            "end=failed text=there is a token for ops already; remove it first");
        assert_true(knows(c, SECRET));
        assert_false(knows(c, OTHER));
}

#define NO_NAME "name has 1 to 24 characters and starts with a letter: plain letters (no accents), digits, - _ and ."
#define NO_SECRET "end=wrong text=a token has 22 to 128 characters out of A-Z a-z 0-9 - . _ ~ + / and ="

static void test_refusals(void **state)
{
        static const char *const rows[][2] = {
                {"token-add|1|0ps|" SECRET, "end=wrong text=a token's " NO_NAME},
                {"token-add|1||" SECRET, "end=wrong text=a token's " NO_NAME},
                {"token-add|1|o ps|" SECRET, "end=wrong text=a token's " NO_NAME},
                {"token-add|1|adm1nistrator|" SECRET,
                 "end=wrong text=the name adm1nistrator is for administrators; choose another"},
                {"token-add|1|ops|" SECRET "|#den", "end=wrong text=a room's " NO_NAME},
                {"token-add|1|ops|0123456789abcdefABCDE", NO_SECRET},
                {"token-add|1|ops|0123456789abcdef ABCDEF", NO_SECRET},
                {"token-add|1|ops", NO_SECRET},
                {"token-add|1|bob|" SECRET, "end=failed text=somebody here is called bob; choose another name"},
                {"token-add|1|B0b|" SECRET,
                 "end=failed text=somebody here is called bob, which looks like B0b; choose another name"},
                {"token-add|1|alarm-1|" SECRET,
                 "end=failed text=somebody here is called alarrn_1, which looks like alarm-1; choose another name"},
                {"token-add|1|BOB|" SECRET, "end=failed text=somebody here is called bob; choose another name"},
                {"token-add|1|log|" SECRET, "end=failed text=there is a token for log already; remove it first"},
                {"token-add|1|Log|" SECRET, "end=failed text=there is a token for log already; remove it first"},
                {"token-add|1|1og|" SECRET, "end=wrong text=a token's " NO_NAME},
                {"token-add|1|Iog|" SECRET,
                 "end=failed text=there is a token for log, which looks like Iog; choose another name"},
                {"token-add|1|ops|" OTHER, "end=failed text=this token is already that of another name"},
                {"token-add|0|ops|" SECRET, "end=wrong text=no such request"},
                {"token-add|1|ops|" SECRET "|den|den", "end=wrong text=no such request"},
                {"token-remove|1|ops|a|b", "end=wrong text=no such request"},
                {"token-remove|1|l0g", "end=nobody text=there is no token for l0g"},
        };
        struct control_fixture *c = *state;
        char words[SECRET_MAX_BYTES + 64];
        join_all(&c->base);
        nick(&c->base, EVE, "alarrn_1");
        assert_string_equal(ask(c, "token-add|1|log|" OTHER), "end=ok text=log");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_string_equal(ask(c, rows[i][0]), rows[i][1]);
        snprintf(words, sizeof(words), "token-add|1|ops|%0*d", SECRET_MAX_BYTES + 1, 1);
        assert_string_equal(ask(c, words), NO_SECRET);
        assert_int_equal(c->base.chat->tokens.count, 1);
        snprintf(words, sizeof(words), "token-add|1|ops|%0*d", SECRET_MAX_BYTES, 1);
        assert_string_equal(ask(c, words), "end=ok text=ops");
        assert_string_equal(ask(c, "token-add|1|guest-x|" SECRET), "end=ok text=guest-x");
        assert_string_equal(ask(c, "token-remove|1|guest-x"), "end=ok text=guest-x");
        c->base.chat->settings.hide_addresses = true;
        assert_string_equal(ask(c, "token-add|1|guest-x|" SECRET),
                            "end=failed text=the name guest-x is for guests; choose another");
}

/* An administrator may take the name of a token for that of a member. */
static void test_it_is_no_member(void **state)
{
        static const char *const rows[][2] = {
                {"find|2|Disk", "end=nobody text=there is nobody called Disk here; disk is a token: chatctl token "
                                "remove disk ends it"},
                {"mute|2|disk", "end=nobody text=there is nobody called disk here; disk is a token: chatctl token "
                                "remove disk ends it"},
                {"kick|2|disk|", "end=nobody text=there is nobody called disk here; disk is a token: chatctl token "
                                 "remove disk ends it"},
                {"ban|2|Disk|spam", "end=failed text=disk is a token: chatctl token remove disk ends it"},
                {"kick|2|disks|", "end=nobody text=there is nobody called disks here"},
                {"ban|2|disks|spam", "end=ok text=disks"},
                {"unban|3|disks", "end=ok text=disks"},
                {"unban|4|disk", "end=nobody text=disk is not banned"},
        };
        struct control_fixture *c = *state;
        join_all(&c->base);
        assert_string_equal(ask(c, "token-add|1|disk|" SECRET), "end=ok text=disk");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_string_equal(ask(c, rows[i][0]), rows[i][1]);
        assert_string_equal(ask(c, "token-remove|5|disk"), "end=ok text=disk");
        assert_string_equal(ask(c, "ban|6|disk|spam"), "end=ok text=disk");
}

static void test_as_many_as_can_be(void **state)
{
        struct control_fixture *c = *state;
        char words[128];
        for (int i = 0; i < TOKENS_MAX; i++) {
                snprintf(words, sizeof(words), "token-add|1|n-%d.|%022d", 1000 + i, i);
                assert_non_null(strstr(ask(c, words), "end=ok"));
        }
        assert_string_equal(ask(c, "token-add|1|last|" SECRET),
                            "end=failed text=there are 256 tokens already; remove one first");
        size_t listed = 0;
        request(c, 0, "tokens");
        for (bool ended = false; !ended;) { /* the list does not fit into the socket at once */
                run(&c->base);
                const char *part = answer(c, 0);
                assert_string_not_equal(part, "");
                ended = strstr(part, "end=ok");
                for (; (part = strstr(part, "name=")); part++)
                        listed++;
        }
        assert_int_equal(listed, TOKENS_MAX);
}

/* The disk is slow: a token is in effect at once, and chatctl gets its answer when the file is written. */
static void test_nobody_waits_for_the_disk(void **state)
{
        struct control_fixture *c = *state;
        char path[256];
        struct stat st;
        join_all(&c->base);
        snprintf(path, sizeof(path), "%s/tokens", c->base.dir);
        pthread_mutex_lock(&disk_held);
        request(c, 0, "token-add|1|ops|" SECRET);
        run(&c->base);
        assert_true(knows(c, SECRET));
        assert_string_equal(answer(c, 0), "");
        assert_int_equal(stat(path, &st), -1);
        say(&c->base, ANN, "hello");
        run(&c->base);
        assert_inbox(&c->base, BOB, "line ann hello");
        control_settle(c->base.chat, INT64_MAX - 1); /* much later */
        run(&c->base);
        assert_non_null(strstr(answer(c, 0), "end=queued text=the change is in effect, but "));
        pthread_mutex_unlock(&disk_held);
        tokens_finish(&c->base.chat->tokens);
        assert_int_equal(stat(path, &st), 0);
}

/* A token that cannot be written is taken back, and its name is free. A token that cannot be removed from the file is
 * removed as long as chatd runs. */
static void test_the_disk_takes_nothing(void **state)
{
        struct control_fixture *c = *state;
        char path[256], expected[512];
        assert_string_equal(ask(c, "token-add|1|backup|" OTHER), "end=ok text=backup");
        snprintf(path, sizeof(path), "%s/tokens.new", c->base.dir);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(expected, sizeof(expected), "end=failed text=no token was added: cannot write %s/tokens: %s",
                 c->base.dir, strerror(EISDIR));
        assert_string_equal(ask(c, "token-add|2|ops|" SECRET), expected);
        assert_false(knows(c, SECRET));
        assert_string_equal(ask(c, "token-add|2|ops|" SECRET), expected);
        assert_string_equal(ask(c, "token-add|1|backup|" OTHER), "end=ok text=backup"); /* it is in the file */
        snprintf(expected, sizeof(expected),
                 "end=failed text=backup is removed, but chatd cannot write %s/tokens (%s): the token works again "
                 "after a restart of chatd",
                 c->base.dir, strerror(EISDIR));
        assert_string_equal(ask(c, "token-remove|3|Backup"), expected);
        assert_false(knows(c, OTHER));
        kill_and_restart(c);
        assert_true(knows(c, OTHER));
        rmdir(path);
        assert_string_equal(ask(c, "token-add|2|ops|" SECRET), "end=ok text=ops");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CONTROL_TEST(test_a_token),
                CONTROL_TEST(test_asked_again),
                CONTROL_TEST(test_refusals),
                CONTROL_TEST(test_it_is_no_member),
                CONTROL_TEST(test_as_many_as_can_be),
                CONTROL_TEST(test_nobody_waits_for_the_disk),
                CONTROL_TEST(test_the_disk_takes_nothing),
        };
        return RUN_TESTS(tests);
}
