/* SPDX-License-Identifier: Apache-2.0 */
/* Planning with the plugin `unit` in the test's folder, which is the root. */
#ifndef SLUICE_TESTS_PLUGIN_UNIT_SUPPORT_PLAN_H
#define SLUICE_TESTS_PLUGIN_UNIT_SUPPORT_PLAN_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Makes test_folder() the working folder and returns its path without links. */
const char *enter_folder(void);

/* Writes a file below the working folder; executable when `mode` says so (0755). */
void write_file(const char *path, const char *text, unsigned mode);

/* Can `tool` be run? When not, says so: the caller skips its test. */
bool has_tool(const char *tool);

/* Runs a command line with its output dropped; fails the test when it fails. */
void run_shell(const char *line);

/* Plans with the settings; *ret_units (json_decref() it) is an array of units. */
int plan(const char *settings, json_t **ret_units, struct err *err);

/* The planning must fail with this message. */
void assert_plan_refused(const char *settings, const char *message);

/* Words of a unit's argv joined with blanks, in a static buffer. */
const char *words_of(const json_t *unit, const char *key);

const char *text_of(const json_t *unit, const char *key);

#endif
