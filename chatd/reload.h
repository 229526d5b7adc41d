/* Reads chatd's settings (chat/settings.h): at the start, and again at each SIGHUP.
 *
 * At the start an error in the settings keeps chatd from running, so that the administrator notices it. Later, if there
 * is an error, the present settings stay in use.
 */
#pragma once

#include <chat/settings.h>

struct chat;

struct reload {
        const char *path;        /* the path of the file; NULL: SETTINGS_FILE, which may be missing */
        struct settings options; /* the settings before the file is read */
        bool has_failed;         /* the file has errors, and its settings are not in use */
};

/* Reads the file into `s`. Returns 0 or a negative errno. Prints errors on standard error, and sends the first one to
 * systemd as the status. */
int reload_start(const struct reload *r, struct settings *s);

/* Prints an error on standard error if the message of the day cannot be read, or is too long. */
void reload_check_motd(const struct settings *s);

/* Takes the settings into use, and reads the message of the day. */
void reload_apply(struct chat *chat, const struct settings *s);

/* Reads the file again, and takes its settings into use. If there is an error, leaves everything as it is. Logs the
 * result, and tells systemd the beginning and the end. */
void reload_again(struct reload *r, struct chat *chat);
