/* SPDX-License-Identifier: Apache-2.0 */
/* matrix: {a: [1, 2], b: [x, y]} -> [1,x] [1,y] [2,x] [2,y]: the first axis turns slowest. */
#include "base/cleanup.h"
#include "base/str.h"
#include "config/layers.h"

#include <errno.h>
#include <string.h>

static const struct env_list no_axes;

static const char *value_text(struct reader *r, const struct node *axis, const struct node *node)
{
    if (node->type != NODE_TEXT) {
        complain(r->complaints,
                 node,
                 "the values of the axis `%.60s` must be texts or numbers, not %s",
                 axis->text,
                 node_kind(node));
        return NULL;
    }
    enum scalar_type type = node->plain ? scalar_parse(node->text).type : SCALAR_TEXT;
    if (type == SCALAR_OLDBOOL) {
        complain(r->complaints,
                 node,
                 "`%s` means true or false to many YAML readers: put quotes around it",
                 node->text);
        return NULL;
    }
    if (type == SCALAR_NULL) {
        complain(r->complaints, node, "a value of the axis `%.60s` is missing", axis->text);
        return NULL;
    }
    bool good = reader_check(r, &rule_matrix_value, "the matrix value", node, node->text);
    return good ? node->text : NULL;
}

static bool is_repeated(const struct node *values, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(values->items[i]->text, values->items[k]->text) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_values(struct reader *r, const struct node_pair *axis)
{
    const struct node *values = axis->value;
    for (size_t i = 0; i < values->count; i++) {
        if (value_text(r, axis->key, values->items[i]) == NULL) {
            return false;
        }
        if (is_repeated(values, i)) {
            complain(r->complaints,
                     values->items[i],
                     "the value `%s` is listed twice",
                     values->items[i]->text);
            return false;
        }
    }
    return true;
}

static bool check_axis(struct reader *r, const struct node_pair *axis)
{
    const struct node *values = axis->value;
    if (!reader_check(r, &rule_id, "the axis", axis->key, axis->key->text)) {
        return false;
    }
    if (values->type != NODE_LIST || values->count == 0) {
        complain(r->complaints,
                 values,
                 "the axis `%.60s` must be a list of values such as `[asan, ubsan]`, not %s",
                 axis->key->text,
                 values->type == NODE_LIST ? "an empty one" : node_kind(values));
        return false;
    }
    /* Too many are told by check_product(). */
    return values->count > MATRIX_VARIANTS_MAX || check_values(r, axis);
}

static bool check_product(struct reader *r,
                          const struct node_pair *matrix,
                          size_t weight,
                          size_t *ret_product)
{
    size_t product = 1;
    for (size_t i = 0; i < matrix->value->count; i++) {
        product *= matrix->value->pairs[i].value->count;
        if (product > MATRIX_VARIANTS_MAX) {
            complain(r->complaints,
                     matrix->key,
                     "the matrix has more than %d variants: split the layer, or remove values",
                     MATRIX_VARIANTS_MAX);
            return false;
        }
    }
    if (product * weight > MATRIX_NODES_MAX) {
        complain(r->complaints,
                 matrix->key,
                 "the layer is too large for %zu variants: move settings out of it",
                 product);
        return false;
    }
    *ret_product = product;
    return true;
}

static bool check_axes(struct reader *r, const struct node_pair *matrix)
{
    bool good = true;
    if (matrix->value->type != NODE_MAP || matrix->value->count == 0) {
        complain(r->complaints,
                 matrix->value,
                 "`matrix` must be a mapping of axes to lists such as `{san: [asan, ubsan]}`, not "
                 "%s",
                 matrix->value->type == NODE_MAP ? "an empty one" : node_kind(matrix->value));
        return false;
    }
    for (size_t i = 0; i < matrix->value->count; i++) {
        good = check_axis(r, &matrix->value->pairs[i]) && good;
    }
    return good;
}

/* Variant `index` in mixed radix, the last axis being the lowest digit. */
static bool fill(struct reader *r, const struct node *axes, size_t index, struct env_list *list)
{
    struct env_entry *entries = arena_calloc(r->arena, axes->count, sizeof *entries);
    if (entries == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return false;
    }
    for (size_t i = axes->count; i-- > 0;) {
        const struct node *values = axes->pairs[i].value;
        entries[i].name = axes->pairs[i].key->text;
        entries[i].value = values->items[index % values->count]->text;
        index /= values->count;
    }
    *list = (struct env_list){.items = entries, .count = axes->count};
    return true;
}

bool matrix_read(struct reader *r, const struct node *layer, struct variants *ret_variants)
{
    const struct node_pair *matrix = node_find(layer, "matrix");
    size_t count = 1;
    *ret_variants = (struct variants){.items = &no_axes, .count = 1};
    if (matrix == NULL) {
        return true;
    }
    if (!check_axes(r, matrix) || !check_product(r, matrix, layer->weight, &count)) {
        return false;
    }
    struct env_list *items = arena_calloc(r->arena, count, sizeof *items);
    if (items == NULL) {
        complaints_fail_arena(r->complaints, r->arena);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!fill(r, matrix->value, i, &items[i])) {
            return false;
        }
    }
    *ret_variants = (struct variants){.items = items, .count = count};
    return true;
}

const char *matrix_id(struct reader *r, const char *base, const struct env_list *variant)
{
    CLEANUP(str_fini) struct str id = STR_INIT((size_t)64 << 10);
    if (variant->count == 0) {
        return base;
    }
    (void)str_append(&id, base);
    for (size_t i = 0; i < variant->count; i++) {
        (void)str_appendf(&id, "%c%s", i == 0 ? '[' : ',', variant->items[i].value);
    }
    (void)str_append_char(&id, ']');
    const char *text = str_error(&id) == 0 ? arena_strdup(r->arena, str_text(&id)) : NULL;
    if (text == NULL) {
        complaints_fail(r->complaints, str_error(&id) == -EFBIG ? -E2BIG : -ENOMEM);
    }
    return text;
}
