/* SPDX-License-Identifier: Apache-2.0 */
/* All that listens to the events of a run: store, event logs, reports, summary, terminal. */
#ifndef SLUICE_CLI_RUN_REPORTS_H
#define SLUICE_CLI_RUN_REPORTS_H

#include "base/err.h"
#include "base/str.h"
#include "cli/invocation.h"
#include "model/event.h"
#include "reports/event_log.h"
#include "reports/fanout.h"
#include "reports/report.h"
#include "reports/summary.h"
#include "reports/terminal.h"
#include "store/store.h"

/* Starts zeroed; NULL members are not there. */
struct run_reports {
    struct fanout *facts;                           /* store and event logs */
    struct fanout *fanout;                          /* views: reports, summary */
    struct event_log *log;                          /* run_dir/events.ndjson */
    struct event_log *extra;                        /* --events */
    struct report_output *reports[REPORTS_MAX + 2]; /* --report, --junit and GitHub's */
    size_t report_count;
    struct report_output *own; /* one of them that nobody asked for: its failure fails no run */
    struct summary *summary;
    struct terminal *terminal;
    bool live; /* the terminal redraws */
};

/* Removes what an earlier run wrote to the places of this one's reports. */
void run_reports_forget(const struct invocation *invocation);

/* 0, or -EINVAL: a report would be written over `file`, which is `what` in the message. */
int run_reports_refuse(const struct invocation *invocation,
                       const char *file,
                       const char *what,
                       struct err *err);

/* The terminal alone: first words reach the user before anything slow begins. `live` allows a view
 * that is redrawn, where standard error is a terminal. */
int run_reports_open_terminal(struct run_reports *reports,
                              const struct invocation *invocation,
                              const char *run_dir,
                              bool live,
                              struct err *err);

/* Facts, in the order that a crash needs: the row, then the event (captures were written before the
 * event came). `store` may be NULL. */
int run_reports_open_facts(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct store *store,
                           struct err *err);

/* --events alone, among the views: for who has no run of its own. Call it after the views were
 * opened. */
int run_reports_open_events(struct run_reports *reports,
                            const struct invocation *invocation,
                            struct err *err);

/* Views: JUnit and the like, and the summary: nobody sees anything of them before the end. A JUnit
 * file of an earlier run is removed, so that nobody takes it for this one's. */
int run_reports_open_views(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct err *err);

/* New views in the place of those that were told what is not true. */
int run_reports_renew_views(struct run_reports *reports,
                            const struct invocation *invocation,
                            const char *run_dir,
                            struct err *err);

/* Puts the terminal opened before among the views. */
int run_reports_add_terminal(struct run_reports *reports, struct err *err);

/* Writes the event logs' waiting lines; failures are kept for the end. */
void run_reports_flush(struct run_reports *reports);

/* Writes the event logs' waiting lines: 0, or the first failure since the start. */
int run_reports_recorded(struct run_reports *reports, struct err *err);

/* Writes what is written at the end. Each failure is told; returns false when there was one. */
bool run_reports_finish(struct run_reports *reports, void (*tell)(const struct err *err));

/* Appends the summary object as one line. */
int run_reports_summary(const struct run_reports *reports, struct str *out);

void run_reports_close(struct run_reports *reports);

#endif
