/* SPDX-License-Identifier: Apache-2.0 */
/* `with:` -> JSON. A stack instead of recursion: YAML depth is bounded by NODE_DEPTH_MAX, aliases
 * included. */
#include "base/json.h"
#include "config/layers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(NODE_DEPTH_MAX < JSON_DEPTH_MAX, "the writer must be able to follow");

struct level {
    const struct node *node;
    size_t next; /* child to write */
};

/* The shortest text that reads back as the same number, always with a point or an exponent. */
static void write_float(double number, struct json_writer *w)
{
    char text[40] = "";
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text - 2, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    size_t len = strlen(text);
    if (strpbrk(text, ".e") == NULL) {
        memcpy(text + len, ".0", sizeof ".0");
    }
    jw_raw(w, text);
}

static void write_scalar(struct reader *r, const struct node *node, struct json_writer *w)
{
    const char *text = "";
    struct scalar scalar = {.type = SCALAR_NULL};
    if (!reader_scalar(r, node, &text, &scalar)) {
        jw_null(w); /* told already; the text is thrown away */
        return;
    }
    bool bare = reader_is_bare_expression(node);
    switch (scalar.type) {
    case SCALAR_NULL:
        jw_null(w);
        break;
    case SCALAR_BOOL:
        jw_bool(w, scalar.integer != 0);
        break;
    case SCALAR_INT:
        jw_int(w, scalar.integer);
        break;
    case SCALAR_FLOAT:
        write_float(scalar.number, w);
        break;
    case SCALAR_OLDBOOL:
    case SCALAR_ODD:
        if (!bare) {
            complain(r->complaints,
                     node,
                     scalar.type == SCALAR_ODD
                         ? "`%.60s` is not the same number to every reader: put quotes around it, "
                           "or write it in another way"
                         : "`%.60s` is a boolean to some YAML readers: write true or false, or "
                           "put quotes around it",
                     text);
        }
        jw_string(w, text);
        break;
    case SCALAR_TEXT:
        jw_string(w, text);
        break;
    }
}

static void begin(const struct node *node, struct json_writer *w)
{
    if (node->type == NODE_MAP) {
        jw_object(w);
    } else {
        jw_array(w);
    }
}

static void end(const struct node *node, struct json_writer *w)
{
    if (node->type == NODE_MAP) {
        jw_end_object(w);
    } else {
        jw_end_array(w);
    }
}

/* The next child of a level; writes its key. */
static const struct node *take(struct level *level, struct json_writer *w)
{
    const struct node *node = level->node;
    if (node->type == NODE_LIST) {
        return node->items[level->next++];
    }
    const struct node_pair *pair = &node->pairs[level->next++];
    jw_key(w, pair->key->text);
    return pair->value;
}

void with_write(struct reader *r, const struct node *map, struct str *out)
{
    struct level stack[NODE_DEPTH_MAX + 1] = {{.node = map}};
    size_t depth = 1;
    struct json_writer w;
    jw_begin(&w, out);
    begin(map, &w);
    while (depth > 0) {
        struct level *level = &stack[depth - 1];
        if (level->next == level->node->count) {
            end(level->node, &w);
            depth--;
            continue;
        }
        const struct node *child = take(level, &w);
        if (child->type == NODE_TEXT) {
            write_scalar(r, child, &w);
            continue;
        }
        assert(depth <= NODE_DEPTH_MAX);
        begin(child, &w);
        stack[depth++] = (struct level){.node = child};
    }
}

/* Compares one reference token ("~1" is '/', "~0" is '~') with a key. */
static bool token_is(const char *token, size_t len, const char *key)
{
    size_t k = 0;
    for (size_t i = 0; i < len; i++, k++) {
        char c = token[i];
        if (c == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1')) {
            c = token[++i] == '0' ? '~' : '/';
        }
        if (key[k] != c) {
            return false;
        }
    }
    return key[k] == '\0';
}

/* One step down. Sets *ret_place, the node to point at: the key of a member, or the item. */
static const struct node *step(const struct node *node,
                               const char *token,
                               size_t len,
                               const struct node **ret_place)
{
    if (node->type == NODE_LIST) {
        char *stop = NULL;
        unsigned long index = strtoul(token, &stop, 10);
        bool good = len > 0 && stop == token + len && index < node->count;
        *ret_place = good ? node->items[index] : *ret_place;
        return good ? node->items[index] : NULL;
    }
    for (size_t i = 0; node->type == NODE_MAP && i < node->count; i++) {
        if (token_is(token, len, node->pairs[i].key->text)) {
            *ret_place = node->pairs[i].key;
            return node->pairs[i].value;
        }
    }
    return NULL;
}

const struct node *with_find(const struct node_pair *with, const char *pointer)
{
    const struct node *place = with->key;
    const struct node *node = with->value;
    while (node != NULL && *pointer == '/') {
        size_t len = strcspn(pointer + 1, "/");
        node = step(node, pointer + 1, len, &place);
        pointer += 1 + len;
    }
    return place;
}
