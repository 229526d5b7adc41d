#include "admin.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/names.h>
#include <chat/notice.h>

#include "answer.h"
#include "chat.h"
#include "lagging.h"
#include "notes.h"
#include "rundir.h"

#define NOTE_NAME "requests"

enum { REQUESTS_NOTE_MAX_BYTES = 1 + ADMIN_REMEMBERED * (ID_DIGITS + 1) + 1 };

static void admin_note_path(const struct chat *chat, const char *suffix, char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/" MEMBERS_DIR_NAME "/" NOTE_NAME "%s", chat->roster.dir, suffix);
}

/* Reads the numbers of requests, the oldest first. Returns false if there is no note. */
static bool admin_read_note(struct chat *chat)
{
        struct admin *a = chat->admin;
        char path[PATH_MAX], text[REQUESTS_NOTE_MAX_BYTES];
        admin_note_path(chat, "", path);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        text[n < 0 ? 0 : n] = '\0';
        for (char *at = text, *end; *at != '\0' && a->next < ADMIN_REMEMBERED; at = end) {
                uint64_t number = strtoull(at, &end, 16);
                if (end == at)
                        break;
                a->numbers[a->next++] = number;
        }
        a->next %= ADMIN_REMEMBERED;
        return n >= 0;
}

/* Writes the note. Returns 0 or a negative errno. */
static int admin_write_note(const struct chat *chat)
{
        const struct admin *a = chat->admin;
        char path[PATH_MAX], new[PATH_MAX], text[REQUESTS_NOTE_MAX_BYTES];
        size_t len = (size_t)snprintf(text, sizeof(text), " "); /* a symlink cannot be empty */
        for (size_t i = 0; i < ADMIN_REMEMBERED; i++) {
                uint64_t number = a->numbers[(a->next + i) % ADMIN_REMEMBERED];
                if (number != 0)
                        len += (size_t)snprintf(text + len, sizeof(text) - len, "%016" PRIx64 " ", number);
        }
        admin_note_path(chat, "", path);
        admin_note_path(chat, ".new", new);
        return rundir_replace_note(path, new, text);
}

/* Returns a KICKED with this text, whose answer is in `bytes`. */
static struct frame admin_kicked_frame(const struct chat *chat, struct slice why,
                                       uint8_t bytes[static ANSWER_DETAILS_MAX_BYTES])
{
        const struct answer a = answer_of_removal(why);
        return (struct frame){.type = FRAME_KICKED,
                              .id = chat->relay.epoch,
                              .text = why,
                              .answer = {(const char *)bytes, answer_encode(bytes, ANSWER_DETAILS_MAX_BYTES, &a)}};
}

/* Returns the text of the KICK that removed `m`. */
static struct slice admin_removal_text(const struct member *m)
{
        return slice_of(m->removal_reason ? m->removal_reason : "");
}

/* Sends KICKED again to a removed member, when its inbox has room. The previous chatd may have died before it told the
 * member. */
static void admin_remove_again(struct chat *chat, struct member *m)
{
        uint8_t bytes[ANSWER_DETAILS_MAX_BYTES];
        struct frame kicked = admin_kicked_frame(chat, admin_removal_text(m), bytes);
        if (letters_add(&m->letters, 0, &kicked, NULL, 0) < 0)
                return;
        lagging_begin_unnoted(m);
        todo_add(&chat->roster.todo, TODO_CONTACT, m);
}

void admin_recover(struct chat *chat)
{
        if (!admin_read_note(chat))
                admin_write_note(chat); /* an existing note can be replaced even if no inode is left */
        for (size_t i = 0; i < chat->roster.count; i++)
                if (chat->roster.members[i]->removal == REMOVAL_DONE)
                        admin_remove_again(chat, chat->roster.members[i]);
}

bool admin_has_done(const struct admin *a, uint64_t number)
{
        for (size_t i = 0; i < ADMIN_REMEMBERED; i++)
                if (a->numbers[i] == number && number != 0)
                        return true;
        return false;
}

static void admin_remember(struct admin *a, uint64_t number)
{
        if (number == 0)
                return;
        a->numbers[a->next] = number;
        a->next = (a->next + 1) % ADMIN_REMEMBERED;
        a->is_changed = true;
}

static void admin_take_say(struct chat *chat, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        uint8_t bytes[NOTICE_ANSWER_MAX_BYTES];
        struct slice said = f->text;
        if (said.len > CONTROL_TEXT_MAX_BYTES) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return;
        }
        if (!chat_take_text(chat, &said))
                return;
        struct answer a = {.code = ANSWER_SAID, .name = slice_of(ADMIN_NAME), .text = said};
        struct record rec = notice_record(ADMIN_ID, f->number, &a, text, bytes);
        batch_add_notice(&chat->batch, NULL, &rec);
        eventlog_say(chat->log, (uid_t)f->key, said);
}

/* Sets a topic. Returns 0, or a negative errno: -ENOENT if the room does not exist any more. */
static int admin_take_topic(struct chat *chat, const struct frame *f)
{
        bool removes = slice_equal(f->text, slice_of(TOPIC_NONE));
        struct room *room = rooms_find(&chat->roster.rooms, f->name);
        struct record rec = {
                .kind = RECORD_TOPIC,
                .id = ADMIN_ID,
                .number = f->number,
                .name = slice_of(ADMIN_NAME),
                .text = removes ? (struct slice){"", 0} : f->text,
        };
        if (!room || room_is_ending(&chat->roster.rooms, room) || f->text.len > TOPIC_MAX_BYTES ||
            !chat_take_text(chat, &rec.text))
                return -ENOENT;
        int r = rooms_set_topic(room, chat->roster.dir, rec.text);
        if (r < 0)
                return r;
        batch_add_notice(&chat->batch, room, &rec);
        eventlog_topic(chat->log, (uid_t)f->key, room->name, rec.text);
        return 0;
}

/* Tells a member, in a line for it alone, that it is muted or no longer muted. The session shows the line once. */
static void admin_tell_muted(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        uint8_t bytes[NOTICE_ANSWER_MAX_BYTES];
        struct answer a = {.code = m->is_muted ? ANSWER_NOW_MUTED : ANSWER_UNMUTED};
        struct record rec = notice_record(ADMIN_ID, f->number, &a, text, bytes);
        batch_add_private(&chat->batch, NULL, m, &rec);
}

static void admin_take_removal(struct chat *chat, struct member *m, const struct frame *f)
{
        uint8_t bytes[ANSWER_DETAILS_MAX_BYTES];
        struct frame kicked = admin_kicked_frame(chat, f->text, bytes);
        batch_tell(&chat->batch, m, &kicked);
        if (m->removal != REMOVAL_DONE) {
                member_expel(m, REMOVAL_DONE);
                m->removal_reason = strndup(f->text.at, f->text.len);
        }
        m->is_muted = true;
}

/* Does the action of the frame to a present member. Returns 0, or a negative errno if nothing was done. */
static int admin_take_act(struct chat *chat, struct member *m, const struct frame *f)
{
        bool removed = m->removal == REMOVAL_DONE, muted = m->is_muted;
        int r = f->type == FRAME_MUTE && !removed && !muted ? note_reserve_mute(chat->roster.dir, m->id) : 0;
        if (r < 0)
                return r;
        chat->admin->act = (struct admin_act){.member = m, .type = f->type, .uid = (uid_t)f->key, .news = !removed};
        if (f->type == FRAME_KICK) {
                admin_take_removal(chat, m, f);
        } else if (!removed) { /* a removed member is about to leave */
                m->is_muted = f->type == FRAME_MUTE;
                m->mute_notice_ms = 0;
                chat->admin->act.news = muted != m->is_muted;
                if (chat->admin->act.news) /* the member knows an unchanged state */
                        admin_tell_muted(chat, m, f);
        }
        return 0;
}

enum outcome admin_take(struct chat *chat, const struct frame *f)
{
        bool done = admin_has_done(chat->admin, f->number);
        struct member *m = f->id == ADMIN_ID ? NULL : roster_find(&chat->roster, f->id);
        bool here = m && m->presence == PRESENT && m->id != LINK_ID;
        int r = 0;
        if (!done && here && !order_admit(&chat->order, CONTENT_ALONE))
                return NEXT_BATCH;
        if (!done && f->type == FRAME_SET_TOPIC)
                r = admin_take_topic(chat, f);
        else if (!done && f->type == FRAME_SAY)
                admin_take_say(chat, f);
        else if (!done)
                r = here ? admin_take_act(chat, m, f) : -ENOENT;
        if (r < 0 && r != -ENOENT)
                eventlog_warning(chat->log, "cannot note what an administrator asked for, which is not done", r);
        else if (!done)
                admin_remember(chat->admin, f->number);
        if (chat->admin->answer)
                chat->admin->answer(chat, f->number, r);
        return TAKEN;
}

/* Notes the state of a member after an action. Returns 0 or a negative errno. */
static int admin_note_act(const struct chat *chat, const struct member *m)
{
        if (m->removal == REMOVAL_DONE)
                return note_removal(chat->roster.dir, m);
        if (m->is_muted && chat->admin->act.news)
                return note_mute(chat->roster.dir, m->id);
        if (m->is_muted)
                return 0;
        note_remove_mute(chat->roster.dir, m->id);
        return 0;
}

/* Logs an action. Called after the action was noted, so that the next chatd does not log it again. */
static void admin_log_act(const struct chat *chat, const struct admin_act *act)
{
        const struct member *m = act->member;
        struct eventlog_act event = {.id = m->id, .name = m->name, .address = m->address, .uid = act->uid};
        if (act->type == FRAME_KICK) {
                const struct slice text = admin_removal_text(m);
                const struct answer why = answer_of_removal(text);
                eventlog_kick(chat->log, &event, why.code == ANSWER_REMOVED ? why.text : text);
        } else {
                eventlog_mute(chat->log, &event, m->is_muted);
        }
}

void admin_note(struct chat *chat)
{
        struct admin *a = chat->admin;
        assert(chat->order.step == STEP_NOTE);
        int r = a->act.member ? admin_note_act(chat, a->act.member) : 0;
        if (r < 0) /* the next chatd would relay lines of a removed member that has not left */
                eventlog_warning(chat->log, "cannot note who was removed or muted", r);
        if (a->act.member && a->act.news)
                admin_log_act(chat, &a->act);
        a->act.member = NULL;
        /* this comes after the members' notes, because a request that is noted here is not done again */
        r = a->is_changed ? admin_write_note(chat) : 0;
        if (r < 0) /* the request is done again, but only if chatd dies before it is consumed or answered */
                eventlog_warning(chat->log, "cannot note that a request of an administrator was done", r);
        a->is_changed = false;
}

bool admin_silences(struct chat *chat, struct member *m, const struct frame *f, bool is_request)
{
        if (!m->is_muted)
                return false;
        int64_t now = clock_ms();
        bool just_now = m->mute_notice_ms != 0 && now - m->mute_notice_ms < ADMIN_MUTE_NOTICE_MS;
        if (m->removal == REMOVAL_DONE || (just_now && !is_request)) /* a removed member was told of its removal */
                return true;
        m->mute_notice_ms = now;
        answer_code(chat, m, f, ANSWER_MUTED);
        return true;
}
