/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "base/file.h"
#include "exec/namespace.h"
#include "exec/slot.h"
#include "model/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

/* ---- this binary as slot program ---- */

/* Tells what the reader's process holds, as a case. */
static int inspect(int (*each)(void *, const struct test_case *), void *context)
{
    char name[64];
    int count = 0;
    for (int fd = 5; fd < 1024; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    (void)snprintf(name, sizeof name, "%d-descriptors-too-many", count);
    const struct test_case test_case = {.name = name, .status = OUTCOME_PASSED, .time_s = -1};
    return each(context, &test_case);
}

static int read_line(char *line,
                     int (*each)(void *, const struct test_case *),
                     void *context,
                     struct err *err)
{
    static const struct {
        const char *word;
        enum outcome_status status;
    } words[] = {
        {"pass ", OUTCOME_PASSED },
        {"fail ", OUTCOME_FAILED },
        {"skip ", OUTCOME_SKIPPED}
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(line, words[i].word, 5) == 0) {
            const struct test_case test_case = {
                .name = line + 5, .status = words[i].status, .time_s = -1};
            return each(context, &test_case);
        }
    }
    if (strcmp(line, "crash") == 0) {
        abort();
    }
    if (strcmp(line, "inspect") == 0) {
        return inspect(each, context);
    }
    return line[0] == '\0' ? 0 : err_set(err, -EBADMSG, "line \"%s\"", line);
}

static int fake_reader(enum report_format format,
                       int fd,
                       int (*each)(void *, const struct test_case *),
                       void *context,
                       struct err *err)
{
    char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    int rc = 0;
    char *rest = NULL;
    (void)format;
    text[n > 0 ? n : 0] = '\0';
    for (char *line = strtok_r(text, "\n", &rest); rc == 0 && line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        rc = read_line(line, each, context, err);
    }
    return rc;
}

/* The reader of one format misses something on this machine. */
static int fake_prepare(enum report_format format, struct err *err)
{
    return format == REPORT_CMOCKA ? err_set(err, -ENOPKG, "install a reader") : 0;
}

__attribute__((constructor)) static void be_slot(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "slot") == 0) {
        if (getenv("SLUICE_TEST_PLAIN_TMPFS") != NULL) {
            world_pretend_plain_tmpfs();
        }
        static const struct slot_reports reports = {.prepare = fake_prepare, .read = fake_reader};
        _exit(slot_main((int)strtol(argv[2], NULL, 10), &reports));
    }
}

/* ---- the engine ---- */

static const struct engine *left_open; /* NULL: every engine was closed */

/* Children of a process, as numbers in `text`; NULL = cannot be told. */
static char *children_of(pid_t pid, char *text, int size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    char *got = file != NULL ? fgets(text, size, file) : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    return got;
}

pid_t engine_child_of(pid_t pid, const char *name)
{
    char text[4096];
    char *at = children_of(pid, text, sizeof text);
    for (pid_t child = at != NULL ? (pid_t)strtol(at, &at, 10) : 0; child > 0;
         child = (pid_t)strtol(at, &at, 10)) {
        char path[64];
        char comm[64] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
        FILE *file = fopen(path, "r");
        const bool read = file != NULL && fgets(comm, sizeof comm, file) != NULL;
        if (file != NULL) {
            (void)fclose(file);
        }
        if (read && strncmp(comm, name, strlen(name)) == 0) {
            return child;
        }
    }
    return 0;
}

/* A test that failed left its engine and slot behind: whoever looks for this test's slot would find
 * that one, and wait for ever. */
static void end_leftovers(void)
{
    char text[4096];
    char *at = children_of(getpid(), text, sizeof text);
    for (pid_t child = at != NULL ? (pid_t)strtol(at, &at, 10) : 0; child > 0;
         child = (pid_t)strtol(at, &at, 10)) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
}

void engine_open(struct engine *engine, bool isolated)
{
    struct err err = {0};
    if (left_open != NULL) {
        end_leftovers();
    }
    left_open = engine;
    memset(engine, 0, sizeof *engine);
    (void)snprintf(engine->run_dir, sizeof engine->run_dir, "%s/run", test_folder());
    (void)snprintf(engine->root, sizeof engine->root, "%s/tree", test_folder());
    (void)snprintf(engine->lower, sizeof engine->lower, "%s/lower", test_folder());
    assert_int_equal(dir_make(engine->run_dir, 0755, &err), 0);
    assert_int_equal(dir_make(engine->root, 0755, &err), 0);
    assert_int_equal(dir_make(engine->lower, 0755, &err), 0);
    assert_int_equal(uv_loop_init(&engine->loop), 0);
    engine->world =
        (struct world){.root = engine->root, .isolated = isolated, .lower = engine->lower};
    const struct exec_local_options options = {
        .loop = &engine->loop, .jobs = 1, .run_dir = engine->run_dir};
    assert_int_equal(exec_local_new(&options, &engine->exec, &err), 0);
}

void engine_close(struct engine *engine)
{
    exec_free(engine->exec);
    (void)uv_run(&engine->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&engine->loop), 0);
    left_open = NULL;
}

void need_isolation(void)
{
    static struct exec_probe probe;
    static bool probed;
    if (!probed) {
        exec_probe(&probe);
        probed = true;
    }
    if (!probe.isolated) {
        print_message("skipped: %s\n", probe.reason);
        skip();
    }
}

struct waiting {
    struct engine *engine;
    struct result *result;
    bool done;
};

static void read_capture(const struct engine *engine,
                         const struct capture *capture,
                         char *buf,
                         size_t size)
{
    char path[400];
    buf[0] = '\0';
    if (capture->len == 0) {
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s", engine->run_dir, capture->file);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n =
        pread(fd, buf, capture->len < size - 1 ? capture->len : size - 1, (off_t)capture->offset);
    buf[n > 0 ? n : 0] = '\0';
    (void)close(fd);
}

static void copy_trace(const struct trace *trace, struct result *result)
{
    size_t len = 1;
    (void)snprintf(result->trace, sizeof result->trace, "\n");
    result->observed = trace != NULL;
    for (size_t i = 0; trace != NULL && i < trace->count; i++) {
        const int n = snprintf(result->trace + len,
                               sizeof result->trace - len,
                               "%c %s\n",
                               (char)trace->items[i].kind,
                               trace->items[i].path);
        assert_true(n > 0 && (size_t)n < sizeof result->trace - len);
        len += (size_t)n;
    }
    if (trace != NULL) {
        result->trace_flags = trace->flags;
        result->trace_calls = trace->calls;
        (void)snprintf(result->trace_why,
                       sizeof result->trace_why,
                       "%s",
                       trace->why != NULL ? trace->why : "");
    }
}

void observe_it(struct exec_request *request)
{
    request->observe = true;
}

static void on_done(void *context, const struct outcome *outcome)
{
    struct waiting *waiting = context;
    struct result *result = waiting->result;
    memset(result, 0, sizeof *result);
    result->outcome = *outcome;
    (void)snprintf(result->message,
                   sizeof result->message,
                   "%s",
                   outcome->message != NULL ? outcome->message : "");
    (void)snprintf(
        result->hint, sizeof result->hint, "%s", outcome->hint != NULL ? outcome->hint : "");
    read_capture(waiting->engine, &outcome->out, result->out, sizeof result->out);
    read_capture(waiting->engine, &outcome->err, result->err, sizeof result->err);
    for (size_t i = 0; i < outcome->cases.count; i++) {
        size_t len = strlen(result->cases);
        (void)snprintf(result->cases + len,
                       sizeof result->cases - len,
                       "%s%s:%s",
                       i > 0 ? " " : "",
                       outcome->cases.items[i].name,
                       outcome_status_name(outcome->cases.items[i].status));
    }
    copy_trace(outcome->trace, result);
    waiting->done = true;
    uv_stop(&waiting->engine->loop);
}

void engine_run(struct engine *engine,
                const char *const *argv,
                void (*change)(struct exec_request *),
                struct result *result)
{
    static const char *const env[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" WORLD_HOME, NULL};
    struct waiting waiting = {.engine = engine, .result = result};
    struct exec_request request = {.world = &engine->world,
                                   .argv = argv,
                                   .env = env,
                                   .cwd = ".",
                                   .timeout_ms = 30000,
                                   .done = on_done,
                                   .context = &waiting};
    struct err err = {0};
    if (change != NULL) {
        change(&request);
    }
    int rc = exec_start(engine->exec, 0, &request, &err);
    if (rc < 0) {
        fail_msg("exec_start: %s", err.text);
    }
    while (!waiting.done) {
        (void)uv_run(&engine->loop, UV_RUN_DEFAULT);
    }
}

void engine_shell(struct engine *engine,
                  const char *script,
                  void (*change)(struct exec_request *),
                  struct result *result)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    engine_run(engine, argv, change, result);
}

struct stopping {
    uv_timer_t timer;
    struct engine *engine;
    bool now;
};

static void free_stopping(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_stop(uv_timer_t *timer)
{
    struct stopping *stopping = timer->data;
    exec_stop(stopping->engine->exec, 0, stopping->now);
    uv_close((uv_handle_t *)timer, free_stopping);
}

void engine_stop_after(struct engine *engine, unsigned ms, bool now)
{
    struct stopping *stopping = calloc(1, sizeof *stopping);
    assert_non_null(stopping);
    stopping->engine = engine;
    stopping->now = now;
    (void)uv_timer_init(&engine->loop, &stopping->timer);
    stopping->timer.data = stopping;
    (void)uv_timer_start(&stopping->timer, on_stop, ms, 0);
}

void put_file(const char *folder, const char *path, const char *text)
{
    char full[600];
    struct err err = {0};
    (void)snprintf(full, sizeof full, "%s/%s", folder, path);
    if (file_write_atomic(full, text, strlen(text), &err) < 0) {
        fail_msg("%s", err.text);
    }
}

bool has_file(const char *folder, const char *path)
{
    char full[600];
    (void)snprintf(full, sizeof full, "%s/%s", folder, path);
    return file_exists(full);
}

int count_processes(const char *mark)
{
    DIR *proc = opendir("/proc");
    int count = 0;
    assert_non_null(proc);
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char path[300];
        char text[4096];
        (void)snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            continue;
        }
        ssize_t n = read(fd, text, sizeof text);
        (void)close(fd);
        count += n > 0 && memmem(text, (size_t)n, mark, strlen(mark)) != NULL;
    }
    (void)closedir(proc);
    return count;
}
