/* SPDX-License-Identifier: Apache-2.0 */
/* Is a document a schema we can apply in full? A walk over a list, not a recursion. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugin/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What a keyword's argument must look like. */
enum shape {
    SHAPE_ANY,
    SHAPE_TYPES, /* a type's name, or a list of them */
    SHAPE_LIST,  /* a list that is not empty */
    SHAPE_NAMES, /* a list of strings */
    SHAPE_COUNT, /* an integer >= 0 */
    SHAPE_NUMBER,
    SHAPE_SCHEMA,
    SHAPE_SCHEMA_MAP,  /* an object of schemas */
    SHAPE_SCHEMA_LIST, /* a list of schemas that is not empty: anyOf, oneOf */
    SHAPE_BOOL_OR_SCHEMA,
};

static const struct syntax {
    const char *name;
    enum shape shape;
    const char *wanted;
} syntaxes[] = {
    {"type",                 SHAPE_TYPES,          "the name of a type or a list of them"     },
    {"enum",                 SHAPE_LIST,           "a list of values"                         },
    {"const",                SHAPE_ANY,            "any value"                                },
    {"properties",           SHAPE_SCHEMA_MAP,     "an object of schemas"                     },
    {"required",             SHAPE_NAMES,          "a list of strings"                        },
    {"additionalProperties", SHAPE_BOOL_OR_SCHEMA, "true, false or a schema"                  },
    {"items",                SHAPE_SCHEMA,         "a schema"                                 },
    {"minItems",             SHAPE_COUNT,          "an integer of at least 0"                 },
    {"maxItems",             SHAPE_COUNT,          "an integer of at least 0"                 },
    {"minLength",            SHAPE_COUNT,          "an integer of at least 0"                 },
    {"maxLength",            SHAPE_COUNT,          "an integer of at least 0"                 },
    {"minimum",              SHAPE_NUMBER,         "a number"                                 },
    {"maximum",              SHAPE_NUMBER,         "a number"                                 },
    {"anyOf",                SHAPE_SCHEMA_LIST,    "a list of schemas without anyOf and oneOf"},
    {"oneOf",                SHAPE_SCHEMA_LIST,    "a list of schemas without anyOf and oneOf"},
    {"title",                SHAPE_ANY,            "any value"                                },
    {"description",          SHAPE_ANY,            "any value"                                },
    {"default",              SHAPE_ANY,            "any value"                                },
    {"examples",             SHAPE_ANY,            "any value"                                },
    {"$schema",              SHAPE_ANY,            "any value"                                },
    {"$id",                  SHAPE_ANY,            "any value"                                },
    {"$comment",             SHAPE_ANY,            "any value"                                },
};

#define SYNTAX_COUNT (sizeof syntaxes / sizeof syntaxes[0])

/* A schema still to be looked at. */
struct item {
    json_t *schema;
    const char *name; /* the setting it describes, or the keyword it stands under */
    unsigned depth;
    bool in_branch;
};

struct list {
    VEC_FIELDS(struct item);
};

static void list_fini(struct list *list)
{
    vec_fini(list);
}

static bool is_type_name(const json_t *value)
{
    static const char *const names[] = {
        "object", "array", "string", "integer", "number", "boolean", "null"};
    for (size_t i = 0; json_is_string(value) && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(json_string_value(value), names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_string(const json_t *value)
{
    return json_is_string(value);
}

static bool is_schema(const json_t *value)
{
    return json_is_object(value);
}

static bool all_items(json_t *list, bool (*fits)(const json_t *value))
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        if (!fits(item)) {
            return false;
        }
    }
    return json_is_array(list);
}

static bool all_members(json_t *map, bool (*fits)(const json_t *value))
{
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach(map, key, member)
    {
        if (!fits(member)) {
            return false;
        }
    }
    return json_is_object(map);
}

static bool shape_fits(enum shape shape, json_t *argument)
{
    switch (shape) {
    case SHAPE_ANY:
        return true;
    case SHAPE_TYPES:
        return is_type_name(argument)
               || (json_array_size(argument) > 0 && all_items(argument, is_type_name));
    case SHAPE_LIST:
        return json_array_size(argument) > 0;
    case SHAPE_NAMES:
        return all_items(argument, is_string);
    case SHAPE_COUNT:
        return json_is_integer(argument) && json_integer_value(argument) >= 0;
    case SHAPE_NUMBER:
        return json_is_number(argument);
    case SHAPE_SCHEMA:
        return is_schema(argument);
    case SHAPE_SCHEMA_MAP:
        return all_members(argument, is_schema);
    case SHAPE_SCHEMA_LIST:
        return json_array_size(argument) > 0 && all_items(argument, is_schema);
    case SHAPE_BOOL_OR_SCHEMA:
        return json_is_boolean(argument) || is_schema(argument);
    }
    return false;
}

static const struct syntax *find_syntax(const char *name)
{
    for (size_t i = 0; i < SYNTAX_COUNT; i++) {
        if (strcmp(syntaxes[i].name, name) == 0) {
            return &syntaxes[i];
        }
    }
    return NULL;
}

static int refuse_keyword(const struct item *item, const char *keyword, struct err *err)
{
    const char *names[SYNTAX_COUNT];
    for (size_t i = 0; i < SYNTAX_COUNT; i++) {
        names[i] = syntaxes[i].name;
    }
    const char *near = text_nearest(keyword, names, SYNTAX_COUNT);
    return err_set(err,
                   -EINVAL,
                   "schema of \"%.80s\": keyword \"%.80s\" is not supported%s%s%s",
                   item->name,
                   keyword,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* Appends the schemas found in a keyword's argument. Returns 0 or -ENOMEM. */
static int push_children(struct list *list,
                         struct item parent,
                         const struct syntax *syntax,
                         json_t *argument)
{
    struct item child = {.schema = argument,
                         .name = parent.name,
                         .depth = parent.depth + 1,
                         .in_branch = parent.in_branch || syntax->shape == SHAPE_SCHEMA_LIST};
    int status = 0;
    if (syntax->shape == SHAPE_SCHEMA_MAP) {
        const char *key = NULL;
        json_t *member = NULL;
        json_object_foreach(argument, key, member)
        {
            child.schema = member;
            child.name = key;
            status = status != 0 ? status : vec_push(list, child);
        }
    } else if (syntax->shape == SHAPE_SCHEMA_LIST) {
        size_t i = 0;
        json_t *member = NULL;
        json_array_foreach(argument, i, member)
        {
            child.schema = member;
            status = status != 0 ? status : vec_push(list, child);
        }
    } else if (json_is_object(argument)
               && (syntax->shape == SHAPE_SCHEMA || syntax->shape == SHAPE_BOOL_OR_SCHEMA)) {
        status = vec_push(list, child);
    }
    return status;
}

static int check_keyword(
    struct list *list, struct item item, const char *key, json_t *argument, struct err *err)
{
    const struct syntax *syntax = find_syntax(key);
    if (syntax == NULL) {
        return refuse_keyword(&item, key, err);
    }
    bool nested = item.in_branch && syntax->shape == SHAPE_SCHEMA_LIST;
    if (nested || !shape_fits(syntax->shape, argument)) {
        return err_set(err,
                       -EINVAL,
                       "schema of \"%.80s\": keyword \"%s\" takes %s",
                       item.name,
                       key,
                       syntax->wanted);
    }
    if (push_children(list, item, syntax, argument) != 0) {
        return err_set(err, -ENOMEM, "out of memory while reading a schema");
    }
    return 0;
}

static int check_item(struct list *list, struct item item, struct err *err)
{
    if (item.depth >= SCHEMA_DEPTH_MAX || list->count > SCHEMA_NODES_MAX) {
        return err_set(err,
                       -EINVAL,
                       "schema of \"%.80s\": nested deeper than %d or more than %d schemas",
                       item.name,
                       SCHEMA_DEPTH_MAX,
                       SCHEMA_NODES_MAX);
    }
    const char *key = NULL;
    json_t *argument = NULL;
    json_object_foreach(item.schema, key, argument)
    {
        int status = check_keyword(list, item, key, argument, err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

int schema_check(json_t *schema, struct err *err)
{
    if (!json_is_object(schema)) {
        return err_set(err, -EINVAL, "schema must be an object");
    }
    CLEANUP(list_fini) struct list list = {0};
    if (vec_push(&list, ((struct item){.schema = schema, .name = "with"})) != 0) {
        return err_set(err, -ENOMEM, "out of memory while reading a schema");
    }
    for (size_t at = 0; at < list.count; at++) {
        int status = check_item(&list, list.items[at], err);
        if (status != 0) {
            return status;
        }
    }
    return 0;
}
