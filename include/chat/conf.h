/* Reads files of settings: lines of the form Key=value.
 *
 * Blanks around the key and the value are dropped. Empty lines and lines that begin with # or ; are skipped. A key that
 * is unknown, is there twice or has a wrong value is reported, with the file, the line and the allowed values. The
 * other lines are taken nevertheless. Only open(2), read(2) and close(2) are called, and nothing is allocated, because
 * each session reads such a file when it starts.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "safe-text.h"

enum {
        CONF_LINE_MAX_BYTES = 511,
        CONF_BUFFER_BYTES = 1024, /* read at once: a session would keep the pages of a larger stack */
        CONF_ERROR_BYTES = 1024,
        CONF_KEYS_MAX = 32,
        CONF_NAME_SHOWN_BYTES = 64, /* the longest unknown key that a complaint shows */
};

#define CONF_BLANKS " \t\r"

/* The program's side of reading its file. `user` is handed to each function. */
struct conf_reader {
        const char *manual; /* the page that lists the keys */
        /* Returns the number of the key, below CONF_KEYS_MAX, or -1 if there is no such key. */
        int (*find)(const char *key);
        /* Takes the value of the key with this number. The value is not empty. Returns NULL, or a text with the allowed
         * values. */
        const char *(*take)(void *user, int key, const char *value);
        /* Reports an error: one line of clean text (safe-text.h). */
        void (*complain)(void *user, const char *error);
        void *user;
};

struct conf {
        const struct conf_reader *reader;
        const char *path;
        unsigned line;
        uint32_t keys; /* a bit for each key that the file has had */
        bool wrong;
};

/* Not inline, so that its buffer takes up the stack only when there is an error. */
__attribute__((format(printf, 2, 3), noinline, cold, unused)) static void conf_complain(struct conf *c,
                                                                                        const char *format, ...)
{
        char error[CONF_ERROR_BYTES];
        va_list args;
        int n = snprintf(error, sizeof(error), "%.256s, line %u: ", c->path, c->line);
        va_start(args, format);
        vsnprintf(error + n, sizeof(error) - (size_t)n, format, args);
        va_end(args);
        c->wrong = true;
        c->reader->complain(c->reader->user, error);
}

/* Removes the blanks at both ends of `text`, in place. Returns the new beginning. */
static inline char *conf_trim(char *text)
{
        text += strspn(text, CONF_BLANKS);
        for (size_t len = strlen(text); len > 0 && strchr(CONF_BLANKS, text[len - 1]); len--)
                text[len - 1] = '\0';
        return text;
}

static inline void conf_take_pair(struct conf *c, const char *name, const char *value)
{
        const struct conf_reader *r = c->reader;
        int key = r->find(name);
        if (key < 0) {
                bool shown = strlen(name) <= CONF_NAME_SHOWN_BYTES && text_is_name(name, strlen(name));
                conf_complain(c, "there is no setting %s=; %s lists those there are", shown ? name : "", r->manual);
                return;
        }
        bool again = c->keys & UINT32_C(1) << key;
        const char *right = again || value[0] == '\0' ? NULL : r->take(r->user, key, value);
        c->keys |= UINT32_C(1) << key;
        if (again)
                conf_complain(c, "%s= is there twice", name);
        else if (value[0] == '\0')
                conf_complain(c, "%s= has no value", name);
        else if (right)
                conf_complain(c, "%s= takes %s", name, right);
}

/* Takes one line of `len` bytes, which a 0 ends. */
static inline void conf_take_line(struct conf *c, char *line, size_t len)
{
        c->line++;
        if (len > CONF_LINE_MAX_BYTES) {
                conf_complain(c, "the line is longer than %d bytes", CONF_LINE_MAX_BYTES);
                return;
        }
        if (strlen(line) != len) {
                conf_complain(c, "the line has a NUL");
                return;
        }
        line = conf_trim(line);
        if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
                return;
        char *equals = strchr(line, '=');
        if (!equals) {
                conf_complain(c, "this is not of the form Key=value");
                return;
        }
        *equals = '\0';
        conf_take_pair(c, conf_trim(line), conf_trim(equals + 1));
}

/* Takes the lines that end within the buffer or are too long for it, and moves the rest to the beginning of the buffer.
 * Returns the size of that rest. */
static inline size_t conf_take_lines(struct conf *c, char *buffer, size_t size, bool *skipping)
{
        char *at = buffer, *end = buffer + size;
        for (char *lf; (lf = memchr(at, '\n', (size_t)(end - at))); at = lf + 1) {
                *lf = '\0';
                if (!*skipping)
                        conf_take_line(c, at, (size_t)(lf - at));
                *skipping = false;
        }
        size = (size_t)(end - at);
        if (size > CONF_LINE_MAX_BYTES) {
                *end = '\0';
                if (!*skipping)
                        conf_take_line(c, at, size);
                *skipping = true;
                return 0;
        }
        memmove(buffer, at, size);
        return size;
}

/* Takes all lines of the file. Returns 0, or a negative errno of read(2). */
static inline int conf_take_file(struct conf *c, int fd)
{
        char buffer[CONF_BUFFER_BYTES];
        size_t have = 0;
        bool skipping = false;
        for (;;) {
                ssize_t n = read(fd, buffer + have, sizeof(buffer) - 1 - have);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        break;
                have = conf_take_lines(c, buffer, have + (n > 0 ? (size_t)n : 0), &skipping);
        }
        buffer[have] = '\0';
        if (have > 0 && !skipping)
                conf_take_line(c, buffer, have);
        return 0;
}

/* Reads the file `path`. Returns 0; -EINVAL if the file has errors, which were all reported; or another negative errno
 * if the file cannot be read. That is not reported. */
static inline int conf_read(const struct conf_reader *reader, const char *path)
{
        struct conf c = {.reader = reader, .path = path};
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = conf_take_file(&c, fd);
        close(fd);
        if (r < 0)
                return r;
        return c.wrong ? -EINVAL : 0;
}
