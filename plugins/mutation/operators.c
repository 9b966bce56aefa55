/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "plugins/mutation/operators_impl.h"
#include "plugins/mutation/queries.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What `on` and `off` know beside operators. */
#define WORD_ARID "arid"

bool text_in_list(const char *text, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strcmp(text, *list) == 0) {
            return true;
        }
    }
    return false;
}

bool operators_enabled(const struct operators *operators, const char *name, bool off)
{
    if (text_in_list(name, operators->off)) {
        return false;
    }
    if (text_in_list(name, operators->on)) {
        return true;
    }
    return operators->only != NULL ? text_in_list(name, operators->only) : !off;
}

int operators_learn(struct operators *operators, const char *name)
{
    char *kept = arena_strdup(operators->arena, name);
    return kept == NULL ? -ENOMEM : (map_add(&operators->known, kept, 1) < 0 ? -ENOMEM : 0);
}

/* The names in a query's text; a query is compiled only when a file of its language comes. */
static int learn_from_text(struct operators *operators, const char *text)
{
    static const char mark[] = "mutant.operator \"";
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(at, mark)) {
        at += sizeof(mark) - 1;
        char *name = arena_strndup(operators->arena, at, strcspn(at, "\""));
        if (name == NULL || map_add(&operators->known, name, 1) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int learn_built_in(struct operators *operators)
{
    for (size_t i = 0; language_at(i) != NULL; i++) {
        const char *text = language_at(i)->queries;
        if (text != NULL && learn_from_text(operators, text) < 0) {
            return -ENOMEM;
        }
    }
    return operators_learn(operators, "generated");
}

/* A list of texts, or one text. */
static int read_texts(
    struct arena *arena, json_t *value, const char *key, const char ***ret_texts, struct err *err)
{
    if (value == NULL) {
        return 0;
    }
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    const char **texts = arena_calloc(arena, count + 1, sizeof *texts);
    if (texts == NULL) {
        return err_set(err, -ENOMEM, "operators.%s: not enough memory", key);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(item) || json_string_length(item) == 0) {
            return err_set(err, -EINVAL, "operators.%s: must be a list of texts", key);
        }
        texts[i] = arena_strdup(arena, json_string_value(item));
        if (texts[i] == NULL) {
            return err_set(err, -ENOMEM, "operators.%s: not enough memory", key);
        }
    }
    *ret_texts = texts;
    return 0;
}

int operators_regex(const char *pattern, pcre2_code **ret_code, struct err *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code *compiled = pcre2_compile(
        (PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_MULTILINE, &code, &offset, NULL);
    if (compiled == NULL) {
        char said[256];
        (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)said, sizeof said);
        return err_set(err,
                       -EINVAL,
                       "\"%s\" is no regular expression, at offset %zu: %s",
                       pattern,
                       (size_t)offset,
                       said);
    }
    /* Without a JIT compiler (not all processors have one) it is interpreted. */
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);
    *ret_code = compiled;
    return 0;
}

static int read_regex(struct operators *operators, json_t *item, bool ours, struct err *err)
{
    const char *pattern = NULL;
    const char *name = NULL;
    const char *replace = NULL;
    json_t *files = NULL;
    const struct json_field fields[] = {
        {"name",    JSON_FIELD_STRING, true,  &name   },
        {"pattern", JSON_FIELD_STRING, true,  &pattern},
        {"replace", JSON_FIELD_STRING, true,  &replace},
        {"files",   JSON_FIELD_ANY,    false, &files  },
    };
    int rc = json_read_object(item, fields, sizeof fields / sizeof fields[0], err);
    struct regex regex = {0};
    if (rc == 0) {
        rc = read_texts(operators->arena, files, "regex: files", &regex.files, err);
    }
    if (rc < 0) {
        return rc;
    }
    regex.name = arena_strdup(operators->arena, name);
    regex.replace = arena_strdup(operators->arena, replace);
    if (regex.name == NULL || regex.replace == NULL
        || (!ours && operators_learn(operators, name) < 0)) {
        return err_set(err, -ENOMEM, "not enough memory");
    }
    rc = operators_regex(pattern, &regex.code, err);
    if (rc == 0 && vec_push(&operators->regexes, regex) < 0) {
        pcre2_code_free(regex.code);
        rc = err_set(err, -ENOMEM, "not enough memory");
    }
    return rc;
}

int operators_read_regexes(struct operators *operators, json_t *list, bool ours, struct err *err)
{
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(list, index, item)
    {
        if (read_regex(operators, item, ours, err) < 0) {
            return err_wrap(err, "operators.regex, entry %zu", index + 1);
        }
    }
    return 0;
}

static int read_built_in_regexes(struct operators *operators, struct err *err)
{
    CLEANUP(json_cleanup) json_t *list = NULL;
    int rc = json_parse(query_text, strlen(query_text), &list, err);
    return rc < 0 ? rc : operators_read_regexes(operators, list, true, err);
}

/* "my.python.scm" and "python.scm" are of Python. */
static const struct language *language_of_query(const char *path)
{
    const char *name = path_basename(path);
    size_t length = strlen(name);
    if (!text_ends_with(name, ".scm")) {
        return NULL;
    }
    length -= strlen(".scm");
    const char *dot = memrchr(name, '.', length);
    const char *word = dot != NULL ? dot + 1 : name;
    length -= (size_t)(word - name);
    for (size_t i = 0; language_at(i) != NULL; i++) {
        const struct language *language = language_at(i);
        if (strlen(language->name) == length && memcmp(word, language->name, length) == 0) {
            return language->grammar != NULL ? language : NULL;
        }
    }
    return NULL;
}

static int read_query(struct operators *operators, const char *path, struct err *err)
{
    const struct language *language = language_of_query(path);
    if (language == NULL || !path_is_inside(path)) {
        return err_set(err,
                       -EINVAL,
                       "operators.queries: %s: must be the path of a file in the tree that is "
                       "called after its language: python.scm, house.c.scm (of c, python, "
                       "javascript, typescript, tsx)",
                       path);
    }
    char whole[PATH_TEXT_MAX];
    int length = snprintf(whole, sizeof whole, "%s/%s", operators->root, path);
    if (length < 0 || (size_t)length >= sizeof whole) {
        return err_set(err, -ENAMETOOLONG, "operators.queries: %s: the path is too long", path);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(OPERATORS_QUERY_MAX);
    int rc = file_read_regular(whole, &text, err);
    if (rc < 0) {
        return err_wrap(err, "operators.queries");
    }
    struct rules *rules = NULL;
    rc = rules_compile(operators->arena, language, path, str_text(&text), &rules, err);
    if (rc < 0) {
        return rc;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (vec_push(&operators->queries, rules) < 0) {
        rules_free(rules);
        return err_set(err, -ENOMEM, "%s: not enough memory", path);
    }
    return learn_from_text(operators, str_text(&text)) < 0
               ? err_set(err, -ENOMEM, "%s: not enough memory", path)
               : 0;
}

/* Words of only, on and off that are no operators. */
static int check_names(const struct operators *operators,
                       const char *key,
                       const char *const *names,
                       struct err *err)
{
    for (; names != NULL && *names != NULL; names++) {
        if (map_get(&operators->known, *names, NULL) != 0 || strcmp(*names, WORD_ARID) == 0) {
            continue;
        }
        const char *known[256];
        size_t count = 0;
        for (size_t i = 0; i < operators->known.cap && count < 256; i++) {
            known[count++] = operators->known.entries[i].key;
        }
        const char *near = text_nearest(*names, known, count);
        return err_set(
            err,
            -EINVAL,
            "operators.%s: there is no operator \"%s\"%s%s%s; docs/mutation/operators.md "
            "lists them",
            key,
            *names,
            near != NULL ? "; did you mean \"" : "",
            near != NULL ? near : "",
            near != NULL ? "\"?" : "");
    }
    return 0;
}

struct setting_values {
    json_t *only, *on, *off, *arid, *queries, *regex;
    const char *command;
};

static int read_lists(struct operators *operators, const struct setting_values *in, struct err *err)
{
    const char **paths = NULL;
    struct arena *arena = operators->arena;
    int rc = read_texts(arena, in->only, "only", &operators->only, err);
    rc = rc < 0 ? rc : read_texts(arena, in->on, "on", &operators->on, err);
    rc = rc < 0 ? rc : read_texts(arena, in->off, "off", &operators->off, err);
    rc = rc < 0 ? rc : read_texts(arena, in->arid, "arid", &operators->arid, err);
    rc = rc < 0 ? rc : read_texts(arena, in->queries, "queries", &paths, err);
    for (; rc == 0 && paths != NULL && *paths != NULL; paths++) {
        rc = read_query(operators, *paths, err);
    }
    if (rc == 0 && in->regex != NULL) {
        rc = operators_read_regexes(operators, in->regex, false, err);
    }
    if (rc == 0 && in->command != NULL) {
        operators->command = arena_strdup(arena, in->command);
        rc = operators->command == NULL ? err_set(err, -ENOMEM, "not enough memory") : 0;
    }
    rc = rc < 0 ? rc : check_names(operators, "only", operators->only, err);
    rc = rc < 0 ? rc : check_names(operators, "on", operators->on, err);
    return rc < 0 ? rc : check_names(operators, "off", operators->off, err);
}

static int read_settings(struct operators *operators, json_t *settings, struct err *err)
{
    if (settings == NULL || json_is_null(settings)) {
        return 0;
    }
    struct setting_values in = {0};
    const struct json_field fields[] = {
        {"only",    JSON_FIELD_ANY,    false, &in.only   },
        {"on",      JSON_FIELD_ANY,    false, &in.on     },
        {"off",     JSON_FIELD_ANY,    false, &in.off    },
        {"arid",    JSON_FIELD_ANY,    false, &in.arid   },
        {"queries", JSON_FIELD_ANY,    false, &in.queries},
        {"regex",   JSON_FIELD_ARRAY,  false, &in.regex  },
        {"command", JSON_FIELD_STRING, false, &in.command},
    };
    if (json_read_object(settings, fields, sizeof fields / sizeof fields[0], err) < 0) {
        return err_wrap(err, "operators");
    }
    return read_lists(operators, &in, err);
}

int operators_load(json_t *settings,
                   const char *root,
                   struct operators **ret_operators,
                   struct err *err)
{
    struct operators *operators = mem_calloc(1, sizeof *operators);
    if (operators == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for the operators");
    }
    operators->arena = arena_new(OPERATORS_MEMORY_MAX);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    operators->built_in = mem_calloc(OPERATORS_LANGUAGES, sizeof *operators->built_in);
    int rc = 0;
    if (operators->arena == NULL || operators->built_in == NULL
        || (operators->root = arena_strdup(operators->arena, root)) == NULL
        || learn_built_in(operators) < 0) {
        rc = err_set(err, -ENOMEM, "not enough memory for the operators");
    }
    rc = rc < 0 ? rc : read_built_in_regexes(operators, err);
    rc = rc < 0 ? rc : read_settings(operators, settings, err);
    if (rc < 0) {
        operators_free(operators);
        return rc;
    }
    *ret_operators = operators;
    return 0;
}

void operators_free(struct operators *operators)
{
    if (operators == NULL) {
        return;
    }
    for (size_t i = 0; operators->built_in != NULL && i < OPERATORS_LANGUAGES; i++) {
        rules_free(operators->built_in[i]);
    }
    for (size_t i = 0; i < operators->queries.count; i++) {
        rules_free(operators->queries.items[i]);
    }
    for (size_t i = 0; i < operators->regexes.count; i++) {
        pcre2_code_free(operators->regexes.items[i].code);
    }
    vec_fini(&operators->queries);
    vec_fini(&operators->regexes);
    mem_free(operators->built_in);
    map_fini(&operators->known);
    arena_free(operators->arena);
    mem_free(operators);
}
