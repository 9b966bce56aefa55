/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys as JSON Schema, draft-07: what editors check and complete pipelines with. A
 * schema cannot say everything (cycles, unknown layers, `..` in paths); what it refuses, the parser
 * refuses too. */
#include "base/json.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/rules.h"

#include <assert.h>
#include <stdio.h>

#define EXPRESSION_PATTERN "\\$\\{\\{.*\\}\\}"
#define DURATION_PATTERN   "^(0|([0-9]+(ms|s|m|h|d))+)$"
#define SHARE_PATTERN      "^(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$"

typedef void write_type(struct json_writer *w, const struct key *key);

static void put_type(struct json_writer *w, const char *type)
{
    jw_put_string(w, "type", type);
}

static void write_reference(struct json_writer *w, const char *name)
{
    char text[64];
    (void)snprintf(text, sizeof text, "#/definitions/%s", name);
    jw_put_string(w, "$ref", text);
}

static void put_text(struct json_writer *w, const char *pattern)
{
    put_type(w, "string");
    jw_put_string(w, "pattern", pattern);
}

static void write_version(struct json_writer *w, const struct key *key)
{
    (void)key;
    jw_put_int(w, "const", 1);
}

static void write_text(struct json_writer *w, const struct key *key)
{
    put_text(w, key->rule->pattern);
    jw_put_int(w, "minLength", 1);
}

static void write_word(struct json_writer *w, const struct key *key)
{
    jw_key(w, "enum");
    jw_array(w);
    for (size_t i = 0; key->words[i].word != NULL; i++) {
        jw_string(w, key->words[i].word);
    }
    jw_end_array(w);
}

static void write_int(struct json_writer *w, const struct key *key)
{
    put_type(w, "integer");
    jw_put_int(w, "minimum", key->min);
    jw_put_int(w, "maximum", key->max);
}

static void write_number(struct json_writer *w, const struct key *key)
{
    (void)key;
    put_type(w, "number");
}

static void write_bool(struct json_writer *w, const struct key *key)
{
    (void)key;
    put_type(w, "boolean");
}

static void write_duration(struct json_writer *w, const struct key *key)
{
    if (!key->zero) {
        put_text(w, DURATION_PATTERN);
        return;
    }
    jw_key(w, "anyOf");
    jw_array(w);
    jw_object(w);
    put_text(w, DURATION_PATTERN);
    jw_end_object(w);
    jw_object(w);
    jw_put_int(w, "const", 0);
    jw_end_object(w);
    jw_end_array(w);
}

static void write_share(struct json_writer *w, const struct key *key)
{
    (void)key;
    put_text(w, SHARE_PATTERN);
}

/* A scalar, or an expression that becomes one. */
static void write_either(struct json_writer *w, const struct key *key, write_type *write)
{
    jw_key(w, "anyOf");
    jw_array(w);
    jw_object(w);
    write(w, key);
    jw_end_object(w);
    jw_object(w);
    write_reference(w, "expression");
    jw_end_object(w);
    jw_end_array(w);
}

static bool has_expressions(const struct key *key)
{
    return (key->scopes & SCOPE_BIT(SCOPE_TOP)) == 0;
}

static void write_item(struct json_writer *w, const struct key *key)
{
    write_type *write = key->type == TYPE_WORDS ? write_word : write_text;
    if (has_expressions(key)) {
        write_either(w, key, write);
    } else {
        write(w, key);
    }
}

static void write_array(struct json_writer *w, const struct key *key)
{
    put_type(w, "array");
    jw_key(w, "items");
    jw_object(w);
    write_item(w, key);
    jw_end_object(w);
}

static void write_list(struct json_writer *w, const struct key *key)
{
    if (!key->single) {
        write_array(w, key);
        jw_put_int(w, "minItems", 1);
        jw_put_bool(w, "uniqueItems", true);
        return;
    }
    jw_key(w, "anyOf");
    jw_array(w);
    jw_object(w);
    write_array(w, key);
    jw_end_object(w);
    jw_object(w);
    write_item(w, key);
    jw_end_object(w);
    jw_end_array(w);
}

static void put_names(struct json_writer *w, const struct key_rule *rule)
{
    jw_key(w, "propertyNames");
    jw_object(w);
    jw_put_string(w, "pattern", rule->pattern);
    jw_end_object(w);
}

static void write_env(struct json_writer *w, const struct key *key)
{
    put_type(w, "object");
    put_names(w, key->rule);
    jw_key(w, "additionalProperties");
    jw_raw(w, "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}");
}

static void write_matrix(struct json_writer *w, const struct key *key)
{
    (void)key;
    put_type(w, "object");
    jw_put_int(w, "minProperties", 1);
    put_names(w, &rule_id);
    jw_key(w, "additionalProperties");
    jw_object(w);
    put_type(w, "array");
    jw_put_int(w, "minItems", 1);
    jw_put_bool(w, "uniqueItems", true);
    jw_key(w, "items");
    jw_object(w);
    jw_key(w, "anyOf");
    jw_array(w);
    jw_object(w);
    put_text(w, rule_matrix_value.pattern);
    jw_end_object(w);
    jw_raw(w, "{\"type\":[\"number\",\"boolean\"]}");
    jw_end_array(w);
    jw_end_object(w);
    jw_end_object(w);
}

static void write_with(struct json_writer *w, const struct key *key)
{
    (void)key;
    put_type(w, "object");
}

static void write_object(struct json_writer *w, const struct key *key)
{
    /* Beside "$ref" draft-07 ignores everything, the description too. */
    jw_key(w, "allOf");
    jw_array(w);
    jw_object(w);
    write_reference(w, key_scope_name(key->inner));
    jw_end_object(w);
    jw_end_array(w);
}

static void write_map(struct json_writer *w, const struct key *key)
{
    put_type(w, "object");
    if (key->required) {
        jw_put_int(w, "minProperties", 1);
    }
    put_names(w, key->rule);
    jw_key(w, "additionalProperties");
    jw_object(w);
    write_reference(w, key_scope_name(key->inner));
    jw_end_object(w);
}

static write_type *const types[TYPE_COUNT] = {
    [TYPE_VERSION] = write_version,
    [TYPE_TEXT] = write_text,
    [TYPE_WORD] = write_word,
    [TYPE_WORDS] = write_list,
    [TYPE_INT] = write_int,
    [TYPE_NUMBER] = write_number,
    [TYPE_BOOL] = write_bool,
    [TYPE_DURATION] = write_duration,
    [TYPE_SHARE] = write_share,
    [TYPE_LIST] = write_list,
    [TYPE_ENV] = write_env,
    [TYPE_MATRIX] = write_matrix,
    [TYPE_WITH] = write_with,
    [TYPE_OBJECT] = write_object,
    [TYPE_MAP] = write_map,
};

static bool is_scalar(enum key_type type)
{
    return type < TYPE_LIST && type != TYPE_WORDS && type != TYPE_VERSION;
}

static void put_description(struct json_writer *w, const struct key *key)
{
    char text[1024];
    (void)snprintf(text,
                   sizeof text,
                   "%s%s%s%s Example: %s",
                   key->help,
                   key->fallback != NULL ? " Default: " : "",
                   key->fallback != NULL ? key->fallback : "",
                   key->fallback != NULL ? "." : "",
                   key->example);
    jw_put_string(w, "description", text);
}

static void write_key(struct json_writer *w, const struct key *key)
{
    jw_key(w, key->name);
    jw_object(w);
    put_description(w, key);
    if (is_scalar(key->type) && has_expressions(key)) {
        write_either(w, key, types[key->type]);
    } else {
        types[key->type](w, key);
    }
    jw_end_object(w);
}

/* The members of an object schema for one scope. */
static void write_scope(struct json_writer *w, enum key_scope scope)
{
    put_type(w, "object");
    jw_put_bool(w, "additionalProperties", false);
    jw_key(w, "properties");
    jw_object(w);
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0) {
            write_key(w, &keys[i]);
        }
    }
    jw_end_object(w);
    jw_key(w, "required");
    jw_array(w);
    for (size_t i = 0; i < key_count; i++) {
        if ((keys[i].scopes & SCOPE_BIT(scope)) != 0 && keys[i].required) {
            jw_string(w, keys[i].name);
        }
    }
    jw_end_array(w);
}

static void write_definitions(struct json_writer *w)
{
    jw_key(w, "definitions");
    jw_object(w);
    jw_key(w, "expression");
    jw_object(w);
    jw_put_string(w, "description", "${{ matrix.AXIS }} or ${{ sluice.seed }}");
    put_text(w, EXPRESSION_PATTERN);
    jw_end_object(w);
    for (int scope = SCOPE_TOP + 1; scope < SCOPE_COUNT; scope++) {
        jw_key(w, key_scope_name((enum key_scope)scope));
        jw_object(w);
        jw_put_string(w, "description", key_scope_help((enum key_scope)scope));
        write_scope(w, (enum key_scope)scope);
        jw_end_object(w);
    }
    jw_end_object(w);
}

int config_schema(struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "$schema", "http://json-schema.org/draft-07/schema#");
    jw_put_string(&w,
                  "$comment",
                  "For editors: # yaml-language-server: $schema=./sluice.schema.json on top of "
                  "the pipeline file");
    jw_put_string(&w, "title", "sluice pipeline");
    jw_put_string(&w, "description", key_scope_help(SCOPE_TOP));
    write_scope(&w, SCOPE_TOP);
    write_definitions(&w);
    jw_end_object(&w);
    return str_error(out);
}
