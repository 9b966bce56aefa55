/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of the JUnit writer: junit.c folds events into bodies and counts, junit_files.c
 * writes them out. */
#ifndef SLUICE_REPORTS_JUNIT_IMPL_H
#define SLUICE_REPORTS_JUNIT_IMPL_H

#include "base/map.h"
#include "base/vec.h"
#include "reports/junit.h"
#include "reports/junit_body.h"
#include "reports/spool.h"

struct layer_report {
    char *id;
    struct junit_counts flat;   /* units that are their own case */
    struct junit_counts suites; /* the suites of units with cases */
    struct spool flat_body;
    struct spool suites_body;
    int64_t started_ms;
};

/* Failed attempts of a unit that will be tried again. */
struct retried {
    char *key; /* layer, newline, unit */
    struct junit_attempts attempts;
};

struct junit {
    struct event_sink sink;
    struct junit_writer writer;
    char *file;
    char *run_dir;
    bool folder;

    struct {
        VEC_FIELDS(struct layer_report *);
    } layers;

    struct {
        VEC_FIELDS(struct retried *);
    } retried;
    struct map retried_by_key;
    struct str properties; /* <property> elements of the run */
    struct str name;       /* of the pipeline */
    struct str host;
    struct str reason;
    int64_t started_ms;
    bool finished;
    enum exit_code exit_code;
    int64_t wall_ns;
    struct err error; /* first failure; code 0 = none */
};

/* Opens a <testsuite>. */
void junit_begin_suite(struct junit *junit,
                       struct str *out,
                       const char *name,
                       const struct junit_counts *counts,
                       int64_t started_ms);

/* Temporary file beside it, then rename: readers see all or nothing. Not synced: after a crash of
 * the machine nobody reads this report. */
int junit_write_file(
    struct junit *junit, const char *path, size_t first, size_t last, struct err *err);

/* A file for each layer. */
int junit_write_folder(struct junit *junit, struct err *err);

#endif
