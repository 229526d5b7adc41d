/* The settings of chat-link: /etc/chat/link.conf, in the format that chat/conf.h reads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <chat/conf.h>
#include <chat/frame.h>

#define CONFIG_DEFAULT "/etc/chat/link.conf"
#define NETWORK_DEFAULT "chat"

enum {
        CONFIG_SERVERS_MAX = 16,
        CONFIG_VALUE_MAX_BYTES = CONF_LINE_MAX_BYTES,
        CONFIG_ERROR_BYTES = CONF_ERROR_BYTES,
        SPOOL_MIN_MIB = 1,
        SPOOL_DEFAULT_MIB = 64,
        SPOOL_MAX_MIB = 1024,
        RETENTION_MIN_S = 60,
        RETENTION_DEFAULT_S = 3600,
        RETENTION_MAX_S = 30 * 24 * 3600,
        REPLICAS_MAX = 5,
};

typedef char config_value[CONFIG_VALUE_MAX_BYTES + 1];

struct config {
        /* Servers=nats://HOST:PORT tls://HOST:PORT ..., separated by blanks */
        config_value servers[CONFIG_SERVERS_MAX];
        int servers_count;
        char network[HOST_MAX_BYTES + 1]; /* Network=: hosts of other networks on the same servers are ignored */
        /* Host=: the part behind the @ in the names of this host's members on other hosts */
        char host[HOST_MAX_BYTES + 1];
        char machine[64 + 1]; /* the cleaned name of the machine, if `host` is made from it and differs; else empty */
        config_value user, password;   /* User=, Password=; empty: not set */
        config_value credentials_file; /* CredentialsFile=: a user's JWT and seed, as `nsc generate creds` writes it */
        /* CAFile=: certificates of the authorities that may sign the servers' certificates; set: TLS */
        config_value ca_file;
        config_value certificate_file; /* CertificateFile=, KeyFile=: the link's own */
        config_value key_file;
        int replicas;       /* StreamReplicas=: 0 for auto, which is three, or one if the server stands alone */
        int retention_s;    /* StreamRetention=: seconds (s), minutes (min), hours (h) or days (d) */
        size_t spool_bytes; /* SpoolSize=: mebibytes, with or without an M */
};

/* Makes a label from the name of this machine: the name up to the first dot, in lower case. Returns true if the label
 * is exactly that name. Returns false if the name is too long or has characters that no label has: these become "-",
 * and the label ends with "-" and six digits that are computed from the whole name, so that other names give other
 * labels. The label is "host" if the machine has no name. */
bool config_default_host(char host[static HOST_MAX_BYTES + 1], const char *machine);

/* Reads the file `path` on top of the defaults. Returns 0, or a negative errno with a line for the user in `error`:
 * -EINVAL if the file's contents are wrong. */
int config_read(struct config *c, const char *path, char error[static CONFIG_ERROR_BYTES]);
