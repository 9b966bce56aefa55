/* SPDX-License-Identifier: Apache-2.0 */
/* The file of known survivors: ids, one a line; what follows a blank, and lines that begin with #,
 * are for people. */
#ifndef SLUICE_PLUGINS_MUTATION_JUDGE_BASELINE_H
#define SLUICE_PLUGINS_MUTATION_JUDGE_BASELINE_H

#include "base/err.h"
#include "base/map.h"
#include "base/str.h"

#include <stdbool.h>

/* A million ids with their words. */
#define JUDGE_BASELINE_MAX (64u << 20)

/* A zeroed one is empty. */
struct judge_baseline {
    struct map ids;
    struct str text; /* owner of the ids */
};

/* Complaints name file and line. judge_baseline_fini() afterwards in any case. */
int judge_baseline_read(const char *path, struct judge_baseline *ret_baseline, struct err *err);
void judge_baseline_fini(struct judge_baseline *baseline);
bool judge_baseline_has(const struct judge_baseline *baseline, const char *id);

#endif
