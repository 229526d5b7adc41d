#include "remote.h"

#include <endian.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/names.h>
#include <chat/notice.h>
#include <chat/safe-text.h>
#include <chat/socket.h>

#include "chat.h"
#include "contact.h"
#include "notes.h"
#include "replies.h"
#include "speech.h"

/* The name in the link's note. No session can have it, because a session's name has no "@". */
#define LINK_NAME "@link"

enum {
        /* of the second record of a CAME or RENAME, without its header */
        MORE_MAX_BYTES = NAME_MAX_BYTES + NAME_MAX_BYTES + NICK_MAX_BYTES + 1,
        REPLIES_MAX = 8, /* replies to the questions of one frame; further questions are not answered */
};

/* Questions that are answered when the rest of the frame is in the batch: the batch has room for the rest, and not for
 * as many replies as could be asked for. */
struct questions {
        struct record records[REPLIES_MAX];
        size_t count;
};

void remote_init(struct remote *remote)
{
        *remote = (struct remote){.fd = -1};
}

void remote_free(struct remote *remote)
{
        if (remote->fd >= 0)
                close(remote->fd);
        remote->fd = -1;
}

static ssize_t remote_write_number(int fd, uint64_t number)
{
        number = htole64(number);
        return pwrite(fd, &number, sizeof(number), 0);
}

/* Opens the file and reads the number. Returns 0 or a negative errno. Writes the number into a new file, so that the
 * file has space for it from now on. */
static int remote_open_number(struct chat *chat)
{
        struct remote *remote = chat->remote;
        uint64_t number = 0;
        if (remote->fd >= 0)
                return 0;
        remote->fd = note_open_relayed(chat->roster.dir, LINK_ID);
        if (remote->fd < 0)
                return remote->fd;
        ssize_t n = pread(remote->fd, &number, sizeof(number), 0);
        if (n >= 0 && n < (ssize_t)sizeof(number)) {
                number = 0;
                n = remote_write_number(remote->fd, number);
        }
        if (n != sizeof(number)) {
                int error = n < 0 ? -errno : -EIO;
                remote_free(remote);
                return error;
        }
        remote->last = remote->noted_number = le64toh(number);
        return 0;
}

void remote_recover(struct chat *chat)
{
        if (!roster_find(&chat->roster, LINK_ID))
                return;
        chat->remote->is_there = true; /* the chatd that took the HELLO has logged it */
        int r = remote_open_number(chat);
        if (r < 0) /* the link's answer to the roll call opens the file, or is refused */
                eventlog_warning(chat->log, "cannot read what was relayed from other hosts", r);
}

static struct member *remote_admit(struct chat *chat)
{
        struct member *m = roster_add(&chat->roster, LINK_ID, 0, slice_of(LINK_NAME), slice_of(LINK_SOCKET_NAME),
                                      clock_boottime_us());
        int r = m ? contact_open(chat, m) : -ENOMEM;
        if (r == 0)
                r = remote_open_number(chat);
        if (r == 0)
                r = note_write(chat->roster.dir, m);
        if (r == 0) {
                batch_joins(&chat->batch, m);
                return m;
        }
        if (m) {
                note_remove_lag(chat->roster.dir, LINK_ID);
                roster_remove(&chat->roster, m);
        }
        remote_free(chat->remote);
        contact_turn_away(chat, LINK_ID, 0, r);
        return NULL;
}

/* Connects anew, because the inbox may be another one. Returns false if that fails. */
static bool remote_greet_again(struct chat *chat, struct member *m)
{
        int r = remote_open_number(chat);
        if (r == 0)
                r = contact_open(chat, m);
        if (r != 0 && r != CONTACT_E_DEAD)
                contact_turn_away(chat, LINK_ID, 0, r);
        return r == 0;
}

static void remote_welcome(struct chat *chat, struct member *m)
{
        /* WELCOME comes behind the notice of missed records */
        int r = member_lags(m) ? -EAGAIN : chat_welcome(chat, m, chat->remote->last);
        chat->remote->welcome_due = socket_is_transient(-r);
        if (chat->remote->welcome_due && !member_lags(m))
                roster_lags(&chat->roster, m); /* WELCOME is sent when there is room */
}

/* Takes a HELLO. A HELLO must begin a batch. So all records before it were relayed, and the number in WELCOME is
 * exact. */
static enum outcome remote_take_hello(struct chat *chat)
{
        if (chat->batch.count > 0)
                return NEXT_BATCH;
        struct member *m = roster_find(&chat->roster, LINK_ID);
        if (!m)
                m = remote_admit(chat);
        else if (!remote_greet_again(chat, m))
                m = NULL;
        if (!m)
                return TAKEN;
        if (member_lags(m))
                relay_resume(&chat->relay, &chat->roster, m);
        remote_welcome(chat, m);
        return TAKEN;
}

/* Returns the link if its records may be taken: it sent HELLO, and their numbers can be noted. Otherwise returns
 * NULL. */
static struct member *remote_find_speaker(struct chat *chat)
{
        struct member *m = chat->remote->fd >= 0 ? roster_find(&chat->roster, LINK_ID) : NULL;
        if (!m)
                complaints_ignore(&chat->complaints, IGNORED_STRANGER);
        return m;
}

static bool remote_is_clean(const struct record *rec)
{
        if (rec->kind == RECORD_RENAME &&
            (rec->text.len > NAME_MAX_BYTES || !text_is_remote_name(rec->text.at, rec->text.len)))
                return false;
        if (rec->kind == RECORD_CAME && !name_is_nick(rec->text.at, rec->text.len))
                return false;
        if (rec->room.len > 0 && !name_is_nick(rec->room.at, rec->room.len))
                return false;
        return rec->name.len <= NAME_MAX_BYTES && text_is_remote_name(rec->name.at, rec->name.len) &&
               rec->text.len <= TEXT_MAX_BYTES && text_is_clean(rec->text.at, rec->text.len);
}

static void remote_note_question(struct questions *questions, const struct record *rec)
{
        if (questions->count < REPLIES_MAX)
                questions->records[questions->count++] = *rec;
}

/* Makes what a member gets of a private message or a reply, whose address was taken off. `bytes` may become a part of
 * it. Returns false if that is nothing. */
static bool remote_take_private(struct chat *chat, struct record *rec, uint8_t bytes[static REPLY_ANSWER_MAX_BYTES])
{
        if (rec->kind == RECORD_REPLY && rec->room.len > 0)
                return replies_take(chat, rec, bytes);
        rec->room = (struct slice){"", 0};
        return speech_take_text(chat, rec);
}

/* Injects a private message or a reply to a member that is here, or was. */
static void remote_inject_private(struct chat *chat, struct member *m, const struct record *rec,
                                  struct questions *questions)
{
        uint8_t bytes[REPLY_ANSWER_MAX_BYTES];
        struct record word = *rec;
        struct slice name;
        if (!word_next(&word.text, &name))
                return;
        struct member *to = roster_find_name(&chat->roster, name);
        bool is_here = to && member_is_here(to);
        if (is_here && remote_take_private(chat, &word, bytes))
                batch_add_private(&chat->batch, m, to, &word);
        else if (!is_here && rec->kind != RECORD_REPLY && !rec->is_notice)
                remote_note_question(questions, rec);
}

/* Injects a record for a room, if the room exists on this host. */
static void remote_inject_to_room(struct chat *chat, struct member *m, struct record *rec)
{
        struct room *room = rooms_find(&chat->roster.rooms, rec->room);
        if (!speech_take_text(chat, rec))
                return;
        if (rec->kind == RECORD_CAME) {
                struct room *left = rooms_find(&chat->roster.rooms, rec->text);
                struct record went = *rec;
                went.kind = RECORD_WENT;
                went.text = rec->room.len > 0 ? rec->room : slice_of(FIRST_ROOM);
                if (left && left != room)
                        batch_add(&chat->batch, m, left, &went);
        }
        if (rec->kind == RECORD_TOPIC && room && rec->text.len <= TOPIC_MAX_BYTES) {
                int r = rooms_set_topic(room, chat->roster.dir, rec->text);
                if (r < 0) { /* the next chatd would not know the topic, so members are not told of it */
                        complaints_warn(&chat->complaints, "cannot note a topic", r);
                        return;
                }
        }
        if (room)
                batch_add(&chat->batch, m, room, rec);
        if (rec->kind == RECORD_RENAME) { /* members in any room may be ignoring this person */
                struct record renamed = *rec;
                renamed.kind = RECORD_RENAMED;
                batch_add(&chat->batch, m, NULL, &renamed);
        }
}

/* Returns true if the record is for one member. */
static bool remote_is_addressed(const struct record *rec)
{
        return rec->kind == RECORD_PRIVATE || rec->kind == RECORD_REPLY || rec->kind == RECORD_CTCP;
}

/* Injects one record of an INJECT. The batch has room for it. */
static void remote_inject(struct chat *chat, struct member *m, struct record *rec, struct questions *questions)
{
        bool of_person = record_is_of_person(rec);
        if (rec->number <= chat->remote->last)
                return;          /* a repeated record: the link sent it again, or a previous chatd noted it and died */
        if (rec->number >> 63) { /* such numbers are for notices, and a record with one would hide all later records */
                complaints_ignore(&chat->complaints, IGNORED_REPEATED);
        } else if (!of_person && !remote_is_addressed(rec) && rec->kind != RECORD_ASK) {
                complaints_ignore(&chat->complaints, IGNORED_TYPE);
        } else if (!remote_is_clean(rec)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
        } else {
                chat->remote->last = rec->number;
                chat->lines += record_is_line(rec);
                rec->id = LINK_ID;
                if (of_person)
                        remote_inject_to_room(chat, m, rec);
                else if (rec->kind == RECORD_ASK)
                        remote_note_question(questions, rec);
                else
                        remote_inject_private(chat, m, rec, questions);
        }
}

_Static_assert(2 * FRAME_MAX_BYTES / RECORD_HEADER_BYTES <= BATCH_MAX_RECORDS &&
                       FRAME_MAX_BYTES +
                                       FRAME_MAX_BYTES / RECORD_HEADER_BYTES * (RECORD_HEADER_BYTES + MORE_MAX_BYTES) <=
                               DATAGRAM_MAX_BYTES - FRAME_HEADER_BYTES,
               "an INJECT fits into an empty batch, or it would be tried for ever");

/* Returns the number of records that become two: each CAME and each RENAME. */
static size_t remote_count_twofold(struct wire_reader records)
{
        struct record rec;
        size_t n = 0;
        while (record_next(&records, &rec) > 0)
                n += rec.kind == RECORD_CAME || rec.kind == RECORD_RENAME;
        return n;
}

static enum outcome remote_take_inject(struct chat *chat, const struct frame *f)
{
        struct member *m = remote_find_speaker(chat);
        struct wire_reader records = f->records;
        struct questions questions = {.count = 0};
        struct record rec;
        int r;
        if (!m)
                return TAKEN;
        size_t count = records_count(records), twofold = remote_count_twofold(records);
        if (!batch_has_room_for(&chat->batch, count + twofold,
                                wire_left(&records) + twofold * (RECORD_HEADER_BYTES + MORE_MAX_BYTES)))
                return NEXT_BATCH;
        while ((r = record_next_styled(&records, &rec)) > 0)
                remote_inject(chat, m, &rec, &questions);
        for (size_t i = 0; i < questions.count; i++)
                replies_send(chat, m, &questions.records[i]);
        if (r < 0)
                complaints_ignore(&chat->complaints, IGNORED_MALFORMED);
        return TAKEN;
}

/* Takes a notice to everybody, or to one member. */
static void remote_take_notice(struct chat *chat, const struct frame *f)
{
        struct member *m = remote_find_speaker(chat);
        struct member *to = f->type == FRAME_TELL ? roster_find(&chat->roster, f->key) : NULL;
        if (!m)
                return;
        if (!text_is_clean(f->text.at, f->text.len)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return;
        }
        struct record rec = {.kind = RECORD_NOTICE, .id = LINK_ID, .number = f->number, .text = f->text};
        struct answer a;
        if (f->answer.len <= NOTICE_ANSWER_MAX_BYTES && answer_decode(&a, f->answer) == 0)
                rec.answer = f->answer;
        if (f->type == FRAME_NOTICE) /* the caller has checked that there is room */
                batch_add(&chat->batch, m, NULL, &rec);
        else if (to && to != m && member_is_here(to))
                batch_add_private(&chat->batch, m, to, &rec);
}

enum outcome remote_take(struct chat *chat, const struct frame *f)
{
        switch (f->type) {
        case FRAME_HELLO:
                return remote_take_hello(chat);
        case FRAME_INJECT:
                return remote_take_inject(chat, f);
        case FRAME_NOTICE:
        case FRAME_TELL:
                remote_take_notice(chat, f);
                return TAKEN;
        default: /* a type of a later version, or one that only sessions or chatd send */
                complaints_ignore(&chat->complaints, IGNORED_TYPE);
                return TAKEN;
        }
}

void remote_note(struct chat *chat)
{
        struct remote *remote = chat->remote;
        assert(chat->order.step == STEP_NOTE);
        if (remote->last == remote->noted_number)
                return;
        ssize_t n = remote_write_number(remote->fd, remote->last);
        if (n == sizeof(remote->last))
                remote->noted_number = remote->last;
        else /* if chatd dies before a later note succeeds, consumed records may be relayed once more */
                complaints_warn(&chat->complaints, "cannot note what was relayed from other hosts",
                                n < 0 ? -errno : -EIO);
}

void remote_resumed(struct chat *chat, struct member *m)
{
        if (chat->remote->welcome_due)
                remote_welcome(chat, m);
}

void remote_report(struct chat *chat)
{
        const struct member *m = roster_find(&chat->roster, LINK_ID);
        bool is_there = m && !member_is_dead(m);
        if (is_there == chat->remote->is_there)
                return;
        chat->remote->is_there = is_there;
        eventlog_link(chat->log, is_there);
}
