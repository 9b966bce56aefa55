/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice report`: a past run again, from its event log. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/past_run.h"
#include "cli/report_verbs.h"
#include "cli/run_reports.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* The list of runs: RUNS_KEPT lines; the summary: a line per layer. */
#define ANSWER_MAX (64u << 20)

struct report {
    const struct invocation *invocation;
    struct past_run past;
    struct run_reports reports;
};

/* ---- rendering ---- */

static void tell_state(const struct report *report, const struct event_log_read *result)
{
    if (!result->finished) {
        say_problem("%s: this run did not come to its end (killed, or still under way); what ended "
                    "before is shown",
                    report->past.file);
    }
}

static int write_summary(const struct report *report)
{
    CLEANUP(str_fini) struct str text = STR_INIT(ANSWER_MAX);
    if (!report->invocation->json) {
        return EXIT_OPEN;
    }
    (void)run_reports_summary(&report->reports, &text);
    return say_answer(&text);
}

/* Chooses the log, opens the views and replays it into them. */
static int replay(struct report *report, struct event_log_read *ret_read, struct err *err)
{
    const struct text_list *args = &report->invocation->args;
    int rc = past_run_find(
        report->invocation->pipeline, args->count > 0 ? args->items[0] : NULL, &report->past, err);
    if (rc != 0) {
        return rc;
    }
    if (run_reports_refuse(report->invocation, report->past.file, "the log to be shown", err)
        != 0) {
        return -ENOENT; /* as for a run that is not there: the command line is wrong */
    }
    CLEANUP(cleanup_fd) int fd = open(report->past.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(err, "%s", report->past.file);
    }
    const struct invocation *in = report->invocation;
    rc = run_reports_open_terminal(&report->reports, in, report->past.run_dir, false, err);
    if (rc == 0) {
        rc = run_reports_open_views(&report->reports, in, report->past.run_dir, err);
    }
    rc = rc == 0 ? run_reports_add_terminal(&report->reports, err) : rc;
    if (rc != 0) {
        return rc;
    }
    struct event_sink *sink = fanout_sink(report->reports.fanout);
    return event_log_replay(fd, report->past.file, sink, ret_read, err);
}

static int render(struct report *report)
{
    struct event_log_read result = {0};
    struct err err = {0};
    const int rc = replay(report, &result, &err);
    if (rc != 0) {
        say_error(&err);
        return rc == -ENOENT ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    }
    terminal_end(report->reports.terminal);
    tell_state(report, &result);
    const bool written = run_reports_finish(&report->reports, say_error);
    const int answered = write_summary(report);
    return answered != EXIT_OPEN ? answered : written ? EXIT_OPEN : EXIT_INFRASTRUCTURE;
}

/* ---- --list ---- */

struct listing {
    struct str *out;
    bool json;
};

static int list_one(void *context, const struct run_row *row)
{
    const struct listing *listing = context;
    char started[TIMESTAMP_TEXT_MAX];
    char took[DURATION_TEXT_MAX] = "-";
    const bool finished = row->wall_ms >= 0;
    (void)timestamp_format(row->started_ms, started);
    if (listing->json) {
        struct json_writer w;
        jw_begin(&w, listing->out);
        jw_object(&w);
        jw_put_string(&w, "run", row->run_id);
        jw_put_string(&w, "pipeline", row->pipeline);
        jw_put_string(&w, "tree", row->tree);
        jw_put_string(&w, "started", started);
        jw_put_bool(&w, "finished", finished);
        if (finished) {
            jw_put_int(&w, "exit_code", row->exit_code);
            jw_put_int(&w, "wall_ms", row->wall_ms);
        }
        jw_put_int(&w, "passed", (int64_t)row->tally.passed);
        jw_put_int(&w, "failed", (int64_t)row->tally.failed);
        jw_put_int(&w, "errored", (int64_t)row->tally.errored);
        jw_put_int(&w, "timed_out", (int64_t)row->tally.timed_out);
        jw_put_int(&w, "reused", (int64_t)row->tally.reused);
        jw_end_object(&w);
        return str_append_char(listing->out, '\n');
    }
    if (finished) {
        (void)duration_format(row->wall_ms, took);
    }
    (void)str_appendf(listing->out, "%s  ", row->run_id);
    (void)(finished ? str_appendf(listing->out, "exit %-3d", row->exit_code)
                    : str_append(listing->out, "unfinished"));
    const uint64_t bad = row->tally.failed + row->tally.errored + row->tally.timed_out;
    (void)str_appendf(listing->out,
                      "  %8s  %llu passed, %llu not",
                      took,
                      (unsigned long long)row->tally.passed,
                      (unsigned long long)bad);
    if (row->tally.reused > 0) {
        (void)str_appendf(listing->out, ", %llu reused", (unsigned long long)row->tally.reused);
    }
    return str_appendf(listing->out, "  %s\n", row->pipeline != NULL ? row->pipeline : "");
}

static int list_runs(struct report *report)
{
    CLEANUP(str_fini) struct str out = STR_INIT(ANSWER_MAX);
    struct listing listing = {.out = &out, .json = report->invocation->json};
    struct err err = {0};
    struct store *store = NULL;
    char path[PATH_TEXT_MAX];
    int rc = past_run_state(report->invocation->pipeline, &report->past, &err);
    if (rc == 0
        && snprintf(path, sizeof path, "%s/store.db", report->past.state) >= (int)sizeof path) {
        rc = err_set(&err, -ENAMETOOLONG, "%s: the path is too long", report->past.state);
    }
    if (rc == 0 && file_exists(path)) {
        rc = store_open(path, &store, &err);
    }
    if (rc == 0 && store != NULL) {
        rc = store_runs(store, list_one, &listing, &err);
    }
    store_close(store);
    if (rc != 0) {
        say_error(&err);
        return EXIT_INFRASTRUCTURE;
    }
    return say_answer(&out);
}

int command_report(const struct invocation *invocation)
{
    struct report report = {.invocation = invocation};
    const struct report_verb *verb = report_verb_find(invocation);
    if (verb != NULL) {
        return verb->run(invocation);
    }
    if (invocation->args.count > 1 || invocation->format != NULL) {
        say_problem("`sluice report` shows one run; `sluice report read FILE...` reads other "
                    "tools' reports");
        return EXIT_USAGE;
    }
    if (invocation->events != NULL) {
        say_problem("--events: a run's event log lies in .sluice/runs already; `sluice run` and "
                    "`sluice report merge` write one");
        return EXIT_USAGE;
    }
    if (invocation->list) {
        return list_runs(&report);
    }
    const int code = render(&report);
    run_reports_close(&report.reports);
    return code;
}
