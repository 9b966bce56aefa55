/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a manifest statement by statement. Files that are included stand on a stack; pieces that
 * hold variables of an edge are kept as they are written until all its variables are known. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/build/ninja_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Message without its file and line. */
#define WHY_MAX 400
/* What is shown of a word in a message. */
#define SHOWN_MAX 80

struct source {
    const char *name;
    const char *text;
    const char *at;
    const char *counted; /* `line` is the line of this place */
    unsigned line;
    struct ninja_scope *scope;
};

/* The paths of a build statement, not yet replaced. */
struct raw_vec {
    VEC_FIELDS(struct ninja_raw);
};

struct reading {
    struct ninja *ninja;
    const struct ninja_reader *reader;
    struct source stack[NINJA_DEPTH_MAX];
    size_t depth;
    size_t files;
    size_t text_size;
    struct raw_vec outputs;
    struct raw_vec inputs;
    struct raw_vec defaults;
    struct str scratch;
    struct err *err;
};

static const struct ninja_rule phony = {.name = "phony"};

/* ---- complaints ---- */

static unsigned line_of(struct source *source, const char *at)
{
    if (at < source->counted) {
        source->counted = source->text;
        source->line = 1;
    }
    while (source->counted < at) {
        source->line += *source->counted++ == '\n';
    }
    return source->line;
}

static struct source *top(struct reading *r)
{
    assert(r->depth > 0);
    return &r->stack[r->depth - 1];
}

__attribute__((format(printf, 3, 4))) static int refuse_at(struct reading *r,
                                                           const char *at,
                                                           const char *format,
                                                           ...)
{
    char why[WHY_MAX];
    va_list args;
    struct source *source = top(r);
    va_start(args, format);
    (void)vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return err_set(r->err, -EINVAL, "%s:%u: %s", source->name, line_of(source, at), why);
}

static int no_memory(struct reading *r)
{
    return err_set(r->err,
                   -ENOMEM,
                   "out of memory, or the manifest is larger than is read (%zu MiB)",
                   NINJA_ARENA_MAX >> 20);
}

/* ---- words ---- */

static bool is_newline(const char *at)
{
    return *at == '\n' || (*at == '\r' && at[1] == '\n');
}

static void skip_newline(struct source *source)
{
    source->at += *source->at == '\r' ? 2 : 1;
}

/* Blanks, and lines that go on after "$". */
static void skip_blanks(struct source *source)
{
    for (;;) {
        if (*source->at == ' ') {
            source->at++;
        } else if (*source->at == '$' && is_newline(source->at + 1)) {
            source->at++;
            skip_newline(source);
        } else {
            return;
        }
    }
}

/* Comments; `empty_too`: empty lines as well. */
static void skip_lines(struct source *source, bool empty_too)
{
    for (;;) {
        const char *at = source->at + strspn(source->at, " ");
        if (*at == '#') {
            source->at = at + strcspn(at, "\n");
        } else if (empty_too && is_newline(at)) {
            source->at = at + (*at == '\r');
        } else {
            return;
        }
        source->at += *source->at == '\n';
    }
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '.';
}

/* A name and the blanks after it. */
static int read_word(struct reading *r, const char *what, const char **ret_word)
{
    struct source *source = top(r);
    const char *start = source->at;
    const char *at = start;
    while (is_word_char(*at)) {
        at++;
    }
    if (at == start) {
        return refuse_at(
            r, start, "%s", *start == '\t' ? "tabs are not allowed, use blanks" : what);
    }
    const char *word = arena_strndup(r->ninja->arena, start, (size_t)(at - start));
    if (word == NULL) {
        return no_memory(r);
    }
    source->at = at;
    skip_blanks(source);
    *ret_word = word;
    return 0;
}

static int expect_newline(struct reading *r)
{
    struct source *source = top(r);
    if (*source->at == '\0') {
        return 0;
    }
    if (!is_newline(source->at)) {
        return refuse_at(r,
                         source->at,
                         "the end of the line was expected, not \"%.*s\"",
                         (int)strcspn(source->at, " \r\n") < SHOWN_MAX
                             ? (int)strcspn(source->at, " \r\n")
                             : SHOWN_MAX,
                         source->at);
    }
    skip_newline(source);
    return 0;
}

static int expect_colon(struct reading *r)
{
    struct source *source = top(r);
    if (*source->at != ':') {
        return refuse_at(r, source->at, "a ':' was expected after the outputs");
    }
    source->at++;
    skip_blanks(source);
    return 0;
}

/* Does a piece end here? Paths end at what separates them, too. */
static bool ends_piece(const char *at, bool path)
{
    return *at == '\0' || is_newline(at) || (path && (*at == ' ' || *at == ':' || *at == '|'));
}

/* A piece of text with its variables: to the end of the line, or one path. */
static int read_raw(struct reading *r, bool path, struct ninja_raw *ret_raw)
{
    struct source *source = top(r);
    const char *start = source->at;
    const char *at = start;
    while (!ends_piece(at, path)) {
        if (*at == '$' && is_newline(at + 1)) {
            at += at[1] == '\r' ? 3 : 2;
        } else if (*at == '$' && at[1] != '\0') {
            at += 2;
        } else if (*at == '$') {
            return refuse_at(r, at, "the file ends after a $");
        } else {
            at++;
        }
    }
    *ret_raw = (struct ninja_raw){start, (size_t)(at - start)};
    source->at = at;
    if (path) {
        skip_blanks(source);
    }
    return 0;
}

/* ---- values ---- */

/* A value with the variables of a scope replaced, in the arena. */
static int replace(struct reading *r,
                   const char *at,
                   const struct ninja_variables *own,
                   const struct ninja_raw *raw,
                   const char **ret_value)
{
    struct err why = {0};
    str_clear(&r->scratch);
    int rc = ninja_replace(top(r)->scope, own, raw, &r->scratch, &why);
    if (rc < 0) {
        return rc == -ENOMEM ? no_memory(r) : refuse_at(r, at, "%s", why.text);
    }
    *ret_value = arena_strndup(r->ninja->arena, str_text(&r->scratch), r->scratch.len);
    return *ret_value != NULL ? 0 : no_memory(r);
}

static int find_node(struct reading *r, const char *path, struct ninja_node **ret_node)
{
    uintptr_t known = 0;
    if (map_get(&r->ninja->nodes, path, &known) == 1) {
        *ret_node = (struct ninja_node *)known; // NOLINT(performance-no-int-to-ptr): of this map
        return 0;
    }
    struct ninja_node *node = arena_alloc(r->ninja->arena, sizeof *node);
    if (node == NULL) {
        return no_memory(r);
    }
    node->path = path;
    *ret_node = node;
    return map_put(&r->ninja->nodes, node->path, (uintptr_t)node) < 0 ? no_memory(r) : 0;
}

/* The node a path stands for. */
static int read_node(struct reading *r,
                     const struct ninja_variables *own,
                     const struct ninja_raw *raw,
                     struct ninja_node **ret_node)
{
    struct err why = {0};
    str_clear(&r->scratch);
    int rc = ninja_replace(top(r)->scope, own, raw, &r->scratch, &why);
    if (rc < 0) {
        return rc == -ENOMEM ? no_memory(r) : refuse_at(r, raw->text, "%s", why.text);
    }
    if (r->scratch.len == 0) {
        return refuse_at(r, raw->text, "a path is empty");
    }
    char *path = arena_strndup(r->ninja->arena, str_text(&r->scratch), r->scratch.len);
    if (path == NULL) {
        return no_memory(r);
    }
    return find_node(r, ninja_clean_path(path) > 0 ? path : ".", ret_node);
}

/* NAME = value, up to its newline. */
static int read_binding(struct reading *r, const char **ret_name, struct ninja_raw *ret_value)
{
    struct source *source = top(r);
    int rc = read_word(r, "a variable's name was expected", ret_name);
    if (rc < 0) {
        return rc;
    }
    if (*source->at != '=') {
        return refuse_at(r, source->at, "a '=' was expected after \"%.80s\"", *ret_name);
    }
    source->at++;
    skip_blanks(source);
    rc = read_raw(r, false, ret_value);
    return rc == 0 ? expect_newline(r) : rc;
}

/* Is there one more line of an indented block? Moves to its first word. */
static bool next_indented(struct reading *r)
{
    struct source *source = top(r);
    skip_lines(source, false);
    const char *at = source->at + strspn(source->at, " ");
    if (at == source->at || is_newline(at) || *at == '\0') {
        return false;
    }
    source->at = at;
    return true;
}

/* ---- rules and pools ---- */

static int check_rule_binding(struct reading *r, const char *at, const char *name)
{
    static const char *const known[] = {
        "command",
        "depfile",
        "dyndep",
        "description",
        "deps",
        "generator",
        "pool",
        "restat",
        "rspfile",
        "rspfile_content",
        "msvc_deps_prefix",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], name) == 0) {
            return 0;
        }
    }
    return refuse_at(r, at, "a rule has no variable \"%.80s\"", name);
}

static bool has_binding(const struct ninja_rule *rule, const char *name)
{
    for (size_t i = 0; i < rule->binding_count; i++) {
        if (strcmp(rule->bindings[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ninja takes the last one of a name; there are eleven names. */
#define RULE_BINDINGS_MAX 64

static int read_rule_bindings(struct reading *r, struct ninja_rule *rule)
{
    struct ninja_binding bindings[RULE_BINDINGS_MAX];
    size_t count = 0;
    while (next_indented(r)) {
        const char *at = top(r)->at;
        struct ninja_binding *binding = &bindings[count];
        if (count == RULE_BINDINGS_MAX) {
            return refuse_at(r, at, "a rule has more than %d variables", RULE_BINDINGS_MAX);
        }
        int rc = read_binding(r, &binding->name, &binding->value);
        rc = rc == 0 ? check_rule_binding(r, at, binding->name) : rc;
        if (rc < 0) {
            return rc;
        }
        count++;
    }
    rule->bindings = arena_calloc(r->ninja->arena, count, sizeof *bindings);
    if (rule->bindings == NULL) {
        return no_memory(r);
    }
    for (size_t i = count; i > 0; i--) { /* the last one is found first */
        rule->bindings[rule->binding_count++] = bindings[i - 1];
    }
    return 0;
}

static int read_rule(struct reading *r, const char *at)
{
    struct ninja_rule *rule = arena_alloc(r->ninja->arena, sizeof *rule);
    if (rule == NULL) {
        return no_memory(r);
    }
    int rc = read_word(r, "the name of a rule was expected", &rule->name);
    rc = rc == 0 ? expect_newline(r) : rc;
    rc = rc == 0 ? read_rule_bindings(r, rule) : rc;
    if (rc < 0) {
        return rc;
    }
    if (map_get(&top(r)->scope->rules, rule->name, NULL) == 1
        || strcmp(rule->name, phony.name) == 0) {
        return refuse_at(r, at, "the rule \"%.80s\" is there already", rule->name);
    }
    if (!has_binding(rule, "command")) {
        return refuse_at(r, at, "the rule \"%.80s\" has no command", rule->name);
    }
    if (has_binding(rule, "rspfile") != has_binding(rule, "rspfile_content")) {
        return refuse_at(
            r, at, "the rule \"%.80s\" has only one of rspfile and rspfile_content", rule->name);
    }
    return map_put(&top(r)->scope->rules, rule->name, (uintptr_t)rule) < 0 ? no_memory(r) : 0;
}

static int read_depth(struct reading *r, const char *at, struct ninja_pool *pool)
{
    const char *name = NULL;
    const char *value = NULL;
    struct ninja_raw raw;
    int rc = read_binding(r, &name, &raw);
    rc = rc == 0 ? replace(r, at, NULL, &raw, &value) : rc;
    if (rc != 0) {
        return rc;
    }
    assert(name != NULL && value != NULL);
    char *end = NULL;
    unsigned long depth = strtoul(value, &end, 10);
    if (strcmp(name, "depth") != 0) {
        return refuse_at(r, at, "a pool has no variable \"%.80s\"", name);
    }
    if (end == value || *end != '\0' || value[0] == '-' || depth > UINT32_MAX) {
        return refuse_at(r, at, "the depth of a pool must be a number, not \"%.80s\"", value);
    }
    pool->depth = (unsigned)depth;
    return 0;
}

static int read_pool(struct reading *r, const char *at)
{
    struct ninja_pool *pool = arena_alloc(r->ninja->arena, sizeof *pool);
    bool has_depth = false;
    if (pool == NULL) {
        return no_memory(r);
    }
    int rc = read_word(r, "the name of a pool was expected", &pool->name);
    rc = rc == 0 ? expect_newline(r) : rc;
    while (rc == 0 && next_indented(r)) {
        rc = read_depth(r, top(r)->at, pool);
        has_depth = true;
    }
    if (rc < 0) {
        return rc;
    }
    if (!has_depth) {
        return refuse_at(r, at, "the pool \"%.80s\" has no depth", pool->name);
    }
    rc = map_add(&r->ninja->pools, pool->name, (uintptr_t)pool);
    return rc == 1  ? refuse_at(r, at, "the pool \"%.80s\" is there already", pool->name)
           : rc < 0 ? no_memory(r)
                    : 0;
}

static int add_console(struct reading *r)
{
    struct ninja_pool *pool = arena_alloc(r->ninja->arena, sizeof *pool);
    if (pool == NULL) {
        return no_memory(r);
    }
    *pool = (struct ninja_pool){.name = "console", .depth = 1};
    return map_add(&r->ninja->pools, pool->name, (uintptr_t)pool) < 0 ? no_memory(r) : 0;
}

/* ---- build statements ---- */

static int read_paths(struct reading *r, struct raw_vec *paths)
{
    struct source *source = top(r);
    while (!ends_piece(source->at, true)) {
        struct ninja_raw raw;
        int rc = read_raw(r, true, &raw);
        if (rc < 0) {
            return rc;
        }
        if (vec_push(paths, raw) < 0) {
            return no_memory(r);
        }
    }
    return 0;
}

/* "|", "||", "|@": is this one next? */
static bool take_bar(struct reading *r, const char *bar)
{
    struct source *source = top(r);
    const size_t len = strlen(bar);
    if (strncmp(source->at, bar, len) != 0
        || (len == 1 && (source->at[1] == '|' || source->at[1] == '@'))) {
        return false;
    }
    source->at += len;
    skip_blanks(source);
    return true;
}

static int read_outputs(struct reading *r, struct ninja_edge *edge)
{
    r->outputs.count = 0;
    int rc = read_paths(r, &r->outputs);
    edge->explicit_outputs = r->outputs.count;
    if (rc == 0 && take_bar(r, "|")) {
        rc = read_paths(r, &r->outputs);
    }
    if (rc == 0 && r->outputs.count == 0) {
        return refuse_at(r, top(r)->at, "a build statement without outputs");
    }
    return rc == 0 ? expect_colon(r) : rc;
}

static int read_inputs(struct reading *r, struct ninja_edge *edge)
{
    r->inputs.count = 0;
    int rc = read_paths(r, &r->inputs);
    edge->explicit_inputs = r->inputs.count;
    if (rc == 0 && take_bar(r, "|")) {
        rc = read_paths(r, &r->inputs);
    }
    if (rc == 0 && take_bar(r, "||")) {
        rc = read_paths(r, &r->inputs);
    }
    edge->all_inputs = r->inputs.count;
    if (rc == 0 && take_bar(r, "|@")) {
        rc = read_paths(r, &r->inputs);
    }
    return rc == 0 ? expect_newline(r) : rc;
}

static int find_rule(struct reading *r, const char *at, struct ninja_edge *edge)
{
    const char *name = NULL;
    uintptr_t found = 0;
    int rc = read_word(r, "the name of a rule was expected", &name);
    if (rc < 0 || strcmp(name, phony.name) == 0) {
        return rc;
    }
    const struct ninja_scope *scope = top(r)->scope;
    while (scope != NULL && map_get(&scope->rules, name, &found) != 1) {
        scope = scope->parent;
    }
    if (scope == NULL) {
        return refuse_at(r, at, "there is no rule \"%.80s\"", name);
    }
    edge->rule = (const struct ninja_rule *)found; // NOLINT(performance-no-int-to-ptr): of a map
    return 0;
}

static struct ninja_variables *new_variables(struct reading *r)
{
    struct ninja_variables *own = arena_alloc(r->ninja->arena, sizeof *own);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return own != NULL && vec_push(&r->ninja->owns, own) == 0 ? own : NULL;
}

/* One of the edge's own variables. Its value sees the file's only, as in ninja. */
static int read_own_one(struct reading *r, struct ninja_variables *own)
{
    const char *at = top(r)->at;
    const char *name = NULL;
    const char *value = NULL;
    struct ninja_raw raw;
    int rc = read_binding(r, &name, &raw);
    rc = rc == 0 ? replace(r, at, NULL, &raw, &value) : rc;
    return rc == 0 && map_put(&own->values, name, (uintptr_t)value) < 0 ? no_memory(r) : rc;
}

static int read_own(struct reading *r, struct ninja_edge *edge)
{
    struct ninja_variables *own = NULL;
    int rc = 0;
    while (rc == 0 && next_indented(r)) {
        own = own != NULL ? own : new_variables(r);
        rc = own != NULL ? read_own_one(r, own) : no_memory(r);
    }
    edge->own = own;
    return rc;
}

static int read_nodes(struct reading *r,
                      const struct ninja_edge *edge,
                      const struct raw_vec *paths,
                      struct ninja_nodes *ret_nodes)
{
    struct ninja_node **items =
        arena_calloc(r->ninja->arena, paths->count, sizeof(struct ninja_node *));
    int rc = items != NULL ? 0 : no_memory(r);
    for (size_t i = 0; rc == 0 && i < paths->count; i++) {
        rc = read_node(r, edge->own, &paths->items[i], &items[i]);
    }
    *ret_nodes = (struct ninja_nodes){items, paths->count};
    return rc;
}

/* Each output has one maker. An output named twice in one statement counts once. */
static int claim_outputs(struct reading *r, const char *at, struct ninja_edge *edge)
{
    size_t kept = 0;
    size_t kept_explicit = 0;
    for (size_t i = 0; i < edge->outputs.count; i++) {
        struct ninja_node *node = edge->outputs.items[i];
        if (node->maker == edge) {
            continue;
        }
        if (node->maker != NULL) {
            return refuse_at(r,
                             at,
                             "%.200s is made here and by the statement at %.100s:%u",
                             node->path,
                             node->maker->file,
                             node->maker->line);
        }
        node->maker = edge;
        kept_explicit += i < edge->explicit_outputs;
        edge->outputs.items[kept++] = node;
    }
    edge->outputs.count = kept;
    edge->explicit_outputs = kept_explicit;
    return 0;
}

/* CMake 2.8 wrote "build a: phony a"; ninja forgives that. */
static void drop_itself(struct ninja_edge *edge)
{
    size_t kept = 0;
    if (edge->rule != NULL || edge->outputs.count != 1) {
        return;
    }
    for (size_t i = 0; i < edge->inputs.count; i++) {
        if (edge->inputs.items[i] != edge->outputs.items[0]) {
            edge->inputs.items[kept++] = edge->inputs.items[i];
            continue;
        }
        edge->explicit_inputs -= kept < edge->explicit_inputs;
        edge->all_inputs -= kept < edge->all_inputs;
    }
    edge->inputs.count = kept;
}

/* What an edge's variables say about it: its pool, and whether it makes the manifest. */
static int read_nature(struct reading *r, const char *at, struct ninja_edge *edge)
{
    uintptr_t pool = 0;
    str_clear(&r->scratch);
    int rc = ninja_value(r->ninja, edge, "generator", &r->scratch, r->err);
    edge->generator = rc == 0 && edge->rule != NULL && r->scratch.len > 0;
    str_clear(&r->scratch);
    rc = rc == 0 ? ninja_value(r->ninja, edge, "pool", &r->scratch, r->err) : rc;
    if (rc < 0 || r->scratch.len == 0) {
        return rc;
    }
    if (map_get(&r->ninja->pools, str_text(&r->scratch), &pool) != 1) {
        return refuse_at(r, at, "there is no pool \"%.80s\"", str_text(&r->scratch));
    }
    edge->pool = (const struct ninja_pool *)pool; // NOLINT(performance-no-int-to-ptr): of this map
    return 0;
}

static int finish_edge(struct reading *r, const char *at, struct ninja_edge *edge)
{
    int rc = read_nodes(r, edge, &r->outputs, &edge->outputs);
    rc = rc == 0 ? read_nodes(r, edge, &r->inputs, &edge->inputs) : rc;
    rc = rc == 0 ? claim_outputs(r, at, edge) : rc;
    if (rc < 0) {
        return rc;
    }
    drop_itself(edge);
    for (size_t i = 0; i < edge->all_inputs; i++) {
        edge->inputs.items[i]->is_input = true;
    }
    rc = read_nature(r, at, edge);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    return rc == 0 && vec_push(&r->ninja->edges, edge) < 0 ? no_memory(r) : rc;
}

static int read_build(struct reading *r, const char *at)
{
    struct ninja_edge *edge = arena_alloc(r->ninja->arena, sizeof *edge);
    if (edge == NULL) {
        return no_memory(r);
    }
    edge->file = top(r)->name;
    edge->line = line_of(top(r), at);
    edge->scope = top(r)->scope;
    int rc = read_outputs(r, edge);
    rc = rc == 0 ? find_rule(r, at, edge) : rc;
    rc = rc == 0 ? read_inputs(r, edge) : rc;
    rc = rc == 0 ? read_own(r, edge) : rc;
    return rc == 0 ? finish_edge(r, at, edge) : rc;
}

static int add_default(struct reading *r, const char *at, struct ninja_node *node)
{
    assert(node != NULL);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (vec_push(&r->ninja->defaults, node) < 0) {
        return no_memory(r);
    }
    return node->maker == NULL && !node->is_input
               ? refuse_at(r, at, "default: there is no target \"%.200s\"", node->path)
               : 0;
}

static int read_default(struct reading *r, const char *at)
{
    r->defaults.count = 0;
    int rc = read_paths(r, &r->defaults);
    rc = rc == 0 && r->defaults.count == 0 ? refuse_at(r, at, "a default statement without targets")
                                           : rc;
    for (size_t i = 0; rc == 0 && i < r->defaults.count; i++) {
        struct ninja_node *node = NULL;
        rc = read_node(r, NULL, &r->defaults.items[i], &node);
        rc = rc == 0 ? add_default(r, at, node) : rc;
    }
    return rc == 0 ? expect_newline(r) : rc;
}

/* ---- files ---- */

static struct ninja_scope *new_scope(struct reading *r, const struct ninja_scope *parent)
{
    struct ninja_scope *scope = arena_alloc(r->ninja->arena, sizeof *scope);
    // NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers
    if (scope == NULL || vec_push(&r->ninja->scopes, scope) < 0) {
        return NULL;
    }
    scope->parent = parent;
    return scope;
}

static int check_text(struct reading *r, const char *path, const struct str *text)
{
    r->text_size += text->len;
    if (++r->files > NINJA_FILES_MAX || r->text_size > NINJA_TEXT_MAX) {
        return err_set(
            r->err, -EFBIG, "%s: the manifest has too many files, or too large ones", path);
    }
    if (strlen(str_text(text)) < text->len) {
        return err_set(r->err, -EINVAL, "%s: a NUL byte stands in it: no manifest", path);
    }
    return 0;
}

/* Puts a file on the stack. */
static int open_file(struct reading *r, const char *path, struct ninja_scope *scope)
{
    CLEANUP(str_fini) struct str text = STR_INIT(NINJA_TEXT_MAX);
    if (r->depth == NINJA_DEPTH_MAX) {
        return refuse_at(r,
                         top(r)->at,
                         "%.200s: files include each other more than %d levels deep",
                         path,
                         NINJA_DEPTH_MAX);
    }
    int rc = r->reader->read(r->reader->context, path, &text, r->err);
    if (rc < 0 && r->depth > 0) {
        struct source *source = top(r);
        return err_wrap(r->err, "%s:%u", source->name, line_of(source, source->at));
    }
    rc = rc == 0 ? check_text(r, path, &text) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *kept = arena_strndup(r->ninja->arena, str_text(&text), text.len);
    const char *name = arena_strdup(r->ninja->arena, path);
    if (kept == NULL || name == NULL || scope == NULL) {
        return no_memory(r);
    }
    r->stack[r->depth++] = (struct source){
        .name = name, .text = kept, .at = kept, .counted = kept, .line = 1, .scope = scope};
    return 0;
}

static int read_include(struct reading *r, const char *at, bool own_scope)
{
    struct ninja_raw raw;
    const char *path = NULL;
    int rc = read_raw(r, true, &raw);
    rc = rc == 0 ? replace(r, at, NULL, &raw, &path) : rc;
    if (rc != 0) {
        return rc;
    }
    assert(path != NULL);
    rc = path[0] == '\0' ? refuse_at(r, at, "a path was expected") : expect_newline(r);
    if (rc != 0) {
        return rc;
    }
    struct ninja_scope *scope = top(r)->scope;
    return open_file(r, path, own_scope ? new_scope(r, scope) : scope);
}

static int read_variable(struct reading *r, const char *start)
{
    const char *name = NULL;
    const char *value = NULL;
    struct ninja_raw raw;
    top(r)->at = start;
    int rc = read_binding(r, &name, &raw);
    rc = rc == 0 ? replace(r, start, NULL, &raw, &value) : rc;
    if (rc == 0 && map_put(&top(r)->scope->variables.values, name, (uintptr_t)value) < 0) {
        rc = no_memory(r);
    }
    return rc;
}

static int read_include_here(struct reading *r, const char *at)
{
    return read_include(r, at, false);
}

static int read_subninja(struct reading *r, const char *at)
{
    return read_include(r, at, true);
}

static int read_statement(struct reading *r)
{
    static const struct {
        const char *word;
        int (*read)(struct reading *r, const char *at);
    } statements[] = {
        {"build",    read_build       },
        {"rule",     read_rule        },
        {"pool",     read_pool        },
        {"default",  read_default     },
        {"include",  read_include_here},
        {"subninja", read_subninja    },
    };

    const char *at = top(r)->at;
    const char *word = NULL;
    if (*at == ' ') {
        return refuse_at(r, at, "an indented line that belongs to no statement");
    }
    int rc = read_word(r, "a statement was expected (build, rule, pool, default, ...)", &word);
    if (rc != 0) {
        return rc;
    }
    assert(word != NULL);
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (strcmp(statements[i].word, word) == 0) {
            return statements[i].read(r, at);
        }
    }
    return read_variable(r, at);
}

/* Reads a manifest and what it includes, to the end. */
static int read_all(struct reading *r, const char *path)
{
    int rc = add_console(r);
    rc = rc == 0 ? open_file(r, path, new_scope(r, NULL)) : rc;
    while (rc == 0 && r->depth > 0) {
        skip_lines(top(r), true);
        if (top(r)->at[strspn(top(r)->at, " ")] == '\0') {
            r->depth--;
        } else {
            rc = read_statement(r);
        }
    }
    return rc;
}

int ninja_read(const char *path,
               const struct ninja_reader *reader,
               struct ninja **ret_ninja,
               struct err *err)
{
    struct reading *r = mem_calloc(1, sizeof *r);
    struct ninja *ninja = mem_calloc(1, sizeof *ninja);
    int rc;
    if (r == NULL || ninja == NULL || (ninja->arena = arena_new(NINJA_ARENA_MAX)) == NULL) {
        rc = err_set(err, -ENOMEM, "out of memory for a manifest");
    } else {
        *r = (struct reading){.ninja = ninja, .reader = reader, .err = err};
        str_init(&r->scratch, NINJA_VALUE_MAX);
        rc = read_all(r, path);
        str_fini(&r->scratch);
        vec_fini(&r->outputs);
        vec_fini(&r->inputs);
        vec_fini(&r->defaults);
    }
    mem_free(r);
    if (rc < 0) {
        ninja_free(ninja);
        return rc;
    }
    *ret_ninja = ninja;
    return 0;
}

void ninja_free(struct ninja *ninja)
{
    struct ninja_scope **scope;
    struct ninja_variables **own;
    if (ninja == NULL) {
        return;
    }
    vec_for_each (scope, &ninja->scopes) {
        map_fini(&(*scope)->variables.values);
        map_fini(&(*scope)->rules);
    }
    vec_for_each (own, &ninja->owns) {
        map_fini(&(*own)->values);
    }
    map_fini(&ninja->nodes);
    map_fini(&ninja->pools);
    vec_fini(&ninja->edges);
    vec_fini(&ninja->defaults);
    vec_fini(&ninja->scopes);
    vec_fini(&ninja->owns);
    arena_free(ninja->arena);
    mem_free(ninja);
}

const struct ninja_edges *ninja_edges(const struct ninja *ninja)
{
    return &ninja->edges;
}
