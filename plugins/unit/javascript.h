/* SPDX-License-Identifier: Apache-2.0 */
/* What Jest and Vitest share: they list their test files as JSON, and lie in node_modules. Private
 * to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_JAVASCRIPT_H
#define SLUICE_PLUGINS_UNIT_JAVASCRIPT_H

#include "plugins/unit/find.h"
#include "plugins/unit/tool.h"

struct javascript_tool {
    const char *name;
    const char *fallback;    /* its command in dir */
    const char *const *list; /* options that print the files as JSON: paths, or objects with one in
                                "file" */
    /* Emits the unit of files->items[at]; the files are sorted by their bytes. */
    int (*emit)(struct tool *tool, const struct found *files, size_t at, struct err *err);
};

/* Plans one unit a file: those that `tests` names, or the tool's own list. */
int javascript_plan(struct sdk *sdk,
                    const struct unit_settings *settings,
                    const struct javascript_tool *javascript,
                    struct err *err);

#endif
