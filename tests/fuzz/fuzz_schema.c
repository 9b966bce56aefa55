/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plugin_mutation */
/* Whatever the text of a C file is: each mutant has a place or a reason, places hold their mutants
 * and do not overlap, and the schema is written. What a compiler said about it (the same bytes
 * again) is read without harm. */
#include "base/mem.h"
#include "plugins/mutation/build.h"
#include "plugins/mutation/find.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_schema(const struct source *source,
                         const struct mutant_list *list,
                         const struct schema *schema)
{
    uint32_t end = 0;
    assert(schema->mutant_count == list->count);
    for (uint32_t i = 0; i < schema->site_count; i++) {
        const struct schema_site *site = &schema->sites[i];
        assert(end <= site->start && site->start < site->end && site->end <= source->size);
        assert(site->function_start <= site->start && site->end <= site->function_end);
        assert(schema->first[i] < schema->first[i + 1]);
        end = site->end;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct schema_place *place = &schema->places[i];
        assert((place->refused == NULL) == (place->site != SCHEMA_NO_SITE));
        if (place->refused == NULL) {
            const struct schema_site *site = &schema->sites[place->site];
            assert(site->start <= list->items[i].span.start);
            assert(list->items[i].span.end <= site->end);
        }
    }
}

static void read_log(const struct source *source,
                     const struct mutant_list *list,
                     const struct schema *schema,
                     const char *log)
{
    struct build_file file = {.source = source, .list = list, .schema = *schema};
    struct build_files files = {.items = &file, .count = 1};
    size_t taken = 0;
    struct err err = {0};
    uint32_t before = schema_count(schema);
    assert(build_read_log(&files, log, &taken, &err) == 0);
    assert(schema_count(&file.schema) <= before);
    assert(taken > 0 || schema_count(&file.schema) == before);
}

static void write_schema(const struct source *source,
                         const struct mutant_list *list,
                         const char *log)
{
    struct schema schema = {0};
    struct err err = {0};
    struct str text = STR_INIT(SCHEMA_TEXT_MAX);
    int rc = schema_plan(source, list, &schema, &err);
    assert(rc == 0);
    check_schema(source, list, &schema);
    assert(schema_write(&schema, source, list, &text, &err) == 0);
    read_log(source, list, &schema, log);
    str_clear(&text);
    assert(schema_write(&schema, source, list, &text, &err) == 0);
    str_fini(&text);
    schema_fini(&schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct operators *operators; /* its queries are compiled once */
    const struct find_scope scope = {.today = "2026-11-22"};
    struct source source = {0};
    struct mutant_list list = {0};
    struct err err = {0};
    int rc = operators == NULL ? operators_load(NULL, ".", &operators, &err) : 0;
    assert(rc == 0);
    if (source_parse("a.c", (const char *)data, size, &source, &err) == 0
        && find_mutants(&source, operators, &scope, &list, &err) == 0) {
        write_schema(&source, &list, source.text);
    }
    mutant_list_fini(&list);
    source_fini(&source);
    return 0;
}
