/* SPDX-License-Identifier: Apache-2.0 */
/* One observed unit at a time over a small tree, and what its trace must say. */
#ifndef SLUICE_TESTS_EXEC_OBSERVED_H
#define SLUICE_TESTS_EXEC_OBSERVED_H

#include "engine.h"

/* Of the running test; `result` is that of the last unit. */
extern struct engine engine;
extern struct result result;

/* Opens the engine over a tree: a.c, dir/{b.c,deep/c.c}, and the program `ask` (asker.h). Skips the
 * test where this machine cannot isolate. */
void open_tree(void);
void put_link(const char *path, const char *target);
void put_script(const char *path, const char *text);

/* Runs a script; it must have been observed. */
void observe(const char *script);
void assert_passed(void);
void assert_unflagged(void);

/* Runs a script that must pass and be complete, and compares what it asked of the tree: lines "C
 * a.c". */
void assert_asks(const char *script, const char *expected);

/* Of the last unit: a whole line of its trace, a flag and words of its reason. */
bool trace_has(const char *line);
void assert_has(const char *line);
void assert_lacks(const char *line);
void assert_flag(unsigned flag, const char *words);

#endif
