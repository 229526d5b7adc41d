/* The types of frames (frame.h), and what a frame can have. */
#pragma once

#include "wire.h"

enum {
        TEXT_MAX_BYTES = 4096, /* one line's text; longer lines are sent in pieces */
        NAME_MAX_BYTES = 96,   /* as it is shown: on another host, a name with "@" and the host's label */
        HOST_MAX_BYTES = 24,   /* a host's label: see text_is_host() */
        LOCAL_NAME_MAX_BYTES = NAME_MAX_BYTES - 1 - HOST_MAX_BYTES,
        ADDRESS_MAX_BYTES = 128, /* "[IPv6%scope]:port" needs 65 */
        FRAME_HEADER_BYTES = 18, /* version 1, type 1, id 8, number 8 */
        FRAME_MAX_BYTES = 4608,  /* any frame except a batch, without its answer, and with room for later versions */
        FRAME_TEXTLESS_BYTES = FRAME_MAX_BYTES - TEXT_MAX_BYTES, /* the same, of a frame without a text */
        ANSWER_MAX_BYTES = 33 * 1024,
        DATAGRAM_MAX_BYTES = 65536, /* a batch: one datagram per session */
        FRAME_LINES_MAX = 64,       /* in one frame */
        PROTOCOL_NAME_MAX_BYTES = 16,
        SECRET_MAX_BYTES = 128, /* of a token */
        STYLED_MAX_BYTES = 512, /* a text with formatting; it and the text alone have TEXT_MAX_BYTES together */
};

/* If a ban causes a KICK or KICKED, its text is this word, and ": REASON" if the ban has a reason. Otherwise its text
 * is the reason alone. A reason that reads like the text of a ban, or begins with a space, gets one more space in
 * front: see answer_of_removal(). */
#define KICKED_BANNED "banned"
#define TOPIC_NONE "-" /* the text of a TOPIC or SET_TOPIC that removes the topic */
#define LINK_ID UINT64_C(1)
#define ARRIVALS_ID UINT64_C(2) /* in chatd's notices about the number of newcomers */
#define REPLIES_ID UINT64_C(3)  /* in chatd's replies to other hosts */
#define ADMIN_ID UINT64_C(4)    /* in chatd's notices that quote an administrator */

/* The types of frames. frame_rule() has the fields and the senders of each type. `number` counts what a session says,
 * unless a type explains it in another way. */
enum frame_type {
        /* ---- from a session, or the link ---- */

        /* The sender joins. The link joins again whenever it starts, and whenever chatd calls the roll. If `quiet` is
         * set, other members are not told before ARRIVE, or before the session says something. */
        FRAME_HELLO = 1,
        /* The sender is still there, after chatd or its socket was restarted. `number` is that of the sender's last
         * line that went through this queue before, or of a line that was relayed. */
        FRAME_HERE,
        /* Text is one line, or up to FRAME_LINES_MAX lines with LF between them. `number` is that of the first line. */
        FRAME_LINE,
        /* The sender leaves. With the reason LEAVE_NOT_CHAT, text names the protocol that the client speaks. */
        FRAME_BYE,
        /* Records of people on other hosts, whose names are "NAME@HOST". The numbers grow from record to record: a
         * record whose number is not above all earlier ones was here before. */
        FRAME_INJECT,
        /* A notice for everybody here: see notice.h. No recent notice has the same `number`. */
        FRAME_NOTICE,
        /* The answer to LEND, on the socket that came with LEND. The client's connection comes with it: see
         * outlet.h. */
        FRAME_OUTLET,
        FRAME_ACTION,   /* text, one line, is what the sender does (/me) */
        FRAME_NICK,     /* asks for another name */
        FRAME_PRIVATE,  /* text, one line, is for the member with the id `key`; if that is 0, for `name` */
        FRAME_WHO,      /* asks who is here */
        FRAME_ROOM,     /* the sender goes to the room of this name; empty: to the first one */
        FRAME_TOPIC,    /* sets the topic of the room; empty: asks for it; TOPIC_NONE: removes it */
        FRAME_ROOMS,    /* asks which rooms there are */
        FRAME_HISTORY,  /* asks for the last `key` lines of the room; 0: as many as a newcomer is shown */
        FRAME_TELL,     /* a notice for the member with the id `key` alone */
        FRAME_FIND,     /* asks who has this name */
        FRAME_COMPLETE, /* asks which names in the room begin with `name`, in upper or lower case */
        FRAME_ARRIVE,   /* other members may be told of the sender, whose HELLO was quiet */
        FRAME_UNSERVED, /* the sender could not enter its sandbox: it did not join, and ends; `key` is an errno */

        /* ---- from a session that roams (see `roams`); `name` is a room ---- */

        /* the sender enters this room, and stays in its other rooms; it wants the last `key` lines of the room, or as many
         * as a newcomer is shown if that is 0 */
        FRAME_ENTER,
        FRAME_EXIT,         /* the sender leaves this room */
        FRAME_ROOM_LINE,    /* as LINE, in this room */
        FRAME_ROOM_ACTION,  /* as ACTION, in this room */
        FRAME_ROOM_TOPIC,   /* as TOPIC, of this room */
        FRAME_ROOM_HISTORY, /* as HISTORY, of this room */
        FRAME_PEOPLE,       /* asks who is in this room; the sender need not be there */
        /* Says text in this room, or, if `name` is empty, in the room of the token: under the name of the token, as a
         * program without a place in the chat. Text is as in LINE. `key` stands for the line: another line of this token
         * with the same `key` is not said. 0: there is no such number. */
        FRAME_WEBHOOK,

        /* ---- from chatd to itself, through the same queue ---- */

        FRAME_GONE = 32, /* the session with this id died without a BYE */
        /* Requests of an administrator, the user `key`. `number` is that of the request: see control.h. */
        FRAME_SAY,       /* text is a notice for everybody; `id` is ADMIN_ID */
        FRAME_KICK,      /* the session with this id must leave; text is the reason, or empty */
        FRAME_MUTE,      /* what the session with this id says is no longer relayed */
        FRAME_UNMUTE,    /* what the session with this id says is relayed again */
        FRAME_SET_TOPIC, /* sets the topic of the room of this name, as TOPIC does; `id` is ADMIN_ID */

        /* ---- from chatd ---- */

        /* You are a member, and the others see this name. `members` is the number of sessions that are here. For the
         * link, `number` is that of its last record that this chatd or an earlier one relayed. */
        FRAME_WELCOME = 64,
        FRAME_BATCH,    /* records for you; `number` is as in RELAYED */
        FRAME_MISSED,   /* `number` lines did not reach you, because your process did not run */
        FRAME_ROLLCALL, /* a new chatd asks you for HERE, or for HELLO if you are the link */
        FRAME_GOODBYE,  /* your BYE was relayed; nothing more will come */
        FRAME_REFUSED,  /* you cannot join: `answer` has the reason, and so has text */
        FRAME_RELAYED,  /* your lines up to `number` went to everybody */
        FRAME_LEND,     /* chatd asks for your client's connection: see outlet.h; `number` is OUTLET_LAYOUT */
        /* The answer to your request of this `number`, for your client alone. `answer` has its meaning. A session of an
         * earlier version gets text instead: lines with LF between them. Name is your own name, which NICK may have
         * changed. A PRIVATE may get no ANSWER. */
        FRAME_ANSWER,
        /* An administrator removed you: leave. `answer` has the reason, and so has text (see KICKED_BANNED). A chatd of
         * an earlier version sends text alone. */
        FRAME_KICKED,
        /* Earlier records, for your client alone: unasked, or as the answer to your request of this `number`. The
         * number of each record is the time at which it was said, in seconds since 1970. For a session that roams, the
         * records have their own numbers, and a RECORD_TIME stands in front of each. */
        FRAME_PAST,
        /* Text is lines, with LF between them, for your client alone, unasked. Show them, unless you showed a TEXT of
         * this `number` or above. */
        FRAME_TEXT,
        /* The session with the id `key` asks for your client's name, and your client may have vanished. Show `answer`,
         * or text, to your client. Leave if your client does not acknowledge that. */
        FRAME_PROBE,
        FRAME_SENT, /* your PRIVATE of this `number` went to `name`; text is its text */
        /* The answer to your FIND of this `number`: the member with the id `key` has this name. If `key` is 0, no
         * member has it: show `answer`, or text. */
        FRAME_FOUND,
        /* The answer to your COMPLETE of this `number`. Text is names with spaces between them. If there are more
         * names, "…" follows. */
        FRAME_NAMES,
        FRAME_TYPES,
};

#define MISSED_UNKNOWN UINT64_MAX /* in MISSED: nobody knows how many */

enum leave_reason {
        LEAVE_EXIT = 1,   /* the user typed exit, /quit or ^D */
        LEAVE_EOF,        /* the client closed its side */
        LEAVE_INTERRUPT,  /* IAC IP twice */
        LEAVE_RESET,      /* the connection broke */
        LEAVE_TERMINATED, /* the session was told to stop (SIGTERM) */
        LEAVE_KILLED,     /* the session died without a BYE */
        LEAVE_TIMEOUT,    /* the client did not acknowledge anything for minutes: it vanished */
        LEAVE_KICKED,     /* an administrator removed the member */
        LEAVE_NOT_CHAT,   /* the client speaks another protocol; since version 4 */
        LEAVE_REASONS,
};

/* The beginning of a LEAVE_NOT_CHAT's text if a proxy sent a wrong header or none. A word for the error follows. Both
 * together have PROTOCOL_NAME_MAX_BYTES at most. */
#define NOT_CHAT_HEADER "header:"

/* The sandbox of a session, see chat-session/sandbox.h. A session of a version before 5 does not name it. */
enum confinement {
        CONFINED,           /* the whole sandbox */
        CONFINED_NO_FILTER, /* without the filter of system calls: there is none for the architecture */
        CONFINED_NOT,       /* no sandbox (--no-sandbox) */
        CONFINEMENTS,       /* a later version may have more values, for sandboxes that lack something */
};

/* What a text is besides its words. chatd of an earlier version does not know that. */
enum speech_flag {
        SPEECH_NOTICE = 1, /* a program wrote it, or wants no answer of a program: a NOTICE of IRC */
        SPEECH_CTCP = 2,   /* in a PRIVATE: it is for the program of the receiver, and is not shown (CTCP) */
};

struct frame {
        uint8_t version; /* filled by frame_decode(); frame_encode() writes FRAME_VERSION */
        uint8_t type;
        uint64_t id;
        uint64_t number;
        /* HELLO and HERE: the key of the sender's inbox, see paths.h; PRIVATE and TELL: the id of the receiver;
         * HISTORY and ENTER: a number of lines; PROBE, FOUND and WEBHOOK: see there; UNSERVED: an errno; requests of an
         * administrator: a uid */
        uint64_t key;
        struct slice name, address, text;
        struct slice secret; /* a token: see chatd/tokens.h */
        uint8_t reason;
        uint8_t speech; /* enum speech_flag, or'ed */
        /* the text with formatting (chat-irc/formatting.h); empty: it has none, or several lines */
        struct slice styled;
        bool quiet;
        uint8_t confinement; /* enum confinement */
        /* HELLO and HERE: the sender begins in no room, and may be in several. All others are in one room, the first at
         * the beginning */
        bool roams;
        uint64_t lines_out, lines_skipped;
        uint64_t members;
        struct slice answer;        /* a code and its details, see answer.h; empty: there is text instead */
        struct wire_reader records; /* the records of a BATCH, INJECT or PAST */
};
