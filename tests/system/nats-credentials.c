#include "nats-credentials.h"

#include <stdio.h>

#include "harness.h"

/* The kinds of keys; the kind determines the first letter of the encoded key. */
enum kind { KIND_OPERATOR = 14 << 3, KIND_ACCOUNT = 0, KIND_USER = 20 << 3, KIND_SEED = 18 << 3 };

struct key {
        char file[128]; /* in PEM */
        enum kind kind;
        char public[64], seed[64]; /* as NATS writes them */
};

/* Encodes as in RFC 4648 without padding: base32 with 5 bits, base64url with 6. */
static void encode(char *out, const uint8_t *bytes, size_t size, unsigned bits)
{
        const char *digits = bits == 5 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                                       : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned value = 0, have = 0;
        for (size_t i = 0; i < size; i++) {
                value = value << 8 | bytes[i];
                for (have += 8; have >= bits; have -= bits)
                        *out++ = digits[value >> (have - bits) & ((1U << bits) - 1)];
        }
        if (have > 0)
                *out++ = digits[value << (bits - have) & ((1U << bits) - 1)];
        *out = '\0';
}

/* Returns CRC-16/XMODEM. */
static uint16_t checksum(const uint8_t *bytes, size_t size)
{
        uint16_t crc = 0;
        for (size_t i = 0; i < size; i++) {
                crc = (uint16_t)(crc ^ bytes[i] << 8);
                for (int bit = 0; bit < 8; bit++)
                        crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
        }
        return crc;
}

static void encode_key(char *out, const uint8_t *prefix, size_t prefix_size, const uint8_t raw[static 32])
{
        uint8_t bytes[2 + 32 + 2];
        memcpy(bytes, prefix, prefix_size);
        memcpy(bytes + prefix_size, raw, 32);
        size_t size = prefix_size + 32;
        uint16_t crc = checksum(bytes, size);
        bytes[size++] = (uint8_t)crc;
        bytes[size++] = (uint8_t)(crc >> 8);
        encode(out, bytes, size, 5);
}

/* Reads the output of a command. Returns its bytes. */
static size_t read_output(const char *command, uint8_t *out, size_t size)
{
        FILE *f = popen(command, "r");
        assert_non_null(f);
        size_t n = fread(out, 1, size, f);
        assert_int_equal(pclose(f), 0);
        return n;
}

static void make_key(struct key *k, const char *dir, const char *name, enum kind kind)
{
        char command[512];
        uint8_t raw[32];
        k->kind = kind;
        snprintf(k->file, sizeof(k->file), "%s/%s.pem", dir, name);
        shell("openssl genpkey -algorithm ed25519 -out %s", k->file);
        snprintf(command, sizeof(command), "openssl pkey -in %s -pubout -outform DER | tail -c 32", k->file);
        assert_int_equal(read_output(command, raw, sizeof(raw)), sizeof(raw));
        encode_key(k->public, (uint8_t[]){(uint8_t)kind}, 1, raw);
        snprintf(command, sizeof(command), "openssl pkey -in %s -outform DER | tail -c 32", k->file);
        assert_int_equal(read_output(command, raw, sizeof(raw)), sizeof(raw));
        encode_key(k->seed, (uint8_t[]){(uint8_t)(KIND_SEED | kind >> 5), (uint8_t)((kind & 31) << 3)}, 2, raw);
}

/* Makes the token by which `issuer` describes `subject`. `nats` is the part that depends on the kind. */
static void make_token(char token[static 2048], const char *dir, const struct key *issuer, const struct key *subject,
                       const char *nats)
{
        char claims[1024], command[512];
        uint8_t signature[64];
        int size =
                snprintf(claims, sizeof(claims),
                         "{\"jti\":\"x\",\"iat\":1700000000,\"iss\":\"%s\",\"name\":\"x\",\"sub\":\"%s\",\"nats\":%s}",
                         issuer->public, subject->public, nats);
        static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";
        encode(token, (const uint8_t *)header, sizeof(header) - 1, 6);
        strcat(token, ".");
        encode(token + strlen(token), (const uint8_t *)claims, (size_t)size, 6);
        shell("printf %%s %s >%s/signed", token, dir);
        snprintf(command, sizeof(command), "openssl pkeyutl -sign -inkey %s -rawin -in %s/signed", issuer->file, dir);
        assert_int_equal(read_output(command, signature, sizeof(signature)), sizeof(signature));
        strcat(token, ".");
        encode(token + strlen(token), signature, sizeof(signature), 6);
}

static void make_operator(const char *dir, const char *settings, const char *credentials)
{
        struct key operator, account, user;
        char token[2048];
        make_key(&operator, dir, "operator", KIND_OPERATOR);
        make_key(&account, dir, "account", KIND_ACCOUNT);
        make_key(&user, dir, "user", KIND_USER);
        make_token(token, dir, &operator, & operator, "{\"type\":\"operator\",\"version\":2}");
        shell("echo 'operator: %s, resolver: MEMORY' >%s/%s", token, dir, settings);
        make_token(
                token, dir, &operator, & account,
                "{\"limits\":{\"subs\":-1,\"data\":-1,\"payload\":-1,\"imports\":-1,\"exports\":-1,\"wildcards\":true,"
                "\"conn\":-1,\"leaf\":-1},\"type\":\"account\",\"version\":2}");
        shell("echo 'resolver_preload: { %s: %s }' >>%s/%s", account.public, token, dir, settings);
        make_token(token, dir, &account, &user,
                   "{\"pub\":{},\"sub\":{},\"subs\":-1,\"data\":-1,\"payload\":-1,\"type\":\"user\",\"version\":2}");
        shell("printf '%%s\\n' '-----BEGIN NATS USER JWT-----' %s '------END NATS USER JWT------' ''"
              " '-----BEGIN USER NKEY SEED-----' %s '------END USER NKEY SEED------' >%s/%s",
              token, user.seed, dir, credentials);
}

void credentials_make(const char *dir)
{
        make_operator(dir, "stranger.conf", "stranger.creds");
        make_operator(dir, "operator.conf", "user.creds");
}
