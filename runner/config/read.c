/* SPDX-License-Identifier: Apache-2.0 */
/* One function per type of value: the `read` column of the table in keys.c. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "config/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum layer_when) == sizeof(unsigned)
                   && sizeof(enum sandbox_mode) == sizeof(unsigned)
                   && sizeof(enum reuse_mode) == sizeof(unsigned),
               "read_word() writes enums as unsigned");

/* A number of our type or a complaint. */
static bool want_scalar(struct reader *r,
                        const struct key *key,
                        const struct node *node,
                        struct scalar *ret)
{
    const char *text = NULL;
    if (node->type != NODE_TEXT) {
        reader_wrong_type(r, key, node);
        return false;
    }
    return reader_scalar(r, node, &text, ret);
}

void read_version(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct scalar scalar;
    if (!want_scalar(r, key, value, &scalar)) {
        return;
    }
    if (scalar.type != SCALAR_INT) {
        reader_wrong_type(r, key, value);
    } else if (scalar.integer != 1) {
        complain(r->complaints,
                 value,
                 "version %.20s is not known: this sluice reads version 1",
                 value->text);
    } else {
        *(unsigned *)field = 1;
    }
}

void read_text(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    const char *text = reader_checked(r, key, value);
    if (text != NULL) {
        *(const char **)field = text;
    }
}

static const struct key_word *find_word(struct reader *r,
                                        const struct key *key,
                                        const struct node *node)
{
    const char *text = NULL;
    struct scalar scalar;
    if (!reader_scalar(r, node, &text, &scalar)) {
        if (node->type != NODE_TEXT) {
            reader_wrong_type(r, key, node);
        }
        return NULL;
    }
    const char *known[8] = {NULL};
    for (size_t i = 0; key->words[i].word != NULL; i++) {
        assert(i < sizeof known / sizeof *known);
        known[i] = key->words[i].word;
        if (strcmp(known[i], text) == 0) {
            return &key->words[i];
        }
    }
    if (!complaints_room(r->complaints, node)) {
        return NULL;
    }
    const char *nearest = text_nearest(text, known, sizeof known / sizeof *known);
    if (nearest != NULL) {
        complain(r->complaints,
                 node,
                 "`%.60s` is no value of `%s`: did you mean `%s`?",
                 text,
                 key->name,
                 nearest);
    } else {
        reader_wrong_type(r, key, node);
    }
    return NULL;
}

void read_word(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    const struct key_word *word = find_word(r, key, value);
    if (word != NULL) {
        memcpy(field, &word->value, sizeof word->value);
    }
}

/* Number of items of a list, 1 for a single text where that is allowed. False after a complaint. */
static bool list_size(struct reader *r,
                      const struct key *key,
                      const struct node *value,
                      size_t *ret_count)
{
    if (value->type == NODE_LIST) {
        *ret_count = value->count;
        return true;
    }
    bool null =
        value->type == NODE_TEXT && value->plain && scalar_parse(value->text).type == SCALAR_NULL;
    if (value->type == NODE_TEXT && key->single && !null) {
        *ret_count = 1;
        return true;
    }
    reader_wrong_type(r, key, value);
    return false;
}

static const struct node *list_item(const struct node *value, size_t i)
{
    return value->type == NODE_LIST ? value->items[i] : value;
}

void read_words(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    size_t count = 0;
    unsigned bits = 0;
    if (!list_size(r, key, value, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct key_word *word = find_word(r, key, list_item(value, i));
        bits |= word != NULL ? word->value : 0;
    }
    *(unsigned *)field = bits;
}

void read_int(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct scalar scalar;
    if (!want_scalar(r, key, value, &scalar)) {
        return;
    }
    if (scalar.type != SCALAR_INT) {
        reader_wrong_type(r, key, value);
    } else if (scalar.integer < key->min || scalar.integer > key->max) {
        complain(r->complaints,
                 value,
                 "`%s` must be from %u to %u, not %.30s",
                 key->name,
                 key->min,
                 key->max,
                 value->text);
    } else {
        *(unsigned *)field = (unsigned)scalar.integer;
    }
}

void read_bool(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct scalar scalar;
    if (!want_scalar(r, key, value, &scalar)) {
        return;
    }
    if (scalar.type != SCALAR_BOOL) {
        reader_wrong_type(r, key, value);
        return;
    }
    *(bool *)field = scalar.integer != 0;
}

void read_duration(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    const char *text = NULL;
    struct scalar scalar;
    int64_t ms = 0;
    if (!reader_scalar(r, value, &text, &scalar)) {
        if (value->type != NODE_TEXT) {
            reader_wrong_type(r, key, value);
        }
        return;
    }
    bool zero = scalar.type == SCALAR_INT && scalar.integer == 0;
    if (scalar.type != SCALAR_TEXT && !zero) {
        reader_wrong_type(r, key, value);
        return;
    }
    struct err reason;
    if (duration_parse(text, &ms, &reason) != 0) {
        complain(r->complaints,
                 value,
                 "`%s` must be a duration such as `%s`, not `%.60s`: write numbers with ms, s, m, "
                 "h or d and no blanks, up to 366d",
                 key->name,
                 key->example,
                 text);
    } else if (ms == 0 && !key->zero) {
        complain(r->complaints, value, "`%s` must be longer than 0", key->name);
    } else {
        *(int64_t *)field = ms;
    }
}

/* "0.5%" in parts per million. */
void read_share(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    const char *text = NULL;
    struct scalar scalar;
    if (!reader_scalar(r, value, &text, &scalar) || scalar.type != SCALAR_TEXT) {
        reader_wrong_type(r, key, value);
        return;
    }
    unsigned ppm = 0;
    if (share_parse(text, &ppm) < 0) {
        complain(r->complaints,
                 value,
                 "`%s` must be a share from `0%%` to `100%%`, not `%.60s`",
                 key->name,
                 text);
        return;
    }
    *(unsigned *)field = ppm;
}

static bool want_number(struct reader *r,
                        const struct key *key,
                        const struct node *value,
                        double *ret)
{
    struct scalar scalar;
    if (!want_scalar(r, key, value, &scalar)) {
        return false;
    }
    if (scalar.type != SCALAR_INT && scalar.type != SCALAR_FLOAT) {
        reader_wrong_type(r, key, value);
        return false;
    }
    *ret = scalar.type == SCALAR_INT ? (double)scalar.integer : scalar.number;
    return true;
}

void read_min(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct gate_rule *rule = field;
    rule->has_min = want_number(r, key, value, &rule->min);
}

void read_max(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct gate_rule *rule = field;
    rule->has_max = want_number(r, key, value, &rule->max);
}

struct texts {
    VEC_FIELDS(const char *);
};

static void add_text(struct reader *r, struct texts *texts, const char *text)
{
    if (vec_push(texts, text) != 0) {
        complaints_fail(r->complaints, -ENOMEM);
    }
}

void read_list(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    size_t count = 0;
    struct texts texts = {0};
    if (!list_size(r, key, value, &count)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *text = reader_checked(r, key, list_item(value, i));
        if (text != NULL) {
            add_text(r, &texts, text);
        }
    }
    (void)reader_make_list(r, texts.items, texts.count, field);
    vec_fini(&texts);
}

/* ---- environment ---- */

static size_t env_find(const struct env_list *env, const char *name)
{
    size_t i = 0;
    while (i < env->count && strcmp(env->items[i].name, name) != 0) {
        i++;
    }
    return i;
}

static bool env_value(struct reader *r, const struct node *node, const char **ret_value)
{
    struct scalar scalar;
    if (node->type != NODE_TEXT) {
        complain(r->complaints,
                 node,
                 "the variable `%.60s` must be text, a number, true, false or null, not %s",
                 r->pair->key->text,
                 node_kind(node));
        return false;
    }
    if (!reader_scalar(r, node, ret_value, &scalar)) {
        return false;
    }
    if (scalar.type == SCALAR_NULL && !reader_is_bare_expression(node)) {
        *ret_value = NULL;
    }
    return true;
}

/* Over the variables of `defaults`, which are there already. */
void read_env(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct env_list *env = field;
    if (value->type != NODE_MAP) {
        reader_wrong_type(r, key, value);
        return;
    }
    if (env->count + value->count > ENV_MAX) {
        complain(r->complaints, value, "more than %d variables in one layer", ENV_MAX);
        return;
    }
    struct env_entry *items = arena_calloc(r->arena, env->count + value->count, sizeof *items);
    if (items == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return;
    }
    struct env_list merged = {.items = items, .count = env->count};
    if (env->count > 0) {
        memcpy(items, env->items, env->count * sizeof *items);
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct node *name = value->pairs[i].key;
        const char *text = NULL;
        r->pair = &value->pairs[i];
        if (!reader_check(r, key->rule, "the variable", name, name->text)
            || !env_value(r, value->pairs[i].value, &text)) {
            continue;
        }
        size_t at = env_find(&merged, name->text);
        items[at] = (struct env_entry){.name = name->text, .value = text};
        merged.count += at == merged.count;
    }
    *env = merged;
}

/* ---- nested mappings ---- */

void read_retry(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct reader_place place = {SCOPE_RETRY, "`retry`", r->pair->key};
    (void)key;
    reader_object(r, &place, value, field);
}

void read_reuse(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct reader_place place = {SCOPE_REUSE, "`reuse`", r->pair->key};
    (void)key;
    reader_object(r, &place, value, field);
}

static void read_rule(struct reader *r, const struct node_pair *pair, struct gate_rule *rule)
{
    char what[96];
    size_t before = r->complaints->found;
    (void)snprintf(what, sizeof what, "the gate of `%.60s`", pair->key->text);
    struct reader_place place = {SCOPE_GATE, what, pair->key};
    *rule = (struct gate_rule){.metric = pair->key->text, .pos = reader_pos(r, pair->key)};
    reader_object(r, &place, pair->value, rule);
    if (r->complaints->found > before) {
        return;
    }
    if (!rule->has_min && !rule->has_max) {
        complain(r->complaints, pair->key, "%s has no bound: add `min` or `max`", what);
    } else if (rule->has_min && rule->has_max && rule->min > rule->max) {
        complain(r->complaints, pair->key, "%s can never open: `min` is above `max`", what);
    }
}

void read_gate(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    struct draft *draft = field;
    if (value->type != NODE_MAP) {
        reader_wrong_type(r, key, value);
        return;
    }
    struct gate_rule *rules = arena_calloc(r->arena, value->count, sizeof *rules);
    if (rules == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct node *metric = value->pairs[i].key;
        if (reader_check(r, key->rule, "the metric", metric, metric->text)) {
            read_rule(r, &value->pairs[i], &rules[i]);
        }
    }
    draft->layer.gate = rules;
    draft->layer.gate_count = value->count;
}

/* ---- what later steps look at again ---- */

void read_name(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    const char *text = reader_checked(r, key, value);
    if (text == NULL) {
        return;
    }
    const struct env_list *matrix = r->matrix;
    if (matrix->count > 0 && text == value->text) {
        /* Variants must not look alike. */
        const char *id = r->draft->layer.id;
        text = arena_printf(r->arena, "%s %s", text, strchr(id, '['));
        if (text == NULL) {
            complaints_fail_arena(r->complaints, r->arena);
            return;
        }
    }
    *(const char **)field = text;
}

void read_stage(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    read_text(r, key, value, field);
    r->draft->stage_node = value;
}

void read_uses(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    read_text(r, key, value, field);
    r->draft->uses_node = value;
}

void read_needs(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    size_t count = 0;
    if (!list_size(r, key, value, &count)) {
        return;
    }
    /* Places must stay in step with the nodes: a refused item is kept as NULL. */
    const char **words = arena_calloc(r->arena, count + 1, sizeof *words);
    if (words == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        words[i] = reader_checked(r, key, list_item(value, i));
    }
    *(struct text_list *)field = (struct text_list){.items = words, .count = count};
    r->draft->needs_node = value;
    r->draft->layer.has_needs = true;
}

static bool is_repeated(const struct node *list, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(list->items[i]->text, list->items[k]->text) == 0) {
            return true;
        }
    }
    return false;
}

static void check_unique(struct reader *r, const struct node *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_repeated(list, i)) {
            complain(r->complaints,
                     list->items[i],
                     "the stage `%s` is listed twice",
                     list->items[i]->text);
        }
    }
}

void read_stages(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    size_t before = r->complaints->found;
    read_list(r, key, value, field);
    if (r->complaints->found > before || value->type != NODE_LIST) {
        return;
    }
    if (value->count == 0) {
        complain(r->complaints,
                 value,
                 "`stages` is empty: name at least one, or remove the key for one stage `default`");
    } else if (value->count > STAGES_MAX) {
        complain(r->complaints, value, "more than %d stages", STAGES_MAX);
    } else {
        check_unique(r, value);
    }
}

void read_node(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    (void)r;
    (void)key;
    *(const struct node **)field = value;
}

void read_with(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    if (value->type != NODE_MAP) {
        reader_wrong_type(r, key, value);
        return;
    }
    *(const struct node_pair **)field = r->pair;
}

void read_matrix(struct reader *r, const struct key *key, const struct node *value, void *field)
{
    /* matrix.c did, before there was a layer to read. */
    (void)r;
    (void)key;
    (void)value;
    (void)field;
}
