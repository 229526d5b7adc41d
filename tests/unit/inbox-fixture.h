/* Sessions in one process: inboxes in a run directory, under ids that begin with this process's pid. The id is the
 * inbox's key as well. */
#pragma once

#include <sys/socket.h>

#include <chat/frame.h>
#include <chat/paths.h>

#include "rundir-fixture.h"

static inline uint64_t inbox_id(uint32_t n)
{
        return (uint64_t)getpid() << 32 | n;
}

static inline int inbox_bind(const char *dir, uint64_t id)
{
        struct sockaddr_un address;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(path_inbox(&address, dir, id), 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* What lies in an inbox, in words: "welcome", "join ann", "line ann hi", "leave ann", "goodbye", "missed 3",
 * "relayed 3", "rollcall", "refused"; separated by ", ". */
static inline const char *inbox_read(int fd)
{
        static char all[64 * 1024];
        static uint8_t buffer[DATAGRAM_MAX_BYTES];
        size_t len = 0;
        ssize_t n;
        all[0] = '\0';
        while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
                static const char *const names[] = {
                        [FRAME_WELCOME] = "welcome",
                        [FRAME_ROLLCALL] = "rollcall",
                        [FRAME_GOODBYE] = "goodbye",
                        [FRAME_REFUSED] = "refused",
                };
                static const char *const kinds[] = {
                        [RECORD_LINE] = "line", [RECORD_JOIN] = "join", [RECORD_LEAVE] = "leave"};
                struct frame f;
                struct record r;
                int decoded = frame_decode(&f, buffer, (size_t)n);
                assert_int_equal(decoded, 0);
                if (f.type == FRAME_MISSED && f.number == MISSED_UNKNOWN)
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%smissed some", len ? ", " : "");
                else if (f.type == FRAME_RELAYED)
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%srelayed %u", len ? ", " : "",
                                                (unsigned)f.number);
                else if (f.type == FRAME_MISSED)
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%smissed %u", len ? ", " : "",
                                                (unsigned)f.number);
                else if (f.type != FRAME_BATCH)
                        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", len ? ", " : "", names[f.type]);
                else
                        while (record_next(&f.records, &r) > 0)
                                len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s %.*s%s%.*s",
                                                        len ? ", " : "", kinds[r.kind], (int)r.name.len, r.name.at,
                                                        r.text.len ? " " : "", (int)r.text.len, r.text.at);
        }
        return all;
}
