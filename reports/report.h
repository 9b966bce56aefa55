/* SPDX-License-Identifier: Apache-2.0 */
/* Reports for other tools, by name: one table of kinds. Each is a sink for the events of a run and
 * a file at its end; which tool reads which is told in docs/formats/. */
#ifndef SLUICE_REPORTS_REPORT_H
#define SLUICE_REPORTS_REPORT_H

#include "base/err.h"
#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

struct report_output;

struct report_kind {
    const char *name; /* "junit", "junit:ant", "ctrf", ... */
    const char *what; /* half a line, for help */
    bool folders;     /* a path ending in '/' is a folder that gets several files */
};

/* All kinds, in the order of help. */
const struct report_kind *report_kinds(size_t *ret_count);

/* Understands "KIND=PATH". -EINVAL with the words that are right; outputs are set together. */
int report_parse(const char *text,
                 const struct report_kind **ret_kind,
                 const char **ret_path,
                 struct err *err);

struct report_options {
    const struct report_kind *kind;
    const char *path;
    const char *run_dir; /* where captures lie; NULL = nowhere */
    int fd;              /* kind "github": where workflow commands go; -1 = nowhere */
    bool append;         /* add to the file instead of replacing it (GITHUB_STEP_SUMMARY) */
};

/* Removes what an earlier run wrote there, so that nobody takes it for this one's: only regular
 * files with an ending that reports have. report_new() does so too; earlier is better. */
void report_forget(const struct report_kind *kind, const char *path);

/* Is this anything but a file of its own (a device, a pipe, /dev/stdout)? Reports are written into
 * such a thing; it is neither removed nor replaced. */
bool report_goes_into(const char *path);

/* `options` is copied but for run_dir, which must outlive the report. */
int report_new(const struct report_options *options,
               struct report_output **ret_report,
               struct err *err);
struct event_sink *report_sink(struct report_output *report);
/* After run_finished: writes (temporary file + rename). Called without run_finished (crash
 * recovery) it writes what there is and marks the run as an error. */
int report_finish(struct report_output *report, struct err *err);
void report_free(struct report_output *report); /* NULL is accepted */

#endif
