/* SPDX-License-Identifier: Apache-2.0 */
/* What the adapters of test tools share: how the tool is called, asked for its tests, and how one
 * unit's command and report are put together. Private to this plugin.
 *
 * The command of a unit is
 *
 *     COMMAND BEFORE... ARGS... AFTER...
 *
 * with COMMAND the tool or what the setting `command` says in its place, ARGS the setting `args`,
 * and the rest the adapter's. */
#ifndef SLUICE_PLUGINS_UNIT_TOOL_H
#define SLUICE_PLUGINS_UNIT_TOOL_H

#include "base/limits.h"
#include "base/vec.h"
#include "plugins/unit/unit.h"

/* What a tool answers when it is asked for its tests: about 1 KiB a test, a quarter of a million
 * tests. Beyond: an error. */
#define TOOL_ANSWER_MAX (256u << 20)

/* Words of a command, ended by NULL once finished; borrowed. */
struct words {
    VEC_FIELDS(const char *);
};

struct tool {
    struct sdk *sdk;
    const struct unit_settings *settings;
    const char **command; /* words; empty when there is none */
    struct sdk_ids ids;
    struct sdk_env env[4]; /* of every unit and of the tool when it is asked */
    size_t env_count;
};

/* One unit to be. */
struct tool_unit {
    const char *id;     /* made unique */
    const char *file;   /* where it is written, relative to dir; NULL = unknown */
    const char *cwd;    /* relative to the root; NULL = dir */
    const char *verb;   /* private verb that starts the command and is told where its report goes;
                           NULL = "fresh" */
    const char *how;    /* a word for the verb, before the report's name; NULL = none */
    const char *format; /* of the report */
    const char *report; /* file in cwd, see tool_report(); NULL = standard output, no verb */
    const char *const *before; /* end with NULL; NULL = none */
    const char *const *after;
    bool direct;                 /* BEFORE is the whole command */
    const struct sdk_unit *more; /* timeout, locks, labels, env ...; NULL = none */
};

/* Prepares the use of a tool: `command` is split into words. `fallback` is the tool's usual command
 * line; "" for a tool whose tests are programs. */
int tool_init(struct tool *tool,
              struct sdk *sdk,
              const struct unit_settings *settings,
              const char *fallback,
              struct err *err);
void tool_fini(struct tool *tool);

/* The name of a report file that no other unit has: "sluice-HASH" and `ending`. In `buf`. */
#define TOOL_REPORT_SIZE 64
const char *tool_report(const char *id, const char *ending, char buf[TOOL_REPORT_SIZE]);

/* A path relative to dir as one relative to the root. In `buf`. */
const char *tool_path(const struct tool *tool, const char *path, char buf[PATH_TEXT_MAX]);

/* A path as a word that no tool takes for an option: "-x_test.py" is "./-x_test.py". In `buf`, or
 * the path itself. */
const char *tool_operand(const char *path, char buf[PATH_TEXT_MAX]);

/* Asks the tool in dir: COMMAND BEFORE... ARGS... AFTER...; each may be NULL. Appends what it
 * prints to *out. As sdk_run(): -EIO when it ended with anything but 0, and *out is filled. */
int tool_ask(const struct tool *tool,
             const char *const *before,
             json_t *args,
             const char *const *after,
             struct str *out,
             struct err *err);

/* Emits a unit. */
int tool_emit(struct tool *tool, const struct tool_unit *unit, struct err *err);

/* The next line of a text, without its end; NULL when there is none. Changes the text. */
char *tool_line(char **rest);

#endif
