/* SPDX-License-Identifier: Apache-2.0 */
/* What texts in a pipeline file must look like: ids, paths, names. */
#ifndef SLUICE_CONFIG_RULES_H
#define SLUICE_CONFIG_RULES_H

/* Longest layer id, stage, lock, axis and metric name. A layer's id becomes a folder of the run and
 * a part of report names, where 255 bytes is the limit; a variant adds its values in brackets. */
#define NAME_MAX_BYTES 64
/* Longest value of a matrix, for the same reason. */
#define MATRIX_VALUE_MAX_BYTES 64
/* Longest name for people: one line of a report; GitLab cuts at 255. */
#define TITLE_MAX_BYTES 255

struct key_rule {
    const char *what;    /* "an id" */
    const char *pattern; /* for editors, never stricter than check(); NULL = anything */
    /* NULL when the text is good, else what is wrong with it, to follow the text: "must not ...".
     */
    const char *(*check)(const char *text);
};

/* Ids of layers, stages, axes and metrics. */
extern const struct key_rule rule_id;
extern const struct key_rule rule_lock;
extern const struct key_rule rule_matrix_value;
extern const struct key_rule rule_env_name;
/* Names for people. */
extern const struct key_rule rule_title;
/* unit, or unit[asan]; whether it exists is asked later. */
extern const struct key_rule rule_need;
/* Paths and patterns below the root. */
extern const struct key_rule rule_inside;
/* Paths below the root, no patterns. */
extern const struct key_rule rule_declared;
/* Paths and patterns below the root, or ".". */
extern const struct key_rule rule_cwd;
/* Paths below the root, or absolute ones. */
extern const struct key_rule rule_expose;
/* A plugin's name, or ./path. */
extern const struct key_rule rule_uses;

#endif
