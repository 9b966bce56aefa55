/* SPDX-License-Identifier: Apache-2.0 */
/* Reports made from what a tool left: the private verb `report`. Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_REPORT_H
#define SLUICE_PLUGINS_UNIT_REPORT_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* What a tool may print or leave before it is no report any more; as REPORT_BYTES_MAX. */
#define REPORT_TEXT_MAX (256u << 20)

/* Why node says that it left a test out which was not asked for, up to version 21; later ones say
 * nothing of it. */
#define NODE_LEFT_OUT "test name does not match pattern"

/* How the command ended, and what it left. */
struct report_job {
    const char *name; /* of the unit, for a report that has no other name */
    const char *path; /* of the report */
    const char *raw;  /* file that the tool leaves, "REPORT.raw"; removed afterwards */
    const char *only; /* KIND=ONLY: the one test that was asked for, although the tool names all of
                         the file or program; NULL = all are */
    char *text;       /* standard output, for kinds that read it; may be changed; never NULL */
    int exit_code;    /* what the verb ends with; a kind may change it */
    int signal;       /* that ended the command; 0 = none */
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

/* A path that a tool tells, relative to the working folder, as a unit sees it; absolute or a file
 * URL. NULL = not below it. Borrowed from the path. */
const char *report_below_here(const char *path);

/* Readers: each fills job->report from what the tool left. 0, or an error that is shown and makes
 * the unit one in error. */
int report_from_jest(struct report_job *job, struct err *err);
int report_from_libtest(struct report_job *job, struct err *err);
int report_from_meson(struct report_job *job, struct err *err);
int report_from_node(struct report_job *job, struct err *err);
int report_from_criterion(struct report_job *job, struct err *err);

/* Writes REPORT.cjs and has node read it first; see node_report.c. */
int report_prepare_node(struct report_job *job, struct err *err);

/* The file that node reads first, which leaves lines in REPORT.raw. */
extern const char report_node_script[];

/* Tests that a file has, from what node left when it was asked for a test of no name: calls `each`
 * with the name of every one. Stops at a non-zero answer and returns it. */
int report_list_node(const char *raw,
                     int (*each)(void *context, const char *name, struct err *err),
                     void *context,
                     struct err *err);

/* Where a text names `path` with a line behind it ("PATH:12:3"): the line, or 0. */
int64_t report_find_line(const char *text, const char *path);

#endif
