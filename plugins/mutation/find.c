/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/find.h"

#include "base/mem.h"
#include "plugins/mutation/find_impl.h"

#include <errno.h>
#include <string.h>

int finding_short_of_memory(const struct finding *finding, struct err *err)
{
    return err_set(err,
                   -ENOMEM,
                   "%s: its mutants take more than %u MiB, or memory is short; if it is generated, "
                   "exclude it in `files`",
                   finding->source->path,
                   FIND_MEMORY_MAX >> 20);
}

int finding_add(struct finding *finding, const struct place *place, struct err *err)
{
    const struct source *source = finding->source;
    size_t length = place->extent.end - place->extent.start;
    if (strlen(place->replacement) == length
        && memcmp(place->replacement, source->text + place->extent.start, length) == 0) {
        return 0;
    }
    if (finding->places.count >= FIND_PLACES_MAX) {
        return err_set(err,
                       -E2BIG,
                       "%s: more than %zu places to mutate: it is generated, exclude it in `files`",
                       source->path,
                       FIND_PLACES_MAX);
    }
    return vec_push(&finding->places, *place) < 0 ? finding_short_of_memory(finding, err) : 0;
}

struct extents *finding_region(struct finding *finding, const char *name)
{
    for (size_t i = 0; i < finding->regions.count; i++) {
        if (strcmp(finding->regions.items[i].name, name) == 0) {
            return &finding->regions.items[i].extents;
        }
    }
    struct region region = {.name = name};
    if (vec_push(&finding->regions, region) < 0) {
        return NULL;
    }
    return &finding->regions.items[finding->regions.count - 1].extents;
}

bool finding_in_region(const struct finding *finding, const char *name, struct extent extent)
{
    for (size_t i = 0; i < finding->regions.count; i++) {
        if (strcmp(finding->regions.items[i].name, name) == 0) {
            return extents_have(&finding->regions.items[i].extents, extent.start, extent.end);
        }
    }
    return false;
}

/* #in? and #not-in?, and the two regions that have a meaning of their own. */
static bool is_wanted(const struct finding *finding, const struct place *place)
{
    if (finding_in_region(finding, "never", place->extent)
        || (finding_in_region(finding, "arid", place->extent)
            && !operators_enabled(finding->operators, "arid", true))) {
        return false;
    }
    for (size_t i = 0; place->rule != NULL && i < place->rule->condition_count; i++) {
        const struct condition *condition = &place->rule->conditions[i];
        const char *const *name = condition->texts;
        bool inside = false;
        for (; condition->kind == CONDITION_IN && *name != NULL; name++) {
            inside = inside || finding_in_region(finding, *name, place->extent);
        }
        if (condition->kind == CONDITION_IN && inside == condition->negated) {
            return false;
        }
    }
    return true;
}

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->extent.start != b->extent.start) {
        return a->extent.start < b->extent.start ? -1 : 1;
    }
    if (a->extent.end != b->extent.end) {
        return a->extent.end < b->extent.end ? -1 : 1;
    }
    int by_text = strcmp(a->replacement, b->replacement);
    return by_text != 0 ? by_text : (a->order > b->order) - (a->order < b->order);
}

static bool is_same_change(const struct place *a, const struct place *b)
{
    return a->extent.start == b->extent.start && a->extent.end == b->extent.end
           && strcmp(a->replacement, b->replacement) == 0;
}

/* Leaves the places that become mutants; returns how many different ones lie in parse errors. */
static size_t sift_places(struct finding *finding)
{
    struct place *items = finding->places.items;
    size_t kept = 0;
    size_t lost = 0;
    struct extent last_lost = {FIND_NOWHERE, FIND_NOWHERE};
    if (finding->places.count > 1) {
        qsort(items, finding->places.count, sizeof *items, compare_places);
    }
    for (size_t i = 0; i < finding->places.count; i++) {
        struct extent extent = items[i].extent;
        if (!is_wanted(finding, &items[i])
            || (kept > 0 && is_same_change(&items[i], &items[kept - 1]))) {
            continue;
        }
        /* A generator and a regular expression do not rest on the tree. */
        if (items[i].rule != NULL
            && extents_have(&finding->outline.errors, extent.start, extent.end)) {
            lost += extent.start != last_lost.start || extent.end != last_lost.end ? 1 : 0;
            last_lost = extent;
            continue;
        }
        items[kept++] = items[i];
    }
    finding->places.count = kept;
    return lost;
}

static int compare_mutants(const void *left, const void *right)
{
    const struct mutant *a = left;
    const struct mutant *b = right;
    if (a->span.start != b->span.start) {
        return a->span.start < b->span.start ? -1 : 1;
    }
    if (a->span.end != b->span.end) {
        return a->span.end < b->span.end ? -1 : 1;
    }
    int by_operator = strcmp(a->operator, b->operator);
    return by_operator != 0 ? by_operator : strcmp(a->replacement, b->replacement);
}

static int make_mutant(struct finding *finding,
                       const struct place *place,
                       const char *path,
                       struct mutant *ret_mutant)
{
    const struct outline *outline = &finding->outline;
    struct extent extent = place->extent;
    uint32_t function = stretches_find(&outline->functions, extent);
    struct mutant mutant = {
        .file = path,
        .function = function == FIND_NOWHERE ? "" : outline->functions.items[function].name,
        .original = arena_strndup(
            finding->arena, finding->source->text + extent.start, extent.end - extent.start),
        .replacement = place->replacement,
        .note = place->note,
        .span = {.start = extent.start, .end = extent.end},
    };
    /* Rules live as long as the operators, mutants as long as their list. */
    char *name = arena_strdup(finding->arena, place->name);
    mutant.operator= name;
    if (mutant.original == NULL || name == NULL) {
        return -ENOMEM;
    }
    outline_position(outline, extent.start, &mutant.span.line, &mutant.span.column);
    outline_position(outline, extent.end, &mutant.span.end_line, &mutant.span.end_column);
    *ret_mutant = mutant;
    return 0;
}

static bool is_in_scope(const struct find_scope *scope, const struct mutant *mutant)
{
    if (scope == NULL || scope->lines == NULL) {
        return true;
    }
    for (size_t i = 0; i < scope->line_count; i++) {
        if (mutant->span.line <= scope->lines[i].last
            && mutant->span.end_line >= scope->lines[i].first) {
            return true;
        }
    }
    return false;
}

/* Ids are made of all mutants of the file: a scope must not change them. */
static int make_list(struct finding *finding, struct mutant_list *list, struct err *err)
{
    size_t count = finding->places.count;
    if (count > FIND_MAX) {
        return err_set(err,
                       -E2BIG,
                       "%s: more than %d mutants: it is generated, exclude it in `files`",
                       finding->source->path,
                       FIND_MAX);
    }
    const char *path = arena_strdup(finding->arena, finding->source->path);
    struct mutant *mutants = arena_calloc(finding->arena, count + 1, sizeof *mutants);
    if (path == NULL || mutants == NULL) {
        return finding_short_of_memory(finding, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (make_mutant(finding, &finding->places.items[i], path, &mutants[i]) < 0) {
            return finding_short_of_memory(finding, err);
        }
    }
    if (count > 1) {
        qsort(mutants, count, sizeof *mutants, compare_mutants);
    }
    int rc = find_name_mutants(finding, mutants, count, err);
    list->items = mutants;
    list->count = count;
    rc = rc < 0 ? rc : find_suppress(finding, list, err);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_in_scope(finding->scope, &mutants[i])) {
            mutants[kept] = mutants[i];
            mutants[kept].number = (uint32_t)kept;
            kept++;
        }
    }
    list->count = kept;
    return rc;
}

static int find_places(struct finding *finding, struct err *err)
{
    int rc = outline_make(finding, err);
    rc = rc < 0 ? rc : find_by_queries(finding, err);
    rc = rc < 0 ? rc : find_by_regexes(finding, err);
    rc = rc < 0 ? rc : find_by_command(finding, err);
    for (size_t i = 0; i < finding->regions.count; i++) {
        extents_settle(&finding->regions.items[i].extents);
    }
    return rc;
}

static void finding_fini(struct finding *finding)
{
    for (size_t i = 0; i < finding->regions.count; i++) {
        vec_fini(&finding->regions.items[i].extents);
    }
    vec_fini(&finding->regions);
    vec_fini(&finding->places);
    outline_fini(&finding->outline);
    arena_free(finding->arena);
}

int find_mutants(const struct source *source,
                 const struct operators *operators,
                 const struct find_scope *scope,
                 struct mutant_list *ret_list,
                 struct err *err)
{
    struct finding finding = {
        .source = source,
        .operators = operators,
        .scope = scope,
        .arena = arena_new(FIND_MEMORY_MAX),
    };
    struct mutant_list list = {.arena = finding.arena};
    int rc =
        finding.arena == NULL ? finding_short_of_memory(&finding, err) : find_places(&finding, err);
    if (rc == 0) {
        list.points_lost = sift_places(&finding) + finding.outline.tokens_lost;
        rc = make_list(&finding, &list, err);
    }
    if (rc == 0) {
        finding.arena = NULL; /* the list's now */
        *ret_list = list;
    }
    finding_fini(&finding);
    return rc;
}

char *find_apply(const struct source *source, const struct mutant *mutant, size_t *ret_size)
{
    size_t before = mutant->span.start;
    size_t after = source->size - mutant->span.end;
    size_t length = strlen(mutant->replacement);
    char *text = mem_calloc(size_add(size_add(before, after), size_add(length, 1)), 1);
    if (text == NULL) {
        return NULL;
    }
    memcpy(text, source->text, before);
    memcpy(text + before, mutant->replacement, length);
    memcpy(text + before + length, source->text + mutant->span.end, after);
    *ret_size = before + length + after;
    return text;
}
