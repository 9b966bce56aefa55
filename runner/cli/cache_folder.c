/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cache_folder.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes our environment */
    const char *value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

static const char *home(void)
{
    const char *folder = variable("HOME");
    if (folder != NULL) {
        return folder;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    const struct passwd *user = getpwuid(geteuid());
    return user != NULL && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

int cache_folder(char *buf, size_t size, struct err *err)
{
    const struct {
        const char *base;
        const char *below;
    } places[] = {
        {variable("SLUICE_CACHE"),   ""              },
        {variable("XDG_CACHE_HOME"), "/sluice"       },
        {home(),                     "/.cache/sluice"},
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].base == NULL) {
            continue;
        }
        int n = snprintf(buf, size, "%s%s", places[i].base, places[i].below);
        return n > 0 && (size_t)n < size
                   ? 0
                   : err_set(err, -ENAMETOOLONG, "%s: the path is too long", places[i].base);
    }
    return err_set(err,
                   -ENOENT,
                   "no place for evidence is known: set SLUICE_CACHE to an absolute path, or HOME");
}
