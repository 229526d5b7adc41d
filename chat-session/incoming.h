/* The datagrams of chatd: what each brings about in a session. */
#pragma once

#include "session.h"

enum { ARRIVE_MS = 300 }; /* a newcomer who types nothing for so long after the greeting is announced all the same */

/* Takes one datagram, if there is one. */
void incoming_take(struct session *s);

/* Tells the client how many of its last lines were in a queue that is gone. Ends a line of which the client has only the
 * beginning. */
void incoming_tell_lost(struct session *s);
