/* The names that members choose: which names are allowed, and which names count as the same.
 *
 * A name has 1 to 24 characters: ASCII letters, digits, "-", "_" and "."; it starts with a letter. So it can be typed
 * on any keyboard, is one word of a command, and is never an address. A member that has not chosen a name is called by
 * its address. Letters beyond ASCII are not allowed, because too many of them look the same.
 *
 * A command addresses a member by the whole name: two names are the same if they differ only in case. Two members
 * cannot have the same name, or names that are too similar: names that differ only in case, in I, l and 1, or in O and
 * 0. In many fonts these characters have the same shapes. A careful reader can tell every other pair of names apart:
 * Maria and Marla may both be here. Two addresses are never too similar.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { NICK_MAX_BYTES = 24 };

/* The room in which every member begins. Names of rooms follow the same rules as names of members. */
#define FIRST_ROOM "lobby"

enum { MEMBER_ROOMS_MAX = 20 }; /* rooms that a member may be in at once, if its kind of client allows several */

/* The name under which administrators speak. No member can have it. */
#define ADMIN_NAME "Administrator"

static inline bool name_is_letter(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Returns true if a member may take this name. */
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

/* Compares two names without regard to case. Returns less than 0, 0 or more than 0, as memcmp(3). */
static inline int name_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
        for (size_t i = 0; i < a_size && i < b_size; i++) {
                int difference = name_lower(a[i]) - name_lower(b[i]);
                if (difference != 0)
                        return difference < 0 ? -1 : 1;
        }
        return (a_size > b_size) - (a_size < b_size);
}

/* Returns true if two characters differ only in case, or have the same shape in many fonts. */
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

/* Returns true if two names are the same or too similar. */
static inline bool name_looks_like(const char *a, size_t a_size, const char *b, size_t b_size)
{
        size_t i = 0;
        while (i < a_size && i < b_size && name_char_looks_like(a[i], b[i]))
                i++;
        return i == a_size && i == b_size;
}

/* Takes one character off the `*size` bytes at `*name`, or two that together look like one. There must be one byte at
 * least. Returns the character that stands for all characters that look like this one at a glance. */
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

/* Compares two names as they look at a glance. Returns less than 0, 0 or more than 0, as memcmp(3). These count as the
 * same: upper and lower case; 0 and o; 1, i and l; rn and m; vv and w; -, _ and the dot (a choice out of the ASCII
 * characters of Unicode's confusables.txt, UTS #39). So the result is 0 for all names that are too similar, and also
 * for some that are not: of these, one can be suggested in place of the other. */
static inline int name_compare_blurred(const char *a, size_t a_size, const char *b, size_t b_size)
{
        while (a_size > 0 && b_size > 0) {
                int x = name_next(&a, &a_size), y = name_next(&b, &b_size);
                if (x != y)
                        return x < y ? -1 : 1;
        }
        return (a_size > 0) - (b_size > 0);
}

/* Returns true if the name looks like ADMIN_NAME at a glance. No member can have it, because nobody may pretend to be
 * an administrator. */
static inline bool name_is_reserved(const char *name, size_t size)
{
        return name_compare_blurred(name, size, ADMIN_NAME, sizeof(ADMIN_NAME) - 1) == 0;
}
