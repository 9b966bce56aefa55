/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel as witness: fanotify tells every file that was opened on the unit's mounts, by
 * whatever way. Each of them must stand in the trace. Needs root; knows nothing of absences and
 * looks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static struct engine engine;
static struct result result;

#define OPENED_MAX 20000

struct witness {
    uv_timer_t timer;
    int fan;
    pid_t init;
    bool marked;
    char *opened[OPENED_MAX]; /* paths of regular files, in the unit's view */
    int count;
};

static bool mark(int fan, pid_t init, const char *folder)
{
    char path[100];
    (void)snprintf(path, sizeof path, "/proc/%d/root%s", (int)init, folder);
    return fanotify_mark(
               fan, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_OPEN_EXEC, AT_FDCWD, path)
           == 0;
}

/* Paths are only whole while the unit's mounts are there. */
static void keep_event(struct witness *witness, const struct fanotify_event_metadata *event)
{
    char magic[64];
    char opened[4096];
    struct stat st;
    assert_true((event->mask & FAN_Q_OVERFLOW) == 0);
    (void)snprintf(magic, sizeof magic, "/proc/self/fd/%d", event->fd);
    const ssize_t n = readlink(magic, opened, sizeof opened - 1);
    assert_true(n > 0);
    opened[n] = '\0';
    const bool regular = fstat(event->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 0;
    (void)close(event->fd);
    if (regular
        && (witness->count == 0 || strcmp(witness->opened[witness->count - 1], opened) != 0)) {
        assert_true(witness->count < OPENED_MAX);
        witness->opened[witness->count++] = strdup(opened);
    }
}

static void keep_events(struct witness *witness)
{
    static char buffer[65536];
    for (;;) {
        const ssize_t n = read(witness->fan, buffer, sizeof buffer);
        if (n <= 0) {
            return;
        }
        size_t at = 0;
        while ((size_t)n - at >= sizeof(struct fanotify_event_metadata)) {
            struct fanotify_event_metadata event;
            memcpy(&event, buffer + at, sizeof event);
            assert_true(event.event_len >= sizeof event);
            keep_event(witness, &event);
            at += event.event_len;
        }
    }
}

static const char *in_tmp(const struct witness *witness, const char *name)
{
    static char path[100];
    (void)snprintf(path, sizeof path, "/proc/%d/root/tmp/%s", (int)witness->init, name);
    return path;
}

static void tell(const struct witness *witness, const char *name)
{
    const int fd = open(in_tmp(witness, name), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    (void)close(fd);
}

/* The unit waits for /tmp/go until its mounts are watched, and from /tmp/end on for /tmp/seen. */
static void watch_unit(uv_timer_t *timer)
{
    struct witness *witness = timer->data;
    if (!witness->marked) {
        const pid_t slot = engine_child_of(getpid(), "sluice-slot");
        witness->init = slot > 0 ? engine_child_of(slot, "sluice-init") : 0;
        if (witness->init == 0 || engine_child_of(witness->init, "sh") == 0) {
            return;
        }
        witness->marked = mark(witness->fan, witness->init, "/src")
                          && mark(witness->fan, witness->init, "/usr")
                          && mark(witness->fan, witness->init, "/etc");
        tell(witness, "go");
        return;
    }
    const bool ended = access(in_tmp(witness, "end"), F_OK) == 0;
    keep_events(witness);
    if (ended) {
        tell(witness, "seen");
        uv_close((uv_handle_t *)timer, NULL);
    }
}

/* Is there a line "K path", or one of an own folder above it ("X")? */
static bool is_covered(const char *path)
{
    char line[5000];
    (void)snprintf(line, sizeof line, "\nC %s\n", path);
    if (strstr(result.trace, line) != NULL) {
        return true;
    }
    size_t len = strlen(path);
    while (strncmp(path, "/src/", 5) == 0 && len > 5) {
        (void)snprintf(line, sizeof line, "\nX %.*s\n", (int)len, path);
        char own[5000];
        (void)snprintf(own, sizeof own, "%s/%.*s", engine.lower, (int)len - 5, path + 5);
        if (strstr(result.trace, line) != NULL && access(own, F_OK) < 0) {
            return true;
        }
        while (len > 0 && path[len - 1] != '/') {
            len--;
        }
        len--;
    }
    return false;
}

static void assert_nothing_missed(const char *script, int at_least)
{
    static struct witness witness;
    char whole[4000];
    need_isolation();
    witness = (struct witness){
        .fan = fanotify_init(FAN_NONBLOCK | FAN_CLOEXEC | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
                             O_RDONLY | O_CLOEXEC)};
    if (witness.fan < 0) {
        print_message("skipped: fanotify_init: %s (needs root)\n", strerror(errno));
        skip();
    }
    engine_open(&engine, true);
    put_file(engine.lower, "a.c", "#include <stdio.h>\nint main(void){return puts(\"x\") < 0;}\n");
    put_file(engine.lower, "mod.py", "import json\nprint(json.dumps([1]))\n");
    put_file(engine.lower, "mod.js", "require('fs').readFileSync('a.c');\n");
    (void)uv_timer_init(&engine.loop, &witness.timer);
    witness.timer.data = &witness;
    (void)uv_timer_start(&witness.timer, watch_unit, 50, 20);
    (void)snprintf(whole,
                   sizeof whole,
                   "wait_for() { n=0; while [ ! -e /tmp/$1 ]; do sleep 0.02; n=$((n + 1)); "
                   "[ $n -lt 3000 ] || { echo \"no $1 in a minute\" >&2; exit 99; }; done; }; "
                   "wait_for go; %s; code=$?; >/tmp/end; wait_for seen; exit $code",
                   script);
    engine_shell(&engine, whole, observe_it, &result);
    (void)close(witness.fan);
    engine_close(&engine);
    if (result.outcome.status != OUTCOME_PASSED) {
        fail_msg("%s%s", result.message, result.err);
    }
    assert_true(witness.marked);
    assert_true(result.observed);
    assert_int_equal(result.trace_flags, 0);
    assert_true(witness.count >= at_least); /* the witness was there */
    const char *missed = NULL;
    for (int i = 0; i < witness.count; i++) {
        missed = missed == NULL && !is_covered(witness.opened[i]) ? witness.opened[i] : missed;
    }
    if (missed != NULL) {
        fail_msg("opened, but not in the trace: %s", missed);
    }
    for (int i = 0; i < witness.count; i++) {
        free(witness.opened[i]);
    }
}

TEST(a_shell_opens_nothing_unseen)
{
    assert_nothing_missed(
        "cat a.c | sed s/x/y/ | grep -c x >/tmp/log; "
        "mkdir out && cp -r /usr/include/asm-generic out/ && sort a.c >out/s && find . -type f | xargs cat >/dev/null",
        20);
}

TEST(a_compiler_opens_nothing_unseen)
{
    if (access("/usr/bin/cc", X_OK) < 0) {
        print_message("skipped: no /usr/bin/cc\n");
        skip();
    }
    assert_nothing_missed("cc -O1 -g a.c -o prog && ./prog", 50);
}

TEST(python_opens_nothing_unseen)
{
    if (access("/usr/bin/python3", X_OK) < 0) {
        print_message("skipped: no /usr/bin/python3\n");
        skip();
    }
    assert_nothing_missed("/usr/bin/python3 mod.py && /usr/bin/python3 -m compileall -q . && "
                          "/usr/bin/python3 -c 'import mod, unittest, ssl'",
                          50);
}

TEST(node_opens_nothing_unseen)
{
    if (access("/usr/bin/node", X_OK) < 0) {
        print_message("skipped: no /usr/bin/node\n");
        skip();
    }
    assert_nothing_missed("node mod.js", 5);
}
