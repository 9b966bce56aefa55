/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice report merge LOG...`: the shards of a run as the whole it was. */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/past_run.h"
#include "cli/report_verbs.h"
#include "cli/run_reports.h"
#include "cli/say.h"
#include "reports/merge.h"

#include <errno.h>
#include <stdlib.h>

/* The summary: a line of about 300 bytes per layer. */
#define SUMMARY_MAX (64u << 20)

/* The event log that a word of the command line means, and where its captures lie. */
static int add(struct merge *merge, const char *pipeline, const char *word, struct err *err)
{
    struct past_run past = {0};
    const int rc = past_run_find(pipeline, word, &past, err);
    if (rc != 0) {
        return rc;
    }
    CLEANUP(cleanup_free) char *run_dir = realpath(past.run_dir, NULL); /* NULL: not here */
    return merge_add(merge, past.file, run_dir, err);
}

static int add_all(struct merge *merge, const struct invocation *invocation, struct err *err)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < invocation->args.count; i++) {
        rc = add(merge, invocation->pipeline, invocation->args.items[i], err);
    }
    return rc;
}

static int show(struct merge *merge,
                struct run_reports *reports,
                const struct invocation *invocation,
                struct err *err)
{
    int rc = run_reports_open_terminal(reports, invocation, "/", false, err);
    rc = rc == 0 ? run_reports_open_views(reports, invocation, "/", err) : rc;
    rc = rc == 0 ? merge_emit(merge, "sluice report merge", fanout_sink(reports->fanout), err) : rc;
    if (reports->terminal != NULL) {
        terminal_end(reports->terminal);
    }
    return rc;
}

static int write_summary(const struct run_reports *reports)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SUMMARY_MAX);
    (void)run_reports_summary(reports, &text);
    return say_answer(&text);
}

/* The exit code is the merged run's: whoever merges shards wants to know whether all is well. */
static int conclude(const struct merge *merge,
                    struct run_reports *reports,
                    const struct invocation *invocation)
{
    const bool written = run_reports_finish(reports, say_error);
    const int answered = invocation->json ? write_summary(reports) : EXIT_OPEN;
    const int code = (int)merge_exit_code(merge);
    return code == EXIT_OPEN && (!written || answered != EXIT_OPEN) ? EXIT_INFRASTRUCTURE : code;
}

int command_report_merge(const struct invocation *invocation)
{
    struct run_reports reports = {0};
    struct merge *merge = NULL;
    struct err err = {0};
    if (invocation->args.count < 2 || invocation->list) {
        say_problem("`sluice report merge` needs the event logs of all shards: "
                    "sluice report merge 1.ndjson 2.ndjson --junit all.xml");
        return EXIT_USAGE;
    }
    run_reports_forget(invocation);
    int rc = merge_new(&merge, &err);
    rc = rc == 0 ? add_all(merge, invocation, &err) : rc;
    rc = rc == 0 ? show(merge, &reports, invocation, &err) : rc;
    int code = EXIT_OPEN;
    if (rc != 0) {
        say_error(&err);
        code = rc == -ENOENT || rc == -ESTALE ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    } else {
        code = conclude(merge, &reports, invocation);
    }
    run_reports_close(&reports);
    merge_free(merge);
    return code;
}
