/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/known.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KNOWN_VERSION 1

/* SUM and the blank behind it. */
#define SUM_DIGITS 16

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for what is known of the mutants");
}

static void sum_of(const char *text, size_t len, char sum[SUM_DIGITS + 1])
{
    char hex[HASH_HEX_SIZE];
    const struct hash digest = hash_bytes(text, len);
    (void)snprintf(sum, SUM_DIGITS + 1, "%.16s", hash_hex(&digest, hex));
}

/* ---- keeping ---- */

const struct known_verdict *known_find(const struct known *known, const char *id)
{
    uintptr_t index = 0;
    return map_get(&known->by_id, id, &index) == 1 ? &known->verdicts.items[index] : NULL;
}

static const char *copy_text(struct known *known, const char *text, bool *ok)
{
    const char *copy = text != NULL ? arena_strdup(known->arena, text) : NULL;
    *ok = *ok && (text == NULL || copy != NULL);
    return copy;
}

static const char *const *copy_names(struct known *known, const char *const *names, bool *ok)
{
    size_t count = 0;
    while (names != NULL && names[count] != NULL) {
        count++;
    }
    if (names == NULL) {
        return NULL;
    }
    const char **copy = arena_calloc(known->arena, count + 1, sizeof *copy);
    *ok = *ok && copy != NULL;
    for (size_t i = 0; i < count && *ok; i++) {
        copy[i] = copy_text(known, names[i], ok);
    }
    return copy;
}

static bool has_arena(struct known *known)
{
    if (known->arena == NULL) {
        known->arena = arena_new(KNOWN_ARENA_MAX);
    }
    return known->arena != NULL;
}

int known_put(struct known *known, const struct known_verdict *verdict, struct err *err)
{
    uintptr_t index = 0;
    bool ok = has_arena(known);
    if (!ok) {
        return no_memory(err);
    }
    struct known_verdict kept = *verdict;
    kept.id = copy_text(known, verdict->id, &ok);
    kept.killer = copy_text(known, verdict->killer, &ok);
    kept.reached = copy_names(known, verdict->reached, &ok);
    kept.reason = copy_text(known, verdict->reason, &ok);
    kept.rests = copy_text(known, verdict->rests, &ok);
    if (!ok) {
        return no_memory(err);
    }
    if (map_get(&known->by_id, kept.id, &index) == 1) {
        kept.id = known->verdicts.items[index].id; /* the map's key */
        known->verdicts.items[index] = kept;
        return 0;
    }
    if (vec_push(&known->verdicts, kept) != 0) {
        return no_memory(err);
    }
    if (map_put(&known->by_id, kept.id, known->verdicts.count - 1) < 0) {
        known->verdicts.count--;
        return no_memory(err);
    }
    return 0;
}

static void make_epoch(struct known *known)
{
    (void)snprintf(known->epoch,
                   sizeof known->epoch,
                   "%lld-%lld",
                   (long long)clock_wall_ms(),
                   (long long)clock_mono_ns() ^ getpid());
}

int known_put_file(struct known *known, const char *path, const char *digest, struct err *err)
{
    bool ok = has_arena(known);
    if (!ok) {
        return no_memory(err);
    }
    if (map_get(&known->by_path, path, NULL) == 1) {
        return 0;
    }
    struct known_file file = {0};
    file.path = copy_text(known, path, &ok);
    file.digest = copy_text(known, digest, &ok);
    if (!ok || vec_push(&known->files, file) != 0) {
        return no_memory(err);
    }
    if (map_put(&known->by_path, file.path, 1) < 0) {
        known->files.count--;
        return no_memory(err);
    }
    return 1;
}

void known_forget_files(struct known *known)
{
    vec_fini(&known->files);
    map_fini(&known->by_path);
    make_epoch(known);
}

void known_fini(struct known *known)
{
    vec_fini(&known->verdicts);
    vec_fini(&known->files);
    map_fini(&known->by_id);
    map_fini(&known->by_path);
    arena_free(known->arena);
    *known = (struct known){0};
}

/* ---- writing ---- */

/* Puts its sum before the JSON that stands behind `at`, and ends the line. */
static void end_line(struct str *out, const struct str *json)
{
    char sum[SUM_DIGITS + 1];
    sum_of(str_text(json), json->len, sum);
    (void)str_appendf(out, "%s ", sum);
    (void)str_append_n(out, str_text(json), json->len);
    (void)str_append_char(out, '\n');
}

void known_write_head(struct str *out)
{
    CLEANUP(str_fini) struct str json = STR_INIT(KNOWN_TEXT_MAX);
    struct json_writer w;
    jw_begin(&w, &json);
    jw_object(&w);
    jw_put_int(&w, "known", KNOWN_VERSION);
    jw_end_object(&w);
    end_line(out, &json);
}

void known_write_files(struct str *out, const struct known *known, size_t first)
{
    CLEANUP(str_fini) struct str json = STR_INIT(KNOWN_TEXT_MAX);
    struct json_writer w;
    jw_begin(&w, &json);
    jw_object(&w);
    jw_put_string(&w, "epoch", known->epoch);
    jw_key(&w, "reads");
    jw_object(&w);
    for (size_t i = first; i < known->files.count; i++) {
        jw_put_string(&w, known->files.items[i].path, known->files.items[i].digest);
    }
    jw_end_object(&w);
    jw_end_object(&w);
    end_line(out, &json);
}

void known_write_verdict(struct str *out, const struct known_verdict *verdict)
{
    CLEANUP(str_fini) struct str json = STR_INIT(KNOWN_TEXT_MAX);
    struct json_writer w;
    jw_begin(&w, &json);
    jw_object(&w);
    jw_put_string(&w, "id", verdict->id);
    jw_put_string(&w, "status", mutant_status_name(verdict->status));
    jw_put_string(&w, "engine", engine_name(verdict->engine));
    jw_put_string(&w, "killer", verdict->killer);
    if (verdict->reached != NULL) {
        jw_key(&w, "reached");
        jw_array(&w);
        for (size_t i = 0; verdict->reached[i] != NULL; i++) {
            jw_string(&w, verdict->reached[i]);
        }
        jw_end_array(&w);
    }
    jw_put_string(&w, "reason", verdict->reason);
    jw_put_int(&w, "cpu_us", verdict->cpu_us);
    jw_put_int(&w, "when_ms", verdict->when_ms);
    jw_put_string(&w, "rests", verdict->rests);
    jw_put_bool(&w, "sure", verdict->sure);
    jw_end_object(&w);
    end_line(out, &json);
}

int known_write(struct str *out, const struct known *known, const struct map *keep, struct err *err)
{
    known_write_head(out);
    if (known->epoch[0] != '\0') {
        known_write_files(out, known, 0);
    }
    for (size_t i = 0; i < known->verdicts.count; i++) {
        const struct known_verdict *verdict = &known->verdicts.items[i];
        if (map_get(keep, verdict->id, NULL) == 1) {
            known_write_verdict(out, verdict);
        }
    }
    return str_error(out) == 0 ? 0 : err_set(err, str_error(out), "a memo is too long");
}

/* ---- reading ---- */

static bool is_hex(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789abcdef") == strlen(text);
}

/* The names of an array; false when it is none of texts. */
static bool read_names(struct known *known, json_t *array, const char *const **ret_names)
{
    size_t i = 0;
    json_t *item = NULL;
    const char **names = arena_calloc(known->arena, json_array_size(array) + 1, sizeof *names);
    json_array_foreach(array, i, item)
    {
        if (names == NULL || !json_is_string(item)) {
            return false;
        }
        names[i] = json_string_value(item);
    }
    *ret_names = names;
    return names != NULL;
}

/* Does it say all that a verdict of its kind has to? */
static bool is_whole(const struct known_verdict *verdict)
{
    switch (verdict->status) {
    case MUTANT_KILLED:
    case MUTANT_TIMEOUT:
        return verdict->killer != NULL && verdict->reached != NULL;
    case MUTANT_SURVIVED:
        return verdict->reached != NULL && verdict->reached[0] != NULL;
    case MUTANT_COMPILE_ERROR:
    case MUTANT_NO_COVERAGE:
        return verdict->reason != NULL;
    case MUTANT_PENDING:
    case MUTANT_RUNTIME_ERROR:
    case MUTANT_IGNORED:
        return false;
    }
    return false;
}

static int read_verdict(struct known *known, json_t *object, struct err *err)
{
    struct known_verdict verdict = {0};
    struct err unsaid = {0};
    const char *status = NULL;
    const char *engine = NULL;
    json_t *reached = NULL;
    const struct json_field fields[] = {
        {"id",      JSON_FIELD_STRING, true,  &verdict.id     },
        {"status",  JSON_FIELD_STRING, true,  &status         },
        {"engine",  JSON_FIELD_STRING, true,  &engine         },
        {"killer",  JSON_FIELD_STRING, false, &verdict.killer },
        {"reached", JSON_FIELD_ARRAY,  false, &reached        },
        {"reason",  JSON_FIELD_STRING, false, &verdict.reason },
        {"cpu_us",  JSON_FIELD_INT,    true,  &verdict.cpu_us },
        {"when_ms", JSON_FIELD_INT,    true,  &verdict.when_ms},
        {"rests",   JSON_FIELD_STRING, true,  &verdict.rests  },
        {"sure",    JSON_FIELD_BOOL,   true,  &verdict.sure   },
    };
    if (json_read_object(object, fields, sizeof fields / sizeof fields[0], &unsaid) != 0) {
        return 0;
    }
    int parsed = mutant_status_parse(status);
    int kind = engine_parse(engine);
    if (parsed < 0 || kind < 0 || !is_hex(verdict.rests)
        || (reached != NULL && !read_names(known, reached, &verdict.reached))) {
        return 0;
    }
    verdict.status = (enum mutant_status)parsed;
    verdict.engine = (enum engine_kind)kind;
    return is_whole(&verdict) ? known_put(known, &verdict, err) : 0;
}

static int read_files(struct known *known, json_t *object, struct err *err)
{
    struct err unsaid = {0};
    const char *epoch = NULL;
    const char *path = NULL;
    json_t *reads = NULL;
    json_t *digest = NULL;
    const struct json_field fields[] = {
        {"epoch", JSON_FIELD_STRING, true, &epoch},
        {"reads", JSON_FIELD_OBJECT, true, &reads},
    };
    if (json_read_object(object, fields, sizeof fields / sizeof fields[0], &unsaid) != 0
        || strlen(epoch) >= KNOWN_EPOCH_SIZE) {
        return 0;
    }
    if (strcmp(known->epoch, epoch) != 0) {
        known_forget_files(known);
        (void)snprintf(known->epoch, sizeof known->epoch, "%s", epoch);
    }
    json_object_foreach(reads, path, digest)
    {
        int status = json_is_string(digest)
                         ? known_put_file(known, path, json_string_value(digest), err)
                         : 0;
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

/* A line without its end. 1 = it is of this version, 0 = it is left out, -ESTALE = of another. */
static int read_line(struct known *known, const char *line, size_t len, struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    struct err unsaid = {0};
    char sum[SUM_DIGITS + 1];
    if (len <= SUM_DIGITS + 1) {
        return 0;
    }
    sum_of(line + SUM_DIGITS + 1, len - SUM_DIGITS - 1, sum);
    if (memcmp(line, sum, SUM_DIGITS) != 0 || line[SUM_DIGITS] != ' '
        || json_parse(line + SUM_DIGITS + 1, len - SUM_DIGITS - 1, &object, &unsaid) != 0) {
        return 0;
    }
    json_t *version = json_object_get(object, "known");
    if (version != NULL) {
        return json_integer_value(version) == KNOWN_VERSION ? 1 : -ESTALE;
    }
    return json_object_get(object, "reads") != NULL ? read_files(known, object, err)
                                                    : read_verdict(known, object, err);
}

int known_parse(struct known *ret_known, const char *text, size_t len, struct err *err)
{
    bool begun = false;
    size_t at = 0;
    *ret_known = (struct known){0};
    if (!has_arena(ret_known)) {
        return no_memory(err);
    }
    while (at < len) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t stop = end != NULL ? (size_t)(end - text) : len;
        /* The last line has its end, or it is torn. */
        int status = end != NULL ? read_line(ret_known, text + at, stop - at, err) : 0;
        if (status == -ENOMEM) {
            return status;
        }
        begun = begun || status == 1;
        if (status == -ESTALE || !begun) {
            known_fini(ret_known);
            return has_arena(ret_known) ? 0 : no_memory(err);
        }
        at = stop + 1;
    }
    return 0;
}

/* ---- order ---- */

/* What comes first. */
enum rank {
    RANK_FRESH,
    RANK_UNKNOWN,
    RANK_SURVIVED,
    RANK_OLD,
};

/* A mutant and its turn. */
struct turn {
    const struct mutant *mutant;
    enum rank rank;
    int64_t when_ms;
};

static int compare(const void *a, const void *b)
{
    const struct turn *x = a;
    const struct turn *y = b;
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    if (x->when_ms != y->when_ms) {
        return x->when_ms < y->when_ms ? -1 : 1;
    }
    return x->mutant->number < y->mutant->number ? -1 : x->mutant->number > y->mutant->number;
}

static struct turn turn_of(const struct known *known,
                           const bool *fresh,
                           const struct mutant *mutant)
{
    const struct known_verdict *last = known_find(known, mutant->id);
    struct turn turn = {.mutant = mutant, .rank = RANK_UNKNOWN};
    if (last != NULL) {
        turn.rank = last->status == MUTANT_SURVIVED ? RANK_SURVIVED : RANK_OLD;
        turn.when_ms = last->when_ms;
    }
    if (fresh != NULL && fresh[mutant->number]) {
        turn.rank = RANK_FRESH;
    }
    return turn;
}

void known_sort(const struct known *known,
                const bool *fresh,
                const struct mutant **mutants,
                size_t count)
{
    struct turn *turns = mem_calloc(count + 1, sizeof *turns);
    for (size_t i = 0; i < count && turns != NULL; i++) {
        turns[i] = turn_of(known, fresh, mutants[i]);
    }
    if (turns == NULL) {
        return; /* any order is one */
    }
    qsort(turns, count, sizeof *turns, compare);
    for (size_t i = 0; i < count; i++) {
        mutants[i] = turns[i].mutant;
    }
    mem_free(turns);
}
