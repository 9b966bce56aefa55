/* SPDX-License-Identifier: Apache-2.0 */
/* Queries are run over the tree; each match is a place, with what its directives make of it. */
#include "base/cleanup.h"
#include "base/str.h"
#include "plugins/mutation/find_impl.h"

#include <errno.h>
#include <string.h>

/* ${mutant} and ${CAPTURE} in a replacement; anything else stands for itself. */
static const char *expand(const struct rule_match *in, const char *template)
{
    struct finding *finding = (struct finding *)(uintptr_t)in->finding;
    CLEANUP(str_fini) struct str text = STR_INIT((size_t)SOURCE_MAX * 2);
    while (*template != '\0') {
        const char *end = strncmp(template, "${", 2) == 0 ? strchr(template, '}') : NULL;
        TSNode node = {0};
        bool found = false;
        for (uint16_t i = 0; end != NULL && !found && i < in->match->capture_count; i++) {
            uint32_t length = 0;
            const char *name = ts_query_capture_name_for_id(
                in->rules->query, in->match->captures[i].index, &length);
            found =
                length == (size_t)(end - template) - 2 && memcmp(name, template + 2, length) == 0;
            node = in->match->captures[i].node;
        }
        if (!found) {
            (void)str_append_char(&text, *template ++);
            continue;
        }
        uint32_t start = ts_node_start_byte(node);
        (void)str_append_n(
            &text, in->finding->source->text + start, ts_node_end_byte(node) - start);
        template = end + 1;
    }
    return str_error(&text) != 0 ? NULL : arena_strdup(finding->arena, str_text(&text));
}

static int add_one(const struct rule_match *in,
                   struct extent extent,
                   const char *template,
                   struct err *err)
{
    struct finding *finding = (struct finding *)(uintptr_t)in->finding;
    struct place place = {
        .extent = extent,
        .name = in->rule->name,
        .replacement = expand(in, template),
        .rule = in->rule,
        .order = finding->order + in->match->pattern_index,
    };
    return place.replacement == NULL ? finding_short_of_memory(finding, err)
                                     : finding_add(finding, &place, err);
}

/* What a `swap` names is replaced by it; the rest by each `replace`. */
static int add_swaps(const struct rule_match *in,
                     struct extent extent,
                     bool *ret_swapped,
                     struct err *err)
{
    const char *text = in->finding->source->text + extent.start;
    size_t length = extent.end - extent.start;
    for (const char **swap = in->rule->swaps; swap != NULL && *swap != NULL; swap += 2) {
        if (strlen(swap[0]) != length || memcmp(swap[0], text, length) != 0) {
            continue;
        }
        *ret_swapped = true;
        int rc = add_one(in, extent, swap[1], err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* What a `swap` names is replaced by it; the rest by each `replace`. */
static int add_places(const struct rule_match *in, TSNode node, struct err *err)
{
    struct extent extent = {ts_node_start_byte(node), ts_node_end_byte(node)};
    bool swapped = false;
    int rc = add_swaps(in, extent, &swapped, err);
    const char **replace = swapped ? NULL : in->rule->replaces;
    for (; rc == 0 && replace != NULL && *replace != NULL; replace++) {
        rc = add_one(in, extent, *replace, err);
    }
    return rc;
}

static int add_regions(const struct rule_match *in, struct err *err)
{
    struct finding *finding = (struct finding *)(uintptr_t)in->finding;
    for (uint16_t i = 0; i < in->match->capture_count; i++) {
        const char *name = in->rules->regions[in->match->captures[i].index];
        if (name == NULL) {
            continue;
        }
        TSNode node = in->match->captures[i].node;
        struct extents *extents = finding_region(finding, name);
        struct extent extent = {ts_node_start_byte(node), ts_node_end_byte(node)};
        if (extents == NULL || vec_push(extents, extent) < 0) {
            return finding_short_of_memory(finding, err);
        }
    }
    return 0;
}

static int take_match(struct finding *finding,
                      const struct rules *rules,
                      const TSQueryMatch *match,
                      struct err *err)
{
    const struct rule_match in = {
        .finding = finding,
        .rules = rules,
        .rule = &rules->items[match->pattern_index],
        .match = match,
    };
    TSNode node = {0};
    if (!rule_holds(&in)) {
        return 0;
    }
    int rc = add_regions(&in, err);
    if (rc < 0 || in.rule->name == NULL || !rule_capture(match, rules->mutant, &node)) {
        return rc;
    }
    return add_places(&in, node, err);
}

/* Patterns whose operator is off need not be looked for, unless they name regions. */
static void leave_out(const struct operators *operators, const struct rules *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (rule->name != NULL && !operators_enabled(operators, rule->name, rule->off)) {
            ts_query_disable_pattern(rules->query, i);
        }
    }
}

static int run_query(struct finding *finding, const struct rules *rules, struct err *err)
{
    TSQueryCursor *cursor = ts_query_cursor_new();
    TSQueryMatch match = {0};
    int rc = 0;
    leave_out(finding->operators, rules);
    ts_query_cursor_set_match_limit(cursor, OPERATORS_OPEN_MAX);
    ts_query_cursor_exec(cursor, rules->query, ts_tree_root_node(finding->source->tree));
    while (rc == 0 && ts_query_cursor_next_match(cursor, &match)) {
        rc = take_match(finding, rules, &match, err);
    }
    if (rc == 0 && ts_query_cursor_did_exceed_match_limit(cursor)) {
        rc =
            err_set(err,
                    -E2BIG,
                    "%s: expressions are nested so deeply that not all mutants can be found: it is "
                    "generated, exclude it in `files`",
                    finding->source->path);
    }
    ts_query_cursor_delete(cursor);
    finding->order += (uint32_t)rules->count;
    return rc;
}

int find_by_queries(struct finding *finding, struct err *err)
{
    const struct operators *operators = finding->operators;
    const struct language *language = finding->source->language;
    const struct rules *rules = NULL;
    if (finding->source->tree == NULL) {
        return 0;
    }
    int rc = operators_built_in(operators, language, &rules, err);
    rc = rc < 0 ? rc : run_query(finding, rules, err);
    for (size_t i = 0; rc == 0 && i < operators->queries.count; i++) {
        if (operators->queries.items[i]->language == language) {
            rc = run_query(finding, operators->queries.items[i], err);
        }
    }
    return rc;
}
