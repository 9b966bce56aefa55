/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_reports.h"

#include "base/file.h"
#include "base/limits.h"
#include "cli/controls.h"
#include "cli/run_folder.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool terminal_is_able(int fd)
{
    const char *term = getenv("TERM"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

int run_reports_open_terminal(struct run_reports *reports,
                              const struct invocation *invocation,
                              const char *run_dir,
                              bool live,
                              struct err *err)
{
    const int rc = fanout_new(&reports->fanout, err);
    if (rc != 0) {
        return rc;
    }
    reports->live = live && !invocation->quiet && terminal_is_able(STDERR_FILENO);
    unsigned width = 0;
    unsigned height = 0;
    controls_size(STDERR_FILENO, &width, &height);
    const struct terminal_options options = {
        .fd = STDERR_FILENO,
        .color = say_in_color(invocation, STDERR_FILENO),
        .live = reports->live,
        .width = width,
        .height = height,
        .slowest = invocation->slowest,
        .verbosity = invocation->quiet     ? VERBOSITY_QUIET
                     : invocation->verbose ? VERBOSITY_VERBOSE
                                           : VERBOSITY_NORMAL,
        .run_dir = run_dir,
    };
    return terminal_new(&options, &reports->terminal, err);
}

/* Makes the folder a file is to lie in. */
static int make_parent(const char *file, struct err *err)
{
    char folder[PATH_TEXT_MAX];
    const char *base = path_basename(file);
    const int len = snprintf(folder, sizeof folder, "%.*s", (int)(base - file), file);
    if (len >= (int)sizeof folder) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", file);
    }
    return len == 0 ? 0 : dir_make(folder, 0777, err);
}

static int open_log(const char *file, struct event_log **ret_log, struct err *err)
{
    const int rc = make_parent(file, err);
    if (rc != 0) {
        return rc;
    }
    const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_errno(err, "cannot write the event log %s", file);
    }
    const int made = event_log_new(fd, true, ret_log, err);
    if (made != 0) {
        (void)close(fd);
    }
    return made;
}

int run_reports_open_facts(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct store *store,
                           struct err *err)
{
    char file[PATH_TEXT_MAX];
    if (snprintf(file, sizeof file, "%s/" RUN_EVENTS_FILE, run_dir) >= (int)sizeof file) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", run_dir);
    }
    int rc = open_log(file, &reports->log, err);
    if (rc == 0 && invocation->events != NULL) {
        rc = open_log(invocation->events, &reports->extra, err);
    }
    if (rc != 0) {
        return rc;
    }
    rc = fanout_new(&reports->facts, err);
    if (rc == 0) {
        rc = fanout_add(reports->facts, store != NULL ? store_sink(store) : NULL, err);
    }
    if (rc == 0) {
        rc = fanout_add(reports->facts, event_log_sink(reports->log), err);
    }
    if (rc == 0 && reports->extra != NULL) {
        rc = fanout_add(reports->facts, event_log_sink(reports->extra), err);
    }
    return rc;
}

static int open_junit(struct run_reports *reports,
                      const char *file,
                      const char *run_dir,
                      struct err *err)
{
    const struct junit_options options = {.file = file, .run_dir = run_dir};
    struct stat st;
    int rc = make_parent(file, err);
    if (rc == 0 && !text_ends_with(file, "/") && stat(file, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            rc = err_set(err,
                         -EISDIR,
                         "--junit %s is a folder; with a / behind it, it gets one file per layer",
                         file);
        } else if (S_ISREG(st.st_mode) && unlink(file) != 0) {
            rc = err_errno(err, "cannot replace %s", file);
        }
    }
    return rc == 0 ? junit_new(&options, &reports->junit, err) : rc;
}

int run_reports_open_views(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct err *err)
{
    int rc = summary_new(&reports->summary, err);
    if (rc == 0 && invocation->junit != NULL) {
        rc = open_junit(reports, invocation->junit, run_dir, err);
    }
    if (rc == 0 && reports->junit != NULL) {
        rc = fanout_add(reports->fanout, junit_sink(reports->junit), err);
    }
    if (rc == 0) {
        rc = fanout_add(reports->fanout, summary_sink(reports->summary), err);
    }
    if (rc == 0) {
        rc = fanout_add(reports->fanout, terminal_sink(reports->terminal), err);
    }
    return rc;
}

void run_reports_flush(struct run_reports *reports)
{
    if (reports->log != NULL) {
        (void)event_log_flush(reports->log, NULL);
    }
    if (reports->extra != NULL) {
        (void)event_log_flush(reports->extra, NULL);
    }
}

static int flush_log(struct event_log *log, const char *what, struct err *err)
{
    if (log == NULL || event_log_flush(log, err) == 0) {
        return 0;
    }
    return err_wrap(err, "%s is not complete", what);
}

int run_reports_recorded(struct run_reports *reports, struct err *err)
{
    const int rc = flush_log(reports->log, "the event log of this run", err);
    return rc != 0 ? rc : flush_log(reports->extra, "the event log asked for by --events", err);
}

/* Tells a failure behind the name of what failed; returns whether all is well. */
static bool check(int rc, struct err *err, const char *what, void (*tell)(const struct err *err))
{
    if (rc != 0) {
        (void)err_wrap(err, "%s", what);
        tell(err);
    }
    return rc == 0;
}

bool run_reports_finish(struct run_reports *reports, void (*tell)(const struct err *err))
{
    bool good = true;
    struct err err = {0};
    if (run_reports_recorded(reports, &err) != 0) {
        tell(&err);
        good = false;
    }
    if (reports->junit != NULL) {
        good &= check(junit_finish(reports->junit, &err),
                      &err,
                      "the JUnit report could not be written",
                      tell);
    }
    return good;
}

int run_reports_summary(const struct run_reports *reports, struct str *out)
{
    (void)summary_write(reports->summary, out);
    if (out->len > 0 && out->data[out->len - 1] != '\n') {
        (void)str_append_char(out, '\n');
    }
    return str_error(out);
}

void run_reports_close(struct run_reports *reports)
{
    terminal_free(reports->terminal);
    junit_free(reports->junit);
    summary_free(reports->summary);
    event_log_free(reports->extra);
    event_log_free(reports->log);
    fanout_free(reports->facts);
    fanout_free(reports->fanout);
    *reports = (struct run_reports){0};
}
