/* The names of guests, which are members whose addresses must not be shown (Addresses=hidden, chat.conf(5)). A name is
 * "guest-" and a word for the guest's network (address.h). The word comes from a keyed hash. So a network has the same
 * word each time, and nobody can find an address by trying all addresses. If a member has the name already, the roster
 * appends a number, as it does with other names: "guest-tolabine~2" is a second connection of the network. In rare
 * cases it is one of another network with the same word.
 *
 * The key is in a file of the state directory, with a checksum behind it. A new key is made if the file is missing or
 * damaged. Then all guests have other words.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <chat/wire.h>

#include "address.h"

#define GUESTS_KEY_NAME "guests.key"
#define GUESTS_PREFIX "guest-"

enum {
        GUESTS_KEY_BYTES = 16,
        GUESTS_FILE_BYTES = GUESTS_KEY_BYTES + 8,
        GUESTS_SYLLABLES = 4,
        GUESTS_NAME_BYTES = sizeof(GUESTS_PREFIX) - 1 + 2 * GUESTS_SYLLABLES,
};

struct guests {
        char path[PATH_MAX]; /* the path of the file */
        bool has_key;
        uint8_t key[GUESTS_KEY_BYTES];
};

/* Sets the directory `dir` of the key. guests_open() reads or makes the key. */
void guests_init(struct guests *g, const char *dir);

/* Reads the key, or makes one. Returns 0; 1 if the new key replaces a damaged one; or a negative errno: then the key is
 * valid only until this chatd ends. Blocks while the file is written. */
int guests_open(struct guests *g);

/* Writes the name of a guest from this network. There must be a key. */
void guests_name(const struct guests *g, const struct network *n, char name[static GUESTS_NAME_BYTES + 1]);

/* Returns true for names that only chatd may give. */
bool guests_is_name(struct slice name);
