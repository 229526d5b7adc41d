/* The delivery of one message of another host to chatd: the records that are missing before it, then its own. */
#pragma once

#include <stdbool.h>

#include <chat/wire.h>

#include "hosts.h"

struct link;
struct network_message;

/* Begins to deliver `m`, and owns it from then on. First come the records that are missing before it, then its own,
 * which `is` describes: `is.count` records, the first with the number `is.number`. */
void deliver_begin(struct link *l, struct network_message *m, struct hosts_message is, struct wire_reader records);

/* Continues to deliver the message. Returns false if that must wait. */
bool deliver_go_on(struct link *l);

/* Drops the message. */
void deliver_drop(struct link *l);
