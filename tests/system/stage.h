/* The stage of a case of tests/field: a chat and the persons that have connected to it. test-field.c documents the
 * steps. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "launchers.h"

enum { STAGE_PEOPLE_MAX = 96, STAGE_TEXT_MAX = 512 * 1024, STAGE_STEP_MAX = 8192 };

/* The state of a client once it has joined. */
enum state { STATE_NC, STATE_TELNET, STATE_EDITED, STATES };

struct step {
        const char *file;
        int line;
        char *text;
};

/* A client, or a program that a step runs. */
struct person {
        char name[32];   /* the name in the file */
        char called[64]; /* the chat's name */
        struct client *client;
        pid_t session, program; /* 0: unknown, or none */
        char *log;              /* the output that the person has seen */
        size_t len;
};

struct stage {
        enum state state;
        enum launcher through;
        const struct step *step;
        struct chat *chat;
        const char *host; /* the address to which clients connect, and from which they come */
        char address[32]; /* of the launcher, once it was started */
        int port;
        pid_t launcher; /* 0: none */
        pid_t local;    /* the server of the socket of chat-ssh; 0: none */
        struct person people[STAGE_PEOPLE_MAX];
        size_t count;
};

#define FAIL_AT(s, ...)                                                                                                \
        do {                                                                                                           \
                fprintf(stderr, "%s:%d: ", (s)->step->file, (s)->step->line);                                          \
                fail_msg(__VA_ARGS__);                                                                                 \
                abort(); /* never reached, but compilers do not know that */                                           \
        } while (0)

/* Prepares a chat without any client. */
struct stage *stage_begin(enum state state, enum launcher through);

/* Ends all programs that were started. */
void stage_end(struct stage *s);

/* Does a step. Skips a step that checks the end of the case. */
void stage_act(struct stage *s, const struct step *step);

/* Does a step that checks the end of the case. Skips any other step. */
void stage_check(struct stage *s, const struct step *step);

/* ---- for the steps ---- */

/* Takes the text in quotes off the front of `*text`, into `out`. Returns its bytes. */
size_t stage_quoted(struct stage *s, char **text, char out[static STAGE_TEXT_MAX]);

/* Takes the next word off the front of `*text`. Fails the test if there is none. */
char *stage_word(struct stage *s, char **text);

struct person *stage_find(struct stage *s, const char *name);

/* Adds a person of this name. */
struct person *stage_add(struct stage *s, const char *name);

/* Starts the chatd of the case, unless one runs or a client has connected. */
void stage_need_broker(struct stage *s);
