#include "listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/paths.h>

#include "../chatd/rundir.h"

enum { RUN_DIR_MODE = 0750 };

/* Removes all files in a directory without subdirectories. Returns 0 or a negative errno. */
static int listen_empty_dir(const char *dir, const char *name)
{
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        DIR *d = opendir(path);
        if (!d)
                return -errno;
        int r = 0;
        for (const struct dirent *e; (e = readdir(d));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlinkat(dirfd(d), e->d_name, 0) < 0)
                        r = -errno;
        closedir(d);
        return r;
}

/* Makes the run directory and binds the sockets, as the owner. Returns 0 or a negative errno. */
static int listen_open_dir(struct listening *l, const char *dir)
{
        int lock = rundir_open(dir);
        if (lock < 0)
                return lock;
        int r = listen_empty_dir(dir, SESSIONS_DIR_NAME);
        if (r == 0)
                r = listen_empty_dir(dir, MEMBERS_DIR_NAME);
        l->queue = r < 0 ? r : rundir_bind(dir);
        l->control = l->queue < 0 ? l->queue : rundir_bind_control(dir);
        close(lock);
        return l->control < 0 ? l->control : 0;
}

int listen_in_dir(struct listening *l, const char *dir, const struct owner *owner)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        /* only root may write to a directory like /run, so root makes `dir` and then gives it to the owner */
        if (uid == 0) {
                if (mkdir(dir, RUN_DIR_MODE) < 0 && errno != EEXIST)
                        return -errno;
                if (chown(dir, owner->uid, owner->gid) < 0)
                        return -errno;
        }
        if (setegid(owner->gid) < 0 || seteuid(owner->uid) < 0)
                return -errno;
        int r = listen_open_dir(l, dir);
        return seteuid(uid) < 0 || setegid(gid) < 0 ? -errno : r;
}

/* Reads a port, which has only digits. Returns false if it is none. */
static bool listen_parse_port(const char *text, in_port_t *port)
{
        size_t digits = strspn(text, "0123456789");
        long n = digits > 0 && digits <= 5 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
        *port = htons((uint16_t)n);
        return n > 0 && n <= UINT16_MAX;
}

struct endpoint {
        union {
                struct sockaddr any;
                struct sockaddr_in ip4;
                struct sockaddr_in6 ip6;
        } address;
        socklen_t size;
};

static struct endpoint listen_endpoint_ip4(struct in_addr address, in_port_t port)
{
        return (struct endpoint){
                .address.ip4 = {.sin_family = AF_INET, .sin_addr = address, .sin_port = port},
                .size = sizeof(struct sockaddr_in),
        };
}

static struct endpoint listen_endpoint_ip6(struct in6_addr address, in_port_t port)
{
        return (struct endpoint){
                .address.ip6 = {.sin6_family = AF_INET6, .sin6_addr = address, .sin6_port = port},
                .size = sizeof(struct sockaddr_in6),
        };
}

/* Reads "ADDRESS:PORT". Returns false if it is malformed. */
static bool listen_parse_endpoint(const char *where, struct endpoint *e)
{
        char text[INET6_ADDRSTRLEN];
        struct in_addr ip4;
        struct in6_addr ip6;
        in_port_t port;
        const char *colon = strrchr(where, ':');
        size_t len = colon ? (size_t)(colon - where) : 0;
        bool brackets = len > 2 && where[0] == '[' && colon[-1] == ']';
        if (brackets) {
                where++;
                len -= 2;
        }
        if (len == 0 || len >= sizeof(text) || !listen_parse_port(colon + 1, &port))
                return false;
        memcpy(text, where, len);
        text[len] = '\0';
        if (brackets && inet_pton(AF_INET6, text, &ip6) == 1)
                *e = listen_endpoint_ip6(ip6, port);
        else if (!brackets && inet_pton(AF_INET, text, &ip4) == 1)
                *e = listen_endpoint_ip4(ip4, port);
        else
                return false;
        return true;
}

/* Listens at this address; IPv6 takes IPv4, too. Returns a descriptor or a negative errno. */
static int listen_at(const struct endpoint *e)
{
        int on = 1, off = 0;
        int fd = socket(e->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        bool both = e->address.any.sa_family != AF_INET6 ||
                    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
        if (both && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
            bind(fd, &e->address.any, e->size) == 0 && listen(fd, SOMAXCONN) == 0)
                return fd;
        int error = -errno;
        close(fd);
        return error;
}

int listen_tcp(const char *where)
{
        struct endpoint e;
        in_port_t port;
        if (!listen_parse_port(where, &port))
                return listen_parse_endpoint(where, &e) ? listen_at(&e) : -EINVAL;
        e = listen_endpoint_ip6(in6addr_any, port);
        int fd = listen_at(&e);
        if (fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL) /* there is no IPv6 here */
                return fd;
        e = listen_endpoint_ip4((struct in_addr){htonl(INADDR_ANY)}, port);
        return listen_at(&e);
}
