#include "replies.h"

#include <stdio.h>

#include <chat/reveal.h>
#include <chat/safe-text.h>
#include <chat/sentence.h>

#include "list.h"

/* The name in a REPLY, of which only the host is shown: other links take it for a member's name. */
#define REPLIES_NAME "chat"

static void replies_reply(struct chat *chat, struct member *m, const struct record *asked, const struct answer *a)
{
        char text[NAME_MAX_BYTES + 1 + REPLY_TEXT_MAX_BYTES];
        size_t len = (size_t)sprintf(text, "%.*s ", (int)asked->name.len, asked->name.at);
        bool letters = answer_is_known(a->code, reply_version(asked->room));
        if (letters)
                len += reply_encode(text + len, a);
        else
                len += sentence_write(a, (struct slice){"", 0}, 0, text + len, REPLY_SENTENCE_MAX_BYTES).len;
        struct record rec = {
                .kind = RECORD_REPLY,
                .id = REPLIES_ID,
                .number = asked->number,
                .name = slice_of(REPLIES_NAME),
                .room = letters ? asked->room : (struct slice){"", 0},
                .text = {text, len},
        };
        if (batch_has_room_for(&chat->batch, 1, RECORD_HEADER_BYTES + rec.name.len + rec.room.len + 1 + len))
                batch_add_private(&chat->batch, NULL, m, &rec);
}

void replies_send(struct chat *chat, struct member *m, const struct record *asked)
{
        uint8_t buffer[REPLY_LIST_MAX_BYTES];
        struct answer_rooms list = reply_list(buffer);
        struct slice rest = asked->text, name;
        struct answer a;
        if (asked->kind != RECORD_ASK) { /* a message for a member that is not here */
                if (!word_next(&rest, &name) || name.len > NAME_MAX_BYTES || !text_is_name(name.at, name.len))
                        return;
                a = (struct answer){.code = ANSWER_NOBODY_THERE, .name = name};
        } else if (slice_equal(asked->text, slice_of(ASK_WHO))) {
                list_all_people(&list, &chat->roster.rooms);
                a = answer_of_rooms(ANSWER_PEOPLE, &list);
        } else if (slice_equal(asked->text, slice_of(ASK_ROOMS))) {
                list_rooms(&list, &chat->roster.rooms, NULL);
                a = answer_of_rooms(ANSWER_ROOMS, &list);
        } else {
                return;
        }
        replies_reply(chat, m, asked, &a);
}

/* Copies the rooms of an answer to `l`, with the shown form of their topics, which another host may not have made. The
 * shown form is not longer, so all of it fits. */
static void replies_copy_rooms(struct answer_rooms *l, struct wire_reader rooms)
{
        struct answer_room room;
        struct slice name;
        while (answer_next_room(&rooms, &room) > 0) {
                char topic[ANSWER_TEXT_MAX_BYTES];
                room.topic = reveal(room.topic, topic, room.topic.len);
                answer_add_room(l, &room);
                while (answer_next_name(&room.names, &name) > 0)
                        answer_add_name(l, name);
        }
}

bool replies_take(struct chat *chat, struct record *rec, uint8_t bytes[static REPLY_ANSWER_MAX_BYTES])
{
        uint8_t got[REPLY_ANSWER_MAX_BYTES], buffer[REPLY_LIST_MAX_BYTES];
        struct answer_rooms list = reply_list(buffer);
        struct answer a;
        if (reply_version(rec->room) == 0) {
                complaints_ignore(&chat->complaints, IGNORED_TYPE);
                return false;
        }
        if (reply_decode(&a, got, rec->text) < 0) {
                complaints_ignore(&chat->complaints, IGNORED_MALFORMED);
                return false;
        }
        replies_copy_rooms(&list, a.rooms);
        a.rooms = answer_of_rooms(a.code, &list).rooms;
        *rec = (struct record){
                .kind = RECORD_ANSWER,
                .id = rec->id,
                .number = rec->number,
                .name = rec->name,
                .text = {(const char *)bytes, answer_encode(bytes, REPLY_ANSWER_MAX_BYTES, &a)},
        };
        return true;
}
