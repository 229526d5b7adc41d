#include "motd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <chat/safe-text.h>

#include "batch.h"

_Static_assert((int)MOTD_MAX_BYTES <= (int)TEXT_MAX_BYTES, "it is the text of one frame");

struct reading {
        struct motd *motd;
        struct text_cleaner cleaner;
        unsigned lines;     /* complete lines that were taken */
        unsigned line_ends; /* line ends that were read, and are written before the next text */
        bool cr;            /* the last byte was a CR, which may belong to a LF */
        bool is_cut;
};

static void motd_append(struct reading *r, const char *text, size_t size)
{
        struct motd *m = r->motd;
        if (size == 0 || r->is_cut)
                return;
        r->is_cut = r->lines + r->line_ends >= MOTD_MAX_LINES || sizeof(m->text) - m->len < r->line_ends + size;
        if (r->is_cut)
                return;
        memset(m->text + m->len, '\n', r->line_ends);
        memcpy(m->text + m->len + r->line_ends, text, size);
        m->len += r->line_ends + size;
        r->lines += r->line_ends;
        r->line_ends = 0;
}

static void motd_take_byte(struct reading *r, char byte)
{
        char clean[TEXT_CLEAN_MAX];
        if (r->cr && byte != '\n')
                motd_append(r, clean, text_clean(&r->cleaner, '\r', clean));
        r->cr = byte == '\r';
        if (byte == '\n') {
                motd_append(r, clean, text_clean_end(&r->cleaner, clean));
                r->line_ends++;
        } else if (!r->cr) {
                motd_append(r, clean, text_clean(&r->cleaner, (uint8_t)byte, clean));
        }
}

/* Reads and cleans the file. Returns 0 or a negative errno. */
static int motd_take_file(struct reading *r, int fd)
{
        char bytes[512], clean[TEXT_CLEAN_MAX];
        ssize_t n;
        while (!r->is_cut && (n = read(fd, bytes, sizeof(bytes))) != 0) {
                if (n < 0)
                        return -errno;
                for (ssize_t i = 0; i < n && !r->is_cut; i++)
                        motd_take_byte(r, bytes[i]);
        }
        motd_append(r, clean, text_clean_end(&r->cleaner, clean));
        return 0;
}

int motd_read(struct motd *motd, const char *path)
{
        struct reading reading = {.motd = motd};
        motd->len = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* the file may be a pipe without a writer */
        if (fd < 0)
                return -errno;
        int r = motd_take_file(&reading, fd);
        close(fd);
        if (r == 0)
                return reading.is_cut ? MOTD_E_CUT : 0;
        motd->len = 0;
        return r;
}

void motd_send(const struct motd *motd, struct batch *b, uint64_t epoch, struct member *m)
{
        if (motd->len == 0)
                return;
        batch_tell(b, m,
                   &(struct frame){
                           .type = FRAME_TEXT,
                           .id = epoch,
                           .number = MOTD_NUMBER,
                           .text = {motd->text, motd->len},
                   });
}
