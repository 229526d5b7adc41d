/* Real clients of IRC. irssi and WeeChat run in a terminal, which is a tmux. ii has two files for each channel: it reads
 * from one what it is to do, and writes what it is told to the other. irc-bot.py has two such files for all channels.
 *
 * irc-clients.c has a table of the clients: what a person types for each deed, and how the client shows each sight. So
 * the tests are the same for all.
 */
#pragma once

#include "harness.h"

enum {
        IRC_CLIENT_INPUTS = 8, /* files in which a client is told what to do */
        IRC_PLACE_BYTES = 32,  /* the name of a channel or a person */
};

enum irc_deed {
        IRC_JOIN, /* enters the channel `to`, and looks at it */
        IRC_LOOK, /* looks at the channel `to` */
        IRC_TALK, /* says `text` to the person `to` alone, and looks at what the two say */
        IRC_HOME, /* looks at what the server said */
        IRC_NICK, /* takes the nick `to` */
        IRC_QUIT,
        /* these are about the channel or person that the client looks at */
        IRC_SAY,
        IRC_ACT,
        IRC_TOPIC,
        IRC_DEEDS,
        IRC_OF_PLACE = IRC_SAY,
};

enum irc_sight {
        IRC_WELCOMED, /* the last that comes before the client does something */
        IRC_JOINED,   /* the client itself is in the channel `to` */
        IRC_LINE,     /* `to` says `text` */
        IRC_PRIVATE,  /* `to` says `text` to the client alone */
        IRC_ACTION,   /* `to` does `text` */
        IRC_TOPICKED, /* the topic is `text` now */
        IRC_IS,       /* `to` is called `text` now */
        IRC_LEFT,     /* `to` left the channel `text` */
        IRC_REMOVED,
        IRC_TAKEN,  /* the nick `to` is taken */
        IRC_LOOKED, /* the terminal has the window of `to` */
        IRC_SIGHTS,
};

struct irc_program {
        const char *name;
        const char *start;         /* a shell command line */
        bool has_screen;           /* it runs in a terminal, otherwise it has files */
        bool has_past;             /* it has server-time, so it is shown past lines */
        bool comes_back;           /* it connects again by itself, and joins its channels */
        const char *home, *inputs; /* of one without a screen: its input, and the input about a channel or person */
        const char *shows;         /* a shell command that prints what the client shows */
        const char *deeds[IRC_DEEDS];
        const char *sights[IRC_SIGHTS]; /* extended regular expressions */
};

/* The end of the table has no name. */
extern const struct irc_program irc_programs[];

/* Where clients connect. */
struct irc_server {
        const char *host;
        int listener, port;
        pid_t acceptor; /* starts a chat-irc for each connection */
        pid_t network;  /* clients are in the network of this process; 0: in that of the test */
};

/* Listens at this address, in the network of a process (0: in that of the test). */
struct irc_server irc_server_open(const char *host, pid_t network, int port);

/* Starts a chat-irc with this option (NULL: none) for each connection from now on. */
void irc_server_start(struct irc_server *s, const struct chat *chat, const char *option);

/* Stops listening, and ends all sessions. */
void irc_server_close(struct irc_server *s);

struct irc_client {
        const struct irc_program *program;
        char dir[80]; /* of its own, in that of the chat */
        const struct irc_server *server;
        char nick[IRC_PLACE_BYTES];  /* the nick with which it was started */
        char place[IRC_PLACE_BYTES]; /* what the client looks at */
        pid_t pid;                   /* 0: it runs in a terminal */
        struct irc_client_input {
                char path[128];
                int fd;
        } inputs[IRC_CLIENT_INPUTS];
};

struct irc_client *irc_client_start(const struct chat *chat, const struct irc_program *program,
                                    const struct irc_server *server, const char *nick);

/* Ends the program at once, and frees the client. */
void irc_client_end(struct irc_client *c);

/* Does a deed. A client that needs no such deed does nothing. */
void irc_client_do(struct irc_client *c, enum irc_deed deed, const char *to, const char *text);

/* Waits until the client shows it. */
void irc_client_sees(struct irc_client *c, enum irc_sight sight, const char *to, const char *text);

/* Returns how often the client shows it. */
unsigned irc_client_counts(struct irc_client *c, enum irc_sight sight, const char *to, const char *text);

/* Compares what the client shows with tests/system/screens/PROGRAM-TITLE.txt, or writes that file if SCREENS=new is in
 * the environment. Times, ports and the versions of programs are masked. */
void irc_client_picture(struct irc_client *c, const char *title);

/* Ends the terminals of a test that failed. */
void irc_clients_end(const struct chat *chat);
