#include "taking.h"

#include <errno.h>

#include <chat/safe-text.h>

#include "../chat-session/client-output.h"
#include "../chat-session/uplink.h"

#include "about.h"
#include "channels.h"
#include "commands.h"
#include "labels.h"
#include "lists.h"
#include "names.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

/* The room in the queue to chatd that a message needs. An answer may cause one more request. */
enum { IRC_QUEUE_MIN_BYTES = 4 * (FRAME_MAX_BYTES + UPLINK_REQUEST_OVERHEAD_BYTES) };

bool taking_is_chatd_too_old(const struct irc *i)
{
        return talk_version(i->session) != 0 && talk_version(i->session) < frame_since(FRAME_ENTER);
}

/* Returns true if one more message can be taken now, with room for its effects. While chatd takes the client in, and
 * while an answer is due on which the next messages depend, they wait. */
static bool taking_has_room(const struct irc *i)
{
        return i->stage != IRC_JOINING && !taking_is_chatd_too_old(i) && requests_have_room(i) &&
               !requests_must_wait(i) && !i->ping.is_due && client_room(i->client) >= IRC_OUTPUT_MAX_BYTES &&
               talk_room(i->session) >= IRC_QUEUE_MIN_BYTES;
}

/* Returns true if something of the earlier messages is left to be done. */
static bool taking_has_more_to_do(const struct irc *i)
{
        return irc_has_names_left(i) || lists_are_open(i) || channels_must_rejoin(i);
}

/* Takes a message. One that is not UTF-8 is dropped, as UTF8ONLY says. */
static void taking_message(struct irc *i, enum reader_result result, struct slice line)
{
        struct irc_message m;
        int r = irc_parse(&m, line);
        if (result == READER_TAGS_TOO_LONG) {
                output_numeric(i, ERR_INPUTTOOLONG, IRC_PARAMS(slice_of("Input line was too long")));
        } else if (r == 0) {
                labels_begin(i, text_is_utf8(m.tags.at, m.tags.len) ? m.tags : slice_of(""));
                if (text_is_utf8(line.at, line.len))
                        commands_take(i, &m);
                else
                        output_fail(i, m.command, "INVALID_UTF8", NULL, 0, "Message rejected: it is not UTF-8");
                labels_end(i);
        } else if (r < 0 && i->stage == IRC_REGISTERING) {
                talk_not_chat(i->session, "unknown");
        } else if (r < 0) {
                output_numeric(i, ERR_UNKNOWNCOMMAND, IRC_PARAMS(slice_of("*"), slice_of("Unknown command")));
        }
}

/* Does the next step of what earlier messages began. */
static void taking_do_more(struct irc *i)
{
        if (irc_has_names_left(i)) {
                labels_activate(i, i->names.is_labelled);
                names_go_on(i);
        } else if (channels_must_rejoin(i)) {
                channels_rejoin_next(i);
        } else {
                labels_activate(i, true);
                lists_go_on(i);
        }
        labels_end(i);
}

/* Takes the next message, if a whole one is there. */
static void taking_next(struct irc *i)
{
        struct slice line;
        enum reader_result result = reader_take(&i->reader, &i->input_at, &i->input_len, &line);
        if (result != READER_MORE)
                taking_message(i, result, line);
}

/* Takes the messages that wait, as far as there is room for their effects. */
static void taking_all(struct irc *i)
{
        bool goes_on = i->blocked_at == 0;
        if (i->ping.is_due && about_may_answer_ping(i))
                about_answer_ping(i);
        for (; taking_has_room(i) && talk_is_open(i->session); goes_on = true) {
                if (taking_has_more_to_do(i))
                        taking_do_more(i);
                else if (i->input_len > 0)
                        taking_next(i);
                else
                        break;
        }
        if (taking_has_room(i))
                i->blocked_at = 0;
        else if (goes_on)
                i->blocked_at = talk_now(i->session);
        i->has_new_input = i->input_len > 0;
}

/* ---- messages that need not wait ---- */

/* Returns true if messages have waited for a long time, for example because there is no chatd. Then a PING, a PONG or a
 * QUIT behind them must not wait. */
static bool taking_is_stuck(const struct irc *i)
{
        return !taking_has_room(i) && i->blocked_at > 0 && talk_now(i->session) >= i->blocked_at + IRC_PATIENCE_MS;
}

/* Takes a message that waits, if it need not. Returns false if it must wait. A QUIT must, unless it is the first. */
static bool taking_early(struct irc *i, const struct irc_message *m, bool is_first)
{
        if (slice_equal_case(m->command, slice_of("PING")) && m->params_count > 0)
                about_pong(i, m->params[0]);
        else if (slice_equal_case(m->command, slice_of("QUIT")) && is_first)
                about_quit(i, m);
        else
                return slice_equal_case(m->command, slice_of("PONG"));
        return true;
}

/* Returns the size of the first line with its line end, or 0 if it has none. */
static size_t taking_line_bytes(struct slice waiting)
{
        size_t n = 0;
        while (n < waiting.len && waiting.at[n] != '\r' && waiting.at[n] != '\n')
                n++;
        return n < waiting.len ? n + 1 : 0;
}

/* Returns true if the line is a message as it stands: the reader leaves nothing of it out, and it is UTF-8. */
static bool taking_is_whole(struct slice line)
{
        return line.len <= IRC_LINE_MAX_BYTES - 2 && !memchr(line.at, '\0', line.len) &&
               text_is_utf8(line.at, line.len);
}

/* Takes the messages that need not wait out of the waiting input, up to one that the reader must look at: it may be a
 * PING, and PONGs come in order. */
static void taking_overtake(struct irc *i)
{
        struct slice left = {(const char *)i->input_at, i->input_len};
        bool is_first = true, is_begun = i->reader.len > 0 && !i->reader.is_complete;
        size_t size, kept = 0;
        while (!is_begun && talk_is_open(i->session) && (size = taking_line_bytes(left)) > 0) {
                struct slice line = {left.at, size - 1};
                struct irc_message m;
                if (!taking_is_whole(line))
                        break;
                int r = irc_parse(&m, line);
                if (r < 0 || (r == 0 && !taking_early(i, &m, is_first))) {
                        memmove(i->input + kept, left.at, size);
                        kept += size;
                        is_first = false;
                }
                left.at += size;
                left.len -= size;
        }
        memmove(i->input + kept, left.at, left.len);
        i->input_at = i->input;
        i->input_len = kept + left.len;
        i->has_new_input = false;
}

size_t taking_may_read(const struct irc *i)
{
        if (taking_is_stuck(i))
                return sizeof(i->input) - i->input_len;
        return i->input_len == 0 && !taking_has_more_to_do(i) && taking_has_room(i) ? sizeof(i->input) : 0;
}

void taking_input(struct irc *i, const uint8_t *bytes, size_t n)
{
        if (i->input_len == 0 && !taking_is_stuck(i)) { /* most input never waits, so it is not copied */
                i->input_at = bytes;
                i->input_len = n;
                taking_all(i);
                memcpy(i->input, i->input_at, i->input_len);
                i->input_at = i->input;
                return;
        }
        memmove(i->input, i->input_at, i->input_len);
        memcpy(i->input + i->input_len, bytes, n);
        i->input_at = i->input;
        i->input_len += n;
        if (taking_is_stuck(i))
                taking_overtake(i);
        else
                taking_all(i);
}

bool taking_holds_input(const struct irc *i)
{
        return !taking_is_chatd_too_old(i) &&
               (taking_has_more_to_do(i) || i->ping.is_due || (i->input_len > 0 && !taking_has_room(i)));
}

int64_t taking_due(const struct irc *i)
{
        if (i->ping.is_due)
                return about_may_answer_ping(i) ? talk_now(i->session) : i->ping.by;
        if ((i->input_len > 0 || taking_has_more_to_do(i)) && taking_has_room(i))
                return talk_now(i->session);
        if (!taking_has_room(i) && i->blocked_at == 0)
                return talk_now(i->session); /* taking_go_on() notes the time */
        if (!taking_has_room(i) && !taking_is_stuck(i))
                return i->blocked_at + IRC_PATIENCE_MS;
        return i->has_new_input && taking_is_stuck(i) ? talk_now(i->session) : INT64_MAX;
}

void taking_go_on(struct irc *i)
{
        taking_all(i);
        if (taking_is_stuck(i))
                taking_overtake(i);
}
