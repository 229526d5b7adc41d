/* The session's side of its connection to chatd: two UNIX datagram sockets.
 *
 * `inbox` is bound in the run directory and takes what chatd sends; datagrams of any other user are ignored. `socket`
 * is connected to chatd's intake, so that the kernel says when a full intake has room again. Frames wait in a queue
 * of fixed size until the intake takes them, or until there is a chatd to take them: nothing that was accepted by
 * uplink_say() is dropped while the session lives. When the queue has no room the session stops reading its client.
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

enum {
        UPLINK_QUEUE_MAX_BYTES = 128 * 1024,
        UPLINK_LINE_OVERHEAD_BYTES = 16, /* of a line in the queue, at most */
        UPLINK_RETRY_MIN_MS = 50,
        UPLINK_RETRY_MAX_MS = 1000,
        UPLINK_ROOM_MS = 20,            /* when the intake is full, it is polled for that long */
        UPLINK_STAND_BACK_MIN_MS = 32,  /* then it is tried again within that time, at a moment of chance … */
        UPLINK_STAND_BACK_MAX_MS = 512, /* … and within twice as long each time, up to this */
        UPLINK_UNCALLED_MS = 1000,      /* a new chatd that did not call is answered after one to two of it */
};

struct uplink {
        const char *dir;
        struct slice name, address;
        enum confinement confinement;
        uint64_t id, key;
        uint64_t number;      /* of the last line in the queue, or before it */
        uint64_t handed_over; /* … of the last that an intake took */
        uint64_t relayed;     /* … and of the last that chatd relayed, as far as it said */
        uint64_t lost_to;     /* lines up to this one were in a queue that is gone; 0: the client has been told */
        bool queue_lost;      /* the queue is gone that frames were in: until uplink_lost_lines() is asked */
        struct pace pace;     /* of lines; all zeros: no limit */
        int inbox;            /* -1: none */
        int socket;           /* always the same, as the sandbox wants it */
        bool connected;       /* to an intake */
        uint64_t taken;       /* datagrams of chatd's that were received */
        uint64_t lines_out, skipped;
        ino_t intake;              /* the number of its file, when it was connected to */
        uint8_t broker_version;    /* of chatd's last datagram; 0: none came yet */
        uid_t broker;              /* whose datagrams the inbox takes */
        bool greeted;              /* HELLO was taken by an intake */
        bool departed;             /* BYE was taken by an intake: nothing more is said */
        bool here_due;             /* HERE goes out before anything else */
        int64_t here_at;           /* when it is due, ms of CLOCK_MONOTONIC; 0: no chatd waits for it */
        bool blocked;              /* the intake was full: when it has room, uplink_has_room() is to be told */
        int stand_back_ms;         /* within which to try again then; 0: it was not full the last time */
        int64_t again_at;          /* when to, in ms of CLOCK_MONOTONIC; 0: any time */
        bool paced;                /* the next line has to wait for its turn, at `turn_at` */
        int error;                 /* why the last attempt to connect failed: an errno, or 0 */
        int64_t retry_at, turn_at; /* ms of CLOCK_MONOTONIC */
        int retry_ms;
        size_t start, end; /* what of `queue` waits … */
        size_t last;       /* … and where the last of it begins, if there is anything */
        uint8_t queue[UPLINK_QUEUE_MAX_BYTES];
};

/* Draws the session id and the inbox's key, and puts HELLO into the queue. `dir`, `name` and `address` must outlive the
 * uplink. `u` begins as all zeros, but for `confinement`, and for `socket`, which is of connect_socket()
 * (chat/connect.h). */
void uplink_init(struct uplink *u, const char *dir, struct slice name, struct slice address, struct pace pace);

/* What a request needs in the queue besides its text, at most. */
enum {
        UPLINK_REQUEST_OVERHEAD_BYTES =
                UPLINK_LINE_OVERHEAD_BYTES + FRAME_HEADER_BYTES + 8 + 4 + NAME_MAX_BYTES + FRAME_APPENDED_BYTES
};

/* Tells chatd that the session ends because it could not enter its sandbox; `error` is an errno. Takes the place of
 * uplink_init(). Nothing is sent where chatd is not there or its queue is full. */
void uplink_unserved(struct uplink *u, const char *dir, int error);

/* Puts a frame into the queue that is numbered as lines are: ACTION, NICK, PRIVATE or WHO. The pace asks for as much as
 * for `cost` lines, 1 to 255. `f` has its type, name and text. The caller has seen to it by uplink_room() that it fits.
 * */
void uplink_request(struct uplink *u, struct frame f, unsigned cost);

/* Puts a line, or the last word, into the queue. The caller has seen to it by uplink_room() that it fits. */
void uplink_say(struct uplink *u, struct slice text);
void uplink_bye(struct uplink *u, enum leave_reason reason, struct slice text, uint64_t lines_out, uint64_t skipped);

/* Puts into the queue that the client may be announced. Nothing where chatd is too old to have waited for that. */
void uplink_arrive(struct uplink *u);

/* A new chatd asked who is there: answer before anything else is sent. */
void uplink_answer(struct uplink *u);

/* There is a new chatd, which has not asked: answer before anything else is said, or after a while that is left to chance,
 * so that not all sessions answer at once. */
void uplink_answer_uncalled(struct uplink *u, int64_t now);

/* What HERE says of the lines that the client was shown. */
void uplink_count(struct uplink *u, uint64_t lines_out, uint64_t skipped);

/* The bytes that still fit into the queue. */
size_t uplink_room(const struct uplink *u);

/* Forgets what waits in the queue. HELLO was taken by an intake. */
void uplink_discard(struct uplink *u);

/* Whether frames wait in the queue. */
bool uplink_waits(const struct uplink *u);

/* How many lines wait in the queue. */
size_t uplink_lines_waiting(const struct uplink *u);

/* chatd relayed everything up to the line of this number. */
void uplink_relayed(struct uplink *u, uint64_t number);

/* How many lines may not have reached anybody, because the queue they were in is gone; each is counted once. To be
 * asked when everything in the inbox has been read. */
uint64_t uplink_lost_lines(struct uplink *u);

/* Finds out whether the intake that took the last lines is still there, without sending anything: for
 * uplink_lost_lines(). */
void uplink_check_intake(struct uplink *u);

/* When uplink_pump() has something to do that no descriptor tells of: INT64_MAX for never. */
int64_t uplink_wake_ms(const struct uplink *u);

/* The intake that was full has room, says poll(2). */
void uplink_has_room(struct uplink *u);

/* Connects if need be and it is time, and hands over what the intake takes. `now` in ms of CLOCK_MONOTONIC. */
void uplink_pump(struct uplink *u, int64_t now);

/* Takes one datagram from chatd into `buffer` (DATAGRAM_MAX_BYTES) and `f`. Returns true if there was a good one; then
 * what came along in `fds` is the caller's to close. */
bool uplink_receive(struct uplink *u, void *buffer, struct frame *f, struct socket_fds *fds);

/* Closes the sockets and removes the inbox's file. */
void uplink_close(struct uplink *u);
