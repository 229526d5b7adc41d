#include "keys.h"

#include "editing.h"
#include "terminal.h"

enum {
        KEY_MAX_BYTES = 8, /* of a character, or of the sequence that a key sends */
        READS_TOLD = 4,    /* this many reads of one key show that a client sends keys, not lines */
};

/* Returns true if the read was exactly one line with its end. */
static bool keys_is_whole_line(const uint8_t *bytes, size_t n)
{
        size_t len = n;
        while (len > 0 && (bytes[len - 1] == '\r' || bytes[len - 1] == '\n' || bytes[len - 1] == '\0'))
                len--;
        return len > 1 && len < n;
}

/* Counts reads of a key or two that add to the line: they show that the client sends keys. A whole line in one read
 * shows that the client edits lines itself. */
void keys_watch(struct terminal *t, const struct keys_read *read)
{
        struct keys *keys = &t->input.keys;
        bool whole = read->old_len == 0 && read->new_len == 0 && keys_is_whole_line(read->bytes, read->size);
        bool sent_keys = keys->reads > 0;
        if (whole)
                keys->reads = 0;
        else if (read->new_len != read->old_len && read->size <= KEY_MAX_BYTES && keys->reads < READS_TOLD)
                keys->reads++;
        keys->knows |= read->is_edited; /* the user knows editing, and may have turned it off */
        if (read->is_edited && t->edits && whole && !sent_keys && !t->telnet.yields) {
                editing_refuse(t, "your client sends whole lines, and shows them itself");
        } else if (keys->reads == READS_TOLD && !keys->knows && !t->edits && talk_is_open(t->session) &&
                   t->options->editing != EDITING_OFF) {
                keys->knows = true;
                terminal_tell(t, "Your client sends each key as you press it: /edit on shows what you type.");
        }
}
