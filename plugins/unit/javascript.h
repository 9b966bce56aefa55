/* SPDX-License-Identifier: Apache-2.0 */
/* What Jest and Vitest share: they list their test files as JSON, and lie in node_modules. Their
 * tests are listed by a run that asks for a test of no name: each file is loaded, as it is for any
 * run, and all its tests are named as skipped. Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_JAVASCRIPT_H
#define SLUICE_PLUGINS_UNIT_JAVASCRIPT_H

#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/tool.h"

/* A regular expression that no name matches: nothing stands before a beginning. */
#define JAVASCRIPT_NONE "a^"

/* One test of a file, with `split: case`: all of that name are one unit. */
struct javascript_test {
    const char *id;
    const char *pattern; /* option that asks for it alone: "--testNamePattern=^...$" */
    const char *how;     /* of the verb `report`: "KIND=NAME" */
};

struct javascript_tool {
    const char *name;
    const char *fallback;     /* its command in dir */
    const char *const *list;  /* options that print the files as JSON: paths, or objects with one in
                                 "file" */
    const char *const *cases; /* options of a run that leaves the JSON of Jest */
    const char *operands;     /* option before files to run; NULL = none */
    /* Emits the unit of files->items[at], or of one test of it unless that is NULL; the files are
     * sorted by their bytes. */
    int (*emit)(struct tool *tool,
                const struct found *files,
                size_t at,
                const struct javascript_test *test,
                struct err *err);
};

/* Plans one unit a file, or a test: of those that `tests` names, or the tool's own list. */
int javascript_plan(struct sdk *sdk,
                    const struct unit_settings *settings,
                    const struct javascript_tool *javascript,
                    struct err *err);

/* Appends OPTION and a regular expression that matches `name` and no other text. */
int javascript_pattern(struct str *out, const char *option, const char *name);

/* A path in a folder of its own outside of the tree: a tool that is asked leaves PLACE.raw, and may
 * need PLACE.cjs. javascript_drop_place() removes all three. */
#define JAVASCRIPT_PLACE_SIZE 256
int javascript_make_place(char place[JAVASCRIPT_PLACE_SIZE], struct err *err);
void javascript_drop_place(char place[JAVASCRIPT_PLACE_SIZE]);

#endif
