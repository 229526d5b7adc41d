/* Answers from host to host (chat/reply.h).
 *
 * Input: the text of a REPLY, behind the name of the member. If its first byte is 0, the bytes behind that are an
 * answer, which becomes such a text.
 *
 * Promises: a decoded answer is within its bounds, has one form, and is one that a host may give. Its lists have no
 * more names than they count. Its sentence is one clean line that fits. A text that is cut or longer is refused.
 */
#include <chat/reply.h>
#include <chat/sentence.h>

#include "fuzz.h"

static void check_rooms(const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        struct slice name;
        uint64_t count = 0;
        int more;
        for (; (more = answer_next_room(&rooms, &room)) > 0; count++) {
                uint64_t people = 0;
                PROMISE(name_is_nick(room.name.at, room.name.len) && !room.yours, "a room that no host has");
                for (; answer_next_name(&room.names, &name) > 0; people++)
                        PROMISE(text_is_local_name(name.at, name.len), "a name that nobody has");
                PROMISE(people <= room.people, "more names than people");
        }
        PROMISE(more == 0 && count <= a->rooms_count, "more rooms than there are");
}

static void check_sentence(const struct answer *a)
{
        char *text = malloc(REPLY_SENTENCE_MAX_BYTES); /* so that ASan sees writes beyond its end */
        struct slice sentence = sentence_write(a, (struct slice){"", 0}, 0, text, REPLY_SENTENCE_MAX_BYTES);
        PROMISE(sentence.len > 0 && sentence.len < REPLY_SENTENCE_MAX_BYTES && strlen(text) == sentence.len,
                "a sentence of %zu bytes", sentence.len);
        PROMISE(text_is_clean(text, sentence.len), "an unclean sentence");
        free(text);
}

static void check_text(struct slice text)
{
        uint8_t *bytes = malloc(REPLY_ANSWER_MAX_BYTES), *others = malloc(REPLY_ANSWER_MAX_BYTES);
        char *again = malloc(REPLY_TEXT_MAX_BYTES);
        struct answer a, other;
        if (reply_decode(&a, bytes, text) == 0) {
                PROMISE(a.code == ANSWER_PEOPLE || a.code == ANSWER_ROOMS || a.code == ANSWER_NOBODY_THERE,
                        "the code %u", a.code);
                check_rooms(&a);
                check_sentence(&a);
                PROMISE(reply_encode(again, &a) == text.len && memcmp(again, text.at, text.len) == 0, "another form");
                PROMISE(text_is_clean(again, text.len) && !memchr(again, ' ', text.len), "a text that is not clean");
                for (size_t shorter = 0; shorter < text.len; shorter += 1 + text.len / 64) {
                        char *copy = malloc(shorter ? shorter : 1);
                        memcpy(copy, text.at, shorter);
                        PROMISE(reply_decode(&other, others, (struct slice){copy, shorter}) == -EBADMSG,
                                "%zu of %zu letters are read", shorter, text.len);
                        free(copy);
                }
                if (text.len < REPLY_TEXT_MAX_BYTES) {
                        again[text.len] = 'A';
                        PROMISE(reply_decode(&other, others, (struct slice){again, text.len + 1}) == -EBADMSG,
                                "a tail is read");
                }
        }
        free(bytes);
        free(others);
        free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct answer a;
        if (size == 0 || data[0] != 0) {
                check_text((struct slice){(const char *)data, size});
                return 0;
        }
        if (answer_decode(&a, (struct slice){(const char *)data + 1, size - 1}) < 0)
                return 0;
        char *text = malloc(REPLY_TEXT_MAX_BYTES);
        size_t len = reply_encode(text, &a);
        PROMISE((len == 0) == (size - 1 > REPLY_ANSWER_MAX_BYTES), "%zu letters for %zu bytes", len, size - 1);
        check_text((struct slice){text, len});
        free(text);
        return 0;
}
