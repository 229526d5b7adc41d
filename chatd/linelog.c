#include "linelog.h"

#include <chat/journal.h>
#include <chat/names.h>

#include "relay.h"

#define ID_LINE "d4c711c8a92940afaea2d281c9e93701"

_Static_assert(TEXT_MAX_BYTES + 3 * NAME_MAX_BYTES + NICK_MAX_BYTES + 256 <= JOURNAL_EVENT_MAX_BYTES,
               "a line has room, with its name twice and the other fields");

static void write_line(struct journal *log, const struct record *rec)
{
        struct journal_event e = {0};
        const char *format =
                rec->kind == RECORD_ACTION ? "MESSAGE=* %.*s %.*s" : "MESSAGE=%.*s: %.*s"; /* as it is shown */
        journal_field(&e, format, (int)rec->name.len, rec->name.at, (int)rec->text.len, rec->text.at);
        journal_describe(&e, LOG_INFO, ID_LINE, "line");
        journal_field(&e, "CHAT_NAME=%.*s", (int)rec->name.len, rec->name.at);
        journal_field(&e, "CHAT_ROOM=%.*s", rec->room.len > 0 ? (int)rec->room.len : (int)strlen(FIRST_ROOM),
                      rec->room.len > 0 ? rec->room.at : FIRST_ROOM);
        journal_field(&e, "CHAT_SESSION=%016" PRIx64, rec->id);
        journal_field(&e, "CHAT_NUMBER=%" PRIu64, rec->number);
        journal_write(log, &e);
}

void linelog_write(struct journal *log, const struct relay *batch)
{
        struct wire_reader records = wire_read(batch->buffer + FRAME_HEADER_BYTES, batch->size - FRAME_HEADER_BYTES);
        struct record rec;
        while (record_next(&records, &rec) > 0)
                if (rec.kind == RECORD_LINE || rec.kind == RECORD_ACTION)
                        write_line(log, &rec);
}
