#include "client-output.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/display.h>
#include <chat/outlet.h>
#include <chat/socket.h>

bool client_waits(const struct client *c)
{
        return c->end > c->start;
}

/* Returns how many bytes of the buffer are kept free for the rest of a line, or for its end in place of the rest. */
static size_t client_kept_bytes(const struct client *c)
{
        return c->is_indivisible ? OUTLET_LINE_MAX_BYTES : LINE_END_BYTES;
}

size_t client_room(const struct client *c)
{
        size_t most = sizeof(c->buffer) - client_kept_bytes(c), size = c->end - c->start;
        return size < most ? most - size : 0;
}

char *client_reserve(struct client *c, size_t size)
{
        if (client_room(c) < size)
                return NULL;
        if (sizeof(c->buffer) - c->end < size) {
                memmove(c->buffer, c->buffer + c->start, c->end - c->start);
                c->end -= c->start;
                c->start = 0;
        }
        return c->buffer + c->end;
}

void client_commit(struct client *c, const char *end)
{
        assert(end >= c->buffer + c->end && end <= c->buffer + sizeof(c->buffer));
        c->end = (size_t)(end - c->buffer);
}

const char *client_take_back(struct client *c, size_t size)
{
        assert(size <= c->end - c->start);
        c->end -= size;
        return c->buffer + c->end;
}

void client_raw(struct client *c, const void *data, size_t size)
{
        char *at = client_reserve(c, size);
        if (at)
                client_commit(c, mempcpy(at, data, size));
}

static void client_skip(struct client *c)
{
        c->skipped_lines++;
        c->skipped_total++;
}

char *client_begin_line(struct client *c, size_t size)
{
        char *at = c->skipped_lines == 0 ? client_reserve(c, size) : NULL;
        if (!at)
                client_skip(c);
        return at;
}

void client_end_line(struct client *c, const char *end)
{
        client_commit(c, end);
        c->lines_out++;
}

size_t client_line_bytes(const struct slice *parts, size_t n)
{
        size_t size = LINE_END_BYTES;
        for (size_t i = 0; i < n; i++)
                size += parts[i].len;
        return size;
}

void client_line(struct client *c, const struct slice *parts, size_t n)
{
        char *at = client_begin_line(c, client_line_bytes(parts, n));
        if (at)
                client_end_line(c, display_write(at, parts, n));
}

/* Puts bytes in front of the waiting output. */
static void client_put_first(struct client *c, const char *bytes, size_t size)
{
        /* client_kept_bytes() are always free */
        assert(c->end - c->start + size <= sizeof(c->buffer));
        memmove(c->buffer + size, c->buffer + c->start, c->end - c->start);
        memcpy(c->buffer, bytes, size);
        c->end += size - c->start;
        c->start = 0;
        c->is_broken_off = false;
}

void client_rest(struct client *c, const char *rest, size_t size)
{
        if (client_room(c) < size && !c->is_indivisible) {
                client_give_up_rest(c);
                client_skip(c);
                return;
        }
        client_put_first(c, rest, size);
        c->lines_out++;
}

void client_give_up_rest(struct client *c)
{
        c->is_broken_off = false;
        if (c->is_indivisible)
                c->is_out_broken = true;
        else
                client_put_first(c, LINE_END, LINE_END_BYTES);
}

void client_flush(struct client *c)
{
        while (client_waits(c) && !c->is_out_broken && !c->is_broken_off) {
                const char *at = c->buffer + c->start;
                size_t size = c->end - c->start;
                ssize_t n =
                        c->is_socket ? send(c->out, at, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(c->out, at, size);
                if (n < 0) {
                        c->is_out_broken = !socket_is_transient(errno);
                        break;
                }
                c->has_sent = true;
                c->written_bytes += (uint64_t)n;
                c->start += (size_t)n;
                if ((size_t)n < size)
                        break;
        }
        if (!client_waits(c) || c->is_out_broken)
                c->start = c->end = 0;
}

uint64_t client_take_skipped(struct client *c)
{
        uint64_t skipped = c->skipped_lines;
        if (client_room(c) < sizeof(c->buffer) / 2)
                return 0;
        c->skipped_lines = 0;
        return skipped;
}

bool client_sent(struct client *c)
{
        bool sent = c->has_sent;
        c->has_sent = false;
        return sent;
}
