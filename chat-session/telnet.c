#include "telnet.h"

#include <string.h>

enum {
        SE = 240,
        BRK = 243,
        IP = 244,
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
        /* RFC 1184 */
        TELNET_EOF = 236,
        SUSP = 237,
        ABORT = 238,
};

/* The bytes whose lower seven bits are the control character of a terminal for a telnet command: ^C, ^O, ^\, ^Z, ^D. */
enum {
        BYTE_OF_IP = 0x83,
        BYTE_OF_AO = 0x8f,
        BYTE_OF_BRK = 0x9c,
        BYTE_OF_SUSP = 0x9a,
        BYTE_OF_EOF = 0x84,
};

enum {
        OPTION_BINARY = 0,
        OPTION_ECHO = 1,
        OPTION_SUPPRESS_GO_AHEAD = 3,
        OPTION_TIMING_MARK = 6,
        OPTION_NAWS = 31,
};

enum offers {
        OFFERS_WINDOW = 1,
        OFFERS_CHARACTERS = 2,
        OFFERS_ALL = 3,
        OFFERS_IGNORED = 4, /* offers no longer count */
};

enum state {
        STATE_DATA,
        STATE_IAC,     /* IAC was read */
        STATE_OPTION,  /* IAC and a verb were read */
        STATE_SUB,     /* inside a subnegotiation, behind IAC SB */
        STATE_SUB_IAC, /* an IAC was read inside a subnegotiation */
};

static enum telnet_event telnet_reply(struct telnet *t, uint8_t verb, uint8_t option)
{
        t->reply[0] = IAC;
        t->reply[1] = verb;
        t->reply[2] = option;
        return TELNET_REPLY;
}

static enum telnet_event telnet_refuse(struct telnet *t, uint8_t option)
{
        bool is_do = t->verb == DO;
        uint8_t bit = (uint8_t)(1 << option % 8);
        uint8_t *bits = &t->refusals[is_do][option / 8];

        if (is_do && option == OPTION_TIMING_MARK)
                return telnet_reply(t, WONT, option);
        if (*bits & bit)
                return TELNET_NOTHING;
        *bits |= bit;
        return telnet_reply(t, is_do ? WONT : DONT, option);
}

/* Agrees to each change of BINARY, and answers unless the peer agrees to what we asked for. A repetition of the current
 * state is not answered. */
static enum telnet_event telnet_agree(struct telnet *t)
{
        bool is_theirs = t->verb == WILL || t->verb == WONT, on = t->verb == WILL || t->verb == DO;
        bool *binary = &t->binary[is_theirs ? 0 : 1], is_asked_for = is_theirs && on && t->binary_pending;
        if (is_theirs)
                t->binary_pending = false;
        if (*binary == on || t->changes == TELNET_CHANGES_MAX)
                return TELNET_NOTHING;
        t->changes++;
        *binary = on;
        if (is_asked_for)
                return TELNET_NOTHING;
        static const uint8_t verbs[2][2] = {{WONT, WILL}, {DONT, DO}};
        return telnet_reply(t, verbs[is_theirs][on], OPTION_BINARY);
}

bool telnet_ask(struct telnet *t)
{
        if (!t->speaks || t->has_asked_binary || t->binary[0])
                return false;
        t->has_asked_binary = t->binary_pending = true;
        telnet_reply(t, DO, OPTION_BINARY);
        return true;
}

/* Notes what the peer offers or asks for by itself. */
static void telnet_note_offer(struct telnet *t, uint8_t option)
{
        if (t->verb == WILL && option == OPTION_NAWS)
                t->offers |= OFFERS_WINDOW;
        if (t->verb == DO && option == OPTION_SUPPRESS_GO_AHEAD)
                t->offers |= OFFERS_CHARACTERS;
}

bool telnet_offers_editing(struct telnet *t)
{
        bool offers = t->offers == OFFERS_ALL;
        if (offers)
                t->offers |= OFFERS_IGNORED;
        return offers;
}

size_t telnet_edit(struct telnet *t, bool on, uint8_t commands[static TELNET_EDIT_BYTES])
{
        static const uint8_t begin[TELNET_EDIT_BYTES] = {
                IAC, WILL, OPTION_ECHO, IAC, WILL, OPTION_SUPPRESS_GO_AHEAD, IAC, DO, OPTION_SUPPRESS_GO_AHEAD,
                IAC, DO,   OPTION_NAWS};
        static const uint8_t end[] = {
                IAC, WONT, OPTION_ECHO, IAC, WONT, OPTION_SUPPRESS_GO_AHEAD, IAC, DONT, OPTION_SUPPRESS_GO_AHEAD};
        size_t size = on ? sizeof(begin) : sizeof(end);
        t->edits = on;
        t->yields = false;
        t->offers |= OFFERS_IGNORED;
        memcpy(commands, on ? begin : end, size);
        return size;
}

/* Returns true if telnet_edit() asked for the option that the verb is about. */
static bool telnet_is_asked(const struct telnet *t, uint8_t option)
{
        bool theirs = t->verb == WILL || t->verb == WONT;
        return t->edits && (option == OPTION_SUPPRESS_GO_AHEAD || option == (theirs ? OPTION_NAWS : OPTION_ECHO));
}

static enum telnet_event telnet_negotiate(struct telnet *t, uint8_t option)
{
        t->state = STATE_DATA;
        if (option == OPTION_BINARY)
                return telnet_agree(t);
        if (telnet_is_asked(t, option)) {
                if (option == OPTION_ECHO)
                        t->yields = t->verb == DO;
                if (option == OPTION_NAWS && t->verb == WILL && !t->is_confirmed) {
                        t->is_confirmed = true;
                        return telnet_reply(t, DO, option);
                }
                return option == OPTION_ECHO && t->verb == DONT ? TELNET_ECHOES : TELNET_NOTHING;
        }
        telnet_note_offer(t, option);
        return t->verb == WILL || t->verb == DO ? telnet_refuse(t, option) : TELNET_NOTHING;
}

static void telnet_push_sub(struct telnet *t, uint8_t byte)
{
        if (t->sub_size < sizeof(t->sub))
                t->sub[t->sub_size] = byte;
        if (t->sub_size <= sizeof(t->sub))
                t->sub_size++;
}

static enum telnet_event telnet_end_sub(struct telnet *t)
{
        if (t->sub_size != sizeof(t->sub) || t->sub[0] != OPTION_NAWS)
                return TELNET_NOTHING;
        t->columns = (uint16_t)(t->sub[1] << 8 | t->sub[2]);
        return TELNET_WINDOW;
}

/* Returns an event for a command that the byte `data` may have become. */
static enum telnet_event telnet_mangled(struct telnet *t, enum telnet_event event, uint8_t data)
{
        t->data = data;
        return event;
}

static enum telnet_event telnet_command(struct telnet *t, uint8_t byte)
{
        t->state = STATE_DATA;
        t->speaks |= byte != IAC;
        switch (byte) {
        case WILL:
        case WONT:
        case DO:
        case DONT:
                t->verb = byte;
                t->state = STATE_OPTION;
                return TELNET_NOTHING;
        case SB:
                t->state = STATE_SUB;
                t->sub_size = 0;
                return TELNET_NOTHING;
        case IAC:
                t->data = IAC;
                return TELNET_DATA;
        case IP:
                return telnet_mangled(t, TELNET_INTERRUPT, BYTE_OF_IP);
        case AO:
                return telnet_mangled(t, TELNET_IGNORED, BYTE_OF_AO);
        case BRK:
                return telnet_mangled(t, TELNET_IGNORED, BYTE_OF_BRK);
        case SUSP:
                return telnet_mangled(t, TELNET_IGNORED, BYTE_OF_SUSP);
        case AYT:
                return TELNET_AYT;
        case EC:
                return TELNET_ERASE_CHARACTER;
        case EL:
                return TELNET_ERASE_LINE;
        case TELNET_EOF:
                return telnet_mangled(t, TELNET_END, BYTE_OF_EOF);
        case ABORT:
                return telnet_mangled(t, TELNET_END, 0);
        default:
                return TELNET_NOTHING;
        }
}

bool telnet_is_between(const struct telnet *t)
{
        return t->state == STATE_DATA;
}

enum telnet_event telnet_push(struct telnet *t, uint8_t byte)
{
        switch ((enum state)t->state) {
        case STATE_DATA:
                if (byte == IAC) {
                        t->state = STATE_IAC;
                        return TELNET_NOTHING;
                }
                t->data = byte;
                return TELNET_DATA;
        case STATE_IAC:
                return telnet_command(t, byte);
        case STATE_OPTION:
                return telnet_negotiate(t, byte);
        case STATE_SUB:
                if (byte == IAC)
                        t->state = STATE_SUB_IAC;
                else
                        telnet_push_sub(t, byte);
                return TELNET_NOTHING;
        case STATE_SUB_IAC:
                if (byte == IAC) {
                        t->state = STATE_SUB;
                        telnet_push_sub(t, byte);
                        return TELNET_NOTHING;
                }
                /* A byte other than SE means that the peer forgot the end. To take a command too early is better than
                 * to ignore the client for ever. */
                t->state = STATE_DATA;
                return byte == SE ? telnet_end_sub(t) : telnet_command(t, byte);
        }
        return TELNET_NOTHING;
}
