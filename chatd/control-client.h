/* The connection of one chatctl (chat/control.h): the state of its request, and the end of its answer.
 *
 * The name of a state says what the connection waits for. Each state has a time limit: CONTROL_IDLE_MS for
 * CONTROL_IDLE, CONTROL_ANSWER_MS for the others. In CONTROL_LIST it begins anew with each record.
 *
 *   state              waits for                             next states         at the time limit
 *   CONTROL_IDLE       a request                             any                 is closed
 *   CONTROL_LIST       room for the next record of a list    END                 is closed
 *   CONTROL_QUEUE      room for its frame in the queue       TURN, END           END, "busy"
 *   CONTROL_TURN       its frame's turn in the queue         DEPARTURE, END      END, "queued"
 *   CONTROL_DEPARTURE  the removed member to leave           END                 END, "stays"
 *   CONTROL_DISK       its change of a list on the disk      END                 END, "queued"
 *   CONTROL_END        room for the end of the answer        IDLE                is closed
 *
 * CONTROL_TURN follows CONTROL_QUEUE alone, never CONTROL_IDLE.
 *
 * Owns the descriptor and the list of ids.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <chat/control.h>
#include <chat/frame.h>
#include <chat/names.h>

#include "member.h"

struct chat;
struct kept_file;

enum {
        CONTROL_IDLE_MS = 60 * 1000,
        CONTROL_ANSWER_MS = 5 * 1000,
};

enum control_state {
        CONTROL_IDLE,
        CONTROL_LIST,
        CONTROL_QUEUE,
        CONTROL_TURN,
        CONTROL_DEPARTURE,
        CONTROL_DISK,
        CONTROL_END,
};

struct control_client {
        struct watch watch; /* the first member: epoll returns its address */
        int fd;             /* -1: free */
        uid_t uid;
        enum control_state state;
        uint32_t events;              /* the events that epoll waits for */
        int64_t deadline_ms;          /* the time limit of the state, CLOCK_MONOTONIC */
        uint64_t number;              /* the number of the request */
        uint64_t id;                  /* the id of the member that the request removes */
        bool removal;                 /* the request removes a member */
        const struct kept_file *file; /* the file that the request changes */
        uint64_t changes;             /* the number of changes of its list, up to the change of this request */
        /* Ends the answer if the change could not be written. */
        void (*end_unwritten)(struct control_client *client);
        char removed[NICK_MAX_BYTES + 1]; /* the name of the token that the request removes */
        /* Writes the next record of a list into `p`, and advances `next`. Returns false if there is none. */
        bool (*next_record)(struct chat *chat, struct control_client *client, struct control_packet *p);
        size_t next, count; /* the index of the next record of a list, and the number of records */
        uint64_t *ids;      /* the ids of a list of members */
        size_t frame_size;
        uint8_t frame[FRAME_MAX_BYTES];
        struct control_packet end;
};

/* Takes the connection `fd` of a user, and watches it. Returns 0, or a negative errno: then `fd` still belongs to the
 * caller. */
int control_client_open(struct control_client *client, int epoll, int fd, uid_t uid);
void control_client_close(struct control_client *client);

/* Enters a state, and begins its time limit. The table above must allow that. */
void control_client_enter(struct control_client *client, enum control_state state);

/* Begins the time limit of the state anew. */
void control_client_extend(struct control_client *client);

/* Makes epoll wait for the event that the state needs: a request, room to send, or the end of the connection alone.
 * Returns 0 or a negative errno. */
int control_client_wait(struct control_client *client, int epoll);

/* Sends a packet. Returns 0; -EAGAIN if there is no room now; or another negative errno if the connection is gone. */
int control_client_send(const struct control_client *client, const struct control_packet *p);

/* Empties a packet, and begins it as the end of an answer. */
void control_begin_end(struct control_packet *p, const char *status);

/* Writes the end of the answer, with a text; the caller may add fields. Does not enter a state. */
__attribute__((format(printf, 3, 4))) void control_client_prepare(struct control_client *client, const char *status,
                                                                  const char *format, ...);

/* Writes the end of the answer, with a text, and enters CONTROL_END; the caller may add fields. */
__attribute__((format(printf, 3, 4))) void control_client_end(struct control_client *client, const char *status,
                                                              const char *format, ...);

/* Ends an answer that needs no text. */
void control_client_done(struct control_client *client, const char *status);

/* Enters CONTROL_DISK: waits until the first `changes` changes are in the file. The end of the answer is prepared. If
 * the file cannot be written, `end_unwritten` ends the answer in its place; then `file` of the client has the error. */
void control_client_await_disk(struct control_client *client, const struct kept_file *file, uint64_t changes,
                               void (*end_unwritten)(struct control_client *client));

/* Ends the answer of a client in CONTROL_DISK if its change was written, could not be written, or takes too long
 * (`late`). */
void control_client_check_disk(struct control_client *client, bool late);
