/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/spool.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Longest piece appended between two calls of spool_settle(): all texts of one unit with the most
 * cases a report may have, at 1 KiB each, fit. */
#define PIECE_MAX ((size_t)256 << 20)

/* A text that grows is set aside when it is so long, and another one begun: one that doubled as it
 * grew would touch twice the memory that it takes, and what nobody touched before is dear. */
#define SET_ASIDE  ((size_t)240 << 10)
#define PIECE_ROOM ((size_t)256 << 10)

/* Bytes copied at once. */
#define COPY_CHUNK (256u << 10)

static void begin_text(struct spool *spool)
{
    str_init(&spool->text, SPOOL_MEMORY_MAX + PIECE_MAX);
}

void spool_init(struct spool *spool, const char *folder)
{
    *spool = (struct spool){.folder = folder, .fd = -1};
    begin_text(spool);
}

static void free_pieces(struct spool *spool)
{
    struct str *piece;
    vec_for_each (piece, &spool->pieces) {
        str_fini(piece);
    }
    vec_fini(&spool->pieces);
    spool->kept = 0;
}

void spool_fini(struct spool *spool)
{
    free_pieces(spool);
    str_fini(&spool->text);
    if (spool->fd >= 0) {
        (void)close(spool->fd);
        spool->fd = -1;
    }
}

/* A file without a name; on file systems that cannot, one that loses its name at once. */
static int open_anonymous(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return fd;
    }
    char path[] = "/tmp/sluice-spool-XXXXXX";
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        (void)unlink(path);
    }
    return fd;
}

/* All that is in memory. */
static int write_texts(const struct spool *spool, int fd)
{
    int rc = 0;
    const struct str *piece;
    vec_for_each (piece, &spool->pieces) {
        rc = rc == 0 ? fd_write_all(fd, piece->data, piece->len) : rc;
    }
    return rc == 0 && spool->text.len > 0 ? fd_write_all(fd, spool->text.data, spool->text.len)
                                          : rc;
}

static int spill(struct spool *spool, struct err *err)
{
    if (spool->fd < 0) {
        spool->fd = open_anonymous(spool->folder != NULL ? spool->folder : "/tmp");
    }
    if (spool->fd < 0 && spool->folder != NULL) {
        spool->fd = open_anonymous("/tmp");
    }
    if (spool->fd < 0) {
        return err_errno(err, "cannot make a temporary file for the report");
    }
    int rc = write_texts(spool, spool->fd);
    if (rc != 0) {
        errno = -rc;
        return err_errno(err, "cannot write a temporary file for the report");
    }
    free_pieces(spool);
    str_fini(&spool->text);
    return 0;
}

/* Without memory for the list the text goes on growing. */
static void set_aside(struct spool *spool)
{
    if (vec_push(&spool->pieces, spool->text) != 0) {
        return;
    }
    spool->kept += spool->text.len;
    begin_text(spool);
    (void)str_reserve(&spool->text, PIECE_ROOM - 1);
}

int spool_settle(struct spool *spool, struct err *err)
{
    if (spool->text.error != 0) {
        return err_set(err, spool->text.error, "out of memory writing a report");
    }
    if (spool->kept + spool->text.len > SPOOL_MEMORY_MAX) {
        return spill(spool, err);
    }
    if (spool->text.len > SET_ASIDE) {
        set_aside(spool);
    }
    return 0;
}

static int copy_file(int from, int to, struct err *err)
{
    char *buf = mem_calloc(COPY_CHUNK, 1);
    ssize_t got = 1;
    int rc = buf != NULL ? 0 : -ENOMEM;
    for (off_t at = 0; rc == 0 && got > 0; at += got) {
        got = pread(from, buf, COPY_CHUNK, at);
        rc = got < 0 ? -errno : fd_write_all(to, buf, (size_t)(got > 0 ? got : 0));
    }
    mem_free(buf);
    return rc == 0 ? 0 : err_set(err, rc, "cannot write the report");
}

int spool_copy(struct spool *spool, int fd, struct err *err)
{
    int rc = spool->fd >= 0 ? copy_file(spool->fd, fd, err) : 0;
    if (rc == 0) {
        rc = write_texts(spool, fd);
        if (rc != 0) {
            errno = -rc;
            return err_errno(err, "cannot write the report");
        }
    }
    return rc;
}
