/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/equivalent.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/copy_process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_TEXT 64

/* Compiling a hundred copies of large functions takes minutes at worst. */
#define COMPILE_WALL_US (900 * INT64_C(1000000))

/* Copies that are no C are left out, and the rest tried again. */
#define ROUNDS_MAX 3

/* Words that we add to those of the project. */
#define OWN_WORDS 16

/* One survivor: where its function is. */
struct copy_of {
    uint32_t start; /* of the function */
    uint32_t end;
    uint32_t name_start;
    uint32_t name_end;
    bool left_out; /* no function, or its copy is no C */
};

struct search {
    const struct equivalent_job *job;
    struct copy_of *copies; /* by index in survivors */
    char folder[PATH_TEXT_MAX];
    char input[PATH_TEXT_MAX + 16];
    char output[PATH_TEXT_MAX + 16];
    char quoted[PATH_TEXT_MAX];
    int64_t cpu_us;
};

static void search_fini(struct search *search)
{
    if (search->folder[0] != '\0') {
        (void)unlink(search->input);
        (void)unlink(search->output);
        (void)rmdir(search->folder);
    }
    mem_free(search->copies);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory to look for equivalent mutants");
}

/* ---- functions ---- */

static bool is(TSNode node, const char *type)
{
    return strcmp(ts_node_type(node), type) == 0;
}

static void find_function(const struct source *source,
                          const struct mutant *mutant,
                          struct copy_of *ret_copy)
{
    TSNode node = ts_node_descendant_for_byte_range(
        ts_tree_root_node(source->tree), mutant->span.start, mutant->span.end);
    while (!ts_node_is_null(node) && !is(node, "function_definition")) {
        node = ts_node_parent(node);
    }
    ret_copy->left_out = true;
    if (ts_node_is_null(node) || ts_node_has_error(node)) {
        return;
    }
    ret_copy->start = ts_node_start_byte(node);
    ret_copy->end = ts_node_end_byte(node);
    while (!ts_node_is_null(node) && !is(node, "identifier")) {
        node = ts_node_child_by_field_name(node, "declarator", strlen("declarator"));
    }
    if (!ts_node_is_null(node) && ts_node_start_byte(node) < mutant->span.start) {
        ret_copy->name_start = ts_node_start_byte(node);
        ret_copy->name_end = ts_node_end_byte(node);
        ret_copy->left_out = false;
    }
}

/* "sluice_m12" of a survivor, "sluice_o812" of the function at 812 as it is. */
static void name_mutant(char name[NAME_MAX_TEXT], uint32_t number)
{
    (void)snprintf(name, NAME_MAX_TEXT, "sluice_m%" PRIu32, number);
}

static void name_original(char name[NAME_MAX_TEXT], uint32_t start)
{
    (void)snprintf(name, NAME_MAX_TEXT, "sluice_o%" PRIu32, start);
}

static uint32_t line_of(const struct source *source, uint32_t offset)
{
    uint32_t line = 1;
    for (uint32_t i = 0; i < offset; i++) {
        line += source->text[i] == '\n';
    }
    return line;
}

/* `mutant` NULL: the original. Lines count as in the source: __LINE__ is the same in both. */
static void put_copy(struct str *out,
                     const struct source *source,
                     const struct copy_of *copy,
                     const struct mutant *mutant,
                     const char *name)
{
    const char *text = source->text;
    (void)str_appendf(out,
                      "\n#line %" PRIu32 " \"%s:%s\"\n"
                      "__attribute__((used, noinline, noclone)) ",
                      line_of(source, copy->start),
                      name,
                      source->path);
    (void)str_append_n(out, text + copy->start, copy->name_start - copy->start);
    (void)str_append(out, name);
    if (mutant == NULL) {
        (void)str_append_n(out, text + copy->name_end, copy->end - copy->name_end);
        return;
    }
    (void)str_append_n(out, text + copy->name_end, mutant->span.start - copy->name_end);
    (void)str_append(out, mutant->replacement);
    (void)str_append_n(out, text + mutant->span.end, copy->end - mutant->span.end);
}

/* Has an earlier survivor the same function? */
static bool is_first_of(const struct search *search, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (!search->copies[i].left_out && search->copies[i].start == search->copies[index].start) {
            return false;
        }
    }
    return true;
}

static int write_text(const struct search *search, struct err *err)
{
    const struct equivalent_job *job = search->job;
    CLEANUP(str_fini) struct str text = STR_INIT(EQUIVALENT_TEXT_MAX);
    char name[NAME_MAX_TEXT];
    (void)str_append_n(&text, job->source->text, job->source->size);
    for (size_t i = 0; i < job->count; i++) {
        const struct copy_of *copy = &search->copies[i];
        if (copy->left_out) {
            continue;
        }
        if (is_first_of(search, i)) {
            name_original(name, copy->start);
            put_copy(&text, job->source, copy, NULL, name);
        }
        name_mutant(name, job->survivors[i]);
        put_copy(&text, job->source, copy, &job->list->items[job->survivors[i]], name);
    }
    (void)str_append_char(&text, '\n');
    if (str_error(&text) < 0) {
        return err_set(err, str_error(&text), "%s: its copies are too long", job->source->path);
    }
    return file_write_atomic(search->input, text.data, text.len, err);
}

/* ---- compiling ---- */

/* Leaves out the survivors that the compiler names; how many. */
static size_t read_errors(struct search *search, const char *log)
{
    size_t count = 0;
    for (size_t i = 0; i < search->job->count; i++) {
        char name[NAME_MAX_TEXT];
        char tag[NAME_MAX_TEXT + 1];
        name_mutant(name, search->job->survivors[i]);
        (void)snprintf(tag, sizeof(tag), "%s:", name);
        if (!search->copies[i].left_out && strstr(log, tag) != NULL) {
            search->copies[i].left_out = true;
            count++;
        }
    }
    return count;
}

/* 1 = compiled, 0 = not, *log says why. */
static int compile(struct search *search, char **flags, struct str *log, struct err *err)
{
    size_t count = 0;
    while (flags[count] != NULL) {
        count++;
    }
    const char *const own[] = {"-iquote",
                               search->quoted,
                               "-O2",
                               "-fno-ipa-icf",
                               "-fno-reorder-blocks-and-partition",
                               "-fno-asynchronous-unwind-tables",
                               "-w",
                               "-S",
                               "-g0",
                               "-o",
                               search->output,
                               "-x",
                               "c",
                               search->input};
    CLEANUP(cleanup_free)
    const char **argv = mem_calloc(count + OWN_WORDS + 1, sizeof(*argv));
    if (argv == NULL) {
        return no_memory(err);
    }
    argv[0] = "gcc";
    memcpy(argv + 1, flags + 1, (count - 1) * sizeof(*argv));
    memcpy(argv + count, own, sizeof(own));
    const struct copy_command command = {
        .argv = argv, .cwd = flags[0], .wall_us = COMPILE_WALL_US, .shown = log};
    struct copy_ended ended = {0};
    int rc = copy_run(&command, &ended, err);
    search->cpu_us += ended.cpu_us;
    return rc < 0 ? rc : copy_passed(&ended);
}

/* As above, without the copies that are no C. */
static int compile_rest(struct search *search, char **flags, struct err *err)
{
    int rc = 0;
    for (int i = 0; i < ROUNDS_MAX && rc == 0; i++) {
        CLEANUP(str_fini) struct str log = STR_INIT(COPY_OUTPUT_MAX + 1);
        rc = write_text(search, err);
        rc = rc < 0 ? rc : compile(search, flags, &log, err);
        if (rc == 0 && read_errors(search, str_text(&log)) == 0) {
            return 0;
        }
    }
    return rc;
}

/* ---- comparing ---- */

/* Code of the survivors; `known` says of which. */
struct codes {
    struct hash *hashes;
    bool *known;
};

static bool is_equal(const struct search *search,
                     const char *assembly,
                     const struct hash *hash,
                     size_t i)
{
    struct hash original;
    char name[NAME_MAX_TEXT];
    name_original(name, search->copies[i].start);
    return equivalent_code(assembly, name, &original)
           && memcmp(&original, hash, sizeof(original)) == 0;
}

/* The first survivor before `i` with its code, or EQUIVALENT_NONE. */
static uint32_t first_same(const struct search *search, const struct codes *codes, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (codes->known[j] && search->copies[j].start == search->copies[i].start
            && memcmp(&codes->hashes[j], &codes->hashes[i], sizeof(struct hash)) == 0) {
            return search->job->survivors[j];
        }
    }
    return EQUIVALENT_NONE;
}

static int compare(const struct search *search, struct equivalent_found *found, struct err *err)
{
    const struct equivalent_job *job = search->job;
    CLEANUP(str_fini) struct str assembly = STR_INIT(EQUIVALENT_ASSEMBLY_MAX);
    CLEANUP(cleanup_free) struct hash *hashes = mem_calloc(job->count, sizeof(struct hash));
    CLEANUP(cleanup_free) bool *known = mem_calloc(job->count, sizeof(bool));
    const struct codes codes = {.hashes = hashes, .known = known};
    if (hashes == NULL || known == NULL) {
        return no_memory(err);
    }
    int rc = file_read(search->output, &assembly, err);
    for (size_t i = 0; rc == 0 && i < job->count; i++) {
        char name[NAME_MAX_TEXT];
        name_mutant(name, job->survivors[i]);
        known[i] =
            !search->copies[i].left_out && equivalent_code(str_text(&assembly), name, &hashes[i]);
        if (known[i]) {
            found[i].equal = is_equal(search, str_text(&assembly), &hashes[i], i);
            found[i].same_as = first_same(search, &codes, i);
        }
    }
    return rc;
}

/* ---- all ---- */

static int prepare(struct search *search, struct err *err)
{
    const struct equivalent_job *job = search->job;
    const char *slash = strrchr(job->source->path, '/');
    int length = slash == NULL ? 0 : (int)(slash - job->source->path);
    search->copies = mem_calloc(job->count, sizeof(*search->copies));
    if (search->copies == NULL) {
        return no_memory(err);
    }
    if (snprintf(
            search->quoted, sizeof(search->quoted), "%s/%.*s", job->tree, length, job->source->path)
        >= PATH_TEXT_MAX) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", job->source->path);
    }
    (void)strcpy(search->folder, "/tmp/sluice-equivalent-XXXXXX");
    if (mkdtemp(search->folder) == NULL) {
        search->folder[0] = '\0';
        return err_errno(err, "cannot make a folder below /tmp");
    }
    (void)snprintf(search->input, sizeof(search->input), "%s/copies.c", search->folder);
    (void)snprintf(search->output, sizeof(search->output), "%s/copies.s", search->folder);
    for (size_t i = 0; i < job->count; i++) {
        find_function(job->source, &job->list->items[job->survivors[i]], &search->copies[i]);
    }
    return 0;
}

int equivalent_find(const struct equivalent_job *job,
                    struct equivalent_found *found,
                    const char **ret_why,
                    int64_t *cpu_us,
                    struct err *err)
{
    CLEANUP(search_fini) struct search search = {.job = job};
    CLEANUP(cleanup_free) char **flags = NULL;
    for (size_t i = 0; i < job->count; i++) {
        found[i] = (struct equivalent_found){.same_as = EQUIVALENT_NONE};
    }
    if (job->count == 0) {
        return 0;
    }
    int rc = equivalent_flags(job->tree, job->source->path, &flags, err);
    if (rc == 0) {
        *ret_why = "the build leaves no compile_commands.json that names the file";
        return 1;
    }
    rc = rc < 0 ? rc : prepare(&search, err);
    rc = rc < 0 ? rc : compile_rest(&search, flags, err);
    *cpu_us += search.cpu_us;
    if (rc == 0) {
        *ret_why = "gcc does not compile the file with the flags of compile_commands.json";
        return 1;
    }
    return rc < 0 ? rc : compare(&search, found, err);
}
