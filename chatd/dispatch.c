#include "dispatch.h"

#include <errno.h>

#include <chat/assert.h>

#include "admin.h"
#include "confinement.h"
#include "membership.h"
#include "remote.h"
#include "requests.h"
#include "speech.h"

enum {
        /* the most that a record has besides the text in its frame: its header, a name, the room; and the text of a RENAME
         * or LEAVE, which has copies */
        RECORD_MORE_BYTES = RECORD_HEADER_BYTES + NAME_MAX_BYTES + NICK_MAX_BYTES + 1 + NICK_MAX_BYTES,
};

/* Returns true if the sender may send this frame. The kernel states the sender. */
static bool dispatch_is_allowed(struct chat *chat, const struct datagram *d, const struct frame *f)
{
        bool ourself = d->uid == chat->own_user, link = d->uid == chat->link_user;
        bool session = ourself || d->uid == chat->session_user;
        if (!session && !link) {
                complaints_ignore(&chat->complaints, IGNORED_USER);
                return false;
        }
        bool process = frame_is_from(f->type, FROM_ITSELF) ? ourself : (pid_t)(f->id >> 32) == d->pid;
        bool allowed = f->id == LINK_ID ? link : session && process;
        if (!allowed)
                complaints_ignore(&chat->complaints, IGNORED_FORGED);
        return allowed;
}

/* The handlers of the frames that a session sends, or that chatd sends to itself. A type without a handler is from a
 * later version, or only the link or chatd sends it. */
static enum outcome (*const handlers[FRAME_TYPES])(struct chat *chat, const struct frame *f) = {
        [FRAME_HELLO] = membership_hello,
        [FRAME_HERE] = membership_here,
        [FRAME_ARRIVE] = membership_arrive,
        [FRAME_BYE] = membership_leave,
        [FRAME_GONE] = membership_leave,
        [FRAME_UNSERVED] = confinement_take_unserved,
        [FRAME_LINE] = speech_line,
        [FRAME_ACTION] = requests_take,
        [FRAME_NICK] = requests_take,
        [FRAME_PRIVATE] = requests_take,
        [FRAME_WHO] = requests_take,
        [FRAME_ROOM] = requests_take,
        [FRAME_TOPIC] = requests_take,
        [FRAME_ROOMS] = requests_take,
        [FRAME_HISTORY] = requests_take,
        [FRAME_FIND] = requests_take,
        [FRAME_COMPLETE] = requests_take,
        [FRAME_ENTER] = requests_take,
        [FRAME_EXIT] = requests_take,
        [FRAME_ROOM_LINE] = speech_line,
        [FRAME_ROOM_ACTION] = requests_take,
        [FRAME_ROOM_TOPIC] = requests_take,
        [FRAME_ROOM_HISTORY] = requests_take,
        [FRAME_PEOPLE] = requests_take,
        [FRAME_WEBHOOK] = requests_take,
        [FRAME_SAY] = admin_take,
        [FRAME_KICK] = admin_take,
        [FRAME_MUTE] = admin_take,
        [FRAME_UNMUTE] = admin_take,
        [FRAME_SET_TOPIC] = admin_take,
};

static enum outcome dispatch_from_session(struct chat *chat, const struct frame *f)
{
        if (f->type < FRAME_TYPES && handlers[f->type])
                return handlers[f->type](chat, f);
        complaints_ignore(&chat->complaints, IGNORED_TYPE);
        return TAKEN;
}

/* Returns the most records that the frame can become. It says so many `lines`. */
static size_t dispatch_records(const struct chat *chat, const struct frame *f, size_t lines)
{
        /* a member that leaves or takes another name is named in each of its rooms */
        const struct member *m = f->type == FRAME_BYE || f->type == FRAME_GONE || f->type == FRAME_NICK
                                         ? roster_find(&chat->roster, f->id)
                                         : NULL;
        if (f->speech != 0 || f->styled.len > 0) /* each line may have a STYLE */
                lines *= 2;
        /* two more: the member may have to be announced first, and a move is announced in two rooms */
        return lines + 2 + (m ? member_rooms(m) : 0);
}

/* Does what a frame says, or ignores and counts it. Returns NEXT_BATCH if the batch is full or may not have this frame,
 * or if too many members wait to be announced. */
static enum outcome dispatch_frame(struct chat *chat, const struct datagram *d)
{
        struct frame f = {0};
        int r = d->is_truncated ? -EBADMSG : frame_decode(&f, d->data, d->size);
        bool says_lines = f.type == FRAME_LINE || f.type == FRAME_ROOM_LINE || f.type == FRAME_WEBHOOK;
        size_t lines = r == 0 && says_lines ? frame_lines(&f) : 1;
        if (lines > FRAME_LINES_MAX) {
                lines = 1;
                r = -EBADMSG;
        }
        size_t records = dispatch_records(chat, &f, lines);
        if (!batch_has_room_for(&chat->batch, records, records * (size_t)RECORD_MORE_BYTES + d->size))
                return NEXT_BATCH;
        if (r < 0) {
                complaints_ignore(&chat->complaints, r == -EPROTONOSUPPORT ? IGNORED_VERSION : IGNORED_MALFORMED);
                return TAKEN;
        }
        if (!dispatch_is_allowed(chat, d, &f) || departures_has(&chat->departures, f.id))
                return TAKEN;
        return f.id == LINK_ID ? remote_take(chat, &f) : dispatch_from_session(chat, &f);
}

_Static_assert((int)INTAKE_WINDOW <= (int)BATCH_MAX_RECORDS, "who waits to be announced leaves without a record");

size_t dispatch_frames(struct chat *chat, size_t left)
{
        size_t taken = 0;
        do {
                struct datagram d = intake_get(&chat->intake, taken);
                if (dispatch_frame(chat, &d) == NEXT_BATCH)
                        break;
                taken++;
        } while (taken < left && order_admit(&chat->order, CONTENT_PLAIN));
        assert(taken > 0); /* any frame fits into an empty batch, and waiting members were announced before */
        return taken;
}
