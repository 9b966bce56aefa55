/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of a rule at one match. */
#include "base/file.h"
#include "plugins/mutation/find_impl.h"

#include <string.h>

/* Names of callees and words that are compared as a whole; a longer one equals none. */
#define TEXT_MAX 256

bool rule_capture(const TSQueryMatch *match, uint32_t capture, TSNode *ret_node)
{
    for (uint16_t i = 0; i < match->capture_count; i++) {
        if (match->captures[i].index == capture) {
            *ret_node = match->captures[i].node;
            return true;
        }
    }
    return false;
}

static bool text_is(const struct source *source, struct extent extent, const char *text)
{
    size_t length = extent.end - extent.start;
    return strlen(text) == length && memcmp(source->text + extent.start, text, length) == 0;
}

static bool text_is_one_of(const struct source *source,
                           struct extent extent,
                           const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (text_is(source, extent, *texts)) {
            return true;
        }
    }
    return false;
}

static struct extent extent_of(TSNode node)
{
    return (struct extent){ts_node_start_byte(node), ts_node_end_byte(node)};
}

static bool is_equal(const struct rule_match *match,
                     const struct condition *condition,
                     struct extent extent)
{
    const struct source *source = match->finding->source;
    TSNode other = {0};
    if (condition->other == UINT32_MAX) {
        return text_is_one_of(source, extent, condition->texts);
    }
    if (!rule_capture(match->match, condition->other, &other)) {
        return false;
    }
    struct extent second = extent_of(other);
    size_t length = extent.end - extent.start;
    return second.end - second.start == length
           && memcmp(source->text + extent.start, source->text + second.start, length) == 0;
}

/* An expression that takes more steps than it may matches nothing. */
static bool is_matched(const struct source *source, const pcre2_code *code, struct extent extent)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    bool matched = false;
    if (data != NULL && context != NULL) {
        (void)pcre2_set_match_limit(context, OPERATORS_MATCH_MAX);
        matched = pcre2_match(code,
                              (PCRE2_SPTR)source->text + extent.start,
                              extent.end - extent.start,
                              0,
                              0,
                              data,
                              context)
                  >= 0;
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return matched;
}

static bool has_kind(TSNode node, const char *const *kinds)
{
    return text_in_list(ts_node_type(node), kinds);
}

static bool has_operator(const struct source *source, TSNode node, const char *const *signs)
{
    static const char field[] = "operator";
    TSNode sign = ts_node_child_by_field_name(node, field, sizeof(field) - 1);
    return !ts_node_is_null(sign) && text_is_one_of(source, extent_of(sign), signs);
}

static bool matches_one_of(const char *name, const char *const *patterns)
{
    for (; patterns != NULL && *patterns != NULL; patterns++) {
        if (glob_match(*patterns, name)) {
            return true;
        }
    }
    return false;
}

static bool is_arid(const struct rule_match *match,
                    const struct condition *condition,
                    struct extent extent)
{
    char name[TEXT_MAX];
    size_t length = extent.end - extent.start;
    if (length >= sizeof name) {
        return false;
    }
    memcpy(name, match->finding->source->text + extent.start, length);
    name[length] = '\0';
    return matches_one_of(name, condition->texts)
           || matches_one_of(name, match->finding->operators->arid);
}

static bool condition_holds(const struct rule_match *match, const struct condition *condition)
{
    const struct source *source = match->finding->source;
    TSNode node = {0};
    if (!rule_capture(match->match, condition->capture, &node)) {
        return true; /* of a branch of the pattern that did not match */
    }
    struct extent extent = extent_of(node);
    bool holds = false;
    switch (condition->kind) {
    case CONDITION_EQUAL:
        holds = is_equal(match, condition, extent);
        break;
    case CONDITION_MATCH:
        holds = is_matched(source, condition->code, extent);
        break;
    case CONDITION_KIND:
        holds = has_kind(node, condition->texts);
        break;
    case CONDITION_SIGN:
        holds = has_operator(source, node, condition->texts);
        break;
    case CONDITION_ARID:
        holds = is_arid(match, condition, extent);
        break;
    case CONDITION_IN: /* asked when all regions are known */
        return true;
    }
    return holds != condition->negated;
}

bool rule_holds(const struct rule_match *match)
{
    for (size_t i = 0; i < match->rule->condition_count; i++) {
        if (!condition_holds(match, &match->rule->conditions[i])) {
            return false;
        }
    }
    return true;
}
