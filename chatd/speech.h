/* Speech: lines and actions that a session sends to its room. */
#pragma once

#include "chat.h"

/* Takes a LINE. Returns TAKEN. */
enum outcome speech_line(struct chat *chat, const struct frame *f);

/* Takes an ACTION of `m`. */
void speech_action(struct chat *chat, struct member *m, const struct frame *f);

/* Returns a record of `m` with the number of `f`. */
struct record speech_record(const struct member *m, const struct frame *f, enum record_kind kind, struct slice text);

/* Adds a record of `m` for its room. The caller has checked that the batch has room. */
void speech_announce(struct chat *chat, struct member *m, const struct frame *f, enum record_kind kind,
                     struct slice text);
