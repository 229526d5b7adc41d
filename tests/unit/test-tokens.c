/* Tokens: which secrets and names they may have, how they are found, and the file. */
#include <chat/journal.h>

#include "../../chatd/tokens.h"

#include "rundir-fixture.h"

#define SECRET "0123456789abcdefABCDEF" /* as short as it may be */
#define OTHER "-._~+/=zzzzzzzzzzzzzzz"
/* printf %s SECRET | sha256sum */
#define SECRET_HASH "1f55b9dbb34db31ee615fea98af1b62ec6f169bb38355164364099813349e079"

struct fixture {
        char *dir;
        int lock;
        struct journal *log;
        struct tokens tokens;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        f->log = journal_start("chatd");
        assert_int_equal(tokens_read(&f->tokens, f->dir, f->log), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        tokens_free(&f->tokens);
        journal_stop(f->log);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

static int add(struct fixture *f, const char *name, const char *room, const char *secret)
{
        struct token token;
        assert_int_equal(token_make(&token, slice_of(name), slice_of(room), slice_of(secret)), 0);
        token.time = 1700000000;
        token.uid = 1000;
        return tokens_add(&f->tokens, &token);
}

/* Returns the name of the token with this secret, or "". */
static const char *name_of(const struct fixture *f, const char *secret)
{
        const struct token *token = tokens_find(&f->tokens, slice_of(secret));
        return token ? token->name : "";
}

/* Returns the name of the token whose name is similar, or "". */
static const char *alike(const struct fixture *f, const char *name)
{
        const struct token *token = tokens_find_alike(&f->tokens, slice_of(name));
        return token ? token->name : "";
}

/* Returns the name of the token that looks like this name at a glance, or "". */
static const char *blurred(const struct fixture *f, const char *name)
{
        const struct token *token = tokens_find_blurred(&f->tokens, slice_of(name));
        return token ? token->name : "";
}

/* Reads the file as the next chatd does. */
static void read_again(struct fixture *f)
{
        tokens_free(&f->tokens);
        assert_int_equal(tokens_read(&f->tokens, f->dir, f->log), 0);
}

/* Reads all of the file. */
static const char *read_file(const struct fixture *f)
{
        static char text[4096];
        FILE *file = fopen(f->tokens.file.path, "r");
        assert_non_null(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        return text;
}

static void write_file(const struct fixture *f, const char *text)
{
        FILE *file = fopen(f->tokens.file.path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static void test_secrets(void **state)
{
        char secret[SECRET_MAX_BYTES + 2];
        (void)state;
        memset(secret, 'x', sizeof(secret) - 1);
        secret[sizeof(secret) - 1] = '\0';
        for (size_t len = 0; len < sizeof(secret); len++)
                assert_int_equal(token_is_secret((struct slice){secret, len}),
                                 len >= TOKEN_MIN_BYTES && len <= SECRET_MAX_BYTES);
        for (int byte = 0; byte < 256; byte++) {
                bool right = strchr("-._~+/=", byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                             (byte >= '0' && byte <= '9');
                secret[7] = (char)byte;
                assert_int_equal(token_is_secret((struct slice){secret, TOKEN_MIN_BYTES}), right && byte != '\0');
        }
}

static void test_what_is_no_token(void **state)
{
        static const struct {
                const char *name, *room, *secret;
                int result;
        } rows[] = {
                {"", "", SECRET, TOKEN_E_NAME},
                {"0ps", "", SECRET, TOKEN_E_NAME},
                {"a b", "", SECRET, TOKEN_E_NAME},
                {"abcdefghijklmnopqrstuvwxy", "", SECRET, TOKEN_E_NAME},
                {"Administrator", "", SECRET, TOKEN_E_RESERVED},
                {"adm1nistrator", "", SECRET, TOKEN_E_RESERVED},
                {"ops", "1", SECRET, TOKEN_E_ROOM},
                {"ops", "a b", SECRET, TOKEN_E_ROOM},
                {"ops", "", "", TOKEN_E_SECRET},
                {"ops", "", "0123456789abcdefABCDE", TOKEN_E_SECRET},
                {"ops", "", SECRET "!", TOKEN_E_SECRET},
                {"0ps", "1", "", TOKEN_E_NAME}, /* the first that is wrong */
        };
        struct token token;
        (void)state;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                assert_int_equal(
                        token_make(&token, slice_of(rows[i].name), slice_of(rows[i].room), slice_of(rows[i].secret)),
                        rows[i].result);
        assert_int_equal(token_make(&token, slice_of("abcdefghijklmnopqrstuvwx"), slice_of("lobby"), slice_of(SECRET)),
                         0);
        assert_string_equal(token.name, "abcdefghijklmnopqrstuvwx");
        assert_string_equal(token.room, "lobby");
}

static void test_finding(void **state)
{
        struct fixture *f = *state;
        assert_string_equal(name_of(f, SECRET), "");
        assert_string_equal(alike(f, "ops"), "");
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        assert_int_equal(add(f, "backup", "den", OTHER), 0);
        assert_string_equal(name_of(f, SECRET), "ops");
        assert_string_equal(name_of(f, OTHER), "backup");
        assert_string_equal(name_of(f, "0123456789abcdefABCDEf"), "");
        assert_string_equal(name_of(f, SECRET "="), "");
        assert_string_equal(name_of(f, ""), "");
        assert_null(tokens_find(&f->tokens, (struct slice){SECRET, TOKEN_MIN_BYTES - 1}));
        assert_string_equal(alike(f, "OPS"), "ops");
        assert_string_equal(alike(f, "0ps"), "ops");
        assert_string_equal(alike(f, "Backup"), "backup");
        assert_string_equal(alike(f, "opss"), "");
        assert_string_equal(alike(f, ""), "");
        assert_int_equal(add(f, "alarm-w", "", OTHER "z"), 0);
        assert_string_equal(alike(f, "alarrn_vv"), "");
        assert_string_equal(blurred(f, "alarrn_vv"), "alarm-w");
        assert_string_equal(blurred(f, "ALARM.W"), "alarm-w");
        assert_string_equal(blurred(f, "0PS"), "ops");
        assert_string_equal(blurred(f, "alarm-"), "");
        assert_string_equal(blurred(f, ""), "");
        assert_int_equal(add(f, "alarm.w", "", OTHER "y"), 0); /* two tokens may be more similar */
}

static void test_one_for_each_name(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(add(f, "oIl", "", SECRET), 0);
        uint64_t changes = f->tokens.file.changes;
        assert_int_equal(add(f, "oIl", "", OTHER), -EEXIST);
        assert_int_equal(add(f, "OIL", "", OTHER), -EEXIST);
        assert_int_equal(add(f, "o1I", "", OTHER), -EEXIST);
        assert_int_equal(add(f, "other", "", SECRET), -EEXIST); /* a secret has one name, too */
        assert_int_equal(f->tokens.count, 1);
        assert_int_equal(f->tokens.file.changes, changes);
}

static void test_removing(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(tokens_remove(&f->tokens, slice_of("ops")), -ENOENT);
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        assert_int_equal(add(f, "backup", "", OTHER), 0);
        assert_int_equal(tokens_remove(&f->tokens, slice_of("0ps")), -ENOENT); /* the name must be right */
        assert_int_equal(tokens_remove(&f->tokens, slice_of("OPS")), 0);
        assert_int_equal(tokens_remove(&f->tokens, slice_of("ops")), -ENOENT);
        assert_string_equal(name_of(f, SECRET), "");
        assert_string_equal(name_of(f, OTHER), "backup");
        read_again(f);
        assert_int_equal(f->tokens.count, 1);
        assert_string_equal(name_of(f, OTHER), "backup");
        assert_int_equal(add(f, "ops", "", SECRET), 0);
}

/* The file has the hash of a secret, and not the secret. */
static void test_the_file(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        assert_int_equal(add(f, "Backup", "den", OTHER), 0);
        tokens_finish(&f->tokens);
        assert_int_equal(f->tokens.file.error, 0);
        assert_int_equal(stat(f->tokens.file.path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        const char *text = read_file(f);
        assert_int_equal(strncmp(text, "#tokens 2 ", strlen("#tokens 2 ")), 0);
        assert_non_null(strstr(text, "\nops " SECRET_HASH " 1700000000 1000\n"));
        assert_non_null(strstr(text, " 1700000000 1000 den\n"));
        assert_null(strstr(text, SECRET));
        assert_null(strstr(text, OTHER));

        read_again(f);
        assert_int_equal(f->tokens.file.changes, 0); /* nothing needs to be written */
        assert_int_equal(f->tokens.count, 2);
        assert_string_equal(name_of(f, SECRET), "ops");
        const struct token *token = tokens_find(&f->tokens, slice_of(OTHER));
        assert_string_equal(token->name, "Backup");
        assert_string_equal(token->room, "den");
        assert_int_equal(token->time, 1700000000);
        assert_int_equal(token->uid, 1000);
}

/* A damaged line costs its own token. The damaged file is kept. */
static void test_a_damaged_file(void **state)
{
        struct fixture *f = *state;
        static char text[4096];
        char kept[PATH_MAX];
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        assert_int_equal(add(f, "backup", "", OTHER), 0);
        tokens_finish(&f->tokens);
        snprintf(text, sizeof(text), "%s", read_file(f));
        strstr(text, SECRET_HASH)[3] ^= 1;
        write_file(f, text);
        read_again(f);
        assert_true(f->tokens.file.is_damaged);
        assert_int_equal(f->tokens.count, 1);
        assert_string_equal(name_of(f, SECRET), "");
        assert_string_equal(name_of(f, OTHER), "backup");
        snprintf(kept, sizeof(kept), "%s/tokens.damaged", f->dir);
        assert_int_equal(access(kept, F_OK), 0);
        read_again(f); /* the file was written anew, with the token that is left */
        assert_int_equal(f->tokens.file.changes, 0);
        assert_int_equal(f->tokens.count, 1);
        assert_true(f->tokens.file.is_damaged);
        unlink(kept);
        read_again(f);
        assert_false(f->tokens.file.is_damaged);
}

static void test_bad_lines(void **state)
{
        struct fixture *f = *state;
        write_file(f, "# a comment\n"
                      "ops " SECRET_HASH " 1 0\n" /* right */
                      "0ps " SECRET_HASH " 1 0\n" /* no valid name */
                      "two " SECRET_HASH " 1 0\n" /* the same secret */
                      "Administrator 0000000000000000000000000000000000000000000000000000000000000002 1 0\n"
                      "long 00" SECRET_HASH " 1 0\n" /* the hash is too long */
                      "three 00 1 0\n"               /* too short */
                      "four\n"
                      "five " SECRET_HASH "\n"
                      "six " SECRET_HASH " 1\n"
                      "seven " SECRET_HASH " x 0\n"
                      "eight " SECRET_HASH " 1 -1\n"
                      "nine zz" SECRET_HASH " 1 0\n"
                      "ten 0000000000000000000000000000000000000000000000000000000000000000 1 0 a b\n"
                      "eleven z000000000000000000000000000000000000000000000000000000000000000 1 0 den\n"
                      "twelve 0000000000000000000000000000000000000000000000000000000000000000 1 0 den\n" /* right */
                      "OPS 0000000000000000000000000000000000000000000000000000000000000001 1 0\n"); /* ops again */
        read_again(f);
        assert_int_equal(f->tokens.count, 2);
        assert_string_equal(name_of(f, SECRET), "ops");
        assert_string_equal(f->tokens.list[1].name, "twelve");
        assert_string_equal(f->tokens.list[1].room, "den");
        assert_true(f->tokens.file.is_damaged);
}

/* A token is taken back. A removal stays in effect as long as chatd runs, and until a later change is written. */
static void test_it_cannot_be_written(void **state)
{
        struct fixture *f = *state;
        char new[PATH_MAX + 8];
        snprintf(new, sizeof(new), "%s.new", f->tokens.file.path);
        assert_int_equal(add(f, "backup", "", OTHER), 0);
        tokens_finish(&f->tokens);
        assert_int_equal(mkdir(new, 0700), 0); /* even root cannot write there */
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        assert_string_equal(name_of(f, SECRET), "ops");
        tokens_finish(&f->tokens);
        assert_int_equal(f->tokens.file.error, -EISDIR);
        assert_string_equal(name_of(f, SECRET), "");
        assert_string_equal(alike(f, "ops"), "");
        assert_string_equal(name_of(f, OTHER), "backup");
        assert_int_equal(tokens_remove(&f->tokens, slice_of("backup")), 0);
        tokens_finish(&f->tokens);
        assert_int_equal(f->tokens.count, 0);
        read_again(f);
        assert_int_equal(f->tokens.count, 1);
        assert_string_equal(name_of(f, OTHER), "backup");

        assert_int_equal(tokens_remove(&f->tokens, slice_of("backup")), 0);
        tokens_finish(&f->tokens);
        rmdir(new);
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        read_again(f);
        assert_int_equal(f->tokens.count, 1);
        assert_string_equal(name_of(f, SECRET), "ops");
}

/* A token that is added while another cannot be written is written after that. */
static void test_only_the_next_can_be_written(void **state)
{
        struct fixture *f = *state;
        char new[PATH_MAX + 8];
        snprintf(new, sizeof(new), "%s.new", f->tokens.file.path);
        assert_int_equal(mkdir(new, 0700), 0);
        assert_int_equal(add(f, "ops", "", SECRET), 0);
        tokens_settle(&f->tokens);
        assert_int_equal(add(f, "backup", "", OTHER), 0);
        kept_file_take_end(&f->tokens.file, DISK_WAIT);
        rmdir(new);
        tokens_settle(&f->tokens);
        assert_string_equal(name_of(f, SECRET), "");
        read_again(f);
        assert_int_equal(f->tokens.count, 1);
        assert_string_equal(name_of(f, OTHER), "backup");
}

static void test_as_many_as_can_be(void **state)
{
        struct fixture *f = *state;
        char name[32], secret[64];
        for (int i = 0; i < TOKENS_MAX; i++) {
                snprintf(name, sizeof(name), "n-%d.", 1000 + i);
                snprintf(secret, sizeof(secret), "%022d", i);
                assert_int_equal(add(f, name, "", secret), 0);
        }
        assert_int_equal(add(f, "last", "", SECRET), -ENOSPC);
        read_again(f);
        assert_int_equal(f->tokens.count, TOKENS_MAX);
        assert_false(f->tokens.file.is_damaged);
        assert_int_equal(tokens_remove(&f->tokens, slice_of("n-1000.")), 0);
        assert_int_equal(add(f, "last", "", SECRET), 0);
        assert_string_equal(name_of(f, SECRET), "last");
        assert_string_equal(name_of(f, secret), name);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_secrets),
                cmocka_unit_test(test_what_is_no_token),
                TEST(test_finding),
                TEST(test_one_for_each_name),
                TEST(test_removing),
                TEST(test_the_file),
                TEST(test_a_damaged_file),
                TEST(test_bad_lines),
                TEST(test_it_cannot_be_written),
                TEST(test_only_the_next_can_be_written),
                TEST(test_as_many_as_can_be),
        };
        return RUN_TESTS(tests);
}
