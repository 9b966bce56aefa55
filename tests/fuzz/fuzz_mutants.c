/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_mutation */
/* A source is either refused with a message or gives mutants that lie in it, differ from it and
 * from each other. The first byte says of which language the rest is, or ('R') that it is a file of
 * results: that is read to its end or refused with a message that names the file; or ('M') that it
 * is a memo of earlier verdicts, whose lines are given the sums that they should have: what is kept
 * of it is written and read again without a difference. (Queries are not
 * fuzzed: they are the project's own, and libtree-sitter 0.20.7 leaks 8 bytes of some wrong ones.)
 */
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "plugins/mutation/find.h"
#include "plugins/mutation/known.h"
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

/* Each line with its sum in front. */
static void add_sums(struct str *out, const char *text, size_t size)
{
    char hex[HASH_HEX_SIZE];
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        const struct hash sum = hash_bytes(text + at, length);
        (void)str_appendf(out, "%.16s ", hash_hex(&sum, hex));
        (void)str_append_n(out, text + at, length);
        (void)str_append_char(out, '\n');
        at += length + 1;
    }
}

static void write_memo(const struct known *known, struct str *out)
{
    struct map ids = {0};
    struct err err = {0};
    for (size_t i = 0; i < known->verdicts.count; i++) {
        assert(known_find(known, known->verdicts.items[i].id) == &known->verdicts.items[i]);
        assert(map_put(&ids, known->verdicts.items[i].id, 1) >= 0);
    }
    assert(known_write(out, known, &ids, &err) == 0);
    map_fini(&ids);
}

static void read_memo(const char *text, size_t size)
{
    struct str first = STR_INIT(KNOWN_TEXT_MAX);
    struct str second = STR_INIT(KNOWN_TEXT_MAX);
    struct known known = {0};
    struct known again = {0};
    struct err err = {0};
    assert(known_parse(&known, text, size, &err) == 0); /* as it is */
    known_fini(&known);
    add_sums(&first, text, size);
    assert(known_parse(&known, str_text(&first), first.len, &err) == 0);
    str_clear(&first);
    write_memo(&known, &first);
    assert(known_parse(&again, str_text(&first), first.len, &err) == 0);
    write_memo(&again, &second);
    assert(known.verdicts.count == again.verdicts.count);
    assert(strcmp(str_text(&first), str_text(&second)) == 0);
    known_fini(&known);
    known_fini(&again);
    str_fini(&first);
    str_fini(&second);
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
    if (data[0] == 'M') {
        read_memo((const char *)data + 1, size - 1);
        return 0;
    }
    int rc = operators == NULL ? operators_load(NULL, ".", &operators, &err) : 0;
    assert(rc == 0);
    find(operators, paths[data[0] % PATHS], (const char *)data + 1, size - 1);
    return 0;
}
