/* The table of events, and the catalog that explains them to people. */
#include <stdio.h>
#include <string.h>

#include <chat/message-ids.h>

#include "test.h"

enum { ID_DIGITS_MAX = 32, LINE_BYTES = 256 };

static void test_ids(void **state)
{
        (void)state;
        for (int i = 0; i < EVENT_KINDS; i++) {
                const struct event_kind *kind = event_kind((enum event)i);
                assert_non_null(kind->id);
                assert_non_null(kind->word);
                assert_int_equal(strspn(kind->id, "0123456789abcdef"), ID_DIGITS_MAX);
                assert_int_equal(strlen(kind->id), ID_DIGITS_MAX);
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(kind->id, event_kind((enum event)j)->id);
        }
}

/* Returns the number of the event with this id, or EVENT_KINDS. */
static int find_event(const char *id)
{
        int i = 0;
        while (i < EVENT_KINDS && strcmp(event_kind((enum event)i)->id, id) != 0)
                i++;
        return i;
}

/* Each event has one entry, and each entry is of an event. An entry begins with "-- ID". */
static void test_catalog(void **state)
{
        (void)state;
        char line[LINE_BYTES], id[ID_DIGITS_MAX + 1];
        unsigned entries[EVENT_KINDS] = {0};
        FILE *catalog = fopen("units/chat.catalog", "re");
        assert_non_null(catalog);
        while (fgets(line, sizeof(line), catalog)) {
                if (sscanf(line, "-- %32[0-9a-f]", id) != 1)
                        continue;
                int event = find_event(id);
                if (event == EVENT_KINDS)
                        fail_msg("units/chat.catalog explains %s, which is no event", id);
                entries[event]++;
        }
        fclose(catalog);
        for (int i = 0; i < EVENT_KINDS; i++)
                if (entries[i] != 1)
                        fail_msg("%u entries in units/chat.catalog for %s (%s)", entries[i],
                                 event_kind((enum event)i)->id, event_kind((enum event)i)->word);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_catalog),
        };
        return RUN_TESTS(tests);
}
