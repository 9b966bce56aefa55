/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/protect.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "exec/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* mount_setattr(2), Linux 5.12; glibc 2.35 has no wrapper yet. */
struct mount_attributes {
    uint64_t set, clear, propagation, userns_fd;
};

#define ATTR_RDONLY     0x1
#define MOUNT_RECURSIVE 0x8000U

static bool is_root;

int mount_read_only(const char *path, bool recursive)
{
    struct mount_attributes attributes = {.set = ATTR_RDONLY};
    return (int)syscall(SYS_mount_setattr,
                        AT_FDCWD,
                        path,
                        recursive ? MOUNT_RECURSIVE : 0U,
                        &attributes,
                        sizeof attributes);
}

/* Outside every user namespace the map is "0 0 4294967295": all ids, each itself. */
void protect_note_root(void)
{
    char map[64] = "";
    CLEANUP(cleanup_fd) int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, map, sizeof map - 1) : 0;
    char *at = map;
    map[n > 0 ? n : 0] = '\0';
    unsigned long inside = strtoul(at, &at, 10);
    unsigned long outside = strtoul(at, &at, 10);
    /* When it cannot be read, better protect too much. A map of uid 0 to another is no root of the
     * machine. */
    is_root = geteuid() == 0 && (n <= 0 || (inside == 0 && outside == 0));
}

struct hiding {
    const char *etc;
    int count;
    struct err *err;
};

static int hide(struct hiding *hiding, const char *path, bool folder)
{
    char full[PATH_TEXT_MAX];
    int n = snprintf(full, sizeof full, "%s/%s", hiding->etc, path);
    if (n < 0 || (size_t)n >= sizeof full || ++hiding->count > PROTECT_HIDDEN_MAX) {
        return err_set(hiding->err,
                       -E2BIG,
                       "more than %d private files in /etc to hide from units",
                       PROTECT_HIDDEN_MAX);
    }
    int rc =
        folder
            ? mount("tmpfs", full, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=755,size=4096")
            : mount("/dev/null", full, NULL, MS_BIND, NULL);
    return rc < 0 ? err_errno(hiding->err, "cannot hide /etc/%s from units", path) : 0;
}

static int hide_private(void *context, int root, const char *path, mode_t mode)
{
    (void)root;
    if (S_ISDIR(mode)) {
        bool open_to_all = (mode & S_IROTH) != 0 && (mode & S_IXOTH) != 0;
        int rc = open_to_all ? 0 : hide(context, path, true);
        return rc < 0 ? rc : open_to_all;
    }
    return S_ISREG(mode) && (mode & S_IROTH) == 0 ? hide(context, path, false) : 0;
}

int protect_etc(const char *etc, struct err *err)
{
    if (!is_root) {
        return 0;
    }
    CLEANUP(cleanup_fd) int root = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        return errno == ENOENT ? 0 : err_errno(err, "%s", etc);
    }
    struct hiding hiding = {.etc = etc, .err = err};
    return tree_walk(root, hide_private, &hiding, err);
}

static int protect_path(const char *path, struct err *err)
{
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
        return errno == ENOENT ? 0 : err_errno(err, "cannot protect %s", path);
    }
    return mount_read_only(path, true) < 0 ? err_errno(err, "cannot protect %s", path) : 0;
}

int protect_proc(struct err *err)
{
    static const char *const paths[] = {
        "/proc/sys",
        "/proc/sysrq-trigger",
        "/proc/irq",
        "/proc/bus",
        "/proc/fs",
        "/proc/acpi",
        "/proc/scsi",
        "/proc/mtrr",
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && is_root && i < sizeof paths / sizeof *paths; i++) {
        rc = protect_path(paths[i], err);
    }
    return rc;
}
