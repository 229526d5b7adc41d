#include "reload.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include <chat/clock.h>

#include "broker.h"

static void complain_at_start(void *user, const char *error)
{
        bool *told = user;
        fprintf(stderr, "chatd: %s\n", error);
        if (!*told)
                sd_notifyf(false, "STATUS=%s", error);
        *told = true;
}

int reload_start(const struct reload *r, struct settings *s)
{
        bool told = false;
        *s = r->options;
        return settings_read(s, r->path, SETTINGS_CHATD, complain_at_start, &told);
}

void reload_apply(struct broker *b, const struct settings *s)
{
        int64_t full_at_us = b->arrivals.pace.full_at_us;
        b->settings = *s;
        b->arrivals.pace = s->arrivals;
        b->arrivals.pace.full_at_us = full_at_us; /* who came just now counts */
}

static void complain(void *user, const char *error)
{
        struct broker *b = user;
        eventlog_settings(b->log, error);
}

void reload_again(struct reload *r, struct broker *b)
{
        struct settings s = r->options;
        /* the time is for Type=notify-reload, sd_notify(3) */
        sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)clock_ms() * 1000);
        r->failed = settings_read(&s, r->path, SETTINGS_CHATD, complain, b) < 0;
        if (!r->failed)
                reload_apply(b, &s);
        eventlog_reload(b->log, !r->failed);
        sd_notify(false, "READY=1");
}
