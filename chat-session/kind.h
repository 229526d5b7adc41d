/* The interface of a kind of client: what a session (visit.h) asks of the code that talks with its client.
 *
 * A kind turns bytes from its client into calls of talk.h, and turns events from the chat into bytes, which it puts
 * into the client's buffer (client-output.h). It knows the client's protocol. It knows nothing of datagrams, restarts
 * of chatd, lent connections, or the end of a session. The session knows these, and nothing of the protocol: it calls a
 * kind only through `struct kind`, so a program with other kinds links the same session.
 *
 * What a session takes care of:
 * - Each record, past line, answer and notice comes once and in order, even if chatd was killed.
 * - A line that chatd wrote only in part is completed before anything else is written.
 * - Output that the client does not take waits, and lines that do not fit the buffer are counted.
 * - The client's lines wait for their turn (the pace) and for chatd.
 *
 * A kind never blocks, reads or writes a descriptor, or ends the process. All bounds on what a client can make it
 * remember are its own. terminal-kind.c is a whole kind, echo.c the shortest, and tests/unit/test-session-kind.c has
 * one that joins late.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/answer.h>
#include <chat/frame.h>
#include <chat/outlet.h>
#include <chat/record.h>
#include <chat/wire.h>

struct session;

/* When a client becomes a member of the chat. */
enum kind_joining {
        KIND_JOINS_AT_ONCE, /* when the connection is there, under the name that the connection gives */
        /* When the kind calls talk_introduce(), because the client names itself first. If it does not do so in time,
         * tick() must make it leave. It is announced when the kind calls talk_arrive(), once after each welcome(). */
        KIND_JOINS_LATER,
        KIND_JOINS_NEVER, /* there is no chatd: no record, answer or welcome comes */
};

/* Each function gets the kind's own state, `me`, which begins as the caller of visit_begin() made it. No function may
 * be NULL. With KIND_JOINS_NEVER, those from `welcome` to `probe` and lent_line() are never called, and may be NULL. */
struct kind {
        enum kind_joining joining;
        bool roams; /* its clients begin in no room, and may be in several: see enum frame_type (chat/frame.h) */

        /* The connection is there. Called once, before all others. Nothing has been read yet. If the client could not
         * read on behind a line without its rest, the kind sets `is_indivisible` of its buffer (client.h): then the
         * connection ends there. */
        void (*begin)(void *me, struct session *s);

        /* ---- bytes from the client ---- */

        /* Returns how many bytes of any content the kind can take now. All that they can become must fit into the queue
         * to chatd (talk_room()) and the client's buffer (client_room()). Returns 0 if nothing is to be read. */
        size_t (*may_read)(const void *me);

        /* Takes `n` bytes, at least one and at most as many as may_read() said. */
        void (*input)(void *me, const uint8_t *bytes, size_t n);

        /* Returns true while input that came before its end is still to be taken. Then the session does not leave. */
        bool (*holds_input)(const void *me);

        /* No more input comes. What is complete without more may still be said. The session then leaves by itself. */
        void (*input_end)(void *me);

        /* ---- events from the chat ---- */

        /* chatd took the client as a member, under the name talk_name(), which may differ from `asked`, the name that
         * the session asked for. `members` is how many are here, the client among them; 0: unknown. May be called
         * again: after a restart chatd may meet the same HELLO once more. */
        void (*welcome)(void *me, struct slice asked, uint64_t members);

        /* Shows a record to the client. Only records that can be shown come here (chat/display.h), and each RECORD_CTCP,
         * which a person is not shown. The text of a RECORD_ANSWER is an answer (chat/answer.h) of another host. */
        void (*record)(void *me, const struct record *r);

        /* Notes what the kind must know later of a record, such as names. Called after record(), and alone for two
         * sorts of records: those that are not shown, and those that a chatd wrote, wholly or in part, when it died or
         * when the client did not take all. Not called for other records that chatd wrote: a kind that must know all
         * records of a sort must have no look in which chatd writes them. */
        void (*note)(void *me, const struct record *r);

        /* Shows past lines, at least one: in answer to the request `number`, or for a newcomer if that is 0. The records
         * are as in a PAST (chat/frame.h). */
        void (*past)(void *me, uint64_t number, struct wire_reader records);

        /* Takes chatd's answer to a request: ANSWER, SENT, NAMES or FOUND. If `f->name` of an ANSWER is not empty, the
         * client has that name from now on. An ANSWER, and a FOUND of nobody, has a code and details (chat/answer.h),
         * or, from a chatd of an earlier version, a text: see answers.h. */
        void (*answer)(void *me, const struct frame *f);

        /* The member with the id `f->key` asks for the client's name. Shows the client the answer in `f`, which says
         * so, and returns true. Returns false if the client does not want to hear of that member. */
        bool (*probe)(void *me, const struct frame *f);

        /* ---- events of the session ---- */

        /* Shows a notice that answers no request: how many lines were missed or lost, or why the client is removed. */
        void (*notice)(void *me, const struct answer *a);

        /* Shows the message of the day, in lines with LF between them. */
        void (*motd)(void *me, struct slice lines);

        /* chatd is gone, or is there again. The two calls alternate. */
        void (*away)(void *me, bool is_away);

        /* The client cannot join: the answer in `f` says why, or its text. The session ends after that. */
        void (*refusal)(void *me, const struct frame *f);

        /* Tells the client that it missed `lines` lines because it did not read. */
        void (*skips)(void *me, uint64_t lines);

        /* Returns the look in which chatd may write lines to the client by itself, or OUTLET_NO_LOOK. With a look of
         * IRC, sets `*server` to the name of the server. */
        enum outlet_look (*look)(const void *me, const char **server);

        /* Returns true if lines have exactly this look now. Otherwise the session alone writes. Called often. */
        bool (*is_plain)(const void *me);

        /* Writes a record as chatd does in this look at `ms`, the time since 1970. Returns its size, or 0 if chatd
         * writes no such record. */
        size_t (*lent_line)(const void *me, enum outlet_look look, const struct record *r, uint64_t ms,
                            char line[static OUTLET_LINE_MAX_BYTES]);

        /* Draws what must stand behind all other output, such as a half-typed line, if there is room. Called before and
         * after each write. Returns true if it drew. */
        bool (*draw)(void *me);

        /* Returns when tick() must be called, in ms of CLOCK_MONOTONIC; INT64_MAX for never. */
        int64_t (*due)(const void *me);

        /* Does what is due at talk_now(). After that due() returns a later time. */
        void (*tick)(void *me);

        /* Only output is left. What the kind writes now still goes out, and lines may still come. Called once. */
        void (*end)(void *me);
};
