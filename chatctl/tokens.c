#include "tokens.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <chat/base64url.h>
#include <chat/names.h>
#include <chat/options.h>

#include "output.h"
#include "tool.h"

enum {
        TOKENS_RANDOM_BYTES = 24,
        TOKENS_SECRET_BYTES = BASE64URL_LETTERS(TOKENS_RANDOM_BYTES),
};

/* Draws a secret at random. Returns false if the kernel gives no random bytes. */
static bool tokens_draw(char secret[static TOKENS_SECRET_BYTES + 1])
{
        uint8_t bytes[TOKENS_RANDOM_BYTES];
        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return false;
        secret[base64url_write(secret, bytes, sizeof(bytes))] = '\0';
        return true;
}

/* Prints a new token on standard output. A person at a terminal is told how to use it. */
static void tokens_print(const struct chatctl *c, const char *name, const char *room, const char *secret)
{
        if (c->options.json) {
                tool_confirm_and(c, "token-add", name, "token", secret);
                return;
        }
        puts(secret);
        if (isatty(STDERR_FILENO))
                fprintf(stderr,
                        "%s: the token is shown only now. To say a line with it, if chat-web.socket listens:\n"
                        "curl -d 'disk full' -H 'Authorization: Bearer TOKEN' 'http://127.0.0.1:8880/say?room=%s'\n",
                        c->program, room ? room : FIRST_ROOM);
}

static int tokens_add(struct chatctl *c, const char *name)
{
        char secret[TOKENS_SECRET_BYTES + 1];
        const char *room = c->options.room;
        if (room && room[0] == '#')
                room++;
        if (room && room[0] == '\0') /* for chatd, a token without a room is for any room */
                return tool_complain(c, EXIT_USAGE, "--room takes the name of a room; see --help");
        if (!tokens_draw(secret))
                return tool_complain(c, EXIT_FAILURE, "cannot draw a token: the kernel gives no random bytes");
        int r = asking_make(&c->asking, (const char *const[]){"token-add", "", name, secret, room, NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        bool queued = tool_ended_with(c, CONTROL_QUEUED); /* it may stay, and nobody can ask for it again */
        if (!queued && !tool_ended_with(c, CONTROL_OK))
                return tool_complain_of_end(c);
        tokens_print(c, name, room, secret);
        if (!queued)
                return EXIT_SUCCESS;
        fprintf(stderr, "%s: the token works, but the disk is slow; if chatd cannot write the token, the token ends\n",
                c->program);
        return EXIT_QUEUED;
}

static int tokens_list(struct chatctl *c, const char *name)
{
        (void)name;
        return tool_list(c, "tokens", output_tokens);
}

static int tokens_remove(struct chatctl *c, const char *name)
{
        int r = asking_make(&c->asking, (const char *const[]){"token-remove", "", name, NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        bool done = tool_ended_with(c, CONTROL_OK) || (tool_ended_with(c, CONTROL_NOBODY) && c->asking.again);
        return done ? tool_confirm(c, "token-remove", name) : tool_complain_of_end(c);
}

static const struct {
        const char *word;
        int (*run)(struct chatctl *c, const char *name);
        bool has_name, has_room; /* takes a name; takes --room */
} tokens_actions[] = {
        {"add", tokens_add, true, true},
        {"list", tokens_list, false, false},
        {"remove", tokens_remove, true, false},
};

int tokens_run(struct chatctl *c, int argc, char **argv)
{
        const char *word = argv[1], *name = argc > 2 ? argv[2] : NULL;
        for (size_t i = 0; i < sizeof(tokens_actions) / sizeof(tokens_actions[0]); i++) {
                if (strcmp(tokens_actions[i].word, word) != 0)
                        continue;
                if (tokens_actions[i].has_name != (name != NULL))
                        return tool_complain(c, EXIT_USAGE, "token %s takes %s; see --help", word,
                                             tokens_actions[i].has_name ? "NAME" : "no arguments");
                if (c->options.room && !tokens_actions[i].has_room)
                        return tool_complain(c, EXIT_USAGE, "token %s takes no --room; see --help", word);
                return tokens_actions[i].run(c, name);
        }
        return tool_complain(c, EXIT_USAGE, "token takes add NAME, list or remove NAME; see --help");
}
