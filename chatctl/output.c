#include "output.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <chat/safe-text.h>

enum { VALUE_MAX_BYTES = 64 }; /* of a value that is not text */

const struct column output_members[] = {
        {"name", "NAME", KIND_TEXT, false},
        {"room", "ROOM", KIND_TEXT, false},
        {"address", "ADDRESS", KIND_TEXT, false},
        {"since", "SINCE", KIND_TIME, false},
        {"pid", "PID", KIND_NUMBER, false},
        {"said", "SAID", KIND_NUMBER, false},
        {"missed", "MISSED", KIND_NUMBER, false},
        {"lagging", "LAGGING", KIND_BOOL, false},
        {"muted", "MUTED", KIND_BOOL, false},
        {"shown", NULL, KIND_NUMBER, true},
        {"skipped", NULL, KIND_NUMBER, true},
        {"behind", NULL, KIND_NUMBER, true},
        {"slow", NULL, KIND_BOOL, true},
        {"alive", NULL, KIND_BOOL, true},
        {0},
};

const struct column output_bans[] = {
        {"ban", "BAN", KIND_TEXT, false},
        {"since", "SINCE", KIND_TIME, false},
        {"by", "BY", KIND_USER, false},
        {"reason", "REASON", KIND_TEXT, false},
        {0},
};

const struct column output_tokens[] = {
        {"name", "NAME", KIND_TEXT, false},
        {"since", "SINCE", KIND_TIME, false},
        {"by", "BY", KIND_USER, false},
        {"room", "ROOM", KIND_TEXT, false},
        {0},
};

const struct column output_status[] = {
        {"version", "Version", KIND_TEXT, false},
        {"pid", "Process", KIND_NUMBER, false},
        {"uptime", "Running for", KIND_DURATION, false},
        {"members", "Members", KIND_NUMBER, false},
        {"direct", "Written to by chatd", KIND_NUMBER, false},
        {"lagging", "Lagging", KIND_NUMBER, false},
        {"muted", "Muted", KIND_NUMBER, false},
        {"unconfined", "Without a sandbox", KIND_NUMBER, false},
        {"bans", "Bans", KIND_NUMBER, false},
        {"bans_file", "File of bans", KIND_TEXT, false},
        {"tokens", "Tokens", KIND_NUMBER, false},
        {"tokens_file", "File of tokens", KIND_TEXT, false},
        {"lines", "Lines relayed", KIND_NUMBER, false},
        {"queue", "In the queue", KIND_NUMBER, false},
        {"ignored", "Datagrams ignored", KIND_NUMBER, false},
        {"refused_by_systemd", "Refused by systemd", KIND_NUMBER, false},
        {"refused_at_chat.socket", "at chat.socket", KIND_NUMBER, false},
        {"refused_at_chat-tls.socket", "at chat-tls.socket", KIND_NUMBER, false},
        {"refused_at_chat-proxied.socket", "at chat-proxied.socket", KIND_NUMBER, false},
        {"refused_at_chat-local.socket", "at chat-local.socket", KIND_NUMBER, false},
        {"refused_at_chat-echo.socket", "at chat-echo.socket", KIND_NUMBER, false},
        {"refused_at_chat-irc.socket", "at chat-irc.socket", KIND_NUMBER, false},
        {"refused_at_chat-ircs.socket", "at chat-ircs.socket", KIND_NUMBER, false},
        {"refused_at_chat-irc-proxied.socket", "at chat-irc-proxied.socket", KIND_NUMBER, false},
        {"refused_at_chat-json.socket", "at chat-json.socket", KIND_NUMBER, false},
        {"refused_at_chat-json-tcp.socket", "at chat-json-tcp.socket", KIND_NUMBER, false},
        {"refused_at_chat-web.socket", "at chat-web.socket", KIND_NUMBER, false},
        {"refused_at_chat-web-proxied.socket", "at chat-web-proxied.socket", KIND_NUMBER, false},
        {"refused", "Refused by chatd", KIND_NUMBER, false},
        {"not_chat", "Not chat clients", KIND_NUMBER, false},
        {"unserved", "Sessions that failed", KIND_NUMBER, false},
        {"link", "Link to other hosts", KIND_TEXT, false},
        {"started", NULL, KIND_TIME, true},
        {"rooms", NULL, KIND_NUMBER, true},
        {"joined", NULL, KIND_NUMBER, true},
        {"batches", NULL, KIND_NUMBER, true},
        {"delivered", NULL, KIND_NUMBER, true},
        {"missed", NULL, KIND_NUMBER, true},
        {"refused_banned", NULL, KIND_NUMBER, true},
        {"refused_crowded", NULL, KIND_NUMBER, true},
        {"refused_full", NULL, KIND_NUMBER, true},
        {0},
};

void output_time(char *text, size_t size, int64_t seconds, bool json)
{
        time_t t = (time_t)seconds;
        struct tm tm;
        const struct tm *r = json ? gmtime_r(&t, &tm) : localtime_r(&t, &tm);
        if (!r || strftime(text, size, json ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
                text[0] = '\0';
}

static void output_write_duration(char *text, size_t size, int64_t seconds)
{
        int64_t minutes = seconds / 60, hours = minutes / 60;
        if (hours >= 48)
                snprintf(text, size, "%" PRId64 " days %" PRId64 " h", hours / 24, hours % 24);
        else if (hours > 0)
                snprintf(text, size, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
        else if (minutes > 0)
                snprintf(text, size, "%" PRId64 " min %" PRId64 " s", minutes, seconds % 60);
        else
                snprintf(text, size, "%" PRId64 " s", seconds);
}

static void output_write_user(char text[static VALUE_MAX_BYTES], const char *uid)
{
        const struct passwd *pw = getpwuid((uid_t)strtoul(uid, NULL, 10));
        bool fits = pw && text_is_name(pw->pw_name, strlen(pw->pw_name)) && strlen(pw->pw_name) < VALUE_MAX_BYTES;
        snprintf(text, VALUE_MAX_BYTES, "%s", fits ? pw->pw_name : uid);
}

/* Returns the value in the form for people. That is the value itself, or `text`, which has it in another form. */
static const char *output_show(enum kind kind, const char *value, char text[static VALUE_MAX_BYTES])
{
        if (kind == KIND_TIME)
                output_time(text, VALUE_MAX_BYTES, strtoll(value, NULL, 10), false);
        else if (kind == KIND_DURATION)
                output_write_duration(text, VALUE_MAX_BYTES, strtoll(value, NULL, 10));
        else if (kind == KIND_USER)
                output_write_user(text, value);
        else
                return value;
        return text;
}

/* Returns the value of a column of a record, as output_show() does. Returns "" if the record has none. */
static const char *output_cell(const struct column *c, const struct answer_record *r, char text[static VALUE_MAX_BYTES])
{
        const char *value = answer_value(r, c->key);
        return value ? output_show(c->kind, value, text) : "";
}

/* Returns how many columns of a terminal the text takes. That is the number of its characters: only reasons can have
 * wide characters, and they are the last column. */
static int output_width(const char *text)
{
        int n = 0;
        for (; *text; text++)
                n += (*text & 0xc0) != 0x80;
        return n;
}

static void output_print_cell(FILE *out, const char *text, int most, bool right, bool last)
{
        int pad = most - output_width(text);
        if (right)
                fprintf(out, "%*s%s", pad, "", text);
        else if (last)
                fputs(text, out);
        else
                fprintf(out, "%s%*s", text, pad, "");
        fputs(last ? "\n" : "  ", out);
}

void output_table(FILE *out, const struct column *columns, const struct answer_record *records, size_t count,
                  bool legend)
{
        char text[VALUE_MAX_BYTES];
        size_t n = 0;
        while (columns[n].key && !columns[n].json_only)
                n++;
        int *most = calloc(n + 1, sizeof(*most));
        if (!most)
                return;
        for (size_t c = 0; c < n; c++) {
                most[c] = legend ? output_width(columns[c].heading) : 0;
                for (size_t i = 0; i < count; i++) {
                        int w = output_width(output_cell(&columns[c], &records[i], text));
                        most[c] = w > most[c] ? w : most[c];
                }
        }
        for (size_t c = 0; legend && c < n; c++)
                output_print_cell(out, columns[c].heading, most[c], columns[c].kind == KIND_NUMBER, c + 1 == n);
        for (size_t i = 0; i < count; i++)
                for (size_t c = 0; c < n; c++)
                        output_print_cell(out, output_cell(&columns[c], &records[i], text), most[c],
                                          columns[c].kind == KIND_NUMBER, c + 1 == n);
        free(most);
}

void output_list(FILE *out, const struct column *columns, const struct answer_record *record)
{
        char text[VALUE_MAX_BYTES];
        int most = 0;
        for (const struct column *c = columns; c->key; c++)
                most = !c->json_only && output_width(c->heading) > most ? output_width(c->heading) : most;
        for (const struct column *c = columns; c->key; c++)
                if (!c->json_only && answer_value(record, c->key))
                        fprintf(out, "%*s: %s\n", most, c->heading, output_cell(c, record, text));
}

/* ---- JSON ---- */

static void output_put_escaped(FILE *out, const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                if (text[i] == '"' || text[i] == '\\')
                        putc('\\', out);
                putc(text[i], out);
        }
}

void output_json_string(FILE *out, const char *text, size_t size)
{
        struct text_cleaner cleaner = {0};
        char clean[TEXT_CLEAN_MAX];
        putc('"', out);
        for (size_t i = 0; i < size; i++)
                output_put_escaped(out, clean, text_clean(&cleaner, (uint8_t)text[i], clean));
        output_put_escaped(out, clean, text_clean_end(&cleaner, clean));
        putc('"', out);
}

/* Returns true for an integer in the form of RFC 8259: without leading zeros. chatd sends no fractions. */
static bool output_is_number(const char *value)
{
        size_t digits = strspn(value += value[0] == '-', "0123456789");
        return digits > 0 && value[digits] == '\0' && (value[0] != '0' || digits == 1);
}

static void output_put_value(FILE *out, enum kind kind, const char *value)
{
        char text[VALUE_MAX_BYTES];
        switch (kind) {
        case KIND_NUMBER:
        case KIND_USER:
        case KIND_DURATION:
                fputs(output_is_number(value) ? value : "null", out);
                return;
        case KIND_BOOL:
                fputs(strcmp(value, "yes") == 0 ? "true" : "false", out);
                return;
        case KIND_TIME:
                output_time(text, sizeof(text), strtoll(value, NULL, 10), true);
                output_json_string(out, text, strlen(text));
                return;
        default:
                output_json_string(out, value, strlen(value));
        }
}

static enum kind output_kind_of(const struct column *columns, const char *key, size_t len)
{
        for (; columns->key; columns++)
                if (strlen(columns->key) == len && memcmp(columns->key, key, len) == 0)
                        return columns->kind;
        return KIND_TEXT;
}

void output_json_object(FILE *out, const struct column *columns, const struct answer_record *record)
{
        struct slice rest = {record->data, record->size};
        const char *separator = "";
        putc('{', out);
        for (const char *field; (field = control_next(&rest));) {
                const char *value = strchr(field, '=');
                if (!value)
                        continue;
                size_t len = (size_t)(value - field);
                fputs(separator, out);
                output_json_string(out, field, len);
                putc(':', out);
                output_put_value(out, output_kind_of(columns, field, len), value + 1);
                separator = ",";
        }
        putc('}', out);
}

void output_json(FILE *out, const struct column *columns, const struct answer_record *records, size_t count)
{
        putc('[', out);
        for (size_t i = 0; i < count; i++) {
                fputs(i > 0 ? ",\n " : "", out);
                output_json_object(out, columns, &records[i]);
        }
        putc(']', out);
}
