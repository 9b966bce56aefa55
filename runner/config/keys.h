/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of everything that can be written in a pipeline file: key, place, type, default,
 * help, and the function that reads it. The parser, the JSON Schema and the reference are made from
 * it. To add a key: one row in keys.c, and a field in model/pipeline.h. */
#ifndef SLUICE_CONFIG_KEYS_H
#define SLUICE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct key_rule; /* rules.h */
struct node;
struct reader;

/* The mappings of the file that have fixed keys. */
enum key_scope {
    SCOPE_TOP,
    SCOPE_DEFAULTS,
    SCOPE_LAYER,
    SCOPE_RETRY,
    SCOPE_REUSE,
    SCOPE_GATE, /* one rule of a gate */
    SCOPE_COUNT
};

enum key_type {
    TYPE_VERSION,
    TYPE_TEXT,
    TYPE_WORD,  /* one of key->words */
    TYPE_WORDS, /* a list of them */
    TYPE_INT,
    TYPE_NUMBER,
    TYPE_BOOL,
    TYPE_DURATION,
    TYPE_SHARE,  /* percent */
    TYPE_LIST,   /* of texts */
    TYPE_ENV,    /* mapping NAME -> text or null */
    TYPE_MATRIX, /* mapping axis -> list of values */
    TYPE_WITH,   /* any mapping */
    TYPE_OBJECT, /* mapping with the keys of key->inner */
    TYPE_MAP,    /* mapping name -> mapping with the keys of key->inner */
    TYPE_COUNT
};

/* Fixed words and what they stand for. The list ends with a NULL word. */
struct key_word {
    const char *word;
    unsigned value;
    const char *help;
};

struct key;
typedef void key_read(struct reader *r,
                      const struct key *key,
                      const struct node *value,
                      void *field);

struct key {
    const char *name;
    unsigned scopes; /* bits: SCOPE_BIT() */
    enum key_type type;
    const char *fallback; /* what holds when it is not written, for people; NULL = nothing */
    const char *help;     /* one or two sentences */
    const char *example;  /* the value, as YAML flow */
    key_read *read;
    size_t offset; /* of the field in the scope's struct */
    const struct key_word *words;
    const struct key_rule *rule; /* of a text, or of each item of a list, or of a map's names */
    enum key_scope inner;
    unsigned min, max; /* of TYPE_INT */
    bool required;
    bool single; /* one text is as good as a list of one */
    bool zero;   /* TYPE_DURATION: 0 is allowed */
};

#define SCOPE_BIT(scope) (1u << (unsigned)(scope))

extern const struct key keys[];
extern const size_t key_count;

/* What a mapping is called in the schema and the reference: "defaults", "layer", ... */
const char *key_scope_name(enum key_scope scope);
/* Its introduction in the reference. */
const char *key_scope_help(enum key_scope scope);

/* "a duration such as 10m": what a type wants, for messages. */
const char *key_type_wants(const struct key *key);

const struct key *key_find(enum key_scope scope, const char *name);

/* The nearest key of the scope; NULL when none is near. */
const char *key_nearest(enum key_scope scope, const char *name);

#endif
