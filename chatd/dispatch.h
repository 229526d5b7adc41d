/* Hands each frame to its handler: the table of what each type of frame does, and which sender may send it. */
#pragma once

#include <stddef.h>

struct chat;

/* Takes the first frames in the window, of which there are `left`, into the batch, which is empty. Returns how many
 * fit: at least one. */
size_t dispatch_frames(struct chat *chat, size_t left);
