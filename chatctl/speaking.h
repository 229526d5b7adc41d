/* The commands whose text everybody sees: notices, and topics of rooms. */
#pragma once

struct chatctl;

/* Each does a command. `argv` has its words, beginning with its name, and ends with NULL. Returns an exit status. */
int speaking_say(struct chatctl *c, int argc, char **argv);
int speaking_topic(struct chatctl *c, int argc, char **argv);
