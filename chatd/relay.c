#include "relay.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <chat/clock.h>
#include <chat/display.h>
#include <chat/socket.h>

#include "notes.h"
#include "reach.h"

enum { CATCH_UP_POLL_NS = 100 * 1000 };

void relay_begin(struct relay *r, const struct roster *roster)
{
        struct frame header = {.type = FRAME_BATCH, .id = r->epoch};
        r->size = frame_encode(r->buffer, sizeof(r->buffer), &header);
        r->text_size = r->count = 0;
        r->moves_count = 0;
        r->mixed = r->tells = false;
        if (r->lent.shared) /* the previous batch was consumed: its records are not needed any more */
                atomic_store(&r->lent.shared->number, 0);
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                m->relayed = m->lines_in;
                m->from = 0;
                m->to = UINT32_MAX;
                m->own_first = m->own_last = m->own_count = 0;
                m->move_first = m->move_last = 0;
                m->by_datagram = false;
                if (!m->lagging) /* it was dead */
                        letters_clear(&m->letters);
        }
}

/* Drops letters of a lagging member beyond the limit, and counts them as missed. */
static void trim_letters(struct member *m)
{
        size_t dropped = letters_trim(&m->letters, RELAY_LETTERS_MAX_BYTES);
        if (m->missed != MISSED_UNKNOWN)
                m->missed += dropped;
}

bool relay_has_room_for(const struct relay *r, size_t records, size_t bytes)
{
        return BATCH_MAX_RECORDS - r->count >= records && sizeof(r->buffer) - r->size >= bytes;
}

/* Appends the record in the form that clients get. */
static void add_text(struct relay *r, struct relay_record *record, const struct record *rec)
{
        struct slice parts[DISPLAY_PARTS_MAX];
        char *at = r->text + r->text_size;
        bool all = record->to == NULL;
        size_t n = all ? display_parts(rec, parts) : 0, len = n > 0 ? (size_t)(display_write(at, parts, n) - at) : 0;
        record->place[RELAY_TEXT].at = (uint32_t)r->text_size;
        record->place[RELAY_TEXT].len = (uint32_t)len;
        r->lent.shared->records[r->count] = (struct outlet_record){
                rec->id, rec->number, all ? (uint32_t)len : OUTLET_PRIVATE, record->room ? record->room->number : 0};
        r->text_size += len;
}

/* Returns the name of a room in a record. The first room has none: sessions from before there were rooms know no other
 * form. */
static struct slice name_of(const struct room *room)
{
        return room && room->number > 1 ? slice_of(room->name) : (struct slice){"", 0};
}

/* Appends a record. `who` contains its sender and its receivers. Returns the same as relay_add(). */
static int add(struct relay *r, struct relay_record who, struct record rec)
{
        if (!relay_has_room_for(r, 1, 0))
                return -ENOBUFS;
        rec.room = name_of(who.room);
        size_t len = record_encode(r->buffer + r->size, sizeof(r->buffer) - r->size, &rec);
        if (len == 0)
                return -ENOBUFS;
        struct relay_record *record = &r->records[r->count];
        *record = who;
        record->place[RELAY_DATAGRAM].at = (uint32_t)r->size;
        record->place[RELAY_DATAGRAM].len = (uint32_t)len;
        if (r->lent.shared)
                add_text(r, record, &rec);
        if (r->count == 0)
                r->room = who.room;
        r->mixed |= who.to || who.room != r->room;
        r->size += len;
        r->count++;
        return 0;
}

int relay_add_notice(struct relay *r, const struct room *room, const struct record *rec)
{
        return add(r, (struct relay_record){.room = room}, *rec);
}

int relay_add_here(struct relay *r, const struct member *link, const struct room *room, const struct record *rec)
{
        r->mixed = true;
        return add(r, (struct relay_record){.from = link, .room = room}, *rec);
}

int relay_add_private(struct relay *r, struct member *from, struct member *to, const struct record *rec)
{
        to->by_datagram = true;
        return add(r, (struct relay_record){.from = from, .to = to}, *rec);
}

int relay_add(struct relay *r, struct member *from, const struct room *room, const struct record *rec)
{
        int error = add(r, (struct relay_record){.from = from, .room = room}, *rec);
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

int relay_tell(struct relay *r, struct member *to, const struct frame *f)
{
        return relay_tell_records(r, to, f, NULL, 0);
}

int relay_tell_records(struct relay *r, struct member *to, const struct frame *f, const uint8_t *records, size_t size)
{
        int error = letters_add(&to->letters, (uint32_t)r->count, f, records, size);
        if (error < 0)
                return error;
        to->by_datagram = true;
        r->tells = true;
        if (to->lagging)
                trim_letters(to);
        return 0;
}

void relay_joins(const struct relay *r, struct member *m)
{
        m->from = (uint32_t)r->count;
        m->to = UINT32_MAX;
}

void relay_leaves(const struct relay *r, struct member *m)
{
        m->to = (uint32_t)r->count;
}

void relay_moves(struct relay *r, struct member *m)
{
        uint32_t move = (uint32_t)++r->moves_count;
        r->moves[move - 1] = (struct relay_move){.left = m->room, .at = (uint32_t)r->count};
        *(m->move_last > 0 ? &r->moves[m->move_last - 1].next : &m->move_first) = move;
        m->move_last = move;
        m->by_datagram = true;
        r->mixed = true;
}

/* Returns the index behind the last record that `m` gets. */
static uint32_t end_for(const struct relay *r, const struct member *m)
{
        return m->to < r->count ? m->to : (uint32_t)r->count;
}

/* Adds records `from` to before `to`, one at least, to the pieces. */
static void add_stretch(struct relay *r, enum relay_form form, uint32_t from, uint32_t to, struct iovec *piece)
{
        uint8_t *buffer = form == RELAY_TEXT ? (uint8_t *)r->text : r->buffer;
        uint32_t at = r->records[from].place[form].at;
        *piece = (struct iovec){buffer + at,
                                r->records[to - 1].place[form].at + r->records[to - 1].place[form].len - at};
}

/* Returns true if a member `at` this room may get a record for `room`. The link is in all rooms. */
static bool hears(const struct room *at, const struct room *room)
{
        return !room || !at || room == at;
}

/* Returns the room of `m` at the time of this record. */
static const struct room *room_at(const struct relay *r, const struct member *m, uint32_t i)
{
        for (uint32_t move = m->move_first; move > 0; move = r->moves[move - 1].next)
                if (i < r->moves[move - 1].at)
                        return r->moves[move - 1].left;
        return m->room;
}

/* Returns true if `m` gets this record, which is between its first and its last. */
static bool is_for(const struct relay *r, const struct member *m, uint32_t i)
{
        const struct relay_record *record = &r->records[i];
        return record->from != m && (record->to ? record->to == m : hears(room_at(r, m, i), record->room));
}

/* Finds the next stretch of records for `m`, from `*from` on to before `*to`; both begin as the place to search from.
 * Returns false if there is none. `*own` is the next one of its own records. */
static bool next_stretch(const struct relay *r, const struct member *m, uint32_t *from, uint32_t *to, uint32_t *own)
{
        uint32_t at = *to, end = end_for(r, m);
        if (r->mixed) {
                while (at < end && !is_for(r, m, at))
                        at++;
                *from = at;
                while (at < end && is_for(r, m, at))
                        at++;
                *to = at;
                return *from < at;
        }
        for (; *own > 0 && *own - 1 <= at; *own = r->records[*own - 1].next_own)
                at += *own - 1 == at;
        *from = at;
        *to = *own > 0 && *own - 1 < end ? *own - 1 : end;
        return at < end && hears(m->room, r->room);
}

/* Collects the part of the batch that `m` gets: the stretches between records that are not for it. Returns how many
 * pieces. */
static size_t gather(struct relay *r, const struct member *m, enum relay_form form,
                     struct iovec iov[static BATCH_MAX_RECORDS + 1])
{
        size_t n = 0;
        for (uint32_t own = m->own_first, from, to = m->from; next_stretch(r, m, &from, &to, &own);)
                add_stretch(r, form, from, to, &iov[n++]);
        return n;
}

/* Returns how many records `m` gets. */
static size_t records_for(const struct relay *r, const struct member *m)
{
        size_t n = 0;
        if (!r->mixed && m->from == 0 && m->to >= r->count)
                return hears(m->room, r->room) ? r->count - m->own_count : 0;
        for (uint32_t own = m->own_first, from, to = m->from; next_stretch(r, m, &from, &to, &own);)
                n += to - from;
        return n;
}

static void count_delivered(struct relay *r, struct member *m, size_t records)
{
        m->lines_out += records;
        r->delivered += m->id == LINK_ID ? 0 : records;
}

static void count_missed(struct relay *r, struct member *m, size_t records)
{
        if (m->missed != MISSED_UNKNOWN)
                m->missed += records;
        r->missed += m->id == LINK_ID ? 0 : records;
}

static void begin_to_lag(struct relay *r, const struct roster *roster, struct member *m, int64_t now)
{
        note_lag(roster->dir, m->id);
        m->lagging = true;
        m->lagged_ms = now;
        m->missed = 0;
        count_missed(r, m, records_for(r, m));
        trim_letters(m);
}

/* Writes to the client of `m` itself. Returns true if the client has everything (or nothing of the batch is for it). */
static bool write_to(struct relay *r, struct member *m)
{
        struct iovec iov[BATCH_MAX_RECORDS + 1];
        struct lent_text text = {
                .pieces = iov,
                .n = gather(r, m, RELAY_TEXT, iov),
                .number = r->batches,
                .from = m->from,
                .to = end_for(r, m),
                .lines = records_for(r, m),
                .room = m->room->number,
        };
        for (size_t i = 0; i < text.n; i++)
                text.bytes += iov[i].iov_len;
        if (text.n == 0)
                return true;
        if (!lent_write(&m->lent, &text, m->relayed))
                return false;
        m->told = m->relayed;
        count_delivered(r, m, (size_t)text.lines);
        r->wrote = true;
        return true;
}

/* Takes the kernel's result of sending to `m`. Returns the same as send_to(). */
static int take_result(struct relay *r, const struct roster *roster, struct member *m, ssize_t sent)
{
        if (sent >= 0) {
                lent_sent(&m->lent);
                return 1;
        }
        m->dead = errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE;
        if (m->dead && m->id == LINK_ID) /* the link will have another inbox */
                begin_to_lag(r, roster, m, clock_ms());
        return m->dead;
}

/* Sends the records from the next one that `m` gets to the last one. Returns the same as send_to(). */
static int send_records(struct relay *r, const struct roster *roster, struct member *m)
{
        struct iovec iov[BATCH_MAX_RECORDS + 2] = {{r->buffer, FRAME_HEADER_BYTES}};
        struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 1 + gather(r, m, RELAY_DATAGRAM, iov + 1)};
        if (msg.msg_iovlen == 1)
                return 1;
        frame_set_number(r->buffer, m->relayed);
        int taken = take_result(r, roster, m, sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT));
        if (taken && !m->dead) {
                m->lent.due = true;
                m->told = m->relayed;
                count_delivered(r, m, records_for(r, m));
        }
        return taken;
}

static ssize_t send_letter(const struct member *m, const struct letter *letter)
{
        struct iovec iov = {(void *)letter->bytes, letter->size};
        const struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        return sendmsg(m->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Sends the records that `m` gets before the one of index `at`, and notes that it has them. Returns the same as
 * send_to(). */
static int send_records_before(struct relay *r, const struct roster *roster, struct member *m, uint32_t at)
{
        uint32_t to = m->to;
        if (at <= m->from)
                return 1;
        m->to = at < to ? at : to;
        int sent = send_records(r, roster, m);
        m->to = to;
        if (sent)
                m->from = at;
        return sent;
}

/* Sends `m` its part of the batch. Returns 1 when `m` has it (or gets none, or has no inbox any more), 0 when its inbox
 * is full, or the kernel does not send for another reason: then the next call continues from there. */
static int send_to(struct relay *r, const struct roster *roster, struct member *m)
{
        const struct letter *letter;
        while ((letter = m->letters.first)) {
                if (!send_records_before(r, roster, m, letter->at))
                        return 0;
                if (m->dead)
                        return 1;
                if (!take_result(r, roster, m, send_letter(m, letter)))
                        return 0;
                letters_drop_first(&m->letters);
        }
        return send_records(r, roster, m);
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

/* Returns how many ms of patience are left. */
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

/* Members whose inbox was full. */
struct full {
        struct member **members; /* NULL: none yet */
        size_t count;
};

/* Gives `m` its part of the batch, or adds it to `full`, or lets it lag. */
static void deliver(struct relay *r, const struct roster *roster, struct member *m, int64_t now, struct full *full)
{
        if ((lent_is_open(&m->lent) && !m->by_datagram && write_to(r, m)) || send_to(r, roster, m))
                return;
        if (!full->members)
                full->members = calloc(roster->count, sizeof(struct member *));
        now = clock_ms();
        if (!full->members || is_on_probation(m, now))
                begin_to_lag(r, roster, m, now);
        else
                full->members[full->count++] = m;
}

static bool anybody_is_behind(const struct roster *roster)
{
        for (size_t i = 0; i < roster->count; i++)
                if (roster->members[i]->behind && lent_is_behind(&roster->members[i]->lent))
                        return true;
        return false;
}

/* Waits, now and then, for sessions that are behind, after all other members have the batch. After a datagram chatd's
 * own writes must not overtake it. Under load the next batch comes before the session has run, and so does the one
 * after it: its client would get everything by datagrams from then on. */
static void let_catch_up(struct relay *r, const struct roster *roster, int64_t begin)
{
        const struct timespec moment = {.tv_nsec = CATCH_UP_POLL_NS};
        int64_t now = begin;
        while (now - begin < RELAY_CATCH_UP_MS && anybody_is_behind(roster)) {
                nanosleep(&moment, NULL);
                now = clock_ms();
        }
        for (size_t i = 0; i < roster->count; i++)
                if (roster->members[i]->behind)
                        roster->members[i]->lent.vain = lent_is_behind(&roster->members[i]->lent);
        r->catch_up_ms = now + (now - begin + 1) * RELAY_CATCH_UP_SHARE;
}

void relay_send(struct relay *r, struct roster *roster)
{
        struct full full = {0};
        int64_t now = clock_ms();
        bool may_wait = now >= r->catch_up_ms && r->count > 0, behind = false;

        if (r->count == 0 && !r->tells)
                return;
        r->batches++;
        if (r->lent.shared)
                atomic_store(&r->lent.shared->number, r->batches);
        for (size_t i = 0; i < roster->count; i++) {
                struct member *m = roster->members[i];
                m->behind = may_wait && is_receiver(m) && !m->lagging && lent_is_behind(&m->lent);
                behind |= m->behind;
                if (!is_receiver(m) || m->behind)
                        continue;
                if (!m->lagging)
                        deliver(r, roster, m, now, &full);
                else
                        count_missed(r, m, records_for(r, m));
        }
        if (behind) {
                let_catch_up(r, roster, now);
                for (size_t i = 0; i < roster->count; i++)
                        if (roster->members[i]->behind)
                                deliver(r, roster, roster->members[i], now, &full);
        }
        if (full.count > 0)
                wait_for(r, roster, full.members, full.count);
        free(full.members);
}

void relay_resume(const struct relay *r, const struct roster *roster, struct member *m)
{
        struct frame missed = {.type = FRAME_MISSED, .id = r->epoch, .number = m->missed};
        int error = m->missed > 0 ? reach_send(m, &missed) : 0;
        if (error == 0)
                m->missed = 0;
        while (error == 0 && m->letters.first) {
                error = send_letter(m, m->letters.first) < 0 ? -errno : 0;
                if (error == 0) {
                        lent_sent(&m->lent);
                        letters_drop_first(&m->letters);
                }
        }
        if (socket_is_transient(-error))
                return;
        m->dead |= error < 0;
        if (m->dead && m->id == LINK_ID)
                return;
        m->lagging = false;
        m->lagged_ms = clock_ms();
        m->missed = 0;
        note_remove_lag(roster->dir, m->id);
}

bool relay_confirm(const struct relay *r, struct member *m)
{
        struct frame relayed = {.type = FRAME_RELAYED, .id = r->epoch, .number = m->lines_in};
        if (m->told < m->lines_in && !m->lagging &&
            (lent_confirm(&m->lent, m->lines_in) || reach_send(m, &relayed) == 0))
                m->told = m->lines_in;
        return m->told == m->lines_in;
}
