#include "chat.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/reveal.h>
#include <chat/sentence.h>

#include "notes.h"
#include "reach.h"

/* Connects to chatd's own intake by its address. Returns a descriptor or a negative errno. */
static int chat_connect_self(int intake_fd)
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

int chat_init(struct chat *chat, const char *dir, int intake_fd, int epoll, uid_t session_user, uid_t link_user,
              struct journal *log)
{
        chat->start_ms = clock_ms();
        chat->start_time = time(NULL);
        chat->own_user = geteuid();
        chat->session_user = session_user;
        chat->link_user = link_user;
        chat->epoll = epoll;
        chat->log = log;
        chat->complaints.log = log;
        int r = roster_init(&chat->roster, dir, session_user);
        if (r < 0)
                return r;
        chat->roster.tokens = &chat->tokens;
        if (getrandom(&chat->relay.epoch, sizeof(chat->relay.epoch), 0) != sizeof(chat->relay.epoch))
                return -errno;
        chat->relay.epoch |= 1; /* 0 means "none yet" to a session */
        chat->spare = fcntl(intake_fd, F_DUPFD_CLOEXEC, 0);
        chat->self = chat_connect_self(intake_fd);
        return chat->self < 0 ? chat->self : intake_init(&chat->intake, intake_fd);
}

void chat_free(struct chat *chat)
{
        bans_free(&chat->bans);
        tokens_free(&chat->tokens);
        close(chat->self);
        if (chat->spare >= 0)
                close(chat->spare);
        intake_free(&chat->intake);
        roster_free(&chat->roster);
        history_close(&chat->history);
        departures_clear(&chat->departures);
}

void chat_watch(struct chat *chat, struct watch *w, enum watch_kind kind, struct member *m, int fd, uint32_t events)
{
        struct epoll_event event = {.events = events, .data.ptr = w};
        *w = (struct watch){.kind = kind, .member = m};
        w->is_armed = epoll_ctl(chat->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool chat_send_self(struct chat *chat, const struct frame *f)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t size = frame_encode(buffer, sizeof(buffer), f);
        return send(chat->self, buffer, size, MSG_NOSIGNAL) >= 0;
}

void chat_tell(struct chat *chat, struct member *m, enum frame_type type)
{
        struct frame f = {.type = (uint8_t)type, .id = chat->relay.epoch};
        if (reach_send(m, &f) == -ECONNREFUSED)
                roster_dies(&chat->roster, m);
}

void chat_take_number(struct chat *chat, struct member *m, uint64_t number)
{
        batch_take_number(&chat->batch, m, number);
        if (m->confirmed_number < number)
                todo_add(&chat->roster.todo, TODO_CONFIRM, m);
}

/* Returns how many members are here at this place in the order. Held members do not count, nor do members that left in
 * this batch or whose HELLO comes again. For the link, members that were not announced yet do not count either, because
 * it counts announced members. */
static size_t chat_count_here(const struct chat *chat, bool for_link)
{
        size_t n = 0;
        for (size_t i = 0; i < chat->roster.count; i++) {
                const struct member *m = chat->roster.members[i];
                n += member_is_here(m) && !(for_link && m->arrival != ARRIVAL_ANNOUNCED);
        }
        return n;
}

int chat_welcome(struct chat *chat, struct member *m, uint64_t number)
{
        struct frame f = {
                .type = FRAME_WELCOME,
                .id = chat->relay.epoch,
                .number = number,
                .name = slice_of(m->name),
                .members = chat_count_here(chat, m->id == LINK_ID) + member_is_held(m),
        };
        if (m->id != LINK_ID) {
                batch_tell(&chat->batch, m, &f);
                return 0;
        }
        int r = reach_send(m, &f);
        if (r == -ECONNREFUSED)
                roster_dies(&chat->roster, m);
        return r;
}

struct eventlog_member chat_describe(const struct chat *chat, const struct member *m)
{
        uint64_t now = clock_boottime_us(); /* a note may be older than the last boot */
        return (struct eventlog_member){
                .id = m->id,
                .name = m->name,
                .address = m->address,
                .members = roster_people(&chat->roster),
                .seconds = now > m->since_us ? (double)(now - m->since_us) / 1e6 : 0,
        };
}

void chat_log_join(struct chat *chat, const struct member *m)
{
        struct eventlog_member event = chat_describe(chat, m);
        eventlog_join(chat->log, &event);
}

/* Both forms of an answer without a list. */
struct chat_answer {
        char sentence[TEXT_MAX_BYTES];
        uint8_t code[ANSWER_DETAILS_MAX_BYTES]; /* with its details */
};

/* Puts an unasked answer into a frame, as a code and as a sentence, because the version of the receiver may be unknown.
 * `you` is the receiver's name. */
static void chat_put_answer(struct frame *f, const struct answer *a, struct slice you, struct chat_answer *forms)
{
        f->text = sentence_write(a, you, SENTENCE_COLUMNS, forms->sentence, sizeof(forms->sentence));
        f->answer = (struct slice){(const char *)forms->code, answer_encode(forms->code, sizeof(forms->code), a)};
}

void chat_tell_answer(struct chat *chat, struct member *m, struct frame f, const struct answer *a)
{
        struct chat_answer forms;
        f.id = chat->relay.epoch;
        chat_put_answer(&f, a, slice_of(m->name), &forms);
        batch_tell(&chat->batch, m, &f);
}

/* Sends through the intake's socket, because there may be no other descriptor. */
void chat_refuse(struct chat *chat, uint64_t id, uint64_t key, enum refusal why, const struct answer *a)
{
        struct chat_answer forms;
        struct frame f = {.type = FRAME_REFUSED, .id = chat->relay.epoch};
        chat_put_answer(&f, a, slice_of(""), &forms);
        chat->refusals[why]++;
        if (chat->spare >= 0)
                close(chat->spare);
        reach_send_stranger(chat->roster.dir, chat->roster.owner, chat->intake.fd, id, key, &f);
        chat->spare = fcntl(chat->intake.fd, F_DUPFD_CLOEXEC, 0);
}

void chat_announce(struct chat *chat, struct member *m, enum record_kind kind, struct slice text)
{
        struct record rec = {
                .kind = (uint8_t)kind,
                .id = m->id,
                .number = kind == RECORD_JOIN ? 0 : UINT64_MAX,
                .name = slice_of(m->name),
                .text = text,
        };
        batch_add_to_rooms_of(&chat->batch, m, roster_find(&chat->roster, LINK_ID), &rec);
}

bool chat_take_text(struct chat *chat, struct slice *text)
{
        if (!text_is_clean(text->at, text->len)) {
                complaints_ignore(&chat->complaints, IGNORED_UNCLEAN);
                return false;
        }
        *text = reveal(*text, chat->shown_text, text->len); /* the batch has no room for a longer text */
        return true;
}

bool chat_show_past(struct chat *chat, struct member *m, const struct room *room, uint64_t number, uint64_t lines)
{
        uint8_t records[HISTORY_SHOWN_MAX_BYTES];
        unsigned most = lines < HISTORY_KEPT ? (unsigned)lines : HISTORY_KEPT;
        size_t size = history_read(&chat->history, &chat->roster.rooms, room, &chat->batch, most,
                                   m->roams ? HISTORY_TIME_IN_FRONT : HISTORY_TIME_AS_NUMBER, records);
        if (size > 0 || (number == 0 && chat->history.file))
                batch_tell_records(&chat->batch, m,
                                   &(struct frame){.type = FRAME_PAST, .id = chat->relay.epoch, .number = number},
                                   records, size);
        return size > 0;
}

void chat_forget_departures(struct chat *chat)
{
        for (size_t i = 0; i < chat->departures.count; i++)
                note_remove_departed(chat->roster.dir, chat->departures.ids[i]);
        departures_clear(&chat->departures);
}

void chat_forget_said(struct chat *chat)
{
        if (!chat->settings.keep_empty_rooms)
                history_forget_others(&chat->history, &chat->roster.rooms);
}
