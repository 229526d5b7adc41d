#include "looks.h"

#include <chat/display.h>

#include "../chat-irc/line.h"
#include "../chat-web/form.h"

_Static_assert(OUTLET_LOOKS == OUTLET_IRC + LINE_FLAGS, "there is a look for each form of a line");
_Static_assert(OUTLET_SERVER_BYTES == LINE_SERVER_MAX_BYTES + 1, "the name of a server fits");

void looks_server(char server[static OUTLET_SERVER_BYTES])
{
        line_server(server);
}

size_t looks_write(enum outlet_look look, const char *server, const struct record *r, uint64_t ms, char *out,
                   size_t size)
{
        size_t most = size < OUTLET_LINE_MAX_BYTES ? size : OUTLET_LINE_MAX_BYTES;
        if (look == OUTLET_TEXT)
                return display_bytes(r) <= most ? display_line(r, out) : 0;
        if (look == OUTLET_JSON || look == OUTLET_MESSAGE)
                return form_record(look == OUTLET_MESSAGE, r, ms, out, most);
        const struct line_form form = {.flags = look - OUTLET_IRC, .server = server};
        return line_record(&form, r, ms, out, most);
}
