/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_mutation */
/* A source is either refused with a message or gives mutants that lie in it, differ from it and
 * from each other. The first byte says of which language the rest is, or ('R') that it is a file of
 * results: that is read to its end or refused with a message that names the file. (Queries are not
 * fuzzed: they are the project's own, and libtree-sitter 0.20.7 leaks 8 bytes of some wrong ones.)
 */
#include "base/map.h"
#include "base/mem.h"
#include "plugins/mutation/find.h"
#include "plugins/mutation/results.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {"a.c", "a.py", "a.js", "a.ts", "a.tsx", "a.go", "a.lua"};

#define PATHS (sizeof paths / sizeof paths[0])

static void check_mutant(const struct source *source, const struct mutant *mutant)
{
    size_t size = 0;
    size_t length = mutant->span.end - mutant->span.start;
    assert(mutant->span.start <= mutant->span.end && mutant->span.end <= source->size);
    assert(mutant->span.line >= 1 && mutant->span.column >= 1);
    assert(mutant->span.end_line >= mutant->span.line);
    assert(strlen(mutant->original) == length);
    assert(memcmp(mutant->original, source->text + mutant->span.start, length) == 0);
    assert(strcmp(mutant->original, mutant->replacement) != 0);
    char *text = find_apply(source, mutant, &size);
    assert(text != NULL && size == source->size - length + strlen(mutant->replacement));
    mem_free(text);
}

static void check_list(const struct source *source, const struct mutant_list *list)
{
    struct map ids = {0};
    /* A few of many: what is behind them is made the same way. */
    for (size_t i = 0; i < list->count && i < 1000; i++) {
        assert(list->items[i].number == i);
        assert(map_add(&ids, list->items[i].id, 1) == 0);
        check_mutant(source, &list->items[i]);
    }
    map_fini(&ids);
}

static void find(const struct operators *operators, const char *path, const char *text, size_t size)
{
    struct source source = {0};
    struct mutant_list list = {0};
    struct err err = {0};
    int rc = source_parse(path, text, size, &source, &err);
    if (rc == 0) {
        const struct find_scope scope = {.today = "2026-11-22"};
        rc = find_mutants(&source, operators, &scope, &list, &err);
    }
    assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    check_list(&source, &list);
    mutant_list_fini(&list);
    source_fini(&source);
}

static int see_mutant(void *context,
                      const struct results_part *part,
                      const struct results_mutant *mutant,
                      struct err *err)
{
    size_t count = json_array_size(part->tests);
    size_t i = 0;
    const json_t *index = NULL;
    (void)context;
    (void)err;
    assert(mutant->id != NULL && mutant->operator!= NULL && mutant->source != NULL);
    assert(mutant->killer < (int64_t)count);
    assert((mutant->killed_by != NULL) == (mutant->killer >= 0));
    json_array_foreach(mutant->covered_by, i, index)
    {
        assert(json_is_integer(index) && json_integer_value(index) >= 0);
        assert((size_t)json_integer_value(index) < count);
    }
    return 0;
}

static int see_head(void *context, const struct results_part *part, struct err *err)
{
    size_t i = 0;
    const json_t *item = NULL;
    (void)context;
    (void)err;
    assert(part->file != NULL && part->language != NULL);
    json_array_foreach(part->unused, i, item)
    {
        assert(json_integer_value(json_object_get(item, "line")) > 0);
        assert(json_string_value(json_object_get(item, "names")) != NULL);
    }
    return 0;
}

static void read_results(const uint8_t *data, size_t size)
{
    static const struct results_reader reader = {.head = see_head, .mutant = see_mutant};
    static int fd = -1;
    char path[64];
    struct err err = {0};
    fd = fd < 0 ? memfd_create("results", MFD_CLOEXEC) : fd;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
        return;
    }
    int rc = results_read(path, &reader, &err);
    assert(rc <= 0);
    assert(rc == 0 || (err.code == rc && strstr(err.text, path) != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct operators *operators; /* its queries are compiled once */
    struct err err = {0};
    if (size == 0) {
        return 0;
    }
    if (data[0] == 'R') {
        read_results(data + 1, size - 1);
        return 0;
    }
    int rc = operators == NULL ? operators_load(NULL, ".", &operators, &err) : 0;
    assert(rc == 0);
    find(operators, paths[data[0] % PATHS], (const char *)data + 1, size - 1);
    return 0;
}
