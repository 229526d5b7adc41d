/* Files with an entry in each line, here files of bans. After any damage, intact bans are in effect, and the others are
 * reported. */
#include <stdio.h>

#include "../../chatd/bans.h"
#include "../../chatd/lines-file.h"

#include "test.h"

#define OLD_FIRST_LINE "# Who may not join the chat: WHAT TIME UID REASON. Written by chatd; chatctl(1) changes it.\n"

enum {
        BANS = 8,
        TEXT_MAX_BYTES_HERE = 8192,
        DAMAGES = 5000,
};

/* Bans that are similar, so that damage easily turns one into another. */
static const char *const whats[BANS] = {"192.0.2.1",      "192.0.2.3", "192.0.2.0/24", "2001:db8::1",
                                        "2001:db8::/128", "bob",       "rob",          "b-b"};

struct text {
        char at[TEXT_MAX_BYTES_HERE];
        size_t size;
};

struct taken {
        struct ban list[64];
        size_t count;
};

static int take(void *user, char *line)
{
        struct taken *t = user;
        struct ban ban;
        int r = ban_parse_line(&ban, line);
        if (r < 0)
                return r;
        assert_true(t->count < sizeof(t->list) / sizeof(t->list[0]));
        t->list[t->count++] = ban;
        return 0;
}

/* Reads a file of bans into `taken`. Returns what lines_file_read() does. */
static int read_bans(const char *text, size_t size, struct taken *taken, struct lines_file_report *report)
{
        struct lines_file_kind kind = bans_file;
        kind.take = take;
        return lines_file_read(&kind, text, size, taken, report);
}

static void make_bans(struct ban list[static BANS], int64_t time)
{
        for (size_t i = 0; i < BANS; i++) {
                list[i] = (struct ban){.time = time, .uid = (uid_t)(i * 1000)};
                assert_int_equal(ban_parse(&list[i], whats[i]), 0);
                snprintf(list[i].reason, sizeof(list[i].reason), "%s", i % 2 ? "was rude" : "");
        }
}

static struct text write_bans(const struct ban *list, size_t count)
{
        struct text t;
        char *text = lines_file_write(&bans_file, list, count, &t.size);
        assert_non_null(text);
        assert_true(t.size < sizeof(t.at));
        memcpy(t.at, text, t.size + 1);
        free(text);
        return t;
}

static struct lines_file_report read_text(const struct text *t, struct taken *taken)
{
        struct lines_file_report report;
        char *copy = malloc(t->size ? t->size : 1); /* exact size, so that ASan sees reads beyond the end */
        memcpy(copy, t->at, t->size);
        taken->count = 0;
        assert_int_equal(read_bans(copy, t->size, taken, &report), 0);
        free(copy);
        return report;
}

static bool has(const struct taken *t, const struct ban *ban)
{
        for (size_t i = 0; i < t->count; i++)
                if (strcmp(t->list[i].target, ban->target) == 0 && strcmp(t->list[i].reason, ban->reason) == 0 &&
                    t->list[i].time == ban->time && t->list[i].uid == ban->uid)
                        return true;
        return false;
}

static size_t count_kept(const struct taken *t, const struct ban list[static BANS])
{
        size_t n = 0;
        for (size_t i = 0; i < BANS; i++)
                n += has(t, &list[i]);
        return n;
}

static size_t count_wrong(const struct taken *t, const struct ban list[static BANS])
{
        struct taken right = {.count = BANS};
        size_t n = 0;
        memcpy(right.list, list, BANS * sizeof(list[0]));
        for (size_t i = 0; i < t->count; i++)
                n += !has(&right, &t->list[i]);
        return n;
}

static void test_what_was_written(void **state)
{
        struct ban list[BANS];
        struct taken taken;
        (void)state;
        make_bans(list, 1700000000);
        for (size_t count = 0; count <= BANS; count++) {
                struct text t = write_bans(list, count);
                struct lines_file_report report = read_text(&t, &taken);
                assert_int_equal(report.state, LINES_FILE_WHOLE);
                assert_true(report.has_total);
                assert_int_equal(report.total, count);
                assert_int_equal(report.intact, count);
                assert_int_equal(taken.count, count);
                for (size_t i = 0; i < count; i++)
                        assert_true(has(&taken, &list[i]));
        }
}

/* The file has had these bytes since it has checksums, and earlier versions check them. */
static void test_bytes(void **state)
{
        struct ban list[2] = {{.time = 1700000000, .uid = 1000, .reason = "spam"},
                              {.time = 1700000000, .reason = "was rude"}};
        (void)state;
        assert_int_equal(ban_parse(&list[0], "192.0.2.0/24"), 0);
        assert_int_equal(ban_parse(&list[1], "bob"), 0);
        assert_string_equal(
                write_bans(list, 2).at,
                "#bans 2 23e572345c33d486 3ba00cfd338a99c2\n"
                "# Who may not join the chat: WHAT TIME UID REASON. chatd writes this file, chatctl(1) changes it.\n"
                "# To edit it: stop chatd, and remove all lines that begin with #; chatd writes them again. See "
                "chatd(8).\n"
                "#sum ffeba3bf579629c0\n"
                "192.0.2.0/24 1700000000 1000 spam\n"
                "#sum dc0ed18b0ba5fd46\n"
                "bob 1700000000 0 was rude\n"
                "#end 2 23e572345c33d486 f76078b05e50277d\n");
}

/* A chatd of the version before skips lines that begin with "#", and reads the others as bans. */
static void test_a_downgrade(void **state)
{
        struct ban list[BANS];
        struct taken taken;
        (void)state;
        make_bans(list, 1700000000);
        struct text t = write_bans(list, BANS), old = {.size = 0};
        for (char *line = strtok(t.at, "\n"); line; line = strtok(NULL, "\n")) {
                if (line[0] == '#')
                        continue;
                old.size += (size_t)snprintf(old.at + old.size, sizeof(old.at) - old.size, "%s\n", line);
        }
        assert_string_equal(strtok(old.at, "\n"), "192.0.2.1 1700000000 0 ");
        assert_string_equal(strtok(NULL, "\n"), "192.0.2.3 1700000000 1000 was rude");

        /* a file of that version is read without a complaint */
        t.size = (size_t)snprintf(t.at, sizeof(t.at), OLD_FIRST_LINE);
        assert_int_equal(read_text(&t, &taken).state, LINES_FILE_OLD);
        t.size += (size_t)snprintf(t.at + t.size, sizeof(t.at) - t.size, "bob 1700000000 5 was rude\n::1 1 0 \n");
        struct lines_file_report report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_OLD);
        assert_int_equal(report.without_sum.count, 2);
        assert_int_equal(taken.count, 2);
        t.size -= 2; /* cut in its last line */
        report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
        assert_int_equal(report.bad.count, 1);
        assert_int_equal(report.bad.first[0], 3);
        assert_int_equal(taken.count, 1);
}

static void read_string(const char *text, struct lines_file_report *report, struct taken *taken)
{
        struct text t = {.size = strlen(text)};
        memcpy(t.at, text, t.size);
        *report = read_text(&t, taken);
}

static void test_files_of_people(void **state)
{
        struct lines_file_report report;
        struct taken taken;
        (void)state;
        read_string("bob 1 0 \n\n# and\nann 1 0 why\n", &report, &taken);
        assert_int_equal(report.state, LINES_FILE_EDITED);
        assert_int_equal(taken.count, 2);
        assert_int_equal(report.without_sum.count, 2);
        assert_int_equal(report.without_sum.first[1], 4);
        read_string("bob 1 0 \nann\n", &report, &taken);
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
        assert_int_equal(taken.count, 1);
        read_string("", &report, &taken); /* no program writes such a file */
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
        read_string("# nothing\n", &report, &taken);
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
}

/* Appends a line to chatd's bans, or replaces a text. */
static struct text edit(const struct ban list[static BANS], const char *from, const char *to)
{
        struct text t = write_bans(list, BANS), edited = {0};
        char *found = strstr(t.at, from);
        assert_non_null(found);
        edited.size = (size_t)snprintf(edited.at, sizeof(edited.at), "%.*s%s%s", (int)(found - t.at), t.at, to,
                                       found + strlen(from));
        return edited;
}

static void test_edits(void **state)
{
        struct ban list[BANS];
        struct taken taken;
        (void)state;
        make_bans(list, 1700000000);
        struct text t = edit(list, "#end ", "eve 1 0 \n#end ");
        struct lines_file_report report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_EDITED);
        assert_int_equal(report.without_sum.count, 1);
        assert_int_equal(taken.count, BANS + 1);

        t = edit(list, "bob 1700000000", "eve 1 0 \nbob 1700000000"); /* the checksum is still that of bob */
        report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_EDITED);
        assert_int_equal(taken.count, BANS + 1);

        t = edit(list, "bob 1700000000", "bob 1600000000");
        report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
        assert_int_equal(report.intact, BANS - 1);
        assert_int_equal(report.bad.count, 1);
        assert_int_equal(taken.count, BANS - 1);

        t = edit(list, "# Who ", "# Those who ");
        assert_int_equal(read_text(&t, &taken).state, LINES_FILE_WHOLE);
}

/* A ban of an earlier file, with the checksum that it had there. */
static void test_a_ban_of_an_earlier_file(void **state)
{
        struct ban list[BANS], earlier[BANS];
        struct taken taken;
        (void)state;
        make_bans(list, 1700000000);
        make_bans(earlier, 1700000001);
        struct text t = write_bans(list, BANS);
        const struct text e = write_bans(earlier, BANS);
        const char *rob = strstr(e.at, "rob ") - 22;
        assert_int_equal(t.size, e.size);
        memcpy(t.at + (rob - e.at), rob, 22 + 20);
        struct lines_file_report report = read_text(&t, &taken);
        assert_int_equal(report.state, LINES_FILE_DAMAGED);
        assert_true(report.is_mixed);
        assert_int_equal(report.intact, BANS);
}

/* Checks what must be true for a damaged file. */
static void check_damaged(const struct text *t, const struct ban list[static BANS], struct lines_file_report *report,
                          struct taken *taken)
{
        *report = read_text(t, taken);
        size_t kept = count_kept(taken, list), wrong = count_wrong(taken, list);
        bool without_any = report->state == LINES_FILE_EDITED && !report->has_total; /* all of it is reported */
        if (kept < BANS && report->state != LINES_FILE_DAMAGED && !without_any)
                fail_msg("%zu bans were lost without a word", BANS - kept);
        if (wrong > report->without_sum.count &&
            report->state != LINES_FILE_DAMAGED) /* a wrong ban in a damaged file comes from another file */
                fail_msg("%zu bans are wrong, of %zu it is said", wrong, report->without_sum.count);
        assert_true(report->intact + report->without_sum.count == taken->count);
}

/* A damaged bit costs at most the ban of its line, and never makes another ban. */
static void test_each_bit(void **state)
{
        struct ban list[BANS];
        struct taken taken;
        struct lines_file_report report;
        unsigned lost = 0;
        (void)state;
        make_bans(list, 1700000000);
        const struct text right = write_bans(list, BANS);
        for (size_t bit = 0; bit < right.size * 8; bit++) {
                struct text t = right;
                t.at[bit / 8] = (char)(t.at[bit / 8] ^ (1 << bit % 8));
                check_damaged(&t, list, &report, &taken);
                assert_int_equal(count_wrong(&taken, list), 0);
                assert_in_range(count_kept(&taken, list), BANS - 1, BANS);
                lost += count_kept(&taken, list) < BANS;
        }
        printf("%zu bits of %zu bans: %u cost a ban\n", right.size * 8, (size_t)BANS, lost);
        assert_in_range(lost, 1, right.size * 8 / 2);
}

static void test_each_cut(void **state)
{
        struct ban list[BANS];
        struct taken taken;
        struct lines_file_report report;
        (void)state;
        make_bans(list, 1700000000);
        const struct text right = write_bans(list, BANS);
        for (size_t size = 0; size < right.size; size++) {
                struct text t = right;
                t.size = size;
                check_damaged(&t, list, &report, &taken);
                assert_int_equal(count_wrong(&taken, list), 0);
                for (size_t i = 0; i < taken.count; i++)
                        assert_string_equal(taken.list[i].target, list[i].target);
                memset(t.at + size, 0, right.size - size); /* the file has zeros in place of the rest */
                t.size = right.size;
                check_damaged(&t, list, &report, &taken);
                assert_int_equal(count_wrong(&taken, list), 0);
        }
}

/* ---- any damage ---- */

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

static size_t split(const struct text *t, struct slice lines[static 64])
{
        size_t n = 0;
        for (const char *at = t->at, *end; at < t->at + t->size && n < 64; at = end) {
                end = memchr(at, '\n', (size_t)(t->at + t->size - at));
                end = end ? end + 1 : t->at + t->size;
                lines[n++] = (struct slice){at, (size_t)(end - at)};
        }
        return n;
}

static struct text join(const struct slice *lines, size_t count)
{
        struct text t = {0};
        for (size_t i = 0; i < count; i++) {
                assert_true(t.size + lines[i].len < sizeof(t.at));
                memcpy(t.at + t.size, lines[i].at, lines[i].len);
                t.size += lines[i].len;
        }
        return t;
}

/* Swaps two lines, removes one, repeats one, or inserts one of another file. */
static struct text damage_lines(const struct text *t, const struct text *other, uint32_t *seed)
{
        struct slice lines[64], others[64];
        size_t n = split(t, lines), of_other = split(other, others);
        if (n == 0)
                return *t;
        size_t a = next_random(seed) % n, b = next_random(seed) % n;
        const struct slice moved = lines[a];
        switch (next_random(seed) % 4) {
        case 0:
                lines[a] = lines[b];
                lines[b] = moved;
                break;
        case 1:
                memmove(lines + a, lines + a + 1, (n - a - 1) * sizeof(lines[0]));
                n--;
                break;
        case 2:
                lines[b] = moved;
                break;
        default:
                lines[a] = others[next_random(seed) % of_other];
                break;
        }
        return join(lines, n);
}

static void damage_bytes(struct text *t, uint32_t *seed)
{
        size_t size = next_random(seed) % 3 ? 1 : 1 + next_random(seed) % 60;
        size_t at = t->size ? next_random(seed) % t->size : 0;
        bool zeros = next_random(seed) % 8 == 0;
        for (size_t i = at; i < at + size && i < t->size; i++)
                t->at[i] = (char)(zeros ? 0 : t->at[i] ^ (1 << next_random(seed) % 8));
}

/* Returns how many bans have their whole line in the text, and the line of their checksum in front of it. */
static size_t count_untouched(const struct text *t, const struct text *right, const struct taken *taken,
                              const struct ban list[static BANS])
{
        struct slice lines[64], rights[64];
        size_t n = split(t, lines), of_right = split(right, rights), untouched = 0, found = 0;
        for (size_t i = 0; i + 1 < of_right && found < BANS; i++) {
                bool whole = false;
                if (rights[i + 1].at[0] == '#')
                        continue;
                for (size_t at = 0; at + 1 < n; at++)
                        whole |= slice_equal(lines[at], rights[i]) && slice_equal(lines[at + 1], rights[i + 1]);
                if (whole && !has(taken, &list[found]))
                        fail_msg("%s is intact, and not in effect", list[found].target);
                untouched += whole;
                found++;
        }
        return untouched;
}

static void test_any_damage(void **state)
{
        struct ban list[BANS], earlier[BANS];
        struct taken taken;
        struct lines_file_report report;
        uint32_t seed = 1;
        unsigned states[LINES_FILE_DAMAGED + 1] = {0}, wrong = 0;
        size_t kept = 0, untouched = 0;
        (void)state;
        make_bans(list, 1700000000);
        make_bans(earlier, 1700000001);
        const struct text right = write_bans(list, BANS), other = write_bans(earlier, BANS / 2);
        for (int round = 0; round < DAMAGES; round++) {
                struct text t = right;
                for (uint32_t i = 1 + next_random(&seed) % 4; i > 0; i--) {
                        uint32_t kind = next_random(&seed) % 8;
                        if (kind == 0)
                                t.size -= t.size ? next_random(&seed) % t.size : 0;
                        else if (kind < 3)
                                t = damage_lines(&t, &other, &seed);
                        else
                                damage_bytes(&t, &seed);
                }
                check_damaged(&t, list, &report, &taken);
                states[report.state]++;
                wrong += count_wrong(&taken, list) > 0;
                kept += count_kept(&taken, list);
                untouched += count_untouched(&t, &right, &taken, list);
        }
        printf("of %d files %u were whole, %u edited, %u damaged; %u had a ban of no file, reported; of %d bans %zu "
               "were "
               "untouched, %zu in effect\n",
               DAMAGES, states[LINES_FILE_WHOLE], states[LINES_FILE_EDITED], states[LINES_FILE_DAMAGED], wrong,
               DAMAGES * BANS, untouched, kept);
        assert_int_equal(states[LINES_FILE_OLD], 0);
        assert_true(kept >= untouched);
        assert_in_range(states[LINES_FILE_DAMAGED], DAMAGES / 4, DAMAGES);
        assert_in_range(states[LINES_FILE_WHOLE], 1, DAMAGES);
}

/* A file that is longer than any of chatd's costs a bounded time and memory, and is reported. */
static void test_too_long(void **state)
{
        struct ban list[BANS];
        struct taken taken = {0};
        struct lines_file_report report;
        char *text = malloc(2 * LINES_FILE_MAX_BYTES);
        (void)state;
        make_bans(list, 1700000000);
        const struct text t = write_bans(list, BANS);
        memset(text, '\n', 2 * LINES_FILE_MAX_BYTES);
        memcpy(text, t.at, t.size);
        for (int i = 0; i < 2; i++) {
                taken.count = 0;
                assert_int_equal(read_bans(text, 2 * LINES_FILE_MAX_BYTES, &taken, &report), 0);
                assert_int_equal(report.state, LINES_FILE_DAMAGED);
                assert_true(report.too_long);
                assert_int_equal(taken.count, BANS);
                memset(text + t.size, '#', 2 * LINES_FILE_MAX_BYTES - t.size); /* the rest is one line */
        }
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_written),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_a_downgrade),
                cmocka_unit_test(test_files_of_people),
                cmocka_unit_test(test_edits),
                cmocka_unit_test(test_a_ban_of_an_earlier_file),
                cmocka_unit_test(test_each_bit),
                cmocka_unit_test(test_each_cut),
                cmocka_unit_test(test_any_damage),
                cmocka_unit_test(test_too_long),
        };
        return RUN_TESTS(tests);
}
