/* The sentences that people read in place of answers (answer.h), in English: sessions show them to their clients, and
 * chatd sends them to sessions of earlier versions.
 *
 * A sentence is one line or more, with LF between them. A list of names is broken at `columns`, so that it suits the
 * client's window. A list that is too long ends with the number of the rest.
 */
#pragma once

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "answer.h"
#include "names.h"

/* The characters of names, and of rooms' names. */
#define SENTENCE_CHARACTERS "plain letters (no accents), digits, - _ and ."

enum {
        SENTENCE_PATTERN_BYTES = 160,
        SENTENCE_VARIANT_BYTES = 80,
        SENTENCE_COLUMNS = 76,  /* if the width of the window is unknown */
        SENTENCE_RESERVED = 64, /* bytes for the number of omitted words */
        /* bytes of a host, besides its name */
        SENTENCE_HOST_BYTES = sizeof(" and  (18446744073709551615 people)"),
};

/* The sentence for a code in a special case. */
struct sentence_variant {
        uint8_t code;
        char text[SENTENCE_VARIANT_BYTES];
};

/* A sentence that is being written. */
struct sentence {
        char *text;
        size_t size, len, line; /* bytes at most, bytes so far, and bytes before the last line */
        size_t columns;         /* the width of a list; 0: it is one line, with semicolons between the rooms */
};

/* The sentence for each code without a list. %1 stands for the first detail of the code, %2 for the second, and %0 for
 * the name of the client. These tables hold characters, not pointers: pages with pointers are written to when a program
 * starts, and each session would have its own. */
static const char sentence_patterns[ANSWER_CODES][SENTENCE_PATTERN_BYTES] = {
        [ANSWER_RENAMED] = "You are now called %1",
        [ANSWER_NAME_INVALID] = "A name has 1 to %1 characters and starts with a letter:\n" SENTENCE_CHARACTERS,
        [ANSWER_NAME_FORBIDDEN] = "The name %1 is not allowed here; please choose another",
        [ANSWER_NAME_SAME] = "You are already called %1",
        [ANSWER_NAME_TAKEN] = "The name %1 is taken; please choose another\n"
                              "If that is you, on a connection that was lost, try again in half a minute",
        [ANSWER_NAME_ALIKE] = "The name %1 is taken, and the two look alike; please choose another\n"
                              "If that is you, on a connection that was lost, try again in half a minute",
        [ANSWER_NAME_UNNOTED] = "Not done: the chat cannot store a new name right now; try again later",
        [ANSWER_NAME_WANTED] = "%1 asked for your name, %0",
        [ANSWER_ROOM_INVALID] = "A room's name has 1 to %1 characters and starts with a letter:\n" SENTENCE_CHARACTERS,
        [ANSWER_ROOM_SAME] = "You are already in %1",
        [ANSWER_ROOM_ALIKE] = "There is a room %1, and the two names look alike; /join %1 goes there",
        [ANSWER_ROOM_UNNOTED] = "Not done: the chat cannot store a change of room right now; try again later",
        [ANSWER_NOWHERE_BACK] = "You are already in the %1; /quit leaves the chat",
        [ANSWER_TOPIC] = "The topic: %2",
        [ANSWER_NO_TOPIC] = "%1 has no topic; /topic TEXT sets one",
        [ANSWER_TOPIC_SET] = "The topic of %1 is set",
        [ANSWER_TOPIC_REMOVED] = "The topic of %1 is removed",
        [ANSWER_TOPIC_TOO_LONG] = "A topic has at most %1 bytes",
        [ANSWER_TOPIC_TOO_OFTEN] = "The topic of %1 changed %2 times just now; try again in %3 s",
        [ANSWER_TOPIC_UNNOTED] = "Not done: the chat cannot store a topic right now; try again later",
        [ANSWER_NO_HISTORY] = "This chat keeps no history",
        [ANSWER_NOTHING_SAID] = "Nothing has been said in %1 yet",
        [ANSWER_NOBODY] = "There is nobody called %1 here; /who lists who is here",
        [ANSWER_NOBODY_BUT] = "There is nobody called %1 here. Did you mean %2?",
        [ANSWER_LEFT] = "%1 has left; /who lists who is here",
        [ANSWER_LEFT_UNNAMED] = "That person has left; /who lists who is here",
        [ANSWER_IS_YOU] = "That is you; the message went to nobody",
        [ANSWER_NOT_LINKED] = "This chat is not linked to other hosts",
        [ANSWER_TOO_LONG_FOR_HOST] = "Not sent: the text is too long for a message to another host",
        [ANSWER_ALONE] = "Nobody hears you: nobody else is here",
        [ANSWER_MUTED] = "You are muted: nobody sees what you say",
        [ANSWER_NO_MEMORY] = "The chat is out of memory; try again later",
        [ANSWER_FULL] = "the chat is full",
        [ANSWER_BANNED] = "you are banned (%1)",
        [ANSWER_NETWORK_FULL] = "%1 connections from your network are here already",
        [ANSWER_USER_FULL] = "%1 connections from your account are here already",
        [ANSWER_REMOVED] = "You were removed: %1",
        [ANSWER_REMOVED_BANNED] = "You were removed and banned: %1",
        [ANSWER_MISSED] = "%1 lines skipped: your session was not running",
        [ANSWER_LOST] = "The chat lost its queue: your last %1 lines may not have reached everybody",
        [ANSWER_WAITS] = "%1 lines are still being sent; you leave after that",
        [ANSWER_UNSENT] = "%1 lines were not sent",
        [ANSWER_UNSENT_AWAY] = "%1 lines were not sent: the chat is unavailable",
        [ANSWER_SHUT_DOWN] = "The chat was shut down",
        [ANSWER_SERVES] = "The chat is here",
        [ANSWER_UNCONFINED] = "the session has no sandbox on this host",
        [ANSWER_UNNAMED] = "the proxy did not say where you come from",
        [ANSWER_ARRIVED] = "%1 people connected",
        [ANSWER_OTHERS_ARRIVED] = "%1 others connected",
        [ANSWER_NOW_MUTED] = "An administrator muted you: nobody sees what you say",
        [ANSWER_UNMUTED] = "You are no longer muted",
        [ANSWER_HOST_LACKS] = "%2 lines from %1 are missing",
        [ANSWER_HOST_IS_THIS] = "%1 is this host: /msg %2 says it here",
        [ANSWER_HOST_UNKNOWN] = "There is no host called %1; /who lists the hosts",
        [ANSWER_HOST_AWAY] = "%1 is away; %2 may get the message when it is back",
        [ANSWER_NOBODY_THERE] = "there is nobody called %1 there",
        [ANSWER_EXITED] = "You left the room %1",
        [ANSWER_NOT_IN_ROOM] = "You are not in the room %1",
        [ANSWER_TOO_MANY_ROOMS] = "You are in %1 rooms already; leave one of them first",
        [ANSWER_POSTED] = "Said in %1 as %2",
        [ANSWER_POSTED_BEFORE] = "Not said again: %2 said a line with this key before",
        [ANSWER_TOKEN_UNKNOWN] = "There is no such token",
        [ANSWER_TOKEN_ELSEWHERE] = "The token is for the room %1 alone",
        [ANSWER_ROOM_EMPTY] = "Nobody on this host is in the room %1",
        [ANSWER_POST_UNNOTED] = "Not said: the chat cannot store the key right now; try again later",
};

/* The sentences that replace those above if the number is 1. */
static const struct sentence_variant sentences_of_one[] = {
        {ANSWER_NETWORK_FULL, "1 connection from your network is here already"},
        {ANSWER_USER_FULL, "1 connection from your account is here already"},
        {ANSWER_MISSED, "1 line skipped: your session was not running"},
        {ANSWER_LOST, "The chat lost its queue: your last line may not have reached everybody"},
        {ANSWER_WAITS, "1 line is still being sent; you leave after that"},
        {ANSWER_UNSENT, "1 line was not sent"},
        {ANSWER_UNSENT_AWAY, "1 line was not sent: the chat is unavailable"},
        {ANSWER_ARRIVED, "1 person connected"},
        {ANSWER_OTHERS_ARRIVED, "1 other connected"},
        {ANSWER_HOST_LACKS, "1 line from %1 is missing"},
        {0},
};

/* The sentences that replace those above if the number is MISSED_UNKNOWN. */
static const struct sentence_variant sentences_of_some[] = {
        {ANSWER_MISSED, "Some lines were skipped: your session was not running"},
        {ANSWER_HOST_LACKS, "lines from %1 are missing"},
        {0},
};

/* The sentences that replace those above if the text is empty. */
static const struct sentence_variant sentences_without_text[] = {
        {ANSWER_BANNED, "you are banned"},
        {ANSWER_REMOVED, "You were removed"},
        {ANSWER_REMOVED_BANNED, "You were removed and banned"},
        {0},
};

/* Returns the sentence for a code in a table of variants, or NULL. The table ends with zeros. */
static inline const char *sentence_variant(const struct sentence_variant *table, uint8_t code)
{
        for (; table->code != 0; table++)
                if (table->code == code)
                        return table->text;
        return NULL;
}

/* Returns the sentence that replaces that of the table for this answer, or NULL. */
static inline const char *sentence_special(const struct answer *a)
{
        const char *text = NULL;
        if (a->code == ANSWER_ROOM_SAME && slice_equal(a->room, slice_of(FIRST_ROOM)))
                return "You are already in the %1";
        if (a->most == 1 || a->count == 1)
                text = sentence_variant(sentences_of_one, a->code);
        if (!text && a->count == MISSED_UNKNOWN)
                text = sentence_variant(sentences_of_some, a->code);
        if (!text && a->text.len == 0)
                text = sentence_variant(sentences_without_text, a->code);
        return text;
}

/* Returns the sentence for a code; it is empty for a code with a list, or an unknown one. */
static inline const char *sentence_pattern(const struct answer *a)
{
        const char *special = sentence_special(a);
        return special ? special : a->code < ANSWER_CODES ? sentence_patterns[a->code] : "";
}

/* Appends a text, which may have any number of columns. Returns false if there was no room. */
__attribute__((format(printf, 2, 3))) static inline bool sentence_addf(struct sentence *s, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        int n = vsnprintf(s->text + s->len, s->size - s->len, format, args);
        va_end(args);
        bool fits = (size_t)n < s->size - s->len;
        if (fits)
                s->len += (size_t)n;
        s->text[s->len] = '\0';
        return fits;
}

static inline bool sentence_add(struct sentence *s, struct slice text)
{
        return text.len == 0 || sentence_addf(s, "%.*s", (int)text.len, text.at);
}

static inline void sentence_add_detail(struct sentence *s, const struct answer *a, uint8_t detail)
{
        switch (detail) {
        case DETAIL_NAME:
                sentence_add(s, a->name);
                break;
        case DETAIL_OTHER:
                sentence_add(s, a->other);
                break;
        case DETAIL_ROOM:
                sentence_add(s, a->room);
                break;
        case DETAIL_HOST:
                sentence_add(s, a->host);
                break;
        case DETAIL_TEXT:
                sentence_add(s, a->text);
                break;
        case DETAIL_MOST:
                sentence_addf(s, "%" PRIu64, a->most);
                break;
        case DETAIL_COUNT:
                sentence_addf(s, "%" PRIu64, a->count);
                break;
        case DETAIL_SECONDS:
                sentence_addf(s, "%" PRIu64, a->seconds);
                break;
        }
}

/* Appends a pattern with the details in it. */
static inline void sentence_fill(struct sentence *s, const char *pattern, const struct answer *a,
                                 const uint8_t details[static ANSWER_DETAILS_MAX], struct slice you)
{
        for (const char *at = pattern, *end; *at != '\0'; at = end) {
                if (*at == '%') {
                        size_t place = (size_t)(at[1] - '0');
                        if (place == 0)
                                sentence_add(s, you);
                        else
                                sentence_add_detail(s, a, details[place - 1]);
                        end = at + 2;
                } else {
                        end = strchrnul(at, '%');
                        sentence_add(s, (struct slice){at, (size_t)(end - at)});
                }
        }
}

/* Appends a word behind a separator, on another line if it does not fit into this one. Returns false if there is no
 * room for it and for the number of omitted words. */
static inline bool sentence_add_word(struct sentence *s, const char *before, struct slice word, const char *behind)
{
        size_t bytes = strlen(before) + word.len + strlen(behind);
        if (s->size - s->len < bytes + SENTENCE_RESERVED)
                return false;
        bool wraps = s->columns > 0 && s->len - s->line + bytes > s->columns;
        if (wraps)
                s->line = s->len + strlen(before);
        return sentence_addf(s, "%s%s%.*s%s", before, wraps ? "\n" : "", (int)word.len, word.at, behind);
}

/* Appends the names of the people in a room, except `but`. "(you)" follows the name `you`. */
static inline void sentence_add_people(struct sentence *s, const struct answer_room *room, struct slice but,
                                       struct slice you)
{
        struct wire_reader names = room->names;
        struct slice name;
        uint64_t people = room->people - (but.len > 0 && room->people > 0), listed = 0;
        while (answer_next_name(&names, &name) > 0) {
                if (but.len > 0 && slice_equal(name, but))
                        continue;
                if (!sentence_add_word(s, listed > 0 ? ", " : "", name, slice_equal(name, you) ? " (you)" : ""))
                        break;
                listed++;
        }
        if (listed < people)
                sentence_addf(s, " and %" PRIu64 " more", people - listed);
}

/* Begins the part of a sentence that is about another room. */
static inline void sentence_part(struct sentence *s)
{
        if (s->len > 0)
                sentence_addf(s, "%s", s->columns > 0 ? "\n" : "; ");
        s->line = s->len;
}

static inline void sentence_moved(struct sentence *s, const struct answer *a, struct slice you)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        size_t size = s->size;
        if (answer_next_room(&rooms, &room) <= 0)
                return;
        s->size -= room.topic.len + SENTENCE_RESERVED;
        sentence_addf(s, "You are now in %.*s, %s", (int)room.name.len, room.name.at,
                      room.people > 1 ? "with " : "alone");
        sentence_add_people(s, &room, you, (struct slice){"", 0});
        s->size = size;
        if (room.topic.len > 0)
                sentence_addf(s, "\nThe topic: %.*s", (int)room.topic.len, room.topic.at);
}

/* Appends the people in each room. */
static inline void sentence_people(struct sentence *s, const struct answer *a, struct slice you)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        uint64_t listed = 0;
        while (answer_next_room(&rooms, &room) > 0) {
                if (s->size - s->len < 2 * SENTENCE_RESERVED + room.name.len)
                        break;
                sentence_part(s);
                if (room.yours && room.people <= 1)
                        sentence_addf(s, "You are alone here: ");
                else if (room.yours)
                        sentence_addf(s, "%" PRIu64 " people are here: ", room.people);
                else
                        sentence_addf(s, "%" PRIu64 " %s in %.*s: ", room.people,
                                      room.people == 1 ? "person is" : "people are", (int)room.name.len, room.name.at);
                sentence_add_people(s, &room, (struct slice){"", 0}, you);
                listed++;
        }
        if (listed < a->rooms_count) {
                sentence_part(s);
                sentence_addf(s, "/rooms lists all rooms");
        }
        if (s->len == 0)
                sentence_addf(s, "nobody is there");
}

/* Appends each room: its name, the number of people in it, its topic. */
static inline void sentence_rooms(struct sentence *s, const struct answer *a)
{
        struct wire_reader rooms = a->rooms;
        struct answer_room room;
        uint64_t listed = 0;
        while (answer_next_room(&rooms, &room) > 0) {
                if (s->size - s->len < 2 * SENTENCE_RESERVED + room.name.len + room.topic.len)
                        break;
                sentence_part(s);
                sentence_addf(s, "%.*s: %" PRIu64 " %s%s%s%.*s", (int)room.name.len, room.name.at, room.people,
                              room.people == 1 ? "person" : "people", room.yours ? ", including you" : "",
                              room.topic.len > 0 ? "; " : "", (int)room.topic.len, room.topic.at);
                listed++;
        }
        if (listed < a->rooms_count) {
                sentence_part(s);
                sentence_addf(s, "and %" PRIu64 " more", a->rooms_count - listed);
        }
        if (s->len == 0)
                sentence_addf(s, "nobody is there");
}

/* Returns how many hosts there are, of which the list may have the first ones alone. */
static inline uint64_t sentence_count_hosts(const struct answer *a)
{
        struct wire_reader hosts = a->rooms;
        struct answer_room host;
        uint64_t listed = 0;
        while (answer_next_room(&hosts, &host) > 0)
                listed++;
        return listed > a->rooms_count ? listed : a->rooms_count;
}

/* Appends hosts, each with the number of people there, and then the `state` of the hosts. */
static inline void sentence_hosts(struct sentence *s, const struct answer *a, const char *state)
{
        struct wire_reader hosts = a->rooms;
        struct answer_room host;
        uint64_t count = sentence_count_hosts(a), at = 0;
        if (count == 1 && answer_next_room(&hosts, &host) > 0) {
                sentence_addf(s, "%.*s is %s, with %" PRIu64 " %s", (int)host.name.len, host.name.at, state,
                              host.people, host.people == 1 ? "person" : "people");
                return;
        }
        while (answer_next_room(&hosts, &host) > 0 &&
               s->size - s->len > host.name.len + SENTENCE_HOST_BYTES + SENTENCE_RESERVED) {
                if (at > 0)
                        sentence_addf(s, at == count - 1 ? " and " : ", ");
                sentence_addf(s, "%.*s (%" PRIu64 " %s)", (int)host.name.len, host.name.at, host.people,
                              host.people == 1 ? "person" : "people");
                at++;
        }
        if (at < count)
                sentence_addf(s, " and %" PRIu64 " more", count - at);
        sentence_addf(s, " are %s", state);
}

static inline void sentence_said(struct sentence *s, const struct answer *a)
{
        sentence_add(s, a->name);
        sentence_addf(s, ": ");
        sentence_add(s, a->text);
}

/* Appends the sentence of an answer with a list. Returns false if the answer is of another code. */
static inline bool sentence_list(struct sentence *s, const struct answer *a, struct slice you)
{
        switch (a->code) {
        case ANSWER_MOVED:
        case ANSWER_ENTERED:
                sentence_moved(s, a, you);
                return true;
        case ANSWER_PEOPLE:
                sentence_people(s, a, you);
                return true;
        case ANSWER_ROOMS:
                sentence_rooms(s, a);
                return true;
        case ANSWER_HOSTS_HERE:
                sentence_hosts(s, a, "here");
                return true;
        case ANSWER_HOSTS_BACK:
                sentence_hosts(s, a, "back");
                return true;
        case ANSWER_HOSTS_AWAY:
                sentence_hosts(s, a, "away");
                return true;
        default:
                return false;
        }
}

/* Writes the sentence for an answer, as far as it fits into `size` bytes. Returns the text, which is terminated, or an
 * empty one for an unknown code. `size` must be TEXT_MAX_BYTES; only for an answer with a list it may be less. `you` is
 * the name of the client. */
static inline struct slice sentence_write(const struct answer *a, struct slice you, size_t columns, char *text,
                                          size_t size)
{
        struct sentence s = {.text = text, .size = size, .columns = columns};
        const struct answer_rule *rule = answer_rule(a->code);
        text[0] = '\0';
        if (a->code == ANSWER_SAID)
                sentence_said(&s, a);
        else if (!sentence_list(&s, a, you) && rule)
                sentence_fill(&s, sentence_pattern(a), a, rule->details, you);
        return (struct slice){text, s.len};
}
