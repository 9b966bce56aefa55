/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/proc_path.h"

#include "base/limits.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Files of /proc that are facts with a name of their own. All others are "proc:NAME". */
static const struct {
    const char *file;
    const char *fact;
} facts[] = {
    {"cpuinfo", "cpuinfo"},
    {"stat",    "ncpu"   },
    {"meminfo", "memory" },
};

/* Walked so far, below /proc: "self/fd/3". */
struct spot {
    char text[PATH_TEXT_MAX];
    size_t len;
};

static bool is_number(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (isdigit((unsigned char)text[i]) == 0) {
            return false;
        }
    }
    return len > 0;
}

static bool is_process(const char *text, size_t len)
{
    return (len == 4 && memcmp(text, "self", 4) == 0)
           || (len == 11 && memcmp(text, "thread-self", 11) == 0) || is_number(text, len);
}

/* "fd/3", "cwd", "task/7/exe" below a process's folder. */
static bool is_magic(const char *text)
{
    static const char *const names[] = {"cwd", "root", "exe"};
    if (strncmp(text, "task/", 5) == 0) {
        const size_t len = strcspn(text + 5, "/");
        if (!is_number(text + 5, len) || text[5 + len] == '\0') {
            return false;
        }
        text += 5 + len + 1;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return (strncmp(text, "fd/", 3) == 0 && is_number(text + 3, strlen(text + 3)))
           || (strncmp(text, "map_files/", 10) == 0 && strchr(text + 10, '/') == NULL);
}

/* Where a link of a process leads. "self" is the caller, by our number; the others, and all tasks,
 * go by the unit's own numbers, in its own /proc, which has each task as a process, too. Length; 0
 * or negative when there is none. */
static int read_magic(const struct proc_question *question,
                      const char *spot,
                      char *buf,
                      size_t size)
{
    const size_t who = strcspn(spot, "/");
    const char *what = spot + who + 1;
    const bool of_task = strncmp(what, "task/", 5) == 0;
    if (!of_task && !is_number(spot, who)) {
        return caller_link(question->caller, what, buf, size);
    }
    char path[PATH_TEXT_MAX + 8];
    (void)snprintf(path, sizeof path, "proc/%s", of_task ? what + 5 : spot);
    const ssize_t n = readlinkat(question->root, path, buf, size - 1);
    if (n <= 0) {
        return n < 0 ? -errno : 0;
    }
    buf[n] = '\0';
    return (int)link_strip_deleted(question->root, path, ".", buf, (size_t)n);
}

static bool spot_add(struct spot *spot, const char *name, size_t len)
{
    if (spot->len + len + 2 > sizeof spot->text) {
        return false;
    }
    if (spot->len > 0) {
        spot->text[spot->len++] = '/';
    }
    memcpy(spot->text + spot->len, name, len);
    spot->len += len;
    spot->text[spot->len] = '\0';
    return true;
}

static void spot_up(struct spot *spot)
{
    while (spot->len > 0 && spot->text[spot->len - 1] != '/') {
        spot->len--;
    }
    spot->len -= spot->len > 0;
    spot->text[spot->len] = '\0';
}

static void note_fact(struct recorder *recorder, const struct spot *spot)
{
    char name[PATH_TEXT_MAX + 8];
    static const char *const of_processes[] = {"mounts", "net"};
    const size_t first = strcspn(spot->text, "/");
    if (spot->len == 0) {
        return;
    }
    if (is_process(spot->text, first)) {
        /* Cpus_allowed stands in there. */
        if (text_ends_with(spot->text, "/status")) {
            recorder_fact(recorder, "ncpu");
        }
        return;
    }
    for (size_t i = 0; i < sizeof of_processes / sizeof *of_processes; i++) {
        if (first == strlen(of_processes[i]) && memcmp(spot->text, of_processes[i], first) == 0) {
            return;
        }
    }
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (strcmp(spot->text, facts[i].file) == 0) {
            recorder_fact(recorder, facts[i].fact);
            return;
        }
    }
    (void)snprintf(name, sizeof name, "proc:%s", spot->text);
    recorder_fact(recorder, name);
}

/* One component of the walk, "." and ".." included. False when the path is too long to be one. */
static bool advance(struct spot *spot, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.')) {
        return true;
    }
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        spot_up(spot);
        return true;
    }
    return spot_add(spot, name, len);
}

/* True when the spot is a link that leads back to a file or folder, and the kernel follows it. */
static bool is_followed(const struct spot *spot, const char *rest, bool follow)
{
    const size_t who = strcspn(spot->text, "/");
    return spot->text[who] == '/' && (*rest == '/' || follow) && is_process(spot->text, who)
           && is_magic(spot->text + who + 1);
}

/* Takes the next component of the walk. 1 = the spot moved, 0 = there is none, negative: it is too
 * long, or (-EXDEV) leads out of /proc. */
static int take_component(struct spot *spot, const char **at)
{
    const char *name = *at + strspn(*at, "/");
    const size_t len = strcspn(name, "/");
    *at = name + len;
    if (len == 0) {
        return 0;
    }
    if (len == 2 && spot->len == 0 && name[0] == '.' && name[1] == '.') {
        return -EXDEV;
    }
    return advance(spot, name, len) ? 1 : -ENAMETOOLONG;
}

int proc_path(struct recorder *recorder,
              const struct proc_question *question,
              char *buf,
              size_t size,
              size_t *ret_used)
{
    struct spot spot = {.len = 0};
    const char *at = question->rest;
    const char *base = question->base + (question->base[0] == '/');
    int rc = base[0] == '\0' || spot_add(&spot, base, strlen(base)) ? 1 : -ENAMETOOLONG;
    while (rc > 0 && !is_followed(&spot, at, question->follow)) {
        rc = take_component(&spot, &at);
    }
    *ret_used = (size_t)(at - question->rest);
    if (rc > 0) {
        const int n = read_magic(question, spot.text, buf, size);
        if (n < 0 && n != -ENOENT && n != -ESRCH && n != -EINVAL) {
            recorder_flag(recorder,
                          TRACE_INCOMPLETE,
                          "cannot tell where /proc/%.64s leads: %s",
                          spot.text,
                          strerrordesc_np(-n));
        }
        return n > 0 && buf[0] == '/' ? n : 0;
    }
    if (rc == 0) {
        note_fact(recorder, &spot);
    }
    buf[0] = '/';
    return rc == -EXDEV;
}
