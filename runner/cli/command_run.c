/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice run`: session, reports and controls around one call of the scheduler. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/controls.h"
#include "cli/exit_words.h"
#include "cli/heap.h"
#include "cli/run_reports.h"
#include "cli/run_sink.h"
#include "cli/say.h"
#include "cli/session.h"
#include "cli/show.h"
#include "cli/version.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What `t` shows: a block per slot. */
#define SHOW_MAX (16u << 20)
/* The summary: a line of about 300 bytes per layer. */
#define SUMMARY_MAX (64u << 20)

struct run {
    const struct invocation *invocation;
    struct session session;
    struct run_reports reports;
    struct run_sink sink;
    struct controls *controls;
    struct sched *sched; /* while sched_run() is under way */
    unsigned interrupts;
    bool guessed_wrong; /* the tree is not the one the run began with */
};

/* ---- words ---- */

static void tell(void *context, const char *text)
{
    const struct run *run = context;
    CLEANUP(str_fini) struct str line = STR_INIT((size_t)2 * ERR_TEXT_MAX);
    (void)str_appendf(&line, "sluice: %s", text);
    terminal_print(run->reports.terminal, str_text(&line));
}

/* The first line: something is seen before the tree is read, which may take a while. */
static void announce(const struct run *run)
{
    const struct pipeline *pipeline = config_pipeline(run->session.project.config);
    const struct event started = {
        .type = EVENT_RUN_STARTED,
        .u.run_started = {.version = sluice_version(),
                          .name = pipeline->name,
                          .layer_count = pipeline->layer_count,
                          .jobs = run->session.jobs,
                          .run_id = run->session.run_id},
    };
    terminal_announce(run->reports.terminal, &started);
}

/* ---- controls ---- */

/* Whoever insists gets a dead process; slots and their units die with us. */
static void die(const struct run *run, int signal_number)
{
    controls_close(run->controls);
    terminal_end(run->reports.terminal);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

/* Finishes what runs, or stops it when that was asked for before. */
static void ask_to_end(const struct run *run)
{
    if (run->sched != NULL) {
        sched_interrupt(run->sched);
    }
}

/* The terminal is gone, and with it whoever could interrupt a second time. Shell and kernel may
 * both tell us, so further ones mean nothing. */
static void on_hangup(struct run *run)
{
    if (run->interrupts >= 2) {
        return;
    }
    tell(run, "the terminal was closed: stopping what runs (`sluice run --resume` goes on later)");
    for (; run->interrupts < 2; run->interrupts++) {
        ask_to_end(run);
    }
}

static void on_interrupt(void *context, int signal_number)
{
    struct run *run = context;
    if (signal_number == SIGHUP) {
        on_hangup(run);
        return;
    }
    if (signal_number == SIGQUIT) { /* Ctrl-\\: dead at once, but the terminal is put back */
        die(run, signal_number);
        return;
    }
    run->interrupts++;
    if (run->interrupts == 1) {
        tell(run,
             "interrupted: what runs now may end; interrupt again to stop it at once "
             "(`sluice run --resume` goes on later)");
    } else if (run->interrupts == 2) {
        tell(run, "interrupted again: stopping what runs");
    } else {
        die(run, signal_number);
        return;
    }
    ask_to_end(run);
}

static void on_show(void *context)
{
    const struct run *run = context;
    CLEANUP(str_fini) struct str text = STR_INIT(SHOW_MAX);
    (void)show_running(&text, run->sched);
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.data[--text.len] = '\0';
    }
    terminal_print(run->reports.terminal, str_text(&text));
}

static void on_resize(void *context, unsigned width, unsigned height)
{
    const struct run *run = context;
    terminal_resize(run->reports.terminal, width, height);
}

static void on_tick(void *context, int64_t mono_ms)
{
    struct run *run = context;
    terminal_tick(run->reports.terminal, mono_ms);
    run_reports_flush(&run->reports);
}

static int open_controls(struct run *run, struct err *err)
{
    const struct controls_options options = {
        .loop = run->session.loop,
        .live = run->reports.live,
        .fd = STDERR_FILENO,
        .context = run,
        .interrupt = on_interrupt,
        .show = on_show,
        .resize = on_resize,
        .tick = on_tick,
    };
    return controls_new(&options, &run->controls, err);
}

/* ---- before ---- */

static int keep_last_run(void *context, const struct run_row *row)
{
    struct run *run = context;
    static char last_run[RUN_ID_SIZE]; /* one run per process */
    (void)snprintf(last_run, sizeof last_run, "%s", row->run_id);
    run->sink.rerun.last_known = true;
    run->sink.rerun.last_run = last_run;
    run->sink.rerun.last_exit = row->wall_ms < 0 ? -1 : row->exit_code;
    return 1;
}

static int open_sink(struct run *run, struct err *err)
{
    run_sink_init(&run->sink);
    run->sink.some_layers = run->invocation->args.count > 0;
    if (!run->invocation->rerun_failed) {
        return 0;
    }
    run->sink.history = run->session.history;
    const int rc = store_runs(run->session.store, keep_last_run, run, err);
    return rc < 0 ? rc : 0;
}

static int recorded(void *context, struct err *err)
{
    struct run *run = context;
    const int rc = session_flush(&run->session, err);
    return rc == 0 ? run_reports_recorded(&run->reports, err) : rc;
}

static int open_reports(struct run *run, struct err *err)
{
    const char *run_dir = run->session.folder.path;
    const int rc =
        run_reports_open_facts(&run->reports, run->invocation, run_dir, run->session.store, err);
    return rc == 0 ? run_reports_open_views(&run->reports, run->invocation, run_dir, err) : rc;
}

/* Everything up to the first event. First of all the report of an earlier run goes: however this
 * one ends, nobody takes that for its own. */
static enum exit_code open_all(struct run *run, struct err *err)
{
    run_reports_forget(run->invocation);
    enum exit_code code = session_open(&run->session, run->invocation, false, err);
    if (code != EXIT_OPEN) {
        return code;
    }
    if (run_reports_refuse(run->invocation, run->session.project.file, "the pipeline", err) != 0) {
        return EXIT_USAGE;
    }
    const char *run_dir = run->session.folder.path;
    if (run_reports_open_terminal(&run->reports, run->invocation, run_dir, true, err) != 0) {
        return EXIT_INFRASTRUCTURE;
    }
    announce(run);
    run->session.guesses = true;
    run->session.tell = tell;
    run->session.tell_context = run;
    code = session_prepare(&run->session, err);
    if (code != EXIT_OPEN) {
        return code;
    }
    if (open_reports(run, err) != 0 || open_sink(run, err) != 0
        || (run->session.taking == NULL && open_controls(run, err) != 0)) {
        return EXIT_INFRASTRUCTURE;
    }
    run->sink.next = fanout_sink(run->reports.facts);
    run->sink.views = fanout_sink(run->reports.fanout);
    run->sink.screen = terminal_sink(run->reports.terminal);
    run->sink.recorded = recorded;
    run->sink.recorded_context = run;
    return EXIT_OPEN;
}

/* ---- after ---- */

static void tell_failures_of_history(const struct run *run)
{
    struct err err = {0};
    if (run->session.store == NULL) {
        return;
    }
    if (store_flush(run->session.store, &err) != 0 || store_error(run->session.store, &err) != 0
        || history_error(run->session.history, &err) != 0) {
        (void)err_wrap(&err, "the history of this run is not complete");
        say_error(&err);
    }
}

static void prune(const struct run *run)
{
    struct err err = {0};
    int rc = 0;
    if (run->session.store != NULL) {
        rc = store_prune(run->session.store, RUNS_KEPT, &err);
    }
    if (rc == 0) {
        rc = run_folder_prune(run->session.project.state, FOLDERS_RUNS, RUNS_KEPT, &err);
    }
    if (rc != 0) {
        (void)err_wrap(&err, "old runs could not be removed");
        say_error(&err);
    }
}

static int write_summary(const struct run *run)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SUMMARY_MAX);
    if (!run->invocation->json) {
        return EXIT_OPEN;
    }
    (void)run_reports_summary(&run->reports, &text);
    return say_answer(&text);
}

/* What was not written must not look like a success. */
static int conclude(struct run *run)
{
    int code = (int)run->sink.exit_code;
    terminal_end(run->reports.terminal);
    if (code == EXIT_OPEN && run->sink.reason[0] != '\0' && !run->invocation->quiet) {
        say_problem("%s", run->sink.reason);
    }
    const bool written = run_reports_finish(&run->reports, say_error);
    tell_failures_of_history(run);
    prune(run);
    const int answered = write_summary(run);
    if (code == EXIT_OPEN && (!written || answered != EXIT_OPEN)) {
        code = EXIT_INFRASTRUCTURE;
    }
    return code;
}

static void on_started(void *context, struct sched *sched)
{
    struct run *run = context;
    run->sched = sched;
}

/* Until here an interrupt simply ends us, as while git looks at the tree: nothing has begun. */
static int confirm(void *context, bool wait, struct err *err)
{
    struct run *run = context;
    if (!wait && !session_knows_tree(&run->session)) {
        return 0;
    }
    int rc = session_confirm(&run->session, err);
    run->guessed_wrong = rc == 0;
    if (rc == 0) {
        return err_set(err, -ESTALE, "the tree is not the one it was");
    }
    rc = rc > 0 ? open_controls(run, err) : rc;
    return rc < 0 ? rc : 1;
}

static int run_sched_once(struct run *run, struct err *err)
{
    struct sched_options options;
    enum exit_code ignored = EXIT_INFRASTRUCTURE; /* the sink heard it with the last event */
    session_fill(&run->session, &options);
    options.sink = &run->sink.sink;
    options.emit_kept = run_sink_emit_kept;
    options.emit_ahead = run_sink_emit_ahead;
    options.forget_ahead = run_sink_forget_ahead;
    options.started = on_started;
    options.started_context = run;
    options.confirm = run->session.taking != NULL ? confirm : NULL;
    options.confirm_context = run;
    return sched_run(&options, &ignored, err);
}

/* What was told of the wrong tree goes with the reports that heard of it. */
static int renew_views(struct run *run, struct err *err)
{
    if (!run->sink.misled) {
        return 0;
    }
    const int rc =
        run_reports_renew_views(&run->reports, run->invocation, run->session.folder.path, err);
    run->sink.misled = rc != 0;
    run->sink.views = rc == 0 ? fanout_sink(run->reports.fanout) : NULL;
    return rc;
}

static int run_sched(struct run *run, struct err *err)
{
    int rc = run_sched_once(run, err);
    if (rc < 0 && run->guessed_wrong) {
        *err = (struct err){0};
        session_start_over(&run->session);
        rc = renew_views(run, err);
        rc = rc == 0 ? open_controls(run, err) : rc;
        rc = rc == 0 ? run_sched_once(run, err) : rc;
    }
    return rc;
}

static int run_all(struct run *run)
{
    struct err err = {0};
    int code = (int)open_all(run, &err);
    if (code == EXIT_OPEN) {
        const int rc = run_sched(run, &err);
        code = rc == 0 ? EXIT_OPEN : (int)exit_code_of_config_error(rc);
    }
    controls_close(run->controls);
    if (run->reports.terminal != NULL) {
        terminal_end(run->reports.terminal);
    }
    if (code != EXIT_OPEN) {
        say_error(&err);
        return code;
    }
    return conclude(run);
}

static int run_once(const struct invocation *invocation)
{
    struct run run = {.invocation = invocation};
    const int code = run_all(&run);
    run_reports_close(&run.reports);
    session_close(&run.session);
    return code;
}

/* What is left of --budget for the next of several runs; false: nothing. */
static bool leave_budget(const struct invocation *invocation, int64_t start, int64_t *ret_left)
{
    const int64_t spent = (clock_mono_ns() - start) / 1000000;
    if (invocation->budget_ms > 0) {
        *ret_left = invocation->budget_ms - spent;
    }
    return invocation->budget_ms == 0 || spent < invocation->budget_ms;
}

int command_run(const struct invocation *invocation)
{
    heap_prepare();
    if (invocation->repeat == 0) {
        return run_once(invocation);
    }
    struct invocation again = *invocation;
    int code = EXIT_OPEN;
    again.no_reuse = true;
    const int64_t start = clock_mono_ns();
    for (unsigned i = 1; code == EXIT_OPEN && i <= invocation->repeat; i++) {
        if (!leave_budget(invocation, start, &again.budget_ms)) {
            say_problem("the --budget was used up before run %u of %u", i, invocation->repeat);
            return EXIT_DEADLINE;
        }
        if (!invocation->quiet) {
            say_problem("run %u of %u", i, invocation->repeat);
        }
        code = run_once(&again);
    }
    return code;
}
