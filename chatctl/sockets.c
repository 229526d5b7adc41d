#include "sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_SOCKET "unix:path=/run/systemd/private" /* needs no bus, but root */

enum {
        ANSWER_US = 2 * 1000 * 1000,
        FIELD_MAX_BYTES = 96,
};

static const char *const units[] = {"chat.socket",          "chat-tls.socket",         "chat-proxied.socket",
                                    "chat-local.socket",    "chat-echo.socket",        "chat-irc.socket",
                                    "chat-ircs.socket",     "chat-irc-proxied.socket", "chat-json.socket",
                                    "chat-json-tcp.socket", "chat-web.socket",         "chat-web-proxied.socket"};

_Static_assert(sizeof(units) / sizeof(units[0]) == SOCKETS, "sockets.h has their number");

static sd_bus *sockets_connect_to_systemd(void)
{
        sd_bus *bus = NULL;
        if (sd_bus_new(&bus) < 0)
                return NULL;
        if (sd_bus_set_address(bus, SYSTEMD_SOCKET) >= 0 && sd_bus_start(bus) >= 0)
                return bus;
        sd_bus_unref(bus);
        return NULL;
}

void sockets_open(struct sockets *s)
{
        s->bus = geteuid() == 0 ? sockets_connect_to_systemd() : NULL;
        if (!s->bus && sd_bus_open_system(&s->bus) < 0)
                s->bus = NULL;
        if (s->bus)
                sd_bus_set_method_call_timeout(s->bus, ANSWER_US);
}

void sockets_close(struct sockets *s)
{
        s->bus = sd_bus_flush_close_unref(s->bus);
}

/* Reads properties of a unit's `interface` that are numbers of this type. Returns 0 or a negative errno. */
static int sockets_read_numbers(sd_bus *bus, const char *path, const char *interface, char type,
                                const char *const names[], void *const numbers[])
{
        int r = 0;
        for (size_t i = 0; r >= 0 && names[i]; i++)
                r = sd_bus_get_property_trivial(bus, SYSTEMD, path, interface, names[i], NULL, type, numbers[i]);
        return r < 0 ? r : 0;
}

/* Sets `*path` to the path of a unit, which the caller must free. Returns 0 or a negative errno. */
static int sockets_unit_path(const struct sockets *s, const char *unit, char **path)
{
        *path = NULL;
        if (!s->bus)
                return -ENOTCONN;
        int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, path);
        return r < 0 ? r : 0;
}

int sockets_read(const struct sockets *s, size_t i, struct socket_counts *counts)
{
        if (i >= SOCKETS)
                return 0;
        *counts = (struct socket_counts){.unit = units[i]};
        const char *const names[] = {"NAccepted", "NConnections", "NRefused", NULL};
        void *const numbers[] = {&counts->accepted_count, &counts->connections, &counts->refused_count};
        char *path, *state = NULL;
        int r = sockets_unit_path(s, units[i], &path);
        if (r == 0)
                r = sockets_read_numbers(s->bus, path, SYSTEMD ".Socket", 'u', names, numbers);
        if (r == 0)
                r = sd_bus_get_property_string(s->bus, SYSTEMD, path, SYSTEMD ".Unit", "ActiveState", NULL, &state);
        counts->listens = r >= 0 && strcmp(state, "active") == 0;
        free(path);
        free(state);
        return r < 0 ? r : 1;
}

int sockets_read_service(const struct sockets *s, const char *unit, struct service_counts *counts)
{
        const char *const started[] = {"ExecMainStartTimestamp", NULL}, *const restarts[] = {"NRestarts", NULL};
        void *const started_at[] = {&counts->started_us}, *const restarts_at[] = {&counts->restarts};
        char *path;
        *counts = (struct service_counts){0};
        int r = sockets_unit_path(s, unit, &path);
        if (r == 0)
                r = sockets_read_numbers(s->bus, path, SYSTEMD ".Service", 't', started, started_at);
        if (r == 0)
                r = sockets_read_numbers(s->bus, path, SYSTEMD ".Service", 'u', restarts, restarts_at);
        free(path);
        return r;
}

__attribute__((format(printf, 2, 3))) static int sockets_add_field(struct answer_record *r, const char *format, ...)
{
        char field[FIELD_MAX_BYTES];
        va_list args;
        va_start(args, format);
        int n = vsnprintf(field, sizeof(field), format, args);
        va_end(args);
        char *data = realloc(r->data, r->size + (size_t)n + 1);
        if (!data)
                return -ENOMEM;
        memcpy(data + r->size, field, (size_t)n + 1);
        r->data = data;
        r->size += (size_t)n + 1;
        return 0;
}

int sockets_describe(const struct sockets *s, struct answer_record *r)
{
        struct socket_counts counts;
        uint64_t all = 0;
        int more;
        for (size_t i = 0; (more = sockets_read(s, i, &counts)) > 0; i++) {
                all += counts.refused_count;
                if ((counts.refused_count > 0 || counts.listens) &&
                    sockets_add_field(r, "refused_at_%s=%u", counts.unit, (unsigned)counts.refused_count) < 0)
                        return -ENOMEM;
        }
        return more < 0 ? sockets_add_field(r, "refused_by_systemd=unknown")
                        : sockets_add_field(r, "refused_by_systemd=%" PRIu64, all);
}
