/* The page in a real Chromium, beside people at a telnet. Each function here runs the test of the same name in
 * tests/system/page.py. The chat runs without PID 1. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define AXE "build/axe/axe.min.js"
#define PICTURES "build/page" /* test_pictures() writes them there; make pictures takes them from there */

static struct chat *chat;
static pid_t keeper, launchers[2];

/* Finds two free ports. */
static void find_ports(int ports[static 2])
{
        int fds[2];
        for (size_t i = 0; i < 2; i++) {
                struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                socklen_t size = sizeof(a);
                fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(bind(fds[i], (struct sockaddr *)&a, size), 0);
                getsockname(fds[i], (struct sockaddr *)&a, &size);
                ports[i] = ntohs(a.sin_port);
        }
        close(fds[0]);
        close(fds[1]);
}

/* Starts chatd again whenever it ends, as systemd does. */
static void keep_broker(void)
{
        keeper = process_fork();
        while (keeper == 0) {
                chat_start_broker(chat);
                waitpid(chat->broker, NULL, 0);
        }
}

/* Lets a launcher start the program for each connection to a port. Returns the launcher's pid. */
static pid_t launch(int port, const char *name, const char *option)
{
        char text[16];
        snprintf(text, sizeof(text), "%d", port);
        char *const argv[] = {"tcpserver", "-HRDl0", "-c",          "1000",       "-b",           "100",
                              "127.0.0.1", text,     program(name), chat->option, (char *)option, NULL};
        return process_start(argv, -1, -1, -1);
}

static int teardown(void **state)
{
        (void)state;
        for (size_t i = 0; i < 2; i++)
                if (launchers[i] > 0)
                        process_end(launchers[i]);
        if (keeper > 0) {
                kill(keeper, SIGKILL); /* chatd dies with it */
                waitpid(keeper, NULL, 0);
        }
        if (chat)
                chat_stop(chat);
        chat = NULL;
        keeper = launchers[0] = launchers[1] = 0;
        return 0;
}

/* Runs a test of page.py in a chat of its own. */
static void run_page(const char *test)
{
        char host[32], telnet[32];
        int ports[2], status;
        if (access("/usr/bin/chromedriver", X_OK) != 0) {
                print_message("There is no Chromium.\n");
                skip();
        }
        find_ports(ports);
        chat = chat_prepare();
        chat->history = "--history=20";
        chat_hold_queue(chat);
        keep_broker();
        launchers[0] = launch(ports[0], "chat-web", NULL);
        launchers[1] = launch(ports[1], "chat-session", "--pace=off");
        for (size_t i = 0; i < 2; i++)
                shell_until("nc -z 127.0.0.1 %d", ports[i]);
        snprintf(host, sizeof(host), "127.0.0.1:%d", ports[0]);
        snprintf(telnet, sizeof(telnet), "127.0.0.1:%d", ports[1]);
        shell("mkdir -p " PICTURES);
        char *const argv[] = {"/usr/bin/python3",
                              "tests/system/page.py",
                              "--host",
                              host,
                              "--telnet",
                              telnet,
                              "--run-dir",
                              chat->dir,
                              "--pictures=" PICTURES,
                              (char *)test,
                              access(AXE, R_OK) == 0 ? "--axe=" AXE : NULL,
                              NULL};
        waitpid(process_start(argv, -1, -2, -2), &status, 0); /* each wait of page.py has a deadline */
        assert_int_equal(status, 0);
}

#define PAGE_TEST(name)                                                                                                \
        static void name(void **state)                                                                                 \
        {                                                                                                              \
                (void)state;                                                                                           \
                run_page(#name);                                                                                       \
        }
PAGE_TEST(test_chatd_is_killed_while_people_talk)
PAGE_TEST(test_the_process_of_a_connection_is_killed)
PAGE_TEST(test_a_process_dies_with_lines_that_it_took)
PAGE_TEST(test_the_network_is_away)
PAGE_TEST(test_more_lines_than_the_chat_keeps)
PAGE_TEST(test_refused)
PAGE_TEST(test_reload)
PAGE_TEST(test_the_network_falls_silent)
PAGE_TEST(test_offline_in_the_browser)
PAGE_TEST(test_many_lines)
PAGE_TEST(test_hostile_lines)
PAGE_TEST(test_unread_and_private)
PAGE_TEST(test_notifications)
PAGE_TEST(test_phone)
PAGE_TEST(test_keys_alone)
PAGE_TEST(test_axe)
PAGE_TEST(test_pictures)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_chatd_is_killed_while_people_talk, teardown),
                cmocka_unit_test_teardown(test_the_process_of_a_connection_is_killed, teardown),
                cmocka_unit_test_teardown(test_a_process_dies_with_lines_that_it_took, teardown),
                cmocka_unit_test_teardown(test_the_network_is_away, teardown),
                cmocka_unit_test_teardown(test_more_lines_than_the_chat_keeps, teardown),
                cmocka_unit_test_teardown(test_refused, teardown),
                cmocka_unit_test_teardown(test_reload, teardown),
                cmocka_unit_test_teardown(test_the_network_falls_silent, teardown),
                cmocka_unit_test_teardown(test_offline_in_the_browser, teardown),
                cmocka_unit_test_teardown(test_many_lines, teardown),
                cmocka_unit_test_teardown(test_hostile_lines, teardown),
                cmocka_unit_test_teardown(test_unread_and_private, teardown),
                cmocka_unit_test_teardown(test_notifications, teardown),
                cmocka_unit_test_teardown(test_phone, teardown),
                cmocka_unit_test_teardown(test_keys_alone, teardown),
                cmocka_unit_test_teardown(test_axe, teardown),
                cmocka_unit_test_teardown(test_pictures, teardown),
        };
        return RUN_TESTS(tests, NULL, NULL);
}
