#include "broker.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/reveal.h>

#include "linelog.h"
#include "notes.h"
#include "reach.h"

enum {
        LEND_OF_FDS = 4, /* while the last one in so many is free, clients' connections are asked for */
        GIVE_BACK = 64,  /* that many are given back at once */
};

/* Connects to our own intake by its address. Returns a descriptor or a negative errno. */
static int connect_self(int intake_fd)
{
        struct sockaddr_un address;
        socklen_t size = sizeof(address);
        if (getsockname(intake_fd, (struct sockaddr *)&address, &size) < 0)
                return -errno;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, size) < 0) {
                int error = -errno;
                close(fd);
                return error;
        }
        return fd;
}

int broker_init(struct broker *b, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
                struct journal *log)
{
        b->own_user = geteuid();
        b->session_user = session_user;
        b->link_user = link_user;
        b->epoll = epoll;
        b->log = log;
        remote_init(&b->remote);
        control_init(&b->control);
        int r = roster_init(&b->roster, dir, session_user);
        if (r < 0)
                return r;
        if (getrandom(&b->relay.epoch, sizeof(b->relay.epoch), 0) != sizeof(b->relay.epoch))
                return -errno;
        b->relay.epoch |= 1; /* 0 means "none yet" to a session */
        struct rlimit fds;
        b->lend_below = getrlimit(RLIMIT_NOFILE, &fds) < 0 ? 0 : (int)(fds.rlim_cur / LEND_OF_FDS * (LEND_OF_FDS - 1));
        r = lent_batch_init(&b->relay.lent);
        if (r < 0)
                eventlog_warning(log, "cannot write to clients by itself", r);
        b->spare = fcntl(intake_fd, F_DUPFD_CLOEXEC, 0);
        b->self = connect_self(intake_fd);
        return b->self < 0 ? b->self : intake_init(&b->intake, intake_fd);
}

void broker_free(struct broker *b)
{
        control_free(&b->control);
        bans_free(&b->bans);
        close(b->self);
        if (b->spare >= 0)
                close(b->spare);
        intake_free(&b->intake);
        lent_batch_free(&b->relay.lent);
        roster_free(&b->roster);
        remote_free(&b->remote);
        history_close(&b->history);
        departed_clear(&b->departed);
}

static void watch(struct broker *b, struct watch *w, enum watch_kind kind, struct member *m, int fd, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = w};
        *w = (struct watch){.kind = kind, .member = m};
        w->armed = epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* What `m` lends is lent no more, or asked for no more. */
static void close_lent(struct broker *b, struct member *m)
{
        b->asked -= m->lent.reply >= 0;
        lent_close(&m->lent);
}

/* Frees descriptors for members' inboxes. Returns whether there were any. */
static bool give_back(struct broker *b)
{
        size_t given = 0;
        for (size_t i = b->roster.count; i-- > 0 && given < GIVE_BACK;) {
                struct member *m = b->roster.members[i];
                given += lent_is_open(&m->lent);
                close_lent(b, m);
        }
        return given > 0;
}

int broker_connect(struct broker *b, struct member *m)
{
        close_lent(b, m);
        int r = reach_connect(b->roster.dir, b->roster.owner, m);
        if (r == -EMFILE && give_back(b))
                r = reach_connect(b->roster.dir, b->roster.owner, m);
        m->exit_watch.armed = m->inbox_watch.armed = false; /* closing took them out of the epoll */
        m->dead = r == -ECONNREFUSED || r == -ENOENT || r == -ESRCH || r == -EPERM;
        m->gone_sent = false;
        if (r < 0 && m->id == LINK_ID && !m->lagging) { /* it will have an inbox again */
                note_lag(b->roster.dir, m->id);
                m->lagging = true;
        }
        if (m->pidfd >= 0)
                watch(b, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
        return m->dead && r != -EPERM ? 0 : r;
}

void broker_tell(struct broker *b, struct member *m, enum frame_type type)
{
        struct frame f = {.type = (uint8_t)type, .id = b->relay.epoch};
        if (reach_send(m, &f) == -ECONNREFUSED)
                m->dead = true;
}

/* Who is here as of this place in the order: not who left in this batch, nor who will be announced again. To the link,
 * who was not announced yet is not here either, because it counts those who are. */
static size_t count_here(const struct broker *b, bool for_link)
{
        size_t n = 0;
        for (size_t i = 0; i < b->roster.count; i++) {
                const struct member *m = b->roster.members[i];
                n += member_is_here(m) && !(for_link && m->arriving);
        }
        return n;
}

int broker_welcome(struct broker *b, struct member *m, uint64_t number)
{
        struct frame f = {
                .type = FRAME_WELCOME,
                .id = b->relay.epoch,
                .number = number,
                .name = slice_of(m->name),
                .members = count_here(b, m->id == LINK_ID) + m->held,
        };
        if (m->id != LINK_ID)
                return relay_tell(&b->relay, m, &f);
        int r = reach_send(m, &f);
        if (r == -ECONNREFUSED)
                m->dead = true;
        return r;
}

static struct eventlog_member describe(const struct broker *b, const struct member *m)
{
        uint64_t now = clock_boottime_us(); /* a note may be from before a boot */
        return (struct eventlog_member){
                .id = m->id,
                .name = m->name,
                .address = m->address,
                .members = roster_people(&b->roster),
                .seconds = now > m->since_us ? (double)(now - m->since_us) / 1e6 : 0,
        };
}

/* Through the intake's socket, as there may be no other. */
void broker_refuse(struct broker *b, uint64_t id, uint64_t key, enum refusal why, const char *text)
{
        struct frame f = {.type = FRAME_REFUSED, .id = b->relay.epoch, .text = slice_of(text)};
        b->refused[why]++;
        if (b->spare >= 0)
                close(b->spare);
        reach_send_stranger(b->roster.dir, b->roster.owner, b->intake.fd, id, key, &f);
        b->spare = fcntl(b->intake.fd, F_DUPFD_CLOEXEC, 0);
}

void broker_ignore(struct broker *b, enum ignored why)
{
        b->ignored[why]++;
        b->ignored_all++;
}

void broker_warn(struct broker *b, const char *what, int error)
{
        char text[WARNING_MAX_BYTES + 64];
        int64_t now = clock_ms();
        struct warning *w = b->warnings, *end = b->warnings + WARNINGS_MAX;
        while (w < end - 1 && w->what[0] != '\0' && strcmp(w->what, what) != 0)
                w++;
        if (w->what[0] != '\0' && now - w->logged_ms < WARNING_MS) {
                w->unlogged++;
                return;
        }
        snprintf(text, sizeof(text), "%s (and %" PRIu64 " times since that was logged last)", what, w->unlogged);
        eventlog_warning(b->log, w->unlogged > 0 ? text : what, error);
        *w = (struct warning){.logged_ms = now};
        snprintf(w->what, sizeof(w->what), "%s", what);
}

void broker_turn_away(struct broker *b, uint64_t id, uint64_t key, int error)
{
        if (error == -EPERM) {
                broker_ignore(b, IGNORED_INBOX);
                return;
        }
        broker_refuse(b, id, key, REFUSED_FULL, "the chat is full");
        broker_warn(b, "cannot take a new member", error);
}

void broker_announce(struct broker *b, struct member *m, enum record_kind kind)
{
        struct record rec = {
                .kind = (uint8_t)kind,
                .id = m->id,
                .number = kind == RECORD_JOIN ? 0 : UINT64_MAX,
                .name = slice_of(m->name),
                .text = slice_of(kind == RECORD_LEAVE && m->removed ? LEAVE_REMOVED : ""),
        };
        relay_add(&b->relay, m, m->room, &rec); /* there is room: take_frame() asked */
}

/* Whether the sender, who is alive, is a member under another id. One that is not alive is of an earlier process of the
 * same pid, and its GONE is on the way. */
static bool is_second(const struct broker *b, uint64_t id)
{
        const struct member *m = b->shares_pids ? NULL : roster_find_process(&b->roster, (pid_t)(id >> 32));
        return m && member_is_alive(m);
}

/* Returns what a newcomer is called: the name in its HELLO or, where that is an address which is not to be shown, one that
 * is made of it, in `guest`. */
static struct slice name_newcomer(const struct broker *b, const struct frame *f,
                                  char guest[static GUESTS_NAME_BYTES + 1])
{
        char address[ADDRESS_MAX_BYTES + 1] = "";
        if (!b->settings.addresses_hidden || !slice_equal(f->name, f->address))
                return f->name;
        memcpy(address, f->address.at, f->address.len);
        const struct network n = network_of(address);
        guests_name(&b->guests, &n, guest);
        return slice_of(guest);
}

/* A network that connects too often is named in the journal, and nothing else: others may come from there. */
static void count_connection(struct broker *b, const struct frame *f)
{
        char address[ADDRESS_MAX_BYTES + 1] = "", from[NETWORK_MAX_BYTES + 1];
        memcpy(address, f->address.at, f->address.len);
        const struct network n = network_of(address);
        if (!floods_count(&b->floods, &n, clock_ms()))
                return;
        network_describe(&n, from);
        eventlog_flood(b->log, f->address, from);
}

/* Makes a member of the sender of HELLO or HERE. Returns NULL where that cannot be. */
static struct member *admit(struct broker *b, const struct frame *f)
{
        char guest[GUESTS_NAME_BYTES + 1];
        if (is_second(b, f->id)) {
                broker_ignore(b, IGNORED_SECOND);
                return NULL;
        }
        if (!text_is_local_name(f->name.at, f->name.len) || f->name.len > LOCAL_NAME_MAX_BYTES ||
            !text_is_name(f->address.at, f->address.len)) {
                broker_ignore(b, IGNORED_UNCLEAN);
                return NULL;
        }
        struct frame newcomer = *f;
        newcomer.name = name_newcomer(b, f, guest);
        if (f->type == FRAME_HELLO)
                count_connection(b, f);
        if (admin_refuses(b, &newcomer) || (f->type == FRAME_HELLO && limits_refuse(b, &newcomer)))
                return NULL;
        struct member *m = roster_add(&b->roster, f->id, f->key, newcomer.name, f->address, clock_boottime_us());
        int r = m ? broker_connect(b, m) : -ENOMEM;
        if (r == 0)
                r = note_write(b->roster.dir, m); /* without it the next chatd would not know whose lines it finds */
        if (r < 0) {
                if (m)
                        roster_remove(&b->roster, m);
                broker_turn_away(b, f->id, f->key, r);
                return NULL;
        }
        b->joined++;
        return m;
}

void broker_log_join(struct broker *b, const struct member *m)
{
        struct eventlog_member event = describe(b, m);
        eventlog_join(b->log, &event);
}

static void welcome(struct broker *b, struct member *m, bool quiet)
{
        arrivals_take(b, m, quiet);
        relay_joins(&b->relay, m);
        broker_welcome(b, m, m->lines_in);
}

bool broker_show_past(struct broker *b, struct member *m, uint64_t number, unsigned lines)
{
        uint8_t records[HISTORY_SHOWN_MAX_BYTES];
        size_t size = history_read(&b->history, &b->roster.rooms, m->room, &b->relay, lines, records);
        if (size > 0 || (number == 0 && b->history.file))
                relay_tell_records(&b->relay, m,
                                   &(struct frame){.type = FRAME_PAST, .id = b->relay.epoch, .number = number}, records,
                                   size);
        return size > 0;
}

static int take_hello(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        if (m && !m->expected) {
                broker_ignore(b, IGNORED_REPEATED);
                return 0;
        }
        if (b->changed || arrivals_are_full(b))
                return -ENOBUFS;
        b->crossed = true;
        if (!m)
                m = admit(b, f);
        if (m) {
                confinement_take(b, m, f);
                welcome(b, m, f->quiet);
                motd_send(&b->motd, &b->relay, m);
                broker_show_past(b, m, 0, (unsigned)b->settings.history);
        }
        return 0;
}

bool broker_take_text(struct broker *b, struct slice *text)
{
        if (!text_is_clean(text->at, text->len)) {
                broker_ignore(b, IGNORED_UNCLEAN);
                return false;
        }
        *text = reveal(*text, b->shown, text->len); /* the batch has room for no more */
        return true;
}

/* The answer to a roll call, or a session whose queue was lost: not news, unless its HELLO was lost too. */
static int take_here(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        if (!m && (b->changed || arrivals_are_full(b)))
                return -ENOBUFS;
        if (!m) {
                b->crossed = true;
                m = admit(b, f);
                if (m)
                        welcome(b, m, false);
        } else if (m->dead) {
                broker_connect(b, m); /* it bound its inbox anew */
        }
        if (m && m->held) /* its ARRIVE may have been lost with the queue */
                arrivals_release(b, m);
        if (m) {
                m->uncalled = false;
                confinement_take(b, m, f);
                /* What it handed over before is out of the queue: relayed by us, or by a chatd before us. */
                m->lines_in = f->number > m->lines_in ? f->number : m->lines_in;
                b->unconfirmed |= m->told < m->lines_in;
                m->said = m->lines_in > m->said ? m->lines_in : m->said;
                m->lines_out = f->lines_out;
                m->skipped = f->skipped;
        }
        return 0;
}

static void say(struct broker *b, struct member *m, struct record *line)
{
        if (line->number <= m->lines_in || line->number == UINT64_MAX) {
                broker_ignore(b, IGNORED_REPEATED);
                return;
        }
        if (!broker_take_text(b, &line->text))
                return;
        line->text = reveal_behind_name(line->text, line->name.len);
        m->lines_in = m->said = line->number;
        b->unconfirmed = true;
        if (admin_silences(b, m, line->number, false))
                return;
        if (m->arriving)
                arrivals_name(b, m);
        b->lines++;
        relay_add(&b->relay, m, m->room, line); /* there is room: take_frame() asked */
        requests_tell_alone(b, m, line->number);
}

static void take_line(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        if (!m || m->leaving || m->expected) {
                broker_ignore(b, IGNORED_STRANGER);
                return;
        }
        struct record rec = {.kind = RECORD_LINE, .id = m->id, .number = f->number, .name = slice_of(m->name)};
        struct slice text = f->text;
        for (bool more = true; more; rec.number++) {
                more = line_next(&text, &rec.text);
                say(b, m, &rec);
        }
}

/* The client of `m` spoke another protocol: that is logged seldom enough. */
static void log_not_chat(struct broker *b, const struct member *m, struct slice protocol)
{
        int64_t now = clock_ms();
        b->not_chat++;
        if (b->not_chat_logged_ms != 0 && now - b->not_chat_logged_ms < WARNING_MS) {
                b->not_chat_unlogged++;
                return;
        }
        if (!text_is_name(protocol.at, protocol.len))
                protocol = slice_of("unknown");
        eventlog_not_chat(b->log, m->address, protocol, b->not_chat_unlogged);
        b->not_chat_logged_ms = now;
        b->not_chat_unlogged = 0;
}

/* The client of a session whose HELLO was quiet is one of the chat. */
static void take_arrive(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        if (!m || m->leaving || m->expected)
                broker_ignore(b, IGNORED_STRANGER);
        else
                arrivals_release(b, m);
}

/* BYE, or GONE for a session that could not say it. */
static int take_leave(struct broker *b, const struct frame *f)
{
        struct member *m = roster_find(&b->roster, f->id);
        bool bye = f->type == FRAME_BYE;
        if (!m || m->leaving || m->expected || (!bye && !m->dead))
                return 0; /* a GONE behind a BYE, or behind another GONE; or one from before its HELLO */
        if (b->changed)
                return -ENOBUFS;
        b->crossed = true;
        relay_leaves(&b->relay, m);
        m->removed = m->removal || (bye && f->reason == LEAVE_KICKED); /* the session's word outlives a chatd */
        if (arrivals_leave(b, m))
                broker_announce(b, m, RECORD_LEAVE);
        m->leaving = true;
        b->leavers[b->leavers_count++] = m;

        struct eventlog_member event = describe(b, m);
        event.members--;
        event.reason = bye ? (enum leave_reason)f->reason : LEAVE_KILLED;
        event.lines_in = bye ? f->number : m->said;
        event.lines_out = bye ? f->lines_out : m->lines_out;
        event.skipped = bye ? f->skipped : m->skipped + (m->missed == MISSED_UNKNOWN ? 0 : m->missed);
        if (event.reason == LEAVE_NOT_CHAT)
                log_not_chat(b, m, f->text);
        if (!m->held)
                eventlog_leave(b->log, &event);
        return 0;
}

/* Whether the kernel's word on the sender allows this frame. */
static bool is_allowed(struct broker *b, const struct datagram *d, const struct frame *f)
{
        bool ourself = d->uid == b->own_user, link = d->uid == b->link_user;
        bool session = ourself || d->uid == b->session_user;
        if (!session && !link) {
                broker_ignore(b, IGNORED_USER);
                return false;
        }
        bool process = frame_is_from(f->type, FROM_ITSELF) ? ourself : (pid_t)(f->id >> 32) == d->pid;
        if (f->id == LINK_ID ? !link : !session || !process) {
                broker_ignore(b, IGNORED_FORGED);
                return false;
        }
        return true;
}

/* Returns as take_frame(). */
static int take_from_session(struct broker *b, const struct frame *f)
{
        switch (f->type) {
        case FRAME_HELLO:
                return take_hello(b, f);
        case FRAME_HERE:
                return take_here(b, f);
        case FRAME_LINE:
                take_line(b, f);
                return 0;
        case FRAME_ARRIVE:
                if (arrivals_are_full(b))
                        return -ENOBUFS;
                take_arrive(b, f);
                return 0;
        case FRAME_BYE:
        case FRAME_GONE:
                return take_leave(b, f);
        case FRAME_UNSERVED:
                confinement_take_unserved(b, f);
                return 0;
        case FRAME_ACTION:
        case FRAME_NICK:
        case FRAME_PRIVATE:
        case FRAME_WHO:
        case FRAME_ROOM:
        case FRAME_TOPIC:
        case FRAME_ROOMS:
        case FRAME_HISTORY:
        case FRAME_FIND:
        case FRAME_COMPLETE:
                return requests_take(b, f);
        case FRAME_SAY:
        case FRAME_KICK:
        case FRAME_MUTE:
        case FRAME_UNMUTE:
        case FRAME_SET_TOPIC:
                return admin_take(b, f);
        default: /* of a later version, or one that only chatd or the link sends */
                broker_ignore(b, IGNORED_TYPE);
                return 0;
        }
}

/* Does what a frame says, or ignores and counts it. Returns 0, or -ENOBUFS where the batch is full, or those who wait
 * to be announced are: then nothing was done, and the frame belongs to the next one. */
static int take_frame(struct broker *b, const struct datagram *d)
{
        struct frame f = {0};
        int r = d->truncated ? -EBADMSG : frame_decode(&f, d->data, d->size);
        size_t lines = r == 0 && f.type == FRAME_LINE ? frame_lines(&f) : 1;
        if (lines > FRAME_LINES_MAX) {
                lines = 1;
                r = -EBADMSG;
        }
        size_t records = lines + 2; /* that who says them is connected, where nobody has been told yet; and of who goes
                                       to another room, two rooms are told */
        if (!relay_has_room_for(&b->relay, records,
                                records * (size_t)(RECORD_HEADER_BYTES + NAME_MAX_BYTES + NICK_MAX_BYTES + 1) +
                                        d->size))
                return -ENOBUFS;
        if (r < 0) {
                broker_ignore(b, r == -EPROTONOSUPPORT ? IGNORED_VERSION : IGNORED_MALFORMED);
                return 0;
        }
        if (!is_allowed(b, d, &f) || departed_has(&b->departed, f.id))
                return 0;
        return f.id == LINK_ID ? remote_take(b, &f) : take_from_session(b, &f);
}

/* The last datagram for those who said BYE; everybody else has been told that they left. */
static void say_goodbye(struct broker *b)
{
        for (size_t i = 0; i < b->leavers_count; i++) {
                struct member *m = b->leavers[i];
                broker_tell(b, m, FRAME_GOODBYE);
                note_departed(b->roster.dir, m->id);
                reach_remove_inbox(b->roster.dir, m->key); /* a session does so itself, unless it dies before */
        }
}

static void remove_leavers(struct broker *b)
{
        for (size_t i = 0; i < b->leavers_count; i++) {
                note_remove_departed(b->roster.dir, b->leavers[i]->id);
                if (b->leavers[i]->lagging)
                        note_remove_lag(b->roster.dir, b->leavers[i]->id);
                if (b->leavers[i]->arriving)
                        note_remove_arrival(b->roster.dir, b->leavers[i]->id);
                if (b->leavers[i]->muted)
                        note_remove_mute(b->roster.dir, b->leavers[i]->id);
                if (b->leavers[i]->renamed)
                        note_remove_name(b->roster.dir, b->leavers[i]->id);
                if (b->leavers[i]->moved)
                        note_remove_room(b->roster.dir, b->leavers[i]->id);
                close_lent(b, b->leavers[i]);
                roster_remove(&b->roster, b->leavers[i]);
        }
        b->leavers_count = 0;
}

void broker_forget_departed(struct broker *b)
{
        for (size_t i = 0; i < b->departed.count; i++)
                note_remove_departed(b->roster.dir, b->departed.ids[i]);
        departed_clear(&b->departed);
}

void broker_forget_said(struct broker *b)
{
        if (!b->settings.empty_rooms_kept)
                history_forget_others(&b->history, &b->roster.rooms);
}

_Static_assert((int)INTAKE_WINDOW <= (int)BATCH_MAX_RECORDS, "who waits to be announced leaves without a record");

int broker_serve(struct broker *b)
{
        int n = intake_peek(&b->intake);
        if (n == 0)
                b->unconsumed = false;
        if (n <= 0)
                return n;
        for (size_t left = (size_t)n, taken; left > 0; left -= taken) {
                relay_begin(&b->relay, &b->roster);
                changes_begin(&b->changes);
                b->alone = b->crossed = b->changed = false;
                for (taken = 0; taken < left && !b->alone; taken++) {
                        struct datagram d = intake_get(&b->intake, taken);
                        b->begun = taken > 0;
                        if (take_frame(b, &d) < 0)
                                break;
                }
                assert(taken > 0); /* any frame fits into an empty batch, and those who wait are announced before */
                b->unconsumed = true;
                relay_send(&b->relay, &b->roster);
                if (b->settings.log_lines)
                        linelog_write(b->log, &b->relay);
                (b->old_frames > 0 ? history_note_again : history_note)(&b->history, &b->roster.rooms, &b->relay);
                remote_note(b);
                arrivals_note(b);
                admin_note(b);
                say_goodbye(b);
                int r = intake_consume(&b->intake, taken);
                if (r < 0)
                        return r;
                b->unconsumed = false;
                remove_leavers(b);
                if (rooms_forget_empty(&b->roster.rooms, b->roster.dir))
                        broker_forget_said(b);
                if (b->old_frames > 0 && b->old_frames <= taken)
                        broker_forget_departed(b);
                b->old_frames -= taken < b->old_frames ? taken : b->old_frames;
                if (arrivals_are_full(b))
                        arrivals_announce(b);
        }
        return n;
}

/* Whether there are descriptors for what a member lends, besides those for members' inboxes. */
static bool has_fds_to_lend(const struct broker *b)
{
        int lowest = fcntl(b->self, F_DUPFD_CLOEXEC, 0);
        if (lowest >= 0)
                close(lowest);
        return lowest >= 0 && lowest < b->lend_below;
}

/* Asks `m` for its client's connection, where that is worth it. Not while the queue has what a chatd before us relayed,
 * of which sessions drop what they have seen: what is written to a client is not compared. */
static void ask_to_lend(struct broker *b, struct member *m, int64_t now)
{
        struct lent *l = &m->lent;
        if (l->reply >= 0 && now - l->asked_ms >= LENT_ANSWER_MS)
                close_lent(b, m);
        if (!lent_may_ask(l, now) || m->id == LINK_ID || m->dead || m->lagging || b->asked >= ASKED_MAX ||
            b->old_frames > 0 || !b->relay.lent.shared)
                return;
        if (!has_fds_to_lend(b)) {
                l->asked_ms = now; /* so it does not look again for as long as for who could not lend */
                return;
        }
        if (lent_ask(l, m->fd, b->relay.epoch, &b->relay.lent, now) < 0)
                return;
        b->asked++;
        watch(b, &m->lent_watch, WATCH_LENT, m, l->reply, EPOLLIN);
        if (!m->lent_watch.armed)
                close_lent(b, m);
}

void broker_lent(struct broker *b, struct member *m)
{
        if (m->lent.reply < 0)
                return; /* it died meanwhile */
        b->asked--;
        lent_answer(&m->lent);
}

int64_t broker_wake_sessions(struct broker *b, int64_t now)
{
        if (b->relay.wrote) {
                if (b->wakes_left == 0)
                        b->wake_at_ms = now + 1000;
                b->wakes_left = 2 * WAKE_S; /* who leaves changes the others' index, so that one may miss its turn */
                b->relay.wrote = false;
        }
        if (b->wakes_left == 0)
                return INT64_MAX;
        if (now < b->wake_at_ms)
                return b->wake_at_ms;
        b->wakes_left--;
        b->wake_at_ms = now + 1000;
        b->wake_slot = (b->wake_slot + 1) % WAKE_S;
        for (size_t i = b->wake_slot; i < b->roster.count; i += WAKE_S) {
                struct member *m = b->roster.members[i];
                struct frame f = {.type = FRAME_RELAYED, .id = b->relay.epoch, .number = m->lines_in};
                if (m->lent.wrote && reach_send(m, &f) == 0)
                        m->told = m->lines_in;
        }
        return b->wake_at_ms;
}

void broker_exited(struct broker *b, struct member *m)
{
        epoll_ctl(b->epoll, EPOLL_CTL_DEL, m->pidfd, NULL);
        m->exit_watch.armed = false;
        m->dead = true;
        close_lent(b, m); /* so that its client sees the end now */
}

void broker_has_room(struct broker *b, struct member *m)
{
        relay_resume(&b->relay, &b->roster, m);
        if (m->lagging && !m->dead)
                return; /* still full */
        epoll_ctl(b->epoll, EPOLL_CTL_DEL, m->fd, NULL);
        m->inbox_watch.armed = false;
        if (m->id == LINK_ID && !m->dead)
                remote_resumed(b, m);
}

void broker_confirm(struct broker *b)
{
        b->unconfirmed = false;
        for (size_t i = 0; i < b->roster.count; i++)
                b->unconfirmed |= !relay_confirm(&b->relay, b->roster.members[i]);
}

void broker_finish(struct broker *b)
{
        int64_t until = clock_ms() + FINISH_MAX_MS;
        while (clock_ms() < until && broker_serve(b) > 0)
                ;
        arrivals_announce(b);
        broker_confirm(b);
}

bool broker_send_self(struct broker *b, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        return send(b->self, buffer, size, MSG_NOSIGNAL) >= 0;
}

int64_t broker_call_ms(const struct broker *b)
{
        return b->calls ? b->call_at_ms : INT64_MAX;
}

/* Sends the roll call to the next of those that a recovery found: few enough for the queue to take all answers beside
 * what people say. The process of each is watched by now. If the inbox still takes the roll call, the pid was not used
 * again before that, and the watch is on the right process. */
static void call_next(struct broker *b, int64_t now)
{
        size_t called = 0;
        if (now < broker_call_ms(b))
                return;
        b->calls = false;
        b->call_at_ms = now + CALL_MS;
        for (size_t i = 0; i < b->roster.count && !b->calls; i++) {
                struct member *m = b->roster.members[i];
                b->calls = m->uncalled && called == CALLED_MAX;
                if (!m->uncalled || b->calls)
                        continue;
                m->uncalled = false;
                broker_tell(b, m, FRAME_ROLLCALL); /* where the inbox is full, the session answers without it */
                called++;
        }
}

void broker_settle(struct broker *b)
{
        int64_t now = clock_ms();
        call_next(b, now);
        for (size_t i = 0; i < b->roster.count; i++) {
                struct member *m = b->roster.members[i];
                if (!m->dead && m->fd < 0)
                        broker_connect(b, m); /* descriptors had run out */
                if (m->dead && !m->gone_sent && m->id != LINK_ID)
                        m->gone_sent = broker_send_self(b, &(struct frame){.type = FRAME_GONE, .id = m->id});
                if (!m->dead && m->pidfd >= 0 && !m->exit_watch.armed)
                        watch(b, &m->exit_watch, WATCH_EXIT, m, m->pidfd, EPOLLIN);
                if (m->lagging && !m->dead && !m->inbox_watch.armed)
                        watch(b, &m->inbox_watch, WATCH_INBOX, m, m->fd, EPOLLOUT);
                ask_to_lend(b, m, now);
        }
        remote_report(b);
        admin_settle(b);
        control_settle(b, now);
}

bool broker_report_ignored(struct broker *b, int64_t now_ms)
{
        static const char *const names[IGNORED_KINDS] = {
                [IGNORED_MALFORMED] = "malformed",      [IGNORED_VERSION] = "of an unknown version",
                [IGNORED_TYPE] = "of a wrong type",     [IGNORED_USER] = "of another user",
                [IGNORED_FORGED] = "with another's id", [IGNORED_STRANGER] = "of no member",
                [IGNORED_REPEATED] = "repeated",        [IGNORED_SECOND] = "of a second member in one process",
                [IGNORED_INBOX] = "without an inbox",   [IGNORED_UNCLEAN] = "with unclean text",
        };
        char what[512];
        size_t len = 0;
        uint64_t all = 0;

        for (int i = 0; i < IGNORED_KINDS; i++)
                all += b->ignored[i];
        if (all == 0)
                return false;
        if (b->ignored_reported_ms != 0 && now_ms - b->ignored_reported_ms < IGNORED_REPORT_MS)
                return true;
        for (int i = 0; i < IGNORED_KINDS; i++) {
                if (b->ignored[i] > 0)
                        len += (size_t)snprintf(what + len, sizeof(what) - len, "%s%" PRIu64 " %s", len > 0 ? ", " : "",
                                                b->ignored[i], names[i]);
                b->ignored[i] = 0;
        }
        eventlog_ignored(b->log, all, what);
        b->ignored_reported_ms = now_ms;
        return false;
}
