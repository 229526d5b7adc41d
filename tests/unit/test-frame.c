#include <stdio.h>

#include <chat/record.h>

#include "test.h"

static size_t encode(uint8_t buffer[static FRAME_MAX_BYTES], const struct frame *f)
{
        size_t n = frame_encode(buffer, FRAME_MAX_BYTES, f);
        assert_true(n > 0);
        return n;
}

static void test_hello_round_trip(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f, in = {.type = FRAME_HELLO, .id = 7, .name = slice_of("ann"), .address = slice_of("[::1]:9")};
        size_t n = encode(buffer, &in);
        assert_int_equal(frame_decode(&f, buffer, n), 0);
        assert_int_equal(f.version, FRAME_VERSION);
        assert_int_equal(f.id, 7);
        assert_true(slice_equal(f.name, in.name));
        assert_true(slice_equal(f.address, in.address));
}

static void test_every_type_round_trips(void **state)
{
        (void)state;
        unsigned known = 0;
        for (unsigned type = 0; type <= UINT8_MAX; type++) {
                uint8_t buffer[FRAME_MAX_BYTES];
                struct frame f, in = {.type = (uint8_t)type,
                                      .id = 1,
                                      .number = 2,
                                      .name = {"", 0},
                                      .address = {"", 0},
                                      .text = {"", 0},
                                      .members = 3};
                if (!frame_rule(in.type)) {
                        assert_int_equal(frame_encode(buffer, sizeof(buffer), &in), 0);
                        continue;
                }
                known++;
                size_t n = encode(buffer, &in);
                assert_int_equal(frame_decode(&f, buffer, n), 0);
                assert_int_equal(f.type, type);
                assert_int_equal(f.number, 2);
                assert_int_equal(f.members, f.type == FRAME_WELCOME ? 3 : 0);
                /* a shorter form is refused; a longer form is refused, too, unless records follow */
                for (size_t cut = 0; cut < n; cut++)
                        assert_int_equal(frame_decode(&f, buffer, cut), -EBADMSG);
                buffer[n] = 0;
                assert_int_equal(frame_decode(&f, buffer, n + 1), frame_has_records(in.type) ? 0 : -EBADMSG);
        }
        assert_int_equal(known, 50);
}

static void test_integers_are_little_endian(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        static const uint8_t expected[] = {
                FRAME_VERSION, FRAME_NOTICE, 1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 'h', 'i', 0, 0};
        size_t n = encode(
                buffer,
                &(struct frame){.type = FRAME_NOTICE, .id = 1, .number = 0x0102030405060708, .text = slice_of("hi")});
        assert_int_equal(n, sizeof(expected));
        assert_memory_equal(buffer, expected, n);
        frame_set_number(buffer, 0x0807060504030201);
        for (uint8_t i = 0; i < 8; i++)
                assert_int_equal(buffer[FRAME_HEADER_BYTES - 8 + i], i + 1);
}

static void test_later_version_may_append(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {0};
        size_t n = encode(buffer, &(struct frame){.type = FRAME_LINE, .id = 1, .number = 1, .text = slice_of("hi")});
        buffer[0] = FRAME_VERSION + 1;
        memcpy(buffer + n, "more", 4);
        assert_int_equal(frame_decode(&f, buffer, n + 4), 0);
        assert_true(slice_equal(f.text, slice_of("hi")));
        assert_int_equal(frame_decode(&f, buffer, n - 1), -EBADMSG);
}

/* The state of the sandbox in HELLO and HERE, since version 5. For earlier sessions nothing is known to be missing. */
static void test_confinement(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f, in = {.type = FRAME_HELLO, .id = 7, .name = slice_of("ann"), .address = slice_of("a")};
        for (in.confinement = CONFINED; in.confinement <= CONFINEMENTS; in.confinement++) {
                size_t n = encode(buffer, &in);
                assert_int_equal(frame_decode(&f, buffer, n), 0);
                assert_int_equal(f.confinement, in.confinement);
                buffer[0] = 4; /* without the state, and without `roams` behind it */
                assert_int_equal(frame_decode(&f, buffer, n - 1), -EBADMSG);
                assert_int_equal(frame_decode(&f, buffer, n - 2), 0);
                assert_int_equal(f.confinement, CONFINED);
        }
        size_t n = encode(buffer, &(struct frame){.type = FRAME_UNSERVED, .id = 7, .key = EINVAL});
        assert_int_equal(frame_decode(&f, buffer, n), 0);
        assert_int_equal(f.key, EINVAL);
}

/* A session of a version before 9 is in one room. */
static void test_roams(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f, in = {.type = FRAME_HELLO, .id = 7, .name = slice_of("ann"), .address = slice_of("a")};
        in.roams = true;
        size_t n = encode(buffer, &in);
        assert_int_equal(frame_decode(&f, buffer, n), 0);
        assert_true(f.roams);
        buffer[0] = 8;
        assert_int_equal(frame_decode(&f, buffer, n - 1), 0);
        assert_false(f.roams);
}

static void test_unknown_type_and_version(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {0};
        size_t n = encode(buffer, &(struct frame){.type = FRAME_GONE, .id = 9});
        buffer[1] = 200;
        assert_int_equal(frame_decode(&f, buffer, n), FRAME_E_TYPE);
        assert_int_equal(f.id, 9);
        buffer[0] = 0;
        assert_int_equal(frame_decode(&f, buffer, n), -EPROTONOSUPPORT);
        assert_int_equal(frame_encode(buffer, sizeof(buffer), &(struct frame){.type = 200}), 0);
}

static void test_string_limits(void **state)
{
        (void)state;
        char text[TEXT_MAX_BYTES + 1];
        uint8_t buffer[FRAME_MAX_BYTES * 2];
        struct frame f, in = {.type = FRAME_LINE, .text = {text, TEXT_MAX_BYTES}};
        memset(text, 'x', sizeof(text));
        size_t n = frame_encode(buffer, sizeof(buffer), &in);
        assert_in_range(n, TEXT_MAX_BYTES, FRAME_MAX_BYTES);
        assert_int_equal(frame_decode(&f, buffer, n), 0);
        in.text.len++;
        n = frame_encode(buffer, sizeof(buffer), &in);
        assert_int_equal(frame_decode(&f, buffer, n), -EBADMSG);
        assert_int_equal(frame_encode(buffer, 30, &in), 0);
}

static void test_a_string_that_lies_about_its_length(void **state)
{
        (void)state;
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {0};
        size_t n = encode(buffer, &(struct frame){.type = FRAME_LINE, .text = slice_of("abc")});
        buffer[FRAME_HEADER_BYTES] = 4;
        assert_int_equal(frame_decode(&f, buffer, n), -EBADMSG);
        buffer[FRAME_HEADER_BYTES] = 2;
        assert_int_equal(frame_decode(&f, buffer, n), -EBADMSG);
}

static void test_records(void **state)
{
        (void)state;
        uint8_t buffer[256];
        struct record in = {.kind = RECORD_LINE, .id = 3, .number = 4, .name = slice_of("bo"), .text = slice_of("hey")};
        struct record out = {0};
        size_t n = record_encode(buffer, sizeof(buffer), &in);
        assert_int_equal(n, RECORD_HEADER_BYTES + 5);
        in.kind = RECORD_LEAVE;
        in.text.len = 0;
        n += record_encode(buffer + n, sizeof(buffer) - n, &in);
        assert_int_equal(record_encode(buffer, RECORD_HEADER_BYTES, &in), 0);

        struct wire_reader r = wire_read(buffer, n);
        assert_int_equal(record_next(&r, &out), 1);
        assert_int_equal(out.kind, RECORD_LINE);
        assert_int_equal(out.id, 3);
        assert_int_equal(out.number, 4);
        assert_true(slice_equal(out.name, slice_of("bo")));
        assert_true(slice_equal(out.text, slice_of("hey")));
        assert_int_equal(record_next(&r, &out), 1);
        assert_int_equal(out.text.len, 0);
        assert_int_equal(record_next(&r, &out), 0);

        for (size_t cut = RECORD_HEADER_BYTES + 6; cut < n; cut++) { /* the second one cut short */
                r = wire_read(buffer, cut);
                assert_int_equal(record_next(&r, &out), 1);
                assert_int_equal(record_next(&r, &out), -EBADMSG);
        }
        buffer[3] = 200; /* a name longer than the record */
        r = wire_read(buffer, n);
        assert_int_equal(record_next(&r, &out), -EBADMSG);
}

/* A reader of records has no room for longer ones. */
static void test_records_are_bounded(void **state)
{
        (void)state;
        static uint8_t buffer[2 * FRAME_MAX_BYTES];
        static char text[2 * TEXT_MAX_BYTES];
        struct record out = {0};
        memset(text, 'x', sizeof(text));
        for (size_t more = 0; more < 4; more++) {
                struct record in = {.kind = RECORD_LINE,
                                    .name = {text, NAME_MAX_BYTES},
                                    .text = {text, TEXT_MAX_BYTES + more % 2},
                                    .room = {"kitchen", more < 2 ? 0 : 7}};
                size_t n = record_encode(buffer, sizeof(buffer), &in);
                struct wire_reader r = wire_read(buffer, n);
                assert_int_equal(record_next(&r, &out), 1);
                assert_int_equal(record_is_bounded(&out), more % 2 == 0);
                buffer[3] = NAME_MAX_BYTES + 1; /* record_encode() does not write such a name */
                r = wire_read(buffer, n);
                if (record_next(&r, &out) > 0)
                        assert_false(record_is_bounded(&out));
        }
}

static struct record styled_record(const char *styled, bool is_notice)
{
        return (struct record){.kind = RECORD_LINE,
                               .id = 3,
                               .number = 4,
                               .name = slice_of("bo"),
                               .text = slice_of("hey"),
                               .room = slice_of("den"),
                               .styled = slice_of(styled),
                               .is_notice = is_notice};
}

/* A STYLE stands behind its record. A reader that does not know it finds two records. */
static void test_styles(void **state)
{
        (void)state;
        uint8_t buffer[256];
        static const struct {
                const char *styled;
                bool is_notice;
        } all[] = {{"\x02hey", false}, {"", true}, {"\x02hey", true}, {"", false}};
        for (size_t i = 0; i < 4; i++) {
                struct record in = styled_record(all[i].styled, all[i].is_notice), out;
                size_t n = record_encode_styled(buffer, sizeof(buffer), &in);
                struct wire_reader r = wire_read(buffer, n);
                assert_int_equal(records_count(r), i < 3 ? 2 : 1);
                assert_int_equal(record_next_styled(&r, &out), 1);
                assert_int_equal(wire_left(&r), 0);
                assert_true(slice_equal(out.styled, in.styled));
                assert_int_equal(out.is_notice, in.is_notice);
                assert_true(slice_equal(out.text, in.text));
                assert_true(slice_equal(out.room, in.room));
                r = wire_read(buffer, n);
                assert_int_equal(record_next(&r, &out), 1);
                assert_false(record_has_style(&out));
                for (size_t size = 0; size < n; size++)
                        assert_int_equal(record_encode_styled(buffer, size, &in), 0);
        }
}

/* A STYLE of another record, or one that is too long, changes nothing. */
static void test_styles_of_others(void **state)
{
        (void)state;
        static uint8_t buffer[2 * FRAME_MAX_BYTES];
        static char text[STYLED_MAX_BYTES + 1];
        memset(text, 'x', sizeof(text));
        for (int i = 0; i < 4; i++) {
                struct record in = styled_record("", false), out;
                struct record style = {.kind = RECORD_STYLE, .id = 3, .number = 4, .text = {text, STYLED_MAX_BYTES}};
                style.id += i == 1;
                style.number += i == 2;
                style.text.len += i == 3;
                size_t n = record_encode(buffer, sizeof(buffer), &in);
                n += record_encode(buffer + n, sizeof(buffer) - n, &style);
                struct wire_reader r = wire_read(buffer, n);
                assert_int_equal(record_next_styled(&r, &out), 1);
                assert_int_equal(out.styled.len, i == 0 ? STYLED_MAX_BYTES : 0);
                assert_int_equal(wire_left(&r) > 0, i != 0);
        }
}

/* A reader of version 9 finds the fields that it knows, and more bytes behind them. */
static void test_styles_in_frames(void **state)
{
        (void)state;
        static const uint8_t types[] = {FRAME_ROOM_LINE, FRAME_ROOM_ACTION, FRAME_PRIVATE, FRAME_SENT};
        uint8_t buffer[FRAME_MAX_BYTES];
        for (size_t i = 0; i < sizeof(types); i++) {
                struct frame out, in = {.type = types[i],
                                        .name = slice_of("bo"),
                                        .text = slice_of("hey"),
                                        .speech = SPEECH_NOTICE,
                                        .styled = slice_of("\x02hey")};
                size_t n = encode(buffer, &in);
                assert_int_equal(frame_decode(&out, buffer, n), 0);
                assert_int_equal(out.speech, SPEECH_NOTICE);
                assert_true(slice_equal(out.styled, in.styled));
                n -= FRAME_APPENDED_BYTES + 1 + sizeof(uint16_t) + in.styled.len;
                buffer[0] = FRAME_STYLED_SINCE - 1;
                assert_int_equal(frame_decode(&out, buffer, n), 0);
                assert_true(slice_equal(out.text, in.text));
                assert_int_equal(out.speech, 0);
                assert_int_equal(out.styled.len, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hello_round_trip),
                cmocka_unit_test(test_every_type_round_trips),
                cmocka_unit_test(test_integers_are_little_endian),
                cmocka_unit_test(test_later_version_may_append),
                cmocka_unit_test(test_unknown_type_and_version),
                cmocka_unit_test(test_confinement),
                cmocka_unit_test(test_roams),
                cmocka_unit_test(test_string_limits),
                cmocka_unit_test(test_a_string_that_lies_about_its_length),
                cmocka_unit_test(test_records),
                cmocka_unit_test(test_records_are_bounded),
                cmocka_unit_test(test_styles),
                cmocka_unit_test(test_styles_of_others),
                cmocka_unit_test(test_styles_in_frames),
        };
        return RUN_TESTS(tests);
}
