#include "nick.h"

#include <stdio.h>

#include <chat/names.h>

#define GUEST "guest-"

/* An address, "HOST:PORT" or "[HOST]:PORT", in parts. */
struct nick_address {
        struct slice host, port;
};

static bool nick_has_only(struct slice text, const char *characters)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.at[i] == '\0' || !strchr(characters, text.at[i]))
                        return false;
        return text.len > 0;
}

/* Parts `text` at the last `mark`. Returns false if the part behind it is no port. */
static bool nick_part(struct slice text, char mark, struct nick_address *a)
{
        const char *at = memrchr(text.at, mark, text.len);
        if (!at)
                return false;
        a->host = (struct slice){text.at, (size_t)(at - text.at)};
        a->port = (struct slice){at + 1, text.len - a->host.len - 1};
        return a->host.len > 0 && nick_has_only(a->port, "0123456789");
}

/* Returns true if the host is an address of IPv6, which is in brackets in a name. */
static bool nick_is_ipv6(struct slice host)
{
        return memchr(host.at, ':', host.len) != NULL;
}

/* Returns true if `host` is an address of IPv4, or one of IPv6 that may have a scope, as in "fe80::1%eth0". */
static bool nick_is_host(struct slice host)
{
        const char *percent = memchr(host.at, '%', host.len);
        struct slice scope = {"0", 1};
        if (!nick_is_ipv6(host))
                return nick_has_only(host, "0123456789.");
        if (percent) {
                scope = (struct slice){percent + 1, host.len - (size_t)(percent + 1 - host.at)};
                host.len -= scope.len + 1;
        }
        return nick_has_only(host, "0123456789abcdef:.") &&
               nick_has_only(scope, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");
}

/* Returns true if `name` is an address. */
static bool nick_parse_name(struct slice name, struct nick_address *a)
{
        if (!nick_part(name, ':', a))
                return false;
        bool in_brackets = a->host.len > 2 && a->host.at[0] == '[' && a->host.at[a->host.len - 1] == ']';
        if (in_brackets)
                a->host = (struct slice){a->host.at + 1, a->host.len - 2};
        return nick_is_host(a->host) && nick_is_ipv6(a->host) == in_brackets;
}

/* Returns true if `nick` is what nick_of_name() makes of an address. */
static bool nick_parse_guest(struct slice nick, struct nick_address *a)
{
        size_t size = sizeof(GUEST) - 1;
        if (nick.len <= size || memcmp(nick.at, GUEST, size) != 0)
                return false;
        return nick_part((struct slice){nick.at + size, nick.len - size}, '-', a) && nick_is_host(a->host);
}

/* Returns true if `text` is the nick of a guest with any number of "~" behind it. */
static bool nick_is_marked(struct slice text)
{
        struct nick_address a;
        while (text.len > 0 && text.at[text.len - 1] == '~')
                text.len--;
        return nick_parse_guest(text, &a);
}

/* Parts "NAME@HOST", or "NICK/HOST" with another `mark`. The host is empty if there is none. */
static struct slice nick_take_host(struct slice *text, char mark)
{
        const char *at = memrchr(text->at, mark, text->len);
        if (!at)
                return (struct slice){"", 0};
        struct slice host = {at + 1, (size_t)(text->at + text->len - at - 1)};
        text->len -= host.len + 1;
        return host;
}

/* Returns true if a nick may have this character at the index `i`. "\\" is not among them, as it begins a number. */
static bool nick_allows(char c, size_t i)
{
        return name_is_letter(c) || (i > 0 && c != '\0' && strchr("0123456789-_.~", c));
}

/* ---- to IRC ---- */

/* Writes the characters of a name, or their numbers. */
static size_t nick_put_name(struct slice name, char *nick)
{
        size_t len = 0;
        for (size_t i = 0; i < name.len; i++)
                if (nick_allows(name.at[i], i))
                        nick[len++] = name.at[i];
                else
                        len += (size_t)sprintf(nick + len, "\\%02x", (uint8_t)name.at[i]);
        return len;
}

size_t nick_of_name(struct slice name, char nick[static IRC_NICK_MAX_BYTES])
{
        struct nick_address a;
        struct slice host = nick_take_host(&name, '@');
        size_t len;
        if (nick_parse_name(name, &a)) {
                len = (size_t)sprintf(nick, GUEST "%.*s-%.*s", (int)a.host.len, a.host.at, (int)a.port.len, a.port.at);
        } else {
                len = nick_put_name(name, nick);
                if (nick_is_marked((struct slice){nick, len}))
                        nick[len++] = '~';
        }
        nick[len] = '\0';
        if (host.len > 0)
                len += (size_t)sprintf(nick + len, "/%.*s", (int)host.len, host.at);
        return len;
}

/* ---- from IRC ---- */

/* Returns the value of a hexadecimal digit, or 16 if it is none. */
static unsigned nick_digit(char c)
{
        static const char digits[] = "0123456789abcdef";
        const char *at = c != '\0' ? strchr(digits, c) : NULL;
        return at ? (unsigned)(at - digits) : 16;
}

/* Takes a character of a nick, or its number, off `nick`. */
static char nick_take_character(struct slice *nick)
{
        size_t taken = 1;
        char c = nick->at[0];
        unsigned high = nick->len >= 3 ? nick_digit(nick->at[1]) : 16, low = high < 16 ? nick_digit(nick->at[2]) : 16;
        if (c == '\\' && low < 16) {
                c = (char)(high << 4 | low);
                taken = 3;
        }
        nick->at += taken;
        nick->len -= taken;
        return c;
}

/* Writes the name of a guest. Returns its size, or NAME_MAX_BYTES + 1 if that is too long. */
static size_t nick_put_address(const struct nick_address *a, char *name)
{
        bool in_brackets = nick_is_ipv6(a->host);
        size_t len = a->host.len + (in_brackets ? 2 : 0) + 1 + a->port.len;
        if (len > NAME_MAX_BYTES)
                return NAME_MAX_BYTES + 1;
        return (size_t)sprintf(name, "%s%.*s%s:%.*s", in_brackets ? "[" : "", (int)a->host.len, a->host.at,
                               in_brackets ? "]" : "", (int)a->port.len, a->port.at);
}

bool nick_to_name(struct slice nick, char name[static NAME_MAX_BYTES + 1])
{
        struct nick_address a;
        struct slice host = nick_take_host(&nick, '/');
        size_t len = 0;
        if (nick_parse_guest(nick, &a)) {
                len = nick_put_address(&a, name);
        } else {
                nick.len -= nick_is_marked(nick);
                while (nick.len > 0 && len <= NAME_MAX_BYTES)
                        name[len++] = nick_take_character(&nick);
        }
        if (len + (host.len > 0 ? 1 + host.len : 0) > NAME_MAX_BYTES)
                return false;
        name[len] = '\0';
        if (host.len > 0)
                sprintf(name + len, "@%.*s", (int)host.len, host.at);
        return true;
}

bool nick_channel_to_room(struct slice channel, struct slice *room)
{
        if (channel.len == 0 || channel.at[0] != '#')
                return false;
        *room = (struct slice){channel.at + 1, channel.len - 1};
        return name_is_nick(room->at, room->len);
}
