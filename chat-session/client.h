/* The client's connection: reads from it, and tells what state it is in. client-output.h writes to it.
 *
 * Owns neither descriptor: the program that started the session passed both, and the kernel closes them when the
 * session ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>
#include <chat/wire.h>

struct charset;

enum {
        CLIENT_OUT_MAX_BYTES = 256 * 1024,
        CLIENT_LINE_MAX_BYTES = NAME_MAX_BYTES + TEXT_MAX_BYTES + 64,
};

/* Says if more can be read. Each state may follow those above it. */
enum client_input {
        CLIENT_OPEN,
        CLIENT_HUNG_UP,   /* poll() reported an end, but there was no room to read what came before it */
        CLIENT_ENDED,     /* the client said that nothing more comes */
        CLIENT_BROKE,     /* the connection broke */
        CLIENT_TIMED_OUT, /* the connection broke because TCP had no acknowledgement for too long */
};

struct client {
        int in, out; /* the same descriptor if it is a socket */
        bool is_socket;
        enum client_input input;
        bool has_sent;       /* something was written since client_sent() was last called */
        bool is_out_broken;  /* nothing can be written: output is dropped */
        bool is_broken_off;  /* the client has only the beginning of a line; nothing is written before its rest */
        bool is_indivisible; /* a line without its rest cannot be ended: its kind of client sets this, see kind.h */
        /* of a terminal, see screen.h; other kinds of client leave them alone */
        const struct charset *charset; /* NULL: UTF-8 */
        bool is_row_drawn; /* its half-typed line stands in the cursor's row (row.h), which a line must erase first */
        uint16_t columns;  /* of its window; 0: unknown */
        uint64_t written_bytes; /* by the session */
        size_t start, end;      /* the waiting part of `buffer` */
        uint64_t lines_out;     /* lines put into the buffer */
        uint64_t skipped_lines; /* skipped since the client was told; if not 0, every new line is skipped, too */
        uint64_t skipped_total;
        char buffer[CLIENT_OUT_MAX_BYTES];
};

/* Takes the two descriptors into use; calls on them no longer block. A socket delivers urgent data in its place in the
 * stream, because telnet sends IAC DM as such (RFC 854, the Synch signal). */
void client_init(struct client *c, int in, int out);

/* Makes TCP probe an idle client, so that the session notices after `timeout_ms` that the client has vanished. The time
 * is a few seconds at least and 120 seconds at most; 0 means 120. If the launcher has turned probing on already
 * (chat.socket), that stays. Descriptors that are not TCP are left alone. */
void client_keep_alive(const struct client *c, int timeout_ms);

/* Reads at most `size` bytes. Returns how many, or 0 if there are none now or the input has ended, as
 * client_has_ended() says. A connection that was reset still yields what arrived before. */
size_t client_read(struct client *c, void *buffer, size_t size);

/* Returns true if nothing more can be read. */
bool client_has_ended(const struct client *c);

/* Returns true if the connection has ended in both directions, as after the client closed or reset it. */
bool client_is_over(const struct client *c);

/* Returns true if the client left before it sent anything, or if it is deaf, for example because an earlier session
 * served this connection. Call it before the first byte is read or written. */
bool client_is_gone(const struct client *c);

/* Returns true if nothing can be written to a socket although its client may still send. An earlier session has shut it
 * down, or the client has shut down its end of a UNIX socket, shutdown(2). Returns false if the connection has ended in
 * both directions: then the session reads the rest of the input, and the end. */
bool client_is_deaf(const struct client *c);

/* Returns for how many ms the client has acknowledged nothing although output waits for it. Returns -1 if nothing
 * waits, or if it is no TCP connection (TCP_INFO, tcp(7)). */
int64_t client_silent_ms(const struct client *c);

/* Returns for how many ms the client has acknowledged nothing although something is on its way to it. Returns -1 if
 * nothing is on its way (a client that does not read announces that, and is sent nothing), or if it is no TCP
 * connection. */
int64_t client_deaf_ms(const struct client *c);

/* Returns how many bytes were ever written to the connection, by any process. Returns -1 if it is no TCP connection. No
 * process may write during the call. */
int64_t client_position(const struct client *c);

/* Tells the client that nothing more comes. systemd holds a duplicate of an accepted socket as long as the process
 * lives, so without this call the client would see the end only after that. Input that arrived in the meantime is read
 * and dropped, because closing a socket with unread input resets the connection and may lose the last output (RFC 2525,
 * section 2.17). */
void client_close(struct client *c);
