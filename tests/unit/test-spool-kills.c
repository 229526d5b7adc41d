/* A process with a spool is killed anywhere, or several processes open one spool at once. */
#include "spool-fixture.h"

enum { KILLS = 300 };

/* What the process that is killed reports. */
struct report {
        _Atomic uint64_t steps;
        _Atomic uint64_t appended;                  /* the position behind the last append that returned */
        _Atomic uint64_t first, count;              /* of the chunk that was begun */
        _Atomic enum { NONE, BEGUN, ENDING } chunk; /* what is known of that chunk */
        _Atomic uint64_t released;                  /* the position behind the last chunk whose release returned */
};

static void work_until_killed(struct fixture *f, struct report *told, uint32_t seed)
{
        struct spool *s = spool_open(f->path, RING_BYTES, f->notes, NETWORK, &f->lost);
        if (!s)
                _exit(1);
        for (;; told->steps++) {
                if (next_random(&seed) % 3 > 0) {
                        if (append(s, 1 + next_random(&seed) % 8) == 0)
                                told->appended = spool_position(s);
                        continue;
                }
                if (!spool_next(s, &f->chunk, f->buffer, sizeof(f->buffer)))
                        continue;
                told->first = f->chunk.first;
                told->count = f->chunk.count;
                told->chunk = BEGUN;
                if (next_random(&seed) % 2)
                        continue; /* the next round asks for it again */
                told->chunk = ENDING;
                spool_release(s);
                told->released = told->first + told->count;
                told->chunk = NONE;
        }
}

static void assert_whole(struct fixture *f, const struct report *told)
{
        struct walked w = {0};
        assert_int_equal(f->lost, 0);
        spool_walk(f->spool, note_record, &w);
        assert_false(w.wrong);
        uint64_t position = spool_position(f->spool);
        assert_true(!w.any || w.next == position);
        assert_in_range(position, told->appended, told->appended + 8);
        if (!spool_next(f->spool, &f->chunk, f->buffer, sizeof(f->buffer))) {
                assert_true(told->chunk != BEGUN);
                assert_int_equal(told->chunk == ENDING ? told->first + told->count : told->released, position);
                return;
        }
        assert_true(is_chunk_right(f->spool, &f->chunk));
        bool same = f->chunk.first == told->first && f->chunk.count == told->count;
        bool next = f->chunk.first == told->first + told->count;
        assert_true(told->chunk == NONE    ? f->chunk.first == told->released
                    : told->chunk == BEGUN ? same
                                           : same || next);
}

static void kill_at_random(pid_t child, struct report *told, uint64_t step)
{
        while (told->steps < step)
                sched_yield();
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &(int){0}, 0), child);
}

static void test_killed_anywhere(void **state)
{
        struct fixture *f = *state;
        struct report *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        uint32_t seed = (uint32_t)getpid();
        uint64_t instance = spool_instance(f->spool);
        for (int i = 0; i < KILLS; i++) {
                spool_close(f->spool);
                f->spool = NULL;
                uint32_t seed_of_child = next_random(&seed);
                uint64_t step = told->steps + next_random(&seed) % 200;
                pid_t child = fork();
                if (child == 0)
                        work_until_killed(f, told, seed_of_child);
                kill_at_random(child, told, step);
                open_spool(f, RING_BYTES);
                assert_true(spool_instance(f->spool) == instance);
                assert_whole(f, told);
                if (told->chunk != NONE && f->chunk.count == 0)
                        told->released = told->first + told->count;
                if (f->chunk.count > 0) { /* assert_whole() has begun a chunk */
                        told->released = f->chunk.first;
                        told->first = f->chunk.first;
                        told->count = f->chunk.count;
                }
                told->chunk = f->chunk.count > 0 ? BEGUN : NONE;
                told->appended = spool_position(f->spool);
        }
        assert_true(spool_position(f->spool) > 4 * RING_BYTES / SHORT_MAX_BYTES); /* several times around the ring */
        munmap(told, sizeof(*told));
}

/* Opens the spool in a process that is killed before or after its system call number `calls`, `steps` instructions
 * later. Returns true if it came so far. */
static bool kill_opening(struct fixture *f, size_t bytes, unsigned calls, uint32_t steps)
{
        int status;
        pid_t child = fork();
        if (child == 0) {
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                _exit(spool_open(f->path, bytes, f->notes, NETWORK, &f->lost) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL), 0);
        for (unsigned i = 0; i < calls + steps && !WIFEXITED(status); i++) {
                assert_true(WIFSTOPPED(status));
                ptrace(i < calls ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, child, NULL, NULL);
                assert_int_equal(waitpid(child, &status, 0), child);
        }
        if (WIFEXITED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0);
                return false;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        return true;
}

static void test_killed_while_it_is_made_anew(void **state)
{
        struct fixture *f = *state;
        char left_over[128];
        uint32_t seed = (uint32_t)getpid();
        unsigned kills = 0;
        bool killed = true;
        snprintf(left_over, sizeof(left_over), "%s.new", f->path);
        printf("seed %u\n", seed);
        keep(f);
        for (unsigned calls = 1; killed; calls++) {
                size_t bytes = calls % 2 ? 2 * RING_BYTES : RING_BYTES;
                uint64_t instance = f->spool->instance;
                spool_close(f->spool);
                f->spool = NULL;
                kills += killed = kill_opening(f, bytes, calls, calls % 3 ? next_random(&seed) % 2000 : 0);
                open_spool(f, bytes);
                assert_int_equal(f->lost, 0);
                assert_int_equal(file_size(f), FILE_HEAD_BYTES + bytes);
                assert_kept(f);
                assert_true(f->spool->instance != instance);
                assert_int_equal(access(left_over, F_OK), -1);
        }
        assert_in_range(kills, 20, 500);
}

/* The link is killed while a branch begins, also with a file of the version before branches. */
static void test_killed_while_a_branch_begins(void **state)
{
        struct fixture *f = *state;
        uint32_t seed = (uint32_t)getpid();
        unsigned kills = 0, survived = 0;
        printf("seed %u\n", seed);
        for (unsigned calls = 1; survived < 2; calls++) {
                append(f->spool, 2);
                uint64_t before = spool_instance(f->spool), own = spool_own(f->spool, before);
                uint64_t position = spool_position(f->spool), file = f->spool->instance;
                if (calls % 2)
                        close_before_boot(f, true);
                else
                        close_without_branches(f);
                bool killed = kill_opening(f, RING_BYTES, calls / 2, next_random(&seed) % 3000);
                kills += killed;
                survived = killed ? 0 : survived + 1;
                open_spool(f, RING_BYTES);
                assert_int_equal(f->lost, 0);
                assert_int_equal(spool_position(f->spool), position);
                if (calls % 2)
                        assert_int_equal(spool_own(f->spool, before), own);
                else
                        assert_int_equal(spool_own(f->spool, file), position);
                assert_true(spool_instance(f->spool) != before && spool_own(f->spool, spool_instance(f->spool)) == 0);
                assert_int_equal(send_all(f, position - 2), 2);
        }
        assert_in_range(kills, 10, 500);
}

enum { OPENERS = 3, OPENINGS = 100 };

/* Opens the spool again and again, each time with another size, and counts that in its state. */
static void open_often(const struct fixture *f)
{
        uint64_t lost;
        for (size_t i = 0; i < OPENINGS;) {
                struct spool *s = spool_open(f->path, RING_BYTES + i % 2 * RING_BYTES, f->notes, NETWORK, &lost);
                if (!s && errno != EBUSY)
                        _exit(1);
                if (!s)
                        continue;
                ++*(uint32_t *)spool_kept(s);
                spool_close(s);
                i++;
        }
        _exit(0);
}

static void test_several_make_it_anew(void **state)
{
        struct fixture *f = *state;
        int status;
        spool_close(f->spool);
        f->spool = NULL;
        for (int i = 0; i < OPENERS; i++)
                if (fork() == 0)
                        open_often(f);
        for (int i = 0; i < OPENERS; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        open_spool(f, RING_BYTES);
        assert_int_equal(*(uint32_t *)spool_kept(f->spool), OPENERS * OPENINGS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_killed_anywhere),
                TEST(test_killed_while_it_is_made_anew),
                TEST(test_killed_while_a_branch_begins),
                TEST(test_several_make_it_anew),
        };
        return RUN_TESTS(tests);
}
