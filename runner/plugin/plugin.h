/* SPDX-License-Identifier: Apache-2.0 */
/* Talks to plugin programs (docs/plugin-protocol.md). Never trusts what they say: sizes and counts
 * are bounded, unknown fields are errors with the field's name, every failure is one clear message.
 */
#ifndef SLUICE_PLUGIN_PLUGIN_H
#define SLUICE_PLUGIN_PLUGIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/map.h"
#include "base/str.h"
#include "config/config.h"
#include "model/event.h"
#include "model/outcome.h"
#include "model/unit.h"
#include "model/verdict.h"

#include <jansson.h>

#define PLUGIN_PROTOCOL 1

/* One line of a plugin's output: a unit with a long argv. Beyond: an error with the line's number.
 */
#define PLUGIN_LINE_MAX (1u << 20)
/* describe must answer within this time (it only prints a constant), in this many bytes. */
#define PLUGIN_DESCRIBE_TIMEOUT_MS 10000
#define PLUGIN_DESCRIBE_MAX        (1u << 20)
/* plan's whole output: 2^20 units of 1 KiB. */
#define PLUGIN_PLAN_MAX (1u << 30)
/* select's whole output: two million units of 120 bytes. */
#define PLUGIN_SELECT_MAX (256u << 20)
/* judge's whole output. */
#define PLUGIN_JUDGE_MAX    (64u << 20)
#define PLUGIN_FINDINGS_MAX 100000
#define PLUGIN_METRICS_MAX  256

struct plugin_description {
    const char *name;
    const char *program;      /* absolute path of the executable */
    const char *schema;       /* JSON Schema of `with`, text */
    struct text_list metrics; /* names a gate may use, besides those every layer has */
    bool selects, judges;     /* has the optional verbs */
    bool produces;            /* its units may have outputs that other layers need */
};

/* Names of the built-in plugins found in `plugin_dir` (files sluice-plugin-NAME), in `arena`. */
int plugin_list_builtin(const char *plugin_dir,
                        struct arena *arena,
                        struct text_list *ret_names,
                        struct err *err);

/* Finds the program for `uses`: a built-in name in `plugin_dir`, or "./path" below `root` (no "..",
 * must be an executable file). */
int plugin_find(const char *uses,
                const char *plugin_dir,
                const char *root,
                char *buf,
                size_t size,
                struct err *err);

/* Runs `PROGRAM describe` as a plain bounded child and checks its answer. */
int plugin_describe(const char *program,
                    struct arena *arena,
                    struct plugin_description *ret_description,
                    struct err *err);

/* As plugin_describe(), for programs whose answer depends on nothing but themselves (the built-in
 * ones): what the program printed is kept in `folder` (base/memo.h), under its path and stat data,
 * and checked as if it had just been printed. */
int plugin_describe_once(const char *program,
                         const char *folder,
                         struct arena *arena,
                         struct plugin_description *ret_description,
                         struct err *err);

/* The schema of a description, to be used for many layers; json_decref() it. */
int plugin_read_schema(const struct plugin_description *description,
                       json_t **ret_schema,
                       struct err *err);

/* Checks a layer's `with` against the plugin's schema (the subset of draft-07 in schema.h) and its
 * gate metrics against those known; complaints carry the position in the pipeline file. */
int plugin_check_layer(const struct plugin_description *description,
                       json_t *schema,
                       const struct config *config,
                       const struct layer *layer,
                       struct err *err);

/* The JSON object written to `PROGRAM plan`'s standard input. `root` and `program` are paths as the
 * verb sees them; `diff` is the lines that the run is about (sched_options.diff), a JSON value,
 * NULL = it is about all of the tree. */
int plugin_plan_input(const struct layer *layer,
                      const char *root,
                      const char *program,
                      const char *diff,
                      struct str *out);

/* What `select` is told beside the units. */
struct plugin_select_facts {
    uint64_t seed;
    int64_t budget_ms;         /* of the run; 0 = none */
    const struct str *changed; /* files, each ended by NUL; NULL = not known */
    const char *diff;          /* as in plugin_plan_input() */
};

/* Append the first line of select's input, and one line for a unit; `last` is the word for its
 * newest outcome, NULL when it never ran. */
int plugin_select_header(const struct layer *layer,
                         const char *root,
                         const struct plugin_select_facts *facts,
                         struct str *out);
int plugin_select_unit(const struct unit *unit, const char *last, int64_t last_ms, struct str *out);

struct plugin_selection {
    const uint32_t *order; /* positions of the selected units, first one first */
    size_t count;
    const bool *taken; /* for each position */
};

/* Reads select's answer. `positions` has the id of each unit asked about and its
 * position, 0 to count - 1. Unknown ids, an id twice, no id at all, more than PLUGIN_SELECT_MAX
 * bytes: errors "PLUGIN select: line N: ...". Allocates in `arena`. */
int plugin_read_selection(const struct plugin_description *description,
                          const struct file_part *answer,
                          const struct map *positions,
                          struct arena *arena,
                          struct plugin_selection *ret_selection,
                          struct err *err);

/* Reads units, one JSON object a line, at most PLUGIN_PLAN_MAX bytes of them. Allocates in
 * `arena`; calls `each` per unit (non-zero stops and is returned). Duplicate ids, ids over ID_MAX
 * or with control bytes, paths that leave the root, empty argv: errors "PLUGIN plan: line N: ...".
 * No unit at all: -ENODATA. */
int plugin_read_units(const struct plugin_description *description,
                      uint32_t layer_index,
                      const struct file_part *answer,
                      struct arena *arena,
                      int (*each)(void *context, const struct unit *unit),
                      void *context,
                      struct err *err);

/* Appends one outcome as judge input line (the first line of the input is written by
 * plugin_judge_header()). `artifacts`: absolute paths of what was kept of it. */
int plugin_judge_header(const struct layer *layer,
                        const char *root,
                        const char *diff,
                        struct str *out);
int plugin_judge_outcome(const struct unit *unit,
                         const struct outcome *outcome,
                         const struct text_list *artifacts,
                         struct str *out);

/* Reads judge's answer. */
int plugin_read_judgement(const struct plugin_description *description,
                          const struct file_part *answer,
                          struct arena *arena,
                          struct judgement *ret_judgement,
                          struct err *err);

#endif
