/* Names that people give themselves: what they may be, and which are taken for the same.
 *
 * A name is 1 to 24 ASCII letters, digits, "-", "_" and ".", and begins with a letter: so it is typed on any keyboard,
 * is one word of a command, and is never an address, which is what those are called who took no name. No letters beyond
 * ASCII, because too many of them cannot be told from each other.
 *
 * Whoever is addressed by a name is addressed by the whole name: names are the same where they differ in case alone. But
 * two names are too similar for two people to have them at once where they differ in case, in I, l and 1, or in O and 0,
 * whose shapes are the same in many fonts. Every other pair of names can be told apart by who looks: Maria and Marla are
 * two people. Of two addresses none are too similar.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

static inline char name_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Orders names; 0: they are the same. */
static inline int name_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
        for (size_t i = 0; i < a_size && i < b_size; i++) {
                int difference = name_lower(a[i]) - name_lower(b[i]);
                if (difference != 0)
                        return difference < 0 ? -1 : 1;
        }
        return (a_size > b_size) - (a_size < b_size);
}

/* Returns true where two characters differ in case, or have the same shape in many fonts. */
static inline bool name_char_looks_like(char a, char b)
{
        static const char *const shapes[] = {"Il1", "oO0"};
        if (name_lower(a) == name_lower(b))
                return true;
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
                if (memchr(shapes[i], a, strlen(shapes[i])) && memchr(shapes[i], b, strlen(shapes[i])))
                        return true;
        return false;
}

/* Returns true where two names are too similar, or the same. */
static inline bool name_looks_like(const char *a, size_t a_size, const char *b, size_t b_size)
{
        size_t i = 0;
        while (i < a_size && i < b_size && name_char_looks_like(a[i], b[i]))
                i++;
        return i == a_size && i == b_size;
}

/* Takes what may be seen as one character off the `*size` bytes at `*name`, of which there is one at least. */
static inline int name_next(const char **name, size_t *size)
{
        int c = name_lower((*name)[0]), next = *size < 2 ? 0 : name_lower((*name)[1]);
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

/* Orders names by what is left of them for who hardly looks: case does not count, nor do 0 and o; 1, i and l; rn and m;
 * vv and w; -, _ and the dot (a choice out of the ASCII characters of Unicode's confusables.txt, UTS #39). 0 where that
 * is the same: so it is of all names that are too similar, and of others, which are suggested for each other. */
static inline int name_compare_blurred(const char *a, size_t a_size, const char *b, size_t b_size)
{
        while (a_size > 0 && b_size > 0) {
                int x = name_next(&a, &a_size), y = name_next(&b, &b_size);
                if (x != y)
                        return x < y ? -1 : 1;
        }
        return (a_size > 0) - (b_size > 0);
}

/* Whether nobody can be called so: what administrators say is not to be imitated even for who hardly looks. */
static inline bool name_is_reserved(const char *name, size_t size)
{
        return name_compare_blurred(name, size, ADMIN_NAME, sizeof(ADMIN_NAME) - 1) == 0;
}
