/* Answers (chat/answer.h) and their sentences (chat/sentence.h).
 *
 * Input: the columns of a window, then an answer.
 *
 * Promises: details lie within the answer and within their limits. A decoded answer is encoded to the same bytes, so
 * there is one form of each. An answer that is cut, or has bytes behind it, is refused. Its sentence is terminated,
 * fits, and has clean lines only, in any window and for a short list, too.
 */
#include <chat/sentence.h>

#include "fuzz.h"

static void check_detail(struct slice s, const uint8_t *data, size_t size, size_t most)
{
        const uint8_t *at = (const uint8_t *)s.at;
        PROMISE(s.len == 0 || (at >= data && at <= data + size && s.len <= (size_t)(data + size - at)),
                "a detail outside of its answer");
        PROMISE(s.len <= most && (s.len == 0 || text_is_clean(s.at, s.len)), "a detail of %zu bytes", s.len);
}

static void check_rooms(struct wire_reader rooms, const uint8_t *data, size_t size)
{
        struct answer_room room;
        struct slice name;
        int more, more_names;
        while ((more = answer_next_room(&rooms, &room)) > 0) {
                check_detail(room.name, data, size, NAME_MAX_BYTES);
                check_detail(room.topic, data, size, ANSWER_TEXT_MAX_BYTES);
                while ((more_names = answer_next_name(&room.names, &name)) > 0)
                        check_detail(name, data, size, NAME_MAX_BYTES);
                PROMISE(more_names == 0, "a bad name in a list");
        }
        PROMISE(more == 0, "a bad room in a list");
}

static void check_sentence(const struct answer *a, size_t columns, size_t size)
{
        char *text = malloc(size); /* so that ASan sees writes beyond its end */
        struct slice sentence = sentence_write(a, slice_of("zoe"), columns, text, size), line;
        PROMISE(sentence.at == text && sentence.len < size && text[sentence.len] == '\0', "a sentence without an end");
        PROMISE(sentence.len > 0 && strlen(text) == sentence.len, "a sentence of %zu bytes", sentence.len);
        for (bool more = true; more;) {
                more = line_next(&sentence, &line);
                PROMISE(text_is_clean(line.at, line.len), "an unclean line");
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct answer a, other;
        size_t columns = size > 0 ? data[0] : 0;
        if (size == 0)
                return 0;
        data++;
        size--;
        if (answer_decode(&a, (struct slice){(const char *)data, size}) < 0)
                return 0;
        const struct answer_rule *rule = answer_rule(a.code);
        PROMISE(rule && answer_is_known(a.code, FRAME_VERSION), "an unknown code is taken");
        check_detail(a.name, data, size, NAME_MAX_BYTES);
        check_detail(a.other, data, size, NAME_MAX_BYTES);
        check_detail(a.room, data, size, NAME_MAX_BYTES);
        check_detail(a.host, data, size, NAME_MAX_BYTES);
        check_detail(a.text, data, size, ANSWER_TEXT_MAX_BYTES);
        check_rooms(a.rooms, data, size);

        uint8_t *again = malloc(size + 1);
        PROMISE(answer_encode(again, size, &a) == size && memcmp(again, data, size) == 0, "encoded to something else");
        PROMISE(answer_encode(again, size - 1, &a) == 0, "an answer in too little room");
        memcpy(again, data, size);
        again[size] = 0;
        PROMISE(answer_decode(&other, (struct slice){(const char *)again, size + 1}) == -EBADMSG, "a tail is taken");
        free(again);
        for (size_t shorter = 0; shorter < size; shorter += 1 + size / 64) {
                char *copy = malloc(shorter ? shorter : 1);
                memcpy(copy, data, shorter);
                PROMISE(answer_decode(&other, (struct slice){copy, shorter}) == -EBADMSG, "%zu of %zu bytes are taken",
                        shorter, size);
                free(copy);
        }

        check_sentence(&a, columns, TEXT_MAX_BYTES);
        if (a.code == ANSWER_PEOPLE || a.code == ANSWER_ROOMS)
                check_sentence(&a, 0, 1024);
        return 0;
}
