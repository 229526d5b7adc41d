/* The delivery of one message of another host to chatd: the records that are missing before it, then its own. */
#pragma once

#include <stdbool.h>

#include <chat/wire.h>

#include "hosts.h"

struct link;
struct network_message;

/* Begins with `m`, whose first record has the number in `is`: `is.count` records of the host, and before them those that
 * are missing. Owns `m` from then on. */
void deliver_begin(struct link *l, struct network_message *m, struct hosts_message is, struct wire_reader records);

/* Continues with the message. Returns false if it cannot be finished now. */
bool deliver_go_on(struct link *l);

/* Drops the message. */
void deliver_drop(struct link *l);
