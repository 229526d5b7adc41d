/* A whole session with a client of JSON (chat-web/, and chat-session/ from visit down) in a world without a system:
 * world.h has the input, and most promises.
 *
 * Promises, besides those of world.h: each line that the client gets is a JSON object, as jansson parses it strictly,
 * with an event that chat-json(5) lists, and within its bounds. A ref comes back in one answer or error for each
 * request that has it. If nothing was lost or skipped, none is missing in the end.
 */
#include <jansson.h>

#include <chat/answer.h>

#include "../../chat-web/json-kind.h"
#include "../../chat-web/requests.h"
#include "../../chat-web/web.h"

#include "world.h"

enum {
        SENT_MAX_BYTES = 48 * 1024, /* so that a session that reads a request at a time ends in time */
        REFS_MAX = SENT_MAX_BYTES / 8,
        TYPED_MAX_BYTES = 2 * WEB_LINE_MAX_BYTES,
};
_Static_assert((int)SENT_MAX_BYTES <= WORLD_SENT_MAX_BYTES, "the world has room for it");

static struct web web;

/* What the client knows. */
static struct {
        bool may_lack;             /* answers were lost or skipped */
        size_t line_len;           /* of the line so far */
        size_t refs_count, ref_at; /* the ref that was found last */
        unsigned last_ref;
        /* what follows is used up to the counts above */
        char line[WEB_OUTPUT_MAX_BYTES];
        struct {
                char text[WEB_REF_MAX_BYTES + 1]; /* as JSON */
                unsigned open;                    /* requests with it that were not answered */
        } refs[REFS_MAX];
} client;

/* ---- JSON, apart from the session ---- */

static json_malloc_t session_malloc;
static json_free_t session_free;

/* Lets jansson use the heap, so that what the session has parsed stays as it is. */
static void heap_begin(void)
{
        json_get_alloc_funcs(&session_malloc, &session_free);
        json_set_alloc_funcs(malloc, free);
}

static void heap_end(void)
{
        json_set_alloc_funcs(session_malloc, session_free);
}

/* ---- refs ---- */

/* Finds the ref of a request or an event. Returns its place, or REFS_MAX if it has none that is right. */
static size_t client_find_ref(const json_t *object)
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
        heap_begin();
        json_t *request = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
        size_t n = client_find_ref(request);
        if (n < REFS_MAX)
                client.refs[n].open++;
        json_decref(request);
        heap_end();
        __real_requests_take(w, line);
}

static void client_check_ref(const json_t *event, const char *name)
{
        size_t n = client_find_ref(event);
        if (!json_object_get(event, "ref"))
                return;
        PROMISE(strcmp(name, "answer") == 0 || strcmp(name, "error") == 0, "a ref in the event %s", name);
        PROMISE(n < REFS_MAX && client.refs[n].open > 0, "a ref that no request waits for: %s", client.line);
        client.refs[n].open--;
}

/* ---- events ---- */

static void client_check_event(const char *name)
{
        static const char *const names[] = {"welcome", "line",   "action", "private", "join",    "leave",  "rename",
                                            "topic",   "notice", "reply",  "past",    "missing", "answer", "error",
                                            "skipped", "away",   "back",   "refused", "motd"};
        size_t n = 0;
        while (n < sizeof(names) / sizeof(names[0]) && strcmp(name, names[n]) != 0)
                n++;
        PROMISE(n < sizeof(names) / sizeof(names[0]), "the event %s", name);
}

static void client_check_bounds(const json_t *event)
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
                        "the member %s: %s", bounds[n].key, client.line);
        }
}

/* Notes that answers may not come any more. */
static void client_note_loss(const json_t *event, const char *name)
{
        const char *code = json_string_value(json_object_get(event, "code"));
        if (strcmp(name, "skipped") == 0 ||
            (strcmp(name, "notice") == 0 && code && (strcmp(code, "lost") == 0 || strcmp(code, "missed") == 0)))
                client.may_lack = true;
}

static void client_take_line(void)
{
        json_error_t error;
        heap_begin();
        json_t *event = json_loadb(client.line, client.line_len, JSON_REJECT_DUPLICATES, &error);
        client.line[client.line_len] = '\0';
        PROMISE(event, "at byte %d: %s: %s", error.position, error.text, client.line);
        const char *name = json_string_value(json_object_get(event, "event"));
        PROMISE(name, "no event: %s", client.line);
        client_check_event(name);
        client_check_bounds(event);
        client_check_ref(event, name);
        client_note_loss(event, name);
        json_decref(event);
        heap_end();
}

static void client_sees(const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (bytes[i] == '\n') {
                        client_take_line();
                        client.line_len = 0;
                        continue;
                }
                PROMISE(client.line_len < sizeof(client.line) - 1, "a line of more than %zu bytes", client.line_len);
                client.line[client.line_len++] = bytes[i];
        }
}

static void client_says(const uint8_t *bytes, size_t n)
{
        (void)bytes;
        (void)n;
}

/* ---- the state ---- */

static void web_check(void)
{
        PROMISE(web.line_len <= sizeof(web.line), "the line overflowed");
        PROMISE(web.rooms_count <= MEMBER_ROOMS_MAX && web.reentered <= web.rooms_count,
                "%zu rooms, %zu of them entered", web.rooms_count, web.reentered);
}

static bool web_is_settled(void)
{
        return true;
}

static void web_check_answers(void)
{
        PROMISE(client.line_len == 0, "half a line in the end");
        if (world.chatd.is_at_random)
                return;
        PROMISE(requests_free(&web) == WEB_REQUESTS_MAX, "%zu places for requests in the end", requests_free(&web));
        if (client.may_lack)
                return;
        for (size_t n = 0; n < client.refs_count; n++)
                PROMISE(client.refs[n].open == 0, "%u requests with the ref %s were not answered", client.refs[n].open,
                        client.refs[n].text);
}

/* ---- what the client types ---- */

/* A line that is being written. */
struct typed {
        char text[TYPED_MAX_BYTES];
        size_t len;
};

static void typed_add(struct typed *t, const char *text)
{
        size_t len = strlen(text);
        len = len < sizeof(t->text) - t->len ? len : sizeof(t->text) - t->len;
        memcpy(t->text + t->len, text, len);
        t->len += len;
}

/* Adds a member that the script chooses, from `values` or in another way. */
static void typed_add_member(struct typed *t, const char *key, const char *const *values, size_t count)
{
        static const char *const units[] = {"a", "\\n", "\xc2\x85", "\\u0085", "\xe2\x82\xac", "\\\"", "\t", "\x7f"};
        uint8_t choice = choose_u8(&world.script);
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

static void typed_add_ref(struct typed *t)
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
        uint8_t choice = choose_u8(&world.script);
        typed_add(t, ",\"ref\":");
        snprintf(text, sizeof(text), choice & 1 ? "\"r%u\"" : "%u", ++client.last_ref);
        typed_add(t, choice < 0xc0 ? text : refs[choice % (sizeof(refs) / sizeof(refs[0]))]);
}

/* Changes a byte, or leaves some out. */
static void typed_mutate(struct typed *t)
{
        size_t at = choose_u16(&world.script) % t->len;
        uint8_t byte = choose_u8(&world.script);
        if (byte < 0x10 && at + byte < t->len) {
                memmove(t->text + at, t->text + at + byte, t->len - at - byte);
                t->len -= byte;
        } else {
                t->text[at] = (char)byte;
        }
}

#define MEMBER(t, key, ...)                                                                                            \
        typed_add_member(t, key, (const char *const[]){__VA_ARGS__},                                                   \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void web_type_request(void)
{
        static const char *const deeds[] = {"join",  "say", "act",   "msg",     "nick", "leave",
                                            "topic", "who", "rooms", "history", "fly",  "\\u006aoin"};
        static struct typed t;
        uint8_t deed = choose_u8(&world.script), shape = choose_u8(&world.script);
        t.len = 0;
        typed_add(&t, "{\"do\":\"");
        typed_add(&t, deeds[deed % (sizeof(deeds) / sizeof(deeds[0]))]);
        typed_add(&t, "\"");
        if (!(shape & 1))
                MEMBER(&t, "room", "\"den\"", "\"lobby\"", "\"tea\"", "\"LOBBY\"", "\"r1\"", "\"r2\"", "\"r3\"",
                       "\"r4\"", "\"r5\"", "\"r6\"", "\"r7\"", "\"r8\"", "\"r9\"", "\"r10\"", "\"r11\"", "\"r12\"",
                       "\"r13\"", "\"r14\"", "\"r15\"", "\"r16\"", "\"r17\"", "\"r18\"", "\"a-room-with-a-long-name1\"",
                       "\"a b\"", "\"\"", "7");
        if (shape & 2)
                MEMBER(&t, "text", "\"hi\"", "\"\"", "\"a\\nb\\n\\nc\\n\"", "\"\\ud83d\\ude00\"", "\"\\u202e\\u0007\"",
                       "\"-\"", "\"\\ud800\"", "\"\\u0000\"", "null");
        if (shape & 4)
                typed_add_ref(&t);
        if (shape & 8)
                MEMBER(&t, "since", "\"0000000000000001-1\"", "\"0000000000000002-2\"", "\"0000000000000003-3\"",
                       "\"0000000000000004-4\"", "\"x\"", "\"0000000000000001-0\"", "\"0000000000000001--1\"",
                       "\"0000000000000001-99999999999999999999\"", "0");
        if (shape & 16)
                MEMBER(&t, "lines", "7", "1", "100", "0", "101", "-1", "1e2", "99999999999999999999", "\"7\"");
        if (shape & 32)
                MEMBER(&t, "to", "\"bob\"", "\"kim@b\"", "\"a b\"", "\"\"", "[]");
        if (shape & 64)
                MEMBER(&t, "name", "\"eve\"", "\"\"", "\"\\u001b[m\"", "\"1\"", "{}");
        typed_add(&t, "}");
        if (shape & 128)
                typed_mutate(&t);
        world_type(t.text, t.len);
        world_type_text("\n");
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        json_object_seed(1); /* the first call counts: each run of an input is the same */
        parser_begin();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct world_client json_of_world = {
                .kind = &json_kind,
                .me = &web,
                .sent_most_bytes = SENT_MAX_BYTES,
                .many = "{\"do\":\"rooms\",\"ref\":%u}\n",
                .type = web_type_request,
                .says = client_says,
                .sees = client_sees,
                .check = web_check,
                .is_settled = web_is_settled,
                .check_answers = web_check_answers,
        };
        memset(&web, 0, sizeof(web));
        memset(&client, 0, offsetof(typeof(client), line));
        world_begin(&json_of_world, data, size);
        world.chatd.is_asked_for_any_name = true;
        world_run();
        return 0;
}
