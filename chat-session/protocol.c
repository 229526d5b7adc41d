#include "protocol.h"

#include <ctype.h>
#include <string.h>

#include <chat/frame.h>
#include <chat/safe-text.h>

enum {
        TELNET_FIRST_COMMAND = 236, /* the first command behind IAC; smaller bytes mean nothing, RFC 854 and RFC 1184 */
        SE = 240,
        SB = 250,
        IAC = 255,
        PROGRAM_MIN_BYTES = 3, /* in one moment: nobody types that fast */
        NOT_TYPED_MIN = 2,     /* bytes that nobody types; one of them must be a control character */
};

static bool protocol_begins(const uint8_t *bytes, size_t size, const char *prefix, size_t len)
{
        return size >= len && memcmp(bytes, prefix, len) == 0;
}

/* Returns true for a control character that no key of a line sends. Keys edit a line, end it, or begin a sequence. */
static bool protocol_is_untyped(uint8_t byte)
{
        static const char keys[] = "\3\4\b\t\n\r\x15\x17\x1b";
        return byte < ' ' && byte != 0 && !memchr(keys, byte, sizeof(keys) - 1);
}

/* Returns the size of the telnet command that begins with the IAC at the front of `bytes`, with the option behind WILL,
 * WONT, DO or DONT, or with as much of a subnegotiation as has come. Returns 0 if no command begins so. */
static size_t protocol_telnet_command(const uint8_t *bytes, size_t size)
{
        size_t end = 2;
        if (size < 2 || bytes[1] < TELNET_FIRST_COMMAND || bytes[1] == IAC)
                return 0;
        if (bytes[1] != SB)
                return bytes[1] > SB ? 3 : 2;
        while (end < size && !(bytes[end - 1] == IAC && bytes[end] == SE))
                end++;
        return end + 1;
}

/* Returns true for bytes that a program of another protocol sends: control characters, NULs between other bytes, and
 * bytes that are not UTF-8. Bytes that are not UTF-8 do not suffice, because text in another character set has them,
 * too; NULs at the beginning do not count, because a keepalive sends them. */
static bool protocol_is_binary(const uint8_t *bytes, size_t size)
{
        struct text_cleaner c = {0};
        size_t controls = 0, invalid = 0, at = 0;
        while (at < size && bytes[at] == 0)
                at++;
        for (; at < size && bytes[at] != '\n'; at++) {
                char clean[TEXT_CLEAN_MAX];
                size_t telnet = bytes[at] == IAC ? protocol_telnet_command(bytes + at, size - at) : 0;
                if (telnet > 0) {
                        at += telnet - 1;
                        continue;
                }
                at += bytes[at] == IAC && at + 1 < size && bytes[at + 1] == IAC; /* a byte of text: я in CP1251 */
                controls += protocol_is_untyped(bytes[at]) || (bytes[at] == 0 && at > 0 && bytes[at - 1] != '\r');
                size_t n = text_clean(&c, bytes[at], clean);
                invalid += n >= 3 && memcmp(clean, "\xef\xbf\xbd", 3) == 0;
        }
        return controls > 0 && controls + invalid >= NOT_TYPED_MIN;
}

enum protocol protocol_of_bytes(const uint8_t *bytes, size_t size, bool at_once)
{
        static const char proxy[] = "\r\n\r\n\0\r\nQUIT\n"; /* version 2 of the PROXY protocol */
        if (protocol_begins(bytes, size, proxy, sizeof(proxy) - 1))
                return PROTOCOL_PROXY;
        if (size >= 3 && bytes[0] >= 0x14 && bytes[0] <= 0x17 && bytes[1] == 3 && bytes[2] <= 4) /* RFC 8446, 5.1 */
                return PROTOCOL_TLS;
        if (size > PROTOCOL_FIRST_BYTES)
                size = PROTOCOL_FIRST_BYTES;
        return at_once && size >= PROGRAM_MIN_BYTES && protocol_is_binary(bytes, size) ? PROTOCOL_BINARY
                                                                                       : PROTOCOL_CHAT;
}

/* Takes a word off the front of the line, up to a space or the end. Returns the word. */
static struct slice protocol_take_word(struct slice *line)
{
        const char *space = memchr(line->at, ' ', line->len);
        struct slice word = {line->at, space ? (size_t)(space - line->at) : line->len};
        size_t size = word.len + (space ? 1 : 0);
        *line = (struct slice){line->at + size, line->len - size};
        return word;
}

/* Returns true if the word is a token, as a method is (RFC 9110, 5.6.2). */
static bool protocol_is_method(struct slice word)
{
        for (size_t i = 0; i < word.len; i++)
                if (!isalnum((unsigned char)word.at[i]) && !strchr("!#$%&'*+-.^_`|~", word.at[i]))
                        return false;
        return word.len > 0;
}

/* Returns true if the word has a form of RFC 9112, 3.2, or one that RTSP and SIP use. */
static bool protocol_is_target(struct slice method, struct slice word)
{
        static const char *const schemes[] = {"sip:", "sips:", "tel:"};
        bool found = word.len > 0 && (word.at[0] == '/' || word.at[0] == '*' || memmem(word.at, word.len, "://", 3));
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
                found |= word.len > strlen(schemes[i]) && memcmp(word.at, schemes[i], strlen(schemes[i])) == 0;
        return found || (slice_equal(method, slice_of("CONNECT")) && memchr(word.at, ':', word.len));
}

/* Returns true for a version like "HTTP/1.1". */
static bool protocol_is_version(struct slice word)
{
        const char *slash = memchr(word.at, '/', word.len);
        if (!slash || slash == word.at || slash + 1 == word.at + word.len)
                return false;
        for (const char *at = word.at; at < slash; at++)
                if (*at < 'A' || *at > 'Z')
                        return false;
        for (const char *at = slash + 1; at < word.at + word.len; at++)
                if (*at != '.' && (*at < '0' || *at > '9'))
                        return false;
        return true;
}

static bool protocol_is_request(struct slice line, bool whole)
{
        struct slice method = protocol_take_word(&line), target = protocol_take_word(&line),
                     version = protocol_take_word(&line);
        if (!protocol_is_method(method) || !protocol_is_target(method, target))
                return false;
        if (whole && version.len == 0 && line.len == 0) /* HTTP/0.9 */
                return slice_equal(method, slice_of("GET")) && target.at[0] == '/';
        return whole ? protocol_is_version(version) && line.len == 0 : version.len == 0;
}

static bool protocol_has_prefix(struct slice line, const char *prefix)
{
        return line.len >= strlen(prefix) && memcmp(line.at, prefix, strlen(prefix)) == 0;
}

/* Returns true for a line like "SSH-2.0-name", RFC 4253, 4.2. */
static bool protocol_is_ssh(struct slice line)
{
        return protocol_has_prefix(line, "SSH-") && line.len > 7 && isdigit((unsigned char)line.at[4]) &&
               memchr(line.at + 4, '-', line.len - 4);
}

/* Returns true for the first line of an IRC client: CAP LS; PASS or NICK with one parameter; or USER with the four
 * parameters that only a program sends (RFC 2812, 3.1). */
static bool protocol_is_irc(struct slice line)
{
        struct slice command = protocol_take_word(&line), first = protocol_take_word(&line),
                     second = protocol_take_word(&line);
        bool is_last = line.len == 0 && (second.len == 0 || first.at[0] == ':');
        if (slice_equal(command, slice_of("PASS")) || slice_equal(command, slice_of("NICK")))
                return first.len > 0 && is_last;
        if (slice_equal(command, slice_of("CAP")))
                return slice_equal(first, slice_of("LS")) || slice_equal(first, slice_of("REQ"));
        return slice_equal(command, slice_of("USER")) && first.len > 0 && second.len > 0 &&
               memchr(line.at, ':', line.len);
}

/* Returns true for a line like "*3", the head of an array of Redis. */
static bool protocol_is_redis(struct slice line)
{
        size_t digits = 1;
        while (digits < line.len && isdigit((unsigned char)line.at[digits]))
                digits++;
        return line.len > 1 && line.at[0] == '*' && digits == line.len;
}

enum protocol protocol_of_line(struct slice line, bool whole)
{
        while (line.len > 0 && line.at[line.len - 1] == ' ')
                line.len--;
        if (protocol_is_request(line, whole))
                return PROTOCOL_HTTP;
        if (protocol_is_ssh(line))
                return PROTOCOL_SSH;
        if (protocol_has_prefix(line, "PROXY TCP4 ") || protocol_has_prefix(line, "PROXY TCP6 ") ||
            protocol_has_prefix(line, "PROXY UNKNOWN"))
                return PROTOCOL_PROXY;
        if (protocol_is_irc(line))
                return PROTOCOL_IRC;
        return protocol_is_redis(line) ? PROTOCOL_BINARY : PROTOCOL_CHAT;
}

const char *protocol_name(enum protocol protocol)
{
        static const char *const names[PROTOCOLS] = {
                [PROTOCOL_CHAT] = "chat",     [PROTOCOL_HTTP] = "HTTP",   [PROTOCOL_TLS] = "TLS",
                [PROTOCOL_SSH] = "SSH",       [PROTOCOL_PROXY] = "PROXY", [PROTOCOL_IRC] = "IRC",
                [PROTOCOL_BINARY] = "binary",
        };
        return names[protocol];
}

#define HTTP_BODY "This is a chat, not a web page. Connect with a terminal: telnet or nc, this host, this port.\n"
#define HTTP_HEAD                                                                                                      \
        "HTTP/1.1 400 Bad Request\r\n"                                                                                 \
        "Content-Type: text/plain; charset=utf-8\r\n"                                                                  \
        "Content-Length: 93\r\n"                                                                                       \
        "Cache-Control: no-store\r\n"                                                                                  \
        "Connection: close\r\n\r\n"

_Static_assert(sizeof(HTTP_BODY) - 1 == 93, "Content-Length says so");

struct slice protocol_answer(enum protocol protocol, bool head)
{
        static const char alert[] = "\x15\x03\x01\x00\x02\x02\x28"; /* fatal, handshake_failure: RFC 8446, 6 */
        switch (protocol) {
        case PROTOCOL_HTTP:
                return slice_of(head ? HTTP_HEAD : HTTP_HEAD HTTP_BODY);
        case PROTOCOL_TLS:
                return (struct slice){alert, sizeof(alert) - 1};
        case PROTOCOL_IRC:
                return slice_of(
                        "ERROR :This port is a chat for telnet and nc; IRC clients use port 6667, if it is open\r\n");
        default:
                return slice_of("*** This port is a chat for telnet and nc; it speaks no other protocol\r\n");
        }
}
