#include "json-client.h"

#include <chat/answer.h>

#include "../../chat-web/requests.h"

#include "world.h"

enum { REFS_MAX = JSON_CLIENT_SENT_MAX_BYTES / 8 };
_Static_assert((int)JSON_CLIENT_SENT_MAX_BYTES <= WORLD_SENT_MAX_BYTES, "the world has room for it");

/* What the client knows. */
static struct {
        bool may_lack;             /* answers were lost or skipped */
        unsigned taken;            /* requests that the session took */
        uint64_t sum;              /* of these */
        size_t refs_count, ref_at; /* the ref that was found last */
        unsigned last_ref;
        /* what follows is used up to the count above */
        struct {
                char text[WEB_REF_MAX_BYTES + 1]; /* as JSON */
                unsigned open;                    /* requests with it that were not answered */
        } refs[REFS_MAX];
} client;

void json_client_begin(void)
{
        memset(&client, 0, offsetof(typeof(client), refs));
}

/* ---- JSON, apart from the session ---- */

static json_malloc_t session_malloc;
static json_free_t session_free;

void json_client_heap_begin(void)
{
        json_get_alloc_funcs(&session_malloc, &session_free);
        json_set_alloc_funcs(malloc, free);
}

void json_client_heap_end(void)
{
        json_set_alloc_funcs(session_malloc, session_free);
}

/* ---- refs ---- */

/* Finds the ref of a request or an event. Returns its place, or REFS_MAX if it has none that is right. */
static size_t json_client_find_ref(const json_t *object)
{
        char text[WEB_REF_MAX_BYTES + 1];
        const json_t *ref = json_object_get(object, "ref");
        if (!json_is_string(ref) && !json_is_integer(ref))
                return REFS_MAX;
        size_t len = json_dumpb(ref, text, WEB_REF_MAX_BYTES, JSON_ENCODE_ANY | JSON_COMPACT);
        if (len == 0 || len > WEB_REF_MAX_BYTES)
                return REFS_MAX;
        text[len] = '\0';
        for (size_t n = 0; n < client.refs_count; n++) {
                client.ref_at = (client.ref_at + 1) % client.refs_count; /* most come in their order */
                if (strcmp(client.refs[client.ref_at].text, text) == 0)
                        return client.ref_at;
        }
        PROMISE(client.refs_count < REFS_MAX, "too many refs for this target");
        client.ref_at = client.refs_count++;
        client.refs[client.ref_at].open = 0;
        memcpy(client.refs[client.ref_at].text, text, len + 1);
        return client.ref_at;
}

void __real_requests_take(struct web *w, struct slice line);
void __wrap_requests_take(struct web *w, struct slice line);
void __wrap_requests_take(struct web *w, struct slice line)
{
        json_client_heap_begin();
        json_t *request = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
        size_t n = json_client_find_ref(request);
        if (n < REFS_MAX)
                client.refs[n].open++;
        json_decref(request);
        json_client_heap_end();
        client.taken++;
        client.sum = json_client_sum(client.sum, line);
        __real_requests_take(w, line);
}

static void json_client_check_ref(const json_t *event, const char *name, const char *object)
{
        size_t n = json_client_find_ref(event);
        if (!json_object_get(event, "ref"))
                return;
        PROMISE(strcmp(name, "answer") == 0 || strcmp(name, "error") == 0, "a ref in the event %s", name);
        PROMISE(n < REFS_MAX && client.refs[n].open > 0, "a ref that no request waits for: %s", object);
        client.refs[n].open--;
}

/* ---- events ---- */

static void json_client_check_event(const char *name)
{
        static const char *const names[] = {"welcome", "line",   "action", "private", "join",    "leave",  "rename",
                                            "topic",   "notice", "reply",  "past",    "missing", "answer", "error",
                                            "skipped", "away",   "back",   "refused", "motd"};
        size_t n = 0;
        while (n < sizeof(names) / sizeof(names[0]) && strcmp(name, names[n]) != 0)
                n++;
        PROMISE(n < sizeof(names) / sizeof(names[0]), "the event %s", name);
}

static void json_client_check_bounds(const json_t *event, const char *object)
{
        static const struct {
                char key[12];
                size_t most;
        } bounds[] = {
                {"id", 64},
                {"time", 24},
                {"room", NICK_MAX_BYTES},
                {"name", NAME_MAX_BYTES},
                {"host", NAME_MAX_BYTES},
                {"new", NAME_MAX_BYTES},
                {"other", NAME_MAX_BYTES},
                {"code", ANSWER_NAME_BYTES},
                {"text", TEXT_MAX_BYTES},
                {"sentence", TEXT_MAX_BYTES},
        };
        for (size_t n = 0; n < sizeof(bounds) / sizeof(bounds[0]); n++) {
                const json_t *value = json_object_get(event, bounds[n].key);
                PROMISE(!value || (json_is_string(value) && json_string_length(value) <= bounds[n].most),
                        "the member %s: %s", bounds[n].key, object);
        }
}

/* Notes that answers may not come any more. */
static void json_client_note_loss(const json_t *event, const char *name)
{
        const char *code = json_string_value(json_object_get(event, "code"));
        if (strcmp(name, "skipped") == 0 ||
            (strcmp(name, "notice") == 0 && code && (strcmp(code, "lost") == 0 || strcmp(code, "missed") == 0)))
                client.may_lack = true;
}

void json_client_take(const char *object, size_t len)
{
        json_error_t error;
        json_client_heap_begin();
        json_t *event = json_loadb(object, len, JSON_REJECT_DUPLICATES, &error);
        PROMISE(event, "at byte %d: %s: %s", error.position, error.text, object);
        const char *name = json_string_value(json_object_get(event, "event"));
        PROMISE(name, "no event: %s", object);
        json_client_check_event(name);
        json_client_check_bounds(event, object);
        json_client_check_ref(event, name, object);
        json_client_note_loss(event, name);
        json_decref(event);
        json_client_heap_end();
}

unsigned json_client_taken(uint64_t *sum)
{
        *sum = client.sum;
        return client.taken;
}

uint64_t json_client_sum(uint64_t sum, struct slice request)
{
        for (size_t i = 0; i < request.len; i++)
                sum = sum * 31 + (uint8_t)request.at[i] + 1;
        return sum * 31;
}

void json_client_check_answers(const struct web *w)
{
        if (world.chatd.is_at_random)
                return;
        PROMISE(requests_free(w) == WEB_REQUESTS_MAX, "%zu places for requests in the end", requests_free(w));
        if (client.may_lack)
                return;
        for (size_t n = 0; n < client.refs_count; n++)
                PROMISE(client.refs[n].open == 0, "%u requests with the ref %s were not answered", client.refs[n].open,
                        client.refs[n].text);
}

/* ---- what the client types ---- */

void typed_add_bytes(struct typed *t, const void *bytes, size_t n)
{
        n = n < sizeof(t->text) - t->len ? n : sizeof(t->text) - t->len;
        memcpy(t->text + t->len, bytes, n);
        t->len += n;
}

void typed_add(struct typed *t, const char *text)
{
        typed_add_bytes(t, text, strlen(text));
}

/* Adds a member that the script chooses, from `values` or in another way. */
static void typed_add_member(struct typed *t, struct choices *c, const char *key, const char *const *values,
                             size_t count)
{
        static const char *const units[] = {"a", "\\n", "\xc2\x85", "\\u0085", "\xe2\x82\xac", "\\\"", "\t", "\x7f"};
        uint8_t choice = choose_u8(c);
        typed_add(t, ",\"");
        typed_add(t, key);
        typed_add(t, "\":");
        if (choice < 0xc0) {
                typed_add(t, values[choice % count]);
                return;
        }
        typed_add(t, "\"");
        for (size_t n = (choice & 0x38) * 128u; n > 0; n--)
                typed_add(t, units[choice & 7]);
        typed_add(t, "\"");
}

static void typed_add_ref(struct typed *t, struct choices *c)
{
        static const char *const refs[] = {"0",
                                           "-0",
                                           "\"a \\\"b\\\"\"",
                                           "\"\\u20ac\\ud83d\\ude00\"",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "-9223372036854775808",
                                           "1e400",
                                           "1.5",
                                           "null",
                                           "[1]",
                                           "\"\\u0000\"",
                                           "\"0123456789012345678901234567890123456789012345678901234567890123\""};
        char text[32];
        uint8_t choice = choose_u8(c);
        typed_add(t, ",\"ref\":");
        snprintf(text, sizeof(text), choice & 1 ? "\"r%u\"" : "%u", ++client.last_ref);
        typed_add(t, choice < 0xc0 ? text : refs[choice % (sizeof(refs) / sizeof(refs[0]))]);
}

void typed_mutate(struct typed *t, struct choices *c)
{
        size_t at = choose_u16(c) % t->len;
        uint8_t byte = choose_u8(c);
        if (byte < 0x10 && at + byte < t->len) {
                memmove(t->text + at, t->text + at + byte, t->len - at - byte);
                t->len -= byte;
        } else {
                t->text[at] = (char)byte;
        }
}

#define MEMBER(t, c, key, ...)                                                                                         \
        typed_add_member(t, c, key, (const char *const[]){__VA_ARGS__},                                                \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

void json_client_ask(struct typed *t, struct choices *c)
{
        static const char *const deeds[] = {"join",  "say", "act",   "msg",     "nick", "leave",
                                            "topic", "who", "rooms", "history", "fly",  "\\u006aoin"};
        uint8_t deed = choose_u8(c), shape = choose_u8(c);
        t->len = 0;
        typed_add(t, "{\"do\":\"");
        typed_add(t, deeds[deed % (sizeof(deeds) / sizeof(deeds[0]))]);
        typed_add(t, "\"");
        if (!(shape & 1))
                MEMBER(t, c, "room", "\"den\"", "\"lobby\"", "\"tea\"", "\"LOBBY\"", "\"r1\"", "\"r2\"", "\"r3\"",
                       "\"r4\"", "\"r5\"", "\"r6\"", "\"r7\"", "\"r8\"", "\"r9\"", "\"r10\"", "\"r11\"", "\"r12\"",
                       "\"r13\"", "\"r14\"", "\"r15\"", "\"r16\"", "\"r17\"", "\"r18\"", "\"a-room-with-a-long-name1\"",
                       "\"a b\"", "\"\"", "7");
        if (shape & 2)
                MEMBER(t, c, "text", "\"hi\"", "\"\"", "\"a\\nb\\n\\nc\\n\"", "\"\\ud83d\\ude00\"",
                       "\"\\u202e\\u0007\"", "\"-\"", "\"\\ud800\"", "\"\\u0000\"", "null");
        if (shape & 4)
                typed_add_ref(t, c);
        if (shape & 8)
                MEMBER(t, c, "since", "\"0000000000000001-1\"", "\"0000000000000002-2\"", "\"0000000000000003-3\"",
                       "\"0000000000000004-4\"", "\"x\"", "\"0000000000000001-0\"", "\"0000000000000001--1\"",
                       "\"0000000000000001-99999999999999999999\"", "0");
        if (shape & 16)
                MEMBER(t, c, "lines", "7", "1", "100", "0", "101", "-1", "1e2", "99999999999999999999", "\"7\"");
        if (shape & 32)
                MEMBER(t, c, "to", "\"bob\"", "\"kim@b\"", "\"a b\"", "\"\"", "[]");
        if (shape & 64)
                MEMBER(t, c, "name", "\"eve\"", "\"\"", "\"\\u001b[m\"", "\"1\"", "{}");
        typed_add(t, "}");
        if (shape & 128)
                typed_mutate(t, c);
}

/* The targets that link this file begin so. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        json_object_seed(1); /* the first call counts: each run of an input is the same */
        parser_begin();
        return 0;
}
