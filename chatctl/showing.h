/* The commands that only show something. */
#pragma once

struct chatctl;

/* Each does a command. `argv` has its words, beginning with its name, and ends with NULL. Returns an exit status. */
int showing_status(struct chatctl *c, int argc, char **argv);
int showing_who(struct chatctl *c, int argc, char **argv);
int showing_bans(struct chatctl *c, int argc, char **argv);
int showing_log(struct chatctl *c, int argc, char **argv);
int showing_top(struct chatctl *c, int argc, char **argv);
int showing_metrics(struct chatctl *c, int argc, char **argv);
