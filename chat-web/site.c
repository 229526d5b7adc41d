#include "site.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "page.h"
#include "post.h"
#include "websocket.h"

enum { SITE_FIELDS_MAX_BYTES = 1024 };

size_t site_answer_max_bytes(void)
{
        return HTTP_ANSWER_HEAD_MAX_BYTES + page_bytes();
}

/* Answers with a text, and fields besides those of every such answer. */
static void site_tell(struct web *w, uint64_t ms, unsigned status, const char *text, const char *more)
{
        http_tell(&w->http, w->client, ms, status, text, more);
}

/* ---- who may connect ---- */

/* Returns the host and port of an origin such as "https://chat.example:8443". Returns an empty text if it is none. */
static struct slice site_authority(struct slice origin)
{
        const char *colon = origin.len > 0 ? memmem(origin.at, origin.len, "://", 3) : NULL;
        if (!colon)
                return (struct slice){"", 0};
        return (struct slice){colon + 3, (size_t)(origin.at + origin.len - colon - 3)};
}

/* Returns true if the settings list this origin, or one with this host and port. */
static bool site_is_listed(const struct web *w, struct slice text, bool is_host)
{
        const char *at = w->site->origins;
        while (*at != '\0') {
                struct slice origin = {at, strcspn(at, " ")};
                if (slice_equal_case(is_host ? site_authority(origin) : origin, text))
                        return true;
                at += origin.len + strspn(at + origin.len, " ");
        }
        return false;
}

static struct slice site_without_port(struct slice host)
{
        size_t len = host.len;
        while (len > 0 && host.at[len - 1] >= '0' && host.at[len - 1] <= '9')
                len--;
        return len > 0 && host.at[len - 1] == ':' ? (struct slice){host.at, len - 1} : host;
}

/* Returns true if the host is an address or localhost. A stranger can point any other name at this host (DNS
 * rebinding). Then the stranger's page would have the same origin as the page of the chat. */
static bool site_is_own_name(struct slice host)
{
        char name[64];
        struct in6_addr address;
        host = site_without_port(host);
        bool has_brackets = host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
        if (has_brackets)
                host = (struct slice){host.at + 1, host.len - 2};
        if (host.len >= sizeof(name))
                return false;
        snprintf(name, sizeof(name), "%.*s", (int)host.len, host.at);
        if (has_brackets)
                return inet_pton(AF_INET6, name, &address) == 1;
        return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

static bool site_serves_host(const struct web *w)
{
        struct slice host = w->http.fields[HTTP_HOST];
        return w->site->is_forwarded || site_is_own_name(host) || site_is_listed(w, host, true);
}

/* Returns true if a page of this origin may connect. A program that is no browser states no origin, and may, too. */
static bool site_takes_origin(const struct web *w)
{
        struct slice origin = w->http.fields[HTTP_ORIGIN], authority = site_authority(origin);
        return !origin.at || (authority.len > 0 && slice_equal_case(authority, w->http.fields[HTTP_HOST])) ||
               site_is_listed(w, origin, false);
}

/* Takes the address that a proxy states. Returns false if it states none. */
static bool site_take_address(struct web *w)
{
        struct slice ip = w->http.fields[HTTP_REAL_IP], port = w->http.fields[HTTP_REAL_PORT];
        struct sockaddr_in6 address = {.sin6_family = AF_INET6};
        char text[sizeof("::ffff:") + INET6_ADDRSTRLEN];
        if (ip.len == 0 || ip.len >= INET6_ADDRSTRLEN || port.len == 0 || port.len > 5 ||
            strspn(port.at, "0123456789") < port.len || atoi(port.at) > UINT16_MAX)
                return false;
        snprintf(text, sizeof(text), "%s%.*s", memchr(ip.at, ':', ip.len) ? "" : "::ffff:", (int)ip.len, ip.at);
        address.sin6_port = htons((uint16_t)atoi(port.at));
        if (inet_pton(AF_INET6, text, &address.sin6_addr) != 1)
                return false;
        talk_is_at(w->session, &address);
        return true;
}

/* ---- what there is ---- */

static void site_show_page(struct web *w, uint64_t ms)
{
        struct page page;
        char fields[SITE_FIELDS_MAX_BYTES], weak[PAGE_TAG_BYTES + 2];
        struct http_answer a = {.status = 200, .type = "text/html; charset=utf-8", .fields = fields};
        page_make(&page);
        snprintf(fields, sizeof(fields),
                 "Cache-Control: no-cache\r\nETag: %s\r\nContent-Security-Policy: %s\r\n"
                 "Cross-Origin-Opener-Policy: same-origin\r\n" HTTP_SAFE_FIELDS,
                 page.tag, page.policy);
        memcpy(a.body, page.parts, sizeof(page.parts));
        snprintf(weak, sizeof(weak), "W/%s", page.tag);
        if (http_has_token(&w->http, HTTP_IF_NONE_MATCH, page.tag) ||
            http_has_token(&w->http, HTTP_IF_NONE_MATCH, weak)) /* a proxy that compresses makes it weak */
                a = (struct http_answer){.status = 304, .fields = fields};
        http_answer(&w->http, w->client, ms, &a);
}

static void site_show_health(struct web *w, uint64_t ms)
{
        site_tell(w, ms, 200, "ok\n", "");
}

/* RFC 6455, section 4.2 */
static void site_open_websocket(struct web *w, uint64_t ms)
{
        struct slice version = w->http.fields[HTTP_WEBSOCKET_VERSION];
        if (!http_has_token(&w->http, HTTP_UPGRADE, "websocket") ||
            !http_has_token(&w->http, HTTP_CONNECTION, "upgrade") || w->http.parser.http_minor == 0)
                site_tell(w, ms, 426, "This path is for WebSockets. The page is at /\n",
                          "Upgrade: websocket\r\nConnection: Upgrade\r\n");
        else if (!version.at || !slice_equal(version, slice_of("13")))
                site_tell(w, ms, 426, "This server speaks version 13 of the WebSocket protocol\n",
                          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
        else if (!w->http.fields[HTTP_WEBSOCKET_KEY].at || !websocket_is_key(w->http.fields[HTTP_WEBSOCKET_KEY]))
                site_tell(w, ms, 400, "Sec-WebSocket-Key is missing, or is not 16 bytes in base64\n", "");
        else if (w->http.has_body)
                site_tell(w, ms, 400, "A request for a WebSocket has no body\n", "");
        else if (!site_takes_origin(w))
                site_tell(w, ms, 403,
                          "Pages of this address may not connect. WebOrigins= in chat.conf can allow them\n", "");
        else
                websocket_accept(w, ms);
}

/* This check refuses a page of another site even if it has a token. */
static void site_begin_post(struct web *w, uint64_t ms)
{
        if (site_takes_origin(w))
                post_begin(w);
        else
                site_tell(w, ms, 403, "Pages of this address may not say lines\n", "");
}

static const struct {
        const char *path;
        const char *methods; /* those that are allowed, as in the field Allow */
        bool is_open;        /* for every client, by every name of the server */
        void (*show)(struct web *w, uint64_t ms);
} rows[] = {
        {"/", "GET, HEAD", false, site_show_page},
        {"/ws", "GET", false, site_open_websocket},
        {"/say", "POST", false, site_begin_post},
        {"/healthz", "GET, HEAD", true, site_show_health},
};

static void site_refuse_method(struct web *w, uint64_t ms, const char *methods)
{
        char text[64], field[64];
        snprintf(text, sizeof(text), "The methods here: %s\n", methods);
        snprintf(field, sizeof(field), "Allow: %s\r\n", methods);
        site_tell(w, ms, 405, text, field);
}

/* Returns true if these methods have that of the request. No name of a method is a part of another in the table. */
static bool site_allows(const struct web *w, const char *methods)
{
        return strstr(methods, http_method_str((enum http_method)w->http.parser.method));
}

static void site_find(struct web *w, uint64_t ms)
{
        struct slice path = http_path(&w->http);
        size_t i = 0, count = sizeof(rows) / sizeof(rows[0]);
        while (i < count && !slice_equal(path, slice_of(rows[i].path)))
                i++;
        if (i == count)
                site_tell(w, ms, 404, "Not found\n", "");
        else if (!site_allows(w, rows[i].methods))
                site_refuse_method(w, ms, rows[i].methods);
        else if (!rows[i].is_open && !site_serves_host(w))
                site_tell(w, ms, 421,
                          "This server does not know this name. If it is one of its names, add the address to "
                          "WebOrigins= in chat.conf, for example https://chat.example\n",
                          "");
        else if (!rows[i].is_open && w->site->is_forwarded && !site_take_address(w))
                site_tell(w, ms, 400, "The proxy must state the browser's address in X-Real-IP and X-Real-Port\n", "");
        else
                rows[i].show(w, ms);
}

void site_answer(struct web *w, uint64_t ms)
{
        char text[64];
        if (w->http.state == HTTP_COMPLETE) {
                site_find(w, ms);
                return;
        }
        snprintf(text, sizeof(text), "%s\n", http_status_str((enum http_status)w->http.status));
        site_tell(w, ms, w->http.status, text, "");
}
