/* SPDX-License-Identifier: Apache-2.0 */
/* CTest's own list of tests (`ctest --show-only=json-v1`), and which of them are tied together.
 * Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_CTEST_H
#define SLUICE_PLUGINS_UNIT_CTEST_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One test; strings and JSON are borrowed from CTest's answer. Tests are numbered as CTest does,
 * in the order of its list, so number = index + 1. */
struct ctest_test {
    const char *name;
    json_t *labels; /* arrays of strings, or NULL */
    json_t *locks;
    const char *file; /* where add_test() stands, as CTest says it: absolute; NULL = unknown */
    uint32_t line;
    uint32_t processors; /* 0 = not set */
    double timeout_s;    /* 0 = not set */
    double cost_s;       /* 0 = not set */
    bool serial;
    bool disabled;
    size_t group; /* index of the first test of its group; its own when it stands alone */
    size_t next;  /* next test of the group; 0 = last */
};

struct ctest_list {
    struct ctest_test *tests;
    size_t count;
};

/* Reads CTest's answer. The list borrows from `answer`. -ENODATA: no test in it. */
int ctest_read(json_t *answer, struct ctest_list *ret_list, struct err *err);

/* Ties tests that depend on one another (DEPENDS) or share a fixture that is set up or cleaned up:
 * fills group and next. */
int ctest_tie(json_t *answer, struct ctest_list *list, struct err *err);

void ctest_list_fini(struct ctest_list *list);

/* A property of the n-th test as CTest gives it; NULL when it is not set. */
json_t *ctest_property(json_t *answer, size_t test, const char *name);

#endif
