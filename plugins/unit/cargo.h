/* SPDX-License-Identifier: Apache-2.0 */
/* What cargo and nextest share: one unit builds all tests and expands into those that run them.
 * Private to this plugin. */
#ifndef SLUICE_PLUGINS_UNIT_CARGO_H
#define SLUICE_PLUGINS_UNIT_CARGO_H

#include "plugins/unit/tool.h"

/* The unit that builds; the others need it. */
#define CARGO_BUILD_ID "build"

/* A name of a test, a target or a package. Beyond: an error. */
#define CARGO_NAME_MAX 2000

/* Emits a unit that needs the build: `unit` without `more`. */
int cargo_emit(struct tool *tool, const struct tool_unit *unit, struct err *err);

/* The folder of an absolute path below the root, relative to it ("." = the root itself). -EINVAL
 * when it is not below. */
int cargo_folder(const struct tool *tool,
                 const char *path,
                 char buf[PATH_TEXT_MAX],
                 struct err *err);

/* What `cargo nextest list` says, as units. */
int nextest_emit(struct tool *tool, json_t *list, struct err *err);

#endif
