#include "webhook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chat/assert.h>
#include <chat/names.h>

#include "answer.h"
#include "speech.h"

#define FILE_NAME "webhooks"

enum {
        LAYOUT = 1, /* increase it with each change of the file's layout */
        MODE = 0600,
};

/* ---- the keys ---- */

/* Maps the file, and makes it if there is none. Returns 0 or a negative errno. */
static int webhook_map(struct webhook *w, const char *dir)
{
        char path[PATH_MAX];
        if (w->file)
                return 0;
        snprintf(path, sizeof(path), "%s/" FILE_NAME, dir);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, MODE);
        if (fd < 0)
                return -errno;
        /* A tmpfs allocates a page at its first use, and sends SIGBUS if no page is left. */
        int error = posix_fallocate(fd, 0, sizeof(*w->file));
        void *mapped = MAP_FAILED;
        if (error == 0)
                mapped = mmap(NULL, sizeof(*w->file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (error == 0 && mapped == MAP_FAILED)
                error = errno;
        close(fd);
        if (error != 0)
                return -error;
        w->file = mapped;
        if (w->file->layout != LAYOUT)
                *w->file = (struct webhook_file){.layout = LAYOUT};
        return 0;
}

static uint64_t webhook_owner(const struct token *t)
{
        uint64_t owner;
        memcpy(&owner, t->hash, sizeof(owner));
        return owner | 1;
}

/* Returns true if no token owns the shelf. */
static bool webhook_is_free(const struct tokens *tokens, const struct webhook_shelf *shelf)
{
        for (size_t i = 0; i < tokens->count; i++)
                if (shelf->owner == webhook_owner(&tokens->list[i]))
                        return false;
        return true;
}

/* Returns the shelf of the token. */
static struct webhook_shelf *webhook_shelf(struct webhook *w, const struct tokens *tokens, const struct token *t)
{
        assert(w->file);
        struct webhook_shelf *shelves = w->file->shelves;
        size_t i = 0;
        while (i < TOKENS_MAX && shelves[i].owner != webhook_owner(t))
                i++;
        if (i < TOKENS_MAX)
                return &shelves[i];
        for (i = 0; i < TOKENS_MAX && !webhook_is_free(tokens, &shelves[i]); i++)
                ;
        assert(i < TOKENS_MAX); /* there are at most so many tokens, and this one has no shelf yet */
        shelves[i] = (struct webhook_shelf){.owner = webhook_owner(t)};
        return &shelves[i];
}

/* Returns true if a line with this key was said, in this batch or before. */
static bool webhook_knows(const struct webhook *w, const struct webhook_shelf *shelf, uint64_t key)
{
        for (size_t i = 0; i < WEBHOOK_KEYS; i++)
                if (shelf->keys[i] == key)
                        return true;
        for (size_t i = 0; i < w->pending_count; i++)
                if (w->pending[i].shelf == shelf && w->pending[i].key == key)
                        return true;
        return false;
}

void webhook_note(struct chat *chat)
{
        struct webhook *w = chat->webhook;
        assert(chat->order.step == STEP_NOTE);
        for (size_t i = 0; i < w->pending_count; i++) {
                struct webhook_shelf *shelf = w->pending[i].shelf;
                shelf->keys[shelf->count++ % WEBHOOK_KEYS] = w->pending[i].key;
        }
        w->pending_count = 0;
}

void webhook_free(struct webhook *w)
{
        if (w->file)
                munmap(w->file, sizeof(*w->file));
        w->file = NULL;
}

/* ---- lines ---- */

/* Says each line of the text. */
static void webhook_say(struct chat *chat, struct member *m, const struct frame *f, const struct token *t,
                        struct room *room)
{
        struct record rec = {.kind = RECORD_LINE, .id = m->id, .number = f->number, .name = slice_of(t->name)};
        struct slice text = f->text;
        for (bool more = true; more; rec.number++) {
                more = line_next(&text, &rec.text);
                if (!speech_take_text(chat, &rec))
                        continue;
                chat->lines++;
                batch_add_notice(&chat->batch, room, &rec);
        }
        chat_take_number(chat, m, rec.number - 1);
        m->lines_total = rec.number - 1;
}

/* Finds the shelf for the key of `f`; NULL if it has no key. Returns 0 or a negative errno. */
static int webhook_find_shelf(struct chat *chat, const struct frame *f, const struct token *t,
                              struct webhook_shelf **shelf)
{
        *shelf = NULL;
        if (f->key == 0)
                return 0;
        int r = webhook_map(chat->webhook, chat->roster.dir);
        if (r < 0)
                complaints_warn(&chat->complaints, "cannot note the key of a line that a program said", r);
        else
                *shelf = webhook_shelf(chat->webhook, &chat->tokens, t);
        return r;
}

/* Lets webhook_note() put the key on the shelf, if there is a key. */
static void webhook_add_key(struct webhook *w, struct webhook_shelf *shelf, uint64_t key)
{
        if (!shelf)
                return;
        assert(w->pending_count < INTAKE_WINDOW);
        w->pending[w->pending_count].shelf = shelf;
        w->pending[w->pending_count++].key = key;
}

/* Returns the name of the room that `f` means: one that it names, that of the token, or the first one. */
static struct slice webhook_room(const struct frame *f, const struct token *t)
{
        if (f->name.len > 0)
                return f->name;
        return slice_of(t->room[0] != '\0' ? t->room : FIRST_ROOM);
}

/* Logs that the program at the address of `m` has no token, at a limited rate. */
static void webhook_complain(struct chat *chat, const struct member *m)
{
        uint64_t unlogged;
        if (complaint_is_due(&chat->webhook->complaint, &unlogged))
                eventlog_wrong_token(chat->log, m->address, unlogged);
}

/* Returns true if there is no such room, or will be none after this batch. The first room is always there. */
static bool webhook_is_nowhere(const struct chat *chat, const struct room *room)
{
        if (!room || room_is_ending(&chat->roster.rooms, room))
                return true;
        const struct seat *seat = room->first;
        while (seat && !member_is_here(seat->member))
                seat = seat->next;
        return !seat && room != rooms_first(&chat->roster.rooms);
}

void webhook_take(struct chat *chat, struct member *m, const struct frame *f)
{
        const struct token *t = tokens_find(&chat->tokens, f->secret);
        if (!t)
                webhook_complain(chat, m);
        if (!t || f->number > UINT64_MAX - FRAME_LINES_MAX) { /* no session has said so many lines */
                answer_code(chat, m, f, ANSWER_TOKEN_UNKNOWN);
                return;
        }
        struct answer a = {.room = webhook_room(f, t), .name = slice_of(t->name), .most = NICK_MAX_BYTES};
        struct room *room = rooms_find(&chat->roster.rooms, a.room);
        struct webhook_shelf *shelf;
        if (webhook_find_shelf(chat, f, t, &shelf) < 0) {
                a.code = ANSWER_POST_UNNOTED;
        } else if (shelf && webhook_knows(chat->webhook, shelf, f->key)) {
                a.code = ANSWER_POSTED_BEFORE; /* whatever has become of the room */
        } else if (!name_is_nick(a.room.at, a.room.len)) {
                a.code = ANSWER_ROOM_INVALID;
        } else if (t->room[0] != '\0' && name_compare(a.room.at, a.room.len, t->room, strlen(t->room)) != 0) {
                a.code = ANSWER_TOKEN_ELSEWHERE;
                a.room = slice_of(t->room);
        } else if (webhook_is_nowhere(chat, room)) {
                a.code = ANSWER_ROOM_EMPTY;
        } else {
                a.room = slice_of(room->name);
                a.code = ANSWER_POSTED;
                webhook_add_key(chat->webhook, shelf, f->key);
                webhook_say(chat, m, f, t, room);
        }
        answer_send(chat, m, f, &a);
}
