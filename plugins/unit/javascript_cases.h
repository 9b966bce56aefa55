/* SPDX-License-Identifier: Apache-2.0 */
/* `split: case` of tools that take a regular expression of names. Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_JAVASCRIPT_CASES_H
#define SLUICE_PLUGINS_UNIT_JAVASCRIPT_CASES_H

#include "plugins/unit/javascript.h"

struct javascript_words {
    VEC_FIELDS(const char *); /* borrowed */
};

/* Where names of tests belong, and what makes units of them. */
struct javascript_names {
    struct tool *tool;
    const struct found *files;
    size_t at;          /* in files */
    const char *kind;   /* of the verb `report` */
    const char *option; /* "--testNamePattern=" */
    int (*emit)(struct tool *tool,
                const struct found *files,
                size_t at,
                const struct javascript_test *test,
                struct err *err);
};

/* Emits the unit of one test. */
int javascript_emit_test(const struct javascript_names *names, const char *name, struct err *err);

/* Lists the tests of all files in one run of Jest or Vitest, and emits a unit for each. */
int javascript_emit_cases(struct tool *tool,
                          const struct javascript_tool *javascript,
                          const struct found *files,
                          struct err *err);

#endif
