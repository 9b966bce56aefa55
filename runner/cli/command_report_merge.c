/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice report merge FILE...`: the shards of a run as the whole it was. Files are event logs;
 * anything else is read as another tool's report, in the limited child that reads those of units.
 */
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/commands.h"
#include "cli/past_run.h"
#include "cli/report_verbs.h"
#include "cli/run_reports.h"
#include "cli/say.h"
#include "exec/report_child.h"
#include "reports/merge.h"
#include "reports/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the child answers, kept once more as cases. Beyond: the file is not read. */
#define CASES_ARENA_MAX ((size_t)2 * REPORT_ANSWER_MAX)

/* A JUnit file of sluice names its shard in its first suite. */
#define HEAD_MAX (64u << 10)

/* The summary: a line of about 300 bytes per layer. */
#define SUMMARY_MAX (64u << 20)

struct merging {
    const struct invocation *invocation;
    struct merge *merge;
    struct run_reports reports;

    struct {
        VEC_FIELDS(struct arena *);
    } arenas; /* of the cases of reports; live as long as the merge */
};

/* The event log that a word of the command line means, and where its captures lie. */
static int add_log(struct merging *merging, const char *word, struct err *err)
{
    struct past_run past = {0};
    const int rc = past_run_find(merging->invocation->pipeline, word, &past, err);
    if (rc != 0) {
        return rc;
    }
    CLEANUP(cleanup_free) char *run_dir = realpath(past.run_dir, NULL); /* NULL: not here */
    return merge_add(merging->merge, past.file, run_dir, err);
}

/* "2/4" of the property that sluice writes into each suite. */
static void find_shard(int fd, struct merge_report *report)
{
    static const char property[] = "<property name=\"sluice.shard\" value=\"";
    char head[HEAD_MAX];
    const ssize_t got = pread(fd, head, sizeof head - 1, 0);
    head[got > 0 ? got : 0] = '\0';
    const char *found = strstr(head, property);
    unsigned shard = 0;
    unsigned shards = 0;
    // NOLINTNEXTLINE(cert-err34-c): what is no number is no shard
    if (found != NULL && sscanf(found + strlen(property), "%4u/%4u\"", &shard, &shards) == 2
        && shard >= 1 && shard <= shards && shards <= SHARDS_MAX) {
        report->shard = shard;
        report->shards = shards;
    }
}

static int add_report(struct merging *merging, const char *file, struct err *err)
{
    static const struct slot_reports reports = {.prepare = report_prepare, .read = report_read};
    struct err problem = {0};
    struct case_list cases = {0};
    struct merge_report report = {.file = file, .cases = &cases};
    struct stat st;
    CLEANUP(cleanup_fd) int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(err, "%s", file);
    }
    if (S_ISDIR(st.st_mode)) {
        return err_set(err, -ENOENT, "%s is a folder; name the files in it", file);
    }
    struct arena *arena = arena_new(CASES_ARENA_MAX);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (arena == NULL || vec_push(&merging->arenas, arena) != 0) {
        arena_free(arena);
        return err_set(err, -ENOMEM, "out of memory");
    }
    struct case_list *kept = arena_alloc(arena, sizeof *kept);
    if (kept == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    const enum report_format format = text_ends_with(file, ".xml") ? REPORT_JUNIT : REPORT_AUTO;
    if (report_child_read(&reports, format, fd, arena, &cases, &problem) != 0) {
        report.problem = problem.text;
    }
    *kept = cases;
    report.cases = kept;
    find_shard(fd, &report);
    return merge_add_report(merging->merge, &report, err);
}

static int add_all(struct merging *merging, struct err *err)
{
    const struct text_list *args = &merging->invocation->args;
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < args->count; i++) {
        const char *word = args->items[i];
        const bool is_report = file_exists(word) && !text_ends_with(word, ".ndjson");
        rc = is_report ? add_report(merging, word, err) : add_log(merging, word, err);
    }
    return rc;
}

static int show(struct merging *merging, struct err *err)
{
    struct run_reports *reports = &merging->reports;
    const struct invocation *invocation = merging->invocation;
    int rc = run_reports_open_terminal(reports, invocation, "/", false, err);
    rc = rc == 0 ? run_reports_open_views(reports, invocation, "/", err) : rc;
    rc = rc == 0 ? run_reports_add_terminal(reports, err) : rc;
    rc = rc == 0 ? run_reports_open_events(reports, invocation, err) : rc;
    rc = rc == 0
             ? merge_emit(merging->merge, "sluice report merge", fanout_sink(reports->fanout), err)
             : rc;
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
static int conclude(struct merging *merging)
{
    const bool written = run_reports_finish(&merging->reports, say_error);
    const int answered = merging->invocation->json ? write_summary(&merging->reports) : EXIT_OPEN;
    const int code = (int)merge_exit_code(merging->merge);
    return code == EXIT_OPEN && (!written || answered != EXIT_OPEN) ? EXIT_INFRASTRUCTURE : code;
}

static void merging_fini(struct merging *merging)
{
    run_reports_close(&merging->reports);
    merge_free(merging->merge);
    for (size_t i = 0; i < merging->arenas.count; i++) {
        arena_free(merging->arenas.items[i]);
    }
    vec_fini(&merging->arenas);
}

int command_report_merge(const struct invocation *invocation)
{
    struct merging merging = {.invocation = invocation};
    struct err err = {0};
    if (invocation->args.count < 2 || invocation->list) {
        say_problem("`sluice report merge` needs the event logs of all shards: "
                    "sluice report merge 1.ndjson 2.ndjson --junit all.xml");
        return EXIT_USAGE;
    }
    for (size_t i = 1; i < invocation->args.count; i++) {
        if (run_reports_refuse(invocation, invocation->args.items[i], "to be merged", &err) != 0) {
            say_error(&err);
            return EXIT_USAGE;
        }
    }
    run_reports_forget(invocation);
    int rc = merge_new(&merging.merge, &err);
    rc = rc == 0 ? add_all(&merging, &err) : rc;
    rc = rc == 0 ? show(&merging, &err) : rc;
    int code = EXIT_OPEN;
    if (rc != 0) {
        say_error(&err);
        code = rc == -ENOENT || rc == -ESTALE ? EXIT_USAGE : EXIT_INFRASTRUCTURE;
    } else {
        code = conclude(&merging);
    }
    merging_fini(&merging);
    return code;
}
