/* The datagrams of chatd: what each brings about in a session. Each thing that chatd says goes to the kind of client
 * once, however often a restarted chatd says it. */
#pragma once

struct session;

/* Takes one datagram, if there is one. */
void incoming_take(struct session *s);

/* Tells the client how many of its last lines were in a queue that is gone. Ends a line of which the client has only
 * the beginning. */
void incoming_tell_lost(struct session *s);
