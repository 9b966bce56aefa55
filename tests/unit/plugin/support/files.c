/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plugin/support/files.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "support/test.h"

const char *write_bytes(const char *name, const void *bytes, size_t len)
{
    static char paths[8][512];
    static size_t next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", test_folder(), name);
    struct err err = {0};
    if (file_write_atomic(path, bytes, len, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return path;
}

const char *write_file(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

const char *write_program(const char *name, const char *script)
{
    const char *path = write_file(name, script);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}
