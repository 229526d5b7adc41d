#include "requests.h"

#include <errno.h>

#include <chat/assert.h>

#include "admin.h"
#include "arrivals.h"
#include "moves.h"
#include "private.h"
#include "queries.h"
#include "renaming.h"
#include "speech.h"
#include "topics.h"
#include "webhook.h"

static void (*const handlers[FRAME_TYPES])(struct chat *chat, struct member *m, const struct frame *f) = {
        [FRAME_ACTION] = speech_action,      [FRAME_NICK] = renaming_take,     [FRAME_PRIVATE] = private_take,
        [FRAME_FIND] = private_find,         [FRAME_ROOM] = moves_take,        [FRAME_TOPIC] = topics_take,
        [FRAME_WHO] = queries_who,           [FRAME_ROOMS] = queries_rooms,    [FRAME_HISTORY] = queries_history,
        [FRAME_COMPLETE] = queries_complete, [FRAME_ENTER] = moves_enter,      [FRAME_EXIT] = moves_exit,
        [FRAME_ROOM_ACTION] = speech_action, [FRAME_ROOM_TOPIC] = topics_take, [FRAME_ROOM_HISTORY] = queries_history,
        [FRAME_PEOPLE] = queries_people,     [FRAME_WEBHOOK] = webhook_take,
};

/* Returns true if a request of this type changes a name or room. */
static bool requests_are_changes(uint8_t type)
{
        return type == FRAME_NICK || type == FRAME_ROOM || type == FRAME_ENTER || type == FRAME_EXIT;
}

/* Returns true if the batch may have the frame. Only changes of a name or room can be refused. */
static bool requests_have_place(struct chat *chat, const struct member *m, const struct frame *f)
{
        if (!requests_are_changes(f->type))
                return true;
        bool ending =
                (f->type == FRAME_ROOM || f->type == FRAME_ENTER) && moves_end_a_room(&chat->roster.rooms, f->name);
        if (chat->order.content != CONTENT_EMPTY && (ending || !changes_have_room(&chat->changes, m)))
                return false;
        return order_admit(&chat->order, CONTENT_CHANGES);
}

enum outcome requests_take(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (!m || m->presence != PRESENT) {
                complaints_ignore(&chat->complaints, IGNORED_STRANGER);
                return TAKEN;
        }
        if (f->number <= m->lines_in || f->number == UINT64_MAX) {
                complaints_ignore(&chat->complaints, IGNORED_REPEATED);
                return TAKEN;
        }
        if (!requests_have_place(chat, m, f))
                return NEXT_BATCH;
        chat_take_number(chat, m, f->number);
        m->lines_total = f->number;
        /* a request shows that the client is a chat client; moves.c announces who goes to another room */
        if (member_is_held(m) && !m->roams && f->type != FRAME_ROOM)
                arrivals_release(chat, m);
        bool is_question = (f->type == FRAME_TOPIC || f->type == FRAME_ROOM_TOPIC) && f->text.len == 0;
        if (frame_is_silenced(f->type) && !is_question && admin_silences(chat, m, f, true))
                return TAKEN;
        assert(handlers[f->type]);
        handlers[f->type](chat, m, f);
        return TAKEN;
}
