/* SPDX-License-Identifier: Apache-2.0 */
/* Where reports end: whole files, or nothing. Pipes and devices stay what they are: renamed over, a
 * run of root's would make a file of /dev/null. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "reports/report_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return 0;
    }
    char *folder = mem_strndup(path, (size_t)(slash - path));
    int rc = folder != NULL ? dir_make(folder, 0777, err) : err_set(err, -ENOMEM, "out of memory");
    mem_free(folder);
    return rc;
}

bool report_goes_into(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        return false;
    }
    return !S_ISLNK(st.st_mode) || strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0
           || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

/* A pipe that nobody reads is refused, not waited for. */
static int write_in_place(const char *path,
                          int (*write)(void *context, int fd, struct err *err),
                          void *context,
                          struct err *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENXIO ? err_set(err, -ENXIO, "cannot write %s: nobody reads it", path)
                              : err_errno(err, "cannot write %s", path);
    }
    int rc = fcntl(fd, F_SETFL, O_APPEND) != 0 ? err_errno(err, "cannot write %s", path) : 0;
    rc = rc == 0 ? write(context, fd, err) : rc;
    if (close(fd) != 0 && rc == 0) {
        rc = err_errno(err, "cannot write %s", path);
    }
    return rc;
}

int report_write_file(const char *path,
                      int (*write)(void *context, int fd, struct err *err),
                      void *context,
                      struct err *err)
{
    if (report_goes_into(path)) {
        return write_in_place(path, write, context, err);
    }
    CLEANUP(str_fini) struct str temporary = STR_INIT(SIZE_MAX / 4);
    int rc = make_parent(path, err);
    if (rc != 0) {
        return rc;
    }
    if (str_appendf(&temporary, "%s.%ld.tmp", path, (long)getpid()) != 0) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const char *name = str_text(&temporary);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return err_errno(err, "cannot write %s", name);
    }
    rc = write(context, fd, err);
    if (close(fd) != 0 && rc == 0) {
        rc = err_errno(err, "cannot write %s", name);
    }
    if (rc == 0 && rename(name, path) != 0) {
        rc = err_errno(err, "cannot rename %s to %s", name, path);
    }
    if (rc != 0) {
        (void)unlink(name);
    }
    return rc;
}

static int append_text(void *context, int fd, struct err *err)
{
    return report_write_str(fd, context, err);
}

int report_append_file(const char *path, struct str *text, struct err *err)
{
    if (report_goes_into(path)) {
        return write_in_place(path, append_text, text, err);
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) {
        return err_errno(err, "cannot write %s", path);
    }
    int rc = report_write_str(fd, text, err);
    if (close(fd) != 0 && rc == 0) {
        rc = err_errno(err, "cannot write %s", path);
    }
    return rc;
}

int report_write_text(int fd, const char *text, struct err *err)
{
    const int rc = fd_write_all(fd, text, strlen(text));
    return rc == 0 ? 0 : err_set(err, rc, "cannot write: %s", strerrordesc_np(-rc));
}

int report_write_str(int fd, const struct str *text, struct err *err)
{
    return text->error != 0 ? err_set(err, text->error, "out of memory")
                            : report_write_text(fd, str_text(text), err);
}

void report_remove_file(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        (void)unlink(path);
    }
}
