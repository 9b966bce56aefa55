/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of the JUnit writer: junit.c turns entries into bodies and counts, junit_files.c
 * writes them out. */
#ifndef SLUICE_REPORTS_JUNIT_IMPL_H
#define SLUICE_REPORTS_JUNIT_IMPL_H

#include "base/vec.h"
#include "reports/case_fold.h"
#include "reports/junit.h"
#include "reports/junit_body.h"
#include "reports/spool.h"

/* What is written of a layer; its id and start are the fold's. */
struct layer_report {
    struct junit_counts flat;   /* units that are their own case */
    struct junit_counts suites; /* the suites of units with cases */
    struct spool flat_body;
    struct spool suites_body;
    struct spool flat_out; /* of the flat suite, where cases have no outputs */
    struct spool flat_err;
};

/* The suite of the unit under way. */
struct unit_report {
    bool told; /* what it printed stands in its "(unit)" */
    struct junit_counts counts;
    struct spool body;
    struct str out, err; /* where cases have no outputs */
};

struct junit {
    struct event_sink sink;
    struct case_fold fold;
    struct junit_writer writer;
    char *file;
    char *run_dir;
    bool folder;

    struct {
        VEC_FIELDS(struct layer_report *);
    } layers; /* by index, as the fold's */

    struct unit_report unit;
    unsigned suite_count;  /* opened so far: testsuite@id */
    struct str properties; /* <property> elements of the run */
    struct str name;       /* of the pipeline */
    struct str host;
    struct err error; /* first failure; code 0 = none */
};

/* Opens a <testsuite>. */
void junit_begin_suite(struct junit *junit,
                       struct str *out,
                       const char *name,
                       const struct junit_counts *counts,
                       int64_t started_ms);
/* Closes it; the outputs are written where a profile wants them in suites, NULL = empty ones. */
void junit_end_suite(const struct junit *junit,
                     struct str *out,
                     const struct str *suite_out,
                     const struct str *suite_err);

/* Writes the layers first .. last - 1 as one file, whole or not at all. */
int junit_write_file(
    struct junit *junit, const char *path, size_t first, size_t last, struct err *err);

/* A file for each layer. */
int junit_write_folder(struct junit *junit, struct err *err);

#endif
