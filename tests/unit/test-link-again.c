/* Streams, chatd and chat-link begin anew, and chat-link may be killed at any step. Nothing is shown twice. */
#include "link-fixture.h"

static void rollcall(struct fixture *f)
{
        tell_link(f, &(struct frame){.type = FRAME_ROLLCALL, .id = CHATD_EPOCH});
}

static void test_another_stream(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        settle(f);
        network_replace(f->network, STREAM + 1);
        say_there(f, 0, 1);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3");
        restart(f);
        say_there(f, 0, 1); /* read from the right place of the right stream */
        assert_seen(f, "eve@b 4");
        assert_int_equal(f->network->from.stream, STREAM + 1);
        network_replace(f->network, 0);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 5");
}

/* A user that may delete the stream can do so again and again. */
static void test_many_streams(void **state)
{
        struct fixture *f = *state;
        char expected[32];
        settle(f);
        for (unsigned i = 0; i < 300; i++) {
                network_replace(f->network, STREAM + 1 + i);
                say_there(f, 0, 1);
                snprintf(expected, sizeof(expected), "eve@b %u", i);
                assert_seen(f, expected);
        }
}

static void test_a_stream_that_was_put_back(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 4; i++)
                say_there(f, 0, 1);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3");
        network_put_back(f->network, 3); /* its server had a power loss: the numbers of lost messages are used again */
        say_there(f, 0, 1);
        say_there(f, 1, 1);
        assert_seen(f, "eve@b 4, eve@c 0");
        restart(f); /* it is read from the right place */
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 5");
        kill_link(f);
        network_put_back(f->network, 1);
        begin(f);
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 6");
}

static void test_a_stream_is_replaced_while_a_frame_waits(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        uint8_t frame[FRAME_HEADER_BYTES];
        size_t size = frame_encode(frame, sizeof(frame), &(struct frame){.type = FRAME_INJECT, .id = LINK_ID});
        while (sendto(f->link->inject.socket, frame, size, MSG_DONTWAIT, NULL, 0) > 0)
                ; /* chatd's queue is full */
        work(f);
        assert_true(f->link->inject.is_blocked);
        network_replace(f->network, STREAM + 1);
        say_there(f, 0, 1);
        work(f);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2");
}

static void lose_queue(struct fixture *f)
{
        close(f->intake);
        f->intake = rundir_bind(f->dir);
}

static void test_the_first_of_a_stream_and_killed(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 1);
        assert_seen(f, "eve@b 0");
        f->network->stream++;
        f->network->begin_due = true;
        work(f);
        say_there(f, 0, 1);
        work(f);
        lose_queue(f); /* with the first record of this stream for chatd */
        restart(f);
        assert_seen(f, "eve@b 1");
}

static void test_what_chatd_has_is_not_told_again(void **state)
{
        struct fixture *f = *state;
        settle(f);
        publish(f, "b", 1, 0, 2, &(struct record){.kind = RECORD_MISSED, .number = 7});
        assert_seen(f, "* 7 lines from b are missing, eve@b 1");
        restart(f);
        assert_seen(f, "");
        assert_int_equal(f->network->from.sequence, 0); /* it was read again */
        assert_int_equal(f->network->next, 1);
}

static void test_stored_twice_and_killed(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 3);
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2");
        publish(f, "b", 1, 0, 3, NULL);
        publish(f, "c", 1, 0, 1, &(struct record){.kind = 99}); /* chatd knows no record of this kind */
        settle(f);
        restart(f);
        assert_seen(f, "");
        publish(f, "b", 1, 2, 2, NULL);
        work(f);
        restart(f); /* before chatd looked at it */
        assert_seen(f, "eve@b 3");
}

static void test_the_queue_of_chatd_is_lost(void **state)
{
        struct fixture *f = *state;
        settle(f);
        say_there(f, 0, 2);
        settle(f);
        say_there(f, 0, 2);
        work(f);       /* the record is in chatd's queue */
        lose_queue(f); /* the queue with the record is lost */
        say_there(f, 0, 1);
        work(f);
        now_ms += 1000;
        assert_seen(f, "eve@b 0, eve@b 1, eve@b 2, eve@b 3, eve@b 4");
        assert_int_equal(f->network->reads, 2);
}

static void test_roll_call(void **state)
{
        struct fixture *f = *state;
        settle(f);
        rollcall(f);
        settle(f);
        assert_int_equal(f->hellos, 2);
        assert_int_equal(f->network->reads, 1);
        tell_link(f, &(struct frame){.type = FRAME_MISSED, .id = CHATD_EPOCH, .number = 1});
        settle(f);
        assert_int_equal(f->hellos, 3); /* to learn how many members there are */
}

static void test_hello_is_said_again(void **state)
{
        struct fixture *f = *state;
        work(f);
        recv(f->intake, f->buffer, sizeof(f->buffer), MSG_DONTWAIT); /* HELLO is lost */
        settle(f);
        assert_int_equal(f->hellos, 0);
        now_ms += LINK_HELLO_MS;
        settle(f);
        assert_int_equal(f->hellos, 1);
        assert_true(f->network->reading);
}

/* Until a link reads, it may miss what other hosts say. */
static void test_a_link_is_linked_when_it_reads(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        close(f->intake);
        path_broker(&address, f->dir);
        unlink(address.sun_path);
        for (int i = 0; i < 5; i++)
                work(f);
        assert_false(f->network->reading);
        assert_non_null(strstr(f->link->status_line, "not linked: waiting for chatd"));
        f->intake = rundir_bind(f->dir);
        now_ms += 1000;
        settle(f);
        assert_true(f->network->reading);
        now_ms += LINK_STATUS_MS;
        settle(f);
        assert_non_null(strstr(f->link->status_line, "STATUS=linked as here"));
}

static void test_the_inbox_waits_until_chatd_was_found(void **state)
{
        struct fixture *f = *state;
        struct sockaddr_un address;
        if (getuid() == 0) { /* by default root is not taken for chatd */
                f->chatd = 65534;
                path_broker(&address, f->dir);
                assert_int_equal(chown(f->dir, f->chatd, 0), 0);
        }
        close(f->intake);
        path_broker(&address, f->dir);
        unlink(address.sun_path);
        say_here(f);
        for (int i = 0; i < 5; i++)
                work(f);
        assert_int_equal(f->link->inbox.ignored_count, 0);
        f->intake = rundir_bind(f->dir);
        assert_int_equal(chown(address.sun_path, f->chatd, 0), 0);
        now_ms += 1000;
        settle(f);
        assert_int_equal(spool_position(f->spool), 1);
        assert_int_equal(f->network->publishes, 1);
        assert_int_equal(f->hellos, 1);
        kill_link(f);
        begin(f);
        say_here(f);
        link_drain(f->link); /* stopped before it looked for chatd */
        assert_int_equal(f->link->inbox.ignored_count, 0);
        assert_int_equal(spool_position(f->spool), 1);
        settle(f);
        assert_int_equal(spool_position(f->spool), 2);
}

static void test_while_the_network_ends(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; i < 3; i++)
                say_here(f);
        rollcall(f);
        tell_link(f, &(struct frame){.type = FRAME_WELCOME, .id = CHATD_EPOCH, .name = slice_of("link")});
        say_here(f);
        assert_true(link_drain(f->link) > now_ms + 60000); /* until there is more in the inbox */
        assert_int_equal(spool_position(f->spool), 4);
        assert_int_equal(f->network->publishes, 0); /* the network is told nothing */
        assert_int_equal(f->network->reads, 1);
        serve(f); /* chatd is told nothing either */
        assert_int_equal(f->hellos, 1);
        for (int i = 0; i < 1000; i++) /* as many as the inbox takes */
                say_here(f);
        for (int calls = 1; link_drain(f->link) <= now_ms; calls++)
                assert_in_range(calls, 1, 100);
        assert_int_equal(spool_position(f->spool), f->said);
}

static void test_a_full_spool_while_the_network_ends(void **state)
{
        struct fixture *f = *state;
        settle(f);
        for (int i = 0; !f->link->full; i++) {
                assert_in_range(i, 0, SPOOL_RING_MIN_BYTES / 16);
                say_here(f);
                link_drain(f->link);
        }
        uint64_t full = f->said - 1;
        assert_int_equal(spool_position(f->spool), full);
        assert_in_range(link_drain(f->link), now_ms + 1, now_ms + LINK_FULL_MS);
        struct spool_chunk chunk;
        while (spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer)))
                spool_release(f->spool);
        link_drain(f->link);
        assert_false(f->link->full);
        assert_int_equal(spool_position(f->spool), f->said);
}

/* Asserts that the link and chatd have forgotten the other hosts. The earlier lines of these hosts are not shown
 * again. */
static void assert_begins_anew(struct fixture *f)
{
        f->last = 0;
        say_there(f, 0, 1);
        begin(f);
        settle(f);
        alive(f, "b", 1);
        say_there(f, 0, 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "eve@b 2, * b is here, with 1 person");
}

static void hear_of_others(struct fixture *f)
{
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        say_there(f, 0, 1);
        assert_seen(f, "* b is here, with 1 person, eve@b 0");
}

static void test_after_another_boot(void **state)
{
        struct fixture *f = *state;
        hear_of_others(f);
        kill_link(f);
        FILE *file = fopen(f->path, "r+e");
        fseek(file, 24, SEEK_SET); /* the id of the boot */
        fputc('x', file);
        fclose(file);
        assert_begins_anew(f);
}

/* The notes are gone, as if /run were emptied without another boot. */
static void test_after_the_notes_of_chatd_are_gone(void **state)
{
        struct fixture *f = *state;
        char old[160];
        hear_of_others(f);
        kill_link(f);
        snprintf(old, sizeof(old), "%s.old", f->notes);
        assert_int_equal(rename(f->notes, old), 0);
        assert_int_equal(mkdir(f->notes, 0700), 0);
        assert_begins_anew(f);
}

static void test_what_another_version_kept(void **state)
{
        struct fixture *f = *state;
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
        f->link->kept->layout--;
        restart(f);
        settle(f);
        alive(f, "b", 1);
        settle(f);
        alive(f, "b", 1);
        assert_seen(f, "* b is here, with 1 person");
}

enum { ROUNDS = 600 };

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525 + 1013904223;
        return *seed >> 8;
}

/* Asserts that the spool has every line of ann's, once and in order. */
static void assert_all_spooled(struct fixture *f)
{
        struct spool_chunk chunk;
        uint64_t next = 1;
        while (spool_next(f->spool, &chunk, f->buffer, sizeof(f->buffer))) {
                struct wire_reader r = wire_read(chunk.data, chunk.size);
                struct record rec = {0};
                while (record_next(&r, &rec) > 0)
                        assert_int_equal(rec.number, next++);
                spool_release(f->spool);
        }
        assert_int_equal(next, f->said + 1);
}

/* Settles everything, including records that were lost with a queue, which the link learns from a roll call. */
static void settle_all(struct fixture *f)
{
        settle(f);
        rollcall(f);
        for (int i = 0; i < 8; i++) {
                now_ms += INJECT_RETRY_MAX_MS;
                settle(f);
        }
}

static void test_killed_at_any_step(void **state)
{
        struct fixture *f = *state;
        uint32_t seed = (uint32_t)getpid();
        printf("seed %u\n", seed);
        f->kept_from = 0;
        f->deaf = 5;
        settle(f); /* lines from before its start are not for people on this host */
        say_there(f, 0, 1);
        say_there(f, 1, 1);
        settle(f);
        for (int i = 0; i < ROUNDS; i++) {
                for (uint32_t n = next_random(&seed) % 4; n > 0; n--) {
                        say_there(f, next_random(&seed) % 2 ? 0 : 1, next_random(&seed) % 4);
                        say_here(f);
                }
                if (next_random(&seed) % 8 == 0) { /* NATS loses something, which the next message shows */
                        int host = next_random(&seed) % 2;
                        f->positions[host] += 1 + next_random(&seed) % 8;
                        say_there(f, host, 1);
                }
                if (next_random(&seed) % 8 == 0)
                        now_ms += GAP_ASK_MS;
                switch (next_random(&seed) % 32) {
                case 0:
                        rollcall(f);
                        break;
                case 1: /* chatd's queue is lost */
                        lose_queue(f);
                        break;
                case 2: /* another stream, without the earlier messages: all of them must have come */
                        settle_all(f);
                        f->network->stream++;
                        f->network->begin_due = true;
                        steps_left = 1 + next_random(&seed) % 8;
                        work(f);
                        settle_all(f);
                        break;
                default:
                        break;
                }
                steps_left = next_random(&seed) % 2 ? 1 + next_random(&seed) % 24 : 0;
                work(f);
                if (next_random(&seed) % 2)
                        serve(f);
        }
        settle_all(f);
        assert_true(f->kills > ROUNDS / 8);
        assert_all_seen(f);
        assert_all_spooled(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_another_stream),
                TEST(test_many_streams),
                TEST(test_a_stream_that_was_put_back),
                TEST(test_a_stream_is_replaced_while_a_frame_waits),
                TEST(test_the_first_of_a_stream_and_killed),
                TEST(test_what_chatd_has_is_not_told_again),
                TEST(test_stored_twice_and_killed),
                TEST(test_the_queue_of_chatd_is_lost),
                TEST(test_roll_call),
                TEST(test_hello_is_said_again),
                TEST(test_a_link_is_linked_when_it_reads),
                TEST(test_the_inbox_waits_until_chatd_was_found),
                TEST(test_while_the_network_ends),
                TEST(test_a_full_spool_while_the_network_ends),
                TEST(test_after_another_boot),
                TEST(test_after_the_notes_of_chatd_are_gone),
                TEST(test_what_another_version_kept),
                TEST(test_killed_at_any_step),
        };
        return RUN_TESTS(tests);
}
