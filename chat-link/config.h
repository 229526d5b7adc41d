/* The settings of chat-link: /etc/chat/link.conf, of the form that chat/conf.h reads. */
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
        config_value servers[CONFIG_SERVERS_MAX]; /* Servers=nats://HOST:PORT tls://HOST:PORT ..., by blanks */
        int servers_count;
        char network[HOST_MAX_BYTES + 1]; /* Network=: hosts of other networks on the same servers are not heard */
        char host[HOST_MAX_BYTES + 1];    /* Host=: what follows the @ in the names of this host's people elsewhere */
        char machine[64 + 1];        /* the machine's name, cleaned, if `host` was made of it and differs; else empty */
        config_value user, password; /* User=, Password=; empty: none */
        config_value credentials_file; /* CredentialsFile=: a user's JWT and seed, as `nsc generate creds` writes it */
        config_value ca_file;          /* CAFile=: who may have signed the servers' certificates; set: TLS */
        config_value certificate_file; /* CertificateFile=, KeyFile=: our own */
        config_value key_file;
        int replicas;       /* StreamReplicas=: 0 for auto, which is three, or one where the server stands alone */
        int retention_s;    /* StreamRetention=: seconds (s), minutes (min), hours (h) or days (d) */
        size_t spool_bytes; /* SpoolSize=: mebibytes, with or without an M */
};

/* Makes a label of the name of this machine up to the first dot, in lower case. Returns true if it is that name. Else the
 * name is too long, or has characters that no label has: those become "-", and the label ends with "-" and six digits
 * that are computed from the whole name, so that other names give other labels. It is "host" where there is no name. */
bool config_default_host(char host[static HOST_MAX_BYTES + 1], const char *machine);

/* Reads the file `path` on top of the defaults. Returns 0, or a negative errno with a line for the user in `error`:
 * -EINVAL for what is in the file. */
int config_read(struct config *c, const char *path, char error[static CONFIG_ERROR_BYTES]);
