#include "reload.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include <chat/clock.h>

#include "arrivals.h"
#include "chat.h"

static void reload_complain_at_start(void *user, const char *error)
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
        return settings_read(s, r->path, SETTINGS_CHATD, reload_complain_at_start, &told);
}

/* Reads the message of the day. Returns NULL, or a text about an error, in `text`. */
static const char *reload_read_motd(struct motd *motd, const char *path, char text[static CONF_ERROR_BYTES])
{
        bool must_be = strcmp(path, settings_table[SETTING_MOTD].standard) != 0;
        motd->len = 0;
        int r = path[0] == '\0' ? 0 : motd_read(motd, path);
        if (r == 0 || (r == -ENOENT && !must_be))
                return NULL;
        if (r == MOTD_E_CUT)
                snprintf(text, CONF_ERROR_BYTES, "%.512s has more than %d lines or %d bytes: the rest is not shown",
                         path, MOTD_MAX_LINES, MOTD_MAX_BYTES);
        else
                snprintf(text, CONF_ERROR_BYTES, "cannot read %.512s: %s", path, strerror(-r));
        return text;
}

void reload_check_motd(const struct settings *s)
{
        char text[CONF_ERROR_BYTES];
        struct motd motd;
        const char *wrong = reload_read_motd(&motd, s->motd, text);
        if (wrong)
                fprintf(stderr, "chatd: %s\n", wrong);
}

/* Opens the history, or forgets all lines, as the settings say. */
static void reload_apply_history(struct chat *chat)
{
        if (chat->settings.history == 0) {
                history_remove(&chat->history, chat->roster.dir);
        } else if (!chat->history.file) {
                int r = history_open(&chat->history, chat->roster.dir);
                if (r < 0)
                        eventlog_warning(chat->log, "cannot keep a history", r);
        }
}

/* Applies Addresses=. Members keep their names: from now on only the addresses of newcomers are hidden. */
static void reload_apply_addresses(struct chat *chat)
{
        int r = chat->settings.hide_addresses ? guests_open(&chat->guests) : 0;
        if (r < 0)
                eventlog_warning(chat->log, "cannot keep the key of guests' names: the next chatd has another", r);
        else if (r > 0)
                eventlog_settings(chat->log, GUESTS_KEY_NAME " was damaged: a new key gives guests other names");
}

void reload_apply(struct chat *chat, const struct settings *s)
{
        char text[CONF_ERROR_BYTES];
        int64_t full_at_us = chat->arrivals->pace.full_at_us;
        chat->settings = *s;
        chat->arrivals->pace = s->arrivals;
        chat->arrivals->pace.full_at_us = full_at_us; /* members that just came still count */
        reload_apply_history(chat);
        reload_apply_addresses(chat);
        const char *wrong = reload_read_motd(&chat->motd, s->motd, text);
        if (wrong)
                eventlog_settings(chat->log, wrong);
}

static void reload_complain(void *user, const char *error)
{
        struct chat *chat = user;
        eventlog_settings(chat->log, error);
}

void reload_again(struct reload *r, struct chat *chat)
{
        struct settings s = r->options;
        /* Type=notify-reload needs the time, sd_notify(3) */
        sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t)clock_ms() * 1000);
        r->has_failed = settings_read(&s, r->path, SETTINGS_CHATD, reload_complain, chat) < 0;
        if (!r->has_failed) {
                reload_apply(chat, &s);
                chat_forget_said(chat);
        }
        eventlog_reload(chat->log, !r->has_failed);
        sd_notify(false, "READY=1");
}
