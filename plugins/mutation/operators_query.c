/* SPDX-License-Identifier: Apache-2.0 */
/* A query is compiled by tree-sitter; its directives and conditions are read here, once. */
#include "base/mem.h"
#include "base/str.h"
#include "plugins/mutation/operators_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Reads the steps of one pattern's predicates, one predicate after the other. */
struct reader {
    struct arena *arena;
    struct rules *rules;
    struct rule *rule;
    const char *where; /* "file:line:column" of the pattern */
    const TSQueryPredicateStep *steps;
    uint32_t count; /* of one predicate, its name included */
    struct err *err;
};

static void position_of(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
    unsigned line = 1;
    unsigned column = 1;
    for (size_t i = 0; i < offset && text[i] != '\0'; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n' ? 1 : 0;
    }
    *ret_line = line;
    *ret_column = column;
}

static const char *query_error_text(TSQueryError type)
{
    switch (type) {
    case TSQueryErrorSyntax:
        return "this is no pattern (is a bracket or a quote missing?)";
    case TSQueryErrorNodeType:
        return "the grammar has no node of this type";
    case TSQueryErrorField:
        return "the grammar has no field of this name";
    case TSQueryErrorCapture:
        return "the pattern has no capture of this name";
    case TSQueryErrorStructure:
        return "nothing in this grammar ever matches the pattern";
    case TSQueryErrorLanguage:
        return "the grammar cannot be used with this libtree-sitter";
    case TSQueryErrorNone:
        break;
    }
    return "the query cannot be used";
}

static const char *string_at(const struct reader *in, uint32_t index)
{
    uint32_t length = 0;
    if (index >= in->count || in->steps[index].type != TSQueryPredicateStepTypeString) {
        return NULL;
    }
    return ts_query_string_value_for_id(in->rules->query, in->steps[index].value_id, &length);
}

/* The strings from `first` on, as a list. NULL after an error. */
static const char **strings_from(const struct reader *in, uint32_t first)
{
    const char **texts = arena_calloc(in->arena, (size_t)in->count - first + 1, sizeof *texts);
    for (uint32_t i = first; texts != NULL && i < in->count; i++) {
        texts[i - first] = string_at(in, i);
        if (texts[i - first] == NULL) {
            (void)err_set(in->err,
                          -EINVAL,
                          "%s: #%s: must be followed by a capture and texts in quotes",
                          in->where,
                          string_at(in, 0));
            return NULL;
        }
    }
    if (texts == NULL) {
        (void)err_set(in->err, -ENOMEM, "%s: not enough memory", in->where);
    }
    return texts;
}

/* Appends texts to a list of the rule, in a new array: patterns have a dozen at most. */
static int extend(const struct reader *in,
                  const char ***list,
                  const char *const *texts,
                  size_t count)
{
    size_t before = 0;
    while (*list != NULL && (*list)[before] != NULL) {
        before++;
    }
    const char **longer = arena_calloc(in->arena, before + count + 1, sizeof *longer);
    if (longer == NULL) {
        return err_set(in->err, -ENOMEM, "%s: not enough memory", in->where);
    }
    if (before > 0) {
        memcpy(longer, *list, before * sizeof *longer);
    }
    memcpy(longer + before, texts, count * sizeof *longer);
    *list = longer;
    return 0;
}

static int read_set(const struct reader *in)
{
    const char *key = string_at(in, 1);
    const char *value = string_at(in, 2);
    const char *second = string_at(in, 3);
    struct rule *rule = in->rule;
    if (key == NULL || value == NULL || in->count > 4 || (in->count == 4 && second == NULL)) {
        return err_set(in->err,
                       -EINVAL,
                       "%s: #set!: must be followed by a key and its texts in quotes",
                       in->where);
    }
    if (strcmp(key, "mutant.swap") == 0 && second != NULL) {
        const char *const pair[] = {value, second};
        return extend(in, &rule->swaps, pair, 2);
    }
    if (second == NULL && strcmp(key, "mutant.replace") == 0) {
        return extend(in, &rule->replaces, &value, 1);
    }
    if (second == NULL && strcmp(key, "mutant.operator") == 0) {
        rule->name = value;
        return 0;
    }
    if (second == NULL && strcmp(key, "mutant.default") == 0
        && (strcmp(value, "off") == 0 || strcmp(value, "on") == 0)) {
        rule->off = strcmp(value, "off") == 0;
        return 0;
    }
    if (second == NULL && strcmp(key, "mutant.about") == 0) {
        return 0; /* for people */
    }
    return err_set(in->err,
                   -EINVAL,
                   "%s: #set! %s: must be mutant.operator NAME, mutant.swap FROM TO, "
                   "mutant.replace TEXT, mutant.default on|off or mutant.about TEXT",
                   in->where,
                   key);
}

static const struct condition_name {
    const char *name;
    enum condition_kind kind;
} condition_names[] = {
    {"eq?",       CONDITION_EQUAL},
    {"any-of?",   CONDITION_EQUAL},
    {"match?",    CONDITION_MATCH},
    {"kind?",     CONDITION_KIND },
    {"operator?", CONDITION_SIGN },
    {"arid?",     CONDITION_ARID },
    {"in?",       CONDITION_IN   },
};

/* "not-eq?" is "eq?", negated. */
static const struct condition_name *condition_of(const char *name, bool *ret_negated)
{
    *ret_negated = text_starts_with(name, "not-");
    name += *ret_negated ? strlen("not-") : 0;
    for (size_t i = 0; i < sizeof condition_names / sizeof condition_names[0]; i++) {
        if (strcmp(condition_names[i].name, name) == 0) {
            return &condition_names[i];
        }
    }
    return NULL;
}

/* What the condition compares with: texts, or one other capture. */
static int read_operands(const struct reader *in, struct condition *condition)
{
    const char *word = string_at(in, 0);
    uint32_t first = 2;
    condition->other = UINT32_MAX;
    if (in->count == 3 && in->steps[2].type == TSQueryPredicateStepTypeCapture) {
        condition->other = in->steps[2].value_id;
        first = 3;
    }
    condition->texts = strings_from(in, first);
    if (condition->texts == NULL) {
        return in->err != NULL ? in->err->code : -EINVAL;
    }
    bool other = condition->other != UINT32_MAX;
    if (condition->texts[0] == NULL && !other) {
        return err_set(in->err, -EINVAL, "%s: #%s: compares with nothing", in->where, word);
    }
    if (other && condition->kind != CONDITION_EQUAL) {
        return err_set(in->err, -EINVAL, "%s: #%s: takes texts in quotes", in->where, word);
    }
    return 0;
}

static int compile_match(const struct reader *in, struct condition *condition)
{
    const char *word = string_at(in, 0);
    if (condition->texts[1] != NULL) {
        return err_set(in->err, -EINVAL, "%s: #%s: takes one text", in->where, word);
    }
    return operators_regex(condition->texts[0], &condition->code, in->err) < 0
               ? err_wrap(in->err, "%s: #%s", in->where, word)
               : 0;
}

static int read_condition(const struct reader *in)
{
    struct condition *condition = &in->rule->conditions[in->rule->condition_count];
    const char *word = string_at(in, 0);
    word = word != NULL ? word : "";
    const struct condition_name *known = condition_of(word, &condition->negated);
    if (known == NULL) {
        return err_set(in->err,
                       -EINVAL,
                       "%s: #%s is not known; there are #set!, #eq?, #any-of?, #match?, #kind?, "
                       "#operator?, #arid?, #in? and the same with not-",
                       in->where,
                       word);
    }
    if (in->count < 2 || in->steps[1].type != TSQueryPredicateStepTypeCapture) {
        return err_set(in->err, -EINVAL, "%s: #%s: must be followed by a capture", in->where, word);
    }
    condition->kind = known->kind;
    condition->capture = in->steps[1].value_id;
    int rc = read_operands(in, condition);
    if (rc < 0) {
        return rc;
    }
    in->rule->condition_count++; /* before the expression: it is freed with the rule */
    return condition->kind == CONDITION_MATCH ? compile_match(in, condition) : 0;
}

static int read_predicates(struct reader *in, uint32_t pattern)
{
    uint32_t total = 0;
    const TSQueryPredicateStep *steps =
        ts_query_predicates_for_pattern(in->rules->query, pattern, &total);
    in->rule->conditions = mem_calloc((size_t)total + 1, sizeof *in->rule->conditions);
    if (in->rule->conditions == NULL) {
        return err_set(in->err, -ENOMEM, "%s: not enough memory", in->where);
    }
    uint32_t first = 0;
    for (uint32_t i = 0; i < total; i++) {
        if (steps[i].type != TSQueryPredicateStepTypeDone) {
            continue;
        }
        in->steps = steps + first;
        in->count = i - first;
        first = i + 1;
        const char *word = string_at(in, 0);
        bool set = word != NULL && strcmp(word, "set!") == 0;
        int rc = set ? read_set(in) : read_condition(in);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* What a pattern says makes sense as a whole. */
static int check_rule(const struct reader *in, uint32_t pattern)
{
    const struct rule *rule = in->rule;
    uint32_t mutant = in->rules->mutant;
    bool marks = mutant != UINT32_MAX
                 && ts_query_capture_quantifier_for_id(in->rules->query, pattern, mutant)
                        != TSQuantifierZero;
    if (rule->name == NULL) {
        return !marks && rule->swaps == NULL && rule->replaces == NULL
                   ? 0
                   : err_set(in->err,
                             -EINVAL,
                             "%s: the pattern has no (#set! mutant.operator \"NAME\")",
                             in->where);
    }
    if (!marks) {
        return err_set(in->err,
                       -EINVAL,
                       "%s: operator %s: nothing in the pattern is captured as @mutant",
                       in->where,
                       rule->name);
    }
    if (rule->swaps == NULL && rule->replaces == NULL) {
        return err_set(in->err,
                       -EINVAL,
                       "%s: operator %s: has neither mutant.swap nor mutant.replace",
                       in->where,
                       rule->name);
    }
    return 0;
}

static int read_captures(struct arena *arena, struct rules *rules)
{
    uint32_t count = ts_query_capture_count(rules->query);
    rules->mutant = UINT32_MAX;
    rules->regions = arena_calloc(arena, (size_t)count + 1, sizeof *rules->regions);
    for (uint32_t i = 0; rules->regions != NULL && i < count; i++) {
        uint32_t length = 0;
        const char *name = ts_query_capture_name_for_id(rules->query, i, &length);
        if (strcmp(name, "mutant") == 0) {
            rules->mutant = i;
        } else if (text_starts_with(name, "region.")) {
            rules->regions[i] = name + strlen("region.");
        }
    }
    return rules->regions == NULL ? -ENOMEM : 0;
}

static int read_patterns(struct arena *arena,
                         struct rules *rules,
                         const char *text,
                         struct err *err)
{
    rules->count = ts_query_pattern_count(rules->query);
    rules->items = arena_calloc(arena, rules->count + 1, sizeof *rules->items);
    if (rules->items == NULL || read_captures(arena, rules) < 0) {
        rules->count = 0;
        return err_set(err, -ENOMEM, "%s: not enough memory", rules->file);
    }
    for (uint32_t i = 0; i < rules->count; i++) {
        unsigned line = 0;
        unsigned column = 0;
        position_of(text, ts_query_start_byte_for_pattern(rules->query, i), &line, &column);
        struct reader in = {
            .arena = arena,
            .rules = rules,
            .rule = &rules->items[i],
            .where = arena_printf(arena, "%s:%u:%u", rules->file, line, column),
            .err = err,
        };
        if (in.where == NULL) {
            return err_set(err, -ENOMEM, "%s: not enough memory", rules->file);
        }
        int rc = read_predicates(&in, i);
        rc = rc < 0 ? rc : check_rule(&in, i);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int rules_compile(struct arena *arena,
                  const struct language *language,
                  const char *file,
                  const char *text,
                  struct rules **ret_rules,
                  struct err *err)
{
    struct rules *rules = mem_calloc(1, sizeof *rules);
    if (rules == NULL || (rules->file = arena_strdup(arena, file)) == NULL) {
        mem_free(rules);
        return err_set(err, -ENOMEM, "%s: not enough memory", file);
    }
    rules->language = language;
    uint32_t offset = 0;
    TSQueryError type = TSQueryErrorNone;
    int rc = 0;
    rules->query = ts_query_new(language->grammar(), text, (uint32_t)strlen(text), &offset, &type);
    if (rules->query == NULL) {
        unsigned line = 0;
        unsigned column = 0;
        position_of(text, offset, &line, &column);
        rc = err_set(err, -EINVAL, "%s:%u:%u: %s", file, line, column, query_error_text(type));
    } else {
        rc = read_patterns(arena, rules, text, err);
    }
    if (rc < 0) {
        rules_free(rules);
        return rc;
    }
    *ret_rules = rules;
    return 0;
}

void rules_free(struct rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        struct rule *rule = &rules->items[i];
        for (size_t j = 0; j < rule->condition_count; j++) {
            pcre2_code_free(rule->conditions[j].code);
        }
        mem_free(rule->conditions);
    }
    if (rules->query != NULL) {
        ts_query_delete(rules->query);
    }
    mem_free(rules);
}

int operators_built_in(const struct operators *operators,
                       const struct language *language,
                       const struct rules **ret_rules,
                       struct err *err)
{
    assert(language->grammar != NULL);
    size_t index = 0;
    while (language_at(index) != language) {
        index++;
    }
    assert(index < OPERATORS_LANGUAGES);
    if (operators->built_in[index] == NULL) {
        int rc = rules_compile(operators->arena,
                               language,
                               language->name,
                               language->queries,
                               &operators->built_in[index],
                               err);
        if (rc < 0) {
            return rc;
        }
    }
    *ret_rules = operators->built_in[index];
    return 0;
}
