/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over libyaml's events. A stack of open lists and mappings (frames) stands in for
 * recursion. A frame gathers its children on the heap; when it ends they are copied to the arena in
 * one piece. Merge keys are kept aside until the mapping ends, since its own keys win. */
#include "config/node.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "config/complain.h"
#include "config/node_syntax.h"
#include "config/scalar.h"

#include <yaml.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

struct frame {
    struct node *node;
    const struct node *key;   /* read, its value comes next */
    bool drop;                /* the key was refused: its value is read and forgotten */
    const char *anchor;       /* name, to be known when the frame ends; NULL = none */
    const struct node *merge; /* value of `<<` */
    struct map keys;          /* text of a key -> its line */
    uint32_t weight;
    uint16_t height;

    struct {
        VEC_FIELDS(struct node_pair);
    } pairs; /* of a list: the items, as values */
};

struct builder {
    struct arena *arena;
    struct complaints *complaints;
    struct map anchors; /* name -> finished node, or 0 while it is being read */
    size_t aliases;
    size_t total; /* nodes so far, aliases written out */
    bool stop;    /* nothing sensible can follow */
    const struct node *root;
    size_t depth; /* open frames */
    struct frame frames[NODE_DEPTH_MAX];
};

/* Memory was short or the arena is full. */
static void fail_memory(struct builder *b)
{
    complaints_fail_arena(b->complaints, b->arena);
    b->stop = true;
}

static void complain_mark(struct builder *b, const yaml_mark_t *mark, const char *sentence)
{
    complain_at(
        b->complaints, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s", sentence);
}

static void stop_at(struct builder *b, const yaml_mark_t *mark, const char *sentence)
{
    complain_mark(b, mark, sentence);
    b->stop = true;
}

static struct node *new_node(struct builder *b, enum node_type type, const yaml_mark_t *mark)
{
    struct node *node = arena_alloc(b->arena, sizeof *node);
    if (node == NULL) {
        fail_memory(b);
        return NULL;
    }
    node->type = type;
    node->line = (uint32_t)mark->line + 1;
    node->column = (uint32_t)mark->column + 1;
    node->weight = 1;
    node->height = type != NODE_TEXT;
    return node;
}

static struct frame *top(struct builder *b)
{
    return b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
}

/* Counts nodes as if aliases were written out; false when there are too many. */
static bool count_nodes(struct builder *b, size_t count, const yaml_mark_t *mark)
{
    b->total += count;
    if (b->total <= NODE_COUNT_MAX) {
        return true;
    }
    complain_at(b->complaints,
                (unsigned)mark->line + 1,
                (unsigned)mark->column + 1,
                "the file is too big: more than %d values when aliases are written out; use fewer "
                "aliases, or split the pipeline into several files",
                NODE_COUNT_MAX);
    b->stop = true;
    return false;
}

static void add_pair(struct builder *b, struct frame *frame, struct node_pair pair)
{
    if (vec_push(&frame->pairs, pair) != 0) {
        complaints_fail(b->complaints, -ENOMEM);
        b->stop = true;
        return;
    }
    frame->weight += pair.value->weight + (pair.key != NULL);
    if (frame->height <= pair.value->height) {
        frame->height = (uint16_t)(pair.value->height + 1);
    }
}

static bool is_merge(const struct node *key)
{
    return key->plain && strcmp(key->text, "<<") == 0;
}

/* The value of `<<` is a mapping or a list of mappings. */
static void keep_merge(struct builder *b, struct frame *frame, const struct node *value)
{
    bool good = value->type != NODE_TEXT;
    for (size_t i = 0; value->type == NODE_LIST && i < value->count; i++) {
        good = good && value->items[i]->type == NODE_MAP;
    }
    if (!good) {
        complain(b->complaints,
                 frame->key,
                 "`<<` must be followed by an alias of a mapping, or a list of such aliases");
        return;
    }
    frame->merge = value;
}

/* A finished value goes into the open list or mapping, or is the document. */
static void add_value(struct builder *b, const struct node *value)
{
    struct frame *frame = top(b);
    if (frame == NULL) {
        b->root = value;
        return;
    }
    if (frame->node->type == NODE_LIST) {
        add_pair(b, frame, (struct node_pair){NULL, value});
        return;
    }
    assert(frame->key != NULL);
    if (is_merge(frame->key)) {
        keep_merge(b, frame, value);
    } else if (!frame->drop) {
        add_pair(b, frame, (struct node_pair){frame->key, value});
    }
    frame->key = NULL;
}

static void check_key(struct builder *b, const struct node *key)
{
    if (key->count == 0) {
        complain(b->complaints, key, "a key is missing before this `:`");
        return;
    }
    if (!key->plain || is_merge(key)) {
        return;
    }
    enum scalar_type type = scalar_parse(key->text).type;
    if (type == SCALAR_OLDBOOL) {
        complain(b->complaints,
                 key,
                 "the key `%.60s` means true or false to many YAML readers: put quotes around it, "
                 "or choose another word",
                 key->text);
    } else if (type != SCALAR_TEXT) {
        complain(b->complaints,
                 key,
                 "keys are text, but `%.60s` is %s to YAML: put quotes around it",
                 key->text,
                 node_kind(key));
    }
}

static void add_key(struct builder *b, struct frame *frame, const struct node *key)
{
    check_key(b, key);
    frame->key = key;
    uintptr_t first = 0;
    (void)map_get(&frame->keys, key->text, &first);
    int known = map_add(&frame->keys, key->text, key->line);
    if (known < 0) {
        complaints_fail(b->complaints, -ENOMEM);
        b->stop = true;
        return;
    }
    frame->drop = known == 1;
    if (frame->drop) {
        complain(b->complaints,
                 key,
                 "duplicate key `%.60s`: it is already on line %u; remove one of them",
                 key->text,
                 (unsigned)first);
    }
}

static bool expects_key(struct builder *b)
{
    struct frame *frame = top(b);
    return frame != NULL && frame->node->type == NODE_MAP && frame->key == NULL;
}

/* Remembers `&name`. The node is known only when it is finished; 0 until then. */
static const char *start_anchor(struct builder *b,
                                const yaml_char_t *anchor,
                                const struct node *node)
{
    if (anchor == NULL) {
        return NULL;
    }
    char *name = arena_strdup(b->arena, (const char *)anchor);
    bool finished = node->type == NODE_TEXT;
    if (name == NULL || map_put(&b->anchors, name, finished ? (uintptr_t)node : 0) < 0) {
        fail_memory(b);
        return NULL;
    }
    return name;
}

static void refuse_tag(struct builder *b, const yaml_char_t *tag, const yaml_mark_t *mark)
{
    if (tag != NULL) {
        complain_mark(
            b, mark, "tags such as `!!str` are not supported: remove it; quotes make a text");
    }
}

static void on_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    refuse_tag(b, event->data.scalar.tag, &event->start_mark);
    if (memchr(text, '\0', len) != NULL) {
        stop_at(b, &event->start_mark, "a text with a NUL character (`\\0`) cannot be used");
        return;
    }
    struct node *node = new_node(b, NODE_TEXT, &event->start_mark);
    if (node == NULL || !count_nodes(b, 1, &event->start_mark)) {
        return;
    }
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->count = len;
    node->text = arena_strndup(b->arena, text, len);
    if (node->text == NULL) {
        fail_memory(b);
        return;
    }
    (void)start_anchor(b, event->data.scalar.anchor, node);
    if (b->stop) {
        return;
    }
    if (expects_key(b)) {
        add_key(b, top(b), node);
    } else {
        add_value(b, node);
    }
}

#define DEEP_ADVICE "lists and mappings are nested too deeply here: at most 32 levels"
_Static_assert(NODE_DEPTH_MAX == 32, "the advice names the limit");

static void on_start(struct builder *b,
                     enum node_type type,
                     const yaml_char_t *tag,
                     const yaml_event_t *event)
{
    refuse_tag(b, tag, &event->start_mark);
    if (expects_key(b)) {
        stop_at(b,
                &event->start_mark,
                "a list or mapping cannot be a key: quote values that begin with `{` or `[`");
        return;
    }
    if (b->depth == NODE_DEPTH_MAX) {
        stop_at(b, &event->start_mark, DEEP_ADVICE);
        return;
    }
    struct node *node = new_node(b, type, &event->start_mark);
    if (node == NULL || !count_nodes(b, 1, &event->start_mark)) {
        return;
    }
    const yaml_char_t *anchor =
        type == NODE_MAP ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const char *name = start_anchor(b, anchor, node);
    b->frames[b->depth++] = (struct frame){.node = node, .anchor = name, .weight = 1, .height = 1};
}

/* Adds the pairs of one merged mapping whose keys are not there yet. */
static void merge_one(struct builder *b,
                      struct frame *frame,
                      const struct node *map,
                      const yaml_mark_t *mark)
{
    if (!count_nodes(b, map->weight, mark)) {
        return;
    }
    for (size_t i = 0; i < map->count && !b->stop; i++) {
        int known = map_add(&frame->keys, map->pairs[i].key->text, map->pairs[i].key->line);
        if (known < 0) {
            complaints_fail(b->complaints, -ENOMEM);
            b->stop = true;
        } else if (known == 0) {
            add_pair(b, frame, map->pairs[i]);
        }
    }
}

static void merge(struct builder *b, struct frame *frame, const yaml_mark_t *mark)
{
    const struct node *merged = frame->merge;
    if (merged == NULL) {
        return;
    }
    if (merged->type == NODE_MAP) {
        merge_one(b, frame, merged, mark);
        return;
    }
    for (size_t i = 0; i < merged->count && !b->stop; i++) {
        merge_one(b, frame, merged->items[i], mark);
    }
}

static bool copy_children(struct builder *b, const struct frame *frame)
{
    struct node *node = frame->node;
    size_t count = frame->pairs.count;
    node->count = count;
    if (node->type == NODE_MAP) {
        struct node_pair *pairs = arena_calloc(b->arena, count, sizeof *pairs);
        if (pairs != NULL && count > 0) {
            memcpy(pairs, frame->pairs.items, count * sizeof *pairs);
        }
        node->pairs = pairs;
        return pairs != NULL;
    }
    const struct node **items = arena_calloc(b->arena, count, sizeof(struct node *));
    for (size_t i = 0; items != NULL && i < count; i++) {
        items[i] = frame->pairs.items[i].value;
    }
    node->items = items;
    return items != NULL;
}

static void frame_fini(struct frame *frame)
{
    vec_fini(&frame->pairs);
    map_fini(&frame->keys);
}

static void on_end(struct builder *b, const yaml_event_t *event)
{
    assert(b->depth > 0);
    struct frame *frame = top(b);
    merge(b, frame, &event->start_mark);
    if (b->stop) {
        return;
    }
    struct node *node = frame->node;
    node->weight = frame->weight;
    node->height = frame->height;
    if (!copy_children(b, frame)
        || (frame->anchor != NULL && map_put(&b->anchors, frame->anchor, (uintptr_t)node) < 0)) {
        fail_memory(b);
        return;
    }
    frame_fini(frame);
    b->depth--;
    add_value(b, node);
}

static void complain_unknown_alias(struct builder *b, const char *name, const yaml_mark_t *mark)
{
    const char *nearest = NULL;
    unsigned best = UINT_MAX;
    for (size_t i = 0; i < b->anchors.cap; i++) {
        const char *anchor = b->anchors.entries[i].key;
        if (anchor == NULL) {
            continue;
        }
        unsigned distance = text_distance(name, anchor);
        bool tie = distance == best && nearest != NULL && strcmp(anchor, nearest) < 0;
        if (distance < best || nearest == NULL || tie) {
            best = distance;
            nearest = anchor;
        }
    }
    nearest = nearest != NULL ? text_nearest(name, &nearest, 1) : NULL;
    complain_at(b->complaints,
                (unsigned)mark->line + 1,
                (unsigned)mark->column + 1,
                "unknown alias `*%.60s`: %s%.60s%s",
                name,
                nearest != NULL ? "did you mean `*" : "write `&",
                nearest != NULL ? nearest : name,
                nearest != NULL ? "`?" : "` before the value it stands for, above this line");
    b->stop = true;
}

static void on_alias(struct builder *b, const yaml_event_t *event)
{
    const yaml_mark_t *mark = &event->start_mark;
    const char *name = (const char *)event->data.alias.anchor;
    uintptr_t value = 0;
    if (expects_key(b)) {
        stop_at(b, mark, "an alias cannot be a key: write the word itself");
    } else if (map_get(&b->anchors, name, &value) == 0) {
        complain_unknown_alias(b, name, mark);
    } else if (value == 0) {
        stop_at(b, mark, "this alias stands inside the value it names, which would never end");
    } else if (++b->aliases > NODE_ALIAS_MAX) {
        stop_at(b, mark, "more than 1000 aliases in one file: use `defaults:` or a matrix instead");
    } else {
        const struct node *node = (const struct node *)value;
        if (b->depth + node->height > NODE_DEPTH_MAX) {
            stop_at(b, mark, DEEP_ADVICE);
        } else if (count_nodes(b, node->weight, mark)) {
            add_value(b, node);
        }
    }
}

_Static_assert(NODE_ALIAS_MAX == 1000, "the advice names the limit");

static void on_document(struct builder *b, const yaml_event_t *event)
{
    if (b->root != NULL) {
        stop_at(b,
                &event->start_mark,
                "a second document begins here: put one pipeline in a file, without `---` inside");
    }
}

static void on_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, event);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_start(b, NODE_LIST, event->data.sequence_start.tag, event);
        break;
    case YAML_MAPPING_START_EVENT:
        on_start(b, NODE_MAP, event->data.mapping_start.tag, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(b, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, event);
        break;
    case YAML_STREAM_END_EVENT:
        b->stop = true;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

static void read_events(struct builder *b, yaml_parser_t *parser)
{
    while (!b->stop) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            node_syntax_complain(b->complaints, parser);
            return;
        }
        on_event(b, &event);
        yaml_event_delete(&event);
    }
}

static void builder_fini(struct builder *b)
{
    while (b->depth > 0) {
        frame_fini(top(b));
        b->depth--;
    }
    map_fini(&b->anchors);
}

const struct node *node_parse(const char *text,
                              size_t len,
                              struct arena *arena,
                              struct complaints *complaints)
{
    struct builder b = {.arena = arena, .complaints = complaints};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        complaints_fail(complaints, -ENOMEM);
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    read_events(&b, &parser);
    yaml_parser_delete(&parser);
    builder_fini(&b);
    if (b.root == NULL && complaints->count == 0 && complaints->error == 0) {
        complain_at(complaints, 1, 1, NODE_EMPTY_TEXT);
    }
    return complaints->error == 0 ? b.root : NULL;
}

const struct node_pair *node_find(const struct node *map, const char *key)
{
    for (size_t i = 0; map->type == NODE_MAP && i < map->count; i++) {
        if (strcmp(map->pairs[i].key->text, key) == 0) {
            return &map->pairs[i];
        }
    }
    return NULL;
}

const char *node_kind(const struct node *node)
{
    static const char *const kinds[] = {
        [SCALAR_TEXT] = "text",
        [SCALAR_NULL] = "nothing",
        [SCALAR_BOOL] = "true or false",
        [SCALAR_INT] = "a number",
        [SCALAR_FLOAT] = "a number",
        [SCALAR_OLDBOOL] = "text",
        [SCALAR_ODD] = "a number",
    };
    if (node->type != NODE_TEXT) {
        return node->type == NODE_LIST ? "a list" : "a mapping";
    }
    return node->plain ? kinds[scalar_parse(node->text).type] : "text";
}
