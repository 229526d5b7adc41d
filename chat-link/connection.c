#include "connection.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <chat/clock.h>

void connection_init(struct connection *c, const struct config *config, struct report *report, int work)
{
        pthread_condattr_t monotonic;
        *c = (struct connection){.config = config, .report = report, .work = work};
        /* each host begins with another server, or the first server would have all hosts */
        if (getrandom(&c->next_server, sizeof(c->next_server), GRND_NONBLOCK) < 0)
                c->next_server = 0;
        pthread_mutex_init(&c->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&c->quiet, &monotonic);
        pthread_condattr_destroy(&monotonic);
}

void connection_destroy(struct connection *c)
{
        pthread_cond_destroy(&c->quiet);
        pthread_mutex_destroy(&c->lock);
}

void connection_hold(struct connection *c)
{
        pthread_mutex_lock(&c->lock);
        c->references++;
        pthread_mutex_unlock(&c->lock);
}

void connection_let_go(struct connection *c)
{
        pthread_mutex_lock(&c->lock);
        if (--c->references == 0)
                pthread_cond_broadcast(&c->quiet);
        pthread_mutex_unlock(&c->lock);
}

bool connection_is_quiet(struct connection *c, int64_t deadline)
{
        struct timespec until = clock_timespec(deadline);
        pthread_mutex_lock(&c->lock);
        while (c->references > 0 && pthread_cond_timedwait(&c->quiet, &c->lock, &until) == 0)
                ;
        bool quiet = c->references == 0;
        pthread_mutex_unlock(&c->lock);
        return quiet;
}

/* ---- callbacks of libnats ---- */

static void connection_on_closed(natsConnection *nc, void *closure)
{
        struct connection *c = closure;
        (void)nc;
        atomic_store(&c->is_lost, true);
        eventfd_write(c->work, 1);
        connection_let_go(c);
}

static void connection_on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *closure)
{
        struct connection *c = closure;
        const char *text = NULL;
        (void)sub;
        natsConnection_GetLastError(nc, &text);
        if (status != NATS_NOT_PERMITTED || (text && strstr(text, "$JS.API.STREAM.NAMES")))
                return; /* chat-link asks for that only to explain a problem */
        atomic_store(&c->refused_at, clock_ms());
        if (text && strstr(text, "ubscription"))
                atomic_store(&c->is_refused, true);
        report_problem(c->report, PROBLEM_PERMISSION,
                       "the server does not permit what chat-link does for Network=%s and Host=%s: %s",
                       c->config->network, c->config->host, text ? text : "");
}

/* ---- reasons of failures ---- */

/* Writes the part of `url` that may be shown: without user and password. */
static void connection_show_server(char *server, size_t size, const char *url)
{
        const char *scheme = strstr(url, "://"), *rest = scheme ? scheme + 3 : url, *at = strrchr(rest, '@');
        snprintf(server, size, "%.*s%s", (int)(rest - url), url, at ? at + 1 : rest);
}

const char *connection_error(void)
{
        const char *text = nats_GetLastError(NULL), *place = text && *text == '(' ? strstr(text, "): ") : NULL;
        if (place)
                return place + strlen("): ");
        return text ? text : "";
}

/* Returns the text of libnats, or "" if it may contain a password. */
static const char *connection_reason(const struct config *config, const char *url)
{
        const char *text = connection_error();
        return strchr(url, '@') || (*config->password && strstr(text, config->password)) ? "" : text;
}

static const char *connection_how_we_log_in(const struct config *config, const char *url)
{
        if (*config->credentials_file)
                return "CredentialsFile=";
        if (strchr(url, '@'))
                return "user and password in Servers=";
        return *config->user ? "User= and Password=" : NULL;
}

/* Copies the name or the address of the server from `server`, a URL. */
static void connection_take_name(char *name, size_t size, const char *server)
{
        const char *begin = strstr(server, "://");
        begin = begin ? begin + strlen("://") : server;
        size_t len = *begin == '[' ? strcspn(++begin, "]") : strcspn(begin, ":/");
        snprintf(name, size, "%.*s", (int)len, begin);
}

/* Reports that no server accepted the connection, or that the server's name has no address: libnats does not say
 * which. */
static void connection_explain_no_server(const struct connection *c)
{
        config_value name;
        struct addrinfo *addresses = NULL;
        connection_take_name(name, sizeof(name), c->server);
        int error = getaddrinfo(name, NULL, &(const struct addrinfo){.ai_socktype = SOCK_STREAM}, &addresses);
        if (error == 0)
                freeaddrinfo(addresses);
        if (error == 0 || error == EAI_MEMORY || error == EAI_SYSTEM)
                report_problem(c->report, PROBLEM_CONNECTION,
                               "no NATS server at %s: is it running, and is Servers= in link.conf right?", c->server);
        else
                report_problem(c->report, PROBLEM_CONNECTION,
                               "%s of Servers= in link.conf has no address (%s): is it right, and does DNS work here?",
                               c->server, gai_strerror(error));
}

static void connection_explain(const struct connection *c, const char *url, natsStatus status)
{
        const char *login = connection_how_we_log_in(c->config, url), *why = connection_reason(c->config, url);
        switch ((int)status) {
        case NATS_NO_SERVER:
                connection_explain_no_server(c);
                break;
        case NATS_CONNECTION_AUTH_FAILED:
                if (login)
                        report_problem(c->report, PROBLEM_CONNECTION,
                                       "%s refuses this host: it does not know %s of link.conf (%s)", c->server, login,
                                       why);
                else
                        report_problem(
                                c->report, PROBLEM_CONNECTION,
                                "%s refuses this host: it needs User= and Password=, or CredentialsFile=, in link.conf",
                                c->server);
                break;
        case NATS_SECURE_CONNECTION_WANTED:
                report_problem(c->report, PROBLEM_CONNECTION,
                               "%s has no TLS, and link.conf wants it (CAFile=, CertificateFile= or tls://)",
                               c->server);
                break;
        case NATS_SSL_ERROR:
                report_problem(c->report, PROBLEM_CONNECTION, "no TLS with %s: %s link.conf (%s)", c->server,
                               *c->config->ca_file ? "see CAFile=, and the host name in Servers=, of"
                                                   : "set CAFile= to the authority that signed its certificate, in",
                               why);
                break;
        case NATS_TIMEOUT:
                report_problem(c->report, PROBLEM_CONNECTION, "%s does not answer (Servers= in link.conf)", c->server);
                break;
        default:
                report_problem(c->report, PROBLEM_CONNECTION, "no connection to %s: %s (%s)%s", c->server,
                               natsStatus_GetText(status), why,
                               *c->config->ca_file && !*c->config->certificate_file
                                       ? "; it may want CertificateFile= and KeyFile= in link.conf"
                                       : "");
        }
}

/* ---- connecting ---- */

static natsStatus connection_set_tls(natsOptions *o, const struct connection *c, const char *url)
{
        const struct config *config = c->config;
        if (strncmp(url, "tls://", 6) != 0 && !*config->ca_file && !*config->certificate_file && !*config->key_file)
                return NATS_OK;
        natsStatus s = natsOptions_SetSecure(o, true);
        if (s == NATS_OK && *config->ca_file)
                s = natsOptions_LoadCATrustedCertificates(o, config->ca_file);
        if (s != NATS_OK) {
                report_problem(c->report, PROBLEM_CONNECTION, "cannot use CAFile=%s of link.conf: %s", config->ca_file,
                               nats_GetLastError(NULL));
                return s;
        }
        if (*config->certificate_file || *config->key_file)
                s = natsOptions_LoadCertificatesChain(o, config->certificate_file, config->key_file);
        if (s != NATS_OK)
                report_problem(c->report, PROBLEM_CONNECTION,
                               "cannot use CertificateFile=%s and KeyFile=%s of link.conf: %s",
                               config->certificate_file, config->key_file, connection_reason(config, url));
        return s;
}

static natsStatus connection_set_login(natsOptions *o, const struct connection *c)
{
        const struct config *config = c->config;
        natsStatus s = NATS_OK;
        if (*config->user)
                s = natsOptions_SetUserInfo(o, config->user, config->password);
        if (s == NATS_OK && *config->credentials_file)
                s = natsOptions_SetUserCredentialsFromFiles(o, config->credentials_file, NULL);
        if (s == NATS_OK && *config->credentials_file && access(config->credentials_file, R_OK) < 0)
                s = NATS_NOT_FOUND;
        if (s != NATS_OK)
                report_problem(c->report, PROBLEM_CONNECTION, "cannot use CredentialsFile=%s of link.conf: %s",
                               config->credentials_file, strerror(errno));
        return s;
}

void connection_inbox(const struct config *config, char prefix[static CONNECTION_INBOX_BYTES])
{
        snprintf(prefix, CONNECTION_INBOX_BYTES, "_INBOX.%s", config->host);
}

static natsStatus connection_set_ways(natsOptions *o)
{
        const natsStatus all[] = {
                natsOptions_SetAllowReconnect(o, false),
                natsOptions_SetIgnoreDiscoveredServers(o, true),
                natsOptions_SetNoEcho(o, true),
                natsOptions_SetTimeout(o, CONNECTION_TIMEOUT_MS),
                natsOptions_SetWriteDeadline(o, CONNECTION_WRITE_MS),
                natsOptions_SetPingInterval(o, CONNECTION_PING_MS),
                natsOptions_SetMaxPingsOut(o, CONNECTION_PINGS_MAX),
        };
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
                if (all[i] != NATS_OK)
                        return all[i];
        return NATS_OK;
}

/* Returns the options for natsConnection_Connect(), or NULL after a report of the reason. */
static natsOptions *connection_make_options(struct connection *c, const char *url)
{
        natsOptions *o;
        char name[sizeof("chat-link ") + HOST_MAX_BYTES], inbox[CONNECTION_INBOX_BYTES];
        connection_inbox(c->config, inbox);
        snprintf(name, sizeof(name), "chat-link %s", c->config->host);
        natsStatus s = natsOptions_Create(&o);
        if (s != NATS_OK) {
                connection_explain(c, url, s);
                return NULL;
        }
        s = connection_set_ways(o);
        if (s == NATS_OK)
                s = natsOptions_SetURL(o, url);
        if (s == NATS_OK)
                s = natsOptions_SetName(o, name);
        if (s == NATS_OK)
                s = natsOptions_SetCustomInboxPrefix(o, inbox);
        if (s == NATS_OK)
                s = natsOptions_SetErrorHandler(o, connection_on_error, c);
        if (s == NATS_OK)
                s = natsOptions_SetClosedCB(o, connection_on_closed, c);
        if (s != NATS_OK)
                connection_explain(c, url, s);
        else if (connection_set_login(o, c) == NATS_OK &&
                 connection_set_tls(o, c, url) == NATS_OK) /* both report their own failures */
                return o;
        natsOptions_Destroy(o);
        return NULL;
}

static void connection_note_payload(const struct connection *c)
{
        enum { NEEDED = MESSAGE_MAX_BYTES + 256 }; /* headers count, too */
        int64_t most = natsConnection_GetMaxPayload(c->nc);
        if (most < NEEDED)
                report_problem(c->report, PROBLEM_PAYLOAD,
                               "%s takes messages of %lld bytes at most: set max_payload in its settings to %d or more",
                               c->server, (long long)most, (int)NEEDED);
}

static bool connection_connect_to(struct connection *c, const char *url)
{
        natsOptions *o = connection_make_options(c, url);
        if (!o)
                return false;
        atomic_store(&c->is_lost, false);
        atomic_store(&c->is_refused, false);
        atomic_store(&c->refused_at, 0);
        connection_hold(c); /* for connection_on_closed(), which libnats calls for each connection that was made */
        natsStatus s = natsConnection_Connect(&c->nc, o);
        natsOptions_Destroy(o);
        if (s != NATS_OK) {
                c->nc = NULL;
                connection_let_go(c);
                connection_explain(c, url, s);
                return false;
        }
        report_connected(c->report, c->server);
        connection_note_payload(c);
        return true;
}

/* Plans the next attempt: all servers one after the other, then a pause that grows. */
static void connection_plan_retry(struct connection *c, int64_t now)
{
        int64_t pause = CONNECTION_RETRY_MIN_MS;
        unsigned rounds = (c->failures - 1) / (unsigned)c->config->servers_count;
        if (c->failures % (unsigned)c->config->servers_count != 0)
                pause = 0;
        for (unsigned i = 0; i < rounds && pause < CONNECTION_RETRY_MAX_MS; i++)
                pause *= 2;
        c->retry_at = now + (pause < CONNECTION_RETRY_MAX_MS ? pause : CONNECTION_RETRY_MAX_MS);
}

static void connection_check_permission(struct connection *c, int64_t now)
{
        int64_t refused_at = atomic_load(&c->refused_at);
        if (refused_at == 0 || now - refused_at < PERMISSION_MS)
                return;
        if (atomic_load(&c->is_refused)) /* another connection makes the subscription again */
                atomic_store(&c->is_lost, true);
        else if (atomic_compare_exchange_strong(&c->refused_at, &refused_at, 0))
                report_no_problem(c->report, PROBLEM_PERMISSION);
}

bool connection_is_over(struct connection *c, int64_t now)
{
        if (c->nc)
                connection_check_permission(c, now);
        return c->nc && atomic_load(&c->is_lost);
}

bool connection_check(struct connection *c, int64_t now)
{
        if (c->nc)
                return true;
        if (now < c->retry_at)
                return false;
        if (c->config->servers_count <= 0) {
                report_problem(c->report, PROBLEM_CONNECTION, "Servers= in link.conf names no server");
                c->retry_at = INT64_MAX;
                return false;
        }
        const char *url = c->config->servers[c->next_server++ % (unsigned)c->config->servers_count];
        connection_show_server(c->server, sizeof(c->server), url);
        bool connected = connection_connect_to(c, url);
        c->since = clock_ms();
        c->failures++;
        if (!connected)
                connection_plan_retry(c, c->since);
        return connected;
}

int64_t connection_wake_ms(const struct connection *c)
{
        return c->nc ? INT64_MAX : c->retry_at;
}

void connection_close(struct connection *c)
{
        if (!c->nc)
                return;
        bool lost = atomic_load(&c->is_lost) && !atomic_load(&c->is_refused);
        natsConnection_Destroy(c->nc);
        c->nc = NULL;
        report_connected(c->report, NULL);
        if (lost)
                report_problem(c->report, PROBLEM_CONNECTION, "the connection to %s broke", c->server);
        if (c->failures > 0)
                connection_plan_retry(c, clock_ms());
        else if (clock_ms() - c->since < CONNECTION_STEADY_MS)
                c->retry_at = clock_ms() + CONNECTION_RETRY_MIN_MS;
        else
                c->retry_at = 0;
}

void connection_is_good(struct connection *c)
{
        c->failures = 0;
}
