/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the plugin `mutation`: what stands under `with:`, and what a unit is told. One
 * table, from which the schema, the reading and the messages are made. */
#ifndef SLUICE_PLUGINS_MUTATION_SETTINGS_H
#define SLUICE_PLUGINS_MUTATION_SETTINGS_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Patterns and tests: written by people. Beyond: an error. */
#define SETTINGS_LIST_MAX 10000

/* Limits that fail the layer when the pipeline names none: percent of the mutants that ran, and of
 * all that were to be compiled. Sound layers have 1 to 3 % of either. */
#define SETTINGS_TIMEOUTS_MAX       10.0
#define SETTINGS_COMPILE_ERRORS_MAX 30.0

/* The audit of engine A by engine B, as engine.h says. */
#define SETTINGS_AUDIT_PERCENT 2
#define SETTINGS_AUDIT_MIN     50

enum settings_lines {
    SETTINGS_LINES_AUTO, /* those of `sluice run --diff REF` when there is one, else all */
    SETTINGS_LINES_ALL,
    SETTINGS_LINES_DIFF,
};

enum settings_isolation {
    SETTINGS_ISOLATION_AUTO,
    SETTINGS_ISOLATION_FORK,
    SETTINGS_ISOLATION_EXEC,
    SETTINGS_ISOLATION_COPY,
};

struct settings {
    json_t *files;     /* glob patterns, "!" before those that exclude */
    json_t *tests;     /* glob patterns of programs, or {name, run, cwd, stdout} */
    json_t *reads;     /* glob patterns of what tests may ask for by name; NULL = anything */
    json_t *operators; /* find.h; NULL = the default set */
    const char *build; /* command; NULL: nothing is compiled */
    const char *check; /* command, {file} is replaced; NULL = none */
    const char *baseline;
    enum settings_lines lines;
    enum settings_isolation isolation;
    int64_t per_line;  /* mutants tried of one line; 0 = all; -1 = 1 with a diff, else all */
    int64_t budget_ms; /* 0 = none */
    int64_t shard;     /* from 1 */
    int64_t shards;    /* 1 = not divided */
    int64_t audit_percent;
    int64_t audit_min;
    int64_t seed;
    bool audit_survivors;
    bool uncovered_fails;
    double max_timeouts;
    double max_compile_errors;
};

/* Appends the JSON Schema of `with`. */
void settings_write_schema(struct str *out);

/* Reads and checks `with`. Texts and lists are borrowed from it. Complaints begin with "with: ". */
int settings_read(json_t *with, struct settings *ret_settings, struct err *err);

/* What a unit is told: those settings that decide its verdicts, so that no other edit of the
 * pipeline makes it run again. A new object, or NULL when memory is short. */
json_t *settings_of_unit(json_t *with);

#endif
