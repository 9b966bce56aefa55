/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `mutation` at work in the test's folder, which is the root. */
#ifndef SLUICE_TESTS_PLUGIN_MUTATION_LAYER_H
#define SLUICE_TESTS_PLUGIN_MUTATION_LAYER_H

#include "base/err.h"

#include <jansson.h>

/* Makes test_folder() the working folder and returns its path without links. */
const char *layer_enter(void);

/* Writes a file below the working folder. */
void layer_write(const char *path, const char *text, unsigned mode);

/* The text of a file, in a static buffer; "" when it is not there. */
const char *layer_read(const char *path);

/* Plans with settings and a diff, both JSON; diff NULL = none. *ret_units (json_decref() it) is an
 * array of units. */
int layer_plan(const char *settings, const char *diff, json_t **ret_units, struct err *err);

/* The same, which must succeed: ids and cost-free facts as text, "ID [needs] labels\n", in a static
 * buffer. */
const char *layer_ids(const char *settings, const char *diff);

/* Judges: `outcomes` is what the host would send behind the header. *ret_lines (json_decref() it)
 * is an array of what it answers. */
int layer_judge(const char *settings, const char *outcomes, json_t **ret_lines, struct err *err);

/* The same of a run about changed lines. */
int layer_judge_diff(const char *settings,
                     const char *diff,
                     const char *outcomes,
                     json_t **ret_lines,
                     struct err *err);

/* Value of a metric in such an answer; -1 when it is null, -2 when it is not there. */
double layer_metric(const json_t *lines, const char *name);
/* Why it is null; "" when it is not, or that is not said. */
const char *layer_why(const json_t *lines, const char *name);

/* Runs `try` with a job, JSON, in this process: its exit code. What it printed on standard error is
 * in the file "stderr". */
int layer_try(const char *job);

#endif
