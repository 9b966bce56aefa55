/* SPDX-License-Identifier: Apache-2.0 */
/* `report KIND REPORT COMMAND...` runs a tool and then writes the report that the unit is judged
 * by. It adds nothing to what the tool says and never makes it better: without a report of the
 * tool's own there is none of ours, and sluice calls that an error. */
#include "plugins/unit/report.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit codes: of the verb itself, and those of a shell for a command it cannot start. */
#define EXIT_TROUBLE      1
#define EXIT_NOT_FOUND    127
#define EXIT_NOT_RUNNABLE 126

/* pytest: no test was collected. */
#define PYTEST_NO_TESTS 5

void report_add_case(struct str *report, const struct report_case *c)
{
    struct json_writer w;
    jw_begin(&w, report);
    jw_object(&w);
    jw_put_string(&w, "name", c->name);
    jw_put_string(&w, "classname", c->classname);
    jw_put_string(&w, "status", c->status);
    jw_put_string(&w, "file", c->file);
    if (c->line > 0) {
        jw_put_int(&w, "line", c->line);
    }
    if (c->seconds > 0) {
        jw_put_double(&w, "time", c->seconds);
    }
    jw_put_string(&w, "message", c->message);
    jw_put_string(&w, "details", c->details);
    jw_end_object(&w);
    (void)str_append_char(report, '\n');
}

int64_t report_find_line(const char *text, const char *path)
{
    size_t len = strlen(path);
    for (const char *at = text; len > 0 && (at = strstr(at, path)) != NULL; at += len) {
        if (at[len] == ':' && at[len + 1] >= '1' && at[len + 1] <= '9') {
            return strtoll(at + len + 1, NULL, 10);
        }
    }
    return 0;
}

const char *report_below_here(const char *path)
{
    static char here[PATH_TEXT_MAX];
    static const char url[] = "file://";
    if (path == NULL || getcwd(here, sizeof here) == NULL) {
        return NULL;
    }
    path += strncmp(path, url, sizeof url - 1) == 0 ? sizeof url - 1 : 0;
    size_t len = strlen(here);
    return strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* ---- kinds ---- */

/* pytest.exit() in a test ends the run, and the report has the tests until then and no word of the
 * others. With returncode=0 nothing else says so but a line like
 * "!!!!! _pytest.outcomes.Exit: why !!!!!". */
static bool ended_by_exit(const char *text)
{
    static const char words[] = " _pytest.outcomes.Exit: ";
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) {
        const char *start = at;
        while (start > text && start[-1] == '!') {
            start--;
        }
        if (start < at && (start == text || start[-1] == '\n')) {
            return true;
        }
    }
    return false;
}

/* A file without tests proves nothing, but is no error of pytest's either. */
static int finish_pytest(struct report_job *job, struct err *err)
{
    if (job->exit_code == 0 && job->signal == 0 && ended_by_exit(job->text)) {
        return err_set(
            err,
            -EBADMSG,
            "pytest.exit() ended the run with exit code 0 before all tests had run; what "
            "was left out is not known");
    }
    if (job->exit_code != PYTEST_NO_TESTS) {
        return 0;
    }
    job->exit_code = 0;
    return str_append(job->report,
                      "<testsuite><testcase name=\"(no test)\"><skipped message=\"pytest found no "
                      "test in it\"/></testcase></testsuite>\n");
}

static const struct report_kind {
    const char *name;
    bool reads_output; /* it is passed on as well */
    bool needs_all;    /* of the output: it is the report */
    int (*prepare)(struct report_job *job,
                   struct err *err); /* before the command; NULL = nothing */
    int (*finish)(struct report_job *job, struct err *err);
} kinds[] = {
    {"pytest",    true,  false, NULL,                finish_pytest        },
    {"jest",      false, false, NULL,                report_from_jest     },
    {"meson",     false, false, NULL,                report_from_meson    },
    {"libtest",   true,  true,  NULL,                report_from_libtest  },
    {"node",      false, false, report_prepare_node, report_from_node     },
    {"criterion", false, false, NULL,                report_from_criterion},
};

/* "KIND" or "KIND=ONLY". */
static const struct report_kind *find_kind(const char *word, const char **ret_only)
{
    size_t len = strcspn(word, "=");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(word, kinds[i].name, len) == 0 && kinds[i].name[len] == '\0') {
            *ret_only = word[len] == '=' ? word + len + 1 : NULL;
            return &kinds[i];
        }
    }
    return NULL;
}

static int prepare(const struct report_kind *kind, struct report_job *job)
{
    struct err err = {0};
    if (kind->prepare == NULL || kind->prepare(job, &err) == 0) {
        return 0;
    }
    (void)fprintf(stderr, "%s\n", err.text);
    return EXIT_NOT_RUNNABLE;
}

/* ---- running ---- */

/* Starts the command, with standard output into a pipe where it is read. */
static int start(char **argv, bool reads_output, pid_t *ret_pid, int *ret_fd)
{
    int ends[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    if (reads_output && pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = reads_output ? posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) : 0;
        rc = rc == 0 ? posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ) : rc;
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    if (reads_output) {
        (void)close(ends[1]);
    }
    if (rc != 0 && reads_output) {
        (void)close(ends[0]);
    }
    *ret_fd = rc == 0 ? ends[0] : -1;
    return rc;
}

/* Passes on and keeps what can be read now, as text: a NUL would end it. False at its end. */
static bool drain_some(int fd, struct str *text)
{
    char buf[16 << 10];
    ssize_t n = read(fd, buf, sizeof buf);
    if (n > 0) {
        (void)fd_write_all(STDOUT_FILENO, buf, (size_t)n);
        for (char *nul = buf; (nul = memchr(nul, '\0', (size_t)(buf + n - nul))) != NULL;) {
            *nul = '?';
        }
        (void)str_append_n(text, buf, (size_t)n);
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Passes output on while it comes, and keeps it: to its end, or until the command has ended and
 * nothing is left to read. A process that it leaves behind may hold the other end for hours. */
static void drain(int fd, pid_t pid, struct str *text)
{
    int ended = (int)syscall(SYS_pidfd_open, pid, 0); /* without it: to the end of the output */
    struct pollfd polled[2] = {
        {.fd = fd,    .events = POLLIN},
        {.fd = ended, .events = POLLIN}
    };
    for (bool more = true; more;) {
        int n = poll(polled, 2, -1);
        if (n < 0) {
            more = errno == EINTR;
        } else if (polled[0].revents != 0) {
            more = drain_some(fd, text);
        } else {
            more = polled[1].revents == 0;
        }
    }
    if (ended >= 0) {
        (void)close(ended);
    }
}

/* Runs the command to its end. 0, or the exit code of one that cannot be started. */
static int run(char **argv,
               const struct report_kind *kind,
               struct report_job *job,
               struct str *text)
{
    pid_t pid = 0;
    int fd = -1;
    int ended = 0;
    int rc = start(argv, kind->reads_output, &pid, &fd);
    if (rc != 0) {
        struct err err = {0};
        errno = rc;
        (void)err_errno(&err, "cannot start %s", argv[0]);
        (void)fprintf(stderr, "%s\n", err.text);
        return rc == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
    }
    if (fd >= 0) {
        drain(fd, pid, text);
        (void)close(fd);
    }
    while (waitpid(pid, &ended, 0) < 0) {
        if (errno != EINTR) {
            (void)fprintf(stderr, "cannot wait for %s\n", argv[0]);
            return EXIT_TROUBLE;
        }
    }
    job->signal = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
    job->exit_code = WIFEXITED(ended) ? WEXITSTATUS(ended) : EXIT_TROUBLE;
    return 0;
}

/* Ends by the signal that ended the command, so that sluice tells it as one. */
static int end_as(const struct report_job *job, int code)
{
    if (job->signal != 0) {
        (void)signal(job->signal, SIG_DFL);
        (void)raise(job->signal);
    }
    return code;
}

/* Fills and writes the report. */
static int finish(const struct report_kind *kind,
                  struct report_job *job,
                  const char *path,
                  struct str *text)
{
    static char nothing[] = "";
    struct str *report = job->report;
    struct err err = {0};
    job->text = text->data != NULL ? text->data : nothing;
    int status = text->error != 0 && kind->needs_all
                     ? err_set(&err, text->error, "too much output to be read")
                     : kind->finish(job, &err);
    if (status == 0 && str_error(report) != 0) {
        status = err_set(&err, str_error(report), "the report is too large, or out of memory");
    }
    if (status == 0 && report->len > 0) {
        status = file_write_atomic(path, str_text(report), report->len, &err);
    }
    if (status != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return job->exit_code != 0 ? job->exit_code : EXIT_TROUBLE;
    }
    return job->exit_code;
}

int unit_run_report(int argc, char **argv)
{
    const char *only = NULL;
    const struct report_kind *kind = argc >= 4 ? find_kind(argv[1], &only) : NULL;
    if (kind == NULL) {
        (void)fprintf(stderr, "usage: report KIND REPORT COMMAND...\n");
        return 2;
    }
    const char *unit = getenv("SLUICE_UNIT"); // NOLINT(concurrency-mt-unsafe): one thread
    char raw[PATH_TEXT_MAX];
    (void)snprintf(raw, sizeof raw, "%s.raw", argv[2]);
    CLEANUP(str_fini) struct str text = STR_INIT(REPORT_TEXT_MAX);
    CLEANUP(str_fini) struct str report = STR_INIT(REPORT_TEXT_MAX);
    struct report_job job = {.name = unit != NULL ? unit : argv[3],
                             .path = argv[2],
                             .raw = raw,
                             .only = only,
                             .report = &report};
    int code = unit_remove_report(argv[2]);
    code = code == 0 ? unit_remove_report(raw) : code;
    code = code == 0 ? prepare(kind, &job) : code;
    code = code == 0 ? run(argv + 3, kind, &job, &text) : code;
    code = code == 0 ? finish(kind, &job, argv[2], &text) : code;
    (void)unlink(raw);
    return end_as(&job, code);
}
