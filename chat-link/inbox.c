#include "inbox.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include <chat/safe-text.h>
#include <chat/socket.h>

static void inbox_remember(void *user, const struct record *rec)
{
        struct inbox *in = user;
        in->gap_notice.is_last = rec->kind == RECORD_MISSED;
        in->gap_notice.epoch = rec->id;
        in->gap_notice.lines = rec->number;
        if (!in->gap_notice.is_last)
                seen_before(&in->seen, rec->id, record_key(rec));
}

int inbox_init(struct inbox *in, int fd, struct spool *spool)
{
        int on = 1;
        in->fd = fd;
        in->spool = spool;
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
                return -errno;
        spool_walk(spool, inbox_remember, in);
        /* No chatd has the epoch 1, so the first datagram begins another epoch, and its records are compared. */
        seen_epoch(&in->seen, 1);
        return 0;
}

/* Reads the datagram at the head without removing it. Returns its size, or -1 if there is none. */
static ssize_t inbox_peek(struct inbox *in, uid_t broker, bool *heard)
{
        struct credentials_room control;
        struct ucred cred;
        struct iovec iov = {.iov_base = in->datagram, .iov_len = sizeof(in->datagram)};
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(in->fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        *heard = n > 0 && !(msg.msg_flags & MSG_TRUNC) && socket_credentials(&msg, &cred) && cred.uid == broker;
        return n;
}

static void inbox_consume(struct inbox *in)
{
        in->gap_notice.is_last = false;
        recv(in->fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC);
}

/* Returns true if the record goes to other hosts. Unknown kinds stay here, as they may be meant for this host alone. */
static bool inbox_is_for_others(const struct record *rec)
{
        return (record_is_of_person(rec) || rec->kind == RECORD_STYLE || rec->kind == RECORD_PRIVATE ||
                rec->kind == RECORD_CTCP || rec->kind == RECORD_ASK || rec->kind == RECORD_REPLY) &&
               rec->id != LINK_ID;
}

static void inbox_count_members(struct inbox *in, const struct record *rec)
{
        if (rec->kind == RECORD_JOIN)
                in->members++;
        else if (rec->kind == RECORD_LEAVE && rec->id != in->left && in->members > 0)
                in->members--;
        in->left = rec->kind == RECORD_LEAVE ? rec->id : 0; /* a LEAVE for each room of the member may follow */
}

/* Collects the records of a batch that are new. Returns their size. */
static size_t inbox_gather(struct inbox *in, const struct frame *f, struct seen *seen, uint32_t *count)
{
        struct wire_reader r = f->records;
        struct record rec;
        size_t size = 0;
        *count = 0;
        while (record_next(&r, &rec) > 0) {
                if (seen_before(seen, rec.id, record_key(&rec)) || !inbox_is_for_others(&rec))
                        continue;
                size_t n = record_encode(in->records + size, sizeof(in->records) - size, &rec);
                size += n;
                *count += n > 0;
        }
        return size;
}

static bool inbox_store(struct inbox *in, const struct frame *f)
{
        struct seen seen = in->seen; /* a copy, which is dropped if the spool is full */
        uint32_t count;
        size_t size = inbox_gather(in, f, &seen, &count);
        if (count > 0 && spool_append(in->spool, in->records, size, count) < 0)
                return false;
        in->seen = seen;
        struct wire_reader r = wire_read(in->records, size);
        struct record rec;
        while (record_next(&r, &rec) > 0)
                inbox_count_members(in, &rec);
        in->records_bytes = size;
        return true;
}

static bool inbox_store_missed(struct inbox *in, uint64_t epoch, uint64_t lines)
{
        struct record rec = {.kind = RECORD_MISSED, .id = epoch, .number = lines, .name = {"", 0}, .text = {"", 0}};
        size_t size = record_encode(in->records, sizeof(in->records), &rec);
        return spool_append(in->spool, in->records, size, 1) == 0;
}

/* Stores a notice of missing lines, unless it is stored already. Only the first notice after the start is compared with
 * the spool, because two notices can be equal. Returns false if the spool is full. */
static bool inbox_note_missed(struct inbox *in, const struct frame *f)
{
        if (in->gap_notice.is_last && in->gap_notice.epoch == f->id && in->gap_notice.lines == f->number)
                return true;
        return inbox_store_missed(in, f->id, f->number);
}

bool inbox_note_missing(struct inbox *in, uint64_t lines)
{
        return inbox_store_missed(in, 0, lines);
}

static enum inbox_event inbox_take_frame(struct inbox *in, const struct frame *f)
{
        if (seen_epoch(&in->seen, f->id))
                in->has_members = false; /* the chatd is another one, and its roll call may have found no room */
        switch (f->type) {
        case FRAME_BATCH:
                return inbox_store(in, f) ? INBOX_TAKEN : INBOX_FULL;
        case FRAME_MISSED:
                in->has_members = false; /* the missed lines include joins and leaves */
                return inbox_note_missed(in, f) ? INBOX_TAKEN : INBOX_FULL;
        case FRAME_WELCOME:
                in->has_members = true;
                in->members = f->members;
                in->number = f->number;
                return INBOX_WELCOME;
        case FRAME_ROLLCALL:
                return INBOX_ROLLCALL;
        case FRAME_REFUSED:
                if (text_is_clean(f->text.at, f->text.len))
                        snprintf(in->reason, sizeof(in->reason), "%.*s", (int)f->text.len, f->text.at);
                return INBOX_REFUSED;
        default: /* not for links, or of a later version */
                return INBOX_TAKEN;
        }
}

enum inbox_event inbox_take(struct inbox *in, uid_t broker)
{
        struct frame f;
        bool heard;
        in->records_bytes = 0;
        ssize_t n = inbox_peek(in, broker, &heard);
        if (n < 0)
                return INBOX_NOTHING;
        enum inbox_event event = INBOX_TAKEN;
        if (!heard || frame_decode(&f, in->datagram, (size_t)n) < 0)
                in->ignored_count++;
        else
                event = inbox_take_frame(in, &f);
        if (event != INBOX_FULL)
                inbox_consume(in);
        return event;
}
