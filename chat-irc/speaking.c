#include "speaking.h"

#include <ctype.h>
#include <stdio.h>

#include <chat/safe-text.h>

#include "channels.h"
#include "formatting.h"
#include "numerics.h"
#include "output.h"
#include "requests.h"

enum { CTCP_MAX_BYTES = 256 }; /* so much fits into one message, whatever the names of the two are */

/* Takes the CTCP frame off a text. The mark at its end may be missing. */
static enum line_ctcp speaking_take_ctcp(struct slice *text)
{
        static const char action[] = "ACTION ";
        if (text->len == 0 || text->at[0] != '\001')
                return LINE_NO_CTCP;
        text->at++;
        text->len--;
        if (text->len > 0 && text->at[text->len - 1] == '\001')
                text->len--;
        if (text->len < sizeof(action) - 1 || memcmp(text->at, action, sizeof(action) - 1) != 0)
                return LINE_CTCP;
        text->at += sizeof(action) - 1;
        text->len -= sizeof(action) - 1;
        return LINE_ACTION;
}

/* Returns true if CTCP cannot go to `target`, and says why, unless it is a NOTICE. DCC would have the two computers
 * connect to each other, past the chat. An earlier version of chatd would show any CTCP as a text. */
static bool speaking_refuses_ctcp(struct irc *i, struct slice target, const struct line_words *words)
{
        const char *why = NULL;
        if (words->ctcp != LINE_CTCP)
                return false;
        if (target.at[0] == '#')
                why = "CTCP is for one person, not for a channel";
        else if (words->text.len >= 3 && strncasecmp(words->text.at, "DCC", 3) == 0)
                why = "DCC is not possible here";
        else if (!isalpha((unsigned char)words->text.at[0]))
                why = "CTCP begins with a letter";
        else if (words->text.len > CTCP_MAX_BYTES)
                why = "This CTCP is too long";
        else if (talk_version(i->session) < FRAME_STYLED_SINCE)
                why = "CTCP is not possible now";
        if (why && !words->is_notice)
                output_refuse(i, target.at[0] == '#' ? ERR_CANNOTSENDTOCHAN : ERR_CANTSENDTOUSER, target, why);
        return why != NULL;
}

/* Returns a frame with these words, for the room or the person of this name. */
static struct frame speaking_frame(uint8_t type, struct slice name, const struct line_words *words)
{
        return (struct frame){
                .type = type,
                .name = name,
                .text = words->text,
                .speech = (words->is_notice ? SPEECH_NOTICE : 0) | (words->ctcp == LINE_CTCP ? SPEECH_CTCP : 0),
                .styled = words->styled,
        };
}

/* Says words in one of the client's channels. A client that wants to see its own messages is shown them at once, unless it
 * is muted. Several plain lines may become one frame. */
static void speaking_say(struct irc *i, struct slice channel, struct slice room, const struct line_words *words)
{
        uint64_t number;
        if (words->ctcp == LINE_NO_CTCP && words->styled.len == 0 && !words->is_notice)
                number = talk_say_in(i->session, room, words->text);
        else
                number = talk_request(
                        i->session,
                        speaking_frame(words->ctcp == LINE_ACTION ? FRAME_ROOM_ACTION : FRAME_ROOM_LINE, room, words),
                        1);
        if (i->is_muted && !words->is_notice) /* chatd decides: the client may be unmuted by now */
                output_refuse(i, ERR_CANNOTSENDTOCHAN, channel, "An administrator muted you");
        else if (!i->is_muted && irc_has(i, IRC_ECHO_MESSAGE))
                output_own_text(i, number, channel, words);
}

/* Returns what a private message is for. One to the client itself is kept: chatd only answers that. */
static enum irc_wish speaking_wish(struct irc *i, struct slice name, const struct line_words *words)
{
        struct irc_self *self = &i->self;
        if (!slice_equal_case(name, talk_name(i->session)) || words->text.len > sizeof(self->text) ||
            words->styled.len > sizeof(self->styled))
                return words->is_notice ? IRC_WISH_NOTICE : IRC_WISH_MESSAGE;
        self->words = *words;
        self->words.text.at = memcpy(self->text, words->text.at, words->text.len);
        if (words->styled.len > 0)
                self->words.styled.at = memcpy(self->styled, words->styled.at, words->styled.len);
        return IRC_WISH_SELF_MESSAGE;
}

/* Puts a star in front of a text, which may be empty. */
static struct slice speaking_star(struct slice text, char starred[static OUTPUT_CLEAN_MAX_BYTES + 3])
{
        int len = text.len > 0 ? snprintf(starred, OUTPUT_CLEAN_MAX_BYTES + 3, "* %.*s", (int)text.len, text.at) : 0;
        return (struct slice){starred, (size_t)len};
}

/* Says words to one person. An action becomes a text that begins with a star. */
static void speaking_tell(struct irc *i, struct slice nick, struct line_words words)
{
        char name[NAME_MAX_BYTES + 1], text[OUTPUT_CLEAN_MAX_BYTES + 3], styled[OUTPUT_CLEAN_MAX_BYTES + 3];
        if (!nick_to_name(nick, name) || !text_is_name(name, strlen(name))) {
                if (!words.is_notice)
                        output_refuse(i, ERR_NOSUCHNICK, nick, "No such nick");
                return;
        }
        if (words.ctcp == LINE_ACTION) {
                words.ctcp = LINE_NO_CTCP;
                words.text = speaking_star(words.text, text);
                words.styled = speaking_star(words.styled, styled);
        }
        requests_send(i, speaking_wish(i, slice_of(name), &words), nick,
                      speaking_frame(FRAME_PRIVATE, slice_of(name), &words));
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
        struct line_words words = {.is_notice = slice_equal_case(m->command, slice_of("NOTICE"))};
        char plain[IRC_LINE_MAX_BYTES], clean[OUTPUT_CLEAN_MAX_BYTES];
        struct slice room;
        if (words.is_notice ? m->params_count < 2 || m->params[0].len == 0 || m->params[1].len == 0
                            : speaking_is_wrong(i, m))
                return;
        struct slice target = m->params[0], styled = m->params[1];
        words.ctcp = speaking_take_ctcp(&styled);
        struct slice text = formatting_remove(styled, plain);
        words.text = (struct slice){clean, text_clean_all(text.at, text.len, clean, sizeof(clean))};
        if (text.len < styled.len && slice_equal(text, words.text))
                words.styled = styled;
        if (text.len == 0 || speaking_refuses_ctcp(i, target, &words))
                return;
        if (target.at[0] != '#')
                speaking_tell(i, target, words);
        else if (nick_channel_to_room(target, &room) && channels_has(i, room))
                speaking_say(i, target, room, &words);
        else if (!words.is_notice)
                output_refuse(i, ERR_CANNOTSENDTOCHAN, target, "You are not in that channel");
}
