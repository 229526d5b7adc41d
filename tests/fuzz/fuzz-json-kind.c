/* A whole session with a client of JSON (chat-web/, and chat-session/ from visit down) in a world without a system:
 * world.h has the input, and most promises, and json-client.h the others. Each object that the client gets is a line.
 */
#include "../../chat-web/json-kind.h"

#include "json-client.h"
#include "world.h"

static struct web web;

/* What the client gets. */
static struct {
        size_t line_len; /* of the line so far */
        char line[WEB_OUTPUT_MAX_BYTES];
} client;

static void client_sees(const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (bytes[i] == '\n') {
                        client.line[client.line_len] = '\0';
                        json_client_take(client.line, client.line_len);
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
        json_client_check_answers(&web);
}

static void web_type_request(void)
{
        static struct typed t;
        json_client_ask(&t, &world.script);
        world_type(t.text, t.len);
        world_type_text("\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct world_client json_of_world = {
                .kind = &json_kind,
                .me = &web,
                .sent_most_bytes = JSON_CLIENT_SENT_MAX_BYTES,
                .many = "{\"do\":\"rooms\",\"ref\":%u}\n",
                .type = web_type_request,
                .says = client_says,
                .sees = client_sees,
                .check = web_check,
                .is_settled = web_is_settled,
                .check_answers = web_check_answers,
        };
        memset(&web, 0, sizeof(web));
        client.line_len = 0;
        json_client_begin();
        world_begin(&json_of_world, data, size);
        world.chatd.is_asked_for_any_name = true;
        world_run();
        return 0;
}
