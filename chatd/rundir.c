#include "rundir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chat/paths.h>

#define SPARE_NAME ".spare"
/* The text is so long that it needs a block beside the inode: tmpfs keeps a text of up to 128 bytes in the inode. */
#define SPARE_TEXT                                                                                                     \
        "This keeps an inode and a block of the file system: where it has no other left, chatd removes this link for " \
        "a moment, and so can replace a note by a newer one. chatd makes it again by itself."

enum {
        RUN_DIR_MODE = 0750,
        SESSIONS_MODE = 01730, /* sessions may add files and remove their own, but not list them */
        MEMBERS_MODE = 0700,
        CONTROL_UMASK = 0177, /* access for chatd's own user */
};

static int rundir_make_dir(const char *dir, const char *name, mode_t mode)
{
        char path[PATH_MAX];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", dir, name);
        if (mkdir(path, mode) == 0)
                return chmod(path, mode) < 0 ? -errno : 0; /* because mkdir(2) depends on the umask */
        if (errno != EEXIST)
                return -errno;
        if (lstat(path, &st) < 0)
                return -errno;
        /* The owner of a directory could put another socket in place of chatd's. */
        bool ours = S_ISDIR(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & S_IWOTH);
        return ours ? 0 : -EPERM;
}

static void rundir_spare_path(const char *note, char path[static PATH_MAX + sizeof(SPARE_NAME)])
{
        snprintf(path, PATH_MAX + sizeof(SPARE_NAME), "%.*s/" SPARE_NAME, (int)(strrchr(note, '/') - note), note);
}

/* Makes the spare symlink beside this note, which keeps an inode for rundir_replace_note(). Returns true if it
 * exists. */
static bool rundir_keep_spare(const char *note)
{
        char path[PATH_MAX + sizeof(SPARE_NAME)];
        rundir_spare_path(note, path);
        return symlink(SPARE_TEXT, path) == 0 || errno == EEXIST;
}

/* Removes the spare symlink, which frees an inode. Returns true if there was one. */
static bool rundir_spend_spare(const char *note)
{
        char path[PATH_MAX + sizeof(SPARE_NAME)];
        rundir_spare_path(note, path);
        return unlink(path) == 0;
}

int rundir_open(const char *dir)
{
        int r = rundir_make_dir(dir, "", RUN_DIR_MODE);
        if (r == 0)
                r = rundir_make_dir(dir, SESSIONS_DIR_NAME, SESSIONS_MODE);
        if (r == 0)
                r = rundir_make_dir(dir, MEMBERS_DIR_NAME, MEMBERS_MODE);
        if (r < 0)
                return r;
        char path[PATH_MAX];
        /* sessions cannot open this directory, and so cannot take the lock */
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME, dir);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        snprintf(path, sizeof(path), "%s/" MEMBERS_DIR_NAME "/", dir);
        rundir_keep_spare(path); /* without the spare, notes can be replaced only while there are inodes */
        return fd;
}

/* Binds the socket in place of an old one, which nobody reads. Returns 0 or a negative errno. */
static int rundir_bind_anew(int fd, const struct sockaddr_un *address, mode_t mask)
{
        unlink(address->sun_path);
        mode_t before = umask(mask);
        int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
        umask(before);
        return r;
}

int rundir_bind(const char *dir)
{
        struct sockaddr_un address;
        int on = 1, r = path_broker(&address, dir);
        if (r < 0)
                return r;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* This comes before the first client can send, because datagrams without credentials are ignored. */
        r = setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ? -errno : 0;
        if (r == 0)
                r = rundir_bind_anew(fd, &address, SOCKET_UMASK);
        if (r < 0)
                close(fd);
        return r < 0 ? r : fd;
}

int rundir_bind_control(const char *dir)
{
        struct sockaddr_un address;
        int r = path_control(&address, dir);
        if (r < 0)
                return r;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = rundir_bind_anew(fd, &address, CONTROL_UMASK);
        if (r == 0 && listen(fd, SOMAXCONN) < 0)
                r = -errno;
        if (r < 0)
                close(fd);
        return r < 0 ? r : fd;
}

int rundir_replace_note(const char *path, const char *new, const char *text)
{
        struct stat st;
        unlink(new); /* a chatd that died here may have left it */
        int r = symlink(text, new) < 0 ? -errno : 0;
        /* the inode of the note at `path` becomes free, and is the next spare */
        if ((r == -ENOSPC || r == -EDQUOT) && lstat(path, &st) == 0 && rundir_spend_spare(new))
                r = symlink(text, new) < 0 ? -errno : 0;
        if (r == 0 && rename(new, path) < 0)
                r = -errno;
        rundir_keep_spare(new); /* tried each time, because another process may have taken the inode */
        return r;
}
