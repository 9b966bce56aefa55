/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_reports.h"

#include "base/file.h"
#include "base/limits.h"
#include "cli/commands.h"
#include "cli/controls.h"
#include "cli/run_folder.h"
#include "cli/say.h"

#include <assert.h>
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
        .failure_output = (enum failure_output)invocation->failure_output,
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

int run_reports_open_events(struct run_reports *reports,
                            const struct invocation *invocation,
                            struct err *err)
{
    if (invocation->events == NULL) {
        return 0;
    }
    const int rc = open_log(invocation->events, &reports->extra, err);
    return rc == 0 ? fanout_add(reports->fanout, event_log_sink(reports->extra), err) : rc;
}

static const struct report_kind *kind_of(const char *text)
{
    const struct report_kind *kind = NULL;
    const char *ignored = NULL;
    const int rc = report_parse(text, &kind, &ignored, NULL);
    assert(rc == 0);
    (void)rc;
    return kind;
}

/* --junit FILE is --report junit=FILE. */
static size_t list_wanted(const struct invocation *invocation, struct report_choice *ret_choices)
{
    size_t count = 0;
    if (invocation->junit != NULL) {
        ret_choices[count++] =
            (struct report_choice){.kind = kind_of("junit=-"), .path = invocation->junit};
    }
    for (size_t i = 0; i < invocation->reports.count; i++) {
        ret_choices[count++] = invocation->reports.items[i];
    }
    return count;
}

void run_reports_forget(const struct invocation *invocation)
{
    struct report_choice wanted[REPORTS_MAX + 1];
    const size_t count = list_wanted(invocation, wanted);
    for (size_t i = 0; i < count; i++) {
        report_forget(wanted[i].kind, wanted[i].path);
    }
}

static bool is_file(const char *path, const struct stat *file)
{
    struct stat st;
    return path != NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == file->st_ino
           && st.st_dev == file->st_dev;
}

int run_reports_refuse(const struct invocation *invocation,
                       const char *file,
                       const char *what,
                       struct err *err)
{
    struct report_choice wanted[REPORTS_MAX + 1];
    struct stat st;
    if (stat(file, &st) != 0) {
        return 0;
    }
    const char *clash = is_file(invocation->events, &st) ? invocation->events : NULL;
    const size_t count = list_wanted(invocation, wanted);
    for (size_t i = 0; i < count; i++) {
        clash = is_file(wanted[i].path, &st) ? wanted[i].path : clash;
    }
    return clash == NULL
               ? 0
               : err_set(err, -EINVAL, "%s is %s; name another file for the report", clash, what);
}

/* Nothing of an earlier run is left in the report's place. */
static int clear_place(const struct report_choice *wanted, struct err *err)
{
    struct stat st;
    const int rc = make_parent(wanted->path, err);
    if (rc != 0 || text_ends_with(wanted->path, "/") || stat(wanted->path, &st) != 0) {
        return rc;
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(err,
                       -EISDIR,
                       "%s is a folder%s",
                       wanted->path,
                       wanted->kind->folders ? "; with a / behind it, it gets one file per layer"
                                             : "; name a file in it");
    }
    if (S_ISREG(st.st_mode) && !report_goes_into(wanted->path) && unlink(wanted->path) != 0) {
        return err_errno(err, "cannot replace %s", wanted->path);
    }
    return 0;
}

static int add_report(struct run_reports *reports,
                      const struct report_options *options,
                      struct err *err)
{
    struct report_output *report = NULL;
    const int rc = report_new(options, &report, err);
    if (rc != 0) {
        return rc;
    }
    reports->reports[reports->report_count++] = report;
    return fanout_add(reports->fanout, report_sink(report), err);
}

/* Workflow commands stand between lines of the step, on either stream; with --json standard output
 * is for the answer alone. */
static int commands_fd(const struct invocation *invocation)
{
    return invocation->json ? STDERR_FILENO : STDOUT_FILENO;
}

static int add_wanted(struct run_reports *reports,
                      const struct invocation *invocation,
                      const char *run_dir,
                      struct err *err)
{
    struct report_choice wanted[REPORTS_MAX + 1];
    const size_t count = list_wanted(invocation, wanted);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct report_options options = {
            .kind = wanted[i].kind,
            .path = wanted[i].path,
            .run_dir = run_dir,
            .fd = commands_fd(invocation),
        };
        rc = clear_place(&wanted[i], err);
        rc = rc == 0 ? add_report(reports, &options, err) : rc;
    }
    return rc;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value != NULL ? value : "";
}

static bool wants_github(const struct invocation *invocation)
{
    bool wanted = invocation->command->bit == COMMAND_RUN && !invocation->no_github
                  && strcmp(environment("GITHUB_ACTIONS"), "true") == 0;
    for (size_t i = 0; i < invocation->reports.count; i++) {
        wanted = wanted && strcmp(invocation->reports.items[i].kind->name, "github") != 0;
    }
    return wanted;
}

/* In a step of GitHub Actions without being asked. A step without a summary file still has
 * annotations. */
static int add_github(struct run_reports *reports,
                      const struct invocation *invocation,
                      const char *run_dir,
                      struct err *err)
{
    const char *summary = environment("GITHUB_STEP_SUMMARY");
    if (!wants_github(invocation)) {
        return 0;
    }
    const struct report_options options = {
        .kind = kind_of("github=-"),
        .path = summary[0] != '\0' ? summary : "/dev/null",
        .run_dir = run_dir,
        .fd = commands_fd(invocation),
        .append = true,
    };
    const int rc = add_report(reports, &options, err);
    if (rc == 0) {
        reports->own = reports->reports[reports->report_count - 1];
    }
    return rc;
}

int run_reports_open_views(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct err *err)
{
    int rc = fanout_new(&reports->fanout, err);
    rc = rc == 0 ? summary_new(&reports->summary, err) : rc;
    rc = rc == 0 ? add_wanted(reports, invocation, run_dir, err) : rc;
    rc = rc == 0 ? add_github(reports, invocation, run_dir, err) : rc;
    return rc == 0 ? fanout_add(reports->fanout, summary_sink(reports->summary), err) : rc;
}

static void close_views(struct run_reports *reports)
{
    for (size_t i = 0; i < reports->report_count; i++) {
        report_free(reports->reports[i]);
    }
    reports->report_count = 0;
    reports->own = NULL;
    summary_free(reports->summary);
    reports->summary = NULL;
    fanout_free(reports->fanout);
    reports->fanout = NULL;
}

int run_reports_renew_views(struct run_reports *reports,
                            const struct invocation *invocation,
                            const char *run_dir,
                            struct err *err)
{
    close_views(reports);
    return run_reports_open_views(reports, invocation, run_dir, err);
}

int run_reports_add_terminal(struct run_reports *reports, struct err *err)
{
    return fanout_add(reports->fanout, terminal_sink(reports->terminal), err);
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
    for (size_t i = 0; i < reports->report_count; i++) {
        struct report_output *report = reports->reports[i];
        const bool written =
            check(report_finish(report, &err), &err, "a report could not be written", tell);
        good = good && (written || report == reports->own);
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
    close_views(reports);
    event_log_free(reports->extra);
    event_log_free(reports->log);
    fanout_free(reports->facts);
    *reports = (struct run_reports){0};
}
