/* The client's connection: its descriptors, and the output that it has not taken yet.
 *
 * Output waits in a buffer of fixed size. When it is full, whole lines are skipped and counted, and the client is told
 * how many once it has taken half of the buffer: a slow client costs itself lines and nobody else anything. The pages
 * of the buffer that were never used cost no memory.
 *
 * Owns neither descriptor: both come from whoever started the session, and the kernel closes them when it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/wire.h>

#include "charset.h"

enum {
        CLIENT_OUT_MAX_BYTES = 256 * 1024,
        CLIENT_PARTS_MAX = 4,
};

struct client {
        int in, out; /* the same descriptor when it is a socket */
        bool is_socket;
        bool in_ended;   /* nothing more can be read */
        bool in_failed;  /* … because the connection broke */
        bool timed_out;  /* … and it did so without a word from the client */
        bool sent;       /* something was written since client_sent() was asked */
        bool hung_up;    /* poll() reported an end, but there is no room to read what came before it */
        bool out_broken; /* nothing can be written: output is dropped */
        bool broken_off; /* the client has the beginning of a line, and nothing is written before the rest is there */
        const struct charset *charset; /* NULL: UTF-8 */
        bool row_drawn;                /* what it types stands in the cursor's row (row.h): a line erases that first */
        uint16_t columns;              /* of its window; 0: nobody knows */
        uint64_t written;              /* bytes */
        size_t start, end;             /* what of `buffer` waits */
        uint64_t lines_out;            /* lines put into the buffer */
        uint64_t skipped;              /* lines skipped since the client was last told */
        uint64_t skipped_all;
        char buffer[CLIENT_OUT_MAX_BYTES];
};

/* Takes the two descriptors into use; does not block on them from here on. A socket delivers urgent data in its place
 * in the stream, because telnet sends IAC DM as such (RFC 854, the Synch signal). */
void client_init(struct client *c, int in, int out);

/* Has TCP ask a client that is sent nothing whether it is still there, so that one that vanished is noticed: after
 * `timeout_ms`, a few seconds at least and 120 at most, which 0 stands for too. A connection that is asked already, as
 * the launcher (chat.socket) wanted it, keeps that; anything but TCP is left alone. */
void client_keep_alive(const struct client *c, int timeout_ms);

/* Reads at most `size` bytes. Returns how many; 0 where there is nothing now or `in_ended` was set. A connection that
 * was reset still gives what arrived before. */
size_t client_read(struct client *c, void *buffer, size_t size);

/* Puts a line made of `n` parts and its CR LF into the buffer; skips and counts it where it does not fit. Where
 * `columns` are known, it breaks the line into rows (wrap.h) and indents those behind the first. */
void client_line(struct client *c, const struct slice *parts, size_t n);

/* The same with so many blanks in front of those rows. */
void client_line_hanging(struct client *c, const struct slice *parts, size_t n, size_t indent);

/* The client has the first `has` bytes of this line, and waits for the rest: puts that before whatever waits; ends the
 * line, and counts it as skipped, where it does not fit. */
void client_rest(struct client *c, const struct slice *parts, size_t n, size_t has);

/* … and the rest will not come: ends the line. */
void client_give_up_rest(struct client *c);

/* Puts bytes into the buffer as they are, or does nothing where they do not fit. */
void client_raw(struct client *c, const void *data, size_t size);

/* The same for text, in the client's character set. */
void client_text(struct client *c, const char *text, size_t size);

/* Whether output waits. */
bool client_waits(const struct client *c);

/* The bytes that still fit into the buffer. There is always room for client_give_up_rest() besides. */
size_t client_room(const struct client *c);

/* Writes what the client takes now. */
void client_flush(struct client *c);

/* Returns true if the client went before it said anything, or is deaf, as where a session that served this connection
 * before was restarted. To be asked before the first byte is read or written. */
bool client_is_gone(const struct client *c);

/* Returns true if nothing can be written to a socket though its client may still send: the session before this one shut it
 * down, or the client did so with its end of a UNIX socket, shutdown(2). Returns false where the connection is over in both
 * directions: then its end is read, behind the input that came before it. */
bool client_is_deaf(const struct client *c);

/* Whether something was written since this was asked last. */
bool client_sent(struct client *c);

/* For how many ms the client has acknowledged nothing, though something waits for it; -1 where nothing waits, or it is
 * no TCP connection (TCP_INFO, tcp(7)). */
int64_t client_silent_ms(const struct client *c);

/* For how many ms the client has acknowledged nothing, though something is on its way to it; -1 where nothing is, also
 * because it does not read and said so, or it is no TCP connection. */
int64_t client_deaf_ms(const struct client *c);

/* How many bytes were ever written to the connection, by whomever; -1 where it is no TCP connection. Nobody writes
 * meanwhile. */
int64_t client_position(const struct client *c);

/* Tells the client that nothing more comes. systemd holds a duplicate of an accepted socket for as long as the process
 * lives, so without this the client would see the end only after that. Input that arrived meanwhile is read and
 * dropped, because closing a socket with unread input resets the connection and may take the last output with it
 * (RFC 2525, section 2.17). */
void client_close(struct client *c);
