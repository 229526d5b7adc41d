#include "speaking.h"

#include <stdio.h>

#include <chat/safe-text.h>

#include "channels.h"
#include "formatting.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

#define ACTION_BEGIN "\001ACTION "

/* Takes the CTCP frame off a text. Returns false for a CTCP other than ACTION, which is for IRC clients alone. */
static bool speaking_take_ctcp(struct slice *text, bool *is_action)
{
        size_t begin = sizeof(ACTION_BEGIN) - 1;
        *is_action = text->len >= begin && memcmp(text->at, ACTION_BEGIN, begin) == 0;
        if (text->len == 0 || text->at[0] != '\001')
                return true;
        if (!*is_action)
                return false;
        text->at += begin;
        text->len -= begin;
        if (text->len > 0 && text->at[text->len - 1] == '\001')
                text->len--;
        return text->len > 0;
}

/* Says a text in one of the client's channels. A client that wants to see its own messages is shown it at once, unless it is
 * muted. */
static void speaking_say(struct irc *i, bool is_notice, struct slice channel, struct slice room, struct slice text,
                         bool is_action)
{
        uint64_t number;
        if (is_action)
                number = talk_request(i->session, (struct frame){.type = FRAME_ROOM_ACTION, .name = room, .text = text},
                                      1);
        else
                number = talk_say_in(i->session, room, text);
        if (i->is_muted && !is_notice) /* chatd decides: the client may be unmuted by now */
                output_refuse(i, ERR_CANNOTSENDTOCHAN, channel, "An administrator muted you");
        else if (!i->is_muted && irc_has(i, IRC_ECHO_MESSAGE))
                output_own_text(i, number, is_notice ? "NOTICE" : "PRIVMSG", channel, text, is_action);
}

/* Returns what a private message is for. The text of one to the client itself is kept: chatd only answers that. */
static enum irc_wish speaking_wish(struct irc *i, bool is_notice, struct slice name, struct slice text)
{
        if (!slice_equal_case(name, talk_name(i->session)) || text.len >= sizeof(i->self_text))
                return is_notice ? IRC_WISH_NOTICE : IRC_WISH_MESSAGE;
        memcpy(i->self_text, text.at, text.len);
        i->self_text[text.len] = '\0';
        return is_notice ? IRC_WISH_SELF_NOTICE : IRC_WISH_SELF_MESSAGE;
}

/* Says a text to one person. An action becomes a text that begins with a star. */
static void speaking_tell(struct irc *i, bool is_notice, struct slice nick, struct slice text, bool is_action)
{
        char name[NAME_MAX_BYTES + 1], starred[OUTPUT_CLEAN_MAX_BYTES + 3];
        if (!nick_to_name(nick, name) || !text_is_name(name, strlen(name))) {
                if (!is_notice)
                        output_refuse(i, ERR_NOSUCHNICK, nick, "No such nick");
                return;
        }
        if (is_action) {
                int len = snprintf(starred, sizeof(starred), "* %.*s", (int)text.len, text.at);
                text = (struct slice){starred, (size_t)len};
        }
        requests_send(i, speaking_wish(i, is_notice, slice_of(name), text), nick,
                      (struct frame){.type = FRAME_PRIVATE, .name = slice_of(name), .text = text});
}

/* Reports what is wrong with the parameters of a PRIVMSG. Returns true if anything is. */
static bool speaking_is_wrong(struct irc *i, const struct irc_message *m)
{
        struct slice target = m->params_count > 0 ? m->params[0] : slice_of("");
        if (target.len == 0)
                output_numeric(i, ERR_NORECIPIENT, IRC_PARAMS(slice_of("No recipient given (PRIVMSG)")));
        else if (m->params_count < 2 || m->params[1].len == 0)
                output_numeric(i, ERR_NOTEXTTOSEND, IRC_PARAMS(slice_of("No text to send")));
        else if (memchr(target.at, ',', target.len))
                output_refuse(i, ERR_TOOMANYTARGETS, slice_of("*"), "A message has one target");
        else
                return false;
        return true;
}

/* No error is ever reported for a NOTICE. */
void speaking_take(struct irc *i, const struct irc_message *m)
{
        bool is_notice = slice_equal_case(m->command, slice_of("NOTICE")), is_action;
        char plain[IRC_LINE_MAX_BYTES], clean[OUTPUT_CLEAN_MAX_BYTES];
        struct slice room;
        if (is_notice ? m->params_count < 2 || m->params[0].len == 0 || m->params[1].len == 0 : speaking_is_wrong(i, m))
                return;
        struct slice target = m->params[0], raw = formatting_remove(m->params[1], plain);
        if (!speaking_take_ctcp(&raw, &is_action) || raw.len == 0)
                return;
        struct slice text = {clean, text_clean_all(raw.at, raw.len, clean, sizeof(clean))};
        if (target.at[0] != '#')
                speaking_tell(i, is_notice, target, text, is_action);
        else if (nick_channel_to_room(target, &room) && channels_has(i, room))
                speaking_say(i, is_notice, target, room, text, is_action);
        else if (!is_notice)
                output_refuse(i, ERR_CANNOTSENDTOCHAN, target, "You are not in that channel");
}
