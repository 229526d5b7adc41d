#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/safe-text.h>

enum {
        PROXY_TIMEOUT_MS = 5000, /* for the whole header */
};

static void peer_from_ipv4(struct peer *p, struct in_addr ip, in_port_t port)
{
        char text[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &ip, text, sizeof(text));
        snprintf(p->name, sizeof(p->name), "%s:%u", text, ntohs(port));
}

/* Writes the interface of a link-local address by its name, because its number may change with a boot. Writes the
 * number if the interface is gone, or if its name has characters that an address must not have. */
static void peer_describe_scope(char scope[static 1 + IF_NAMESIZE], unsigned index)
{
        char name[IF_NAMESIZE] = "";
        bool named = if_indextoname(index, name) && text_is_local_name(name, strlen(name)) && !strpbrk(name, "[]%/:,");
        if (named)
                snprintf(scope, 1 + IF_NAMESIZE, "%%%s", name);
        else
                snprintf(scope, 1 + IF_NAMESIZE, "%%%u", index);
}

static void peer_from_ipv6(struct peer *p, const struct sockaddr_in6 *sin6)
{
        char text[INET6_ADDRSTRLEN], scope[1 + IF_NAMESIZE] = "";
        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
                struct in_addr ip;
                memcpy(&ip, &sin6->sin6_addr.s6_addr[12], sizeof(ip));
                peer_from_ipv4(p, ip, sin6->sin6_port);
                return;
        }
        inet_ntop(AF_INET6, &sin6->sin6_addr, text, sizeof(text));
        if (sin6->sin6_scope_id != 0)
                peer_describe_scope(scope, sin6->sin6_scope_id);
        snprintf(p->name, sizeof(p->name), "[%s%s]:%u", text, scope, ntohs(sin6->sin6_port));
}

/* Takes the login name of `uid` as the name. A login name from a directory of users may have an "@", which becomes "%":
 * "@" is for members on other hosts. */
static void peer_from_login(struct peer *p, uid_t uid)
{
        const struct passwd *pw = getpwuid(uid);
        if (pw && text_is_name(pw->pw_name, strlen(pw->pw_name)) && strlen(pw->pw_name) <= LOCAL_NAME_MAX_BYTES)
                snprintf(p->name, sizeof(p->name), "%.*s", LOCAL_NAME_MAX_BYTES, pw->pw_name);
        else
                snprintf(p->name, sizeof(p->name), "uid%u", uid);
        for (char *at = p->name; (at = strchr(at, '@'));)
                *at = '%';
}

/* Takes the address that the launcher states, for a socket that is no longer connected. */
static void peer_from_environment(struct peer *p)
{
        const char *address = getenv("REMOTE_ADDR"), *port = getenv("REMOTE_PORT");
        struct in6_addr ip;
        if (address && port && strspn(port, "0123456789") == strlen(port) && inet_pton(AF_INET, address, &ip) == 1)
                snprintf(p->name, sizeof(p->name), "%s:%.5s", address, port);
        else if (address && port && strspn(port, "0123456789") == strlen(port) &&
                 inet_pton(AF_INET6, address, &ip) == 1)
                snprintf(p->name, sizeof(p->name), "[%s]:%.5s", address, port);
        else
                snprintf(p->name, sizeof(p->name), "unknown");
}

void peer_identify(struct peer *p, int fd)
{
        union {
                struct sockaddr any;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
                struct sockaddr_storage room;
        } address = {.any = {.sa_family = AF_UNSPEC}};
        socklen_t size = sizeof(address);
        struct ucred cred;
        socklen_t cred_size = sizeof(cred);

        if (getpeername(fd, &address.any, &size) < 0) {
                address.any.sa_family = AF_UNSPEC;
                if (errno != ENOTSOCK && errno != EBADF) {
                        peer_from_environment(p);
                        snprintf(p->address, sizeof(p->address), "%s", p->name);
                        return;
                }
        }
        switch (address.any.sa_family) {
        case AF_INET:
                peer_from_ipv4(p, address.in.sin_addr, address.in.sin_port);
                snprintf(p->address, sizeof(p->address), "%s", p->name);
                break;
        case AF_INET6:
                peer_is_at(p, &address.in6);
                break;
        case AF_UNIX:
                if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_size) == 0) {
                        peer_from_login(p, cred.uid);
                        snprintf(p->address, sizeof(p->address), "pid=%d,uid=%u", cred.pid, cred.uid);
                        break;
                }
                /* fall through */
        default:
                peer_from_login(p, getuid());
                snprintf(p->address, sizeof(p->address), "uid=%u", getuid());
        }
}

void peer_is_at(struct peer *p, const struct sockaddr_in6 *address)
{
        peer_from_ipv6(p, address);
        snprintf(p->address, sizeof(p->address), "%s", p->name);
}

/* Reads the header and nothing behind it: the rest belongs to the client. Returns its size, or a negative errno as
 * peer_identify_proxied() does. */
static ssize_t peer_read_header(uint8_t header[static PROXY_HEADER_MAX_BYTES], int fd)
{
        int64_t now = clock_ms(), deadline = now + PROXY_TIMEOUT_MS;
        ssize_t size = 0, need;
        while ((need = proxy_wants(header, (size_t)size)) > 0) {
                struct pollfd in = {.fd = fd, .events = POLLIN};
                struct timespec left = clock_timespec(deadline - now);
                if (now >= deadline)
                        return -ETIMEDOUT;
                if (ppoll(&in, 1, &left, NULL) == 1) {
                        ssize_t n = read(fd, header + size, (size_t)need);
                        if (n <= 0)
                                return size == 0 ? -ENODATA : -EPIPE;
                        size += n;
                }
                now = clock_ms();
        }
        return need < 0 ? need : size;
}

int peer_identify_proxied(struct peer *p, int fd)
{
        uint8_t header[PROXY_HEADER_MAX_BYTES];
        struct sockaddr_in6 source;
        ssize_t size = peer_read_header(header, fd);
        int r = size < 0 ? (int)size : proxy_parse(&source, header, (size_t)size);
        if (r == PROXY_CLIENT)
                peer_is_at(p, &source);
        return r;
}

const char *peer_error_name(int error)
{
        switch (error) {
        case -ETIMEDOUT:
                return NOT_CHAT_HEADER "missing";
        case -EPIPE:
                return NOT_CHAT_HEADER "cut-short";
        case -EMSGSIZE:
                return NOT_CHAT_HEADER "too-long";
        case -EBADMSG:
                return NOT_CHAT_HEADER "checksum";
        default:
                return NOT_CHAT_HEADER "malformed";
        }
}
