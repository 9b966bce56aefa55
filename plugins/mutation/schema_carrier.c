/* SPDX-License-Identifier: Apache-2.0 */
/* Which construct of C can hold a mutant. From the changed text outwards: the first ancestor that
 * is a statement, a condition or a value that is computed when it is reached. Whatever must be
 * known to the compiler, or would mean something else inside of braces or of ?:, is refused with a
 * reason that names it. */
#include "plugins/mutation/schema_impl.h"

#include <ctype.h>
#include <string.h>

static bool is(TSNode node, const char *type)
{
    return strcmp(ts_node_type(node), type) == 0;
}

static TSNode field_of(TSNode node, const char *name)
{
    return ts_node_child_by_field_name(node, name, (uint32_t)strlen(name));
}

static bool is_field(TSNode parent, const char *name, TSNode node)
{
    TSNode child = field_of(parent, name);
    return !ts_node_is_null(child) && ts_node_eq(child, node);
}

static bool is_one_of(TSNode node, const char *const *types)
{
    for (; *types != NULL; types++) {
        if (is(node, *types)) {
            return true;
        }
    }
    return false;
}

/* ---- what a node below a parent is ---- */

struct position {
    const char *parent;
    const char *field; /* NULL = any child */
    enum schema_kind kind;
};

static const struct position positions[] = {
    {"if_statement",     "condition",   SCHEMA_CONDITION},
    {"while_statement",  "condition",   SCHEMA_CONDITION},
    {"do_statement",     "condition",   SCHEMA_CONDITION},
    {"for_statement",    "condition",   SCHEMA_CONDITION},
    {"for_statement",    "update",      SCHEMA_EFFECT   },
    {"for_statement",    "initializer", SCHEMA_EFFECT   },
    {"switch_statement", "condition",   SCHEMA_VALUE    },
};

/* Values that are part of the program's text for the compiler. */
static const struct {
    const char *parent;
    const char *field;
    const char *reason;
} constants[] = {
    {"case_statement",            "value",     "a case label is a constant"      },
    {"array_declarator",          "size",      "the size of an array"            },
    {"abstract_array_declarator", "size",      "the size of an array"            },
    {"enumerator",                NULL,        "a value of an enumeration"       },
    {"bitfield_clause",           NULL,        "the width of a bit-field"        },
    {"subscript_designator",      NULL,        "a designator is a constant"      },
    {"attribute_specifier",       NULL,        "in an attribute"                 },
    {"attribute_declaration",     NULL,        "in an attribute"                 },
    {"alignas_qualifier",         NULL,        "an alignment is a constant"      },
    {"gnu_asm_expression",        NULL,        "in assembly text"                },
    {"parameter_list",            NULL,        "in the declaration of parameters"},
    {"preproc_if",                "condition", "a condition of the preprocessor" },
    {"preproc_elif",              "condition", "a condition of the preprocessor" },
    {"preproc_def",               NULL,        "in the definition of a macro"    },
    {"preproc_function_def",      NULL,        "in the definition of a macro"    },
    {"preproc_call",              NULL,        "in a line of the preprocessor"   },
    {"preproc_include",           NULL,        "in a line of the preprocessor"   },
};

static const char *constant_reason(TSNode parent, TSNode node)
{
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        if (is(parent, constants[i].parent)
            && (constants[i].field == NULL || is_field(parent, constants[i].field, node))) {
            return constants[i].reason;
        }
    }
    return NULL;
}

static bool is_position(TSNode parent, TSNode node, enum schema_kind *ret_kind)
{
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        if (is(parent, positions[i].parent) && is_field(parent, positions[i].field, node)
            && !is(node, "declaration")) {
            *ret_kind = positions[i].kind;
            return true;
        }
    }
    return false;
}

static bool is_statement(TSNode node, enum schema_kind *ret_kind)
{
    static const char *const types[] = {"expression_statement",
                                        "return_statement",
                                        "break_statement",
                                        "continue_statement",
                                        "goto_statement",
                                        NULL};
    *ret_kind = SCHEMA_STATEMENT;
    return is_one_of(node, types);
}

/* ---- initialisers ---- */

/* Is the text of a node one of these words? */
static bool is_word(const struct source *source, TSNode node, const char *const *words)
{
    uint32_t start = ts_node_start_byte(node);
    size_t length = ts_node_end_byte(node) - start;
    for (; *words != NULL; words++) {
        if (length == strlen(*words) && memcmp(source->text + start, *words, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_static(const struct source *source, TSNode declaration)
{
    static const char *const words[] = {
        "static", "extern", "_Thread_local", "thread_local", "__thread", "constexpr", NULL};
    for (uint32_t i = 0; i < ts_node_child_count(declaration); i++) {
        TSNode child = ts_node_child(declaration, i);
        if (is_word(source, child, words)) {
            return true;
        }
    }
    return false;
}

/* The declarator of an array takes a list or a string, never a computed value. */
static bool is_array(TSNode init_declarator)
{
    TSNode declarator = field_of(init_declarator, "declarator");
    return !ts_node_is_null(declarator) && is(declarator, "array_declarator");
}

static bool is_string(TSNode node)
{
    static const char *const strings[] = {"string_literal", "concatenated_string", NULL};
    return is_one_of(node, strings);
}

/* `value` is what initialises; `element` the expression in its list, if it is one. */
static const char *initialiser(const struct source *source,
                               TSNode init_declarator,
                               TSNode value,
                               TSNode *element)
{
    TSNode declaration = ts_node_parent(init_declarator);
    if (is_static(source, declaration)) {
        return "the initialiser of a static object is a constant";
    }
    if (is(value, "initializer_list")) {
        if (ts_node_is_null(*element) || is_string(*element)) {
            return "in a list of initialisers";
        }
        return NULL;
    }
    if (is_array(init_declarator)) {
        return "the initialiser of an array";
    }
    *element = value;
    return NULL;
}

/* ---- the walk ---- */

struct walk {
    const struct source *source;
    TSNode carrier;
    TSNode element; /* outermost expression that is an element of a list of initialisers */
    enum schema_kind kind;
};

static bool is_element(TSNode parent, TSNode node)
{
    if (is(node, "initializer_list") || is(node, "initializer_pair") || !ts_node_is_named(node)) {
        return false;
    }
    return is(parent, "initializer_list")
           || (is(parent, "initializer_pair") && is_field(parent, "value", node));
}

/* One step: 1 = the carrier is found, 0 = go on outwards; *ret_reason when there is none. */
static int walk_step(struct walk *walk, TSNode node, TSNode parent, const char **ret_reason)
{
    if (is(node, "ERROR") || ts_node_is_missing(node)) {
        *ret_reason = "near text that is not understood";
        return 0;
    }
    if (is_statement(node, &walk->kind) || is_position(parent, node, &walk->kind)) {
        walk->carrier = node;
        return 1;
    }
    *ret_reason = constant_reason(parent, node);
    if (*ret_reason != NULL) {
        return 0;
    }
    if (is_element(parent, node)) {
        walk->element = node;
    }
    if (is(parent, "init_declarator") && is_field(parent, "value", node)) {
        *ret_reason = initialiser(walk->source, parent, node, &walk->element);
        walk->carrier = walk->element;
        walk->kind = SCHEMA_VALUE;
        return *ret_reason == NULL;
    }
    if (is(node, "compound_statement") || is(node, "function_definition")) {
        *ret_reason = "more than one statement";
    }
    return 0;
}

static const char *find(struct walk *walk, TSNode node)
{
    const char *reason = NULL;
    for (;;) {
        TSNode parent = ts_node_parent(node);
        if (ts_node_is_null(parent)) {
            return "outside of functions";
        }
        if (walk_step(walk, node, parent, &reason) != 0) {
            return NULL;
        }
        if (reason != NULL) {
            return reason;
        }
        node = parent;
    }
}

/* ---- what stands around a carrier, and in it ---- */

/* The function around a node; *ret_inner is set when a statement expression stands between. */
static TSNode function_of(TSNode node, bool *ret_inner)
{
    while (!ts_node_is_null(node) && !is(node, "function_definition")) {
        TSNode parent = ts_node_parent(node);
        if (!ts_node_is_null(parent) && is(node, "compound_statement")
            && is(parent, "parenthesized_expression")) {
            *ret_inner = true;
        }
        node = parent;
    }
    return node;
}

/* The next node in the order of the text, below `root` where the cursor began; false at the end. */
static bool next_node(TSTreeCursor *cursor)
{
    if (ts_tree_cursor_goto_first_child(cursor)) {
        return true;
    }
    while (!ts_tree_cursor_goto_next_sibling(cursor)) {
        if (!ts_tree_cursor_goto_parent(cursor)) {
            return false;
        }
    }
    return true;
}

/* Does a node of these types stand in it? With a cursor: trees of users are deep. */
static bool contains(TSNode node, const char *const *types)
{
    TSTreeCursor cursor = ts_tree_cursor_new(node);
    bool found = false;
    do {
        found = is_one_of(ts_tree_cursor_current_node(&cursor), types);
    } while (!found && next_node(&cursor));
    ts_tree_cursor_delete(&cursor);
    return found;
}

static bool has_directive(const char *text, uint32_t start, uint32_t end)
{
    bool at_start = false;
    for (uint32_t i = start; i < end; i++) {
        if (text[i] == '\n') {
            at_start = true;
        } else if (at_start && text[i] == '#') {
            return true;
        } else if (text[i] != ' ' && text[i] != '\t') {
            at_start = false;
        }
    }
    return false;
}

static const char *content_reason(const struct source *source, const struct walk *walk)
{
    static const char *const assembly[] = {"gnu_asm_expression", NULL};
    static const char *const literals[] = {"compound_literal_expression", NULL};
    static const char *const labels[] = {"labeled_statement", "case_statement", NULL};
    if (ts_node_has_error(walk->carrier)) {
        return "near text that is not understood";
    }
    if (has_directive(
            source->text, ts_node_start_byte(walk->carrier), ts_node_end_byte(walk->carrier))) {
        return "a line of the preprocessor stands in the statement";
    }
    if (contains(walk->carrier, assembly)) {
        return "assembly text stands in the statement";
    }
    if (contains(walk->carrier, labels)) {
        return "a label stands in the statement";
    }
    if (is(walk->carrier, "expression_statement") && contains(walk->carrier, literals)) {
        return "a compound literal lives as long as its block";
    }
    return NULL;
}

/* ---- macros ---- */

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) != 0 || text[length] == '_') {
        length++;
    }
    return length;
}

/* Over blanks and lines that go on. */
static const char *skip_blanks(const char *at)
{
    for (;;) {
        if (*at == ' ' || *at == '\t') {
            at++;
        } else if (at[0] == '\\' && at[1] == '\n') {
            at += 2;
        } else {
            return at;
        }
    }
}

/* From the text of a macro behind its parameters. */
static enum schema_macro body_kind(const char *body)
{
    static const char *const words[] = {"do", "if", "while", "for", "switch", "assert"};
    body = skip_blanks(body);
    if (*body == '(' || *body == '{' || *body == '\n' || *body == '\0') {
        return SCHEMA_MACRO_STATEMENT;
    }
    size_t length = word_length(body);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (length == strlen(words[i]) && memcmp(body, words[i], length) == 0) {
            return SCHEMA_MACRO_STATEMENT;
        }
    }
    /* `name(` is a call where no declarator begins so, `name =` and `name->` assign. */
    const char *next = skip_blanks(body + length);
    bool is_call = length > 0 && (*next == '(' || *next == '=' || *next == '-' || *next == '.');
    return is_call ? SCHEMA_MACRO_STATEMENT : SCHEMA_MACRO_OTHER;
}

/* The definition in a line "#define NAME...", or NULL. */
static const char *definition(const char *line, const char *name, size_t length)
{
    line = skip_blanks(line);
    if (*line != '#') {
        return NULL;
    }
    line = skip_blanks(line + 1);
    if (strncmp(line, "define", 6) != 0) {
        return NULL;
    }
    line = skip_blanks(line + 6);
    return strncmp(line, name, length) == 0 && word_length(line) == length ? line + length : NULL;
}

enum schema_macro schema_macro_kind(const char *definitions, const char *name, size_t length)
{
    const char *line = definitions;
    while (line != NULL && *line != '\0') {
        const char *found = definition(line, name, length);
        if (found != NULL) {
            const char *close = *found == '(' ? strchr(found, ')') : NULL;
            return body_kind(close != NULL ? close + 1 : found);
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return SCHEMA_MACRO_UNKNOWN;
}

static bool is_capitals(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (islower((unsigned char)name[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* A statement `NAME(...);` whose NAME declares something would hide it in braces. */
static const char *macro_reason(const struct source *source, TSNode carrier, bool *ret_is_macro)
{
    TSNode call = ts_node_named_child(carrier, 0);
    if (!is(carrier, "expression_statement") || ts_node_is_null(call)
        || !is(call, "call_expression")) {
        return NULL;
    }
    TSNode callee = field_of(call, "function");
    if (ts_node_is_null(callee) || !is(callee, "identifier")) {
        return NULL;
    }
    const char *name = source->text + ts_node_start_byte(callee);
    size_t length = ts_node_end_byte(callee) - ts_node_start_byte(callee);
    enum schema_macro kind = schema_macro_kind(source->text, name, length);
    *ret_is_macro = kind != SCHEMA_MACRO_UNKNOWN || is_capitals(name, length);
    if (kind == SCHEMA_MACRO_UNKNOWN && is_capitals(name, length)) {
        kind = SCHEMA_MACRO_OTHER;
    }
    return kind == SCHEMA_MACRO_OTHER ? "a macro that may declare something" : NULL;
}

static const char *place_reason(const struct walk *walk,
                                const char *replacement,
                                struct schema_site *site)
{
    bool inner = false;
    TSNode function = function_of(walk->carrier, &inner);
    if (ts_node_is_null(function)) {
        return "outside of functions";
    }
    if (inner) {
        return "in a statement expression, whose value braces would take away";
    }
    if (strchr(replacement, '#') != NULL) {
        return "its text may begin a line of the preprocessor";
    }
    site->function_start = ts_node_start_byte(function);
    site->function_end = ts_node_end_byte(function);
    return NULL;
}

const char *schema_find_carrier(const struct source *source,
                                const struct mutant_span *span,
                                const char *replacement,
                                struct schema_site *ret_site)
{
    struct walk walk = {.source = source};
    struct schema_site site = {0};
    TSNode root = ts_tree_root_node(source->tree);
    TSNode node = ts_node_descendant_for_byte_range(
        root, span->start, span->end > span->start ? span->end - 1 : span->end);
    while (!ts_node_is_null(node) && ts_node_end_byte(node) < span->end) {
        node = ts_node_parent(node);
    }
    const char *reason = ts_node_is_null(node) ? "outside of functions" : find(&walk, node);
    if (reason == NULL) {
        reason = place_reason(&walk, replacement, &site);
    }
    if (reason == NULL) {
        reason = content_reason(source, &walk);
    }
    if (reason == NULL) {
        reason = macro_reason(source, walk.carrier, &site.is_macro);
    }
    if (reason != NULL) {
        return reason;
    }
    site.start = ts_node_start_byte(walk.carrier);
    site.end = ts_node_end_byte(walk.carrier);
    site.line = ts_node_start_point(walk.carrier).row + 1;
    site.end_line = ts_node_end_point(walk.carrier).row + 1;
    site.kind = walk.kind;
    *ret_site = site;
    return NULL;
}
