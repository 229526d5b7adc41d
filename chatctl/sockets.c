#include "sockets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define SYSTEMD_SOCKET "unix:path=/run/systemd/private" /* which needs no bus, and is for root */

enum {
        ANSWER_US = 2 * 1000 * 1000,
        FIELD_MAX_BYTES = 96,
};

static const char *const units[] = {"chat.socket", "chat-tls.socket", "chat-proxied.socket", "chat-local.socket",
                                    "chat-echo.socket"};

static sd_bus *connect_to_systemd(void)
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
        s->bus = geteuid() == 0 ? connect_to_systemd() : NULL;
        if (!s->bus && sd_bus_open_system(&s->bus) < 0)
                s->bus = NULL;
        if (s->bus)
                sd_bus_set_method_call_timeout(s->bus, ANSWER_US);
}

void sockets_close(struct sockets *s)
{
        s->bus = sd_bus_flush_close_unref(s->bus);
}

/* Returns 0 or a negative errno. */
static int read_unit(sd_bus *bus, const char *unit, uint32_t *refused, bool *listens)
{
        char *path = NULL, *state = NULL;
        int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
        if (r >= 0)
                r = sd_bus_get_property_trivial(bus, SYSTEMD, path, SYSTEMD ".Socket", "NRefused", NULL, 'u', refused);
        if (r >= 0)
                r = sd_bus_get_property_string(bus, SYSTEMD, path, SYSTEMD ".Unit", "ActiveState", NULL, &state);
        *listens = r >= 0 && strcmp(state, "active") == 0;
        free(path);
        free(state);
        return r < 0 ? r : 0;
}

__attribute__((format(printf, 2, 3))) static int add_field(struct answer_record *r, const char *format, ...)
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
        uint64_t all = 0;
        for (size_t i = 0; s->bus && i < sizeof(units) / sizeof(units[0]); i++) {
                uint32_t refused = 0;
                bool listens;
                if (read_unit(s->bus, units[i], &refused, &listens) < 0)
                        return add_field(r, "refused_by_systemd=unknown");
                all += refused;
                if ((refused > 0 || listens) && add_field(r, "refused_at_%s=%u", units[i], (unsigned)refused) < 0)
                        return -ENOMEM;
        }
        return s->bus ? add_field(r, "refused_by_systemd=%" PRIu64, all) : add_field(r, "refused_by_systemd=unknown");
}
