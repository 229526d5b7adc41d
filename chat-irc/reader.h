/* Finds messages in the bytes that a client of IRC sends.
 *
 * A message ends with CR LF; LF or CR alone ends one, too. Empty lines and NUL are ignored. The tags and the rest of a
 * message have limits of their own (message.h). A rest that is too long is cut, between characters. A message whose tags
 * are too long is not a message, as the specification of tags says, and is reported.
 *
 * Memory is constant: however many bytes come without a line end, the reader keeps those of one message.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

enum reader_result {
        READER_MORE,          /* all bytes are taken, and no message is complete */
        READER_MESSAGE,       /* a message */
        READER_CUT,           /* a message that was too long, and was cut */
        READER_TAGS_TOO_LONG, /* a message that is dropped, because its tags were too long */
};

/* All zeros: nothing was read. */
struct reader {
        size_t len;       /* bytes of the message so far */
        size_t tags_len;  /* bytes of its tags, with "@" and a blank; counted on even if they are too long */
        bool is_cut;      /* bytes behind its tags were left out */
        bool is_complete; /* it was returned: the next byte begins another one */
        char line[IRC_CLIENT_TAGS_MAX_BYTES + IRC_LINE_MAX_BYTES - 2];
};

/* Takes bytes off `*bytes`, which has `*size` bytes, up to the end of a message. `*line` is the message without its
 * line end, if there is one, and is valid until the next call. */
enum reader_result reader_take(struct reader *r, const uint8_t **bytes, size_t *size, struct slice *line);
