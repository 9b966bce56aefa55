/* SPDX-License-Identifier: Apache-2.0 */
/* What a writer implements to be a report. It embeds struct report_output as its first member. */
#ifndef SLUICE_REPORTS_REPORT_IMPL_H
#define SLUICE_REPORTS_REPORT_IMPL_H

#include "base/str.h"
#include "reports/report.h"
#include "reports/spool.h"

struct report_output {
    struct event_sink sink; /* the writer's emit() */
    const struct report_writer *writer;
    const char *run_dir;
    char *path;
    int fd;
    bool append;
    struct err error; /* first failure, told by report_finish(); code 0 = none */
};

struct report_writer {
    struct report_kind kind;
    const char *const *endings; /* of file names that report_forget() removes, NULL-terminated */
    size_t size;                /* of the struct that embeds the report */
    int variant;                /* the writer's own, for kinds that share one */
    /* Fills a zeroed struct; its `report` is set but for the sink. */
    int (*init)(struct report_output *report, struct err *err);
    /* After the last event: writes to the path, e.g. with report_write_file(). */
    int (*finish)(struct report_output *report, struct err *err);
    void (*fini)(struct report_output *report);
    /* NULL = the file goes. */
    void (*forget)(const char *path);
};

extern const struct report_writer report_ctrf, report_sarif, report_codequality, report_trace,
    report_github, report_junit, report_junit_jenkins, report_junit_ant;

/* Keeps the first failure. */
void report_keep_error(struct report_output *report, int rc);
/* Settles a spool, keeping its failure. */
void report_settle(struct report_output *report, struct spool *spool);

/* Writes a file beside its place and renames it: readers see all or nothing. Not synced: after a
 * crash of the machine nobody reads this report. Folders are made. `write` writes to the
 * descriptor; returns 0 or a negative errno with a reason. */
int report_write_file(const char *path,
                      int (*write)(void *context, int fd, struct err *err),
                      void *context,
                      struct err *err);

/* Appends to a file (made when missing) instead. */
int report_append_file(const char *path, struct str *text, struct err *err);

/* Writes text, or a str whose error is checked first. */
int report_write_text(int fd, const char *text, struct err *err);
int report_write_str(int fd, const struct str *text, struct err *err);

/* Removes a regular file: what is no report is left alone. */
void report_remove_file(const char *path);

#endif
