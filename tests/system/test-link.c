/* chat-link as a program: what it does to the one that runs already. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

static void test_a_second_one(void **state)
{
        (void)state;
        struct chat *chat = chat_start();
        char settings[128], state_dir[128];
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(settings, sizeof(settings), "--config=%s/link.conf", chat->dir);
        snprintf(state_dir, sizeof(state_dir), "--state-dir=%s", chat->dir);
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/link.sock", chat->dir);
        shell("echo Servers=nats://127.0.0.1:1 > %s/link.conf", chat->dir);
        char *const argv[] = {program("chat-link"), settings, chat->option, state_dir, NULL};
        pid_t first = process_start(argv, -1, -1, -1);
        shell_until("test -S %s && test -s %s/spool", address.sun_path, chat->dir);
        assert_int_equal(process_wait(process_start(argv, -1, -1, -1)), 1);
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0); /* the first still has its inbox */
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        close(fd);
        kill(first, SIGTERM);
        assert_int_equal(process_wait(first), 0);
        assert_int_equal(access(address.sun_path, F_OK), -1);
        first = process_start(argv, -1, -1, -1); /* what one that was killed left is in nobody's way */
        shell_until("test -S %s", address.sun_path);
        kill(first, SIGKILL);
        process_wait(first);
        first = process_start(argv, -1, -1, -1);
        fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        for (int64_t i = 0; i < 6000 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0; i++)
                usleep(10000);
        close(fd);
        kill(first, SIGTERM);
        assert_int_equal(process_wait(first), 0);
        chat_stop(chat);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_second_one),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
