/* Wrong servers and settings of the link: it says what is wrong, and goes on when that is mended. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nats-credentials.h"
#include "network-hosts.h"

/* Waits until the host reports this problem. The report must not have the secrets of the settings. */
static void until_problem(struct host *h, const char *text)
{
        UNTIL(strstr(h->status.problem, text));
        assert_null(strstr(h->status.problem, "secret"));
        assert_null(strstr(h->status.server, "secret"));
        assert_null(strchr(h->status.problem, '\n'));
}

static void test_nobody_listens(void **state)
{
        (void)state;
        struct nats *server = nats_prepare(false, "");
        struct host *a = host_make("a");
        host_run(a);
        until_problem(a, "Servers= in link.conf names no server");
        host_halt(a);
        host_add_server(a, server->url);
        host_run(a);
        until_problem(a, "no NATS server at");
        nats_run(server);
        UNTIL(reads(a) && !*a->status.problem);
        nats_signal(server, SIGKILL);
        until_problem(a, "no NATS server at");
        assert_false(a->status.is_connected);
        host_halt(a);
        strcpy(a->config.servers[0], "nats://ann:secret@no-such-host.invalid:4222");
        host_run(a);
        until_problem(a, "nats://no-such-host.invalid:4222 of Servers= in link.conf has no address");
}

/* Answers every connection with `answer`, for ever, and closes it. If `answer` is NULL, does neither. */
static void serve_nonsense(int listener, const char *answer)
{
        for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;) {
                if (!answer)
                        continue;
                if (write(fd, answer, strlen(answer)) < 0)
                        _exit(1);
                close(fd);
        }
        _exit(0);
}

static long resident_kib(void)
{
        return strtol(shell("sed -n 's/VmRSS: *//p' /proc/%d/status", (int)getpid()), NULL, 10);
}

static void test_what_is_no_nats_server(void **state)
{
        (void)state;
        static const char *const answers[] = {
                NULL,
                "",
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "INFO {\r\n",
                "INFO {\"max_payload\":-1}\r\nPONG\r\n",
                "INFO {\"server_id\":\"x\",\"max_payload\":1048576,\"headers\":true}\r\n",
                "INFO {\"server_id\":\"x\",\"max_payload\":1048576}\r\nPONG\r\n-ERR 'x'\r\n"};
        long before = resident_kib();
        for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
                struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                socklen_t size = sizeof(address);
                int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
                assert_int_equal(listen(listener, 16), 0);
                getsockname(listener, (struct sockaddr *)&address, &size);
                pid_t pid = process_fork();
                if (pid == 0)
                        serve_nonsense(listener, answers[i]);
                struct host *a = host_make("a");
                snprintf(a->config.servers[a->config.servers_count++], sizeof(config_value), "nats://127.0.0.1:%d",
                         ntohs(address.sin_port));
                host_run(a);
                until_problem(a, a->config.servers[0]);
                kill(pid, SIGKILL);
                process_wait(pid);
                close(listener);
                until_problem(a, "no NATS server at");
                end_test(NULL);
        }
        assert_true(resident_kib() - before < 50 * 1024);
}

static void test_user_and_password(void **state)
{
        (void)state;
        struct nats *server = nats_start(false, "authorization { user: ann, password: \"secret-42\" }");
        struct host *a = host_start("a", &server, 1);
        until_problem(a, "it needs User= and Password=");
        host_halt(a);
        strcpy(a->config.user, "ann");
        strcpy(a->config.password, "secret-41");
        host_run(a);
        until_problem(a, "it does not know User= and Password= of link.conf");
        host_halt(a);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://ann:secret-41@%s:%d", server->address, NATS_PORT);
        a->config.user[0] = a->config.password[0] = '\0';
        host_run(a);
        until_problem(a, "user and password in Servers=");
        host_halt(a);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://ann:secret-42@%s:%d", server->address, NATS_PORT);
        host_run(a);
        UNTIL(reads(a));
        assert_string_equal(a->status.server, server->url);
        host_halt(a);
        strcpy(a->config.servers[0], server->url);
        strcpy(a->config.user, "ann");
        strcpy(a->config.password, "secret-42");
        host_run(a);
        UNTIL(reads(a) && !*a->status.problem);
}

static void test_permissions(void **state)
{
        (void)state;
        struct nats *server = nats_start(
                true, "authorization { users: [\n"
                      "{ user: mute, password: x, permissions: { publish: { deny: \"chat.net.said.>\" } } },\n"
                      "{ user: deaf, password: x, permissions: { subscribe: { deny: \"chat.net.alive.*\" } } },\n"
                      "{ user: nojs, password: x, permissions: { publish: { deny: \"$JS.>\" } } },\n"
                      /* as in chat-link(8) */
                      "{ user: fit, password: x, permissions: {\n"
                      "    publish: [\"chat.net.*.a\", \"chat.net.*.a.*\", \"$JS.API.INFO\", \"$JS.FC.>\",\n"
                      "      \"$JS.API.STREAM.INFO.chat-net\", \"$JS.API.STREAM.CREATE.chat-net\",\n"
                      "      \"$JS.API.STREAM.MSG.GET.chat-net\", \"$JS.API.CONSUMER.CREATE.chat-net\"]\n"
                      "    subscribe: [\"chat.net.*.*\", \"chat.net.*.*.a\", \"_INBOX.a.>\"] } },\n"
                      "{ user: other, password: x } ] }");
        struct host *fit = host_make("a"), *other = host_make("b");
        host_add_server(fit, server->url);
        host_add_server(other, server->url);
        strcpy(fit->config.password, "x");
        strcpy(fit->config.user, "fit");
        strcpy(other->config.password, "x");
        strcpy(other->config.user, "other");
        host_run(fit); /* makes the stream */
        UNTIL(reads(fit) && fit->status.is_stored);
        host_run(other);
        UNTIL(reads(other) && other->status.is_stored);
        say(fit, 100);
        say(other, 100);
        UNTIL(has_all(other, fit) && has_all(fit, other) && heard_of(other, "a")->alive > 0);
        for (size_t i = 0; i < 2; i++) {
                network_ask(hosts[i]->network, hosts[1 - i]->config.host, hosts[1 - i]->spool->instance, 99);
                struct network_message *answer;
                UNTIL((answer = network_answer(hosts[i]->network)));
                free(answer);
        }
        assert_string_equal(fit->status.problem, "");
        host_halt(fit);
        host_halt(other);
        struct host *a = fit;
        strcpy(a->config.user, "mute");
        host_run(a);
        UNTIL(reads(a));
        assert_string_equal(a->status.problem, "");
        say(a, 1);
        until_problem(a, "ublish to \"chat.net.said.a\"");
        UNTIL(a->status.is_stuck);
        host_halt(a);
        strcpy(a->config.user, "deaf");
        host_run(a);
        until_problem(a, "ubscription to \"chat.net.alive.*\"");
        UNTIL(spool_waiting(a->spool) == 0);
        host_halt(a);
        strcpy(a->config.user, "nojs");
        host_run(a);
        until_problem(a, "ublish to \"$JS.API.INFO\"");
        UNTIL(a->status.is_stuck);
        assert_true(a->status.is_connected && !a->status.is_stored);
}

/* The permissions that chat-link(8) says a host needs, and no more. */
static void test_least_permissions(void **state)
{
        (void)state;
        struct nats *server =
                nats_start(true, "authorization { users: [ { user: u, password: x, permissions: {\n"
                                 "publish: [\"chat.net.*.*\", \"chat.net.*.*.*\", \"$JS.FC.>\", \"$JS.API.INFO\",\n"
                                 "\"$JS.API.STREAM.INFO.chat-net\", \"$JS.API.STREAM.CREATE.chat-net\",\n"
                                 "\"$JS.API.STREAM.MSG.GET.chat-net\", \"$JS.API.CONSUMER.CREATE.chat-net\"]\n"
                                 "subscribe: [\"chat.net.*.*\", \"chat.net.*.*.*\", \"_INBOX.*.>\"] } } ] }");
        struct host *a = host_make("a"), *b = host_make("b");
        for (int i = 0; i < 2; i++) {
                host_add_server(hosts[i], server->url);
                strcpy(hosts[i]->config.user, "u");
                strcpy(hosts[i]->config.password, "x");
                host_run(hosts[i]);
        }
        UNTIL(reads(a) && reads(b));
        for (int i = 0; i < 2; i++) {
                a->spool->padding = 3000; /* so that flow control is needed, too */
                say(a, 1000);
                UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0);
                assert_string_equal(a->status.problem, "");
                assert_string_equal(b->status.problem, "");
                nats_signal(server, SIGKILL); /* then what was stored must be requested */
                nats_run(server);
                say(a, 10);
                UNTIL(has_all(b, a));
                UNTIL(reads(a) && reads(b) && !*a->status.problem && !*b->status.problem);
        }
}

static void test_messages_that_are_too_small(void **state)
{
        (void)state;
        struct nats *server = nats_start(true, "max_payload: 10000, max_pending: 100000");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        until_problem(a, "max_payload");
        UNTIL(reads(a) && reads(b));
        say(a, 100);
        UNTIL(has_all(b, a));
        a->spool->padding = 3000;
        say(a, 7);
        UNTIL(a->status.is_stuck);
        until_problem(a, "max_payload");
        say(b, 100);
        UNTIL(has_all(a, b));
}

static void test_how_many_replicas(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamInfo *info = NULL;
        struct nats *servers[2];
        nats_prepare_cluster(servers, 2);
        nats_run(servers[0]);
        nats_run(servers[1]);
        struct host *a = host_start("a", servers, 2);
        until_problem(a, "StreamReplicas=1 in link.conf goes on with less");
        assert_true(a->status.is_stuck && !a->status.is_stored);
        struct host *b = host_make("b");
        host_add_server(b, servers[0]->url);
        b->config.replicas = 1;
        host_run(b);
        UNTIL(reads(b) && b->status.is_stored);
        UNTIL(reads(a) && a->status.is_stored && !*a->status.problem); /* it uses the existing stream */
        host_halt(b);
        b->config.replicas = 2; /* this can be changed */
        host_run(b);
        UNTIL(b->begins == 2 && reads(b));
        natsConnection *nc = connect_to(servers[0], &js);
        assert_int_equal(js_GetStreamInfo(&info, js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(info->Config->Replicas, 2);
        jsStreamInfo_Destroy(info);
        host_halt(b);
        b->config.replicas = 3; /* this cannot be changed */
        host_run(b);
        until_problem(b, "cannot set StreamReplicas= and StreamRetention=");
        UNTIL(b->begins == 3 && reads(b) && b->status.is_stored);
        say(b, 10);
        UNTIL(has_all(a, b));
        disconnect(nc, js);
}

static int64_t retention(jsCtx *js, jsStreamInfo **info)
{
        assert_int_equal(js_GetStreamInfo(info, js, "chat-net", NULL, NULL), NATS_OK);
        int64_t ns = (*info)->Config->MaxAge;
        return ns / 1000000000;
}

static void test_the_stream(void **state)
{
        (void)state;
        jsCtx *js;
        jsStreamInfo *info = NULL;
        struct nats *server = nats_start(true, "");
        struct host *a = host_start("a", &server, 1);
        UNTIL(reads(a) && a->status.is_stored);
        natsConnection *nc = connect_to(server, &js);
        assert_int_equal(retention(js, &info), RETENTION_DEFAULT_S);
        assert_int_equal(info->Config->SubjectsLen, 1);
        assert_string_equal(info->Config->Subjects[0], "chat.net.said.*");
        assert_int_equal(info->Config->Replicas, 1);
        assert_int_equal(info->Config->Storage, js_FileStorage);
        assert_int_equal(info->Config->Retention, js_LimitsPolicy);
        assert_int_equal(info->Config->Discard, js_DiscardOld);
        assert_int_equal(info->Config->Duplicates, INT64_C(120) * 1000000000);
        assert_false(info->Config->AllowDirect);
        char description[64];
        snprintf(description, sizeof(description), "chat-link %016llx", (unsigned long long)a->place.stream);
        assert_string_equal(info->Config->Description, description);
        jsStreamInfo_Destroy(info);
        host_halt(a);
        a->config.retention_s = 60;
        host_run(a);
        UNTIL(a->begins == 2 && reads(a));
        assert_int_equal(retention(js, &info), 60);
        assert_string_equal(info->Config->Description, description);
        assert_int_equal(info->Config->Duplicates, INT64_C(60) * 1000000000);
        jsStreamInfo_Destroy(info);
        host_halt(a);
        a->config.retention_s = RETENTION_DEFAULT_S; /* the default was not asked for */
        host_run(a);
        UNTIL(a->begins == 3 && reads(a));
        assert_int_equal(retention(js, &info), 60);
        jsStreamInfo_Destroy(info);

        /* another program's stream of this name */
        host_halt(a);
        jsStreamConfig config;
        jsStreamConfig_Init(&config);
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"other.*"};
        config.SubjectsLen = 1;
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_run(a);
        until_problem(a, "somebody else's");
        UNTIL(a->status.is_stuck);

        /* another stream takes our subjects, and ours is missing */
        config.Name = "everything";
        config.Subjects = (const char *[]){"chat.>"};
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        until_problem(a, "cannot make the stream chat-net: the stream everything takes its subjects, chat.net.said.*");
        assert_int_equal(js_DeleteStream(js, "everything", NULL, NULL), NATS_OK);
        UNTIL(!*a->status.problem && a->status.is_stored && !a->status.is_stuck);

        /* our stream does not take the largest messages */
        config.Name = "chat-net";
        config.Subjects = (const char *[]){"chat.net.said.*"};
        config.MaxMsgSize = MESSAGE_MAX_BYTES - 1;
        host_halt(a);
        assert_int_equal(js_DeleteStream(js, "chat-net", NULL, NULL), NATS_OK);
        assert_int_equal(js_AddStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_run(a);
        until_problem(a, "the stream chat-net takes messages of");
        until_problem(a, "max_msg_size");
        UNTIL(a->status.is_stored && !a->status.is_stuck);
        config.MaxMsgSize = MESSAGE_MAX_BYTES;
        assert_int_equal(js_UpdateStream(NULL, js, &config, NULL, NULL), NATS_OK);
        host_halt(a);
        host_run(a);
        UNTIL(a->status.is_stored && !a->status.is_stuck && !*a->status.problem);
        disconnect(nc, js);
}

static void test_jetstream_comes_later(void **state)
{
        (void)state;
        char settings[128];
        struct nats *server = nats_start(false, "");
        struct host *a = host_start("a", &server, 1), *b = host_start("b", &server, 1);
        UNTIL(reads(a) && reads(b));
        until_subscribed(a, b);
        say(a, 100);
        UNTIL(has_all(b, a) && spool_waiting(a->spool) == 0); /* otherwise it is sent again, and comes twice */
        assert_false(b->status.is_stored);
        nats_signal(server, SIGTERM);
        snprintf(settings, sizeof(settings), "%s/nats.conf", server->dir);
        shell("echo 'jetstream { store_dir: \"%s/store\" }' >>%s", server->dir, settings);
        nats_run(server);
        UNTIL(a->status.is_stored && b->status.is_stored && b->begins == 2 && a->begins == 2);
        assert_true(b->place.stream != 0);
        say(a, 100);
        UNTIL(has_all(b, a));
}

/* ---- TLS ---- */

/* Makes an authority NAME.pem, and for `host` a certificate and key of it, NAME-host.pem and NAME-key.pem. */
static void make_certificates(const char *dir, const char *name, const char *host)
{
        shell("cd %s && exec 2>/dev/null && P='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes' &&"
              " openssl req -x509 $P -subj /CN=%s -days 2 -keyout ca.key -out %s.pem &&"
              " openssl req $P -subj /CN=x -keyout %s-key.pem -out x.csr &&"
              " printf 'subjectAltName=%s\n' >x.ext &&"
              " openssl x509 -req -in x.csr -CA %s.pem -CAkey ca.key -CAcreateserial -days 2 -extfile x.ext"
              " -out %s-host.pem",
              dir, name, name, name, host, name, name);
}

static void set_file(config_value value, const char *dir, const char *file)
{
        snprintf(value, sizeof(config_value), "%s/%s", dir, file);
}

/* Starts a server with TLS on localhost, with the certificate of authority `name`. */
static struct nats *start_tls(const char *dir, const char *name, int port, const char *more)
{
        char settings[512];
        snprintf(settings, sizeof(settings),
                 "listen: \"127.0.0.1:%d\", tls { cert_file: \"%s/%s-host.pem\", key_file: \"%s/%s-key.pem\", %s }",
                 port, dir, name, dir, name, more);
        struct nats *server = nats_prepare(false, settings);
        nats_run_elsewhere(server, "127.0.0.1", port);
        return server;
}

/* Runs the host until it reports this problem, or with NULL until there is none. */
static void run_until(struct host *h, const char *problem)
{
        host_run(h);
        if (problem)
                until_problem(h, problem);
        else
                UNTIL(reads(h) && !*h->status.problem);
        host_halt(h);
        memset(&h->status, 0, sizeof(h->status));
        h->begins = 0;
}

static void test_tls(void **state)
{
        (void)state;
        char more[256];
        const char *dir = make_files();
        int port = port_free(), strict = port_free(), elsewhere = port_free(), without = port_free();
        struct host *a = host_make("a");
        a->config.servers_count = 1;
        make_certificates(dir, "right", "DNS:localhost");
        make_certificates(dir, "wrong", "DNS:localhost");
        make_certificates(dir, "other", "DNS:elsewhere,IP:127.0.0.1");

        start_tls(dir, "right", port, "timeout: 5");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", port);
        run_until(a, "set CAFile= to the authority that signed its certificate");
        snprintf(a->config.servers[0], sizeof(config_value), "tls://localhost:%d", port);
        run_until(a, "set CAFile= to the authority that signed its certificate");
        set_file(a->config.ca_file, dir, "wrong.pem");
        run_until(a, "see CAFile=");
        set_file(a->config.ca_file, dir, "none.pem");
        run_until(a, "cannot use CAFile=");
        set_file(a->config.ca_file, dir, "right.pem");
        run_until(a, NULL);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", port);
        run_until(a, NULL);

        snprintf(more, sizeof(more), "ca_file: \"%s/wrong.pem\", verify: true", dir);
        start_tls(dir, "right", strict, more);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", strict);
        run_until(a, "CertificateFile=");
        set_file(a->config.certificate_file, dir, "right-host.pem");
        run_until(a, "cannot use CertificateFile=");
        set_file(a->config.key_file, dir, "right-key.pem");
        run_until(a, "no connection to");
        set_file(a->config.certificate_file, dir, "wrong-host.pem");
        set_file(a->config.key_file, dir, "wrong-key.pem");
        run_until(a, NULL);

        start_tls(dir, "other", elsewhere, "timeout: 5");
        set_file(a->config.ca_file, dir, "other.pem");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://localhost:%d", elsewhere);
        run_until(a, "the host name in Servers=");
        snprintf(a->config.servers[0], sizeof(config_value), "nats://127.0.0.1:%d", elsewhere);
        run_until(a, NULL);

        snprintf(more, sizeof(more), "listen: \"127.0.0.1:%d\"", without);
        nats_run_elsewhere(nats_prepare(false, more), "127.0.0.1", without);
        snprintf(a->config.servers[0], sizeof(config_value), "nats://127.0.0.1:%d", without);
        run_until(a, "has no TLS");
}

static void test_a_credentials_file(void **state)
{
        (void)state;
        const char *dir = make_files();
        credentials_make(dir);
        struct nats *server = nats_prepare(false, "");
        shell("cat %s/operator.conf >>%s/nats.conf", dir, server->dir);
        nats_run(server);
        struct host *a = host_make("a");
        host_add_server(a, server->url);
        run_until(a, "it needs User= and Password=, or CredentialsFile=");
        set_file(a->config.credentials_file, dir, "stranger.creds");
        run_until(a, "it does not know CredentialsFile=");
        set_file(a->config.credentials_file, dir, "none.creds");
        run_until(a, "cannot use CredentialsFile=");
        set_file(a->config.credentials_file, dir, "user.creds");
        run_until(a, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                NETWORK_TEST(test_nobody_listens),        NETWORK_TEST(test_what_is_no_nats_server),
                NETWORK_TEST(test_user_and_password),     NETWORK_TEST(test_permissions),
                NETWORK_TEST(test_least_permissions),     NETWORK_TEST(test_messages_that_are_too_small),
                NETWORK_TEST(test_how_many_replicas),     NETWORK_TEST(test_the_stream),
                NETWORK_TEST(test_jetstream_comes_later), NETWORK_TEST(test_tls),
                NETWORK_TEST(test_a_credentials_file),
        };
        return RUN_NETWORK_TESTS(tests);
}
