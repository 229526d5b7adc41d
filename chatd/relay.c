#include "relay.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chat/clock.h>
#include <chat/socket.h>

void relay_begin(struct relay *r, const struct roster *roster)
{
        struct frame header = {.type = FRAME_BATCH, .id = r->epoch};
        r->size = frame_encode(r->buffer, sizeof(r->buffer), &header);
        r->count = 0;
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                m->relayed = m->lines_in;
                m->from = (uint32_t)r->size;
                m->to = UINT32_MAX;
                m->own_first = m->own_last = m->own_count = 0;
        }
}

bool relay_has_room_for(const struct relay *r, size_t records, size_t bytes)
{
        return BATCH_MAX_RECORDS - r->count >= records && sizeof(r->buffer) - r->size >= bytes;
}

int relay_add_notice(struct relay *r, const struct record *rec)
{
        if (!relay_has_room_for(r, 1, 0))
                return -ENOBUFS;
        size_t len = record_encode(r->buffer + r->size, sizeof(r->buffer) - r->size, rec);
        if (len == 0)
                return -ENOBUFS;
        struct relay_record *record = &r->records[r->count];
        *record = (struct relay_record){.at = (uint32_t)r->size, .len = (uint32_t)len};
        r->size += len;
        r->count++;
        return 0;
}

int relay_add(struct relay *r, struct member *from, const struct record *rec)
{
        int error = relay_add_notice(r, rec);
        if (error < 0)
                return error;
        if (from->own_last > 0)
                r->records[from->own_last - 1].next_own = (uint32_t)r->count;
        else
                from->own_first = (uint32_t)r->count;
        from->own_last = (uint32_t)r->count;
        from->own_count++;
        return 0;
}

void relay_joins(const struct relay *r, struct member *m)
{
        m->from = (uint32_t)r->size;
        m->to = UINT32_MAX;
}

void relay_leaves(const struct relay *r, struct member *m)
{
        m->to = (uint32_t)r->size;
}

/* What of the batch `m` gets: the header, then the stretches between its own records. Returns how many pieces. */
static size_t gather(struct relay *r, const struct member *m, struct iovec iov[static BATCH_MAX_RECORDS + 2])
{
        size_t n = 0, at = m->from, end = m->to < r->size ? m->to : r->size;
        iov[n++] = (struct iovec){r->buffer, FRAME_HEADER_BYTES};
        for (uint32_t own = m->own_first; own > 0 && at < end; own = r->records[own - 1].next_own) {
                const struct relay_record *skip = &r->records[own - 1];
                if (skip->at < at)
                        continue;
                if (skip->at > at)
                        iov[n++] = (struct iovec){r->buffer + at, (skip->at < end ? skip->at : end) - at};
                at = skip->at + skip->len;
        }
        if (at < end)
                iov[n++] = (struct iovec){r->buffer + at, end - at};
        return n;
}

/* How many records that is. */
static size_t records_for(const struct relay *r, const struct member *m)
{
        size_t n = 0;
        if (m->from == FRAME_HEADER_BYTES && m->to == UINT32_MAX)
                return r->count - m->own_count;
        for (size_t i = 0; i < r->count; i++)
                n += r->records[i].at >= m->from && r->records[i].at < m->to;
        for (uint32_t own = m->own_first; own > 0; own = r->records[own - 1].next_own)
                n -= r->records[own - 1].at >= m->from && r->records[own - 1].at < m->to;
        return n;
}

static void begin_to_lag(const struct relay *r, const struct roster *roster, struct member *m, int64_t now)
{
        roster_note_lag(roster, m->id);
        m->lagging = true;
        m->lagged_ms = now;
        m->missed = records_for(r, m);
}

/* Returns 1 when `m` has its part of the batch (or none, or has no inbox any more), 0 when its inbox is full, or the
 * kernel will not send for another reason. */
static int send_to(struct relay *r, const struct roster *roster, struct member *m)
{
        struct iovec iov[BATCH_MAX_RECORDS + 2];
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = gather(r, m, iov)};
        if (msg.msg_iovlen == 1)
                return 1;
        frame_set_number(r->buffer, m->relayed);
        if (sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
                m->told = m->relayed;
                m->lines_out += records_for(r, m);
                return 1;
        }
        m->dead = errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE;
        if (m->dead && m->id == LINK_ID) /* it will have another one */
                begin_to_lag(r, roster, m, clock_ms());
        return m->dead;
}

static bool is_receiver(const struct member *m)
{
        return m->id == LINK_ID || (m->fd >= 0 && !m->dead && !m->expected);
}

static bool is_on_probation(const struct member *m, int64_t now)
{
        return m->lagged_ms != 0 && now - m->lagged_ms < m->probation_ms;
}

static int64_t next_probation(const struct member *m, int64_t now)
{
        if (m->probation_ms == 0 || now - m->lagged_ms >= RELAY_FORGIVEN_MS)
                return RELAY_PROBATION_MIN_MS;
        return clock_earlier(2 * m->probation_ms, RELAY_PROBATION_MAX_MS);
}

/* How many ms of patience there are. */
static int64_t patience(const struct relay *r, int64_t now)
{
        int64_t missing = r->patient_ms > now ? (r->patient_ms - now) / RELAY_PATIENCE_SHARE : 0;
        return missing < RELAY_PATIENCE_MS - RELAY_FREE_MS ? RELAY_PATIENCE_MS - missing : RELAY_FREE_MS;
}

static void spend_patience(struct relay *r, int64_t ms, int64_t now)
{
        r->patient_ms = (r->patient_ms > now ? r->patient_ms : now) + ms * RELAY_PATIENCE_SHARE;
}

/* Waits for the `n` members whose inbox was full, and sends them the batch as they get room. Those left lag. */
static void wait_for(struct relay *r, const struct roster *roster, struct member **full, size_t n)
{
        struct pollfd *fds = calloc(n, sizeof(*fds));
        int64_t begin = clock_ms(), now = begin, deadline = begin + patience(r, begin);

        while (fds && n > 0 && now < deadline) {
                for (size_t i = 0; i < n; i++)
                        fds[i] = (struct pollfd){.fd = full[i]->fd, .events = POLLOUT};
                if (poll(fds, n, (int)(deadline - now)) > 0)
                        for (size_t i = n; i-- > 0;)
                                if (fds[i].revents && send_to(r, roster, full[i]))
                                        full[i] = full[--n];
                now = clock_ms();
        }
        for (size_t i = 0; i < n; i++) {
                full[i]->probation_ms = next_probation(full[i], begin);
                begin_to_lag(r, roster, full[i], now);
        }
        if (now - begin > RELAY_FREE_MS)
                spend_patience(r, now - begin - RELAY_FREE_MS, now);
        free(fds);
}

void relay_send(struct relay *r, struct roster *roster)
{
        struct member **full = NULL;
        size_t n = 0;

        if (r->count == 0)
                return;
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                if (!is_receiver(m))
                        continue;
                if (m->lagging) {
                        if (m->missed != MISSED_UNKNOWN)
                                m->missed += records_for(r, m);
                        continue;
                }
                if (send_to(r, roster, m))
                        continue;
                if (!full)
                        full = calloc(roster->count, sizeof(struct member *));
                int64_t now = clock_ms();
                if (!full || is_on_probation(m, now))
                        begin_to_lag(r, roster, m, now);
                else
                        full[n++] = m;
        }
        if (n > 0)
                wait_for(r, roster, full, n);
        free(full);
}

void relay_resume(const struct relay *r, const struct roster *roster, struct member *m)
{
        struct frame missed = {.type = FRAME_MISSED, .id = r->epoch, .number = m->missed};
        int error = m->missed > 0 ? roster_send(m, &missed) : 0;
        if (socket_is_transient(-error))
                return;
        m->dead |= error < 0;
        if (m->dead && m->id == LINK_ID)
                return;
        m->lagging = false;
        m->lagged_ms = clock_ms();
        m->missed = 0;
        roster_remove_lag(roster, m->id);
}

bool relay_confirm(const struct relay *r, struct member *m)
{
        struct frame relayed = {.type = FRAME_RELAYED, .id = r->epoch, .number = m->lines_in};
        if (m->told < m->lines_in && !m->lagging && roster_send(m, &relayed) == 0)
                m->told = m->lines_in;
        return m->told == m->lines_in;
}
