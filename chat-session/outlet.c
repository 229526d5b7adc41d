#include "outlet.h"

#include <errno.h>
#include <sys/mman.h>

#include <chat/clock.h>
#include <chat/display.h>

#include "client-output.h"

static void outlet_unmap(struct outlet *o)
{
        if (o->page)
                munmap(o->page, sizeof(*o->page));
        if (o->batch)
                munmap((void *)o->batch, sizeof(*o->batch));
        o->page = NULL;
        o->batch = NULL;
}

/* Maps the memory behind `fd`. Returns NULL if that fails. */
static void *outlet_map(int fd, size_t size, int protection)
{
        void *mapped = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
        return mapped == MAP_FAILED ? NULL : mapped;
}

/* Passes the connection to chatd. Returns 0 or a negative errno. */
static int outlet_answer(int reply, int connection)
{
        uint8_t frame[FRAME_MAX_BYTES];
        struct iovec iov = {frame, frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_OUTLET})};
        return socket_send_fds(reply, &iov, &connection, 1);
}

void outlet_lend(struct outlet *o, const struct socket_fds *fds, const struct client *c)
{
        int64_t position = client_position(c);
        if (fds->count != LENT_FDS || position < 0)
                return;
        if (o->page)
                o->lines_out = outlet_lines_out(o);
        outlet_unmap(o);
        o->page = outlet_map(fds->fd[LENT_PAGE], sizeof(*o->page), PROT_READ | PROT_WRITE);
        o->batch = outlet_map(fds->fd[LENT_BATCH], sizeof(*o->batch), PROT_READ);
        o->base = position - (int64_t)c->written_bytes;
        o->has_turn = true; /* the turn is the session's at the beginning */
        if (!o->page || !o->batch || outlet_answer(fds->fd[LENT_REPLY], c->out) < 0)
                outlet_unmap(o);
}

bool outlet_wrote(struct outlet *o)
{
        uint64_t batch = o->page ? outlet_load(&o->page->batch) : o->last_batch;
        bool wrote = batch != o->last_batch;
        o->last_batch = batch;
        return wrote;
}

bool outlet_claim(struct outlet *o)
{
        uint32_t free = OUTLET_FREE;
        if (o->page && !o->has_turn)
                o->has_turn = atomic_compare_exchange_strong_explicit(&o->page->turn, &free, OUTLET_SESSION,
                                                                      memory_order_acquire, memory_order_relaxed);
        if (!o->page || o->has_turn) {
                o->retry_ms = 0;
                return true;
        }
        int64_t retry_ms = o->retry_ms == 0 ? OUTLET_RETRY_MIN_MS : 2 * o->retry_ms;
        o->retry_ms = clock_earlier(retry_ms, OUTLET_RETRY_MAX_MS);
        return false;
}

void outlet_is_slow(struct outlet *o)
{
        if (o->page && o->has_turn)
                outlet_store(&o->page->turn, OUTLET_SLOW);
}

void outlet_release(struct outlet *o, const struct client *c, uint64_t datagrams)
{
        if (!o->page)
                return;
        outlet_store(&o->page->datagrams, datagrams);
        if (!o->has_turn)
                return;
        o->has_turn = false;
        outlet_store(&o->page->session_bytes, (uint64_t)o->base + c->written_bytes);
        atomic_store_explicit(&o->page->turn, OUTLET_FREE, memory_order_release);
}

void outlet_keep(struct outlet *o)
{
        if (o->page && outlet_claim(o))
                outlet_store(&o->page->turn, OUTLET_KEPT);
}

/* Returns how many bytes of chatd's last write the client has, while the turn is still OUTLET_WRITING. */
static uint64_t outlet_bytes_taken(const struct outlet *o, const struct client *c)
{
        int64_t bytes = client_position(c) - (int64_t)outlet_load(&o->page->at);
        uint64_t most = outlet_load(&o->page->bytes);
        if (bytes <= 0)
                return 0;
        return (uint64_t)bytes < most ? (uint64_t)bytes : most;
}

void outlet_settle(struct outlet *o, const struct client *c)
{
        if (!o->page || outlet_load(&o->page->turn) != OUTLET_WRITING)
                return;
        o->client_bytes = outlet_bytes_taken(o, c);
        o->base += (int64_t)o->client_bytes;
        outlet_store(&o->page->turn, OUTLET_SESSION);
        o->has_turn = true;
}

/* Remembers the records of chatd's last write, of which the client has `client_bytes`. `count` counts their lines, too,
 * because chatd has not done it. */
static void outlet_remember(struct outlet *o, struct seen *seen, uint64_t own, bool count)
{
        uint32_t to = outlet_load(&o->page->to), room = outlet_load(&o->page->room);
        for (uint32_t i = outlet_load(&o->page->from); i < to && i < BATCH_MAX_RECORDS && o->client_bytes > 0; i++) {
                const struct outlet_record *r = &o->batch->records[i];
                if (r->id == own || r->bytes == OUTLET_PRIVATE || (r->room != 0 && r->room != room))
                        continue;
                if (o->client_bytes < r->bytes) {
                        o->rest.id = r->id;
                        o->rest.number = r->number;
                        o->rest.bytes = (size_t)o->client_bytes;
                        break;
                }
                o->client_bytes -= r->bytes;
                seen_remember(seen, r->id, r->number);
                o->lines_out += count && r->bytes > 0;
        }
        o->client_bytes = 0;
}

void outlet_end(struct outlet *o, struct client *c, struct seen *seen, uint64_t own)
{
        if (!o->page)
                return;
        bool torn = false;
        uint32_t turn = outlet_load(&o->page->turn);
        uint64_t number = outlet_load(&o->batch->number);
        uint64_t bytes = outlet_load(&o->page->bytes);
        o->client_bytes = turn == OUTLET_WRITING ? outlet_bytes_taken(o, c) : bytes;
        /* An earlier batch than the last one was consumed. In OUTLET_CHATD nothing of the last one was written. */
        if (number == 0 || number != outlet_load(&o->page->batch))
                torn = o->client_bytes > 0 && o->client_bytes < bytes;
        else if (turn != OUTLET_CHATD)
                outlet_remember(o, seen, own, turn == OUTLET_WRITING);
        o->client_bytes = 0;
        c->broken_off = o->rest.bytes > 0;
        if (torn) /* the session's inbox was full; otherwise the rest would have come as a datagram */
                client_give_up_rest(c);
        o->lines_out = outlet_lines_out(o);
        outlet_unmap(o);
        o->has_turn = false;
}

size_t outlet_has(struct outlet *o, const struct record *r)
{
        size_t bytes = display_bytes(r), has = o->client_bytes < bytes ? (size_t)o->client_bytes : bytes;
        o->client_bytes -= has;
        o->lines_out += bytes > 0 && has == bytes;
        if (o->rest.bytes > 0 && o->rest.id == r->id && o->rest.number == r->number) {
                has = o->rest.bytes;
                o->rest.bytes = 0;
        }
        return has;
}

uint64_t outlet_relayed(const struct outlet *o)
{
        return o->page ? outlet_load(&o->page->relayed_number) : 0;
}

uint64_t outlet_lines_out(const struct outlet *o)
{
        return o->lines_out + (o->page ? outlet_load(&o->page->lines_out) : 0);
}
