/* Speech: lines and actions that a session sends to its room. */
#pragma once

#include "chat.h"

/* Takes a LINE or ROOM_LINE. Returns TAKEN. */
enum outcome speech_line(struct chat *chat, const struct frame *f);

/* Takes an ACTION or ROOM_ACTION of `m`. */
void speech_action(struct chat *chat, struct member *m, const struct frame *f);

/* Returns a record of `m` with the number and style of `f`. */
struct record speech_record(const struct member *m, const struct frame *f, enum record_kind kind, struct slice text);

/* Makes the text of a record safe for all clients. Drops formatting that is not of this text. Returns false, and counts
 * the frame as ignored, if the text is unclean, or is CTCP that may not be sent. */
bool speech_take_text(struct chat *chat, struct record *rec);

/* Returns the seat of `m` in the room that `f` is for: the room of this name, or the only room of a member that does not
 * roam. Returns NULL if `m` is not there: then tells it so, or counts the frame as ignored if it names no room. */
struct seat *speech_find_seat(struct chat *chat, struct member *m, const struct frame *f);

/* Adds a record of `m` for `room`. The caller has checked that the batch has room. */
void speech_announce(struct chat *chat, struct member *m, struct room *room, const struct frame *f,
                     enum record_kind kind, struct slice text);
