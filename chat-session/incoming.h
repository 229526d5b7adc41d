/* Takes the datagrams of chatd. Each thing that chatd says goes to the kind of client once, however often a restarted
 * chatd says it. */
#pragma once

struct session;

/* Takes one datagram, if there is one. */
void incoming_take(struct session *s);

/* Tells the client how many of its last lines were in a queue that is gone. First ends a line whose rest will not
 * come. */
void incoming_tell_lost(struct session *s);
