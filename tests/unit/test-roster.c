#include <errno.h>
#include <sys/wait.h>

#include "../../chatd/notes.h"
#include "../../chatd/reach.h"
#include "../../chatd/recall.h"
#include "../../chatd/roster.h"

#include "inbox-fixture.h"

struct fixture {
        char *dir;
        int lock;
        struct roster roster;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        f->dir = rundir_make(&f->lock);
        roster_init(&f->roster, f->dir, getuid());
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        roster_free(&f->roster);
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

static struct member *add(struct fixture *f, uint64_t id, const char *name)
{
        struct member *m = roster_add(&f->roster, id, id, slice_of(name), slice_of("1.2.3.4:5"), 77);
        assert_non_null(m);
        return m;
}

static void test_find_and_remove(void **state)
{
        struct fixture *f = *state;
        for (uint64_t id = 1; id <= 1000; id++)
                add(f, id * 2654435761, "x");
        assert_int_equal(f->roster.count, 1000);
        for (uint64_t id = 1; id <= 1000; id += 2)
                roster_remove(&f->roster, roster_find(&f->roster, id * 2654435761));
        assert_int_equal(f->roster.count, 500);
        for (uint64_t id = 1; id <= 1000; id++) {
                const struct member *m = roster_find(&f->roster, id * 2654435761);
                assert_int_equal(m == NULL, id % 2);
                if (m)
                        assert_ptr_equal(f->roster.members[m->index], m);
        }
}

static void test_members_with_work_to_do(void **state)
{
        struct fixture *f = *state;
        struct todo *todo = &f->roster.todo;
        struct member *all[3];
        for (size_t i = 0; i < 3; i++) {
                all[i] = add(f, i + 2, "x");
                todo_add(todo, TODO_CONTACT, all[i]);
                todo_add(todo, TODO_CONTACT, all[i]); /* it is there once */
        }
        todo_add(todo, TODO_LEND, all[1]);
        assert_ptr_equal(todo_first(todo, TODO_CONTACT), all[0]);
        assert_ptr_equal(todo_next(TODO_CONTACT, all[0]), all[1]);
        assert_ptr_equal(todo_next(TODO_CONTACT, all[1]), all[2]);
        assert_null(todo_next(TODO_CONTACT, all[2]));
        roster_remove(&f->roster, all[1]); /* out of all lists */
        assert_ptr_equal(todo_next(TODO_CONTACT, all[0]), all[2]);
        assert_null(todo_first(todo, TODO_LEND));
        todo_remove(todo, TODO_CONTACT, all[0]);
        todo_remove(todo, TODO_CONTACT, all[0]); /* nothing happens */
        assert_false(todo_has(TODO_CONTACT, all[0]));
        assert_ptr_equal(todo_first(todo, TODO_CONTACT), all[2]);
        todo_add(todo, TODO_CONTACT, all[0]); /* at the end */
        assert_ptr_equal(todo_next(TODO_CONTACT, all[2]), all[0]);
}

static struct member *find(const struct fixture *f, const char *name)
{
        return roster_find_name(&f->roster, slice_of(name));
}

static const struct member *alike(const struct fixture *f, const char *name)
{
        return roster_find_alike(&f->roster, slice_of(name), NULL);
}

/* A search for one of these similar names finds that name only, in any order of removal. */
static void test_names_that_may_be_taken_for_one_another(void **state)
{
        struct fixture *f = *state;
        static const char *const names[] = {"Maria", "Marla", "rnaria", "maria-1", "maria_1"};
        struct member *members[5];
        for (size_t first = 0; first < 5; first++) {
                for (size_t i = 0; i < 5; i++)
                        members[i] = add(f, i + 10, names[i]);
                for (size_t i = 0; i < 5; i++)
                        assert_ptr_equal(find(f, names[i]), members[i]);
                assert_ptr_equal(find(f, "MARLA"), members[1]);
                assert_null(find(f, "mar1a"));
                assert_null(alike(f, "mar1a0"));
                assert_ptr_equal(alike(f, "MAR1A"), members[1]);
                assert_ptr_equal(alike(f, "Mar1a"), members[1]);
                assert_ptr_equal(alike(f, "maria"), members[0]);
                assert_null(roster_find_alike(&f->roster, slice_of("maria"), members[0]));
                assert_ptr_equal(roster_find_alike(&f->roster, slice_of("MARIA"), members[0]), members[1]);
                assert_int_equal(roster_rename(&f->roster, members[first], slice_of("zoe")), 0);
                assert_null(find(f, names[first]));
                assert_ptr_equal(find(f, "zoe"), members[first]);
                assert_int_equal(roster_rename(&f->roster, members[first], slice_of(names[first])), 0);
                for (size_t i = 0; i < 5; i++) {
                        size_t at = (first + i) % 5;
                        roster_remove(&f->roster, members[at]);
                        assert_null(find(f, names[at]));
                        for (size_t left = i + 1; left < 5; left++)
                                assert_ptr_equal(find(f, names[(first + left) % 5]), members[(first + left) % 5]);
                }
        }
        assert_string_equal(add(f, 20, "Bill")->name, "Bill");
        assert_string_equal(add(f, 21, "BiIl")->name, "BiIl~2");
        assert_string_equal(add(f, 22, "biil")->name, "biil");
}

static void assert_suggested(const struct fixture *f, const char *name, const char *expected)
{
        const char *suggested = roster_suggest(&f->roster, slice_of(name));
        if (expected)
                assert_string_equal(suggested, expected);
        else
                assert_null(suggested);
}

static void test_suggestions(void **state)
{
        struct fixture *f = *state;
        add(f, LINK_ID, "link");
        add(f, 10, "Maria");
        add(f, 11, "troll");
        add(f, 12, "alexander");
        add(f, 13, "127.0.0.1:40414");
        add(f, 14, "bob")->presence = LEAVING;
        assert_suggested(f, "Marla", "Maria");
        assert_suggested(f, "rnaria", "Maria");
        assert_suggested(f, "trol", "troll");
        assert_suggested(f, "TORLL", "troll");
        assert_suggested(f, "alex", "alexander");
        assert_suggested(f, "a", NULL);
        assert_suggested(f, "zebra", NULL);
        assert_suggested(f, "bobb", NULL);
        assert_suggested(f, "lnk", NULL);
        assert_suggested(f, "127.0.0.1:40415", NULL);
        assert_suggested(f, "", NULL);
}

static void test_connect_and_send(void **state)
{
        struct fixture *f = *state;
        struct member *m = add(f, inbox_id(1), "ann");
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = 1};
        assert_int_equal(reach_send(m, &rollcall), -ENOTCONN);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -ENOENT);
        int inbox = inbox_bind(f->dir, m->id);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        assert_true(m->pidfd >= 0);
        assert_int_equal(reach_send(m, &rollcall), 0);
        assert_string_equal(inbox_read(inbox), "rollcall");
        close(inbox);
        assert_int_equal(reach_send(m, &rollcall), -ECONNREFUSED);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -ECONNREFUSED);
        assert_int_equal(m->fd, -1);
        reach_remove_inbox(f->roster.dir, m->id);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -ENOENT);
}

static void test_a_dead_process(void **state)
{
        struct fixture *f = *state;
        pid_t child = fork();
        if (child == 0)
                _exit(0);
        waitpid(child, NULL, 0);
        struct member *m = add(f, (uint64_t)child << 32 | 1, "ghost");
        int inbox = inbox_bind(f->dir, m->id);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -ESRCH);
        assert_int_equal(m->pidfd, -1);
        close(inbox);
}

static void test_names_are_unique(void **state)
{
        struct fixture *f = *state;
        char longest[LOCAL_NAME_MAX_BYTES + 1] = "", longer[NAME_MAX_BYTES + 1] = "";
        memset(longest, 'x', LOCAL_NAME_MAX_BYTES);
        memset(longer, 'y', NAME_MAX_BYTES);
        assert_string_equal(add(f, 1, "ann")->name, "ann");
        struct member *second = add(f, 2, "ann");
        assert_string_equal(second->name, "ann~2");
        assert_string_equal(add(f, 3, "ann")->name, "ann~3");
        roster_remove(&f->roster, second);
        assert_string_equal(add(f, 4, "ann")->name, "ann~2");
        assert_string_equal(add(f, 5, longest)->name, longest);
        const char *shortened = add(f, 6, longest)->name;
        assert_int_equal(strlen(shortened), LOCAL_NAME_MAX_BYTES - 11 + 2); /* with room for "~4294967295" */
        assert_memory_equal(shortened, longest, strlen(shortened) - 2);
        assert_string_equal(shortened + strlen(shortened) - 2, "~2");
        assert_int_equal(strlen(add(f, 7, longer)->name), LOCAL_NAME_MAX_BYTES);
        /* looks like the administrators' name */
        assert_string_equal(add(f, 8, "administrator")->name, "administrator~2");
}

static const char *add_newcomer(struct fixture *f, uint64_t id, const char *name)
{
        struct member *m = roster_add_newcomer(&f->roster, id, id, slice_of(name), slice_of("1.2.3.4:5"), 77);
        assert_non_null(m);
        return m->name;
}

/* Newcomers do not get the name of a token. A member that chatd recalls keeps it. */
static void test_names_of_tokens(void **state)
{
        struct fixture *f = *state;
        struct token token = {.name = "ops"};
        const struct tokens tokens = {.list = &token, .count = 1};
        assert_string_equal(add_newcomer(f, 1, "zoe"), "zoe");
        f->roster.tokens = &tokens;
        assert_string_equal(add_newcomer(f, 2, "ops"), "ops~2");
        assert_string_equal(add_newcomer(f, 3, "0PS"), "0PS~3");
        assert_string_equal(add_newcomer(f, 4, "opss"), "opss");
        assert_string_equal(add(f, 5, "ops")->name, "ops");
        token = (struct token){.name = "alarm-1"};
        assert_string_equal(add_newcomer(f, 6, "alarrn_1"), "alarrn_1~2");
        assert_string_equal(add(f, 7, "alarrn_1")->name, "alarrn_1");
}

static void test_find_process(void **state)
{
        struct fixture *f = *state;
        for (uint64_t pid = 10; pid < 100; pid += 2)
                add(f, pid << 32 | (pid * 2654435761 & 0xffffffff), "x");
        for (pid_t pid = 10; pid < 100; pid++) {
                const struct member *m = roster_find_process(&f->roster, pid);
                assert_int_equal(m == NULL, pid % 2);
                assert_true(!m || (pid_t)(m->id >> 32) == pid);
        }
}

static void test_only_a_socket_of_the_session_user(void **state)
{
        struct fixture *f = *state;
        char path[256], target[256];
        struct member *m = add(f, inbox_id(1), "ann");
        int other = inbox_bind(f->dir, inbox_id(2)), fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        snprintf(path, sizeof(path), "%s/sessions/%016llx", f->dir, (unsigned long long)inbox_id(1));
        snprintf(target, sizeof(target), "%s/sessions/%016llx", f->dir, (unsigned long long)inbox_id(2));
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -EPERM);
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = 1};
        assert_int_equal(reach_send_stranger(f->roster.dir, f->roster.owner, fd, 0, inbox_id(1), &rollcall), -EPERM);
        assert_int_equal(reach_send_stranger(f->roster.dir, f->roster.owner, fd, 0, inbox_id(2), &rollcall), 0);
        assert_string_equal(inbox_read(other), "rollcall");
        f->roster.owner = getuid() + 1;
        assert_int_equal(reach_send_stranger(f->roster.dir, f->roster.owner, fd, 0, inbox_id(2), &rollcall), -EPERM);
        close(other);
        close(fd);
}

static void test_notes(void **state)
{
        struct fixture *f = *state;
        struct member *ann = add(f, 0xa11ULL, "ann of the long name"), *bob = add(f, 0xb0bULL, "bob");
        assert_int_equal(note_write(f->roster.dir, ann), 0);
        assert_int_equal(note_write(f->roster.dir, bob), 0);
        assert_int_equal(note_write(f->roster.dir, bob), 0); /* a batch that is repeated makes the note again */
        note_departed(f->roster.dir, bob->id);

        struct roster next;
        roster_init(&next, f->dir, getuid());
        struct departures departures = {0};
        assert_int_equal(recall_members(&next, &departures, &(struct leftover){0}), 0);
        assert_int_equal(next.count, 1);
        assert_int_equal(departures.count, 1);
        assert_true(departures_has(&departures, 0xb0bULL));
        assert_false(departures_has(&departures, 0xa11ULL));
        departures_clear(&departures);
        note_remove_departed(f->roster.dir, bob->id);
        assert_int_equal(recall_members(&f->roster, &departures, &(struct leftover){0}), 0);
        assert_int_equal(departures.count, 0);
        const struct member *m = roster_find(&next, 0xa11ULL);
        assert_non_null(m);
        assert_string_equal(m->name, "ann of the long name");
        assert_string_equal(m->address, "1.2.3.4:5");
        assert_int_equal(m->key, 0xa11);
        assert_int_equal(m->since_us, 77);
        roster_free(&next);
}

static void test_notes_that_make_no_sense(void **state)
{
        struct fixture *f = *state;
        static const char *const targets[] = {"",
                                              "x",
                                              "12",
                                              "12 00000000000000aa addr",
                                              "x 00000000000000aa addr name",
                                              "12 aa addr name",
                                              "99999999999999999999 00000000000000aa a b"};
        char path[256], long_name[200];
        for (unsigned i = 1; i < sizeof(targets) / sizeof(targets[0]); i++) {
                snprintf(path, sizeof(path), "%s/members/%016x", f->dir, i);
                assert_int_equal(symlink(targets[i], path), 0);
        }
        memset(long_name, 'n', sizeof(long_name));
        memcpy(long_name, "1 00000000000000aa a ", 21);
        long_name[sizeof(long_name) - 1] = '\0';
        snprintf(path, sizeof(path), "%s/members/%016x", f->dir, 0xffu);
        assert_int_equal(symlink(long_name, path), 0);
        snprintf(path, sizeof(path), "%s/members/other", f->dir);
        assert_int_equal(symlink("1 00000000000000aa a b", path), 0);
        snprintf(path, sizeof(path), "%s/members/000000000000000g.left", f->dir);
        assert_int_equal(symlink("1 00000000000000aa a b", path), 0);
        struct departures departures = {0};
        assert_int_equal(recall_members(&f->roster, &departures, &(struct leftover){0}), 0);
        assert_int_equal(f->roster.count + departures.count, 0);
}

static void test_the_link(void **state)
{
        struct fixture *f = *state;
        struct member *ann = add(f, inbox_id(1), "ann"), *m = add(f, LINK_ID, "@link");
        struct frame rollcall = {.type = FRAME_ROLLCALL, .id = 1};
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0), of_link, of_session;
        socklen_t size = sizeof(int);
        assert_int_equal(roster_people(&f->roster), 1);
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -ENOENT);
        assert_int_equal(reach_send_stranger(f->roster.dir, f->roster.owner, fd, LINK_ID, 0, &rollcall), -ENOENT);
        int inbox = inbox_bind_link(f->dir), session = inbox_bind(f->dir, ann->id);
        f->roster.owner = getuid() + 1; /* the user of sessions; the link's inbox has our own user */
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), 0);
        assert_int_equal(m->pidfd, -1);
        assert_int_equal(reach_send(m, &rollcall), 0);
        assert_int_equal(reach_send_stranger(f->roster.dir, f->roster.owner, fd, LINK_ID, 0, &rollcall), 0);
        assert_string_equal(inbox_read(inbox), "rollcall, rollcall");

        f->roster.owner = getuid();
        assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, ann), 0);
        getsockopt(m->fd, SOL_SOCKET, SO_SNDBUF, &of_link, &size);
        getsockopt(ann->fd, SOL_SOCKET, SO_SNDBUF, &of_session, &size);
        assert_true(of_link > of_session);
        if (getuid() == 0) {
                struct sockaddr_un address;
                path_link(&address, f->dir);
                assert_int_equal(chown(address.sun_path, 65534, 65534), 0);
                assert_int_equal(reach_connect(f->roster.dir, f->roster.owner, m), -EPERM);
        }
        roster_remove(&f->roster, m);
        assert_int_equal(roster_people(&f->roster), 1);
        close(inbox);
        close(session);
        close(fd);
}

static void test_the_file_of_the_number(void **state)
{
        struct fixture *f = *state;
        struct departures departures = {0};
        struct stat st;
        int fd = note_open_relayed(f->roster.dir, LINK_ID);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "12345678", 8), 8);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        close(fd);
        fd = note_open_relayed(f->roster.dir, LINK_ID);
        char byte;
        assert_int_equal(pread(fd, &byte, 1, 7), 1); /* the connection is the same */
        close(fd);
        assert_int_equal(recall_members(&f->roster, &departures, &(struct leftover){0}), 0); /* there is no note */
        assert_int_equal(f->roster.count + departures.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_find_and_remove),
                TEST(test_members_with_work_to_do),
                TEST(test_names_are_unique),
                TEST(test_names_of_tokens),
                TEST(test_names_that_may_be_taken_for_one_another),
                TEST(test_suggestions),
                TEST(test_find_process),
                TEST(test_only_a_socket_of_the_session_user),
                TEST(test_connect_and_send),
                TEST(test_a_dead_process),
                TEST(test_notes),
                TEST(test_notes_that_make_no_sense),
                TEST(test_the_link),
                TEST(test_the_file_of_the_number),
        };
        return RUN_TESTS(tests);
}
