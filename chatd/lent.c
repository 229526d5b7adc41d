#include "lent.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chat/clock.h>
#include <chat/socket.h>

/* Maps `size` bytes of new memory. Returns a descriptor of it, or a negative errno. No process can make the memory
 * larger or smaller, because smaller memory would cause a SIGBUS in chatd. */
static int lent_make_memory(const char *name, size_t size, void **memory)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        *memory = MAP_FAILED;
        if (ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
                *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (*memory == MAP_FAILED) {
                int error = -errno;
                close(fd);
                return error;
        }
        return fd;
}

int lent_batch_init(struct lent_batch *b)
{
        void *memory = NULL;
        b->fd = lent_make_memory("chat-batch", sizeof(*b->outlet), &memory);
        if (b->fd < 0)
                return b->fd;
        b->outlet = memory;
        /* chatd's own mapping stays writable. */
        if (fcntl(b->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
                int error = -errno;
                lent_batch_free(b);
                return error;
        }
        return 0;
}

void lent_batch_free(struct lent_batch *b)
{
        if (!b->outlet)
                return;
        munmap(b->outlet, sizeof(*b->outlet));
        close(b->fd);
        b->outlet = NULL;
}

void lent_init(struct lent *l)
{
        *l = (struct lent){.client = -1, .reply = -1};
}

static void lent_close_reply(struct lent *l)
{
        if (l->reply >= 0)
                close(l->reply);
        l->reply = -1;
}

void lent_close(struct lent *l)
{
        if (l->page)
                munmap(l->page, sizeof(*l->page));
        if (l->client >= 0) {
                close(l->client);
                l->batch->clients[l->look]--;
        }
        if (l->page && l->client < 0) {
                int64_t pause_ms = l->pause_ms == 0 ? LENT_ASK_AGAIN_MIN_MS : 2 * l->pause_ms;
                l->pause_ms = clock_earlier(pause_ms, LENT_ASK_AGAIN_MAX_MS);
        }
        lent_close_reply(l);
        *l = (struct lent){.client = -1, .reply = -1, .ask_ms = l->ask_ms, .pause_ms = l->pause_ms};
}

bool lent_may_ask(const struct lent *l, int64_t now)
{
        return l->worth_asking && !lent_is_open(l) && (l->pause_ms == 0 || now >= lent_pause_ends_ms(l));
}

/* Sends LEND with these descriptors. Returns 0 or a negative errno. */
static int lent_send_question(int inbox, uint64_t epoch, const int fds[static LENT_FDS])
{
        uint8_t frame[FRAME_MAX_BYTES];
        struct iovec iov = {frame,
                            frame_encode(frame, sizeof(frame),
                                         &(struct frame){.type = FRAME_LEND, .id = epoch, .number = OUTLET_LAYOUT})};
        return socket_send_fds(inbox, &iov, fds, LENT_FDS);
}

int lent_ask(struct lent *l, int fd, uint64_t epoch, struct lent_batch *batch, int64_t now)
{
        int pair[2];
        void *memory = NULL;
        int page = lent_make_memory("chat-outlet", sizeof(*l->page), &memory), r;

        l->ask_ms = now;
        l->worth_asking = false;
        l->datagrams = 0;
        if (page < 0)
                return page;
        l->page = memory;
        l->batch = batch;
        outlet_store(&l->page->turn, OUTLET_SESSION);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                r = -errno;
        } else {
                l->reply = pair[0];
                r = lent_send_question(
                        fd, epoch,
                        (int[LENT_FDS]){[LENT_PAGE] = page, [LENT_BATCH] = batch->fd, [LENT_REPLY] = pair[1]});
                close(pair[1]);
        }
        close(page);
        if (r < 0)
                lent_close(l);
        return r;
}

/* Returns true for a plain TCP socket. chatd's writes are made for these: another kind might block, or count its bytes
 * in another way. */
static bool lent_is_tcp(int fd)
{
        int domain = 0, protocol = 0;
        char layer[16]; /* the name of an upper layer, such as TLS in the kernel */
        socklen_t size = sizeof(int), layer_size = sizeof(layer);
        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
               getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
               (domain == AF_INET || domain == AF_INET6) && protocol == IPPROTO_TCP &&
               getsockopt(fd, IPPROTO_TCP, TCP_ULP, layer, &layer_size) == 0 && layer_size == 0;
}

/* Takes the look that the session states in its page. Returns false if chatd does not write such lines. */
static bool lent_take_look(struct lent *l)
{
        uint32_t look = l->page->look;
        l->look = look < OUTLET_LOOKS ? look : OUTLET_NO_LOOK;
        return l->look < OUTLET_IRC ||
               (l->look != OUTLET_NO_LOOK && strncmp(l->page->server, l->batch->server, OUTLET_SERVER_BYTES) == 0);
}

bool lent_answer(struct lent *l)
{
        uint8_t buffer[FRAME_MAX_BYTES];
        struct frame f;
        struct socket_fds fds = {0};
        const struct linger no_linger = {0};
        struct iovec iov = {buffer, sizeof(buffer)};
        struct fds_room control;
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n = recvmsg(l->reply, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n >= 0)
                socket_take_fds(&msg, &fds);
        if (fds.count == 1 && frame_decode(&f, buffer, (size_t)n) == 0 && f.type == FRAME_OUTLET &&
            lent_is_tcp(fds.fd[0]) && lent_take_look(l)) {
                l->client = fds.fd[0];
                l->batch->clients[l->look]++;
                /* otherwise chatd's close() could block */
                setsockopt(l->client, SOL_SOCKET, SO_LINGER, &no_linger, sizeof(no_linger));
                lent_close_reply(l);
                return true;
        }
        socket_close_fds(&fds);
        lent_close(l);
        return false;
}

/* Takes the turn. Returns false if the session has the turn, or has datagrams to write first. */
static bool lent_take_turn(struct lent *l)
{
        uint32_t turn = OUTLET_FREE;
        if (!atomic_compare_exchange_strong_explicit(&l->page->turn, &turn, OUTLET_CHATD, memory_order_acquire,
                                                     memory_order_relaxed))
                return false;
        if (outlet_load(&l->page->datagrams) == l->datagrams)
                return true;
        atomic_store_explicit(&l->page->turn, OUTLET_FREE, memory_order_release);
        return false;
}

/* Notes in the page what chatd is about to write. chatd must have the turn. */
static void lent_note_text(struct lent *l, const struct lent_text *text)
{
        struct outlet_page *o = l->page;
        uint64_t at = outlet_load(&o->session_bytes) + l->bytes;
        outlet_store(&o->at, at);
        outlet_store(&o->batch, text->number);
        outlet_store(&o->from, text->from);
        outlet_store(&o->to, text->to);
        outlet_store(&o->ms, text->ms);
        for (size_t i = 0; i == 0 || text->rooms[i - 1] != 0; i++)
                outlet_store(&o->rooms[i], text->rooms[i]);
        outlet_store(&o->bytes, (uint32_t)text->bytes);
}

bool lent_prepare(struct lent *l, const struct lent_text *text)
{
        if (l->client < 0 || !lent_take_turn(l))
                return false;
        lent_note_text(l, text);
        return true;
}

bool lent_write(struct lent *l, const struct lent_text *text, uint64_t relayed_number)
{
        struct outlet_page *o = l->page;
        struct msghdr msg = {.msg_iov = text->pieces, .msg_iovlen = text->n};

        atomic_store_explicit(&o->turn, OUTLET_WRITING, memory_order_release);
        ssize_t n = sendmsg(l->client, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 || (size_t)n < text->bytes)
                return false;
        l->bytes += text->bytes;
        l->unresponsive = false;
        atomic_store_explicit(&o->turn, OUTLET_FREE, memory_order_release);
        uint64_t lines = outlet_load(&o->lines_out) + text->lines;
        outlet_store(&o->lines_out, lines);
        outlet_store(&o->relayed_number, relayed_number);
        return true;
}

void lent_sent(struct lent *l)
{
        l->datagrams++;
}

bool lent_is_behind(const struct lent *l)
{
        if (l->client < 0 || l->unresponsive || outlet_load(&l->page->datagrams) == l->datagrams)
                return false;
        uint32_t turn = outlet_load(&l->page->turn);
        return turn == OUTLET_FREE || turn == OUTLET_SESSION;
}

bool lent_confirm(struct lent *l, uint64_t number)
{
        if (l->client < 0)
                return false;
        outlet_store(&l->page->relayed_number, number);
        return true;
}
