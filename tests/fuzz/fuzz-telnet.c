/* Telnet (chat-session/telnet.c), compared with a second implementation of RFC 854 that has the whole input at once.
 *
 * Input: the length of the first read, with two flags: the session begins to edit after this read, and stops after the
 * next one. Then the peer's bytes. After each read the session may ask for BINARY.
 *
 * Promises: every event and every byte of text is the one that the RFC asks for, so no part of a command is ever text.
 * All state is in the struct: reads may cut the stream anywhere. A refusal is sent once per option and direction, an
 * answer about BINARY once per change, and a TIMING-MARK is answered each time. The session asks once, and only a peer
 * that sent a command. Two such parsers that answer each other fall silent. Of subnegotiations only the size of a
 * window is an event. An offer of editing counts only from a peer that was not asked, and answers to a request for
 * editing are not answered.
 */
#include "../../chat-session/telnet.h"

#include "fuzz.h"

enum {
        BINARY = 0,
        ECHO = 1,
        SUPPRESS_GO_AHEAD = 3,
        NAWS = 31,
        TIMING_MARK = 6,
        TELNET_EOF = 236,
        SUSP = 237,
        ABORT = 238,
        SE = 240,
        IP = 244,
        BRK = 243,
        AO = 245,
        AYT = 246,
        EC = 247,
        EL = 248,
        SB = 250,
        WILL = 251,
        WONT = 252,
        DO = 253,
        DONT = 254,
        IAC = 255,
        SILENCE_MAX_ROUNDS = 4,
        EDITS_AFTER_FIRST_READ = 64, /* in the first byte of the input */
        ENDS_AFTER_SECOND_READ = 128,
};

/* The state on which answers depend. */
struct expected {
        bool confirmed; /* a WILL NAWS was answered */
        bool refused[2][256];
        bool binary[2]; /* agreed: [0] by the peer, [1] by us */
        bool asked, unanswered;
        unsigned changes; /* changes of BINARY that were answered or agreed to */
        bool speaks;
        bool edits, edited;
        bool window, characters; /* offered */
        uint16_t columns;
};

static bool is_answer_to_edit(const struct expected *e, uint8_t verb, uint8_t option)
{
        static const uint8_t asked[][2] = {{DO, ECHO},
                                           {DONT, ECHO},
                                           {DO, SUPPRESS_GO_AHEAD},
                                           {DONT, SUPPRESS_GO_AHEAD},
                                           {WILL, SUPPRESS_GO_AHEAD},
                                           {WONT, SUPPRESS_GO_AHEAD},
                                           {WILL, NAWS},
                                           {WONT, NAWS}};
        for (size_t i = 0; e->edits && i < sizeof(asked) / sizeof(asked[0]); i++)
                if (asked[i][0] == verb && asked[i][1] == option)
                        return true;
        return false;
}

/* Returns the answer's verb, or 0 for none. */
static uint8_t expected_answer(struct expected *e, uint8_t verb, uint8_t option)
{
        bool theirs = verb == WILL || verb == WONT, on = verb == WILL || verb == DO;
        if (option == BINARY) {
                bool is_answer = theirs && e->unanswered, changes = e->binary[!theirs] != on;
                if (theirs)
                        e->unanswered = false;
                if (!changes || e->changes == TELNET_CHANGES_MAX)
                        return 0;
                e->changes++;
                e->binary[!theirs] = on;
                if (is_answer && on)
                        return 0;
                return theirs ? (on ? DO : DONT) : (on ? WILL : WONT);
        }
        if (is_answer_to_edit(e, verb, option)) {
                bool answered = verb == WILL && option == NAWS && !e->confirmed;
                e->confirmed |= answered;
                return answered ? DO : 0;
        }
        e->window |= verb == WILL && option == NAWS;
        e->characters |= verb == DO && option == SUPPRESS_GO_AHEAD;
        if (!on || (option != TIMING_MARK && e->refused[theirs][option]) ||
            (option == TIMING_MARK && theirs && e->refused[theirs][option]))
                return 0;
        e->refused[theirs][option] = true;
        return theirs ? DONT : WONT;
}

/* Reads what is between IAC SB and IAC SE. */
static enum telnet_event read_sub(struct expected *e, const uint8_t *at, const uint8_t *end)
{
        uint8_t sub[6] = {0};
        size_t n = 0;
        for (; at < end; at += *at == IAC ? 2 : 1)
                if (n++ < sizeof(sub))
                        sub[n - 1] = *at;
        if (n != 5 || sub[0] != NAWS)
                return TELNET_NOTHING;
        e->columns = (uint16_t)(sub[1] * 256 + sub[2]);
        return TELNET_WINDOW;
}

/* Reads the command or text byte at *at, moves *at behind it, and writes the event at its end. Returns false if the
 * input ends within it; then no byte of it may have become an event. */
static bool read_one(struct expected *e, const uint8_t **at, const uint8_t *end, enum telnet_event *event,
                     uint8_t bytes[3])
{
        const uint8_t *p = *at;
        *event = TELNET_NOTHING;
        if (*p++ != IAC) {
                bytes[0] = p[-1];
                *event = TELNET_DATA;
                *at = p;
                return true;
        }
        while (p < end && *p == SB) { /* a subnegotiation; the beginning of another one may end it */
                e->speaks = true;
                const uint8_t *sub = p + 1;
                for (p++; p < end && !(*p == IAC && p + 1 < end && p[1] != IAC); p += *p == IAC ? 2 : 1)
                        if (*p == IAC && p + 1 == end)
                                return false;
                if (p >= end)
                        return false;
                p++;
                if (*p == SE) {
                        *event = read_sub(e, sub, p - 1);
                        *at = p + 1;
                        return true;
                }
        }
        if (p >= end)
                return false;
        uint8_t command = *p++;
        e->speaks |= command != IAC;
        if (command >= WILL && command <= DONT) {
                if (p >= end)
                        return false;
                uint8_t option = *p++, answer = expected_answer(e, command, option);
                bool echoes = command == DONT && option == ECHO && e->edits;
                *event = echoes ? TELNET_ECHOES : answer ? TELNET_REPLY : TELNET_NOTHING;
                memcpy(bytes, (uint8_t[]){IAC, answer, option}, 3);
        } else if (command == IAC) {
                *event = TELNET_DATA;
                bytes[0] = IAC;
        } else {
                static const struct {
                        uint8_t command, byte; /* the byte that the command may stand for; 0: none */
                        enum telnet_event event;
                } known[] = {{IP, 0x83, TELNET_INTERRUPT}, {AO, 0x8f, TELNET_IGNORED},      {BRK, 0x9c, TELNET_IGNORED},
                             {SUSP, 0x9a, TELNET_IGNORED}, {TELNET_EOF, 0x84, TELNET_END},  {ABORT, 0, TELNET_END},
                             {AYT, 0, TELNET_AYT},         {EC, 0, TELNET_ERASE_CHARACTER}, {EL, 0, TELNET_ERASE_LINE}};
                for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                        if (known[i].command == command) {
                                *event = known[i].event;
                                bytes[0] = known[i].byte;
                        }
        }
        *at = p;
        return true;
}

static void ask(struct telnet *t, struct expected *e)
{
        bool asks = telnet_ask(t);
        PROMISE(asks == (e->speaks && !e->asked && !e->binary[0]), "telnet_ask() is %d", asks);
        PROMISE(!asks || memcmp(t->reply, "\xff\xfd", 3) == 0, "asks for something else");
        if (asks)
                e->asked = e->unanswered = true;
        bool offers = telnet_offers_editing(t);
        PROMISE(offers == (e->window && e->characters && !e->edited), "telnet_offers_editing() is %d", offers);
        e->edited |= offers; /* once is enough */
}

static void edit(struct telnet *t, struct expected *e, bool on)
{
        uint8_t commands[TELNET_EDIT_BYTES];
        size_t size = telnet_edit(t, on, commands);
        PROMISE(size % 3 == 0 && size <= sizeof(commands), "%zu bytes of commands", size);
        e->edits = on;
        e->edited = true;
}

/* Lets `t`, which has just sent its reply, and another such parser answer each other. */
static void answer_each_other(struct telnet *t)
{
        struct telnet peer = {0}, *to = &peer, *from = t;
        for (int round = 0; round < SILENCE_MAX_ROUNDS; round++) {
                enum telnet_event event = TELNET_NOTHING;
                uint8_t reply[TELNET_REPLY_BYTES];
                memcpy(reply, from->reply, sizeof(reply));
                for (size_t i = 0; i < sizeof(reply); i++)
                        event = telnet_push(to, reply[i]);
                if (event != TELNET_REPLY)
                        return;
                struct telnet *next = from;
                from = to;
                to = next;
        }
        BROKEN("two parsers answer each other for ever");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        size_t read = data[0] % 64u + 1u, reads = 0;
        const uint8_t *start = data + 1, *end = data + size, *at = start, *pushed = start;
        struct telnet t = {0};
        struct expected e = {0};

        while (at < end) {
                enum telnet_event event = TELNET_NOTHING, wanted;
                uint8_t bytes[3] = {0};
                bool whole = read_one(&e, &at, end, &wanted, bytes);
                const uint8_t *until = whole ? at : end;
                for (; pushed < until; pushed++) {
                        struct telnet moved = t;
                        memset(&t, 0xa5, sizeof(t));
                        event = telnet_push(&moved, *pushed);
                        t = moved;
                        PROMISE(event == TELNET_NOTHING || pushed + 1 == until, "an event within a command, at %td",
                                pushed - start);
                }
                PROMISE(event == (whole ? wanted : TELNET_NOTHING), "event %d, not %d, at %td", (int)event, (int)wanted,
                        until - start);
                bool has_data = event == TELNET_DATA || event == TELNET_INTERRUPT || event == TELNET_IGNORED ||
                                event == TELNET_END;
                PROMISE(!has_data || t.data == bytes[0], "0x%02x instead of 0x%02x", t.data, bytes[0]);
                PROMISE(t.columns == e.columns, "%u columns, not %u", t.columns, e.columns);
                PROMISE(event != TELNET_REPLY || memcmp(t.reply, bytes, 3) == 0, "answer %u %u, not %u %u", t.reply[1],
                        t.reply[2], bytes[1], bytes[2]);
                if (event == TELNET_REPLY) {
                        struct telnet copy = t;
                        answer_each_other(&copy);
                }
                if (!whole)
                        break;
                if ((size_t)(pushed - start) >= read) {
                        read += read;
                        ask(&t, &e);
                        reads++;
                        if (reads == 1 && data[0] & EDITS_AFTER_FIRST_READ)
                                edit(&t, &e, true);
                        else if (reads == 2 && data[0] & ENDS_AFTER_SECOND_READ)
                                edit(&t, &e, false);
                }
        }
        return 0;
}
