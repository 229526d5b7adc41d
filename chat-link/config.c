#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <chat/conf.h>
#include <chat/safe-text.h>

#define BLANKS " \t"

/* Takes the value of a key. Returns NULL, or a description of valid values. */
typedef const char *(*take_value)(struct config *c, void *field, const char *value);

static const char *config_take_text(struct config *c, void *field, const char *value)
{
        (void)c;
        snprintf(field, sizeof(config_value), "%s", value); /* the line's length was checked */
        return NULL;
}

static const char *config_take_label(struct config *c, void *field, const char *value)
{
        if (strlen(value) > HOST_MAX_BYTES || !text_is_host(value, strlen(value)))
                return "1 to 24 of a-z, 0-9 and -, with no - at either end";
        snprintf(field, HOST_MAX_BYTES + 1, "%s", value);
        if (field == c->host)
                c->machine[0] = '\0';
        return NULL;
}

static bool config_is_url(const char *text)
{
        const char *slashes = strstr(text, "://");
        if (!slashes)
                return false;
        return (strncmp(text, "nats://", 7) == 0 || strncmp(text, "tls://", 6) == 0) && slashes[3] != '\0';
}

static const char *config_take_servers(struct config *c, void *field, const char *value)
{
        config_value rest;
        char *save = NULL;
        (void)field;
        snprintf(rest, sizeof(rest), "%s", value);
        c->servers_count = 0;
        for (char *url = strtok_r(rest, BLANKS, &save); url; url = strtok_r(NULL, BLANKS, &save)) {
                if (!config_is_url(url) || c->servers_count == CONFIG_SERVERS_MAX)
                        return "up to 16 of nats://HOST:PORT or tls://HOST:PORT, with blanks between them";
                snprintf(c->servers[c->servers_count++], sizeof(config_value), "%s", url);
        }
        return c->servers_count > 0 ? NULL : "nats://HOST:PORT, or several of these with blanks between them";
}

/* Parses a number and one of the units. Returns 0, or -EINVAL if the value is no such number or out of bounds. */
static int config_parse_number(long *number, const char *value, const char *const *units, const long *factors,
                               long least, long most)
{
        char *end;
        if (!isdigit((unsigned char)value[0]))
                return -EINVAL;
        errno = 0;
        long n = strtol(value, &end, 10);
        for (; *units; units++, factors++) {
                if (strcmp(end, *units) != 0)
                        continue;
                if (errno != 0 || n > most / *factors || n * *factors < least)
                        return -EINVAL;
                *number = n * *factors;
                return 0;
        }
        return -EINVAL;
}

static const char *config_take_replicas(struct config *c, void *field, const char *value)
{
        long n = 0;
        (void)field;
        if (strcmp(value, "auto") != 0 &&
            config_parse_number(&n, value, (const char *const[]){"", NULL}, (const long[]){1}, 1, REPLICAS_MAX) < 0)
                return "1 to 5, or auto";
        c->replicas = (int)n;
        return NULL;
}

static const char *config_take_retention(struct config *c, void *field, const char *value)
{
        static const char *const units[] = {"", "s", "min", "h", "d", NULL};
        static const long factors[] = {1, 1, 60, 3600, 86400};
        long n;
        (void)field;
        if (config_parse_number(&n, value, units, factors, RETENTION_MIN_S, RETENTION_MAX_S) < 0)
                return "60s to 30d (s, min, h or d)";
        c->retention_s = (int)n;
        return NULL;
}

static const char *config_take_spool_size(struct config *c, void *field, const char *value)
{
        long n;
        (void)field;
        if (config_parse_number(&n, value, (const char *const[]){"", "M", NULL}, (const long[]){1, 1}, SPOOL_MIN_MIB,
                                SPOOL_MAX_MIB) < 0)
                return "1M to 1024M";
        c->spool_bytes = (size_t)n << 20;
        return NULL;
}

static const struct key {
        const char *name;
        take_value take;
        size_t at; /* the offset of the field in struct config */
} keys[] = {
        {"Servers", config_take_servers, 0},
        {"Network", config_take_label, offsetof(struct config, network)},
        {"Host", config_take_label, offsetof(struct config, host)},
        {"User", config_take_text, offsetof(struct config, user)},
        {"Password", config_take_text, offsetof(struct config, password)},
        {"CredentialsFile", config_take_text, offsetof(struct config, credentials_file)},
        {"CAFile", config_take_text, offsetof(struct config, ca_file)},
        {"CertificateFile", config_take_text, offsetof(struct config, certificate_file)},
        {"KeyFile", config_take_text, offsetof(struct config, key_file)},
        {"StreamReplicas", config_take_replicas, 0},
        {"StreamRetention", config_take_retention, 0},
        {"SpoolSize", config_take_spool_size, 0},
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

_Static_assert((int)KEYS <= (int)CONF_KEYS_MAX, "conf.h has a bit for each");

/* FNV-1a. */
static uint32_t config_hash(const char *text, size_t len)
{
        uint32_t h = 2166136261u;
        for (size_t i = 0; i < len; i++)
                h = (h ^ (uint8_t)tolower((unsigned char)text[i])) * 16777619u;
        return h;
}

/* Appends `c` to a label of `len` characters; a "-" is dropped at the begin and behind another "-". Returns the new
 * length. */
static size_t config_append_to_label(char host[static HOST_MAX_BYTES + 1], size_t len, char c)
{
        if (c != '-' || (len > 0 && host[len - 1] != '-'))
                host[len++] = c;
        return len;
}

bool config_default_host(char host[static HOST_MAX_BYTES + 1], const char *machine)
{
        enum { DIGITS = 6, PREFIX_MAX = HOST_MAX_BYTES - DIGITS - 1 };
        size_t name_len = strcspn(machine, "."), len = 0;
        char name[HOST_MAX_BYTES + 1] = "";
        for (size_t i = 0; i < name_len && i < HOST_MAX_BYTES; i++)
                name[i] = (char)tolower((unsigned char)machine[i]);
        memcpy(host, name, sizeof(name));
        if (name_len <= HOST_MAX_BYTES && text_is_host(name, name_len))
                return true;
        for (size_t i = 0; name[i] != '\0' && len < PREFIX_MAX; i++) {
                char c = '-';
                if (text_is_host(&name[i], 1))
                        c = name[i];
                len = config_append_to_label(host, len, c);
        }
        while (len > 0 && host[len - 1] == '-')
                len--;
        if (len == 0)
                len = (size_t)snprintf(host, HOST_MAX_BYTES + 1, "host");
        host[len] = '\0';
        if (name_len > 0)
                snprintf(host + len, HOST_MAX_BYTES + 1 - len, "-%06" PRIx32,
                         config_hash(machine, name_len) & 0xffffff);
        return false;
}

static int config_find_key(const char *name)
{
        for (int i = 0; i < KEYS; i++)
                if (strcmp(name, keys[i].name) == 0)
                        return i;
        return -1;
}

/* The settings that are being read, and the first error. */
struct reading {
        struct config *config;
        char *error;
};

static const char *config_take(void *user, int key, const char *value)
{
        struct config *c = ((struct reading *)user)->config;
        return keys[key].take(c, (char *)c + keys[key].at, value);
}

static void config_complain(void *user, const char *error)
{
        const struct reading *r = user;
        if (r->error[0] == '\0')
                snprintf(r->error, CONFIG_ERROR_BYTES, "%s", error);
}

static void config_set_defaults(struct config *c)
{
        char machine[256] = "";
        gethostname(machine, sizeof(machine) - 1);
        *c = (struct config){
                .network = NETWORK_DEFAULT,
                .retention_s = RETENTION_DEFAULT_S,
                .spool_bytes = (size_t)SPOOL_DEFAULT_MIB << 20,
        };
        if (!config_default_host(c->host, machine))
                c->machine[text_clean_all(machine, strlen(machine), c->machine, sizeof(c->machine) - 1)] = '\0';
}

/* Checks if the settings fit together. Returns NULL, or a description of the error. */
static const char *config_check(const struct config *c)
{
        if (c->servers_count == 0)
                return "Servers= is missing: name the NATS servers, as in Servers=nats://192.168.1.10:4222";
        if ((c->user[0] == '\0') != (c->password[0] == '\0'))
                return "User= and Password= belong together";
        if ((c->certificate_file[0] == '\0') != (c->key_file[0] == '\0'))
                return "CertificateFile= and KeyFile= belong together";
        if (c->credentials_file[0] != '\0' && c->user[0] != '\0')
                return "CredentialsFile= and User= exclude each other";
        return NULL;
}

int config_read(struct config *c, const char *path, char error[static CONFIG_ERROR_BYTES])
{
        struct reading reading = {c, error};
        const struct conf_reader reader = {.manual = "link.conf(5)",
                                           .find = config_find_key,
                                           .take = config_take,
                                           .complain = config_complain,
                                           .user = &reading};
        config_set_defaults(c);
        error[0] = '\0';
        int r = conf_read(&reader, path);
        if (r < 0 && error[0] == '\0')
                snprintf(error, CONFIG_ERROR_BYTES, "cannot read %.256s: %s", path, strerror(-r));
        const char *wrong = r == 0 ? config_check(c) : NULL;
        if (!wrong)
                return r;
        snprintf(error, CONFIG_ERROR_BYTES, "%.256s: %s", path, wrong);
        return -EINVAL;
}
