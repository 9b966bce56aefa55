/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `unit`: finds the tests a tree has, by asking the tool that knows them (CTest) or by
 * looking for files, and makes each a unit whose cases are read from the report it leaves. */
#ifndef SLUICE_PLUGINS_UNIT_UNIT_H
#define SLUICE_PLUGINS_UNIT_UNIT_H

#include "plugins/sdk/sdk.h"

extern const struct sdk_plugin unit_plugin;

struct unit_settings {
    const char *discover;
    const char *dir;    /* relative to the root; "." by default */
    const char *tests;  /* glob pattern below dir */
    const char *report; /* JUnit file or glob pattern below dir */
    const char *run;    /* command */
    const char *config; /* CTest: build configuration of a multi-config generator */
};

/* Reads the settings and hands over to the way of discovery they name. */
int unit_plan(struct sdk *sdk, struct err *err);

/* Ways of discovery. Each emits at least one unit or fails with a message. */
int unit_plan_ctest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_files(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_command(struct sdk *sdk, const struct unit_settings *settings, struct err *err);

/* Emits a unit that leaves its report in a file, run through the private verb `fresh` so that a
 * report of an earlier run can never be taken for this one's. `unit->argv` is the command. A
 * report path with wildcards is left alone. */
int unit_emit_fresh(struct sdk *sdk, const struct sdk_unit *unit, struct err *err);

/* Private verb `fresh REPORT COMMAND...`: removes REPORT, then becomes COMMAND. */
int unit_run_fresh(int argc, char **argv);

#endif
