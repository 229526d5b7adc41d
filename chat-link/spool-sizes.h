/* Sizes of the parts of a spool's file (spool.h, spool-ring.h). */
#pragma once

#include <chat/frame.h>

enum {
        SPOOL_KEPT_BYTES = 16384, /* at the head of the file for the spool's user, see spool_kept() */
        SPOOL_RING_MIN_BYTES = 4 * DATAGRAM_MAX_BYTES, /* so that the last entry stays when the next one needs room */
};
