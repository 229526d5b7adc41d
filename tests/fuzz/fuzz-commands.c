/* The first check of a line: the client's protocol, and whether its line is a command (chat-session/protocol.c,
 * commands.c and disguise.c).
 *
 * Input: how many of the bytes that follow choose invisible characters, then the line.
 *
 * Promises: there is an answer for any bytes, and no byte outside of them is read. The rest behind a command lies in
 * the line. A command behind invisible characters is never text, unless it is a path or has two slashes.
 */
#include <chat/reveal.h>

#include "../../chat-session/commands.h"
#include "../../chat-session/disguise.h"
#include "../../chat-session/protocol.h"

#include "fuzz.h"

static const char *const unseen[] = {
        " ",         "\t",         "\u00a0", "\u3000", "\u200b", "\ufeff", "\u00ad",     "\u2060",
        "\u180e",    "\ufe0f",     "\u0301", "\u115f", "\u3164", "\u034f", "\U000e0041", "\x01",
        "\x07",      "\xc2\x85",   "\u202e", "\xff",   "\xc3",   "\u2800", "\u2028",     "<U+200B>",
        "<U+E0041>", "\U000e0100", "\u2064", "\ufff9", "\u061c", "\x1f",   "\u1680",     "\u205f",
};

static void check_slice(struct slice part, struct slice line)
{
        PROMISE(part.at >= line.at && part.at + part.len <= line.at + line.len, "%zu bytes that are not of the line",
                part.len);
}

static enum command parse(struct slice line)
{
        const struct command_row *row = NULL;
        struct slice rest;
        size_t word;
        enum command command = command_parse(line, &row, &rest);
        check_slice(rest, line);
        PROMISE(command_is_text(command) || command == COMMAND_LEAVE || row, "command %d without a row", (int)command);
        struct disguise d = disguise_of(line);
        check_slice(d.rest, line);
        PROMISE(d.slash <= d.rest.len, "a slash of %zu bytes", d.slash);
        command_meant(line, &word);
        return command;
}

/* Checks `text` in memory of its own, so that ASan sees reads beyond its end. */
static void check_line(const char *text, size_t size, bool is_command)
{
        char *copy = malloc(size > 0 ? size : 1);
        memcpy(copy, text, size);
        struct slice line = {copy, size};
        enum command command = parse(line);
        PROMISE(!is_command || !command_is_text(command), "a command is text: %.*s", (int)size, copy);
        for (int whole = 0; whole < 2; whole++)
                PROMISE(protocol_of_line(line, whole) < PROTOCOLS, "no protocol");
        for (int at_once = 0; at_once < 2; at_once++)
                PROMISE(protocol_of_bytes((const uint8_t *)copy, size, at_once) < PROTOCOLS, "no protocol");
        free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char line[2048];
        struct choices c = {data, data + size};
        size_t count = choose_u8(&c) % 32u, len = 0;
        for (size_t i = 0; i < count; i++) {
                const char *what = unseen[choose_u8(&c) % (sizeof(unseen) / sizeof(unseen[0]))];
                memcpy(line + len, what, strlen(what));
                len += strlen(what);
        }
        size_t left = (size_t)(c.end - c.at) < 512 ? (size_t)(c.end - c.at) : 512, prefix = len;
        memcpy(line + len, "/msg bob ", 9);
        memcpy(line + len + 9, c.at, left);
        check_line(line, len + 9 + left, true);
        memcpy(line + prefix, c.at, left);
        check_line(line, prefix + left, false);
        check_line((const char *)c.at, (size_t)(c.end - c.at), false);
        return 0;
}
