#include "paste.h"

#include <stdio.h>
#include <string.h>

#include "terminal.h"

void paste_begin(struct paste *p, const uint8_t *bytes, size_t size)
{
        const uint8_t *end = memchr(bytes, '\n', size);
        *p = (struct paste){0};
        if (!end)
                end = memchr(bytes, '\r', size);
        p->is_paste = end && memchr(end + 1, *end, (size_t)(bytes + size - end - 1));
}

void paste_note_obeyed(struct paste *p, const char *name)
{
        static const char more[] = ", …";
        size_t len = strlen(p->names), end = strlen(more);
        p->count++;
        if (len >= end && strcmp(p->names + len - end, more) == 0)
                return;
        bool fits = len + strlen(", ") + strlen(name) + sizeof(more) <= sizeof(p->names);
        snprintf(p->names + len, sizeof(p->names) - len, "%s%s", fits && len > 0 ? ", " : "", fits ? name : more);
}

void paste_note_stayed(struct paste *p, const char *name)
{
        if (p->leave_command[0] == '\0')
                snprintf(p->leave_command, sizeof(p->leave_command), "%s", name);
}

void paste_tell(struct terminal *t, const struct paste *p)
{
        char text[96];
        if (!talk_is_open(t->session))
                return;
        if (p->count > 0) {
                snprintf(text, sizeof(text), "%zu pasted line%s obeyed as %s: %s", p->count,
                         p->count == 1 ? " was" : "s were", p->count == 1 ? "a command" : "commands", p->names);
                terminal_tell(t, text);
        }
        if (p->leave_command[0] != '\0') {
                snprintf(text, sizeof(text), "%s in the middle of a paste does not end the session; type it to leave",
                         p->leave_command);
                terminal_tell(t, text);
        }
}
