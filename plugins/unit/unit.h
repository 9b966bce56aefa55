/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin `unit`: finds the tests a tree has, by asking the tool that knows them (CTest) or by
 * looking for files, and makes each a unit whose cases are read from the report it leaves. */
#ifndef SLUICE_PLUGINS_UNIT_UNIT_H
#define SLUICE_PLUGINS_UNIT_UNIT_H

#include "plugins/sdk/sdk.h"

extern const struct sdk_plugin unit_plugin;

struct unit_settings {
    const char *discover;
    const char *dir;     /* relative to the root; "." by default */
    const char *tests;   /* glob pattern below dir */
    const char *report;  /* JUnit file or glob pattern below dir */
    const char *run;     /* command */
    const char *config;  /* CTest: build configuration of a multi-config generator */
    const char *command; /* what to call in the tool's place */
    json_t *args;        /* further words for the tool, strings; NULL = none; borrowed */
    const char *split;   /* "file" or "case"; NULL = file */
    bool split_case;     /* one unit a test case instead of one a file, binary or package */
};

/* Writes the JSON Schema of the settings. */
void unit_write_schema(struct str *out);

/* Reads what stands under `with`; texts are borrowed from it. */
int unit_read_settings(json_t *with, struct unit_settings *ret_settings, struct err *err);

/* Reads the settings and hands over to the way of discovery they name. */
int unit_plan(struct sdk *sdk, struct err *err);

/* Ways of discovery. Each emits at least one unit or fails with a message. */
int unit_plan_ctest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_files(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_command(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_meson(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_gtest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_criterion(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_pytest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_node(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_vitest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_jest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_go(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_cargo(struct sdk *sdk, const struct unit_settings *settings, struct err *err);
int unit_plan_nextest(struct sdk *sdk, const struct unit_settings *settings, struct err *err);

/* Emits a unit that leaves its report in a file, run through the private verb `fresh` so that a
 * report of an earlier run can never be taken for this one's. `unit->argv` is the command. A
 * report path with wildcards is left alone. */
int unit_emit_fresh(struct sdk *sdk, const struct sdk_unit *unit, struct err *err);

/* Removes a report of an earlier run: 0, also when there is none, or the exit code of a verb that
 * cannot do its work, which has been told. */
int unit_remove_report(const char *path);

/* Private verb `fresh REPORT COMMAND...`: removes REPORT, then becomes COMMAND. */
int unit_run_fresh(int argc, char **argv);

/* Private verb `report KIND REPORT COMMAND...`: runs COMMAND without an old REPORT and then makes
 * REPORT from what it left, for tools whose own report is not one that sluice reads, or says less
 * than their exit code. Ends as COMMAND did, by the same signal too. */
int unit_run_report(int argc, char **argv);

/* Private verb `cargo SETTINGS`: builds the tests of a cargo project and expands into units. */
int unit_run_cargo(int argc, char **argv);

#endif
