/* Frames of a WebSocket (chat-web/websocket.c).
 *
 * Input: a byte that says how long the reads are, and what a client sends after the handshake.
 *
 * Promises: messages and answers are the same however the bytes are cut into reads. A message is UTF-8, and has a
 * limited size. The server sends whole control frames without a mask: PONGs, and at most one close frame, after which
 * nothing comes. The session leaves if, and only if, it has sent the close frame.
 */
#include <stdlib.h>

#include <chat/safe-text.h>

#include "../../chat-web/requests.h"
#include "../../chat-web/websocket.h"

#include "fuzz.h"

static struct web web;
static struct client client;
static uint64_t sum;
static bool has_left;

void __wrap_requests_take(struct web *w, struct slice object);
void __wrap_talk_leave(struct session *s, enum leave_reason reason);
bool __wrap_talk_is_open(const struct session *s);

void __wrap_requests_take(struct web *w, struct slice object)
{
        struct text_cleaner cleaner = {0};
        char clean[TEXT_CLEAN_MAX];
        PROMISE(w == &web && !has_left, "a message behind the end");
        PROMISE(object.len <= WEB_LINE_MAX_BYTES, "a message of %zu bytes", object.len);
        for (size_t i = 0; i < object.len; i++) {
                sum = sum * 31 + (uint8_t)object.at[i] + 1;
                text_clean(&cleaner, (uint8_t)object.at[i], clean);
        }
        PROMISE(text_clean_end(&cleaner, clean) == 0 && !cleaner.is_broken, "a message is not UTF-8");
        sum = sum * 31 + object.len;
}

void __wrap_talk_leave(struct session *s, enum leave_reason reason)
{
        (void)s;
        (void)reason;
        has_left = true;
}

bool __wrap_talk_is_open(const struct session *s)
{
        (void)s;
        return !has_left;
}

/* Checks what the server sent. */
static void try_output(void)
{
        const uint8_t *at = (const uint8_t *)client.buffer + client.start,
                      *end = (const uint8_t *)client.buffer + client.end;
        bool is_closed = false;
        while (at < end) {
                PROMISE(!is_closed, "a frame behind the last one");
                PROMISE(end - at >= 2 && (at[0] == 0x8a || at[0] == 0x88) && at[1] <= 125 && end - at >= 2 + at[1],
                        "a wrong frame");
                is_closed = at[0] == 0x88;
                PROMISE(!is_closed || at[1] == 0 || at[1] == 2, "a close frame of %u bytes", at[1]);
                for (size_t i = 0; i < 2U + at[1]; i++)
                        sum = sum * 31 + at[i];
                at += 2 + at[1];
        }
        PROMISE(is_closed == has_left && is_closed == (web.stage == WEB_CLOSED), "the session is half open");
}

/* Takes the bytes, `step` at a time. Returns a checksum of messages and answers. */
static uint64_t take_all(const uint8_t *data, size_t size, size_t step)
{
        web = (struct web){.client = &client, .stage = WEB_SOCKET};
        client.start = client.end = 0;
        has_left = false;
        sum = 0;
        websocket_begin(&web);
        for (size_t at = 0; at < size && !has_left; at += step)
                websocket_take(&web, data + at, size - at < step ? size - at : step);
        try_output();
        wslay_frame_context_free(web.socket.frames);
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size < 1)
                return 0;
        size_t step = 1 + data[0];
        uint64_t by_steps = take_all(data + 1, size - 1, step);
        PROMISE(by_steps == take_all(data + 1, size - 1, size), "reads of %zu bytes differ", step);
        return 0;
}
