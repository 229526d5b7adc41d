#include "escape.h"

enum {
        ESC = 27,
        DEL = 127,
};

enum state {
        STATE_TEXT,
        STATE_ESC,     /* ESC was read */
        STATE_CSI,     /* ESC [ was read */
        STATE_SS3,     /* ESC O was read */
        STATE_CONSOLE, /* ESC [ [ was read */
};

/* Takes the byte behind ESC. */
static enum escape_event escape_begin(struct escape *e, uint8_t byte)
{
        if (byte != '[' && byte != 'O')
                return ESCAPE_ALT;
        e->state = byte == '[' ? STATE_CSI : STATE_SS3;
        e->len = 0;
        return ESCAPE_PART;
}

/* Takes a byte behind ESC [ or ESC O. */
static enum escape_event escape_go_on(struct escape *e, enum state state, uint8_t byte)
{
        if (state == STATE_CSI && byte == '[' && e->len == 0) {
                e->state = STATE_CONSOLE;
                return ESCAPE_PART;
        }
        if (byte >= '@') {
                e->final = byte;
                return state == STATE_CSI ? ESCAPE_CSI : ESCAPE_SS3;
        }
        if (e->len == sizeof(e->parameters))
                return ESCAPE_NONE;
        e->parameters[e->len++] = (char)byte;
        e->state = (uint8_t)state;
        return ESCAPE_PART;
}

enum escape_event escape_push(struct escape *e, uint8_t byte)
{
        enum state state = (enum state)e->state;
        e->state = STATE_TEXT;
        if (byte == ESC) {
                e->state = STATE_ESC;
                return ESCAPE_PART;
        }
        if (state == STATE_TEXT || byte < ' ' || byte >= 0x80 || (byte == DEL && state != STATE_ESC))
                return ESCAPE_NONE;
        if (state == STATE_ESC)
                return escape_begin(e, byte);
        return state == STATE_CONSOLE ? ESCAPE_PART : escape_go_on(e, state, byte);
}
