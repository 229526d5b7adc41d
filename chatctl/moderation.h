/* The commands that keep order: kick, mute, ban. */
#pragma once

struct chatctl;

/* Each does a command. `argv` has its words, beginning with its name, and ends with NULL. Returns an exit status.
 * moderation_mute() does `unmute`, too. */
int moderation_kick(struct chatctl *c, int argc, char **argv);
int moderation_mute(struct chatctl *c, int argc, char **argv);
int moderation_ban(struct chatctl *c, int argc, char **argv);
int moderation_unban(struct chatctl *c, int argc, char **argv);
