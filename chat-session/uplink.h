/* The session's side of its connection to chatd: two UNIX datagram sockets.
 *
 * `inbox` is bound in the run directory and takes what chatd sends; datagrams of other users are ignored. `socket` is
 * connected to chatd's intake, so that the kernel says when a full intake has room again. Frames wait in a queue of
 * fixed size until the intake takes them; there may be no chatd for a while. Nothing that uplink_say() accepted is
 * dropped while the session lives. When the queue has no room the session stops reading its client.
 *
 * Owns both sockets and the inbox's file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/frame.h>
#include <chat/pace.h>
#include <chat/paths.h>
#include <chat/socket.h>

#include "uplink-queue.h"

enum {
        UPLINK_RETRY_MIN_MS = 50,
        UPLINK_RETRY_MAX_MS = 1000,
        UPLINK_ROOM_MS = 20,            /* how long a full intake is polled */
        UPLINK_STAND_BACK_MIN_MS = 16,  /* after that the intake is tried again at a random moment within this time */
        UPLINK_STAND_BACK_MAX_MS = 512, /* that time doubles with each try, up to this */
        UPLINK_UNCALLED_MS = 1000,      /* a new chatd that made no roll call is answered after one to two times this */
};

/* How far the session is with chatd. Each stage follows the one above it. */
enum uplink_stage {
        UPLINK_STRANGER, /* no intake took HELLO yet */
        UPLINK_MEMBER,   /* an intake took HELLO */
        UPLINK_DEPARTED, /* an intake took BYE: nothing more is sent */
};

/* What the next frame waits for.
 *
 * | from                    | to          | when                                                   |
 * |-------------------------|-------------|--------------------------------------------------------|
 * | APART                   | OPEN        | there is an intake                                     |
 * | any but APART           | APART       | the intake is gone                                     |
 * | OPEN                    | FULL        | the intake is full                                     |
 * | FULL, STANDS_BACK       | OPEN        | it may have room; or a new chatd calls                 |
 * | OPEN                    | STANDS_BACK | it is full again, as soon as it is tried               |
 * | OPEN                    | PACED       | the next line must wait for its turn                   |
 * | PACED                   | OPEN        | its turn has come; or there is no such line or limit   |
 */
enum uplink_state {
        UPLINK_APART,       /* for an intake, which is tried at `retry_at` */
        UPLINK_OPEN,        /* for nothing */
        UPLINK_FULL,        /* for room: until `full_until`, or until uplink_has_room() is called */
        UPLINK_STANDS_BACK, /* for room: until `full_until` */
        UPLINK_PACED,       /* until `turn_at` */
};

struct uplink {
        const char *dir;
        struct slice name, address;
        enum confinement confinement;
        bool roams; /* see struct frame */
        enum uplink_stage stage;
        enum uplink_state state;
        uint64_t id, key;
        uint64_t number;         /* of the last line that was put into the queue */
        uint64_t sent_number;    /* the number of the last line that an intake took */
        uint64_t relayed_number; /* the number of the last line that chatd relayed, as far as it stated */
        uint64_t lost_number;    /* lines up to this one were in a queue that is gone; 0: the client knows of it */
        bool is_queue_lost;      /* the queue that frames were in is gone: until uplink_lost_lines() is called */
        bool here_pending;       /* HERE goes out before anything else */
        struct pace pace;        /* of lines; all zeros: no limit */
        int inbox;               /* -1: none */
        int socket;              /* always the same descriptor, as the sandbox requires */
        uint64_t datagrams;      /* datagrams from chatd that were received */
        uint64_t lines_out, skipped_lines;
        ino_t intake;           /* the inode of the intake, when the socket was connected */
        uint8_t broker_version; /* of chatd's last datagram; 0: there was none */
        uid_t broker;           /* the user whose datagrams the inbox takes */
        int error;              /* why the last attempt to connect failed: an errno, or 0 */
        /* times in ms of CLOCK_MONOTONIC */
        int64_t here_at; /* when HERE goes out; 0: no chatd waits for it */
        int64_t full_until, turn_at, retry_at;
        int stand_back_ms; /* the next try is within this time; 0: the intake was not full the last time */
        int retry_ms;
        struct uplink_queue *queue; /* all zeros at first; not in this struct, because it is large: see session.h */
};

/* Draws the session id and the inbox's key at random, and puts HELLO into the queue. `dir`, `name` and `address` must
 * outlive the uplink. `u` must be all zeros except for `confinement`, `roams`, `queue`, and `socket`, which
 * comes from connect_socket() (chat/connect.h). */
void uplink_init(struct uplink *u, const char *dir, struct slice name, struct slice address, struct pace pace);

/* The most that a request takes in the queue besides its text, with and without formatting. */
enum {
        UPLINK_REQUEST_OVERHEAD_BYTES =
                UPLINK_LINE_OVERHEAD_BYTES + FRAME_HEADER_BYTES + 8 + 4 + 3 + NAME_MAX_BYTES + FRAME_APPENDED_BYTES
};

/* Tells chatd that the session ends because it could not enter its sandbox; `error` is an errno. Call it in place of
 * uplink_init(). Sends nothing if chatd is not there or its queue is full. */
void uplink_unserved(struct uplink *u, const char *dir, int error);

/* Puts a frame that is numbered like a line into the queue: ACTION, NICK, PRIVATE, WHO or the like. The pace counts it
 * as `cost` lines, 1 to 255. `f` has its type, name, text and style. The frame must fit: call uplink_room() first. */
void uplink_request(struct uplink *u, struct frame f, unsigned cost);

/* Put a line, a line for one of the client's rooms, or BYE, into the queue. It must fit: call uplink_room() first. */
void uplink_say(struct uplink *u, struct slice text);
void uplink_say_in(struct uplink *u, struct slice room, struct slice text);
void uplink_bye(struct uplink *u, enum leave_reason reason, struct slice text, uint64_t lines_out, uint64_t skipped);

/* Tells chatd, through the queue, that the client may be announced. Does nothing if chatd is too old to wait for
 * that. */
void uplink_arrive(struct uplink *u);

/* Answers the roll call of a new chatd, before anything else is sent. */
void uplink_answer(struct uplink *u);

/* Answers a new chatd that made no roll call. Does so before anything else is sent, or after a random time, so that not
 * all sessions answer at once. `now` in ms of CLOCK_MONOTONIC. */
void uplink_answer_uncalled(struct uplink *u, int64_t now);

/* Sets the number of lines that HERE states. */
void uplink_count(struct uplink *u, uint64_t lines_out, uint64_t skipped);

/* Returns the bytes that still fit into the queue. */
size_t uplink_room(const struct uplink *u);

/* Forgets what waits in the queue. An intake must have taken HELLO. */
void uplink_discard(struct uplink *u);

/* Lets all lines go out at once, from now on. */
void uplink_unpace(struct uplink *u);

/* Returns true if the socket is connected to an intake. */
bool uplink_is_connected(const struct uplink *u);

/* Returns true if frames wait in the queue. */
bool uplink_waits(const struct uplink *u);

/* Returns how many lines wait in the queue. */
size_t uplink_lines_waiting(const struct uplink *u);

/* Notes that chatd relayed everything up to the line of this number. */
void uplink_relayed(struct uplink *u, uint64_t number);

/* Returns how many lines may not have reached anybody because their queue is gone. Counts each line once. Call it when
 * everything in the inbox has been read. */
uint64_t uplink_lost_lines(struct uplink *u);

/* Finds out, without sending anything, whether the intake that took the last lines is still there. Call it before
 * uplink_lost_lines(). */
void uplink_check_intake(struct uplink *u);

/* Returns when uplink_pump() must be called although no descriptor tells so, in ms of CLOCK_MONOTONIC; INT64_MAX for
 * never. */
int64_t uplink_wake_ms(const struct uplink *u);

/* Notes that poll(2) reported room in the intake that was full. */
void uplink_has_room(struct uplink *u);

/* Connects if necessary and the time for it has come, and hands over what the intake takes. `now` in ms of
 * CLOCK_MONOTONIC. */
void uplink_pump(struct uplink *u, int64_t now);

/* Takes one datagram from chatd into `buffer` (DATAGRAM_MAX_BYTES) and `f`. Returns true if it was good; then the
 * caller must close the descriptors in `fds`. */
bool uplink_receive(struct uplink *u, void *buffer, struct frame *f, struct socket_fds *fds);

/* Closes the sockets and removes the inbox's file. */
void uplink_close(struct uplink *u);
