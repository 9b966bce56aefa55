/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin protocol (docs/plugin-protocol.md) for plugins written in C. A plugin fills one
 * struct sdk_plugin and calls sdk_main():
 *
 *     static int plan(struct sdk *sdk, struct err *err)
 *     {
 *         const char *const argv[] = {"make", "check", NULL};
 *         return sdk_emit_unit(sdk, &(struct sdk_unit){.id = "check", .argv = argv}, err);
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         static const struct sdk_plugin plugin = {
 *             .name = "make", .schema = "{\"type\":\"object\"}", .plan = plan};
 *         return sdk_main(argc, argv, &plugin);
 *     }
 *
 * Single-threaded; one verb a process. Sees runner/base only. */
#ifndef SLUICE_PLUGINS_SDK_SDK_H
#define SLUICE_PLUGINS_SDK_SDK_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SDK_PROTOCOL 1

/* Input of plan: settings are written by people, they are read from a YAML file of at most a few
 * MiB; the lines of a diff are 32 MiB at most. */
#define SDK_INPUT_MAX (48u << 20)

/* Input of select and judge: a million units of 1 KiB. Beyond: the verb fails. */
#define SDK_OUTCOMES_MAX (1u << 30)

/* Output is flushed whenever this much stands in the buffer. */
#define SDK_FLUSH_SIZE (64u << 10)

/* One line of output at most, as the host reads it (PLUGIN_LINE_MAX). */
#define SDK_LINE_MAX (1u << 20)

/* A weight no machine has: such a unit runs alone. */
#define SDK_SLOTS_ALL UINT32_MAX

/* What a verb was asked, and where its answer goes. */
struct sdk {
    const char *layer;
    const char *root;    /* top folder of the tree; the working folder of plan */
    const char *program; /* this plugin as a unit can start it; NULL in judge */
    json_t *with;        /* the layer's settings, an object; borrowed */
    json_t *diff;        /* lines that the run is about: {"base": SHA, "files": [{"file": PATH,
                            "lines": [[FIRST, LAST], ...]}, ...]}; NULL = all; borrowed */
    int64_t seed;        /* select: the only source of chance, 0 or more */
    int64_t budget_ms;   /* select: time of the run; 0 = no limit */
    json_t *changed;     /* select: names of changed files; NULL = not known; borrowed */

    /* private */
    const struct sdk_plugin *plugin;
    json_t *request;
    struct str out;    /* buffered output */
    struct str in;     /* select, judge: what was read and not yet given */
    size_t in_at;      /* select, judge: of the next line in `in` */
    json_t *line;      /* select, judge: owner of the strings last given */
    size_t unit_count; /* emitted so far */
    int out_fd;
    int in_fd;
};

/* A verb that answers on the host's terms: 0, or negative errno with *err told on standard error
 * (the exit code is then 1). */
typedef int (*sdk_verb_fn)(struct sdk *sdk, struct err *err);

/* A verb of the plugin's own, for units it runs itself: `PROGRAM NAME ARG...`. argv[0] is NAME.
 * Returns the exit code. */
struct sdk_private_verb {
    const char *name;
    int (*run)(int argc, char **argv);
};

struct sdk_plugin {
    const char *name;
    const char *schema; /* JSON Schema of `with`, one object; or, where that is made from a
                           table, NULL and */
    void (*write_schema)(struct str *out); /* appends it */
    const char *const *metrics;            /* NULL-terminated; NULL = none */
    sdk_verb_fn plan;
    sdk_verb_fn select;                   /* NULL = not offered */
    sdk_verb_fn judge;                    /* NULL = not offered */
    const struct sdk_private_verb *verbs; /* ends with a NULL name; NULL = none */
    bool produces;                        /* its units have outputs that other layers may need */
};

/* The program: does what argv says, returns the exit code: 0 done, 1 the verb failed (its reason is
 * on standard error), 2 not a verb. */
int sdk_main(int argc, char **argv, const struct sdk_plugin *plugin);

/* ---- plan ---- */

struct sdk_env {
    const char *name;
    const char *value; /* NULL: as sluice itself was started with */
};

/* One unit. Lists end with NULL and may be NULL; strings may be NULL, numbers 0: left out. */
struct sdk_unit {
    const char *id;          /* needed; unique in the layer */
    const char *const *argv; /* needed */
    const char *cwd;         /* relative to the root */
    const struct sdk_env *env;
    size_t env_count;
    int64_t timeout_ms;
    int64_t cost_ms;
    uint32_t slots;
    const char *const *locks;
    const char *const *labels;
    const char *report_format; /* a word of model/unit.h: "junit", "tap", "gotest", ... */
    const char *report_path;   /* relative to cwd; NULL = standard output */
    const char *file;          /* where the test is written, relative to the root */
    uint32_t line;
    const char *skip; /* reason */
    bool expands;
    const char *const *needs;     /* ids of units of this layer */
    const char *const *outputs;   /* paths or glob patterns, relative to the root */
    const char *const *artifacts; /* the same; kept whatever the outcome, see sdk_outcome */
    const char *memo;             /* path relative to the root of a file that it finds again when it
                                     runs the next time, as it left it; may only save time */
};

/* For a private verb that is the command of a unit that `expands`: `emit` writes units to standard
 * output. What it may use of `sdk` is sdk_emit_unit(). */
int sdk_expand(const struct sdk_plugin *plugin,
               int (*emit)(struct sdk *sdk, void *context, struct err *err),
               void *context,
               struct err *err);

/* Writes one unit. Text that is not UTF-8 cannot stand in JSON: -EILSEQ with a message. A line
 * beyond SDK_LINE_MAX: -EFBIG. */
int sdk_emit_unit(struct sdk *sdk, const struct sdk_unit *unit, struct err *err);

/* ---- ids ---- */

/* The longest part of a text that becomes an id: a file name of 255 bytes has room for it. A longer
 * text is cut and a hash of the whole appended. */
#define SDK_ID_MAX  200
#define SDK_ID_SIZE (SDK_ID_MAX + 64) /* " [16 digits]", " #4194304", terminator */

/* Remembers ids by a 64-bit hash and how often each came: 16 bytes an id, at most half full, so
 * that a million cost 32 MiB. Two different ids of one hash (1 in 10^7 at a million) only cost a
 * needless "#2". A zeroed object is empty. */
struct sdk_ids {
    struct sdk_id_entry {
        uint64_t hash;
        uint64_t count; /* 0 = free place */
    } * entries;

    size_t count;
    size_t cap; /* a power of two */
};

void sdk_ids_fini(struct sdk_ids *ids);

/* Makes the id of a text, e.g. a command line: the text itself, control bytes as blanks, cut when
 * long; " #2", " #3"... when it was there already. 0 or -ENOMEM. */
int sdk_ids_make(struct sdk_ids *ids, const char *text, char buf[SDK_ID_SIZE]);

/* ---- select ---- */

/* One unit to choose from; strings live until the next one is read. */
struct sdk_candidate {
    const char *unit;
    const char *file; /* NULL = unknown */
    int64_t line;
    const json_t *labels; /* array of strings, or NULL */
    int64_t cost_ms;      /* what plan said; 0 = nothing */
    const char *last;     /* how it ended last, as sdk_outcome.status; NULL = never run */
    int64_t last_ms;      /* how long that took */
};

/* Reads the next unit: 1, 0 at the end, negative on error. Fields that a later host may add are
 * passed over. */
int sdk_next_candidate(struct sdk *sdk, struct sdk_candidate *ret_candidate, struct err *err);

/* Selects a unit, to start after those selected before it. Each once, at least one of all. */
int sdk_emit_selected(struct sdk *sdk, const char *unit, struct err *err);

/* ---- judge ---- */

/* How one unit ended; strings live until the next one is read. */
struct sdk_outcome {
    const char *unit;
    int64_t shard;      /* 0 = not sharded */
    const char *status; /* "passed", "failed", "errored", "timed_out", "skipped" */
    int64_t exit;       /* -1 when ended by a signal or never started */
    int64_t signal;
    int64_t wall_ms;
    int64_t cpu_ms;
    int64_t attempts;
    bool flaky;
    const char *message; /* NULL = none */
    int64_t cases_total, cases_passed, cases_failed, cases_errored, cases_skipped;
    bool reused;             /* evidence answered, it did not run */
    const json_t *artifacts; /* array of strings: absolute paths of the files that were kept of it,
                                sorted; NULL = none */
};

/* Reads the next outcome: 1, 0 at the end, negative on error. Fields that a later host may add are
 * passed over. */
int sdk_next_outcome(struct sdk *sdk, struct sdk_outcome *ret_outcome, struct err *err);

struct sdk_finding {
    const char *file; /* relative to the root; NULL = the whole tree */
    uint32_t line;
    uint32_t column;
    const char *rule;
    const char *severity; /* "error", "warning", "note"; NULL = error */
    const char *message;
    const char *fix; /* what to do; NULL */
};

int sdk_emit_metric(struct sdk *sdk, const char *name, double value, struct err *err);
/* Instead: it could not be measured, and why. A gate on it is in error then. */
int sdk_emit_no_metric(struct sdk *sdk, const char *name, const char *why, struct err *err);
int sdk_emit_finding(struct sdk *sdk, const struct sdk_finding *finding, struct err *err);
int sdk_emit_artifact(struct sdk *sdk, const char *path, struct err *err);

/* ---- commands ---- */

/* The argv of a command line: plain words are split by POSIX quoting and run directly, anything
 * else, and built-in commands of the shell, by /bin/sh -c. *ret_argv is NULL-terminated, one
 * allocation (mem_free()); it may point into `line`, which has to outlive it. */
int sdk_command_argv(const char *line, const char ***ret_argv, struct err *err);

/* Runs a program to its end in `cwd` (NULL = here), standard input empty, standard error passed
 * through, and appends what it prints to *out. 0 when it exited with 0; -ENOENT when it cannot be
 * started; -EIO when it ended otherwise; -EFBIG beyond out->max (it is killed). */
int sdk_run(const char *const *argv, const char *cwd, struct str *out, struct err *err);

#endif
