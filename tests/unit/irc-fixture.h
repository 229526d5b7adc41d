/* A session with a client of IRC, for unit tests. */
#pragma once

#include <sys/socket.h>

#include "../../chat-irc/irc-kind.h"
#include "../../chat-irc/irc.h"

#include "session-fixture.h"

static inline struct fixture *start_irc(struct irc *i)
{
        static const struct irc_options options = {.server = "irc.test"};
        int fds[2];
        *i = (struct irc){.options = &options};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        return start_kind(&irc_kind, i, fds, &(struct session_options){0});
}

/* Reads what the client is shown up to a line with this text. */
static inline void see(struct fixture *f, const char *text)
{
        char line[IRC_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES + 1];
        do {
                size_t len = 0;
                do {
                        assert_true(len < sizeof(line) - 1);
                        await(f->client);
                        assert_int_equal(read(f->client, line + len, 1), 1);
                } while (line[len++] != '\n');
                line[len] = '\0';
        } while (!strstr(line, text));
}

/* Starts a session whose client is called ann, and takes its HELLO. */
static inline struct fixture *start_ann(struct irc *i)
{
        struct fixture *f = start_irc(i);
        type(f, "NICK ann\r\nUSER ann 0 * :Ann\r\n");
        assert_int_equal(next_frame(f).type, FRAME_HELLO);
        tell(f, FRAME_WELCOME, 1, 0, "ann");
        see(f, ":irc.test 001 ann :Welcome to the chat, ann\r\n");
        see(f, " 422 ann :");
        return f;
}
