#include "inject.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <chat/assert.h>
#include <chat/connect.h>
#include <chat/names.h>
#include <chat/socket.h>

void inject_init(struct inject *in, const char *dir)
{
        *in = (struct inject){.dir = dir, .socket = -1, .broker = (uid_t)-1, .retry_ms = INJECT_RETRY_MIN_MS};
        if (getrandom(&in->notices, sizeof(in->notices), 0) != sizeof(in->notices))
                in->notices = (uint64_t)getpid() << 32; /* cannot happen once the system is up, getrandom(2) */
        in->notices |= UINT64_C(1) << 63;               /* numbers of other hosts' records always stay below that */
}

void inject_close(struct inject *in)
{
        if (in->socket >= 0)
                close(in->socket);
        in->socket = -1;
        in->is_blocked = false;
}

static void inject_disconnect(struct inject *in, int64_t now_ms)
{
        inject_close(in);
        in->retry_at = now_ms + in->retry_ms;
        in->retry_ms = in->retry_ms * 2 < INJECT_RETRY_MAX_MS ? in->retry_ms * 2 : INJECT_RETRY_MAX_MS;
}

void inject_connect(struct inject *in, int64_t now_ms)
{
        struct stat intake;
        if (in->socket >= 0 || now_ms < in->retry_at)
                return;
        in->socket = connect_socket();
        if (in->socket < 0 || connect_broker(in->socket, in->dir, &intake) < 0) {
                inject_disconnect(in, now_ms);
                return;
        }
        in->broker = intake.st_uid;
        in->hello_pending = true;
        in->welcome = false;
}

void inject_hello(struct inject *in)
{
        in->hello_pending = true;
}

void inject_welcome(struct inject *in)
{
        in->welcome = true;
}

static bool inject_accept_frame(struct inject *in, const struct frame *f)
{
        if (in->size > 0)
                return false;
        in->size = frame_encode(in->frame, sizeof(in->frame), f);
        return true;
}

bool inject_notice(struct inject *in, struct slice text, struct slice answer, uint64_t to)
{
        struct frame f = {.type = to != 0 ? FRAME_TELL : FRAME_NOTICE,
                          .id = LINK_ID,
                          .number = in->notices + 1,
                          .key = to,
                          .text = text,
                          .answer = answer};
        if (!inject_accept_frame(in, &f))
                return false;
        in->notices++;
        return true;
}

_Static_assert(FRAME_HEADER_BYTES + 2 * (RECORD_HEADER_BYTES + NAME_MAX_BYTES + NICK_MAX_BYTES + 1) + TEXT_MAX_BYTES <=
                       FRAME_MAX_BYTES,
               "any record fits into an INJECT, with its STYLE");

bool inject_record(struct inject *in, const struct record *rec)
{
        if (in->size > 0 && !in->open)
                return false;
        if (in->size == 0 && !inject_accept_frame(in, &(struct frame){.type = FRAME_INJECT, .id = LINK_ID}))
                return false;
        in->open = true;
        size_t size = record_encode_styled(in->frame + in->size, sizeof(in->frame) - in->size, rec);
        assert(size > 0 || in->size > FRAME_HEADER_BYTES); /* else it would be tried for ever */
        if (size == 0)
                return false;
        in->size += size;
        in->last = in->pending_number = rec->number;
        return true;
}

/* Sends a frame to the intake. Returns false if the intake did not take it. */
static bool inject_hand_over(struct inject *in, const void *frame, size_t size, int64_t now_ms)
{
        if (send(in->socket, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
                in->retry_ms = INJECT_RETRY_MIN_MS;
                return true;
        }
        in->is_blocked = socket_is_transient(errno);
        if (!in->is_blocked)
                inject_disconnect(in, now_ms);
        return false;
}

static bool inject_hand_over_hello(struct inject *in, int64_t now_ms)
{
        uint8_t hello[FRAME_MAX_BYTES];
        struct frame f = {.type = FRAME_HELLO, .id = LINK_ID, .name = slice_of("link"), .address = slice_of("link")};
        if (!inject_hand_over(in, hello, frame_encode(hello, sizeof(hello), &f), now_ms))
                return false;
        in->hello_pending = false;
        in->hello_number = in->sent_number;
        return true;
}

bool inject_flush(struct inject *in, int64_t now_ms)
{
        in->is_blocked = false;
        if (in->socket < 0 || (in->hello_pending && !inject_hand_over_hello(in, now_ms)) || !in->welcome)
                return false;
        if (in->size == 0)
                return true;
        if (!inject_hand_over(in, in->frame, in->size, now_ms))
                return false;
        if (in->open)
                in->sent_number = in->pending_number;
        in->size = 0;
        in->open = false;
        return true;
}

void inject_rewind(struct inject *in, uint64_t number)
{
        if (in->open)
                in->size = 0;
        in->open = false;
        in->last = in->sent_number = number;
}

void inject_number_above(struct inject *in, uint64_t number)
{
        in->last = number;
}
