/* The events of the journal: their kinds, with the MESSAGE_ID and the word of each.
 *
 * A MESSAGE_ID never changes: `journalctl MESSAGE_ID=` finds all events of its kind, and units/chat.catalog explains
 * them. tests/unit/test-message-ids.c compares this table with the catalog. The word is in CHAT_EVENT=.
 */
#pragma once

enum event {
        /* of every program */
        EVENT_DROPPED,

        /* of chatd */
        EVENT_STARTED,
        EVENT_STOPPED,
        EVENT_JOIN,
        EVENT_LEAVE,
        EVENT_IGNORED,
        EVENT_WARNING,
        EVENT_LINK_HERE,
        EVENT_LINK_AWAY,
        EVENT_RENAME,
        EVENT_SETTINGS,
        EVENT_RELOAD,
        EVENT_SAY,
        EVENT_TOPIC,
        EVENT_KICK,
        EVENT_MUTE,
        EVENT_UNMUTE,
        EVENT_BAN,
        EVENT_UNBAN,
        EVENT_TOKEN,
        EVENT_TOKEN_REMOVED,
        EVENT_WRONG_TOKEN,
        EVENT_REFUSED,
        EVENT_CROWDED,
        EVENT_NOT_CHAT,
        EVENT_BAD_HEADER,
        EVENT_FLOOD,
        EVENT_BAD_BAN,
        EVENT_BANS_EDITED,
        EVENT_UNCONFINED,
        EVENT_UNSERVED,
        EVENT_LINE,

        /* of chat-link */
        EVENT_LINK_STARTED,
        EVENT_LINK_STOPPED,
        EVENT_LINK_LOST,
        EVENT_LINK_LEFT,
        EVENT_LINK_DAMAGED,
        EVENT_LINK_REFUSED,
        EVENT_LINK_HOSTS,
        EVENT_LINK_LINKED,
        EVENT_LINK_PROBLEM,
        EVENT_LINK_IGNORED,
        EVENT_LINK_HAD_AGAIN,
        EVENT_LINK_TWIN,
        EVENT_LINK_TWINS,
        EVENT_LINK_LABEL,

        EVENT_KINDS,
};

struct event_kind {
        const char *id, *word;
};

static inline const struct event_kind *event_kind(enum event event)
{
        static const struct event_kind kinds[EVENT_KINDS] = {
                [EVENT_DROPPED] = {"33a666207f9d466bb9e289c13b831f9a", "dropped"},
                [EVENT_STARTED] = {"e2f34a8cb7fc42d98226c7d701dd8484", "start"},
                [EVENT_STOPPED] = {"4e2dc9713d894f468da68ca6f1e09621", "stop"},
                [EVENT_JOIN] = {"e4ba5524c796434bb1ce3995dddb35da", "join"},
                [EVENT_LEAVE] = {"3e16bd3502be441989cf976e6599e015", "leave"},
                [EVENT_IGNORED] = {"da0d9fb4bed347cdb8d9eb5eb633f4c4", "ignored"},
                [EVENT_WARNING] = {"3e598fcfcfad47dea0b9c667a8eb0455", "warning"},
                [EVENT_LINK_HERE] = {"fe5da1c6e1034ea6b7b25f15e27e6e85", "link"},
                [EVENT_LINK_AWAY] = {"fa4f3b7f6d814b7c8cf0f9c6ac8e1a36", "link-gone"},
                [EVENT_RENAME] = {"ec53d931e3e44772bd95f5d4acd507d8", "rename"},
                [EVENT_SETTINGS] = {"991832a8538142e4aa7aef420a1c3626", "settings"},
                [EVENT_RELOAD] = {"33070951791a426f888dd77c5b6cf941", "reload"},
                [EVENT_SAY] = {"41e9905fd92540319544c4d970b1e081", "say"},
                [EVENT_TOPIC] = {"f5ed7ff4f31142c48278614720a73a40", "topic"},
                [EVENT_KICK] = {"f66ac6c2cdb64f3eb78b6474e3d1028e", "kick"},
                [EVENT_MUTE] = {"9590d027e9fa4f75908f9bd7e85a2c6f", "mute"},
                [EVENT_UNMUTE] = {"aa69942c3df94ea28e281d4eb8176dfd", "unmute"},
                [EVENT_BAN] = {"388021580f13462ab214bceb82479b09", "ban"},
                [EVENT_UNBAN] = {"d17244bac27f4180b04cba93866eee65", "unban"},
                [EVENT_TOKEN] = {"6fcbcc4a21084de8b99608516cbb7c1e", "token"},
                [EVENT_TOKEN_REMOVED] = {"4efa5bc4cd274d56bec97b2a166baa13", "token-removed"},
                [EVENT_WRONG_TOKEN] = {"abef968f1cc24d128b05b24d7fca8626", "wrong-token"},
                [EVENT_REFUSED] = {"e8eb695702cd464d8e99c6986fee1f61", "refused"},
                [EVENT_CROWDED] = {"4c11e4f5b5a1466e9d4b57d91e628f11", "crowded"},
                [EVENT_NOT_CHAT] = {"9f1c6b52d7e84a0fb3d05a8e61c274ab", "not-chat"},
                [EVENT_BAD_HEADER] = {"f70eb86a074e43ed850c09877027d543", "bad-header"},
                [EVENT_FLOOD] = {"0018d65bdd0a47dab93af49a587a0bcf", "flood"},
                [EVENT_BAD_BAN] = {"e7fcbbf5f0cf411bbc4631fcb5ca98a2", "bad-ban"},
                [EVENT_BANS_EDITED] = {"3c8177030c6a40149ee9a03a04674e54", "bans-edited"},
                [EVENT_UNCONFINED] = {"a1d9e0f43c7b4c2f8a56b83f2d07e61c", "unconfined"},
                [EVENT_UNSERVED] = {"5b0c8e7a94d24f6db1f3c27a60e8d935", "unserved"},
                [EVENT_LINE] = {"d4c711c8a92940afaea2d281c9e93701", "line"},
                [EVENT_LINK_STARTED] = {"78978979baad4fd2975cfea80f82914c", "start"},
                [EVENT_LINK_STOPPED] = {"76c3eb9f155b4e25857db042bf11b034", "stop"},
                [EVENT_LINK_LOST] = {"3665331503734627a30caebf91e182c7", "lost"},
                [EVENT_LINK_LEFT] = {"66b4ae2ec56f4ebc9339444be6413636", "left"},
                [EVENT_LINK_DAMAGED] = {"249fa7a1dbfb4dd7b31ce682119f59bd", "damaged"},
                [EVENT_LINK_REFUSED] = {"cf495bc11c0a47d8a5c4d5a174c171a6", "refused"},
                [EVENT_LINK_HOSTS] = {"80bc9c3e667640db8b8524ebb15a09f4", "hosts"},
                [EVENT_LINK_LINKED] = {"d7cc35a5c42a48858a349d12e50c7cbf", "linked"},
                [EVENT_LINK_PROBLEM] = {"8e982bea0aaa48e68c020f05788540ff", "problem"},
                [EVENT_LINK_IGNORED] = {"d2c0cfea25834966ac44a4ddf7f1aca8", "ignored"},
                [EVENT_LINK_HAD_AGAIN] = {"191d8f8f6de5440787abb281b0f93edd", "had-again"},
                [EVENT_LINK_TWIN] = {"4c57e21e53ef4bc1bc5ee7e3ba2594be", "twin"},
                [EVENT_LINK_TWINS] = {"ec90ec5e7607475a9165f01afdef4c76", "twins"},
                [EVENT_LINK_LABEL] = {"9d4ccef423c5446e9c49f265b0ca0892", "label"},
        };
        return &kinds[event];
}
