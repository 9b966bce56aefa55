/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/mem.h"
#include "plugins/unit/ctest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void ctest_list_fini(struct ctest_list *list)
{
    mem_free(list->tests);
    *list = (struct ctest_list){0};
}

json_t *ctest_property(json_t *answer, size_t test, const char *name)
{
    json_t *entry = json_array_get(json_object_get(answer, "tests"), test);
    json_t *properties = json_object_get(entry, "properties");
    size_t i = 0;
    json_t *property = NULL;
    json_array_foreach(properties, i, property)
    {
        const char *found = json_string_value(json_object_get(property, "name"));
        if (found != NULL && strcmp(found, name) == 0) {
            return json_object_get(property, "value");
        }
    }
    return NULL;
}

/* A number that CTest may give as one or leave out. */
static double number_of(const json_t *value)
{
    double number = json_number_value(value);
    return number > 0 ? number : 0;
}

static json_t *array_of(json_t *value)
{
    return json_is_array(value) ? value : NULL;
}

/* Where add_test() was called: the node of the backtrace graph that the test points to. */
static void read_place(json_t *answer, const json_t *entry, struct ctest_test *test)
{
    json_t *graph = json_object_get(answer, "backtraceGraph");
    const json_t *index = json_object_get(entry, "backtrace");
    if (!json_is_integer(index) || json_integer_value(index) < 0) {
        return;
    }
    json_t *node =
        json_array_get(json_object_get(graph, "nodes"), (size_t)json_integer_value(index));
    json_int_t line = json_integer_value(json_object_get(node, "line"));
    json_int_t file = json_integer_value(json_object_get(node, "file"));
    if (line > 0 && line <= UINT32_MAX && file >= 0) {
        test->line = (uint32_t)line;
        test->file =
            json_string_value(json_array_get(json_object_get(graph, "files"), (size_t)file));
    }
}

static void read_properties(json_t *answer, size_t at, struct ctest_test *test)
{
    test->labels = array_of(ctest_property(answer, at, "LABELS"));
    test->locks = array_of(ctest_property(answer, at, "RESOURCE_LOCK"));
    test->timeout_s = number_of(ctest_property(answer, at, "TIMEOUT"));
    test->cost_s = number_of(ctest_property(answer, at, "COST"));
    test->serial = json_is_true(ctest_property(answer, at, "RUN_SERIAL"));
    test->disabled = json_is_true(ctest_property(answer, at, "DISABLED"));
    double processors = number_of(ctest_property(answer, at, "PROCESSORS"));
    test->processors = processors < UINT32_MAX ? (uint32_t)processors : UINT32_MAX;
}

int ctest_read(json_t *answer, struct ctest_list *ret_list, struct err *err)
{
    json_t *entries = json_object_get(answer, "tests");
    if (!json_is_array(entries)) {
        return err_set(err, -EINVAL, "the answer of ctest has no list of tests");
    }
    struct ctest_list list = {.count = json_array_size(entries)};
    if (list.count == 0) {
        return err_set(err, -ENODATA, "no tests");
    }
    list.tests = mem_calloc(list.count, sizeof *list.tests);
    if (list.tests == NULL) {
        return err_set(err, -ENOMEM, "out of memory for %zu tests", list.count);
    }
    for (size_t i = 0; i < list.count; i++) {
        const json_t *entry = json_array_get(entries, i);
        list.tests[i].group = i;
        list.tests[i].name = json_string_value(json_object_get(entry, "name"));
        if (list.tests[i].name == NULL) {
            ctest_list_fini(&list);
            return err_set(err, -EINVAL, "the answer of ctest has a test without a name");
        }
        read_place(answer, entry, &list.tests[i]);
        read_properties(answer, i, &list.tests[i]);
    }
    *ret_list = list;
    return 0;
}

/* ---- which tests are tied: union-find, the smallest index stands for its group ---- */

static size_t find_group(struct ctest_list *list, size_t at)
{
    while (list->tests[at].group != at) {
        list->tests[at].group = list->tests[list->tests[at].group].group; /* halve the way */
        at = list->tests[at].group;
    }
    return at;
}

static void tie(struct ctest_list *list, size_t a, size_t b)
{
    size_t first = find_group(list, a);
    size_t second = find_group(list, b);
    if (first < second) {
        list->tests[second].group = first;
    } else {
        list->tests[first].group = second;
    }
}

/* Ties test `at` to what each name of its property stands for in `map`. */
static void tie_names(struct ctest_list *list, size_t at, json_t *names, const struct map *map)
{
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        uintptr_t other = 0;
        if (json_is_string(name) && map_get(map, json_string_value(name), &other) == 1) {
            tie(list, at, (size_t)other);
        }
    }
}

/* Notes test `at` under each fixture of its property; tests of one fixture are tied at once. */
static int note_fixtures(struct ctest_list *list, size_t at, json_t *names, struct map *fixtures)
{
    size_t i = 0;
    json_t *name = NULL;
    json_array_foreach(names, i, name)
    {
        uintptr_t other = at;
        if (json_is_string(name) && map_get(fixtures, json_string_value(name), &other) == 1) {
            tie(list, at, (size_t)other);
        } else if (json_is_string(name) && map_add(fixtures, json_string_value(name), at) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Fills the maps: names of tests, and fixtures that some test sets up or cleans up. */
static int note_names(json_t *answer,
                      struct ctest_list *list,
                      struct map *names,
                      struct map *fixtures)
{
    for (size_t i = 0; i < list->count; i++) {
        if (map_add(names, list->tests[i].name, i) < 0
            || note_fixtures(list, i, ctest_property(answer, i, "FIXTURES_SETUP"), fixtures) != 0
            || note_fixtures(list, i, ctest_property(answer, i, "FIXTURES_CLEANUP"), fixtures)
                   != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Strings each group's tests together, in CTest's order. */
static int link_groups(struct ctest_list *list)
{
    size_t *last = mem_calloc(list->count, sizeof *last);
    if (last == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t group = find_group(list, i);
        list->tests[i].group = group;
        if (group != i) {
            assert(group < i);
            list->tests[last[group]].next = i;
        }
        last[group] = i;
    }
    mem_free(last);
    return 0;
}

int ctest_tie(json_t *answer, struct ctest_list *list, struct err *err)
{
    struct map names = {0};
    struct map fixtures = {0};
    int status = note_names(answer, list, &names, &fixtures);
    for (size_t i = 0; i < list->count && status == 0; i++) {
        tie_names(list, i, ctest_property(answer, i, "DEPENDS"), &names);
        tie_names(list, i, ctest_property(answer, i, "FIXTURES_REQUIRED"), &fixtures);
    }
    map_fini(&names);
    map_fini(&fixtures);
    if (status == 0) {
        status = link_groups(list);
    }
    return status == 0 ? 0 : err_set(err, status, "out of memory for %zu tests", list->count);
}
