#include <stdio.h>

#include "../../chat-session/ignored.h"

#include "test.h"

enum { BOB = 7, EVE };

static bool hides(struct ignore_list *l, enum record_kind kind, uint64_t id, const char *name, const char *text)
{
        struct record r = {.kind = (uint8_t)kind, .id = id, .name = slice_of(name), .text = slice_of(text)};
        bool hidden = ignored_hides(l, &r);
        ignored_note(l, &r);
        return hidden;
}

/* Hides everything that a person says and chooses, under any name. */
static void test_a_person(void **state)
{
        static const uint8_t kinds[] = {RECORD_LINE, RECORD_ACTION, RECORD_PRIVATE, RECORD_WENT,
                                        RECORD_CAME, RECORD_TOPIC,  RECORD_RENAME};
        struct ignore_list l = {0};
        (void)state;
        assert_true(ignored_add(&l, BOB, slice_of("bob")));
        assert_false(hides(&l, RECORD_JOIN, BOB, "bob", ""));
        for (size_t i = 0; i < sizeof(kinds); i++) {
                assert_true(hides(&l, kinds[i], BOB, "bob", "rude"));
                assert_false(hides(&l, kinds[i], EVE, "eve", "polite"));
        }
        assert_string_equal(l.people[0].name, "rude");
        assert_true(hides(&l, RECORD_LINE, BOB, "rude", "x"));
        assert_true(hides(&l, RECORD_LINE, BOB, "ruder", "x")); /* renamed in another room */
        assert_string_equal(l.people[0].name, "ruder");
        assert_false(hides(&l, RECORD_LINE, EVE, "bob", "x")); /* the name is free, and another member takes it */
        assert_false(hides(&l, RECORD_NOTICE, ADMIN_ID, "", "x"));
        assert_true(hides(&l, RECORD_LEAVE, BOB, "ruder", ""));
}

static void test_who_comes_back(void **state)
{
        struct ignore_list l = {0};
        (void)state;
        assert_true(ignored_add(&l, BOB, slice_of("bob")));
        assert_false(hides(&l, RECORD_LEAVE, BOB, "bob", ""));
        assert_non_null(ignored_find_absent(&l, slice_of("BOB")));
        assert_false(hides(&l, RECORD_RENAME, EVE, "127.0.0.1:7", "eve"));
        assert_false(hides(&l, RECORD_LINE, EVE, "eve", "x"));
        assert_false(hides(&l, RECORD_RENAME, BOB + 7, "127.0.0.1:8", "Bob"));
        assert_null(ignored_find_absent(&l, slice_of("bob")));
        assert_true(hides(&l, RECORD_LINE, BOB + 7, "Bob", "x"));
        assert_true(hides(&l, RECORD_RENAME, BOB + 7, "Bob", "rob"));
        assert_true(hides(&l, RECORD_LINE, BOB + 7, "rob", "x"));
}

/* Two members with one name on two hosts are two people, and a member of this name here is a third. */
static void test_other_hosts(void **state)
{
        struct ignore_list l = {0};
        (void)state;
        assert_true(ignored_add(&l, LINK_ID, slice_of("bob@a")));
        assert_true(hides(&l, RECORD_LINE, LINK_ID, "bob@a", "x"));
        assert_false(hides(&l, RECORD_LINE, LINK_ID, "bob@b", "x"));
        assert_false(hides(&l, RECORD_LINE, BOB, "bob", "x"));
        assert_true(hides(&l, RECORD_RENAME, LINK_ID, "bob@a", "rob@a"));
        assert_false(hides(&l, RECORD_RENAMED, LINK_ID, "bob@a", "rob@a")); /* the same once more */
        assert_true(hides(&l, RECORD_LINE, LINK_ID, "rob@a", "x"));
        assert_false(hides(&l, RECORD_LINE, LINK_ID, "bob@a", "x")); /* another person */
        assert_false(
                hides(&l, RECORD_RENAMED, LINK_ID, "rob@a", "zoe@a")); /* in another room; it is not shown anyway */
        assert_true(hides(&l, RECORD_LINE, LINK_ID, "zoe@a", "x"));
        assert_non_null(ignored_find_absent(&l, slice_of("zoe@a")));
}

static void test_as_many_as_can_be(void **state)
{
        struct ignore_list l = {0};
        char name[16];
        (void)state;
        for (unsigned i = 0; i < IGNORED_PEOPLE_MAX; i++) {
                snprintf(name, sizeof(name), "person-%u", i);
                assert_true(ignored_add(&l, 100 + i, slice_of(name)));
        }
        assert_false(ignored_add(&l, 99, slice_of("one-too-many")));
        ignored_remove(&l, ignored_find(&l, 100, slice_of("")));
        assert_int_equal(l.count, IGNORED_PEOPLE_MAX - 1);
        assert_null(ignored_find(&l, 100, slice_of("person-0")));
        for (unsigned i = 1; i < IGNORED_PEOPLE_MAX; i++)
                assert_non_null(ignored_find(&l, 100 + i, slice_of("")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_person),
                cmocka_unit_test(test_who_comes_back),
                cmocka_unit_test(test_other_hosts),
                cmocka_unit_test(test_as_many_as_can_be),
        };
        return RUN_TESTS(tests);
}
