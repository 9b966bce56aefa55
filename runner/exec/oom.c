/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/oom.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* /proc/vmstat has 190 lines and 5 KiB in Linux 6.18. */
#define TEXT_MAX 16384

#define OOM_KEY "\noom_kill "

static bool look(struct oom_watch *watch, uint64_t *ret_kills)
{
    char text[TEXT_MAX];
    const ssize_t n = watch->fd >= 0 ? pread(watch->fd, text, sizeof text - 1, 0) : -1;
    if (n <= 0) {
        return false;
    }
    text[n] = '\0';
    const char *at = strstr(text, OOM_KEY);
    if (at == NULL) {
        return false;
    }
    watch->at_ns = clock_mono_ns();
    *ret_kills = strtoull(at + sizeof OOM_KEY - 1, NULL, 10);
    return true;
}

void oom_watch_open(struct oom_watch *watch, const char *path)
{
    *watch = (struct oom_watch){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (!look(watch, &watch->kills)) {
        oom_watch_close(watch);
    }
}

void oom_watch_close(struct oom_watch *watch)
{
    cleanup_fd(&watch->fd);
    watch->fd = -1;
}

void oom_watch_begin(struct oom_watch *watch)
{
    if (watch->fd >= 0 && clock_mono_ns() - watch->at_ns > (int64_t)OOM_LOOK_MS * 1000000) {
        (void)look(watch, &watch->kills);
    }
}

bool oom_watch_rose(struct oom_watch *watch)
{
    uint64_t kills = 0;
    if (!look(watch, &kills)) {
        return false;
    }
    const bool rose = kills > watch->kills;
    watch->kills = kills;
    return rose;
}
