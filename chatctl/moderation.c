#include "moderation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <chat/options.h>

#include "tool.h"
#include "words.h"

enum { WHO_MAX_BYTES = 256 }; /* a name, or "#ID" */

/* Writes "#ID" of the member with this name to `who`. Returns an exit status. The request that follows uses the id,
 * because chatd may die before it answers: until the request is repeated, another member may have taken the name. */
static int moderation_resolve(struct chatctl *c, const char *name, char who[static WHO_MAX_BYTES])
{
        int r = asking_make(&c->asking, (const char *const[]){"find", "", name, NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        const char *id = asking_end(&c->asking, "id");
        if (tool_ended_with(c, CONTROL_OK) && id)
                snprintf(who, WHO_MAX_BYTES, "#%s", id);
        else if (tool_ended_with(c, CONTROL_WRONG)) /* chatd has an earlier version */
                snprintf(who, WHO_MAX_BYTES, "%s", name);
        else
                return tool_complain_of_end(c);
        return EXIT_SUCCESS;
}

/* Returns true if the request was done, or if an earlier attempt did it before chatd died. */
static bool moderation_is_done(const struct chatctl *c)
{
        return tool_ended_with(c, CONTROL_OK) || (tool_ended_with(c, CONTROL_NOBODY) && c->asking.again);
}

/* Prints the error in the end of an answer about a member that was there a moment ago. Returns an exit status. */
static int moderation_complain_of_leaver(const struct chatctl *c, const char *name)
{
        return tool_ended_with(c, CONTROL_NOBODY) ? tool_complain(c, EXIT_NOBODY, "%s has just left", name)
                                                  : tool_complain_of_end(c);
}

int moderation_mute(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        char who[WHO_MAX_BYTES];
        int status = moderation_resolve(c, argv[1], who);
        if (status != EXIT_SUCCESS)
                return status;
        int r = asking_make(&c->asking, (const char *const[]){argv[0], "", who, NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        return tool_ended_with(c, CONTROL_OK) ? tool_confirm(c, argv[0], argv[1])
                                              : moderation_complain_of_leaver(c, argv[1]);
}

/* Returns true if the answer to `who` has the member with this id, and its process runs. chatd watches the process. */
static bool moderation_is_alive(const struct chatctl *c, const char *id)
{
        for (size_t i = 0; i < c->asking.count; i++) {
                const char *is = answer_value(&c->asking.records[i], "id");
                const char *alive = answer_value(&c->asking.records[i], "alive");
                if (is && alive && strcmp(is, id) == 0)
                        return strcmp(alive, "yes") == 0;
        }
        return false;
}

/* Prints why a process was not killed; `error` is a negative errno. Returns an exit status. */
static int moderation_complain_of_process(const struct chatctl *c, const char *pid, int error)
{
        const char *hint = "";
        if (error == -EPERM)
                hint = "; --kill is for root";
        else if (error == -ENOSYS)
                hint = "; --kill needs pidfd_open(2), of Linux 5.3 or later";
        return tool_complain(c, error == -EPERM ? EXIT_DENIED : EXIT_FAILURE, "cannot end process %s: %s%s", pid,
                             strerror(-error), hint);
}

/* Kills the process of a session that does not leave. The descriptor is opened before chatd reports that the session
 * runs, so the pid cannot belong to another process. Returns an exit status. */
static int moderation_end_session(struct chatctl *c, const char *pid, const char *id)
{
        int fd = pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
        if (fd < 0)
                return errno == ESRCH ? EXIT_SUCCESS : moderation_complain_of_process(c, pid, -errno);
        int status = tool_ask(c, (const char *const[]){"who", NULL});
        if (status == EXIT_SUCCESS && moderation_is_alive(c, id) && pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
                status = moderation_complain_of_process(c, pid, -errno);
        close(fd);
        return status;
}

static int moderation_deal_with_stayer(struct chatctl *c, const char *name)
{
        const char *end_pid = asking_end(&c->asking, "pid"), *end_id = asking_end(&c->asking, "id");
        char pid[24], id[24];
        if (!end_pid || !end_id)
                return tool_complain_of_end(c);
        snprintf(pid, sizeof(pid), "%s", end_pid);
        snprintf(id, sizeof(id), "%s", end_id);
        if (!c->options.kill)
                return tool_complain(
                        c, EXIT_STAYS,
                        "%s has not left within %d s: the session, process %s, is not running, or is an "
                        "earlier version. Nobody sees what it says. To end it, as root: chatctl%s%s kick --kill %s",
                        name, CONTROL_LEAVE_MS / 1000, pid, c->options.dir ? " --run-dir=" : "",
                        c->options.dir ? c->options.dir : "", name);
        int status = moderation_end_session(c, pid, id);
        return status == EXIT_SUCCESS ? tool_confirm(c, "kill", name) : status;
}

int moderation_kick(struct chatctl *c, int argc, char **argv)
{
        char reason[CONTROL_REASON_MAX_BYTES + 1];
        if (!words_join(reason, CONTROL_REASON_MAX_BYTES, argc - 2, argv + 2))
                return tool_complain(c, EXIT_USAGE, "a reason is %d bytes at most", CONTROL_REASON_MAX_BYTES);
        char who[WHO_MAX_BYTES];
        int status = moderation_resolve(c, argv[1], who);
        if (status != EXIT_SUCCESS)
                return status;
        int r = asking_make(&c->asking, (const char *const[]){"kick", "", who, reason, NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        if (tool_ended_with(c, CONTROL_STAYS))
                return moderation_deal_with_stayer(c, argv[1]);
        return moderation_is_done(c) ? tool_confirm(c, "kick", argv[1]) : moderation_complain_of_leaver(c, argv[1]);
}

/* Confirms a ban, and suggests what else could be banned: the network of a banned member who is still here, or the
 * network of an IPv6 address, because one host usually has many addresses. Returns EXIT_SUCCESS. */
static int moderation_confirm_ban(const struct chatctl *c, const char *what)
{
        const char *network = asking_end(&c->asking, "network"), *name = asking_end(&c->asking, "name");
        if (!network)
                return tool_confirm(c, "ban", what);
        if (c->options.json)
                return tool_confirm_and(c, "ban", what, "network", network);
        if (name)
                fprintf(stderr, "%s: %s is here from %s; to ban that, too:", c->program, name, network);
        else
                fprintf(stderr, "%s: one host usually has all of %s; to ban that:", c->program, network);
        fprintf(stderr, " chatctl%s%s ban %s\n", c->options.dir ? " --run-dir=" : "",
                c->options.dir ? c->options.dir : "", network);
        return EXIT_SUCCESS;
}

int moderation_ban(struct chatctl *c, int argc, char **argv)
{
        char reason[CONTROL_REASON_MAX_BYTES + 1];
        if (!words_join(reason, CONTROL_REASON_MAX_BYTES, argc - 2, argv + 2))
                return tool_complain(c, EXIT_USAGE, "a reason is %d bytes at most", CONTROL_REASON_MAX_BYTES);
        int status = tool_ask(c, (const char *const[]){"ban", "", argv[1], reason, NULL});
        if (status != EXIT_SUCCESS)
                return status;
        const char *what = asking_end(&c->asking, "text");
        return moderation_confirm_ban(c, what ? what : argv[1]);
}

int moderation_unban(struct chatctl *c, int argc, char **argv)
{
        (void)argc;
        int r = asking_make(&c->asking, (const char *const[]){"unban", "", argv[1], NULL});
        if (r < 0)
                return tool_complain_of_error(c, r);
        return moderation_is_done(c) ? tool_confirm(c, "unban", argv[1]) : tool_complain_of_end(c);
}
