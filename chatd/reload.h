/* chatd's settings (chat/settings.h), at the start and whenever it is told to read them again (SIGHUP).
 *
 * At the start an error in the settings keeps chatd from running, so that it is noticed. Later the present settings
 * stay in use after an error.
 */
#pragma once

#include <chat/settings.h>

struct chat;

struct reload {
        const char *path;        /* of the file; NULL: SETTINGS_FILE, which may be missing */
        struct settings options; /* the settings before the file is read */
        bool has_failed;         /* the settings in use are not those of the file */
};

/* Reads the file into `s`. Returns 0 or a negative errno. Prints errors on standard error, and puts the first into
 * systemd's status. */
int reload_start(const struct reload *r, struct settings *s);

/* Prints on standard error if the message of the day cannot be shown as it is. */
void reload_check_motd(const struct settings *s);

/* Takes the settings into use, and reads the message of the day. */
void reload_apply(struct chat *chat, const struct settings *s);

/* Reads the file again, and takes its settings into use, or leaves everything as it is. Logs the result, and tells
 * systemd when it begins and ends. */
void reload_again(struct reload *r, struct chat *chat);
