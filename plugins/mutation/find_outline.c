/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the tree, with a cursor: no recursion, and nothing that climbs from a node to its
 * parents, which tree-sitter does from the root each time. */
#include "base/mem.h"
#include "base/str.h"
#include "plugins/mutation/find_impl.h"

#include <errno.h>
#include <string.h>

/* What a node type means to us; told once for each type of a grammar. */
enum trait {
    TRAIT_FUNCTION = 1,
    TRAIT_SCOPE = 2,     /* lends its name to functions within */
    TRAIT_STATEMENT = 4, /* or a block: what lies in it are parts */
    TRAIT_COMMENT = 8,
    TRAIT_ERROR = 16,
};

struct walk {
    struct finding *finding;
    unsigned char *traits; /* by symbol */
    struct map signs;      /* tokens that some rule swaps */
    TSTreeCursor cursor;

    struct {
        VEC_FIELDS(unsigned char);
    } path; /* traits of the nodes above */
};

static int compare_extents(const void *left, const void *right)
{
    const struct extent *a = left;
    const struct extent *b = right;
    return a->start != b->start ? (a->start < b->start ? -1 : 1)
                                : (a->end > b->end) - (a->end < b->end);
}

void extents_settle(struct extents *extents)
{
    size_t kept = 0;
    if (extents->count > 1) {
        qsort(extents->items, extents->count, sizeof *extents->items, compare_extents);
    }
    for (size_t i = 0; i < extents->count; i++) {
        struct extent next = extents->items[i];
        struct extent *last = kept > 0 ? &extents->items[kept - 1] : NULL;
        if (last != NULL && next.start <= last->end) {
            last->end = next.end > last->end ? next.end : last->end;
        } else {
            extents->items[kept++] = next;
        }
    }
    extents->count = kept;
}

bool extents_have(const struct extents *extents, uint32_t start, uint32_t end)
{
    size_t low = 0;
    size_t high = extents->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (extents->items[middle].start <= start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && end <= extents->items[low - 1].end;
}

uint32_t stretches_find(const struct stretches *stretches, struct extent extent)
{
    size_t low = 0;
    size_t high = stretches->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stretches->items[middle].extent.start <= extent.start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t at = low > 0 ? (uint32_t)(low - 1) : FIND_NOWHERE;
    while (at != FIND_NOWHERE && stretches->items[at].extent.end < extent.end) {
        at = stretches->items[at].outer;
    }
    return at;
}

/* Appends a stretch; those open are found by their ends. */
static int stretches_add(struct stretches *stretches, struct stretch stretch)
{
    uint32_t outer = stretches->count > 0 ? (uint32_t)(stretches->count - 1) : FIND_NOWHERE;
    while (outer != FIND_NOWHERE && stretches->items[outer].extent.end < stretch.extent.end) {
        outer = stretches->items[outer].outer;
    }
    stretch.outer = outer;
    return vec_push(stretches, stretch);
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == words || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* By the names that grammars give: one list serves all of them, and a type that is missing here
 * only makes ids depend on more text than they need. */
static bool is_statement(const char *type)
{
    static const char *const whole[] = {
        "block",
        "program",
        "module",
        "translation_unit",
        "statement_block",
        "class_body",
        "object",
        "array",
        "list",
        "dictionary",
        "ERROR",
        "switch_body",
        "else_clause",
        "field_declaration_list",
        "initializer_list",
        "enumerator_list",
        "tuple",
        "set",
    };
    static const char *const endings[] = {
        "_statement",
        "_definition",
        "_declaration",
        "_clause",
        "_if",
        "_ifdef",
        "_else",
        "_case",
    };
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (strcmp(type, whole[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (text_ends_with(type, endings[i])) {
            return true;
        }
    }
    return false;
}

static unsigned char traits_of(const struct language *language, const char *type)
{
    unsigned traits = is_statement(type) ? TRAIT_STATEMENT : 0;
    traits |= has_word(language->function_nodes, type) ? (unsigned)TRAIT_FUNCTION : 0;
    traits |= has_word(language->scope_nodes, type) ? (unsigned)TRAIT_SCOPE : 0;
    traits |= text_ends_with(type, "comment") ? (unsigned)TRAIT_COMMENT : 0;
    return (unsigned char)traits;
}

static int read_traits(struct walk *walk, const struct language *language)
{
    const TSLanguage *grammar = language->grammar();
    uint32_t count = ts_language_symbol_count(grammar);
    walk->traits = mem_calloc((size_t)count + 1, 1);
    for (uint32_t i = 0; walk->traits != NULL && i < count; i++) {
        if (ts_language_symbol_type(grammar, (TSSymbol)i) == TSSymbolTypeRegular) {
            walk->traits[i] = traits_of(language, ts_language_symbol_name(grammar, (TSSymbol)i));
        }
    }
    return walk->traits == NULL ? -ENOMEM : 0;
}

static int learn_signs_of(struct walk *walk, const struct rule *rule)
{
    if (rule->name == NULL || !operators_enabled(walk->finding->operators, rule->name, rule->off)) {
        return 0;
    }
    for (const char **swap = rule->swaps; swap != NULL && *swap != NULL; swap += 2) {
        if (map_add(&walk->signs, *swap, 1) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int learn_signs(struct walk *walk, const struct rules *rules)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rules->count; i++) {
        rc = learn_signs_of(walk, &rules->items[i]);
    }
    return rc;
}

static int read_signs(struct walk *walk, struct err *err)
{
    const struct finding *finding = walk->finding;
    const struct rules *rules = NULL;
    int rc = operators_built_in(finding->operators, finding->source->language, &rules, err);
    if (rc < 0) {
        return rc;
    }
    rc = learn_signs(walk, rules);
    for (size_t i = 0; rc == 0 && i < finding->operators->queries.count; i++) {
        if (finding->operators->queries.items[i]->language == finding->source->language) {
            rc = learn_signs(walk, finding->operators->queries.items[i]);
        }
    }
    return rc < 0 ? finding_short_of_memory(finding, err) : 0;
}

/* The name in a field of the node, or of the declarators in it: `int *f(void)`. */
static TSNode name_node(TSNode node)
{
    static const char *const fields[] = {"name", "declarator", "key", "left"};
    TSNode found = node;
    for (unsigned depth = 0; depth < 16; depth++) {
        TSNode next = {0};
        bool more = false;
        for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !more; i++) {
            next = ts_node_child_by_field_name(found, fields[i], (uint32_t)strlen(fields[i]));
            more = !ts_node_is_null(next);
        }
        if (!more) {
            break;
        }
        found = next;
    }
    return found;
}

/* Names longer than this are cut: they are read by people. */
#define NAME_MAX_SHOWN 200

/* "Class.method": after the name of what is around it; that alone when it has none. */
static const char *name_of(struct walk *walk, TSNode node, const char *around)
{
    struct finding *finding = walk->finding;
    TSNode found = name_node(node);
    if (ts_node_eq(found, node)) {
        TSTreeCursor cursor = ts_tree_cursor_copy(&walk->cursor);
        TSNode parent = node;
        if (ts_tree_cursor_goto_parent(&cursor)) {
            parent = ts_tree_cursor_current_node(&cursor);
        }
        ts_tree_cursor_delete(&cursor);
        found = name_node(parent);
        if (ts_node_eq(found, parent) || ts_node_start_byte(found) >= ts_node_start_byte(node)) {
            return around;
        }
    }
    uint32_t start = ts_node_start_byte(found);
    uint32_t length = ts_node_end_byte(found) - start;
    length = length > NAME_MAX_SHOWN ? NAME_MAX_SHOWN : length;
    return arena_printf(finding->arena,
                        "%.*s%s%.*s",
                        NAME_MAX_SHOWN,
                        around,
                        around[0] != '\0' ? "." : "",
                        (int)length,
                        finding->source->text + start);
}

static int visit_function(struct walk *walk, TSNode node, struct extent extent)
{
    struct stretches *functions = &walk->finding->outline.functions;
    uint32_t around = stretches_find(functions, extent);
    const char *name =
        name_of(walk, node, around == FIND_NOWHERE ? "" : functions->items[around].name);
    if (name == NULL) {
        return -ENOMEM;
    }
    return stretches_add(functions, (struct stretch){.extent = extent, .name = name});
}

/* The grammar's own symbols; ERROR has one of the library's. */
#define SYMBOL_ERROR ((TSSymbol)-1)

static unsigned char traits_at(const struct walk *walk, TSNode node)
{
    TSSymbol symbol = ts_node_symbol(node);
    return symbol == SYMBOL_ERROR ? TRAIT_STATEMENT | TRAIT_ERROR : walk->traits[symbol];
}

static int visit(struct walk *walk, unsigned char *ret_traits)
{
    struct outline *outline = &walk->finding->outline;
    TSNode node = ts_tree_cursor_current_node(&walk->cursor);
    struct extent extent = {ts_node_start_byte(node), ts_node_end_byte(node)};
    unsigned char traits = traits_at(walk, node);
    unsigned char above =
        walk->path.count > 0 ? walk->path.items[walk->path.count - 1] : TRAIT_STATEMENT;
    bool part = (traits & TRAIT_STATEMENT) == 0 && (above & TRAIT_STATEMENT) != 0;
    int rc = 0;
    if ((traits & TRAIT_ERROR) != 0) {
        rc = vec_push(&outline->errors, extent);
    }
    if (rc == 0 && (traits & (TRAIT_FUNCTION | TRAIT_SCOPE)) != 0) {
        rc = visit_function(walk, node, extent);
    }
    if (rc == 0 && (traits & TRAIT_COMMENT) != 0) {
        rc = vec_push(&outline->comments, extent);
    }
    if (rc == 0 && (part || (traits & TRAIT_STATEMENT) != 0) && extent.end > extent.start) {
        rc = stretches_add(&outline->statements, (struct stretch){.extent = extent, .part = part});
    }
    /* A token right below an error: an operator that no expression was made of. */
    if ((above & TRAIT_ERROR) != 0 && map_get(&walk->signs, ts_node_type(node), NULL) != 0) {
        outline->tokens_lost++;
    }
    *ret_traits = traits;
    return rc;
}

/* To the next node in the order of the text; false at the end. */
static bool advance(struct walk *walk)
{
    while (!ts_tree_cursor_goto_next_sibling(&walk->cursor)) {
        if (!ts_tree_cursor_goto_parent(&walk->cursor)) {
            return false;
        }
        walk->path.count--;
    }
    return true;
}

static int walk_tree(struct walk *walk)
{
    for (bool more = true; more;) {
        unsigned char traits = 0;
        if (visit(walk, &traits) < 0) {
            return -ENOMEM;
        }
        if (!ts_tree_cursor_goto_first_child(&walk->cursor)) {
            more = advance(walk);
        } else if (vec_push(&walk->path, traits) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int index_lines(struct finding *finding, struct err *err)
{
    struct outline *outline = &finding->outline;
    const struct source *source = finding->source;
    size_t count = 1;
    for (uint32_t i = 0; i < source->size; i++) {
        count += source->text[i] == '\n' ? 1 : 0;
    }
    outline->lines = mem_calloc(count, sizeof *outline->lines);
    if (outline->lines == NULL) {
        return finding_short_of_memory(finding, err);
    }
    outline->line_count = 1;
    for (uint32_t i = 0; i < source->size; i++) {
        if (source->text[i] == '\n') {
            outline->lines[outline->line_count++] = i + 1;
        }
    }
    return 0;
}

void outline_position(const struct outline *outline,
                      uint32_t at,
                      uint32_t *ret_line,
                      uint32_t *ret_column)
{
    size_t low = 0;
    size_t high = outline->line_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (outline->lines[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    *ret_line = (uint32_t)low + 1;
    *ret_column = at - outline->lines[low] + 1;
}

static int outline_by_tree(struct finding *finding, struct err *err)
{
    struct walk walk = {.finding = finding};
    int rc = read_traits(&walk, finding->source->language);
    rc = rc < 0 ? finding_short_of_memory(finding, err) : read_signs(&walk, err);
    if (rc == 0) {
        walk.cursor = ts_tree_cursor_new(ts_tree_root_node(finding->source->tree));
        rc = walk_tree(&walk) < 0 ? finding_short_of_memory(finding, err) : 0;
        ts_tree_cursor_delete(&walk.cursor);
    }
    extents_settle(&finding->outline.errors);
    vec_fini(&walk.path);
    map_fini(&walk.signs);
    mem_free(walk.traits);
    return rc;
}

int outline_make(struct finding *finding, struct err *err)
{
    int rc = index_lines(finding, err);
    rc = rc < 0 ? rc : outline_by_quotes(finding, err);
    return rc < 0 || finding->source->tree == NULL ? rc : outline_by_tree(finding, err);
}

void outline_fini(struct outline *outline)
{
    vec_fini(&outline->statements);
    vec_fini(&outline->functions);
    vec_fini(&outline->comments);
    vec_fini(&outline->errors);
    vec_fini(&outline->code);
    mem_free(outline->lines);
    *outline = (struct outline){0};
}
