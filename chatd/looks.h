/* How lines look on lent connections: enum outlet_look has the looks, and a kind of client states which it wants. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <chat/outlet.h>

/* Writes the name of the server in lines of IRC: that of this host. */
void looks_server(char server[static OUTLET_SERVER_BYTES]);

/* Writes a record that is shown, as it looks to a client. `ms` is the time that may stand in it, since 1970. Returns
 * its size. Returns 0 if it does not fit, is longer than OUTLET_LINE_MAX_BYTES, or is not the same for all clients. */
size_t looks_write(enum outlet_look look, const char *server, const struct record *r, uint64_t ms, char *out,
                   size_t size);
