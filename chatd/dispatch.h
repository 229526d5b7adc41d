/* Hands each frame to its handler: the table of the handlers, and the check that the sender may send the frame. */
#pragma once

#include <stddef.h>

struct chat;

/* Takes the first of the `left` frames in the window into the batch, which must be empty. Returns how many fit: at
 * least one. */
size_t dispatch_frames(struct chat *chat, size_t left);
