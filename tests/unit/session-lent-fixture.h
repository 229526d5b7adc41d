/* A session that lends its client's connection, a real one by TCP, to a chatd that the test plays. */
#pragma once

#include <chat/display.h>

#include "../../chat-session/sandbox.h"
#include "../../chatd/lending.h"

#include "../tcp.h"

#include "session-fixture.h"

_Static_assert((LENT_FDS + 1) * LENDING_ASKED_MAX <= SANDBOX_FDS_MAX, "the kernel would not let a session answer");

/* A notice that the session writes by itself. */
static const char own[] = "*** /bell is off\r\n";

/* Asks for the connection. Returns true if the session lends it. */
static inline bool ask(struct fixture *f, uint64_t epoch)
{
        struct sockaddr_un address;
        if (f->inbox < 0) {
                path_inbox(&address, f->dir, f->key);
                f->inbox = socket(AF_UNIX, SOCK_DGRAM, 0);
                assert_int_equal(connect(f->inbox, (struct sockaddr *)&address, sizeof(address)), 0);
        }
        assert_int_equal(lent_ask(&f->lent, f->inbox, epoch, &f->batch, 0), 0);
        await(f->lent.reply);
        return lent_answer(&f->lent);
}

static inline void ask_something(struct fixture *f)
{
        type_each(f, "/bell\n");
}

/* Starts a session on this connection that has greeted its client and written something by itself. */
static inline struct fixture *start_on_connection(int fds[static 2], const struct session_options *o)
{
        struct fixture *f = start_on(fds, o);
        assert_int_equal(lent_batch_init(&f->batch), 0);
        assert_greeted(f);
        next_frame(f);
        ask_something(f);
        assert_shown(f, own);
        return f;
}

/* Starts a session on a new TCP connection. It has greeted its client and written something by itself. */
static inline struct fixture *start_on_tcp(void)
{
        int fds[2];
        tcp_connect(fds, 0);
        return start_on_connection(fds, &(struct session_options){0});
}

/* Starts a session on TCP that has lent its connection, in epoch 1. */
static inline struct fixture *start_lent(void)
{
        struct fixture *f = start_on_tcp();
        assert_true(ask(f, 1));
        return f;
}

/* Waits until the session sleeps, and has taken all datagrams. */
static inline void await_turn(struct fixture *f)
{
        int64_t deadline = clock_ms() + DEADLINE_MS;
        while (atomic_load(&f->lent.page->turn) != OUTLET_FREE ||
               atomic_load(&f->lent.page->datagrams) != f->lent.datagrams) {
                assert_true(clock_ms() < deadline);
                usleep(50);
        }
}

/* Writes a batch to the client, but at most `most` bytes. The batch is a line of the client, which it does not get, and
 * bob's lines `first` to `last`. Returns true if all of it was written. */
static inline bool write_part(struct fixture *f, uint64_t first, uint64_t last, size_t most)
{
        char text[1024], number[24], *at = text;
        struct outlet_batch *shared = f->batch.outlet;
        struct lent_text t = {
                .number = ++f->batches, .to = 1, .lines = last - first + 1, .rooms = (const uint32_t[]){1, 0}};
        atomic_store(&shared->number, 0);
        shared->records[0] = (struct outlet_record){f->id, 1, {9}, 0, 0};
        for (uint64_t n = first; n <= last; n++) {
                struct record r = bobs_line(n, number);
                struct slice parts[DISPLAY_PARTS_MAX];
                at = display_write(at, parts, display_parts(&r, parts));
                shared->records[t.to++] =
                        (struct outlet_record){r.id, record_key(&r), {(uint32_t)display_bytes(&r)}, 0, 0};
        }
        atomic_store(&shared->number, t.number);
        t.bytes = (size_t)(at - text);
        t.pieces = &(struct iovec){text, most < t.bytes ? most : t.bytes};
        t.n = 1;
        await_turn(f);
        return lent_prepare(&f->lent, &t) && lent_write(&f->lent, &t, 0);
}

static inline void write_lines(struct fixture *f, uint64_t first, uint64_t last)
{
        assert_true(write_part(f, first, last, SIZE_MAX));
}

/* Writes `behind` bytes of a batch to the client, and dies. */
static inline void die_writing(struct fixture *f, uint64_t first, uint64_t last, size_t behind)
{
        assert_false(write_part(f, first, last, behind));
        lent_close(&f->lent);
}

/* Writes all but the last `left` bytes of a record to the client, and dies. `text` is the record in this look at `ms`, and
 * has `size` bytes. */
static inline void die_writing_record(struct fixture *f, const struct record *r, enum outlet_look look, uint64_t ms,
                                      char *text, size_t size, size_t left)
{
        struct outlet_batch *shared = f->batch.outlet;
        struct lent_text t = {.number = ++f->batches,
                              .to = 1,
                              .lines = 1,
                              .rooms = (const uint32_t[]){1, 0},
                              .bytes = size,
                              .ms = ms,
                              .pieces = &(struct iovec){text, size - left},
                              .n = 1};
        shared->records[0] = (struct outlet_record){.id = r->id, .key = record_key(r)};
        shared->records[0].bytes[look] = (uint32_t)size;
        atomic_store(&shared->number, t.number);
        await_turn(f);
        assert_false(lent_prepare(&f->lent, &t) && lent_write(&f->lent, &t, 0));
        lent_close(&f->lent);
}

/* Calls the roll as a new chatd does. */
static inline void call_roll(struct fixture *f, uint64_t epoch)
{
        tell(f, FRAME_ROLLCALL, epoch, 0, "");
        assert_int_equal(next_frame(f).type, FRAME_HERE);
}

/* Asserts that the session has no more work, and that its client is shown nothing. */
static inline void assert_silent(struct fixture *f)
{
        char byte;
        for (int i = 0; i < 2; i++) { /* at the second line, the session has written all output from before the first */
                type(f, "x\n");
                assert_int_equal(next_frame(f).type, FRAME_LINE);
        }
        assert_int_equal(recv(f->client, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
}
