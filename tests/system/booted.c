#include "booted.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int install(const char *settings)
{
        if (getuid() != 0 || access("/run/systemd/system", F_OK) != 0) {
                fprintf(stderr, "Run this by `make check-system/NAME`, which boots a system for it.\n");
                exit(1);
        }
        /* chatd has a private /tmp, but its reports must be found */
        if (reports_dir())
                shell("d=/run/systemd/system/chatd.service.d; mkdir -p $d && printf '[Service]\\nBindPaths=%s\\n' "
                      ">$d/reports.conf",
                      reports_dir());
        shell("make --no-print-directory install 2>&1");
        shell("printf '%%b' '%s' >>/etc/chat/chat.conf", settings);
        shell("systemctl enable --now chat.socket 2>&1");
        return 0;
}

int booted_install(void **state)
{
        (void)state;
        return install("");
}

int booted_install_without_history(void **state)
{
        (void)state;
        return install("History=off\\n");
}

int booted_install_naming(void **state)
{
        (void)state;
        return install("History=off\\nArrivals=off\\n");
}

#define HELD "/run/systemd/system/chatd.service.d/held.conf"

void booted_hold_chatd(void)
{
        shell("rm -f /run/held && mkfifo /run/held && mkdir -p $(dirname " HELD ") && printf '[Service]\n"
              "ExecStartPre=+/bin/sh -c \"read released </run/held\"\n' >" HELD " && systemctl daemon-reload && "
              "systemctl stop chatd.service 2>&1");
}

void booted_release_chatd(void)
{
        shell("echo >/run/held && rm " HELD " && systemctl daemon-reload");
}

void booted_unpack(const char *dir, const char *const programs[])
{
        shell("for d in usr lib etc; do [ ! -d %s/$d ] || cp -a %s/$d/. /$d/ || exit 1; done", dir, dir);
        for (; *programs; programs++) {
                if (access(*programs, X_OK) == 0)
                        continue;
                fprintf(stderr, "SKIPPED: no %s; these tests need %s, which apt-get downloads\n", *programs, dir);
                exit(getenv("NO_SKIP") ? 1 : 0);
        }
}

void booted_install_certificate(void)
{
        shell("cd /root && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
              "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>&1");
        shell("install -m 644 /root/cert.pem /etc/chat/tls-cert.pem");
        shell("install -m 640 -g chat-tls /root/key.pem /etc/chat/tls-key.pem");
}

struct client *booted_start_client(char *const argv[], pid_t *pid)
{
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        *pid = process_start(argv, fds[1], fds[1], -1);
        close(fds[1]);
        return client_of(fds[0], argv[0]);
}

struct client *booted_start_tls_client(const char *target, pid_t *pid)
{
        char *const argv[] = {"openssl",
                              "s_client",
                              "-quiet",
                              "-no_ign_eof",
                              "-CAfile",
                              "/etc/chat/tls-cert.pem",
                              "-verify_return_error",
                              "-verify_hostname",
                              "localhost",
                              "-connect",
                              (char *)target,
                              NULL};
        return booted_start_client(argv, pid);
}

struct client *booted_join(void)
{
        struct client *c = client_connect("127.0.0.1", CHAT_PORT);
        client_greeted(c);
        clients_announced("/run/chat");
        return c;
}

pid_t booted_session(const struct client *c)
{
        /* members/ID → "SINCE KEY ADDRESS NAME"; the pid is the upper half of ID */
        const char *id = shell(
                "cd /run/chat/members && for i in *; do case $(readlink $i) in *' %s') echo $i;; esac; done", c->name);
        char upper[9] = "";
        assert_int_equal(strlen(id), 16);
        memcpy(upper, id, 8);
        return (pid_t)strtol(upper, NULL, 16);
}
