/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text -> a small tree in an arena, every node with its place in the file. Knows nothing of
 * pipelines. Aliases are resolved (nodes are shared, so the tree is a graph without cycles) and
 * merge keys (`<<`) are spread out; what remains is text, lists and mappings with unique text keys.
 * Nothing here recurses, and every size is bounded before memory is spent on it. */
#ifndef SLUICE_CONFIG_NODE_H
#define SLUICE_CONFIG_NODE_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct complaints;

/* Levels of lists and mappings, aliases followed. A layer uses 5 (layers, id, with, list, item);
 * settings of plugins get the rest. Beyond: a complaint at the first node that is too deep. */
#define NODE_DEPTH_MAX 32
/* Nodes with every alias counted as if it were written out. A line of a pipeline has 2 to 20: the
 * 5,000-line pipeline we promise has at most 100,000. Beyond: a complaint (an alias bomb). */
#define NODE_COUNT_MAX 200000
/* Uses of aliases in one file: one for every fifth line of a 5,000-line pipeline. */
#define NODE_ALIAS_MAX 1000

/* Said of a file without a value in it. */
#define NODE_EMPTY_TEXT "the file has no pipeline in it: begin with `version: 1` and `layers:`"

enum node_type {
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP,
};

struct node_pair {
    const struct node *key; /* NODE_TEXT */
    const struct node *value;
};

struct node {
    enum node_type type;
    bool plain;      /* NODE_TEXT: written without quotes, so it may mean a number, true, null */
    uint16_t height; /* levels of lists and mappings from here on: 0 for text */
    uint32_t line;   /* from 1 */
    uint32_t column; /* in characters, from 1 */
    uint32_t weight; /* nodes below and with this one, aliases written out */
    size_t count;    /* bytes of text, items or pairs */

    union {
        const char *text; /* terminated, no NUL inside */
        const struct node *const *items;
        const struct node_pair *pairs;
    };
};

/* Parses one document. NULL when it cannot be used: then there is at least one complaint, or
 * memory was short (complaints_failed()). The text must be valid UTF-8 without NUL. */
const struct node *node_parse(const char *text,
                              size_t len,
                              struct arena *arena,
                              struct complaints *complaints);

/* The pair with this key in a mapping; NULL when there is none or the node is no mapping. */
const struct node_pair *node_find(const struct node *map, const char *key);

/* "text", "a number", "true or false", "nothing", "a list", "a mapping": for messages. */
const char *node_kind(const struct node *node);

#endif
