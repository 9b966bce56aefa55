/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a manifest statement by statement. Pieces that hold variables of an edge are kept as
 * they are written until all its variables are known. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/build/ninja_lex.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The paths of a build statement, not yet replaced. */
struct raw_vec {
    VEC_FIELDS(struct ninja_raw);
};

struct reading {
    struct ninja *ninja;
    const struct ninja_reader *reader;
    struct ninja_lexer lex;
    size_t files;
    size_t text_size;
    struct raw_vec outputs;
    struct raw_vec inputs;
    struct raw_vec defaults;
    struct str scratch;
};

static const struct ninja_rule phony = {.name = "phony"};

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
    int rc = ninja_replace(lex_top(&r->lex)->scope, own, raw, &r->scratch, &why);
    if (rc < 0) {
        return rc == -ENOMEM ? lex_no_memory(&r->lex) : lex_refuse(&r->lex, at, "%s", why.text);
    }
    *ret_value = arena_strndup(r->ninja->arena, str_text(&r->scratch), r->scratch.len);
    return *ret_value != NULL ? 0 : lex_no_memory(&r->lex);
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
        return lex_no_memory(&r->lex);
    }
    node->path = path;
    *ret_node = node;
    return map_put(&r->ninja->nodes, node->path, (uintptr_t)node) < 0 ? lex_no_memory(&r->lex) : 0;
}

/* The node a path stands for. */
static int read_node(struct reading *r,
                     const struct ninja_variables *own,
                     const struct ninja_raw *raw,
                     struct ninja_node **ret_node)
{
    struct err why = {0};
    str_clear(&r->scratch);
    int rc = ninja_replace(lex_top(&r->lex)->scope, own, raw, &r->scratch, &why);
    if (rc < 0) {
        return rc == -ENOMEM ? lex_no_memory(&r->lex)
                             : lex_refuse(&r->lex, raw->text, "%s", why.text);
    }
    if (r->scratch.len == 0) {
        return lex_refuse(&r->lex, raw->text, "a path is empty");
    }
    char *path = arena_strndup(r->ninja->arena, str_text(&r->scratch), r->scratch.len);
    if (path == NULL) {
        return lex_no_memory(&r->lex);
    }
    return find_node(r, ninja_clean_path(path) > 0 ? path : ".", ret_node);
}

/* NAME = value, up to its newline. */
static int read_binding(struct reading *r, const char **ret_name, struct ninja_raw *ret_value)
{
    struct ninja_source *source = lex_top(&r->lex);
    int rc = lex_word(&r->lex, "a variable's name was expected", ret_name);
    if (rc < 0) {
        return rc;
    }
    if (*source->at != '=') {
        return lex_refuse(&r->lex, source->at, "a '=' was expected after \"%.80s\"", *ret_name);
    }
    source->at++;
    lex_skip_blanks(source);
    rc = lex_raw(&r->lex, false, ret_value);
    return rc == 0 ? lex_expect_newline(&r->lex) : rc;
}

/* Is there one more line of an indented block? Moves to its first word. */
static bool next_indented(struct reading *r)
{
    struct ninja_source *source = lex_top(&r->lex);
    lex_skip_lines(source, false);
    const char *at = source->at + strspn(source->at, " ");
    if (at == source->at || lex_is_newline(at) || *at == '\0') {
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
    return lex_refuse(&r->lex, at, "a rule has no variable \"%.80s\"", name);
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
        const char *at = lex_top(&r->lex)->at;
        struct ninja_binding *binding = &bindings[count];
        if (count == RULE_BINDINGS_MAX) {
            return lex_refuse(&r->lex, at, "a rule has more than %d variables", RULE_BINDINGS_MAX);
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
        return lex_no_memory(&r->lex);
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
        return lex_no_memory(&r->lex);
    }
    int rc = lex_word(&r->lex, "the name of a rule was expected", &rule->name);
    rc = rc == 0 ? lex_expect_newline(&r->lex) : rc;
    rc = rc == 0 ? read_rule_bindings(r, rule) : rc;
    if (rc < 0) {
        return rc;
    }
    if (map_get(&lex_top(&r->lex)->scope->rules, rule->name, NULL) == 1
        || strcmp(rule->name, phony.name) == 0) {
        return lex_refuse(&r->lex, at, "the rule \"%.80s\" is there already", rule->name);
    }
    if (!has_binding(rule, "command")) {
        return lex_refuse(&r->lex, at, "the rule \"%.80s\" has no command", rule->name);
    }
    if (has_binding(rule, "rspfile") != has_binding(rule, "rspfile_content")) {
        return lex_refuse(&r->lex,
                          at,
                          "the rule \"%.80s\" has only one of rspfile and rspfile_content",
                          rule->name);
    }
    return map_put(&lex_top(&r->lex)->scope->rules, rule->name, (uintptr_t)rule) < 0
               ? lex_no_memory(&r->lex)
               : 0;
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
        return lex_refuse(&r->lex, at, "a pool has no variable \"%.80s\"", name);
    }
    if (end == value || *end != '\0' || value[0] == '-' || depth > UINT32_MAX) {
        return lex_refuse(
            &r->lex, at, "the depth of a pool must be a number, not \"%.80s\"", value);
    }
    pool->depth = (unsigned)depth;
    return 0;
}

static int read_pool(struct reading *r, const char *at)
{
    struct ninja_pool *pool = arena_alloc(r->ninja->arena, sizeof *pool);
    bool has_depth = false;
    if (pool == NULL) {
        return lex_no_memory(&r->lex);
    }
    int rc = lex_word(&r->lex, "the name of a pool was expected", &pool->name);
    rc = rc == 0 ? lex_expect_newline(&r->lex) : rc;
    while (rc == 0 && next_indented(r)) {
        rc = read_depth(r, lex_top(&r->lex)->at, pool);
        has_depth = true;
    }
    if (rc < 0) {
        return rc;
    }
    if (!has_depth) {
        return lex_refuse(&r->lex, at, "the pool \"%.80s\" has no depth", pool->name);
    }
    rc = map_add(&r->ninja->pools, pool->name, (uintptr_t)pool);
    return rc == 1  ? lex_refuse(&r->lex, at, "the pool \"%.80s\" is there already", pool->name)
           : rc < 0 ? lex_no_memory(&r->lex)
                    : 0;
}

static int add_console(struct reading *r)
{
    struct ninja_pool *pool = arena_alloc(r->ninja->arena, sizeof *pool);
    if (pool == NULL) {
        return lex_no_memory(&r->lex);
    }
    *pool = (struct ninja_pool){.name = "console", .depth = 1};
    return map_add(&r->ninja->pools, pool->name, (uintptr_t)pool) < 0 ? lex_no_memory(&r->lex) : 0;
}

/* ---- build statements ---- */

static int read_paths(struct reading *r, struct raw_vec *paths)
{
    struct ninja_source *source = lex_top(&r->lex);
    while (!lex_ends_piece(source->at, true)) {
        struct ninja_raw raw;
        int rc = lex_raw(&r->lex, true, &raw);
        if (rc < 0) {
            return rc;
        }
        if (vec_push(paths, raw) < 0) {
            return lex_no_memory(&r->lex);
        }
    }
    return 0;
}

/* "|", "||", "|@": is this one next? */
static bool take_bar(struct reading *r, const char *bar)
{
    struct ninja_source *source = lex_top(&r->lex);
    const size_t len = strlen(bar);
    if (strncmp(source->at, bar, len) != 0
        || (len == 1 && (source->at[1] == '|' || source->at[1] == '@'))) {
        return false;
    }
    source->at += len;
    lex_skip_blanks(source);
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
        return lex_refuse(&r->lex, lex_top(&r->lex)->at, "a build statement without outputs");
    }
    return rc == 0 ? lex_expect_colon(&r->lex) : rc;
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
    return rc == 0 ? lex_expect_newline(&r->lex) : rc;
}

static int find_rule(struct reading *r, const char *at, struct ninja_edge *edge)
{
    const char *name = NULL;
    uintptr_t found = 0;
    int rc = lex_word(&r->lex, "the name of a rule was expected", &name);
    if (rc < 0 || strcmp(name, phony.name) == 0) {
        return rc;
    }
    const struct ninja_scope *scope = lex_top(&r->lex)->scope;
    while (scope != NULL && map_get(&scope->rules, name, &found) != 1) {
        scope = scope->parent;
    }
    if (scope == NULL) {
        return lex_refuse(&r->lex, at, "there is no rule \"%.80s\"", name);
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
    const char *at = lex_top(&r->lex)->at;
    const char *name = NULL;
    const char *value = NULL;
    struct ninja_raw raw;
    int rc = read_binding(r, &name, &raw);
    rc = rc == 0 ? replace(r, at, NULL, &raw, &value) : rc;
    return rc == 0 && map_put(&own->values, name, (uintptr_t)value) < 0 ? lex_no_memory(&r->lex)
                                                                        : rc;
}

static int read_own(struct reading *r, struct ninja_edge *edge)
{
    struct ninja_variables *own = NULL;
    int rc = 0;
    while (rc == 0 && next_indented(r)) {
        own = own != NULL ? own : new_variables(r);
        rc = own != NULL ? read_own_one(r, own) : lex_no_memory(&r->lex);
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
    if (items == NULL) {
        return lex_no_memory(&r->lex);
    }
    int rc = 0;
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
            return lex_refuse(&r->lex,
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
    int rc = ninja_value(r->ninja, edge, "generator", &r->scratch, r->lex.err);
    edge->generator = rc == 0 && edge->rule != NULL && r->scratch.len > 0;
    str_clear(&r->scratch);
    rc = rc == 0 ? ninja_value(r->ninja, edge, "pool", &r->scratch, r->lex.err) : rc;
    if (rc < 0 || r->scratch.len == 0) {
        return rc;
    }
    if (map_get(&r->ninja->pools, str_text(&r->scratch), &pool) != 1) {
        return lex_refuse(&r->lex, at, "there is no pool \"%.80s\"", str_text(&r->scratch));
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
    return rc == 0 && vec_push(&r->ninja->edges, edge) < 0 ? lex_no_memory(&r->lex) : rc;
}

static int read_build(struct reading *r, const char *at)
{
    struct ninja_edge *edge = arena_alloc(r->ninja->arena, sizeof *edge);
    if (edge == NULL) {
        return lex_no_memory(&r->lex);
    }
    edge->file = lex_top(&r->lex)->name;
    edge->line = lex_line(lex_top(&r->lex), at);
    edge->scope = lex_top(&r->lex)->scope;
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
        return lex_no_memory(&r->lex);
    }
    return node->maker == NULL && !node->is_input
               ? lex_refuse(&r->lex, at, "default: there is no target \"%.200s\"", node->path)
               : 0;
}

static int read_default(struct reading *r, const char *at)
{
    r->defaults.count = 0;
    int rc = read_paths(r, &r->defaults);
    rc = rc == 0 && r->defaults.count == 0
             ? lex_refuse(&r->lex, at, "a default statement without targets")
             : rc;
    for (size_t i = 0; rc == 0 && i < r->defaults.count; i++) {
        struct ninja_node *node = NULL;
        rc = read_node(r, NULL, &r->defaults.items[i], &node);
        rc = rc == 0 ? add_default(r, at, node) : rc;
    }
    return rc == 0 ? lex_expect_newline(&r->lex) : rc;
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
            r->lex.err, -EFBIG, "%s: the manifest has too many files, or too large ones", path);
    }
    if (strlen(str_text(text)) < text->len) {
        return err_set(r->lex.err, -EINVAL, "%s: a NUL byte stands in it: no manifest", path);
    }
    return 0;
}

/* Puts a file on the stack. */
static int open_file(struct reading *r, const char *path, struct ninja_scope *scope)
{
    CLEANUP(str_fini) struct str text = STR_INIT(NINJA_TEXT_MAX);
    if (r->lex.depth == NINJA_DEPTH_MAX) {
        return lex_refuse(&r->lex,
                          lex_top(&r->lex)->at,
                          "%.200s: files include each other more than %d levels deep",
                          path,
                          NINJA_DEPTH_MAX);
    }
    int rc = r->reader->read(r->reader->context, path, &text, r->lex.err);
    if (rc < 0 && r->lex.depth > 0) {
        struct ninja_source *source = lex_top(&r->lex);
        return err_wrap(r->lex.err, "%s:%u", source->name, lex_line(source, source->at));
    }
    rc = rc == 0 ? check_text(r, path, &text) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *kept = arena_strndup(r->ninja->arena, str_text(&text), text.len);
    const char *name = arena_strdup(r->ninja->arena, path);
    if (kept == NULL || name == NULL || scope == NULL) {
        return lex_no_memory(&r->lex);
    }
    r->lex.stack[r->lex.depth++] = (struct ninja_source){
        .name = name, .text = kept, .at = kept, .counted = kept, .line = 1, .scope = scope};
    return 0;
}

static int read_include(struct reading *r, const char *at, bool own_scope)
{
    struct ninja_raw raw;
    const char *path = NULL;
    int rc = lex_raw(&r->lex, true, &raw);
    rc = rc == 0 ? replace(r, at, NULL, &raw, &path) : rc;
    if (rc != 0) {
        return rc;
    }
    assert(path != NULL);
    rc = path[0] == '\0' ? lex_refuse(&r->lex, at, "a path was expected")
                         : lex_expect_newline(&r->lex);
    if (rc != 0) {
        return rc;
    }
    struct ninja_scope *scope = lex_top(&r->lex)->scope;
    return open_file(r, path, own_scope ? new_scope(r, scope) : scope);
}

static int read_variable(struct reading *r, const char *start)
{
    const char *name = NULL;
    const char *value = NULL;
    struct ninja_raw raw;
    lex_top(&r->lex)->at = start;
    int rc = read_binding(r, &name, &raw);
    rc = rc == 0 ? replace(r, start, NULL, &raw, &value) : rc;
    if (rc == 0
        && map_put(&lex_top(&r->lex)->scope->variables.values, name, (uintptr_t)value) < 0) {
        rc = lex_no_memory(&r->lex);
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

    const char *at = lex_top(&r->lex)->at;
    const char *word = NULL;
    if (*at == ' ') {
        return lex_refuse(&r->lex, at, "an indented line that belongs to no statement");
    }
    int rc = lex_word(&r->lex, "a statement was expected (build, rule, pool, default, ...)", &word);
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
    while (rc == 0 && r->lex.depth > 0) {
        lex_skip_lines(lex_top(&r->lex), true);
        if (lex_top(&r->lex)->at[strspn(lex_top(&r->lex)->at, " ")] == '\0') {
            r->lex.depth--;
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
        *r = (struct reading){
            .ninja = ninja, .reader = reader, .lex = {.arena = ninja->arena, .err = err}
        };
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
