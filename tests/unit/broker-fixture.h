/* A broker with a real run directory and a real queue. This process plays the sessions. */
#pragma once

#include <errno.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <chat/journal.h>

#include "../../chatd/broker.h"
#include "../../chatd/contact.h"
#include "../../chatd/lending.h"
#include "../../chatd/reach.h"
#include "../../chatd/recovery.h"

#include "inbox-fixture.h"
#include "outlet-fixture.h"

enum { LINK, ANN, BOB, EVE, SESSIONS };

static const char *const names[SESSIONS] = {[ANN] = "ann", [BOB] = "bob", [EVE] = "eve"};

struct fixture {
        char *dir;
        int lock, intake, epoll, sender;
        struct journal *log;
        struct chat *chat;
        int inboxes[SESSIONS];
        uint64_t numbers[SESSIONS];
        struct lender *lenders[SESSIONS]; /* NULL: chatd has not asked for the connection */
};

static inline void start_broker(struct fixture *f)
{
        f->chat = calloc(1, sizeof(*f->chat));
        f->epoll = epoll_create1(0);
        assert_int_equal(broker_init(f->chat, f->dir, f->intake, f->epoll, getuid(), getuid(), f->log), 0);
        f->chat->shares_pids = true;
}

/* Ends the broker as kill -9 would: without sending, removing or consuming anything. */
static inline void kill_broker(struct fixture *f)
{
        broker_free(f->chat);
        free(f->chat);
        close(f->epoll);
}

static inline int restart_broker(struct fixture *f)
{
        kill_broker(f);
        start_broker(f);
        int members = recovery_run(f->chat);
        broker_settle(f->chat);
        return members;
}

static inline int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));
        struct sockaddr_un address;
        f->dir = rundir_make(&f->lock);
        f->intake = rundir_bind(f->dir);
        f->log = journal_start("chatd");
        f->sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        path_broker(&address, f->dir);
        assert_int_equal(connect(f->sender, (struct sockaddr *)&address, sizeof(address)), 0);
        start_broker(f);
        *state = f;
        return 0;
}

static inline int teardown(void **state)
{
        struct fixture *f = *state;
        kill_broker(f);
        journal_stop(f->log);
        close(f->intake);
        close(f->sender);
        for (int i = 0; i < SESSIONS; i++) {
                if (f->inboxes[i] > 0)
                        close(f->inboxes[i]);
                if (f->lenders[i])
                        lender_free(f->lenders[i]);
        }
        rundir_remove(f->dir, f->lock);
        free(f);
        return 0;
}

static inline void put(struct fixture *f, const struct frame *frame)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), frame);
        assert_int_equal(send(f->sender, buffer, n, 0), n);
}

/* Puts a frame into the queue, as a session of this version, an earlier one or a later one does. */
static inline void put_of(struct fixture *f, const struct frame *frame, uint8_t version)
{
        const struct frame_rule *rule = frame_rule(frame->type);
        uint8_t buffer[FRAME_MAX_BYTES];
        struct wire_writer w = wire_write(buffer, sizeof(buffer));
        wire_put_u8(&w, version);
        wire_put_u8(&w, frame->type);
        wire_put_u64(&w, frame->id);
        wire_put_u64(&w, frame->number);
        for (size_t i = 0; i < FRAME_FIELDS_MAX && rule->fields[i] != 0; i++)
                if (rule->fields[i] / SINCE(1) <= version)
                        frame_put_field(&w, frame, rule->fields[i] & FIELD_MASK);
        if (version >= FRAME_VERSION)
                wire_put(&w, (uint8_t[FRAME_APPENDED_BYTES + 1]){0}, FRAME_APPENDED_BYTES);
        assert_int_equal(send(f->sender, buffer, wire_written(&w), 0), wire_written(&w));
}

/* Sends a HELLO with these other fields from an inbox that exists already. */
static inline void put_hello(struct fixture *f, uint32_t who, struct frame other)
{
        other.type = FRAME_HELLO;
        other.id = other.key = inbox_id(who);
        other.name = slice_of(names[who]);
        put(f, &other);
}

/* Sends a HELLO with these other fields. Binds the inbox if there is none. */
static inline void hello_with(struct fixture *f, uint32_t who, struct frame other)
{
        if (f->inboxes[who] <= 0)
                f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
        put_hello(f, who, other);
}

/* Sends HELLO from an inbox that exists already. It stands for a HELLO that is still in the queue, or in it again. */
static inline void hello_again(struct fixture *f, uint32_t who)
{
        put_hello(f, who, (struct frame){.address = slice_of("here:1")});
}

static inline void hello(struct fixture *f, uint32_t who)
{
        f->inboxes[who] = inbox_bind(f->dir, inbox_id(who));
        hello_again(f, who);
}

static inline void here(struct fixture *f, uint32_t who, uint64_t number)
{
        put(f, &(struct frame){.type = FRAME_HERE,
                               .id = inbox_id(who),
                               .key = inbox_id(who),
                               .number = number,
                               .name = slice_of(names[who]),
                               .address = slice_of("here:1")});
}

static inline void say(struct fixture *f, uint32_t who, const char *text)
{
        put(f, &(struct frame){
                       .type = FRAME_LINE, .id = inbox_id(who), .number = ++f->numbers[who], .text = slice_of(text)});
}

static inline void bye(struct fixture *f, uint32_t who)
{
        put(f, &(struct frame){.type = FRAME_BYE, .id = inbox_id(who), .reason = LEAVE_EXIT});
}

/* Sends the HELLO of the link, and binds its inbox, which systemd would hold. */
static inline void link_hello(struct fixture *f)
{
        if (f->inboxes[LINK] <= 0)
                f->inboxes[LINK] = inbox_bind_link(f->dir);
        put(f, &(struct frame){.type = FRAME_HELLO, .id = LINK_ID, .name = slice_of(""), .address = slice_of("")});
}

/* Closes the link's inbox and removes its file, as systemd does. */
static inline void link_lose_inbox(struct fixture *f)
{
        struct sockaddr_un address;
        path_link(&address, f->dir);
        close(f->inboxes[LINK]);
        unlink(address.sun_path);
        f->inboxes[LINK] = 0;
}

/* Sends one INJECT with a line for each number, "line N" of zoe@b. */
static inline void inject(struct fixture *f, uint64_t first, uint64_t last)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        for (uint64_t number = first; number <= last; number++) {
                char text[24];
                snprintf(text, sizeof(text), "%u", (unsigned)number);
                struct record rec = {
                        .kind = RECORD_LINE, .number = number, .name = slice_of("zoe@b"), .text = slice_of(text)};
                size_t size = record_encode(buffer + n, sizeof(buffer) - n, &rec);
                assert_true(size > 0);
                n += size;
        }
        assert_int_equal(send(f->sender, buffer, n, 0), n);
}

static inline void inject_record(struct fixture *f, const struct record *rec)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        size_t n = frame_encode(buffer, sizeof(buffer), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        n += record_encode(buffer + n, sizeof(buffer) - n, rec);
        assert_int_equal(send(f->sender, buffer, n, 0), n);
}

static inline void notice(struct fixture *f, uint64_t number, const char *text)
{
        put(f, &(struct frame){.type = FRAME_NOTICE, .id = LINK_ID, .number = number, .text = slice_of(text)});
}

static inline struct member *link_member(struct fixture *f)
{
        return roster_find(&f->chat->roster, LINK_ID);
}

static inline void serve(struct fixture *f)
{
        assert_true(broker_serve(f->chat) >= 0);
        broker_settle(f->chat);
}

static inline struct member *member(struct fixture *f, uint32_t who)
{
        return roster_find(&f->chat->roster, inbox_id(who));
}

/* Lets ann, bob and eve join and read everything. */
static inline void join_all(struct fixture *f)
{
        for (uint32_t who = ANN; who < SESSIONS; who++)
                hello(f, who);
        serve(f);
        for (uint32_t who = ANN; who < SESSIONS; who++)
                inbox_read(f->inboxes[who]);
}

/* Lets ann and bob join. Nothing is left in the inbox of bob; ann's has the arrival of bob. */
static inline void join_ann_and_bob(struct fixture *f)
{
        hello(f, ANN);
        hello(f, BOB);
        serve(f);
        inbox_read(f->inboxes[BOB]);
}

/* Fills the inbox of a session that does not run. */
static inline void fill_inbox(struct fixture *f, uint32_t who)
{
        const struct frame relayed = {.type = FRAME_RELAYED, .id = f->chat->relay.epoch};
        while (reach_send(member(f, who), &relayed) == 0)
                ;
}

/* Returns the frames that the session gets when it runs again. */
static inline const char *after_lagging(struct fixture *f, uint32_t who)
{
        assert_true(member_lags(member(f, who)));
        inbox_empty(f->inboxes[who]);
        broker_has_room(f->chat, member(f, who));
        assert_false(member_lags(member(f, who)));
        return inbox_read(f->inboxes[who]);
}

/* Lets chatd take the answers to LEND. */
static inline void take_answers(struct fixture *f)
{
        struct epoll_event events[64];
        int n = epoll_wait(f->epoll, events, 64, 0);
        for (int i = 0; i < n; i++) {
                const struct watch *w = events[i].data.ptr;
                if (w->kind == WATCH_LENT)
                        lending_answered(f->chat, w->member);
        }
}

/* Runs the session: shows the contents of its inbox, and lends its connection if chatd asks for it. */
static inline void run_session(struct fixture *f, uint32_t who)
{
        if (!f->lenders[who])
                f->lenders[who] = lender_make(inbox_id(who));
        lender_take(f->lenders[who], f->inboxes[who]);
        take_answers(f);
        lender_write(f->lenders[who]);
}

static inline void assert_inbox(struct fixture *f, uint32_t who, const char *expected)
{
        assert_string_equal(inbox_read(f->inboxes[who]), expected);
}

static inline bool exists(struct fixture *f, const char *folder, uint32_t who)
{
        char path[256];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s/%016llx", f->dir, folder, (unsigned long long)inbox_id(who));
        return lstat(path, &st) == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
