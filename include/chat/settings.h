/* The settings of this host's chat: /etc/chat/chat.conf, and the options of chatd and chat-session that mean the same.
 *
 * One table has all settings. An option overrides the file, also when chatd reads the file again. Each session reads
 * the file when it starts. It ignores chatd's settings, because chatd reports errors in them.
 */
#pragma once

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>

#include "conf.h"
#include "options.h"
#include "pace.h"

#define SETTINGS_FILE "/etc/chat/chat.conf"

enum {
        CLIENT_TIMEOUT_MAX_S = 1000000,
        HISTORY_MAX_LINES = 100,
        MOTD_PATH_MAX_BYTES = 255,
        MEMBERS_PER_MAX = 1000000,
        WEB_ORIGINS_MAX_BYTES = 480,
};

enum setting {
        SETTING_PACE,
        SETTING_CLIENT_TIMEOUT,
        SETTING_EDITING,
        SETTING_ARRIVALS,
        SETTING_HISTORY,
        SETTING_EMPTY_ROOMS,
        SETTING_MOTD,
        SETTING_LOG_LINES,
        SETTING_MEMBERS_PER_NETWORK,
        SETTING_MEMBERS_PER_USER,
        SETTING_ADDRESSES,
        SETTING_WEB_ORIGINS,
        SETTINGS,
};

/* The program that a setting belongs to. */
enum settings_program {
        SETTINGS_CHATD,
        SETTINGS_SESSION, /* a session with any kind of client */
        SETTINGS_WEB,     /* chat-web, which also reads those of SETTINGS_SESSION */
};

/* When a session edits its client's line. */
enum settings_editing {
        EDITING_OFFERED, /* if the client offers it, or asks for it by /edit on */
        EDITING_ASKED,   /* only if the client asks */
        EDITING_OFF,     /* never */
};

struct settings {
        struct pace pace;      /* the pace of the lines from a client */
        int client_timeout_ms; /* a client that acknowledges nothing for so long counts as gone; 0: never */
        enum settings_editing editing;
        struct pace arrivals;               /* the pace of newcomers that are announced by name */
        int history;                        /* how many past lines a newcomer is shown */
        bool keep_empty_rooms;              /* a room's past lines stay when the last member leaves */
        char motd[MOTD_PATH_MAX_BYTES + 1]; /* the file with the message of the day; empty: no message */
        bool log_lines;                     /* lines go to the journal */
        int members_per_network;            /* the most members from one address or IPv6 /64; 0: no limit */
        int members_per_user;               /* the most members of one user of this host; 0: no limit */
        bool hide_addresses;                /* a member without a chosen name is called a guest, not by the address */
        char web_origins[WEB_ORIGINS_MAX_BYTES + 1]; /* whose pages may connect, with blanks between them */
        uint32_t option_bits; /* a bit for each setting that was given as an option: the file does not change it */
};

/* Each of the functions settings_take_NAME() takes the value of one setting. It returns 0, or -EINVAL for a wrong
 * value. */
static inline int settings_take_pace(struct settings *s, const char *value)
{
        return pace_parse(&s->pace, value);
}

static inline int settings_take_arrivals(struct settings *s, const char *value)
{
        return pace_parse(&s->arrivals, value);
}

/* Reads a number from `least` to `most`, or "off" as 0. Returns the number, or -EINVAL for anything else. */
static inline int settings_number(const char *value, long least, long most)
{
        char *end;
        if (strcmp(value, "off") == 0)
                return 0;
        if (!isdigit((unsigned char)value[0]))
                return -EINVAL;
        long n = strtol(value, &end, 10);
        return n < least || n > most || *end != '\0' ? -EINVAL : (int)n;
}

static inline int settings_take_client_timeout(struct settings *s, const char *value)
{
        int seconds = settings_number(value, 1, CLIENT_TIMEOUT_MAX_S);
        if (seconds < 0)
                return seconds;
        s->client_timeout_ms = seconds * 1000;
        return 0;
}

static inline int settings_take_editing(struct settings *s, const char *value)
{
        static const char *const values[] = {
                [EDITING_OFFERED] = "offered", [EDITING_ASKED] = "asked", [EDITING_OFF] = "off"};
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                if (strcmp(value, values[i]) != 0)
                        continue;
                s->editing = (enum settings_editing)i;
                return 0;
        }
        return -EINVAL;
}

static inline int settings_take_history(struct settings *s, const char *value)
{
        int lines = settings_number(value, 0, HISTORY_MAX_LINES);
        if (lines < 0)
                return lines;
        s->history = lines;
        return 0;
}

static inline int settings_take_empty_rooms(struct settings *s, const char *value)
{
        bool kept = strcmp(value, "kept") == 0;
        if (!kept && strcmp(value, "forgotten") != 0)
                return -EINVAL;
        s->keep_empty_rooms = kept;
        return 0;
}

static inline int settings_take_motd(struct settings *s, const char *value)
{
        bool off = strcmp(value, "off") == 0;
        if ((!off && value[0] != '/') || strlen(value) > MOTD_PATH_MAX_BYTES || !text_is_clean(value, strlen(value)))
                return -EINVAL;
        snprintf(s->motd, sizeof(s->motd), "%s", off ? "" : value);
        return 0;
}

static inline int settings_take_log_lines(struct settings *s, const char *value)
{
        bool yes = strcmp(value, "yes") == 0;
        if (!yes && strcmp(value, "no") != 0)
                return -EINVAL;
        s->log_lines = yes;
        return 0;
}

static inline int settings_take_members_per_network(struct settings *s, const char *value)
{
        int members = settings_number(value, 1, MEMBERS_PER_MAX);
        if (members >= 0)
                s->members_per_network = members;
        return members < 0 ? members : 0;
}

static inline int settings_take_members_per_user(struct settings *s, const char *value)
{
        int members = settings_number(value, 1, MEMBERS_PER_MAX);
        if (members >= 0)
                s->members_per_user = members;
        return members < 0 ? members : 0;
}

static inline int settings_take_addresses(struct settings *s, const char *value)
{
        bool hidden = strcmp(value, "hidden") == 0;
        if (!hidden && strcmp(value, "shown") != 0)
                return -EINVAL;
        s->hide_addresses = hidden;
        return 0;
}

/* Returns true for the origin of a page (RFC 6454, section 7): scheme, host and port, as in
 * "https://chat.example:8443". */
static inline bool settings_is_origin(const char *text, size_t len)
{
        size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
        for (size_t i = scheme; i < len; i++)
                if (!isalnum((unsigned char)text[i]) && !strchr("._-:[]", text[i]))
                        return false;
        return scheme > 0 && len > scheme;
}

static inline int settings_take_web_origins(struct settings *s, const char *value)
{
        const char *list = strcmp(value, "none") == 0 ? "" : value;
        if (strlen(list) > WEB_ORIGINS_MAX_BYTES)
                return -EINVAL;
        for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
                size_t len = strcspn(at, " ");
                if (!settings_is_origin(at, len))
                        return -EINVAL;
                at += len;
        }
        snprintf(s->web_origins, sizeof(s->web_origins), "%s", list);
        return 0;
}

static const struct settings_row {
        const char *name, *option; /* the name in the file, and on the command line */
        enum settings_program program;
        int (*take)(struct settings *s, const char *value);
        const char *standard;        /* the default */
        const char *right;           /* the values that are allowed */
        const char *argument, *help; /* for the line of the option in --help */
} settings_table[SETTINGS] = {
        [SETTING_PACE] = {"Pace", "pace", SETTINGS_SESSION, settings_take_pace, "10:20",
                          "RATE or RATE:BURST, 1 to 1000000 each, or off", "=RATE[:BURST]",
                          "lines per second from a client, and at once"},
        /* If a client does not read, Linux probes it every two minutes or more often (TCP_RTO_MAX), and the client
         * answers. */
        [SETTING_CLIENT_TIMEOUT] = {"ClientTimeout", "client-timeout", SETTINGS_SESSION, settings_take_client_timeout,
                                    "240", "1 to 1000000 seconds, or off", "=SECONDS",
                                    "how long a client may acknowledge nothing before it counts as gone"},
        [SETTING_EDITING] = {"Editing", "editing", SETTINGS_SESSION, settings_take_editing, "offered",
                             "offered, asked or off", "=WHEN",
                             "when a client's line is edited: offered, asked (by /edit on) or off"},
        [SETTING_ARRIVALS] = {"Arrivals", "arrivals", SETTINGS_CHATD, settings_take_arrivals, "5:20",
                              "RATE or RATE:BURST, 1 to 1000000 each, or off", "=RATE[:BURST]",
                              "newcomers announced by name, per second and at once; off: all"},
        [SETTING_HISTORY] = {"History", "history", SETTINGS_CHATD, settings_take_history, "20",
                             "0 to 100 lines, or off", "=LINES", "how many past lines a newcomer is shown"},
        [SETTING_EMPTY_ROOMS] = {"EmptyRooms", "empty-rooms", SETTINGS_CHATD, settings_take_empty_rooms, "forgotten",
                                 "forgotten or kept", "=forgotten|kept",
                                 "what happens to a room's past lines when the last person leaves"},
        [SETTING_MOTD] = {"Motd", "motd", SETTINGS_CHATD, settings_take_motd, "/etc/chat/motd",
                          "a path of up to 255 bytes that begins with /, or off", "=FILE",
                          "the message of the day, 20 lines at most"},
        [SETTING_LOG_LINES] = {"LogLines", "log-lines", SETTINGS_CHATD, settings_take_log_lines, "no", "yes or no",
                               "[=yes|no]", "log what people say, except private messages, in the journal"},
        [SETTING_MEMBERS_PER_NETWORK] = {"MembersPerNetwork", "members-per-network", SETTINGS_CHATD,
                                         settings_take_members_per_network, "512", "1 to 1000000 connections, or off",
                                         "=N", "how many connections one address or IPv6 /64 may have"},
        [SETTING_MEMBERS_PER_USER] = {"MembersPerUser", "members-per-user", SETTINGS_CHATD,
                                      settings_take_members_per_user, "64", "1 to 1000000 connections, or off", "=N",
                                      "how many connections one user of this host may have"},
        [SETTING_ADDRESSES] = {"Addresses", "addresses", SETTINGS_CHATD, settings_take_addresses, "shown",
                               "shown or hidden", "=shown|hidden",
                               "what others see until somebody takes a name: address or guest"},
        [SETTING_WEB_ORIGINS] = {"WebOrigins", "web-origins", SETTINGS_WEB, settings_take_web_origins, "none",
                                 "addresses such as https://chat.example, with blanks between them, or none",
                                 "=ADDRESSES", "further addresses of the page for browsers"},
};

_Static_assert((int)SETTINGS <= (int)CONF_KEYS_MAX, "conf.h has a bit for each");

enum {
        SETTINGS_OPTION = 256, /* getopt_long() returns this and the number of the setting */
        SETTINGS_HELP_COLUMN = 28,
};

/* Sets all settings to their defaults. */
static inline void settings_init(struct settings *s)
{
        s->option_bits = 0;
        for (size_t i = 0; i < SETTINGS; i++)
                settings_table[i].take(s, settings_table[i].standard);
}

/* Returns true if the program reads this setting, and has its option. */
static inline bool settings_are_of(const struct settings_row *row, enum settings_program program)
{
        return row->program == program || (row->program == SETTINGS_SESSION && program == SETTINGS_WEB);
}

static inline int settings_find(const char *name)
{
        for (int i = 0; i < SETTINGS; i++)
                if (strcmp(settings_table[i].name, name) == 0)
                        return i;
        return -1;
}

/* The reader of the file: the settings that it fills, and its function for errors. */
struct settings_reading {
        struct settings *settings;
        enum settings_program program;
        void (*complain)(void *user, const char *error);
        void *user;
};

static inline const char *settings_take(void *user, int key, const char *value)
{
        const struct settings_reading *r = user;
        const struct settings_row *row = &settings_table[key];
        struct settings checked;
        if (r->program != SETTINGS_CHATD && !settings_are_of(row, r->program))
                return NULL;
        bool given = r->settings->option_bits & UINT32_C(1) << key;
        return row->take(given ? &checked : r->settings, value) < 0 ? row->right : NULL;
}

static inline void settings_complain(void *user, const char *error)
{
        const struct settings_reading *r = user;
        r->complain(r->user, error);
}

__attribute__((noinline, cold, unused)) static void settings_complain_unread(const struct settings_reading *r,
                                                                             const char *path, int error)
{
        char text[CONF_ERROR_BYTES];
        snprintf(text, sizeof(text), "cannot read %.256s: %s", path, strerror(-error));
        r->complain(r->user, text);
}

/* Reads the settings in the file `path` into `s`; other settings in `s` stay. NULL stands for SETTINGS_FILE, which may
 * be missing. Returns 0, or a negative errno if there was an error. `complain` gets a line for each error, with the
 * file and the line in it. Settings without an error are taken nevertheless. */
static inline int settings_read(struct settings *s, const char *path, enum settings_program program,
                                void (*complain)(void *user, const char *error), void *user)
{
        struct settings_reading reading = {s, program, complain, user};
        const struct conf_reader reader = {.manual = "chat.conf(5)",
                                           .find = settings_find,
                                           .take = settings_take,
                                           .complain = settings_complain,
                                           .user = &reading};
        int r = conf_read(&reader, path ? path : SETTINGS_FILE);
        if (r == -ENOENT && !path)
                return 0;
        if (r < 0 && r != -EINVAL)
                settings_complain_unread(&reading, path ? path : SETTINGS_FILE, r);
        return r;
}

/* Appends the program's options to the array for getopt_long(). The array ends with zeros, and must have room for
 * SETTINGS more options. */
static inline void settings_add_options(struct option *options, enum settings_program program)
{
        while (options->name)
                options++;
        for (int i = 0; i < SETTINGS; i++) {
                const struct settings_row *row = &settings_table[i];
                if (settings_are_of(row, program))
                        *options++ = (struct option){row->option,
                                                     row->argument[0] == '[' ? optional_argument : required_argument,
                                                     NULL, SETTINGS_OPTION + i};
        }
        *options = (struct option){0};
}

/* Takes the option that getopt_long() returned, and its argument, if it is the option of a setting. Returns -1 if all
 * is well. Returns EXIT_USAGE if it is no such option, or if its argument is wrong: then it prints the allowed values
 * on standard error. */
static inline int settings_take_option(struct settings *s, int option, const char *argument, const char *program)
{
        int i = option - SETTINGS_OPTION;
        if (i < 0 || i >= SETTINGS)
                return EXIT_USAGE;
        s->option_bits |= UINT32_C(1) << i;
        if (settings_table[i].take(s, argument ? argument : "yes") == 0)
                return -1;
        fprintf(stderr, "%s: --%s takes %s\n", program, settings_table[i].option, settings_table[i].right);
        return EXIT_USAGE;
}

/* Prints the help on the program's options on standard output. */
static inline void settings_print_options(enum settings_program program)
{
        for (int i = 0; i < SETTINGS; i++) {
                const struct settings_row *row = &settings_table[i];
                if (!settings_are_of(row, program))
                        continue;
                int n = printf("  --%s%s", row->option, row->argument);
                printf("%*s%s (default: %s)\n", n < SETTINGS_HELP_COLUMN ? SETTINGS_HELP_COLUMN - n : 1, "", row->help,
                       row->standard);
        }
}
