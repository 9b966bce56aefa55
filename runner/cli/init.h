/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice init`: what a tree says about its tests, and the pipeline that is written from it.
 *
 *     init_scan()      which folders have files that tell a tool ("marks")
 *     init_detect()    a table of detectors makes layers of them, and says what it found
 *     init_write()     the layers as YAML
 *
 * Nothing here runs a program or changes a file. The same tree gives the same bytes. Texts live in
 * the arena. */
#ifndef SLUICE_CLI_INIT_H
#define SLUICE_CLI_INIT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

/* Entries of folders looked at: about 0.2 s on a cold disk. Beyond: the rest is not looked at, and
 * that is told. */
#define INIT_ENTRIES_MAX 50000
/* Levels of folders looked into: packages/x/tests/unit/y is 5. */
#define INIT_DEPTH_MAX 6
/* Layers written: more than a person wants to read. Beyond: told, not written. */
#define INIT_LAYERS_MAX 48
/* A file that is looked into (package.json, Makefile ...). Beyond: told, not read. */
#define INIT_FILE_MAX (4u << 20)
/* Texts of a tree, its layers and what is said about them. */
#define INIT_ARENA_MAX ((size_t)64 << 20)

/* What a file's name tells about its folder. */
enum init_mark {
    INIT_CMAKE = 1 << 0,
    INIT_MESON = 1 << 1,
    INIT_CONFIGURE = 1 << 2,
    INIT_AUTOCONF = 1 << 3, /* configure.ac */
    INIT_MAKE = 1 << 4,
    INIT_NPM = 1 << 5,
    INIT_PYTHON = 1 << 6, /* a file that makes the folder a Python project */
    INIT_PYTEST = 1 << 7, /* a file of pytest's own */
    INIT_PYTEST_FILE = 1 << 8,
    INIT_PYTHON_PACKAGE = 1 << 9, /* __init__.py */
    INIT_GO = 1 << 10,
    INIT_GO_TEST = 1 << 11,
    INIT_CARGO = 1 << 12,
    INIT_BATS = 1 << 13,
    INIT_SERVICES = 1 << 14,
    INIT_DOTENV = 1 << 15,
    INIT_SUBMODULES = 1 << 16,
    INIT_NODE_TEST = 1 << 17,
};

struct init_folder {
    const char *path; /* relative to the root; "." is that itself */
    uint32_t marks;   /* enum init_mark */
    unsigned depth;
};

struct init_tree {
    const char *root; /* absolute */
    struct arena *arena;

    struct {
        VEC_FIELDS(struct init_folder);
    } folders; /* shallow ones first, by name */

    size_t entries;
    bool cut;          /* INIT_ENTRIES_MAX was reached */
    size_t unnameable; /* folders passed over: their names cannot stand in a pipeline */
};

/* A layer to be written. NULL = that key is left out. */
struct init_layer {
    const char *id; /* as wished; init_detect() makes it unique */
    const char *dir;
    const char *marker;  /* the file that told, relative to the root */
    const char *tool;    /* for people: "CMake" */
    const char *comment; /* lines without "# " */
    const char *uses;    /* plugin */
    const char *with;    /* YAML: lines "key: value", without indentation */
    const char *outputs; /* the rest: YAML values on one line */
    const char *expose;
    const char *env;
    const char *cwd;
    const char *in_place; /* why it cannot be isolated: `sandbox: none` */
    const char *programs; /* that must be there, e.g. "cmake ninja" */
    size_t needs;         /* number of the layer before it that it needs, from 1; 0 = none */
    bool tests;           /* false: builds, or checks something else */
};

struct init_texts {
    VEC_FIELDS(const char *);
};

struct init_plan {
    const struct init_tree *tree;
    struct arena *arena;

    struct {
        VEC_FIELDS(struct init_layer);
    } layers;
    struct init_texts problems, unknown; /* sentences for people */
    bool failed;                         /* out of memory */
};

int init_scan(const char *root, struct arena *arena, struct init_tree *ret_tree, struct err *err);
void init_tree_fini(struct init_tree *tree);

/* Fills *plan (zeroed before). Success when nothing was found as well. */
int init_detect(const struct init_tree *tree, struct init_plan *plan, struct err *err);
void init_plan_fini(struct init_plan *plan);

/* The pipeline file. */
int init_write(const struct init_plan *plan, struct str *out);

/* ---- for detectors ---- */

/* A text in the plan's arena; "" without memory, and the plan has failed. */
const char *init_text(struct init_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A word as a YAML scalar, quoted where needed. */
const char *init_scalar(struct init_plan *plan, const char *word);
void init_put_scalar(struct str *out, const char *word);

/* `name` in `dir`, relative to the root: "name" or "dir/name". */
const char *init_join(struct init_plan *plan, const char *dir, const char *name);

/* The content of a file below the root; NULL when it is absent or cannot be read, which is told as
 * a problem. In the arena. */
const char *init_read(struct init_plan *plan, const char *path);
bool init_exists(const struct init_plan *plan, const char *path);

/* Is `path` inside `folder` (or it)? */
bool init_is_below(const char *path, const char *folder);

/* Adds a layer; its number, from 1. 0 when there are too many. */
size_t init_add_layer(struct init_plan *plan, const struct init_layer *layer);
/* NOLINTBEGIN(readability-identifier-naming): used as if they were functions */
#define init_problem(plan, ...) init_say(&(plan)->problems, plan, init_text(plan, __VA_ARGS__))
#define init_unknown(plan, ...) init_say(&(plan)->unknown, plan, init_text(plan, __VA_ARGS__))
/* NOLINTEND(readability-identifier-naming) */

/* Adds a sentence to one of the lists of a plan, once. */
void init_say(struct init_texts *texts, struct init_plan *plan, const char *text);

/* Detectors. True when the folder was taken: folders below it are then not asked again. */
bool init_detect_build(struct init_plan *plan, const struct init_folder *folder);
bool init_detect_npm(struct init_plan *plan, const struct init_folder *folder);
bool init_detect_pytest(struct init_plan *plan, const struct init_folder *folder);
bool init_detect_go(struct init_plan *plan, const struct init_folder *folder);
bool init_detect_cargo(struct init_plan *plan, const struct init_folder *folder);
bool init_detect_bats(struct init_plan *plan, const struct init_folder *folder);

/* ---- npm scripts (init_script.c) ---- */

/* What a test script runs, understood. */
struct init_script {
    const char *tool;   /* "vitest", "jest", "node" (--test), "node-tap" (a file that
                           prints TAP), "mocha", "ava", "tap", "tape"; NULL = unknown */
    const char *args;   /* its options, as a YAML list; NULL = none */
    const char *words;  /* its options and files as they are written */
    const char *tests;  /* the one file or pattern that is named; NULL = none */
    const char *env;    /* variables set before the tool, as YAML; NULL = none */
    const char *checks; /* other commands of the script, joined by && */
    bool many;          /* several files or patterns are named */
    bool dropped;       /* words that choose files or measure coverage were left out */
};

/* `scripts` is the object of package.json. */
struct init_script init_read_script(struct init_plan *plan, json_t *scripts, bool has_tape);

#endif
