/* chatd's settings (chat/settings.h), at the start and whenever it is told to read them again (SIGHUP).
 *
 * At the start what is wrong keeps chatd from running, so that it does not go unnoticed. Later the settings that are in
 * use stay.
 */
#pragma once

#include <chat/settings.h>

struct chat;

struct reload {
        const char *path;        /* of the file; NULL: SETTINGS_FILE, which need not be there */
        struct settings options; /* what holds without the file */
        bool failed;             /* what is in use is not what is in the file */
};

/* Reads the file into `s`. Says on standard error what is wrong, and the first of it in systemd's status. Returns 0 or
 * a negative errno. */
int reload_start(const struct reload *r, struct settings *s);

/* Says on standard error where the message of the day cannot be shown as it is. */
void reload_check_motd(const struct settings *s);

/* Takes the settings into use, and reads the message of the day. */
void reload_apply(struct chat *chat, const struct settings *s);

/* Reads the file again, takes what is there into use, or leaves everything as it is; logs which, and tells systemd when
 * it begins and ends. */
void reload_again(struct reload *r, struct chat *chat);
