/* Sessions in one process: inboxes in a run directory, under ids that begin with this process's pid. The id is the
 * inbox's key, too. */
#pragma once

#include <sys/socket.h>

#include <chat/leave.h>
#include <chat/paths.h>
#include <chat/reply.h>
#include <chat/seen.h>
#include <chat/sentence.h>

#include "rundir-fixture.h"

static inline uint64_t inbox_id(uint32_t n)
{
        return (uint64_t)getpid() << 32 | n;
}

static inline int inbox_bind(const char *dir, uint64_t id)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(path_inbox(&address, dir, id), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* Binds the inbox of the link to other hosts. */
static inline int inbox_bind_link(const char *dir)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(path_link(&address, dir), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* Gives a frame that has an answer and no text the text of that answer. A KICKED keeps its own text, which may be
 * empty. */
static inline void inbox_describe(struct frame *f, char text[static TEXT_MAX_BYTES])
{
        struct answer a;
        if (f->answer.len == 0)
                return;
        assert_int_equal(answer_decode(&a, f->answer), 0);
        if (f->text.len == 0 && f->type != FRAME_KICKED)
                f->text = sentence_write(&a, f->name, SENTENCE_COLUMNS, text, TEXT_MAX_BYTES);
}

/* Returns the sentence for an ANSWER. */
static inline struct slice inbox_sentence(const struct record *r, char text[static TEXT_MAX_BYTES])
{
        struct answer a;
        assert_int_equal(answer_decode(&a, r->text), 0);
        assert_true(answer_is_known(a.code, FRAME_VERSION));
        return sentence_write(&a, (struct slice){"", 0}, 0, text, REPLY_SENTENCE_MAX_BYTES);
}

/* Returns the contents of an inbox in words, separated by ", ": "welcome 1" (the number of members), "join ann", "line
 * ann hi", "leave ann", "notice text", "action ann waves", "rename ann bob", "went ann kitchen", "came kitchen: ann
 * lobby" (in a room other than the first), "enter ann", "exit ann", "topic ann text", "ask ann who", "reply chat@b
 * text", "renamed ann bob", "time", "private ann psst", "style notice text", "ctcp ann text", "answered chat@b text", "answer text", "text text",
 * "probe text", "past" and records, "goodbye", "missed 3", "relayed 3", "rollcall", "refused text", "kicked text",
 * "sent bob psst", "found bob", "found nobody: text", "names bob eve". A WELCOME with a number is "welcome 1 behind 7".
 * With `seen`, leaves out records that a session would not show again. */
static inline const char *inbox_read_new(int fd, struct seen *seen)
{
        static char all[64 * 1024];
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        static const char *const types[] = {
                [FRAME_WELCOME] = "welcome", [FRAME_MISSED] = "missed",   [FRAME_ROLLCALL] = "rollcall",
                [FRAME_GOODBYE] = "goodbye", [FRAME_REFUSED] = "refused", [FRAME_RELAYED] = "relayed",
                [FRAME_ANSWER] = "answer",   [FRAME_TEXT] = "text",       [FRAME_PROBE] = "probe",
                [FRAME_KICKED] = "kicked",   [FRAME_SENT] = "sent",       [FRAME_FOUND] = "found",
                [FRAME_NAMES] = "names",
        };
        static const char *const kinds[] = {
                [RECORD_LINE] = "line",       [RECORD_JOIN] = "join",       [RECORD_LEAVE] = "leave",
                [RECORD_NOTICE] = "notice",   [RECORD_ACTION] = "action",   [RECORD_RENAME] = "rename",
                [RECORD_PRIVATE] = "private", [RECORD_WENT] = "went",       [RECORD_CAME] = "came",
                [RECORD_TOPIC] = "topic",     [RECORD_ASK] = "ask",         [RECORD_REPLY] = "reply",
                [RECORD_RENAMED] = "renamed", [RECORD_ANSWER] = "answered", [RECORD_ENTER] = "enter",
                [RECORD_EXIT] = "exit",       [RECORD_TIME] = "time",       [RECORD_STYLE] = "style",
                [RECORD_CTCP] = "ctcp",
        };
        ssize_t n;
        /* with "w", the buffer would keep its contents if nothing is written */
        FILE *out = fmemopen(all, sizeof(all), "w+");
        while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                struct frame f;
                struct record r;
                char text[TEXT_MAX_BYTES];
                assert_int_equal(frame_decode(&f, buffer, (size_t)n), 0);
                inbox_describe(&f, text);
                if (seen)
                        seen_epoch(seen, f.id);
                if (f.type == FRAME_PAST)
                        fprintf(out, "%spast", ftell(out) > 0 ? ", " : "");
                while ((f.type == FRAME_BATCH || f.type == FRAME_PAST) && record_next(&f.records, &r) > 0) {
                        if (f.type == FRAME_BATCH && seen && seen_before(seen, r.id, record_key(&r)))
                                continue;
                        fprintf(out, "%s", ftell(out) > 0 ? ", " : "");
                        fprintf(out, "%s", kinds[r.kind]);
                        if (r.room.len > 0)
                                fprintf(out, " %.*s:", (int)r.room.len, r.room.at);
                        fprintf(out, "%s%.*s", r.name.len ? " " : "", (int)r.name.len, r.name.at);
                        if (r.kind == RECORD_LEAVE && leave_why(r.text) != LEAVE_KICKED)
                                r.text.len = 0; /* test-answering.c compares the reasons */
                        if (r.kind == RECORD_ANSWER)
                                r.text = inbox_sentence(&r, text);
                        fprintf(out, "%s%.*s", r.text.len ? " " : "", (int)r.text.len, r.text.at);
                }
                if (f.type == FRAME_BATCH || f.type == FRAME_PAST || f.type == FRAME_LEND) /* nothing is lent */
                        continue;
                fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", types[f.type]);
                if (f.type == FRAME_MISSED && f.number == MISSED_UNKNOWN)
                        fprintf(out, " some");
                else if (f.type == FRAME_MISSED || f.type == FRAME_RELAYED)
                        fprintf(out, " %u", (unsigned)f.number);
                else if (f.type == FRAME_ANSWER || f.type == FRAME_TEXT || f.type == FRAME_PROBE ||
                         f.type == FRAME_KICKED || f.type == FRAME_NAMES || f.type == FRAME_REFUSED)
                        fprintf(out, " %.*s", (int)f.text.len, f.text.at);
                else if (f.type == FRAME_SENT)
                        fprintf(out, " %.*s %.*s", (int)f.name.len, f.name.at, (int)f.text.len, f.text.at);
                else if (f.type == FRAME_FOUND)
                        fprintf(out, " %s%.*s", f.key == 0 ? "nobody: " : "", (int)(f.key == 0 ? f.text : f.name).len,
                                (f.key == 0 ? f.text : f.name).at);
                else if (f.type == FRAME_WELCOME)
                        fprintf(out, " %u", (unsigned)f.members);
                if (f.type == FRAME_WELCOME && f.number > 0)
                        fprintf(out, " behind %u", (unsigned)f.number);
        }
        fclose(out); /* also ends the text with a 0 */
        return all;
}

static inline const char *inbox_read(int fd)
{
        return inbox_read_new(fd, NULL);
}

/* Empties an inbox and ignores its contents. */
static inline void inbox_empty(int fd)
{
        uint8_t byte;
        while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
                ;
}
