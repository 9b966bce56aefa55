/* SPDX-License-Identifier: Apache-2.0 */
/* All that listens to the events of a run: store, event log, JUnit, summary, terminal. */
#ifndef SLUICE_CLI_RUN_REPORTS_H
#define SLUICE_CLI_RUN_REPORTS_H

#include "base/err.h"
#include "base/str.h"
#include "cli/invocation.h"
#include "model/event.h"
#include "reports/event_log.h"
#include "reports/fanout.h"
#include "reports/junit.h"
#include "reports/summary.h"
#include "reports/terminal.h"
#include "store/store.h"

struct run_reports {
    struct fanout *fanout;
    struct event_log *log;   /* run_dir/events.ndjson */
    struct event_log *extra; /* --events; NULL */
    struct junit *junit;     /* --junit; NULL */
    struct summary *summary;
    struct terminal *terminal;
    bool live;
};

/* The terminal alone: first words reach the user before anything slow begins. */
int run_reports_open_terminal(struct run_reports *reports,
                              const struct invocation *invocation,
                              const char *run_dir,
                              struct err *err);

/* The rest. `store` may be NULL. Facts are written in the order that a crash needs: the row, then
 * the event (captures were written before the event came); views follow. A JUnit file of an earlier
 * run is removed, so that nobody takes it for this one's. */
int run_reports_open(struct run_reports *reports,
                     const struct invocation *invocation,
                     const char *run_dir,
                     struct store *store,
                     struct err *err);

/* The views only, to show a past run: terminal (never live), JUnit, summary. */
int run_reports_open_views(struct run_reports *reports,
                           const struct invocation *invocation,
                           const char *run_dir,
                           struct err *err);

/* Writes what is written at the end. Each failure is told; returns false when there was one. */
bool run_reports_finish(struct run_reports *reports, void (*tell)(const struct err *err));

void run_reports_close(struct run_reports *reports);

#endif
