#include "requests.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include <chat/clock.h>
#include <chat/names.h>
#include <chat/text.h>

#include "chat.h"
#include "notes.h"
#include "reach.h"

#define NAME_CHARACTERS "plain letters (no accents), digits, - _ and ."

/* Sends `m` an answer with the number of its request `f`. */
static void tell(struct chat *chat, struct member *m, const struct frame *f, struct frame told)
{
        told.id = chat->relay.epoch;
        told.number = f->number;
        relay_tell(&chat->relay, m, &told);
}

static void answer(struct chat *chat, struct member *m, const struct frame *f, struct slice text)
{
        tell(chat, m, f, (struct frame){.type = FRAME_ANSWER, .name = slice_of(m->name), .text = text});
}

__attribute__((format(printf, 4, 5))) static void answerf(struct chat *chat, struct member *m, const struct frame *f,
                                                          const char *format, ...)
{
        char text[TEXT_MAX_BYTES];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        answer(chat, m, f, slice_of(text));
}

static struct record record_of(const struct member *m, const struct frame *f, enum record_kind kind, struct slice text)
{
        return (struct record){
                .kind = (uint8_t)kind, .id = m->id, .number = f->number, .name = slice_of(m->name), .text = text};
}

/* Adds a record of `m` for its room. There is room: the caller has checked. */
static void announce(struct chat *chat, struct member *m, const struct frame *f, enum record_kind kind,
                     struct slice text)
{
        struct record rec = record_of(m, f, kind, text);
        if (m->arriving)
                arrivals_name(chat, m);
        relay_add(&chat->relay, m, m->room, &rec);
}

/* Returns true if no other member gets lines of `m` in its room. Members of the room on other hosts are not known
 * here. */
static bool is_alone(const struct chat *chat, const struct member *m)
{
        const struct member *other = m->room->first;
        while (other && (other == m || !member_is_here(other)))
                other = other->room_next;
        return !other && !roster_find(&chat->roster, LINK_ID);
}

void requests_tell_alone(struct chat *chat, struct member *m, uint64_t number)
{
        bool alone = is_alone(chat, m);
        if (alone && !m->told_alone)
                answerf(chat, m, &(struct frame){.number = number}, "Nobody hears you: nobody else is here");
        m->told_alone = alone;
}

static void take_action(struct chat *chat, struct member *m, const struct frame *f)
{
        struct slice text = f->text;
        if (!chat_take_text(chat, &text))
                return;
        chat->lines++;
        announce(chat, m, f, RECORD_ACTION, text);
        requests_tell_alone(chat, m, f->number);
}

/* Makes the session of `holder` show its client a text, because the client may have vanished: the session leaves if the
 * client does not acknowledge the text. */
static void probe(struct chat *chat, struct member *holder, const struct member *m)
{
        char text[2 * NAME_MAX_BYTES + 64];
        snprintf(text, sizeof(text), "%s asked for your name, %s", m->name, holder->name);
        relay_tell(&chat->relay, holder,
                   &(struct frame){.type = FRAME_PROBE, .id = chat->relay.epoch, .key = m->id, .text = slice_of(text)});
}

/* Returns true if `m` can take this name; else tells it why not. */
static bool may_be_called(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *other = roster_find_alike(&chat->roster, f->name, m);
        if (!name_is_nick(f->name.at, f->name.len)) {
                answerf(chat, m, f, "A name has 1 to %d characters and starts with a letter:\n" NAME_CHARACTERS,
                        NICK_MAX_BYTES);
                return false;
        }
        bool of_guests = chat->settings.addresses_hidden && guests_is_name(f->name);
        if (of_guests || name_is_reserved(f->name.at, f->name.len) || bans_find(&chat->bans, f->name, NULL)) {
                answerf(chat, m, f, "The name %.*s is not allowed here; please choose another", (int)f->name.len,
                        f->name.at);
                return false;
        }
        if (slice_equal(f->name, slice_of(m->name))) {
                answerf(chat, m, f, "You are already called %s", m->name);
                return false;
        }
        if (other) {
                probe(chat, other, m);
                answerf(chat, m, f,
                        "The name %s is taken%s; please choose another\n"
                        "If that is you, on a connection that was lost, try again in half a minute",
                        other->name, slice_equal(f->name, slice_of(other->name)) ? "" : ", and the two look alike");
                return false;
        }
        return true;
}

/* Tells `m` that its request cannot be done, because the next chatd would not know of it. */
static void answer_unnoted(struct chat *chat, struct member *m, const struct frame *f, const char *what, int error)
{
        char warning[64];
        snprintf(warning, sizeof(warning), "cannot note %s", what);
        chat_warn(chat, warning, error);
        answerf(chat, m, f, "Not done: the chat cannot store %s right now; try again later", what);
}

static void take_nick(struct chat *chat, struct member *m, const struct frame *f)
{
        char was[sizeof(m->name)];
        memcpy(was, m->name, sizeof(was));
        if (!may_be_called(chat, m, f))
                return;
        if (m->arriving)
                arrivals_name(chat, m);
        if (roster_rename(&chat->roster, m, f->name) < 0) {
                answerf(chat, m, f, "The chat is out of memory; try again later");
                return;
        }
        int r = changes_add_name(&chat->changes, chat->roster.dir, m, f->number, was);
        if (r < 0) {
                roster_rename(&chat->roster, m, slice_of(was)); /* no other member has taken it since */
                answer_unnoted(chat, m, f, "a new name", r);
                return;
        }
        struct record rec = record_of(m, f, RECORD_RENAME, slice_of(m->name));
        rec.name = slice_of(was);
        relay_add(&chat->relay, m, m->room, &rec);
        eventlog_rename(chat->log, m->id, was, m->name, m->address);
        answerf(chat, m, f, "You are now called %s", m->name);
}

/* Tells `m` that its private message in `f` went to `name`. */
static void confirm(struct chat *chat, struct member *m, const struct frame *f, struct slice name, struct slice text)
{
        if (f->version >= frame_since(FRAME_FIND)) /* an earlier version does not know SENT */
                tell(chat, m, f, (struct frame){.type = FRAME_SENT, .name = name, .text = text});
}

/* Sends a private message to "NAME@HOST": chatd does not know the members there. */
static void say_to_other_host(struct chat *chat, struct member *m, const struct frame *f, struct record rec)
{
        char text[NAME_MAX_BYTES + 1 + TEXT_MAX_BYTES + 1];
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct slice said = rec.text;
        int len = snprintf(text, sizeof(text), "%.*s %.*s", (int)f->name.len, f->name.at, (int)said.len, said.at);
        rec.text = (struct slice){text, (size_t)len};
        if (!link)
                answerf(chat, m, f, "This chat is not linked to other hosts");
        else if (len > TEXT_MAX_BYTES)
                answerf(chat, m, f, "Not sent: the text is too long for a message to another host");
        else {
                relay_add_private(&chat->relay, m, link, &rec);
                confirm(chat, m, f, f->name, said);
        }
}

enum { NOBODY_BYTES = 2 * NAME_MAX_BYTES + 64 };

/* Writes the answer to a message for a name that no member has. */
static struct slice describe_nobody(const struct chat *chat, struct slice name, char text[static NOBODY_BYTES])
{
        const char *meant = roster_suggest(&chat->roster, name);
        snprintf(text, NOBODY_BYTES, "There is nobody called %.*s here%s%s%s", (int)name.len, name.at,
                 meant ? ". Did you mean " : "; /who lists who is here", meant ? meant : "", meant ? "?" : "");
        return slice_of(text);
}

/* Returns the member of this name that is here, or NULL. */
static struct member *find_here(const struct chat *chat, struct slice name)
{
        struct member *m = roster_find_name(&chat->roster, name);
        return m && member_is_here(m) ? m : NULL;
}

static void take_find(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[NOBODY_BYTES];
        const struct member *found = find_here(chat, f->name);
        struct frame told = {.type = FRAME_FOUND, .name = f->name};
        if (!text_is_name(f->name.at, f->name.len)) {
                chat_ignore(chat, IGNORED_UNCLEAN);
                return;
        }
        if (found) {
                told.key = found->id;
                told.name = slice_of(found->name);
        } else {
                told.text = describe_nobody(chat, f->name, text);
        }
        tell(chat, m, f, told);
}

static void take_private(struct chat *chat, struct member *m, const struct frame *f)
{
        struct member *to = f->key != 0 ? roster_find(&chat->roster, f->key) : roster_find_name(&chat->roster, f->name);
        bool remote = f->key == 0 && text_is_remote_name(f->name.at, f->name.len);
        struct record rec = record_of(m, f, RECORD_PRIVATE, f->text);
        if (f->key == 0 && !text_is_name(f->name.at, f->name.len)) {
                chat_ignore(chat, IGNORED_UNCLEAN);
                return;
        }
        if (!chat_take_text(chat, &rec.text))
                return;
        if (f->key != 0 && (!to || !member_is_here(to))) {
                bool named = text_is_name(f->name.at, f->name.len); /* sent by a session of this version */
                answerf(chat, m, f, "%.*s has left; /who lists who is here", named ? (int)f->name.len : INT_MAX,
                        named ? f->name.at : "That person");
                return;
        }
        if (!remote && (!to || !member_is_here(to))) {
                char nobody[NOBODY_BYTES];
                answer(chat, m, f, describe_nobody(chat, f->name, nobody));
                return;
        }
        if (m->arriving)
                arrivals_name(chat, m);
        if (remote) /* there is room for both: the caller has checked */
                say_to_other_host(chat, m, f, rec);
        else if (to == m)
                answerf(chat, m, f, "That is you; the message went to nobody");
        else {
                relay_add_private(&chat->relay, m, to, &rec);
                confirm(chat, m, f, slice_of(to->name), rec.text);
        }
}

/* A text of several words, up to a size. */
struct list {
        char *text;
        size_t size, len, line; /* bytes at most, bytes so far, and bytes before the last line */
        bool wraps;             /* the text may have several lines */
};

enum { LIST_RESERVED = 64 }; /* bytes for the number of omitted words */

/* Appends a text that does not have to fit into a line. Returns false if there was no room. */
__attribute__((format(printf, 2, 3))) static bool list_addf(struct list *l, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        int n = vsnprintf(l->text + l->len, l->size - l->len, format, args);
        va_end(args);
        bool fits = (size_t)n < l->size - l->len;
        if (fits)
                l->len += (size_t)n;
        l->text[l->len] = '\0';
        return fits;
}

/* Appends a word behind a separator, on another line if it does not fit into this one. Returns false if there is no
 * room for it and for the number of omitted words. */
static bool list_add(struct list *l, const char *before, const char *word)
{
        size_t bytes = strlen(before) + strlen(word);
        if (l->size - l->len < bytes + LIST_RESERVED)
                return false;
        bool wraps = l->wraps && l->len - l->line + bytes > REQUESTS_WHO_COLUMNS;
        if (wraps)
                l->line = l->len + strlen(before);
        return list_addf(l, "%s%s%s", before, wraps ? "\n" : "", word);
}

static size_t count_people(const struct room *room)
{
        size_t n = 0;
        for (const struct member *m = room->first; m; m = m->room_next)
                n += member_is_here(m);
        return n;
}

/* Appends the names of the `people` members in `room`, without `but`; `you` is the asking member. */
static void list_people(struct list *l, const struct room *room, size_t people, const struct member *but,
                        const struct member *you)
{
        char text[LOCAL_NAME_MAX_BYTES + sizeof(" (you)")];
        size_t listed = 0;
        for (const struct member *m = room->first; m; m = m->room_next) {
                if (m == but || !member_is_here(m))
                        continue;
                snprintf(text, sizeof(text), "%s%s", m->name, m == you ? " (you)" : "");
                if (!list_add(l, listed > 0 ? ", " : "", text))
                        break;
                listed++;
        }
        if (listed < people)
                list_addf(l, " and %zu more", people - listed);
}

/* Appends the names of the members in each room but one. */
static void list_other_rooms(struct list *l, const struct chat *chat, const struct room *but)
{
        const struct rooms *rooms = &chat->roster.rooms;
        for (size_t i = 0; i < rooms->count; i++) {
                size_t people = rooms->all[i] == but ? 0 : count_people(rooms->all[i]);
                if (people == 0)
                        continue;
                if (l->size - l->len < 2 * LIST_RESERVED + NICK_MAX_BYTES) {
                        list_addf(l, "%s/rooms lists all rooms", l->wraps ? "\n" : "; ");
                        break;
                }
                list_addf(l, "%s%zu %s in %s: ",
                          l->len == 0 ? ""
                          : l->wraps  ? "\n"
                                      : "; ",
                          people, people == 1 ? "person is" : "people are", rooms->all[i]->name);
                l->line = l->len;
                list_people(l, rooms->all[i], people, NULL, NULL);
        }
}

/* Answers with the members of the room whose names begin with this text, for TAB. */
static void take_complete(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text)};
        text[0] = '\0';
        for (const struct member *other = m->room->first; other; other = other->room_next) {
                if (other == m || !member_is_here(other) || strncasecmp(other->name, f->name.at, f->name.len) != 0)
                        continue;
                if (!list_add(&list, list.len > 0 ? " " : "", other->name)) {
                        list_addf(&list, " …");
                        break;
                }
        }
        tell(chat, m, f, (struct frame){.type = FRAME_NAMES, .text = {list.text, list.len}});
}

/* Asks other hosts, if there is a link to them. */
static void ask_others(struct chat *chat, struct member *m, const struct frame *f, const char *question)
{
        struct member *link = roster_find(&chat->roster, LINK_ID);
        struct record rec = record_of(m, f, RECORD_ASK, slice_of(question));
        if (!link)
                return;
        if (m->arriving)
                arrivals_name(chat, m);
        relay_add_private(&chat->relay, m, link, &rec);
}

static void take_who(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        size_t here = count_people(m->room);
        list_addf(&list, here == 1 ? "You are alone here: " : "%zu people are here: ", here);
        list_people(&list, m->room, here, NULL, m);
        list_other_rooms(&list, chat, m->room);
        answer(chat, m, f, (struct slice){list.text, list.len});
        ask_others(chat, m, f, ASK_WHO);
}

/* Appends each room: its name, how many members it has, its topic. */
static void list_rooms(struct list *l, const struct chat *chat, const struct room *here)
{
        const struct rooms *rooms = &chat->roster.rooms;
        for (size_t i = 0; i < rooms->count; i++) {
                const struct room *room = rooms->all[i];
                size_t people = count_people(room);
                const char *separator = l->len == 0 ? "" : l->wraps ? "\n" : "; ";
                if (people == 0 && room->topic[0] == '\0' && room != rooms_first(rooms))
                        continue;
                if (l->size - l->len < LIST_RESERVED + NICK_MAX_BYTES + sizeof(room->topic)) {
                        list_addf(l, "%sand %zu more", separator, rooms->count - i);
                        break;
                }
                list_addf(l, "%s%s: %zu %s%s%s%s", separator, room->name, people, people == 1 ? "person" : "people",
                          room == here ? ", including you" : "", room->topic[0] != '\0' ? "; " : "", room->topic);
        }
}

static void take_rooms(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        list_rooms(&list, chat, m->room);
        answer(chat, m, f, (struct slice){list.text, list.len});
        ask_others(chat, m, f, ASK_ROOMS);
}

size_t requests_reply(const struct chat *chat, struct slice question, char *text, size_t size)
{
        struct list list = {.text = text, .size = size};
        text[0] = '\0';
        if (slice_equal(question, slice_of(ASK_WHO)))
                list_other_rooms(&list, chat, NULL);
        else if (slice_equal(question, slice_of(ASK_ROOMS)))
                list_rooms(&list, chat, NULL);
        else
                return 0;
        if (list.len == 0)
                list_addf(&list, "nobody is there");
        return list.len;
}

/* Tells `m` its present room, and the members in it. */
static void answer_room(struct chat *chat, struct member *m, const struct frame *f)
{
        char text[TEXT_MAX_BYTES];
        struct list list = {.text = text, .size = sizeof(text), .wraps = true};
        size_t others = count_people(m->room) - 1;
        list.size -= sizeof(m->room->topic) + LIST_RESERVED;
        list_addf(&list, "You are now in %s, %s", m->room->name, others == 0 ? "alone" : "with ");
        list_people(&list, m->room, others, m, NULL);
        list.size = sizeof(text);
        if (m->room->topic[0] != '\0')
                list_addf(&list, "\nThe topic: %s", m->room->topic);
        answer(chat, m, f, (struct slice){list.text, list.len});
}

/* Returns the room that `m` wants to go to. If it cannot go there, tells it why, and returns NULL. */
static struct room *find_destination(struct chat *chat, struct member *m, const struct frame *f)
{
        struct slice name = f->name.len > 0 ? f->name : slice_of(FIRST_ROOM);
        if (!name_is_nick(name.at, name.len)) {
                answerf(chat, m, f,
                        "A room's name follows the same rules as a person's:\n" NAME_CHARACTERS
                        ", a letter first, %d at most",
                        NICK_MAX_BYTES);
                return NULL;
        }
        struct room *alike = rooms_find_alike(&chat->roster.rooms, name);
        if (alike) {
                answerf(chat, m, f, "There is a room %s, and the two names look alike; /join %s goes there",
                        alike->name, alike->name);
                return NULL;
        }
        struct room *room = rooms_get(&chat->roster.rooms, name);
        if (!room)
                answerf(chat, m, f, "The chat is out of memory; try again later");
        if (room == m->room) {
                answerf(chat, m, f, "You are already in %s%s%s", room == rooms_first(&chat->roster.rooms) ? "the " : "",
                        room->name, f->name.len == 0 ? "; /quit leaves the chat" : "");
                return NULL;
        }
        return room;
}

static void take_room(struct chat *chat, struct member *m, const struct frame *f)
{
        const struct room *left = m->room;
        struct room *room = find_destination(chat, m, f);
        if (!room)
                return;
        if (m->arriving)
                arrivals_name(chat, m);
        int r = changes_add_room(&chat->changes, chat->roster.dir, m, f->number, room->name);
        if (r < 0) { /* a room that was made for it is empty, and forgotten after the batch */
                answer_unnoted(chat, m, f, "a change of room", r);
                return;
        }
        relay_moves(&chat->relay, m);
        roster_move(&chat->roster, m, room);
        struct record went = record_of(m, f, RECORD_WENT, slice_of(room->name));
        relay_add_here(&chat->relay, roster_find(&chat->roster, LINK_ID), left, &went);
        announce(chat, m, f, RECORD_CAME, slice_of(left->name));
        answer_room(chat, m, f);
        chat_show_past(chat, m, f->number, (unsigned)chat->settings.history);
}

static void take_history(struct chat *chat, struct member *m, const struct frame *f)
{
        uint64_t lines = f->key == 0 ? (uint64_t)chat->settings.history : f->key;
        if (chat->settings.history == 0)
                answerf(chat, m, f, "This chat keeps no history");
        else if (!chat_show_past(chat, m, f->number, lines < HISTORY_KEPT ? (unsigned)lines : HISTORY_KEPT))
                answerf(chat, m, f, "Nothing was said in %s yet", m->room->name);
}

static void take_topic(struct chat *chat, struct member *m, const struct frame *f)
{
        const bool has_one = m->room->topic[0] != '\0', removes = slice_equal(f->text, slice_of(TOPIC_NONE));
        struct slice topic = removes ? (struct slice){"", 0} : f->text;
        if (f->text.len == 0) {
                answerf(chat, m, f, has_one ? "The topic: %s" : "%s has no topic; /topic TEXT sets one",
                        has_one ? m->room->topic : m->room->name);
                return;
        }
        if (f->text.len > TOPIC_MAX_BYTES) {
                answerf(chat, m, f, "A topic has at most %d bytes", TOPIC_MAX_BYTES);
                return;
        }
        if (!chat_take_text(chat, &topic))
                return;
        int64_t wait_ms = rooms_change_topic(m->room, chat->roster.dir, m->id, f->number, clock_ms());
        if (wait_ms > 0) {
                answerf(chat, m, f, "The topic of %s changed %d times just now; try again in %d s", m->room->name,
                        TOPIC_CHANGES, (int)((wait_ms + 999) / 1000));
                return;
        }
        /* Also if there was no topic: a previous chatd may have removed it, and not told all members. */
        int r = rooms_set_topic(m->room, chat->roster.dir, topic);
        if (r < 0) {
                answer_unnoted(chat, m, f, "a topic", r);
                return;
        }
        announce(chat, m, f, RECORD_TOPIC, topic);
        answerf(chat, m, f, "The topic of %s is %s", m->room->name, removes ? "removed" : "set");
}

/* Returns true if the last member of this room, or of one with a similar name, leaves within the batch. A later room of
 * the name will be another one, without its history and topic. */
static bool is_ending(const struct rooms *rooms, struct slice name)
{
        const struct room *room = rooms_find(rooms, name), *alike = rooms_find_alike(rooms, name);
        return (room && room_is_ending(rooms, room)) || (alike && room_is_ending(rooms, alike));
}

/* Returns true if a change of name or room may be in this batch. */
static bool has_place(struct chat *chat, const struct member *m, const struct frame *f)
{
        if (f->type != FRAME_NICK && f->type != FRAME_ROOM)
                return true;
        bool ending = f->type == FRAME_ROOM && is_ending(&chat->roster.rooms, f->name);
        if (chat->begun && (chat->crossed || ending || !changes_have_room(&chat->changes, m)))
                return false;
        chat->changed = true;
        return true;
}

int requests_take(struct chat *chat, const struct frame *f)
{
        struct member *m = roster_find(&chat->roster, f->id);
        if (!m || m->leaving || m->expected) {
                chat_ignore(chat, IGNORED_STRANGER);
                return 0;
        }
        if (f->number <= m->lines_in || f->number == UINT64_MAX) {
                chat_ignore(chat, IGNORED_REPEATED);
                return 0;
        }
        if (!has_place(chat, m, f))
                return -ENOBUFS;
        m->lines_in = m->said = f->number;
        chat->unconfirmed = true;
        if (m->held) /* a request shows that the client is a chat client */
                arrivals_release(chat, m);
        bool is_question = f->type == FRAME_TOPIC && f->text.len == 0;
        if (frame_is_silenced(f->type) && !is_question && admin_silences(chat, m, f->number, true))
                return 0;
        switch (f->type) {
        case FRAME_ACTION:
                take_action(chat, m, f);
                break;
        case FRAME_NICK:
                take_nick(chat, m, f);
                break;
        case FRAME_PRIVATE:
                take_private(chat, m, f);
                break;
        case FRAME_ROOM:
                take_room(chat, m, f);
                break;
        case FRAME_TOPIC:
                take_topic(chat, m, f);
                break;
        case FRAME_ROOMS:
                take_rooms(chat, m, f);
                break;
        case FRAME_HISTORY:
                take_history(chat, m, f);
                break;
        case FRAME_FIND:
                take_find(chat, m, f);
                break;
        case FRAME_COMPLETE:
                take_complete(chat, m, f);
                break;
        default:
                take_who(chat, m, f);
                break;
        }
        return 0;
}
