/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/rests.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "plugins/mutation/reads.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Digests of 65,535 tests. */
#define RESTS_ARENA_MAX (16u << 20)

/* Variables that differ from run to run or from place to place and that no verdict depends on. */
static const char *const passing[] = {
    "_=", "HOME=", "OLDPWD=", "PWD=", "SHLVL=", "SLUICE_", "TMPDIR="};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for what verdicts rest on");
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool passes(const char *variable)
{
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (strncmp(variable, passing[i], strlen(passing[i])) == 0) {
            return true;
        }
    }
    return false;
}

static int add_environment(struct hasher *hasher)
{
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    CLEANUP(cleanup_free) const char **sorted = mem_calloc(count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = environ[i];
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        if (!passes(sorted[i])) {
            hasher_add_text(hasher, sorted[i]);
        }
    }
    return 0;
}

/* A file of the system: its size and time of change; they come with its package. */
static void add_system_file(struct hasher *hasher, const char *path)
{
    struct stat st;
    char words[100] = "-";
    if (stat(path, &st) == 0) {
        (void)snprintf(words,
                       sizeof words,
                       "%lld %lld.%09ld",
                       (long long)st.st_size,
                       (long long)st.st_mtim.tv_sec,
                       st.st_mtim.tv_nsec);
    }
    hasher_add_text(hasher, path);
    hasher_add_text(hasher, words);
}

static void add_system(struct hasher *hasher)
{
    static const char *const files[] = {"/proc/self/exe", "/etc/ld.so.cache", "/etc/os-release"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        add_system_file(hasher, files[i]);
    }
}

static void add_settings(struct hasher *hasher, json_t *with)
{
    char *text = json_dumps(with, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    hasher_add_text(hasher, text != NULL ? text : "-");
    free(text); /* jansson's */
}

int rests_init(const struct scope_job *job,
               const struct source *source,
               struct rests *ret_rests,
               struct err *err)
{
    struct rests *rests = ret_rests;
    *rests = (struct rests){.arena = arena_new(RESTS_ARENA_MAX), .hasher = hasher_new()};
    if (rests->arena == NULL || rests->hasher == NULL) {
        return no_memory(err);
    }
    hasher_begin(rests->hasher);
    hasher_add_text(rests->hasher, "known 1");
    hasher_add_text(rests->hasher, source->path);
    hasher_add_text(rests->hasher, source->text);
    add_settings(rests->hasher, job->with);
    add_system(rests->hasher);
    if (add_environment(rests->hasher) != 0) {
        return no_memory(err);
    }
    rests->ground = hasher_end(rests->hasher);
    return 0;
}

void rests_fini(struct rests *rests)
{
    hasher_free(rests->hasher);
    arena_free(rests->arena);
    *rests = (struct rests){0};
}

/* ---- tests ---- */

/* A command that is looked up on PATH, by what is found first. */
static void add_found(struct hasher *hasher, const char *name)
{
    const char *at = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): one thread */
    char path[PATH_TEXT_MAX];
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ":");
        if (len > 0 && snprintf(path, sizeof path, "%.*s/%s", (int)len, at, name) < (int)sizeof path
            && access(path, X_OK) == 0) {
            add_system_file(hasher, path);
            return;
        }
        at += len + (at[len] == ':' ? 1 : 0);
    }
}

static struct hash digest_test(struct hasher *hasher,
                               const char *root,
                               const struct engine_test *test)
{
    char digest[HASH_HEX_SIZE];
    const char *program = test->argv[0];
    assert(program != NULL); /* settings refuse an empty command */
    hasher_begin(hasher);
    hasher_add_text(hasher, test->name);
    for (size_t i = 0; test->argv[i] != NULL; i++) {
        hasher_add_text(hasher, test->argv[i]);
    }
    hasher_add_text(hasher, test->cwd != NULL ? test->cwd : ".");
    hasher_add_text(hasher, test->compare_stdout ? "compare" : "ignore");
    if (program[0] == '/') {
        add_system_file(hasher, program);
    } else if (strchr(program, '/') != NULL && root == NULL) {
        hasher_add_text(hasher, "of the tree");
    } else if (strchr(program, '/') != NULL) {
        reads_digest(root, program, digest);
        hasher_add_text(hasher, digest);
    } else {
        add_found(hasher, program);
    }
    return hasher_end(hasher);
}

int rests_set_tests(struct rests *rests,
                    const char *root,
                    const struct engine_tests *tests,
                    struct err *err)
{
    rests->programs = arena_calloc(rests->arena, tests->count + 1, sizeof *rests->programs);
    if (rests->programs == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < tests->count; i++) {
        rests->programs[i] = digest_test(rests->hasher, root, &tests->items[i]);
    }
    hasher_begin(rests->hasher);
    for (size_t i = 0; i < tests->count; i++) {
        hasher_add_text(rests->hasher, tests->items[i].name);
    }
    rests->names = hasher_end(rests->hasher);
    rests->tests = tests;
    return 0;
}

/* ---- verdicts ---- */

static void add_hash(struct hasher *hasher, const struct hash *hash)
{
    hasher_add(hasher, hash->bytes, sizeof hash->bytes);
}

static void add_all_tests(struct rests *rests)
{
    for (size_t i = 0; i < rests->tests->count; i++) {
        add_hash(rests->hasher, &rests->programs[i]);
    }
}

/* Of engines A and B. */
static bool add_programs(struct rests *rests, const struct engine_verdict *verdict)
{
    switch (verdict->status) {
    case MUTANT_KILLED:
        add_hash(rests->hasher, &rests->programs[verdict->killer]);
        return true;
    case MUTANT_SURVIVED:
        add_hash(rests->hasher, &rests->names);
        for (size_t i = 0; i < verdict->reached_count; i++) {
            add_hash(rests->hasher, &rests->programs[verdict->reached[i]]);
        }
        return true;
    case MUTANT_TIMEOUT:
        add_all_tests(rests);
        return true;
    case MUTANT_PENDING:
    case MUTANT_NO_COVERAGE:
    case MUTANT_COMPILE_ERROR:
    case MUTANT_RUNTIME_ERROR:
    case MUTANT_IGNORED:
        return false;
    }
    return false;
}

static bool is_kept_of_copy(const struct engine_verdict *verdict)
{
    return verdict->status != MUTANT_PENDING && verdict->status != MUTANT_RUNTIME_ERROR
           && verdict->status != MUTANT_IGNORED;
}

bool rests_of(struct rests *rests, const struct engine_verdict *verdict, char digest[HASH_HEX_SIZE])
{
    bool copied = verdict->engine == ENGINE_COPY;
    const char *place = copied ? rests->tree : rests->built;
    bool kept = place[0] != '\0' && rests->tests != NULL;
    if (!kept) {
        return false;
    }
    hasher_begin(rests->hasher);
    add_hash(rests->hasher, &rests->ground);
    hasher_add_text(rests->hasher, copied ? "copy" : "schemata");
    hasher_add_text(rests->hasher, mutant_status_name(verdict->status));
    hasher_add_text(rests->hasher, place);
    if (copied) {
        add_all_tests(rests);
        kept = is_kept_of_copy(verdict);
    } else {
        kept = add_programs(rests, verdict);
    }
    const struct hash hash = hasher_end(rests->hasher);
    (void)hash_hex(&hash, digest);
    return kept;
}
