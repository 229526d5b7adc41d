/* Names that people give themselves: what they may be, and which are taken for the same.
 *
 * A name is 1 to 24 ASCII letters, digits, "-", "_" and ".", and begins with a letter: so it is typed on any keyboard,
 * is one word of a command, and is never an address, which is what those are called who took no name. No letters beyond
 * ASCII, because too many of them cannot be told from each other.
 *
 * Names are the same for the chat where they differ in case alone, or in characters that are hard to tell apart: "0"
 * and "o"; "1", "i" and "l"; "rn" and "m"; "vv" and "w"; "-", "_" and "." (a choice out of the ASCII characters of
 * Unicode's confusables.txt, UTS #39, and what is as similar in fonts of terminals). Of two addresses none become the
 * same by it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { NICK_MAX_BYTES = 24 };

/* Rooms are called as people are. This is the one that everybody begins in. */
#define FIRST_ROOM "lobby"

/* Who says what administrators say: nobody else is called so. */
#define ADMIN_NAME "Administrator"

static inline bool name_is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether somebody may take this name. */
static inline bool name_is_nick(const char *name, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (!name_is_letter(name[i]) && (i == 0 || !((name[i] >= '0' && name[i] <= '9') || name[i] == '-' ||
                                                             name[i] == '_' || name[i] == '.')))
                        return false;
        return size > 0 && size <= NICK_MAX_BYTES;
}

/* Takes what is seen as one character off the `*size` bytes at `*name`, of which there is one at least. */
static inline int name_next(const char **name, size_t *size)
{
        const char *at = *name;
        int c = at[0] >= 'A' && at[0] <= 'Z' ? at[0] + ('a' - 'A') : at[0];
        int next = *size < 2 ? 0 : at[1] >= 'A' && at[1] <= 'Z' ? at[1] + ('a' - 'A') : at[1];
        size_t taken = (c == 'r' && next == 'n') || (c == 'v' && next == 'v') ? 2 : 1;
        *name += taken;
        *size -= taken;
        if (taken == 2)
                return c == 'r' ? 'm' : 'w';
        switch (c) {
        case '0':
                return 'o';
        case '1':
        case 'i':
                return 'l';
        case '_':
        case '.':
                return '-';
        default:
                return c;
        }
}

/* Orders names; 0: they are the same. */
static inline int name_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
        while (a_size > 0 && b_size > 0) {
                int x = name_next(&a, &a_size), y = name_next(&b, &b_size);
                if (x != y)
                        return x < y ? -1 : 1;
        }
        return (a_size > 0) - (b_size > 0);
}

/* Whether nobody can be called so. */
static inline bool name_is_reserved(const char *name, size_t size)
{
        return name_compare(name, size, ADMIN_NAME, sizeof(ADMIN_NAME) - 1) == 0;
}
