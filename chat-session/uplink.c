#include "uplink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/clock.h>
#include <chat/connect.h>
#include <chat/socket.h>

#include "sandbox.h"
#include "uplink-inbox.h"

/* The states that may follow each state. A state may also stay. */
static const uint8_t uplink_next[] = {
        [UPLINK_APART] = 1 << UPLINK_OPEN,
        [UPLINK_OPEN] = 1 << UPLINK_APART | 1 << UPLINK_FULL | 1 << UPLINK_STANDS_BACK | 1 << UPLINK_PACED,
        [UPLINK_FULL] = 1 << UPLINK_APART | 1 << UPLINK_OPEN,
        [UPLINK_STANDS_BACK] = 1 << UPLINK_APART | 1 << UPLINK_OPEN,
        [UPLINK_PACED] = 1 << UPLINK_APART | 1 << UPLINK_OPEN,
};

static void uplink_become(struct uplink *u, enum uplink_state state)
{
        assert(state == u->state || uplink_next[u->state] & 1 << state);
        u->state = state;
}

void uplink_request(struct uplink *u, struct frame f, unsigned cost)
{
        f.id = u->id;
        f.number = ++u->number;
        uplink_queue_frame(u->queue, &f, cost);
}

void uplink_init(struct uplink *u, const char *dir, struct slice name, struct slice address, struct pace pace)
{
        u->dir = dir;
        u->name = name;
        u->address = address;
        u->pace = pace;
        u->key = uplink_random();
        u->id = (uint64_t)getpid() << 32 | (uplink_random() & UINT32_MAX);
        u->inbox = -1;
        uplink_queue_frame(u->queue,
                           &(struct frame){.type = FRAME_HELLO,
                                           .id = u->id,
                                           .key = u->key,
                                           .name = name,
                                           .address = address,
                                           .quiet = true,
                                           .confinement = (uint8_t)u->confinement,
                                           .roams = u->roams},
                           0);
}

void uplink_unserved(struct uplink *u, const char *dir, int error)
{
        uint8_t buffer[FRAME_TEXTLESS_BYTES];
        struct stat intake;
        if (connect_broker(u->socket, dir, &intake) < 0)
                return;
        struct frame f = {.type = FRAME_UNSERVED, .id = (uint64_t)getpid() << 32, .key = (uint64_t)error};
        send(u->socket, buffer, frame_encode(buffer, sizeof(buffer), &f), MSG_NOSIGNAL);
}

void uplink_say(struct uplink *u, struct slice text)
{
        uplink_say_in(u, (struct slice){"", 0}, text);
}

void uplink_say_in(struct uplink *u, struct slice room, struct slice text)
{
        uplink_queue_line(u->queue, ++u->number, room, text);
}

void uplink_bye(struct uplink *u, enum leave_reason reason, struct slice text, uint64_t lines_out,
                uint64_t skipped_lines)
{
        uplink_queue_frame(u->queue,
                           &(struct frame){.type = FRAME_BYE,
                                           .id = u->id,
                                           .number = u->number,
                                           .reason = (uint8_t)reason,
                                           .text = text,
                                           .lines_out = lines_out,
                                           .lines_skipped = skipped_lines},
                           0);
}

void uplink_arrive(struct uplink *u)
{
        if (u->broker_version >= frame_since(FRAME_ARRIVE))
                uplink_queue_frame(u->queue, &(struct frame){.type = FRAME_ARRIVE, .id = u->id}, 0);
}

/* Tries again at once if the intake was full. */
void uplink_has_room(struct uplink *u)
{
        if (u->state == UPLINK_FULL || u->state == UPLINK_STANDS_BACK)
                uplink_become(u, UPLINK_OPEN);
}

void uplink_answer(struct uplink *u)
{
        u->here_pending = u->stage == UPLINK_MEMBER;
        u->retry_at = 0;
        u->retry_ms = UPLINK_RETRY_MIN_MS;
        uplink_has_room(u);
}

void uplink_answer_uncalled(struct uplink *u, int64_t now)
{
        if (u->stage == UPLINK_MEMBER)
                u->here_at = now + UPLINK_UNCALLED_MS + (int64_t)(uplink_random() % UPLINK_UNCALLED_MS);
}

void uplink_count(struct uplink *u, uint64_t lines_out, uint64_t skipped_lines)
{
        u->lines_out = lines_out;
        u->skipped_lines = skipped_lines;
}

size_t uplink_room(const struct uplink *u)
{
        return uplink_queue_room(u->queue);
}

void uplink_unpace(struct uplink *u)
{
        u->pace = (struct pace){0};
        if (u->state == UPLINK_PACED)
                uplink_become(u, UPLINK_OPEN);
}

void uplink_discard(struct uplink *u)
{
        uplink_queue_discard(u->queue);
        if (u->state == UPLINK_PACED)
                uplink_become(u, UPLINK_OPEN);
}

bool uplink_is_connected(const struct uplink *u)
{
        return u->state != UPLINK_APART;
}

bool uplink_waits(const struct uplink *u)
{
        return !uplink_queue_is_empty(u->queue) || u->here_pending;
}

size_t uplink_lines_waiting(const struct uplink *u)
{
        return uplink_queue_lines(u->queue);
}

void uplink_relayed(struct uplink *u, uint64_t number)
{
        uint64_t most = u->lost_number > 0 ? u->lost_number : u->sent_number;
        if (number > u->relayed_number && number <= most)
                u->relayed_number = number;
}

uint64_t uplink_lost_lines(struct uplink *u)
{
        uint64_t lines = u->lost_number > u->relayed_number ? u->lost_number - u->relayed_number : 0;
        u->relayed_number += lines;
        u->lost_number = 0;
        u->is_queue_lost = false;
        return lines;
}

int64_t uplink_wake_ms(const struct uplink *u)
{
        int64_t wake = INT64_MAX;
        switch (u->state) {
        case UPLINK_APART:
                return u->retry_at;
        case UPLINK_FULL:
        case UPLINK_STANDS_BACK:
                return u->full_until;
        case UPLINK_PACED:
                wake = u->turn_at;
                break;
        case UPLINK_OPEN:
                break;
        }
        return u->here_at != 0 ? clock_earlier(wake, u->here_at) : wake;
}

/* Notes that the socket failed: its other end is gone, and the queue with it. The socket stays, for the next chatd: see
 * sandbox.h. */
static void uplink_disconnect(struct uplink *u, int error, int64_t now)
{
        if (u->state != UPLINK_APART) {
                u->lost_number = u->sent_number;
                u->is_queue_lost = true;
        }
        uplink_become(u, UPLINK_APART);
        u->stand_back_ms = 0;
        u->error = error;
        u->retry_at = now + u->retry_ms;
        u->retry_ms = (int)clock_earlier(2 * (int64_t)u->retry_ms, UPLINK_RETRY_MAX_MS);
}

/* Connects to chatd's intake. Returns 0 or a negative errno. */
static int uplink_connect_intake(struct uplink *u)
{
        struct stat intake;
        int r = connect_broker(u->socket, u->dir, &intake);
        if (r < 0)
                return r;
        uplink_become(u, UPLINK_OPEN);
        u->broker = intake.st_uid;
        u->intake = intake.st_ino;
        return 0;
}

/* Returns true if there is an intake now. */
static bool uplink_connect(struct uplink *u, int64_t now)
{
        if (u->retry_ms == 0)
                u->retry_ms = UPLINK_RETRY_MIN_MS;
        int r = uplink_inbox_open(&u->inbox, u->dir, u->key, u->socket);
        if (r == 0)
                r = uplink_connect_intake(u);
        if (r < 0) {
                uplink_disconnect(u, -r, now);
                return false;
        }
        u->error = 0;
        u->here_pending = u->stage == UPLINK_MEMBER;
        return true;
}

/* Hands one frame to the intake. Returns 1, 0 if the intake is full, or a negative errno if it is gone. */
static int uplink_hand_over(struct uplink *u, const void *data, size_t size)
{
        if (send(u->socket, data, size, MSG_NOSIGNAL) >= 0)
                return 1;
        return socket_is_transient(errno) ? 0 : -errno;
}

static int uplink_hand_over_here(struct uplink *u)
{
        uint8_t buffer[FRAME_TEXTLESS_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer),
                                   &(struct frame){.type = FRAME_HERE,
                                                   .id = u->id,
                                                   .key = u->key,
                                                   .number = u->lost_number > 0 ? u->relayed_number : u->sent_number,
                                                   .name = u->name,
                                                   .address = u->address,
                                                   .confinement = (uint8_t)u->confinement,
                                                   .roams = u->roams,
                                                   .lines_out = u->lines_out,
                                                   .lines_skipped = u->skipped_lines});
        int r = uplink_hand_over(u, buffer, size);
        if (r > 0) {
                u->here_pending = false;
                u->here_at = 0;
        }
        return r;
}

/* Returns the first `n` lines of `text`, which must have as many. */
static struct slice uplink_first_lines(struct slice text, size_t n)
{
        struct slice rest = text, line = {text.at, 0};
        while (n-- > 0)
                line_next(&rest, &line);
        return (struct slice){text.at, (size_t)(line.at + line.len - text.at)};
}

/* Hands over the lines of the first entry whose turn has come, at least one. Returns 1, 0 or a negative errno as
 * uplink_hand_over(). */
static int uplink_hand_over_lines(struct uplink *u, const struct uplink_entry *e, const uint8_t *data, int64_t now)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f = {.type = e->room > 0 ? FRAME_ROOM_LINE : FRAME_LINE,
                          .id = u->id,
                          .number = e->number,
                          .name = {(const char *)data, e->room},
                          .text = {(const char *)data + e->room, (size_t)e->size - e->room}};
        struct pace pace = u->pace;
        uint16_t n = 0;

        for (; n < e->lines && pace_next_ms(&pace, now) <= now; n++)
                pace_take(&pace, now);
        if (n < e->lines)
                f.text = uplink_first_lines(f.text, n);
        int r = uplink_hand_over(u, buffer, frame_encode(buffer, sizeof(buffer), &f));
        if (r <= 0)
                return r;
        u->sent_number = e->number + n - 1;
        u->pace = pace;
        if (n == e->lines)
                uplink_queue_remove(u->queue);
        else
                uplink_queue_remove_lines(u->queue, n, f.text.len);
        return r;
}

/* Hands over the encoded frame that is the first entry. Returns 1, 0 or a negative errno as uplink_hand_over(). */
static int uplink_hand_over_frame(struct uplink *u, const struct uplink_entry *e, const uint8_t *frame, int64_t now)
{
        struct frame f;
        int r = uplink_hand_over(u, frame, e->size);
        if (r <= 0)
                return r;
        if (e->cost > 0) {
                u->sent_number = e->number;
                for (unsigned i = 0; i < e->cost; i++)
                        pace_take(&u->pace, now);
        } else {
                bool departs = frame_decode(&f, frame, e->size) == 0 && f.type == FRAME_BYE;
                u->stage = departs ? UPLINK_DEPARTED : UPLINK_MEMBER;
        }
        uplink_queue_remove(u->queue);
        return r;
}

/* Hands over the first entry of the queue. Returns 1, 0 or a negative errno as uplink_hand_over(). If it is a line that
 * must wait for its turn, returns 0 and sets the state to UPLINK_PACED. */
static int uplink_hand_over_first(struct uplink *u, int64_t now)
{
        const uint8_t *data;
        struct uplink_entry e = uplink_queue_first(u->queue, &data);
        u->turn_at = e.lines + e.cost > 0 ? pace_next_ms(&u->pace, now) : now;
        if (u->turn_at > now) {
                uplink_become(u, UPLINK_PACED);
                return 0;
        }
        return e.lines > 0 ? uplink_hand_over_lines(u, &e, data, now) : uplink_hand_over_frame(u, &e, data, now);
}

/* Waits for room in the intake. Each time a datagram leaves a full intake, the kernel wakes all processes that poll it.
 * So if thousands of clients come at once, a session that does not get in soon stops polling for a random time, longer
 * each time. */
static void uplink_wait_for_room(struct uplink *u, int64_t now)
{
        if (u->stand_back_ms == 0) {
                uplink_become(u, UPLINK_FULL);
                u->full_until = now + UPLINK_ROOM_MS;
                u->stand_back_ms = UPLINK_STAND_BACK_MIN_MS;
                return;
        }
        uplink_become(u, UPLINK_STANDS_BACK);
        u->full_until = now + 1 + (int64_t)(uplink_random() % (uint64_t)u->stand_back_ms);
        u->stand_back_ms = (int)clock_earlier((int64_t)u->stand_back_ms * 5 / 4, UPLINK_STAND_BACK_MAX_MS);
}

/* Returns true if something may be handed over now. */
static bool uplink_is_ready(struct uplink *u, int64_t now)
{
        if (u->state == UPLINK_APART)
                return now >= u->retry_at && uplink_connect(u, now);
        return (u->state != UPLINK_FULL && u->state != UPLINK_STANDS_BACK) || now >= u->full_until;
}

void uplink_pump(struct uplink *u, int64_t now)
{
        if (!uplink_is_ready(u, now))
                return;
        uplink_become(u, UPLINK_OPEN);
        u->here_pending |= u->here_at != 0 && (now >= u->here_at || !uplink_queue_is_empty(u->queue));
        while (uplink_waits(u)) {
                int r = u->here_pending ? uplink_hand_over_here(u) : uplink_hand_over_first(u, now);
                if (r < 0) {
                        uplink_disconnect(u, 0, now);
                        return;
                }
                if (r == 0) {
                        if (u->state != UPLINK_PACED)
                                uplink_wait_for_room(u, now);
                        return;
                }
                u->retry_ms = UPLINK_RETRY_MIN_MS;
                u->stand_back_ms = 0;
        }
}

bool uplink_receive(struct uplink *u, void *buffer, struct frame *f, struct socket_fds *fds)
{
        uid_t sender;
        ssize_t n = uplink_inbox_receive(u->inbox, buffer, DATAGRAM_MAX_BYTES, &sender, fds);
        if (n < 0)
                return false;
        bool ours = sender == u->broker;
        u->datagrams += ours;
        if (ours && frame_decode(f, buffer, (size_t)n) == 0) {
                u->broker_version = f->version;
                return true;
        }
        socket_close_fds(fds);
        return false;
}

void uplink_check_intake(struct uplink *u)
{
        struct sockaddr_un address;
        struct stat st;
        if (u->sent_number == u->relayed_number || u->state == UPLINK_APART || path_broker(&address, u->dir) < 0)
                return;
        if (stat(address.sun_path, &st) < 0 || st.st_ino != u->intake ||
            connect(u->socket, (const struct sockaddr *)&address, sizeof(address)) < 0)
                u->lost_number = u->sent_number;
}

void uplink_close(struct uplink *u)
{
        uplink_inbox_close(&u->inbox, u->dir, u->key);
        if (u->socket >= 0 && u->socket != SANDBOX_UPLINK_FD)
                close(u->socket);
        u->socket = -1;
        uplink_become(u, UPLINK_APART);
}
