#include "loan.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include <chat/clock.h>

#include "client-output.h"

static void loan_unmap(struct loan *l)
{
        if (l->page)
                munmap(l->page, sizeof(*l->page));
        if (l->batch)
                munmap((void *)l->batch, sizeof(*l->batch));
        l->page = NULL;
        l->batch = NULL;
}

/* Maps the memory behind `fd`. Returns NULL if that fails. */
static void *loan_map(int fd, size_t size, int protection)
{
        void *mapped = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
        return mapped == MAP_FAILED ? NULL : mapped;
}

/* Passes the connection to chatd. Returns 0 or a negative errno. */
static int loan_answer(int reply, int connection)
{
        uint8_t frame[FRAME_TEXTLESS_BYTES];
        struct iovec iov = {frame, frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_OUTLET})};
        return socket_send_fds(reply, &iov, &connection, 1);
}

void loan_begin(struct loan *l, const struct socket_fds *fds, const struct client *c, enum outlet_look look,
                const char *server)
{
        int64_t position = client_position(c);
        if (fds->count != LENT_FDS || position < 0)
                return;
        if (l->page)
                l->lines_out = loan_lines_out(l);
        loan_unmap(l);
        l->page = loan_map(fds->fd[LENT_PAGE], sizeof(*l->page), PROT_READ | PROT_WRITE);
        l->batch = loan_map(fds->fd[LENT_BATCH], sizeof(*l->batch), PROT_READ);
        l->base = position - (int64_t)c->written_bytes;
        l->has_turn = true; /* a loan begins with the session's turn */
        l->look = look;
        if (l->page) {
                l->page->look = look;
                snprintf(l->page->server, sizeof(l->page->server), "%s", server);
        }
        if (!l->page || !l->batch || loan_answer(fds->fd[LENT_REPLY], c->out) < 0)
                loan_unmap(l);
}

bool loan_has_written(struct loan *l)
{
        uint64_t batch = l->page ? outlet_load(&l->page->batch) : l->last_batch;
        bool wrote = batch != l->last_batch;
        l->last_batch = batch;
        return wrote;
}

bool loan_claim(struct loan *l)
{
        uint32_t free = OUTLET_FREE;
        if (l->page && !l->has_turn)
                l->has_turn = atomic_compare_exchange_strong_explicit(&l->page->turn, &free, OUTLET_SESSION,
                                                                      memory_order_acquire, memory_order_relaxed);
        if (!l->page || l->has_turn) {
                l->retry_ms = 0;
                return true;
        }
        int64_t retry_ms = l->retry_ms == 0 ? LOAN_RETRY_MIN_MS : 2 * l->retry_ms;
        l->retry_ms = clock_earlier(retry_ms, LOAN_RETRY_MAX_MS);
        return false;
}

void loan_is_slow(struct loan *l)
{
        if (l->page && l->has_turn)
                outlet_store(&l->page->turn, OUTLET_SLOW);
}

void loan_release(struct loan *l, const struct client *c, uint64_t datagrams)
{
        if (!l->page)
                return;
        outlet_store(&l->page->datagrams, datagrams);
        if (!l->has_turn)
                return;
        l->has_turn = false;
        outlet_store(&l->page->session_bytes, (uint64_t)l->base + c->written_bytes);
        atomic_store_explicit(&l->page->turn, OUTLET_FREE, memory_order_release);
}

void loan_keep(struct loan *l)
{
        if (l->page && loan_claim(l))
                outlet_store(&l->page->turn, OUTLET_KEPT);
}

/* Returns how many bytes of chatd's last write the client has, while the turn is still OUTLET_WRITING. */
static uint64_t loan_bytes_taken(const struct loan *l, const struct client *c)
{
        int64_t bytes = client_position(c) - (int64_t)outlet_load(&l->page->at);
        uint64_t most = outlet_load(&l->page->bytes);
        if (bytes <= 0)
                return 0;
        return (uint64_t)bytes < most ? (uint64_t)bytes : most;
}

void loan_settle(struct loan *l, const struct client *c)
{
        if (!l->page || outlet_load(&l->page->turn) != OUTLET_WRITING)
                return;
        l->client_bytes = loan_bytes_taken(l, c);
        l->client_ms = outlet_load(&l->page->ms);
        l->base += (int64_t)l->client_bytes;
        outlet_store(&l->page->turn, OUTLET_SESSION);
        l->has_turn = true;
}

/* Returns true if the client is in the room of a record, or if the record is for everybody. */
static bool loan_is_in_room(const struct loan *l, const struct outlet_record *r)
{
        uint32_t room;
        for (size_t i = 0; i < MEMBER_ROOMS_MAX && (room = outlet_load(&l->page->rooms[i])) != 0; i++)
                if (room == r->room)
                        return true;
        return r->room == 0;
}

/* Returns true if chatd's last write has record `i`. */
static bool loan_is_for(const struct loan *l, uint32_t i, uint64_t own)
{
        const struct outlet_record *r = &l->batch->records[i];
        if (r->id == own || r->room == OUTLET_PRIVATE || !loan_is_in_room(l, r))
                return false;
        for (uint32_t copy = 1; copy <= r->copies && copy <= i; copy++)
                if (loan_is_in_room(l, r - copy))
                        return false;
        return true;
}

/* Remembers the records in the first `client_bytes` bytes of chatd's last write. With `count`, counts their lines, too:
 * chatd has not counted them. */
static void loan_remember(struct loan *l, struct seen *seen, uint64_t own, bool count)
{
        uint32_t to = outlet_load(&l->page->to);
        for (uint32_t i = outlet_load(&l->page->from); i < to && i < BATCH_MAX_RECORDS && l->client_bytes > 0; i++) {
                const struct outlet_record *r = &l->batch->records[i];
                if (!loan_is_for(l, i, own))
                        continue;
                uint32_t bytes = r->bytes[l->look];
                if (l->client_bytes < bytes) {
                        l->rest.id = r->id;
                        l->rest.key = r->key;
                        l->rest.bytes = (size_t)l->client_bytes;
                        l->rest.whole = bytes;
                        break;
                }
                l->client_bytes -= bytes;
                seen_remember(seen, r->id, r->key);
                l->lines_out += count && bytes > 0;
        }
        l->client_bytes = 0;
}

void loan_end(struct loan *l, struct client *c, struct seen *seen, uint64_t own)
{
        if (!l->page)
                return;
        bool torn = false;
        uint32_t turn = outlet_load(&l->page->turn);
        uint64_t number = outlet_load(&l->batch->number);
        uint64_t bytes = outlet_load(&l->page->bytes);
        l->client_bytes = turn == OUTLET_WRITING ? loan_bytes_taken(l, c) : bytes;
        l->client_ms = outlet_load(&l->page->ms);
        /* If the last write is of an earlier batch, that batch was consumed, and nobody relays it again. In
         * OUTLET_CHATD nothing of the last batch was written. */
        if (number == 0 || number != outlet_load(&l->page->batch))
                torn = l->client_bytes > 0 && l->client_bytes < bytes;
        else if (turn != OUTLET_CHATD)
                loan_remember(l, seen, own, turn == OUTLET_WRITING);
        l->client_bytes = 0;
        c->is_broken_off = l->rest.bytes > 0;
        if (torn) /* the session's inbox was full; otherwise the rest would have come as a datagram */
                client_give_up_rest(c);
        l->lines_out = loan_lines_out(l);
        loan_unmap(l);
        l->has_turn = false;
}

bool loan_may_have(const struct loan *l, const struct record *r)
{
        return l->client_bytes > 0 || (l->rest.bytes > 0 && l->rest.id == r->id && l->rest.key == record_key(r));
}

size_t loan_has(struct loan *l, const struct record *r, size_t bytes)
{
        size_t has = l->client_bytes < bytes ? (size_t)l->client_bytes : bytes;
        l->client_bytes -= has;
        l->lines_out += bytes > 0 && has == bytes;
        if (l->rest.bytes > 0 && l->rest.id == r->id && l->rest.key == record_key(r)) {
                has = l->rest.whole == bytes ? l->rest.bytes : 0;
                l->rest.bytes = 0;
        }
        return has;
}

uint64_t loan_relayed(const struct loan *l)
{
        return l->page ? outlet_load(&l->page->relayed_number) : 0;
}

uint64_t loan_lines_out(const struct loan *l)
{
        return l->lines_out + (l->page ? outlet_load(&l->page->lines_out) : 0);
}
