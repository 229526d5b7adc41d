/* Notices, which chatd and the link send to members unasked: in records (record.h), and in NOTICE and TELL (frame.h).
 *
 * A notice has a sentence and an answer. chatd writes the sentence to lent connections by itself, and sessions of
 * versions before 7 show it. Kinds of clients that are not terminals take the answer (notice_read()).
 *
 * Members of all versions get the same record. So the answer lies in the place of the name: notices have no name, and
 * early versions do not look there. This limits the answer to NOTICE_ANSWER_MAX_BYTES. A longer list of hosts is cut,
 * as any list may be. If an answer is too long for another reason, which takes the longest of names, the notice has a
 * sentence alone. A notice from a link of an early version also has a sentence alone.
 */
#pragma once

#include "record.h"
#include "sentence.h"

enum {
        NOTICE_ANSWER_MAX_BYTES = NAME_MAX_BYTES,
        NOTICE_HOSTS_MAX_BYTES = NOTICE_ANSWER_MAX_BYTES - 1 - 8 - 2, /* of a list of hosts in a notice */
};

/* Writes the sentence of a notice to `text`, and returns it. */
static inline struct slice notice_sentence(const struct answer *a, char text[static TEXT_MAX_BYTES])
{
        return sentence_write(a, (struct slice){"", 0}, 0, text, TEXT_MAX_BYTES);
}

/* Returns the answer with as many hosts of its list as a notice has room for. */
static inline struct answer notice_cut(const struct answer *a)
{
        struct wire_reader rest = a->rooms;
        struct answer_room host;
        struct answer cut = *a;
        cut.rooms.end = cut.rooms.at;
        while (answer_next_room(&rest, &host) > 0 && rest.at - a->rooms.at <= NOTICE_HOSTS_MAX_BYTES)
                cut.rooms.end = rest.at;
        return cut;
}

/* Writes the answer of a notice to `bytes`, and returns it, or an empty slice if it is too long. */
static inline struct slice notice_answer(const struct answer *a, uint8_t bytes[static NOTICE_ANSWER_MAX_BYTES])
{
        struct answer cut = notice_cut(a);
        size_t size = answer_is_known(a->code, FRAME_VERSION) ? answer_encode(bytes, NOTICE_ANSWER_MAX_BYTES, &cut) : 0;
        return (struct slice){(const char *)bytes, size};
}

/* Returns a NOTICE, whose sentence and answer are written to `text` and `bytes`. */
static inline struct record notice_record(uint64_t id, uint64_t number, const struct answer *a,
                                          char text[static TEXT_MAX_BYTES],
                                          uint8_t bytes[static NOTICE_ANSWER_MAX_BYTES])
{
        return (struct record){
                .kind = RECORD_NOTICE,
                .id = id,
                .number = number,
                .text = notice_sentence(a, text),
                .answer = notice_answer(a, bytes),
        };
}

/* Reads the answer of a NOTICE into `a`. If an administrator said something, that becomes the text of `a`. Returns 0,
 * or -EBADMSG if the notice has a sentence alone. */
static inline int notice_read(const struct record *rec, struct answer *a)
{
        int r = answer_decode(a, rec->answer);
        if (r < 0 || a->code != ANSWER_SAID)
                return r;
        size_t before = a->name.len + 2; /* "NAME: " */
        if (rec->text.len < before)
                return -EBADMSG;
        a->text = (struct slice){rec->text.at + before, rec->text.len - before};
        return 0;
}
