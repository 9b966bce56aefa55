/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline as plain data: what a YAML file declared, after defaults, matrix expansion and
 * substitution. config fills it; everything lives in one arena and is read-only afterwards. */
#ifndef SLUICE_MODEL_PIPELINE_H
#define SLUICE_MODEL_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a thing was written, for messages. line and column count from 1; line 0 = unknown. */
struct source_pos {
    const char *file;
    unsigned line;
    unsigned column;
};

struct text_list {
    const char *const *items; /* `count` strings, then NULL */
    size_t count;
};

/* One environment variable of a layer or unit. */
struct env_entry {
    const char *name;
    const char
        *value; /* NULL: take the value sluice itself was started with; unset when absent there */
};

struct env_list {
    const struct env_entry *items;
    size_t count;
};

/* When a failed attempt of a unit is tried again. Bits of retry.when. */
enum retry_cause {
    RETRY_FAILURE = 1 << 0, /* outcome failed */
    RETRY_ERROR = 1 << 1,   /* outcome errored for any reason but the two below */
    RETRY_TIMEOUT = 1 << 2, /* outcome timed_out */
    RETRY_SIGNAL = 1 << 3,  /* ended by a signal it did not get from sluice */
};

enum layer_when {
    WHEN_ALWAYS,  /* in every run */
    WHEN_CHANGED, /* only when the snapshot differs from the one this layer's gate last opened on */
    WHEN_MANUAL,  /* only when named on the command line or by a filter */
};

enum sandbox_mode {
    SANDBOX_FULL, /* the world of design.md section 5 */
    SANDBOX_NONE, /* in place, in the live tree */
};

enum reuse_mode {
    REUSE_OBSERVED, /* default: by observed inputs */
    REUSE_DECLARED, /* by the listed files and a ttl; for units with network */
    REUSE_OFF,
};

struct reuse_policy {
    enum reuse_mode mode;
    int64_t ttl_ms;      /* 0 = no limit */
    unsigned verify_ppm; /* share of hits that is run again, parts per million */
    struct text_list declared;
};

/* gate: {METRIC: {min: N, max: N}}; one rule per metric. */
struct gate_rule {
    const char *metric;
    bool has_min, has_max;
    double min, max; /* inclusive bounds */
    bool final;      /* an including pipeline may not loosen it */
    struct source_pos pos;
};

struct layer {
    const char *id;      /* unique; "unit", or "unit[asan]" for a matrix variant */
    const char *base_id; /* the key under `layers:`: "unit" */
    const char *name;    /* shown to people; the id when not given */
    const char *uses;    /* plugin: a built-in name, or a path starting with "./" below the root */
    const char *with;    /* settings as one JSON object, text; "{}" when absent */
    size_t stage;        /* index into pipeline.stages */
    bool has_needs;      /* `needs` was written, even if empty: the stage is no barrier then */
    const size_t *needs; /* indices of layers, each index is smaller or larger; acyclic */
    size_t need_count;
    struct env_list env;
    struct env_list matrix; /* axis name and value of this variant; empty without matrix */
    const char *cwd;        /* relative to the root, "." by default */
    int64_t timeout_ms;     /* per unit */
    int64_t slow_after_ms;  /* warn when a unit takes longer; 0 = never */
    unsigned retry_max;     /* further attempts after the first, 0 by default */
    unsigned retry_when;    /* enum retry_cause bits */
    unsigned shards;        /* every unit is run as this many parts (SLUICE_SHARD_INDEX,
                               SLUICE_SHARD_COUNT); 1 by default */
    struct text_list locks; /* held by every unit of the layer while it runs */
    unsigned slots;         /* weight of every unit, 1 by default; more than there are = all */
    enum layer_when when;
    bool allow_failure;         /* a shut gate is told, but does not shut the pipeline */
    struct text_list outputs;   /* glob patterns below the root, files that become products */
    struct text_list expose;    /* ignored paths below the root, or absolute host paths */
    struct text_list artifacts; /* glob patterns, collected whatever the outcome */
    bool network;
    enum sandbox_mode sandbox;
    struct reuse_policy reuse;
    const struct gate_rule *gate;
    size_t gate_count;
    struct source_pos pos; /* of the layer's key */
};

struct pipeline {
    const char *file; /* as given by the user */
    const char *name;
    struct text_list stages; /* in order; {"default"} when none is declared */
    const struct layer *layers;
    size_t layer_count;
};

/* Defaults of keys, shown in the reference. */
#define LAYER_TIMEOUT_DEFAULT_MS (10 * 60 * 1000)
#define LAYER_RETRY_WHEN_DEFAULT (RETRY_FAILURE | RETRY_ERROR | RETRY_TIMEOUT | RETRY_SIGNAL)

/* Finds a layer by id; NULL when there is none. */
const struct layer *pipeline_find_layer(const struct pipeline *pipeline, const char *id);

#endif
