/* SPDX-License-Identifier: Apache-2.0 */
/* Applying a schema is a walk over a list of (schema, value) pairs, not a recursion: each pair
 * appends the pairs of its members and items to the list. A pair with anyOf or oneOf tries each
 * branch in a list of its own; branches hold no further anyOf or oneOf (schema_syntax.c sees to
 * it), so that two levels of lists are all there ever are. */
#include "plugin/schema.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a foreign word or list shown in a message. */
#define SHOWN_MAX 200

/* A value to be checked, and how one came there. */
struct node {
    json_t *schema;
    json_t *value;
    size_t parent;   /* index in the list; the first node is its own parent */
    const char *key; /* member of the parent; NULL = item `index` of it */
    size_t index;
};

struct walk {
    VEC_FIELDS(struct node);

    struct err *err;     /* the first complaint */
    struct str *pointer; /* where it is; NULL = not wanted */
    bool failed;
    bool const_failed; /* a `const` did not match: this branch was not meant */
    bool no_memory;
};

static void walk_fini(struct walk *walk)
{
    vec_fini(walk);
}

static void push(struct walk *walk, const struct node *node)
{
    if (vec_push(walk, *node) != 0) {
        walk->no_memory = true;
    }
}

/* ---- where: JSON pointers ---- */

static void append_step(struct str *out, const struct node *node)
{
    if (node->key == NULL) {
        (void)str_appendf(out, "/%zu", node->index);
        return;
    }
    (void)str_append_char(out, '/');
    for (const char *at = node->key; *at != '\0'; at++) {
        if (*at == '~' || *at == '/') {
            (void)str_append(out, *at == '~' ? "~0" : "~1");
        } else {
            (void)str_append_char(out, *at);
        }
    }
}

static void append_pointer(struct str *out, const struct walk *walk, size_t at)
{
    size_t steps[SCHEMA_DEPTH_MAX];
    size_t count = 0;
    for (; walk->items[at].parent != at; at = walk->items[at].parent) {
        assert(count < SCHEMA_DEPTH_MAX);
        steps[count++] = at;
    }
    while (count > 0) {
        append_step(out, &walk->items[steps[--count]]);
    }
}

/* Notes the first complaint about node `at`, or about its member `key`. */
__attribute__((format(printf, 4, 5))) static void complain(
    struct walk *walk, size_t at, const char *key, const char *format, ...)
{
    if (walk->failed) {
        return;
    }
    walk->failed = true;
    va_list args;
    va_start(args, format);
    (void)err_vset(walk->err, -EINVAL, format, args);
    va_end(args);
    if (walk->pointer == NULL) {
        return;
    }
    append_pointer(walk->pointer, walk, at);
    if (key != NULL) {
        append_step(walk->pointer, &(struct node){.key = key});
    }
}

/* ---- words for messages ---- */

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* A value as JSON, cut to what a message can hold. */
static void append_value(struct str *out, const json_t *value)
{
    char text[SHOWN_MAX];
    size_t len = json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT);
    if (len == 0 || len > sizeof text) {
        (void)str_appendf(out, "(%s)", type_of(value));
        return;
    }
    (void)str_append_n(out, text, len);
}

static void append_values(struct str *out, const json_t *list)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        (void)str_append(out, i == 0 ? "" : ", ");
        append_value(out, item);
    }
}

/* The nearest of some words, as a phrase to put behind a message; "" when none is near. */
static const char *suggest(const char *word,
                           const char *const *words,
                           size_t count,
                           char buf[SHOWN_MAX])
{
    const char *near = text_nearest(word, words, count);
    buf[0] = '\0';
    if (near != NULL) {
        (void)snprintf(buf, SHOWN_MAX, "; did you mean \"%s\"?", near);
    }
    return buf;
}

/* ---- keywords; each sees one node and the keyword's argument ---- */

static bool is_type(const json_t *value, const char *type)
{
    if (strcmp(type, "number") == 0) {
        return json_is_number(value);
    }
    return strcmp(type_of(value), type) == 0;
}

static void check_type(struct walk *walk, size_t at, json_t *types)
{
    const json_t *value = walk->items[at].value;
    if (json_is_string(types)) {
        if (!is_type(value, json_string_value(types))) {
            complain(walk,
                     at,
                     NULL,
                     "must be of type %s, but is of type %s",
                     json_string_value(types),
                     type_of(value));
        }
        return;
    }
    size_t i = 0;
    json_t *type = NULL;
    json_array_foreach(types, i, type)
    {
        if (is_type(value, json_string_value(type))) {
            return;
        }
    }
    CLEANUP(str_fini) struct str list = STR_INIT(SHOWN_MAX);
    append_values(&list, types);
    complain(walk,
             at,
             NULL,
             "must be of one of the types %s, but is of type %s",
             str_text(&list),
             type_of(value));
}

static void check_enum(struct walk *walk, size_t at, json_t *allowed)
{
    const json_t *value = walk->items[at].value;
    const char *words[64] = {NULL};
    size_t count = 0;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(allowed, i, item)
    {
        if (json_equal(item, value)) {
            return;
        }
        if (json_is_string(item) && count < sizeof words / sizeof words[0]) {
            words[count++] = json_string_value(item);
        }
    }
    CLEANUP(str_fini) struct str list = STR_INIT(ERR_TEXT_MAX / 2);
    append_values(&list, allowed);
    char hint[SHOWN_MAX] = "";
    if (json_is_string(value)) {
        (void)suggest(json_string_value(value), words, count, hint);
    }
    complain(walk, at, NULL, "must be one of %s%s", str_text(&list), hint);
}

static void check_const(struct walk *walk, size_t at, json_t *wanted)
{
    if (json_equal(walk->items[at].value, wanted)) {
        return;
    }
    walk->const_failed = true;
    CLEANUP(str_fini) struct str text = STR_INIT(SHOWN_MAX);
    append_value(&text, wanted);
    complain(walk, at, NULL, "must be %s", str_text(&text));
}

static void check_properties(struct walk *walk, size_t at, json_t *properties)
{
    json_t *value = walk->items[at].value;
    const char *key = NULL;
    json_t *schema = NULL;
    json_object_foreach(properties, key, schema)
    {
        json_t *member = json_object_get(value, key);
        if (member != NULL) {
            push(walk, &(struct node){.schema = schema, .value = member, .parent = at, .key = key});
        }
    }
}

static void refuse_member(struct walk *walk, size_t at, const char *key, json_t *properties)
{
    const char *words[64] = {NULL};
    size_t count = 0;
    const char *known = NULL;
    json_t *schema = NULL;
    json_object_foreach(properties, known, schema)
    {
        if (count < sizeof words / sizeof words[0]) {
            words[count++] = known;
        }
    }
    char hint[SHOWN_MAX];
    complain(walk, at, key, "unknown setting \"%.80s\"%s", key, suggest(key, words, count, hint));
}

static void check_additional(struct walk *walk, size_t at, json_t *rule)
{
    json_t *value = walk->items[at].value;
    json_t *properties = json_object_get(walk->items[at].schema, "properties");
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach(value, key, member)
    {
        if (json_object_get(properties, key) != NULL) {
            continue;
        }
        if (json_is_false(rule)) {
            refuse_member(walk, at, key, properties);
        } else if (json_is_object(rule)) {
            push(walk, &(struct node){.schema = rule, .value = member, .parent = at, .key = key});
        }
    }
}

/* Says which words a setting may have when it has only some. */
static void complain_of_missing(struct walk *walk, size_t at, const char *name)
{
    const json_t *properties = json_object_get(walk->items[at].schema, "properties");
    const json_t *words = json_object_get(json_object_get(properties, name), "enum");
    CLEANUP(str_fini) struct str list = STR_INIT(ERR_TEXT_MAX / 2);
    append_values(&list, words);
    complain(walk,
             at,
             NULL,
             "setting \"%s\" is missing%s%s",
             name,
             words != NULL ? "; it must be one of " : "",
             str_text(&list));
}

static void check_required(struct walk *walk, size_t at, json_t *names)
{
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        if (json_object_get(walk->items[at].value, json_string_value(name)) == NULL) {
            complain_of_missing(walk, at, json_string_value(name));
        }
    }
}

static void check_items(struct walk *walk, size_t at, json_t *schema)
{
    json_t *value = walk->items[at].value;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(value, i, item)
    {
        push(walk, &(struct node){.schema = schema, .value = item, .parent = at, .index = i});
    }
}

static void check_min_items(struct walk *walk, size_t at, json_t *min)
{
    size_t count = json_array_size(walk->items[at].value);
    if ((json_int_t)count < json_integer_value(min)) {
        complain(walk, at, NULL, "must have at least %lld items", json_integer_value(min));
    }
}

static void check_max_items(struct walk *walk, size_t at, json_t *max)
{
    size_t count = json_array_size(walk->items[at].value);
    if ((json_int_t)count > json_integer_value(max)) {
        complain(walk, at, NULL, "must have at most %lld items", json_integer_value(max));
    }
}

static void check_min_length(struct walk *walk, size_t at, json_t *min)
{
    size_t len = json_string_length(walk->items[at].value);
    if ((json_int_t)len >= json_integer_value(min)) {
        return;
    }
    if (len == 0) {
        complain(walk, at, NULL, "must not be empty");
        return;
    }
    complain(walk, at, NULL, "must have at least %lld bytes", json_integer_value(min));
}

static void check_max_length(struct walk *walk, size_t at, json_t *max)
{
    size_t len = json_string_length(walk->items[at].value);
    if ((json_int_t)len > json_integer_value(max)) {
        complain(walk, at, NULL, "must have at most %lld bytes", json_integer_value(max));
    }
}

static void check_minimum(struct walk *walk, size_t at, json_t *min)
{
    if (json_number_value(walk->items[at].value) < json_number_value(min)) {
        complain(walk, at, NULL, "must be at least %g", json_number_value(min));
    }
}

static void check_maximum(struct walk *walk, size_t at, json_t *max)
{
    if (json_number_value(walk->items[at].value) > json_number_value(max)) {
        complain(walk, at, NULL, "must be at most %g", json_number_value(max));
    }
}

/* Values a keyword speaks about; others pass it untouched, as JSON Schema has it. */
enum domain {
    OF_ANY,
    OF_OBJECTS,
    OF_ARRAYS,
    OF_STRINGS,
    OF_NUMBERS,
};

static const struct keyword {
    const char *name;
    enum domain domain;
    void (*check)(struct walk *walk, size_t at, json_t *argument);
} keywords[] = {
    {"type",                 OF_ANY,     check_type      },
    {"enum",                 OF_ANY,     check_enum      },
    {"const",                OF_ANY,     check_const     },
    {"additionalProperties", OF_OBJECTS, check_additional},
    {"required",             OF_OBJECTS, check_required  },
    {"properties",           OF_OBJECTS, check_properties},
    {"minItems",             OF_ARRAYS,  check_min_items },
    {"maxItems",             OF_ARRAYS,  check_max_items },
    {"items",                OF_ARRAYS,  check_items     },
    {"minLength",            OF_STRINGS, check_min_length},
    {"maxLength",            OF_STRINGS, check_max_length},
    {"minimum",              OF_NUMBERS, check_minimum   },
    {"maximum",              OF_NUMBERS, check_maximum   },
};

static bool speaks_of(enum domain domain, const json_t *value)
{
    switch (domain) {
    case OF_ANY:
        return true;
    case OF_OBJECTS:
        return json_is_object(value);
    case OF_ARRAYS:
        return json_is_array(value);
    case OF_STRINGS:
        return json_is_string(value);
    case OF_NUMBERS:
        return json_is_number(value);
    }
    return false;
}

static void check_node(struct walk *walk, size_t at)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        json_t *argument = json_object_get(walk->items[at].schema, keywords[i].name);
        if (argument != NULL && speaks_of(keywords[i].domain, walk->items[at].value)) {
            keywords[i].check(walk, at, argument);
        }
    }
}

/* ---- anyOf, oneOf ---- */

/* How the branches of one keyword fared with a value. */
struct branches {
    size_t matched;
    size_t meant;       /* branches that failed, but with all their `const`s right */
    struct err err;     /* complaint of the last branch that was meant */
    struct str pointer; /* where, below the node */
};

static void branches_fini(struct branches *branches)
{
    str_fini(&branches->pointer);
}

/* Tries one branch. Branches hold no anyOf or oneOf: check_node() alone is enough. */
static void try_branch(json_t *schema, json_t *value, struct branches *branches, struct walk *outer)
{
    CLEANUP(str_fini) struct str pointer = STR_INIT(ERR_TEXT_MAX);
    struct err err = {0};
    CLEANUP(walk_fini) struct walk walk = {.err = &err, .pointer = &pointer};
    push(&walk, &(struct node){.schema = schema, .value = value});
    for (size_t at = 0; at < walk.count; at++) {
        check_node(&walk, at);
    }
    outer->no_memory = outer->no_memory || walk.no_memory;
    if (!walk.failed) {
        branches->matched++;
    } else if (!walk.const_failed) {
        branches->meant++;
        branches->err = err;
        str_clear(&branches->pointer);
        (void)str_append(&branches->pointer, str_text(&pointer));
    }
}

/* Appends the names when every branch says no more than {"required": [NAME]}. */
static bool branches_only_require(json_t *list, struct str *names)
{
    size_t i = 0;
    json_t *branch = NULL;
    json_array_foreach(list, i, branch)
    {
        json_t *required = json_object_get(branch, "required");
        if (json_object_size(branch) != 1 || json_array_size(required) != 1) {
            return false;
        }
        (void)str_append(names, i == 0 ? "" : ", ");
        append_value(names, json_array_get(required, 0));
    }
    return true;
}

static void complain_of_branches(struct walk *walk,
                                 size_t at,
                                 json_t *list,
                                 const struct branches *branches)
{
    CLEANUP(str_fini) struct str names = STR_INIT(ERR_TEXT_MAX / 2);
    if (branches_only_require(list, &names)) {
        complain(walk,
                 at,
                 NULL,
                 branches->matched == 0 ? "one of the settings %s is needed"
                                        : "only one of the settings %s can be given",
                 str_text(&names));
        return;
    }
    if (branches->matched > 0) {
        complain(walk, at, NULL, "matches several of the forms allowed here, must match one");
        return;
    }
    if (branches->meant != 1) {
        complain(walk, at, NULL, "matches none of the forms allowed here");
        return;
    }
    complain(walk, at, NULL, "%s", branches->err.text);
    if (walk->pointer != NULL) {
        (void)str_append(walk->pointer, str_text(&branches->pointer));
    }
}

static void check_branches(struct walk *walk, size_t at, const char *keyword, bool only_one)
{
    json_t *list = json_object_get(walk->items[at].schema, keyword);
    if (list == NULL || walk->failed) {
        return;
    }
    CLEANUP(branches_fini) struct branches branches = {.pointer = STR_INIT(ERR_TEXT_MAX)};
    size_t i = 0;
    json_t *branch = NULL;
    json_array_foreach(list, i, branch)
    {
        try_branch(branch, walk->items[at].value, &branches, walk);
    }
    if (branches.matched == 0 || (only_one && branches.matched > 1)) {
        complain_of_branches(walk, at, list, &branches);
    }
}

int schema_validate(json_t *schema, json_t *value, struct str *ret_pointer, struct err *err)
{
    CLEANUP(walk_fini) struct walk walk = {.err = err, .pointer = ret_pointer};
    push(&walk, &(struct node){.schema = schema, .value = value});
    for (size_t at = 0; at < walk.count && !walk.failed; at++) {
        check_node(&walk, at);
    }
    /* After the plain rules of all members: a wrong word says more than "none of the forms". */
    for (size_t at = 0; at < walk.count && !walk.failed; at++) {
        check_branches(&walk, at, "anyOf", false);
        check_branches(&walk, at, "oneOf", true);
    }
    if (walk.no_memory) {
        return err_set(err, -ENOMEM, "out of memory while checking settings");
    }
    return walk.failed ? -EINVAL : 0;
}
