/* A whole session with a client of IRC (chat-irc/, and chat-session/ from visit down) in a world without a system:
 * world.h has the input, and most promises.
 *
 * Promises, besides those of world.h and irc-client.h: the state of IRC stays within its bounds, and one label is open
 * at a time.
 */
#include "../../chat-irc/irc-kind.h"
#include "../../chat-irc/labels.h"
#include "../../chat-irc/requests.h"
#include "../../chat-session/client-output.h"

#include "irc-client.h"
#include "world.h"

#define SERVER "irc.test"

enum { SENT_MAX_BYTES = 7 * IRC_CLIENT_PINGS_MAX }; /* a PING has 7 bytes at least */
_Static_assert((int)SENT_MAX_BYTES <= WORLD_SENT_MAX_BYTES, "the world has room for it");

enum irc_flags {
        IRC_WORLD_REGISTERS = 1,    /* the client begins with its registration */
        IRC_WORLD_CAPABILITIES = 2, /* and turns on all capabilities */
};

static struct irc irc;
static struct irc_client client;
static unsigned labels;

void __real_labels_begin(struct irc *i, struct slice tags);
void __wrap_labels_begin(struct irc *i, struct slice tags);
void __wrap_labels_begin(struct irc *i, struct slice tags)
{
        PROMISE(!labels_are_open(i), "two labels are open");
        __real_labels_begin(i, tags);
        if (labels_are_open(i))
                irc_client_expects(&client, i->label.text);
}

static void irc_says(const uint8_t *bytes, size_t n)
{
        irc_client_says(&client, bytes, n);
}

static void irc_sees(const char *bytes, size_t n)
{
        irc_client_sees(&client, bytes, n);
}

static void irc_check(void)
{
        PROMISE(irc.input_len <= sizeof(irc.input), "the input overflowed");
        PROMISE(irc.list.at <= irc.list.len && irc.list.len <= sizeof(irc.list.text), "the list overflowed");
        PROMISE(irc.found_len < sizeof(irc.found), "what was found overflowed");
        PROMISE(irc.channels_count <= MEMBER_ROOMS_MAX && irc.rejoined <= irc.channels_count, "%zu channels",
                irc.channels_count);
        if (world.session.state == SESSION_TALKING && !client_waits(&world.session.client) && !world.is_broken)
                irc_client_check_channels(&client, &irc);
}

static bool irc_is_settled(void)
{
        return !requests_must_wait(&irc);
}

static void irc_check_answers(void)
{
        irc_client_check_answers(&client);
        irc_client_check_channels(&client, &irc);
}

/* ---- what the client types ---- */

static void irc_type_param(void)
{
        static const char *const words[] = {
                "",
                "*",
                "ann",
                "bob",
                "guest-192.0.2.7-4711",
                "guest-192.0.2.7-4711~",
                "kim/b",
                "pid\\3d7",
                "lobby",
                "#lobby",
                "#den",
                "0",
                "LS",
                "LIST",
                "REQ",
                "END",
                "302",
                "-echo-message",
                "%tcuihsnfdlaor,42",
                "+b",
                "LATEST",
                "BEFORE",
                "AFTER",
                "AROUND",
                "BETWEEN",
                "timestamp=2001-01-01T00:00:00.000Z",
                "msgid=0000000000000001-1",
                "5",
                "ann,bob,kim/b,nobody",
                "\001ACTION waves\001",
                "\001VERSION\001",
                ":\001DCC SEND x 1 2 3\001",
                ":\002bold\x0f and \00304,05red",
                ":server-time echo-message",
                ":batch labeled-response message-tags",
                ":bob ann kim/b",
        };
        uint8_t choice = choose_u8(&world.script);
        world_type_text(" ");
        if (choice < 0xa0) {
                world_type_text(words[choice % (sizeof(words) / sizeof(words[0]))]);
        } else if (choice < 0xc0) {
                world_type_many("#r%u", 1);
                world_type_many(",#r%u", choice - 0x9fu);
        } else if (choice < 0xe0) {
                world_type_text(":");
                world_type_raw();
        } else {
                world_type_text(":");
                world_type_many(choice & 1 ? "\u20ac" : "abc ", (choice - 0xdfu) * 20);
        }
}

static void irc_type_message(void)
{
        static const char *const commands[] = {
                "PING",   "PRIVMSG", "JOIN",   "PART",   "NICK",    "CAP",  "WHOIS",    "WHO",
                "NAMES",  "TOPIC",   "LIST",   "NOTICE", "MODE",    "ISON", "USERHOST", "CHATHISTORY",
                "LUSERS", "AWAY",    "KICK",   "INVITE", "VERSION", "TIME", "INFO",     "HELP",
                "WHOWAS", "MOTD",    "TAGMSG", "PONG",   "USER",    "PASS", "QUIT",     "FOO",
        };
        char label[32];
        uint8_t command = choose_u8(&world.script), shape = choose_u8(&world.script);
        snprintf(label, sizeof(label), "@label=%u;+x=y ", ++labels);
        if (command & 0x80)
                world_type_text(label);
        world_type_text(commands[command % (sizeof(commands) / sizeof(commands[0]))]);
        for (unsigned n = shape % 6u; n > 0; n--)
                irc_type_param();
        world_type_text(shape & 0x40 ? "\n" : "\r\n");
}

static void irc_register(void)
{
        if (world.flags & IRC_WORLD_CAPABILITIES)
                world_type_text("CAP REQ :batch labeled-response echo-message message-tags server-time "
                                "standard-replies\r\n");
        if (world.flags & IRC_WORLD_REGISTERS)
                world_type_text("NICK ann\r\nUSER ann 0 * :Ann\r\nCAP END\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const struct irc_options options = {.server = SERVER};
        static const struct world_client irc_of_world = {
                .kind = &irc_kind,
                .me = &irc,
                .sent_most_bytes = SENT_MAX_BYTES,
                .many = "PING %u\r\n",
                .meets_old_chatd = true,
                .type = irc_type_message,
                .says = irc_says,
                .sees = irc_sees,
                .check = irc_check,
                .is_settled = irc_is_settled,
                .check_answers = irc_check_answers,
        };
        world_begin(&irc_of_world, data, size);
        memset(&irc, 0, sizeof(irc));
        irc.options = &options;
        labels = 0;
        irc_client_begin(&client, SERVER);
        irc_register();
        world_run();
        return 0;
}
