/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/limits.h"
#include "plugins/mutation/build.h"
#include "plugins/mutation/copy_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int build_copy(const char *origin, const char *tree, struct err *err)
{
    int rc = tree_remove(AT_FDCWD, tree, err);
    rc = rc < 0 ? rc : dir_make(tree, 0777, err);
    return rc < 0 ? rc : copy_files(origin, tree, COPY_FILES_LEAVE_CONFIGURED, err);
}

int build_write(const char *tree, const char *path, const void *text, size_t size, struct err *err)
{
    char whole[PATH_TEXT_MAX];
    struct stat st;
    int length = snprintf(whole, sizeof(whole), "%s/%s", tree, path);
    if (length < 0 || (size_t)length >= sizeof(whole)) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    bool was_there = stat(whole, &st) == 0;
    int rc = file_write_atomic(whole, text, size, err);
    if (rc == 0 && was_there && chmod(whole, st.st_mode & 0777) != 0) {
        return err_errno(err, "%s: cannot keep its mode", path);
    }
    return rc;
}
