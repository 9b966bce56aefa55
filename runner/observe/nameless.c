/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/nameless.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What is open: type, and which mount it is in. */
static int look_at(int fd, mode_t *ret_mode, uint64_t *ret_mount)
{
    struct statx stx;
    if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &stx) < 0) {
        return -errno;
    }
    if ((stx.stx_mask & STATX_MNT_ID) == 0) {
        return -ENOSYS; /* before Linux 5.8 */
    }
    *ret_mode = stx.stx_mode;
    *ret_mount = stx.stx_mnt_id;
    return 0;
}

static void know_own(struct own_folders *own, int root)
{
    own->known = true;
    for (size_t i = 0; i < own->path_count; i++) {
        mode_t mode = 0;
        uint64_t mount = 0;
        CLEANUP(cleanup_fd)
        int fd = openat(root, own->paths[i] + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && look_at(fd, &mode, &mount) == 0) {
            own->mounts[own->count++] = mount;
        }
    }
}

/* Takes `fd` over when it is a folder of the unit's own. */
static int stand_at(struct own_folders *own, int root, int fd, struct nameless *ret)
{
    mode_t mode = 0;
    uint64_t mount = 0;
    const int rc = fd >= 0 ? look_at(fd, &mode, &mount) : -errno;
    if (!own->known) {
        know_own(own, root);
    }
    for (size_t i = 0; rc == 0 && i < own->count; i++) {
        if (own->mounts[i] == mount) {
            *ret = (struct nameless){.fd = fd, .mount = mount};
            return 0;
        }
    }
    cleanup_fd(&fd);
    return rc < 0 ? rc : -EXDEV;
}

int nameless_at_caller(
    struct own_folders *own, int root, const struct caller *caller, int dirfd, struct nameless *ret)
{
    char path[48];
    if (caller->proc < 0) {
        return -ESRCH;
    }
    if (dirfd == AT_FDCWD) {
        (void)snprintf(path, sizeof path, "%d/cwd", (int)caller->pid);
    } else {
        (void)snprintf(path, sizeof path, "%d/fd/%d", (int)caller->pid, dirfd);
    }
    return stand_at(own, root, openat(caller->proc, path, O_PATH | O_CLOEXEC), ret);
}

int nameless_at_path(struct own_folders *own, int root, const char *path, struct nameless *ret)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                                 .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    const int fd = (int)syscall(SYS_openat2, root, path + 1, &how, sizeof how);
    return stand_at(own, root, fd, ret);
}

/* Folders and names that are not there, for whatever reason. */
static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES;
}

/* What was come upon: an open name, or errno of opening it. */
static enum nameless_step judge(
    const struct nameless *at, int fd, bool last, bool follow, const char **ret_why)
{
    mode_t mode = 0;
    uint64_t mount = 0;
    if (fd < 0 && is_absence(errno)) {
        return NAMELESS_END;
    }
    if (fd < 0 || look_at(fd, &mode, &mount) < 0 || mount != at->mount) {
        *ret_why = "it leaves its own folders from where they are too deep to name";
        return NAMELESS_ALIEN;
    }
    if (S_ISLNK(mode) && (!last || follow)) {
        *ret_why = "it follows a link in folders too deep to name";
        return NAMELESS_ALIEN;
    }
    return S_ISDIR(mode) ? NAMELESS_ON : NAMELESS_END;
}

enum nameless_step nameless_step(
    struct nameless *at, const char *name, size_t len, bool last, bool follow, const char **ret_why)
{
    char text[NAME_MAX + 1];
    const bool up = len == 2 && name[0] == '.' && name[1] == '.';
    if (len > NAME_MAX) {
        return NAMELESS_END; /* no file system here has longer names */
    }
    if (!up && at->went_up) {
        *ret_why = "it goes up and down again in folders too deep to name";
        return NAMELESS_ALIEN;
    }
    memcpy(text, name, len);
    text[len] = '\0';
    int fd = openat(at->fd, text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const enum nameless_step step = judge(at, fd, last, follow, ret_why);
    if (step != NAMELESS_ON) {
        cleanup_fd(&fd);
        return step;
    }
    (void)close(at->fd);
    at->fd = fd;
    at->went_up = at->went_up || up;
    return step;
}

void nameless_fini(struct nameless *at)
{
    cleanup_fd(&at->fd);
}
