/* The chat's names as nicks of IRC, and back.
 *
 * | chat                   | IRC                    |                                                        |
 * |------------------------|------------------------|--------------------------------------------------------|
 * | ann                    | ann                    |                                                        |
 * | ann@b                  | ann/b                  | ann on the host b. "@" would end the nick              |
 * | 192.0.2.7:4711         | guest-192.0.2.7-4711   | a member without a name. A nick begins with a letter   |
 * | [2001:db8::7]:4711     | guest-2001:db8::7-4711 |                                                        |
 * | guest-192.0.2.7-4711   | guest-192.0.2.7-4711~  | a name that was chosen. Nobody can choose one with "~" |
 * | pid=7,uid=1000         | pid\3d7\2cuid\3d1000   | a character that IRC does not allow is its number      |
 *
 * Each name has a nick of its own, so a nick stands for one name. The room den is the channel #den.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <chat/frame.h>

enum { IRC_NICK_MAX_BYTES = 3 * NAME_MAX_BYTES + 1 }; /* with the NUL */

/* Writes the nick for a name, which has at most NAME_MAX_BYTES, and a NUL. Returns its size. */
size_t nick_of_name(struct slice name, char nick[static IRC_NICK_MAX_BYTES]);

/* Writes the name for a nick, and a NUL. Returns false if the nick is too long for a name. */
bool nick_to_name(struct slice nick, char name[static NAME_MAX_BYTES + 1]);

/* Returns true if `channel` stands for a room that can exist, and sets `*room`, which lies in `channel`. */
bool nick_channel_to_room(struct slice channel, struct slice *room);
