/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a schema. Between sites it is the source, byte for byte; __LINE__ is right
 * everywhere, and __FILE__ in the unchanged copies that run when nothing is tried. */
#include "plugins/mutation/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct writer {
    const struct schema *schema;
    const struct source *source;
    const struct mutant_list *list;
    struct str *out;
};

static void put_path(const struct writer *writer)
{
    for (const char *at = writer->source->path; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            (void)str_append_char(writer->out, '\\');
        }
        (void)str_append_char(writer->out, *at);
    }
}

/* `prefix` is "", or "site:N:", and what follows stands in `line`. */
static void put_marker(const struct writer *writer,
                       uint32_t line,
                       const char *kind,
                       uint32_t number)
{
    (void)str_appendf(writer->out, "\n# %" PRIu32 " \"", line);
    if (kind != NULL) {
        (void)str_appendf(writer->out, "%s:%" PRIu32 ":", kind, number);
    }
    put_path(writer);
    (void)str_append(writer->out, "\" 3\n");
}

static void put_source(const struct writer *writer, uint32_t start, uint32_t end)
{
    (void)str_append_n(writer->out, writer->source->text + start, end - start);
}

static void put_mutant(const struct writer *writer,
                       const struct schema_site *site,
                       const struct mutant *mutant)
{
    put_source(writer, site->start, mutant->span.start);
    (void)str_append(writer->out, mutant->replacement);
    put_source(writer, mutant->span.end, site->end);
}

/* What stands around the mutants and the original of a site. */
struct form {
    const char *open;   /* before the question which mutant we are, if any */
    const char *yes;    /* behind it */
    const char *test;   /* before "chosen == number" of all mutants but the last */
    const char *then;   /* behind it */
    const char *mutant; /* before and behind a mutant */
    const char *end;    /* ... when another follows */
    const char *last;
    const char *no; /* behind all mutants, before the original */
    const char *close;
};

static const struct form forms[] = {
    [SCHEMA_STATEMENT] = {"{if(", "){",  "if(", ")", "{",       "\n}else ", "\n}", "}else{",    "\n}}"},
    [SCHEMA_CONDITION] = {"((",   ")?(", "",    "?", "!!(",     "\n):",     "\n)", "):!!(",     "\n))"},
    [SCHEMA_VALUE] = {"((",   ")?(", "",    "?", "(",       "\n):",     "\n)", "):(",       "\n))"},
    [SCHEMA_EFFECT] = {"((",   ")?(", "",    "?", "(void)(", "\n):",     "\n)", "):(void)(", "\n))"},
};

/* The last mutant that stands in a site. */
static uint32_t last_of(const struct schema *schema, uint32_t site)
{
    uint32_t i = schema->first[site + 1] - 1;
    while (schema->places[schema->mutants[i]].refused != NULL) {
        i--;
    }
    return schema->mutants[i];
}

static void put_mutants(const struct writer *writer, uint32_t number)
{
    const struct schema *schema = writer->schema;
    const struct schema_site *site = &schema->sites[number];
    const struct form *form = &forms[site->kind];
    uint32_t last = last_of(schema, number);
    for (uint32_t i = schema->first[number]; i < schema->first[number + 1]; i++) {
        uint32_t mutant = schema->mutants[i];
        if (schema->places[mutant].refused != NULL) {
            continue;
        }
        put_marker(writer, 1, "mut", mutant);
        if (mutant != last) {
            (void)str_appendf(writer->out,
                              "%ssluice_mutant_file_%016" PRIx64 ".chosen==%" PRIu32 "u%s",
                              form->test,
                              schema->key,
                              mutant + 1,
                              form->then);
        }
        (void)str_append(writer->out, form->mutant);
        put_mutant(writer, site, &writer->list->items[mutant]);
        (void)str_append(writer->out, mutant == last ? form->last : form->end);
    }
}

static void put_site(const struct writer *writer, uint32_t number)
{
    const struct schema_site *site = &writer->schema->sites[number];
    const struct form *form = &forms[site->kind];
    uint64_t key = writer->schema->key;
    put_marker(writer, site->line, "site", number);
    (void)str_appendf(
        writer->out, "#define SLUICE_MUTANT_HERE_%016" PRIx64 "_%" PRIu32 " 1\n", key, number);
    (void)str_appendf(writer->out,
                      "%s!sluice_mutant_done_%016" PRIx64 "[%" PRIu32 "]"
                      "&&sluice_mutant_at_%016" PRIx64 "(%" PRIu32 "u)%s",
                      form->open,
                      key,
                      number,
                      key,
                      number,
                      form->yes);
    put_mutants(writer, number);
    put_marker(writer, site->line, "site", number);
    (void)str_append(writer->out, form->no);
    put_marker(writer, site->line, NULL, 0);
    put_source(writer, site->start, site->end);
    (void)str_append(writer->out, form->close);
    put_marker(writer, site->end_line, NULL, 0);
}

static bool is_empty(const struct schema *schema, uint32_t site)
{
    for (uint32_t i = schema->first[site]; i < schema->first[site + 1]; i++) {
        if (schema->places[schema->mutants[i]].refused == NULL) {
            return false;
        }
    }
    return true;
}

/* In front of the file. The first marker itself is not yet in what counts as a header of the
 * system: under -pedantic-errors gcc accepts it behind __extension__, clang behind the pragma. */
static void put_head(const struct writer *writer)
{
    uint64_t key = writer->schema->key;
    uint32_t sites = writer->schema->site_count;
    (void)str_append(writer->out,
                     "#pragma GCC diagnostic push\n"
                     "#pragma GCC diagnostic ignored \"-Wpedantic\"\n"
                     "__extension__ extern int sluice_mutant_head\n"
                     "# 1 \"sluice-mutant\" 3\n"
                     ";\n"
                     "#pragma GCC diagnostic pop\n");
    (void)str_append(writer->out, schema_runtime);
    (void)str_appendf(writer->out,
                      "#ifndef SLUICE_MUTANT_FILE_%016" PRIx64 "\n"
                      "#define SLUICE_MUTANT_FILE_%016" PRIx64 "\n"
                      "static unsigned char sluice_mutant_done_%016" PRIx64 "[%" PRIu32 "];\n",
                      key,
                      key,
                      key,
                      sites == 0 ? 1 : sites);
    (void)str_appendf(writer->out,
                      "static struct sluice_mutant_file sluice_mutant_file_%016" PRIx64
                      " = {0x%08" PRIx32 "u, 0x%08" PRIx32 "u, 0x%08" PRIx32 "u, %" PRIu32
                      "u, sluice_mutant_done_%016" PRIx64 ", 0u, 0, 0, 0u};\n",
                      key,
                      (uint32_t)(key >> 32),
                      (uint32_t)key,
                      writer->schema->name,
                      sites,
                      key);
    (void)str_appendf(writer->out,
                      "__attribute__((cold, noinline, unused)) static int "
                      "sluice_mutant_at_%016" PRIx64 "(unsigned int site)\n"
                      "{\n    return sluice_mutant_enter(&sluice_mutant_file_%016" PRIx64
                      ", site);\n}\n"
                      "__attribute__((constructor, unused)) static void "
                      "sluice_mutant_start_%016" PRIx64 "(void)\n"
                      "{\n    (void)sluice_mutant_open_state();\n}\n#endif",
                      key,
                      key,
                      key);
    put_marker(writer, 1, NULL, 0);
}

/* Behind the file: which of its sites the preprocessor came to. Where a file is included twice, in
 * ways that may differ, all are. */
static void put_tail(const struct writer *writer)
{
    uint64_t key = writer->schema->key;
    uint32_t sites = writer->schema->site_count;
    (void)str_appendf(writer->out,
                      "\n\n# 1 \"sluice-mutant\" 3\n"
                      "#ifndef SLUICE_MUTANT_THERE_%016" PRIx64 "\n"
                      "#define SLUICE_MUTANT_THERE_%016" PRIx64 "\n"
                      "static const unsigned char sluice_mutant_there_%016" PRIx64 "[] = {\n",
                      key,
                      key,
                      key);
    for (uint32_t i = 0; i < sites; i++) {
        (void)str_appendf(writer->out,
                          "#ifdef SLUICE_MUTANT_HERE_%016" PRIx64 "_%" PRIu32 "\n"
                          "1,\n#else\n0,\n#endif\n",
                          key,
                          i);
    }
    (void)str_appendf(writer->out,
                      "0};\n"
                      "__attribute__((constructor, unused)) static void "
                      "sluice_mutant_tell_%016" PRIx64 "(void)\n"
                      "{\n    sluice_mutant_tell_there(&sluice_mutant_file_%016" PRIx64
                      ", sluice_mutant_there_%016" PRIx64 ");\n}\n"
                      "#elif !defined SLUICE_MUTANT_TWICE_%016" PRIx64 "\n"
                      "#define SLUICE_MUTANT_TWICE_%016" PRIx64 "\n"
                      "__attribute__((constructor, unused)) static void "
                      "sluice_mutant_twice_%016" PRIx64 "(void)\n"
                      "{\n    sluice_mutant_tell_there(&sluice_mutant_file_%016" PRIx64
                      ", 0);\n}\n#endif\n",
                      key,
                      key,
                      key,
                      key,
                      key,
                      key,
                      key);
}

int schema_write(const struct schema *schema,
                 const struct source *source,
                 const struct mutant_list *list,
                 struct str *out,
                 struct err *err)
{
    struct writer writer = {.schema = schema, .source = source, .list = list, .out = out};
    uint32_t position = 0;
    put_head(&writer);
    for (uint32_t i = 0; i < schema->site_count; i++) {
        if (is_empty(schema, i)) {
            continue;
        }
        put_source(&writer, position, schema->sites[i].start);
        put_site(&writer, i);
        position = schema->sites[i].end;
    }
    put_source(&writer, position, source->size);
    put_tail(&writer);
    if (str_error(out) == -EFBIG) {
        return err_set(err,
                       -EFBIG,
                       "%s: its schema has more than %u MiB: split the file, or exclude it in "
                       "`files`",
                       source->path,
                       SCHEMA_TEXT_MAX >> 20);
    }
    return str_error(out) == 0
               ? 0
               : err_set(err, -ENOMEM, "%s: not enough memory for its schema", source->path);
}
