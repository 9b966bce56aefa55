/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/children.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is seen of the list at once: some 600 children; the others are met in the next round. */
#define LIST_MAX 4096

/* Children that were just killed need a moment. */
#define ROUND_MS 1

static bool is_kept(pid_t pid, const struct children_kept *kept)
{
    for (size_t i = 0; kept != NULL && i < kept->count; i++) {
        if (kept->pids[i] == pid) {
            return true;
        }
    }
    return kept != NULL && kept->own_session && getsid(pid) == getsid(0);
}

size_t children_kill(const struct children_kept *kept)
{
    char list[LIST_MAX];
    size_t count = 0;
    CLEANUP(cleanup_fd) int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, list, sizeof list - 1) : 0;
    list[n > 0 ? n : 0] = '\0';
    for (char *at = list;;) {
        char *end = at;
        long pid = strtol(at, &end, 10);
        if (end == at || *end == '\0') { /* the last number may be cut off */
            return count;
        }
        if (!is_kept((pid_t)pid, kept)) {
            (void)kill((pid_t)pid, SIGKILL);
            (void)waitpid((pid_t)pid, NULL, WNOHANG);
            count++;
        }
        at = end;
    }
}

size_t children_end(const struct children_kept *kept)
{
    const size_t first = children_kill(kept);
    size_t left = first;
    for (int round = 0; left > 0 && round < CHILDREN_ROUNDS_MAX; round++) {
        (void)poll(NULL, 0, ROUND_MS);
        left = children_kill(kept);
    }
    return first;
}
