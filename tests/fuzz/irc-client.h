/* What a client of IRC knows, from the bytes that it sends and gets. Checks each message that it gets.
 *
 * Promises: a message is one line of valid UTF-8 within its limits, with CR LF. A numeric and a notice of the server
 * address the client by its nick. The client joins a channel only if it is not there, and leaves one only if it is. Each
 * PING gets one PONG, in order. A reference of a batch is new, and a message belongs to a batch that is open. Each label
 * is answered once, in order.
 */
#pragma once

#include "../../chat-irc/irc.h"
#include "../../chat-irc/message.h"

enum {
        IRC_CLIENT_PINGS_MAX = 4096,
        IRC_CLIENT_LABELS_MAX = 4096,
        IRC_CLIENT_BATCHES_MAX = 4,
        IRC_CLIENT_REFERENCE_MAX_BYTES = 15,
        IRC_CLIENT_CHANNELS_MAX = MEMBER_ROOMS_MAX,
        IRC_CLIENT_CHANNEL_MAX_BYTES = NAME_MAX_BYTES + 1,
};

struct irc_client {
        const char *server;
        char nick[IRC_NICK_MAX_BYTES]; /* empty: there was no 001 yet */
        size_t channels_count;
        size_t pings_count, pings_answered, ping_bytes;
        size_t labels_count, labels_answered;
        unsigned last_reference;
        size_t batches_count; /* that are open */
        size_t len;           /* of the line so far */
        struct reader reader;
        /* what follows is used up to the counts above */
        char batches[IRC_CLIENT_BATCHES_MAX][IRC_CLIENT_REFERENCE_MAX_BYTES + 1];
        char channels[IRC_CLIENT_CHANNELS_MAX][IRC_CLIENT_CHANNEL_MAX_BYTES + 1];
        char line[IRC_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES];
        char labels[IRC_CLIENT_LABELS_MAX][IRC_LABEL_MAX_BYTES + 1];
        struct irc_client_ping {
                size_t at, len; /* its token lies in `tokens` */
        } pings[IRC_CLIENT_PINGS_MAX];
        char tokens[1 << 20];
};

/* Begins with a client that knows nothing. `server` is the name of the server. */
void irc_client_begin(struct irc_client *c, const char *server);

/* Takes the bytes that the client sent. */
void irc_client_says(struct irc_client *c, const uint8_t *bytes, size_t n);

/* Takes the bytes that the client got. */
void irc_client_sees(struct irc_client *c, const char *bytes, size_t n);

/* Notes that a message with this label is answered from now on. */
void irc_client_expects(struct irc_client *c, const char *label);

/* Checks that the client is in the same channels as its server thinks. It must have got everything. */
void irc_client_check_channels(const struct irc_client *c, const struct irc *i);

/* Checks that everything that the client sent was answered. */
void irc_client_check_answers(const struct irc_client *c);
