#include "websocket.h"

#include <stdio.h>

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include <chat/assert.h>
#include <chat/safe-text.h>

#include "../chat-session/client-output.h"

#include "requests.h"

/* RFC 6455, section 1.3 */
#define WEBSOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WEBSOCKET_PROTOCOL "chat-json"

enum {
        WEBSOCKET_KEY_BYTES = 24,
        WEBSOCKET_ACCEPT_BYTES = BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE),
        WEBSOCKET_FIN = 0x80,
};

/* wslay takes its bytes from here. */
static ssize_t websocket_on_wanted(uint8_t *buffer, size_t size, int flags, void *me)
{
        struct websocket *s = &((struct web *)me)->socket;
        size_t n = s->bytes.len < size ? s->bytes.len : size;
        (void)flags;
        memcpy(buffer, s->bytes.at, n);
        s->bytes.at += n;
        s->bytes.len -= n;
        return (ssize_t)n;
}

void websocket_begin(struct web *w)
{
        const struct wslay_frame_callbacks callbacks = {.recv_callback = websocket_on_wanted};
        int r = wslay_frame_context_init(&w->socket.frames, &callbacks, w);
        assert(r == 0); /* it needs a few pages of memory, which a new process has */
}

/* ---- the handshake ---- */

bool websocket_is_key(struct slice key)
{
        struct base64_decode_ctx base64;
        uint8_t bytes[BASE64_DECODE_LENGTH(WEBSOCKET_KEY_BYTES)];
        size_t size;
        base64_decode_init(&base64);
        return key.len == WEBSOCKET_KEY_BYTES && base64_decode_update(&base64, &size, bytes, key.len, key.at) &&
               base64_decode_final(&base64) && size == 16;
}

void websocket_accept(struct web *w, uint64_t ms)
{
        struct slice key = w->http.fields[HTTP_WEBSOCKET_KEY];
        w->http.is_last = false; /* the connection goes on */
        bool is_named = http_has_token(&w->http, HTTP_WEBSOCKET_PROTOCOL, WEBSOCKET_PROTOCOL);
        struct sha1_ctx sha;
        uint8_t digest[SHA1_DIGEST_SIZE];
        char text[WEBSOCKET_ACCEPT_BYTES + 1], fields[256];
        sha1_init(&sha);
        sha1_update(&sha, key.len, (const uint8_t *)key.at);
        sha1_update(&sha, sizeof(WEBSOCKET_GUID) - 1, (const uint8_t *)WEBSOCKET_GUID);
        sha1_digest(&sha, sizeof(digest), digest);
        base64_encode_raw(text, sizeof(digest), digest);
        text[WEBSOCKET_ACCEPT_BYTES] = '\0';
        snprintf(fields, sizeof(fields), "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s",
                 text, is_named ? "Sec-WebSocket-Protocol: " WEBSOCKET_PROTOCOL "\r\n" : "");
        http_answer(&w->http, w->client, ms, &(struct http_answer){.status = 101, .fields = fields});
        w->stage = WEB_SOCKET;
}

/* ---- control frames ---- */

static void websocket_control(struct web *w, enum wslay_opcode opcode, const uint8_t *payload, size_t size)
{
        char *at = client_reserve(w->client, 2 + size);
        if (!at || w->stage != WEB_SOCKET)
                return;
        *at++ = (char)(WEBSOCKET_FIN | opcode);
        *at++ = (char)size;
        client_commit(w->client, mempcpy(at, payload, size));
}

void websocket_ping(struct web *w)
{
        websocket_control(w, WSLAY_PING, (const uint8_t[]){0}, 0);
}

void websocket_close(struct web *w, unsigned code)
{
        const uint8_t payload[] = {(uint8_t)(code >> 8), (uint8_t)code};
        websocket_control(w, WSLAY_CONNECTION_CLOSE, payload, code == WSLAY_CODE_NO_STATUS_RCVD ? 0 : 2);
        w->stage = WEB_CLOSED;
}

/* Ends the connection. The code is the one that the client sent, or says what the client did wrong. */
static void websocket_end(struct web *w, unsigned code)
{
        websocket_close(w, code);
        talk_leave(w->session, LEAVE_EOF);
}

/* Returns true if a client may send this code: RFC 6455, section 7.4. */
static bool websocket_is_code(unsigned code)
{
        return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);
}

static void websocket_closed_by_client(struct web *w, const uint8_t *payload, size_t size)
{
        unsigned code = size >= 2 ? (unsigned)payload[0] << 8 | payload[1] : WSLAY_CODE_NO_STATUS_RCVD;
        if (size == 1 || (size >= 2 && !websocket_is_code(code)))
                code = WSLAY_CODE_PROTOCOL_ERROR;
        else if (size > 2 && !text_is_utf8((const char *)payload + 2, size - 2))
                code = WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA;
        websocket_end(w, code);
}

/* ---- frames from the client ---- */

/* Returns the code for what is wrong with a frame whose head has come, or 0. */
static unsigned websocket_check(const struct web *w, const struct wslay_frame_iocb *f)
{
        const struct websocket *s = &w->socket;
        if (!f->mask || f->rsv != 0)
                return WSLAY_CODE_PROTOCOL_ERROR;
        switch (f->opcode) {
        case WSLAY_CONNECTION_CLOSE:
        case WSLAY_PING:
        case WSLAY_PONG:
                return 0;
        case WSLAY_BINARY_FRAME:
                return s->has_begun ? WSLAY_CODE_PROTOCOL_ERROR : WSLAY_CODE_UNSUPPORTED_DATA;
        case WSLAY_TEXT_FRAME:
        case WSLAY_CONTINUATION_FRAME:
                if (s->has_begun != (f->opcode == WSLAY_CONTINUATION_FRAME))
                        return WSLAY_CODE_PROTOCOL_ERROR;
                return f->payload_length > sizeof(w->line) - w->line_len ? WSLAY_CODE_MESSAGE_TOO_BIG : 0;
        default:
                return WSLAY_CODE_PROTOCOL_ERROR;
        }
}

static void websocket_take_message(struct web *w)
{
        struct slice text = {w->line, w->line_len};
        w->line_len = 0;
        w->socket.has_begun = false;
        if (text_is_utf8(text.at, text.len))
                requests_take(w, text);
        else
                websocket_end(w, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
}

/* Takes a frame that is complete. */
static void websocket_take_frame(struct web *w, const struct wslay_frame_iocb *f)
{
        struct websocket *s = &w->socket;
        switch (f->opcode) {
        case WSLAY_CONNECTION_CLOSE:
                websocket_closed_by_client(w, s->control, s->control_len);
                break;
        case WSLAY_PING:
                websocket_control(w, WSLAY_PONG, s->control, s->control_len);
                break;
        case WSLAY_PONG:
                break;
        default:
                s->has_begun = true;
                if (f->fin)
                        websocket_take_message(w);
                break;
        }
        s->control_len = 0;
}

/* Takes a part of a frame. wslay refuses control frames of more than 125 bytes. */
static void websocket_take_part(struct web *w, const struct wslay_frame_iocb *f)
{
        struct websocket *s = &w->socket;
        unsigned wrong = s->frame_len == 0 ? websocket_check(w, f) : 0;
        if (wrong) {
                websocket_end(w, wrong);
                return;
        }
        s->frame_len += f->data_length;
        if (wslay_is_ctrl_frame(f->opcode)) {
                memcpy(s->control + s->control_len, f->data, f->data_length);
                s->control_len += f->data_length;
        } else {
                memcpy(w->line + w->line_len, f->data, f->data_length);
                w->line_len += f->data_length;
        }
        if (s->frame_len < f->payload_length)
                return;
        s->frame_len = 0;
        websocket_take_frame(w, f);
}

void websocket_take(struct web *w, const uint8_t *bytes, size_t n)
{
        struct wslay_frame_iocb frame;
        ssize_t r = 0;
        w->socket.bytes = (struct slice){(const char *)bytes, n};
        while (talk_is_open(w->session) && (r = wslay_frame_recv(w->socket.frames, &frame)) >= 0)
                websocket_take_part(w, &frame);
        if (r < 0 && r != WSLAY_ERR_WANT_READ)
                websocket_end(w, WSLAY_CODE_PROTOCOL_ERROR);
}
