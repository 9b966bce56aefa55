/* SPDX-License-Identifier: Apache-2.0 */
/* Reports made from what a tool left: the private verb `report`. Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_REPORT_H
#define SLUICE_PLUGINS_UNIT_REPORT_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* What a tool may print or leave before it is no report any more; as REPORT_BYTES_MAX. */
#define REPORT_TEXT_MAX (256u << 20)

/* How the command ended, and what it left. */
struct report_job {
    const char *name;   /* of the unit, for a report that has no other name */
    const char *path;   /* of the report */
    const char *raw;    /* file that the tool leaves, "REPORT.raw" */
    char *text;         /* standard output, for kinds that read it; may be changed; never NULL */
    int exit_code;      /* what the verb ends with; a kind may change it */
    int signal;         /* that ended the command; 0 = none */
    struct str *report; /* to be filled; empty = no report is written */
};

/* A case that is being written, as docs/formats/cases.md says. NULL and 0: left out. */
struct report_case {
    const char *name;
    const char *classname;
    const char *status;
    const char *file;
    int64_t line;
    double seconds;
    const char *message;
    const char *details;
};

void report_add_case(struct str *report, const struct report_case *c);

/* Readers: each fills job->report from what the tool left. 0, or an error that is shown and makes
 * the unit one in error. */
int report_from_jest(struct report_job *job, struct err *err);
int report_from_libtest(struct report_job *job, struct err *err);
int report_from_meson(struct report_job *job, struct err *err);

/* Where a text names `path` with a line behind it ("PATH:12:3"): the line, or 0. */
int64_t report_find_line(const char *text, const char *path);

#endif
