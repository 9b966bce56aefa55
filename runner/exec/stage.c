/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and small files, for the template and for the worlds of single units. */
#include "exec/stage.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "model/world.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct stage_folder stage_folders[STAGE_FOLDERS] = {
    {"tmp",    "/tmp",     01777},
    {"vartmp", "/var/tmp", 01777},
    {"run",    "/run",     0755 },
    {"shm",    "/dev/shm", 01777},
    {"home",   WORLD_HOME, 0755 },
};

bool stage_is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool stage_is_of_unit(const char *path)
{
    bool found = path[0] != '/';
    for (size_t i = 0; !found && i < STAGE_FOLDERS; i++) {
        found = stage_is_below(path, stage_folders[i].target);
    }
    return found;
}

int stage_make_parent(const char *path, struct err *err)
{
    char parent[PATH_TEXT_MAX];
    int n = snprintf(parent, sizeof parent, "%s", path);
    if (n < 0 || (size_t)n >= sizeof parent) {
        return err_set(err, -ENAMETOOLONG, "path too long: %s", path);
    }
    char *slash = strrchr(parent, '/');
    assert(slash != NULL);
    *slash = '\0';
    return slash == parent ? 0 : dir_make(parent, 0755, err);
}

int stage_write(const char *path, const char *text)
{
    CLEANUP(cleanup_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}
