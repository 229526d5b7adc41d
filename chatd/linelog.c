#include "linelog.h"

#include <chat/journal.h>
#include <chat/names.h>

#include "batch.h"

_Static_assert(TEXT_MAX_BYTES + 3 * NAME_MAX_BYTES + 2 * NICK_MAX_BYTES + 256 <= JOURNAL_EVENT_MAX_BYTES,
               "a line has room, with names and the other fields");

static void linelog_write_line(struct journal *log, const struct record *rec)
{
        struct journal_event e = {0};
        struct slice room = rec->room.len > 0 ? rec->room : slice_of(FIRST_ROOM);
        bool first = rec->room.len == 0, action = rec->kind == RECORD_ACTION;
        journal_field(&e, "MESSAGE=%s%.*s%s%s%.*s%s%.*s", first ? "" : "[", (int)rec->room.len, rec->room.at,
                      first ? "" : "] ", action ? "* " : "", (int)rec->name.len, rec->name.at, action ? " " : ": ",
                      (int)rec->text.len, rec->text.at);
        journal_describe(&e, LOG_INFO, EVENT_LINE);
        journal_field(&e, "CHAT_NAME=%.*s", (int)rec->name.len, rec->name.at);
        journal_field(&e, "CHAT_ROOM=%.*s", (int)room.len, room.at);
        journal_field(&e, "CHAT_SESSION=%016" PRIx64, rec->id);
        journal_field(&e, "CHAT_NUMBER=%" PRIu64, rec->number);
        journal_write(log, &e);
}

void linelog_write(struct journal *log, const struct batch *batch)
{
        struct wire_reader records = wire_read(batch->buffer + FRAME_HEADER_BYTES, batch->size - FRAME_HEADER_BYTES);
        struct record rec;
        while (record_next(&records, &rec) > 0)
                if (record_is_line(&rec))
                        linelog_write_line(log, &rec);
}
