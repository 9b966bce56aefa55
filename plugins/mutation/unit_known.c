/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/unit_known.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "plugins/mutation/equivalent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Folders of the user's tree that no test reads, and those of installed packages, which are known
 * by names and sizes. */
static const char *const skipped[] = {".git", ".sluice", ".sluice-mutation", NULL};
static const char *const named[] = {"node_modules", ".venv", "venv", NULL};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the verdicts of earlier runs");
}

static int memo_path(const struct unit *unit, char path[PATH_TEXT_MAX], struct err *err)
{
    char name[PATH_TEXT_MAX];
    int status = unit_path(UNIT_MEMOS, &unit->job, name, err);
    int len = snprintf(path, PATH_TEXT_MAX, "%s/%s", unit->root, name);
    return status != 0 || (len > 0 && len < PATH_TEXT_MAX)
               ? status
               : err_set(err, -ENAMETOOLONG, "%s: the path is too long", name);
}

/* ---- writing ---- */

static void stop(struct unit *unit, const char *why)
{
    (void)fprintf(stderr, "%s: verdicts are not kept for the next run: %s\n", unit->job.file, why);
    unit->memo.kept = false;
}

static void append(struct unit *unit, const struct str *text)
{
    int status = str_error(text);
    status = status != 0 ? status : fd_write_all(unit->memo.fd, str_text(text), text->len);
    if (status != 0) {
        stop(unit, strerrordesc_np(-status));
    }
}

static bool is_program(const struct unit *unit, const char *path)
{
    for (size_t i = 0; i < unit->tests.count; i++) {
        const char *program = unit->tests.items[i].argv[0];
        program += strncmp(program, "./", 2) == 0 ? 2 : 0;
        if (strcmp(program, path) == 0) {
            return true;
        }
    }
    return false;
}

/* What verdicts of engines A and B rest on: the names that tests may ask for, which are all where
 * `reads` does not say so, or where it was seen to be wrong. What they opened is compared before.
 */
static void set_built(struct unit *unit)
{
    struct unit_memo *memo = &unit->memo;
    const struct hash *names = memo->elsewhere ? &memo->reads.names : &memo->reads.asked;
    char hex[HASH_HEX_SIZE];
    char text[HASH_HEX_SIZE + KNOWN_EPOCH_SIZE];
    int len = snprintf(text, sizeof text, "%s %s", hash_hex(names, hex), memo->known.epoch);
    const struct hash built = hash_bytes(text, (size_t)len);
    (void)hash_hex(&built, memo->rests.built);
}

/* Where a test opens one file it may look for others, which nobody sees. */
static void believe(struct unit *unit, size_t first)
{
    const struct known *known = &unit->memo.known;
    for (size_t i = first; i < known->files.count && !unit->memo.elsewhere; i++) {
        const char *path = known->files.items[i].path;
        if (!reads_may_ask(unit->settings.reads, path)) {
            (void)fprintf(stderr,
                          "%s: a test opens %s, which `reads` does not name: any file that comes "
                          "or goes counts\n",
                          unit->job.file,
                          path);
            unit->memo.elsewhere = true;
        }
    }
    set_built(unit);
}

static int add_read(void *context, const char *path)
{
    struct unit *unit = context;
    char digest[HASH_HEX_SIZE];
    if (is_program(unit, path)) {
        return 0;
    }
    reads_digest(unit->memo.tree, path, digest);
    return known_put_file(&unit->memo.known, path, digest, NULL) < 0 ? -ENOMEM : 0;
}

/* What tests have opened by now stands before the verdicts that rest on it. */
static void append_reads(struct unit *unit)
{
    size_t first = unit->memo.known.files.count;
    if (reads_take(&unit->memo.reads, add_read, unit) != 0 || unit->memo.reads.lost) {
        stop(unit, "more files were opened than can be followed");
    } else if (unit->memo.known.files.count > first) {
        CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
        known_write_files(&text, &unit->memo.known, first);
        append(unit, &text);
        believe(unit, first);
    }
}

static const char *const *names_of(struct unit *unit, const struct engine_verdict *verdict)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    const char **names =
        arena_calloc(unit->verdicts.arena, (size_t)verdict->reached_count + 1, sizeof *names);
    for (size_t i = 0; i < verdict->reached_count && names != NULL; i++) {
        names[i] = unit->tests.items[verdict->reached[i]].name;
    }
    return names;
}

/* As the memo has it; false: it is nothing to keep. */
static bool describe(struct unit *unit,
                     const struct mutant *mutant,
                     const struct engine_verdict *verdict,
                     char rests[HASH_HEX_SIZE],
                     struct known_verdict *ret_known)
{
    struct engine_verdict plain = *verdict;
    if (plain.status == MUTANT_IGNORED && plain.reason != NULL
        && strcmp(plain.reason, EQUIVALENT_REASON) == 0) {
        plain.status = MUTANT_SURVIVED; /* which is found out again */
    }
    if (plain.status == MUTANT_SURVIVED) {
        plain.reason = NULL;
    }
    if (!rests_of(&unit->memo.rests, &plain, rests)) {
        return false;
    }
    bool killed = plain.status == MUTANT_KILLED || plain.status == MUTANT_TIMEOUT;
    *ret_known = (struct known_verdict){
        .id = mutant->id,
        .status = plain.status,
        .engine = plain.engine,
        .killer = killed ? unit->tests.items[plain.killer].name : NULL,
        .reached = plain.reached != NULL ? names_of(unit, &plain) : NULL,
        .reason = plain.reason,
        .rests = rests,
        .cpu_us = plain.cpu_us,
        .when_ms = clock_wall_ms(),
    };
    return true;
}

/* A mutant was decided. */
static void on_verdict(void *context,
                       const struct mutant *mutant,
                       const struct engine_verdict *verdict)
{
    struct unit *unit = context;
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    struct known_verdict known;
    char rests[HASH_HEX_SIZE];
    if (!unit->memo.kept || verdict->reused || verdict->status == MUTANT_IGNORED) {
        return;
    }
    append_reads(unit);
    if (unit->memo.kept && describe(unit, mutant, verdict, rests, &known)) {
        known_write_verdict(&text, &known);
        append(unit, &text);
    }
}

/* ---- opening ---- */

/* A memo that is none is begun; behind one that was torn a new line begins. */
static int begin(struct unit *unit, const char *path, bool fresh, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    int status = 0;
    if (fresh) {
        known_forget_files(&unit->memo.known);
        known_write_head(&text);
        known_write_files(&text, &unit->memo.known, 0);
        status = unit_make_folder(unit->root, err);
        status = status != 0 ? status : file_write_atomic(path, str_text(&text), text.len, err);
    }
    if (status != 0) {
        return status;
    }
    unit->memo.fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (unit->memo.fd < 0) {
        return err_errno(err, "cannot write the memo %s", path);
    }
    return fresh || fd_write_all(unit->memo.fd, "\n", 1) == 0
               ? 0
               : err_errno(err, "cannot write the memo %s", path);
}

int unit_known_open(struct unit *unit, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    char path[PATH_TEXT_MAX];
    struct err unsaid = {0};
    unit->watch.context = unit;
    unit->watch.verdict = on_verdict;
    unit->memo.fd = -1;
    unit->memo.reads = (struct reads)READS_INIT;
    int status = memo_path(unit, path, err);
    if (status == 0 && file_read_regular(path, &text, &unsaid) != 0) {
        str_clear(&text);
    }
    status = status != 0 ? status : known_parse(&unit->memo.known, str_text(&text), text.len, err);
    status = status != 0 ? status
                         : rests_init(&unit->job, &unit->mutants.source, &unit->memo.rests, err);
    if (status != 0) {
        return status;
    }
    unit->memo.kept = true;
    if (begin(unit, path, unit->memo.known.epoch[0] == '\0', &unsaid) != 0) {
        stop(unit, unsaid.text);
    }
    return 0;
}

/* ---- taking ---- */

static int find_test(const struct unit *unit, const char *name)
{
    for (size_t i = 0; name != NULL && i < unit->tests.count; i++) {
        if (strcmp(unit->tests.items[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The tests that reach a mutant, by the names that the memo has; NULL when one is not there. */
static const uint16_t *indices_of(struct unit *unit, const char *const *names, uint16_t *ret_count)
{
    size_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    uint16_t *indices = arena_calloc(unit->verdicts.arena, count + 1, sizeof *indices);
    for (size_t i = 0; i < count && indices != NULL; i++) {
        int index = find_test(unit, names[i]);
        if (index < 0 || (i > 0 && index <= indices[i - 1])) {
            return NULL;
        }
        indices[i] = (uint16_t)index;
    }
    *ret_count = (uint16_t)count;
    return indices;
}

/* Takes the verdict of an earlier run, if it rests on the same. */
static bool take(struct unit *unit,
                 const struct known_verdict *known,
                 struct engine_verdict *verdict)
{
    char rests[HASH_HEX_SIZE];
    int killer = find_test(unit, known->killer);
    struct engine_verdict taken = {
        .status = known->status,
        .engine = known->engine,
        .cpu_us = known->cpu_us,
        .killer = (uint16_t)(killer >= 0 ? killer : 0),
        .reused = true,
        .unsure = !known->sure,
    };
    if ((known->killer != NULL && killer < 0)
        || (known->reached != NULL
            && (taken.reached = indices_of(unit, known->reached, &taken.reached_count)) == NULL)) {
        return false;
    }
    taken.reason = known->reason != NULL ? arena_strdup(unit->verdicts.arena, known->reason) : NULL;
    if (!rests_of(&unit->memo.rests, &taken, rests) || strcmp(rests, known->rests) != 0
        || (known->reason != NULL && taken.reason == NULL)) {
        return false;
    }
    *verdict = taken;
    return true;
}

static bool reaches(const struct engine_cover *cover, size_t test, uint32_t site)
{
    return cover->hits[test] != NULL && cover->hits[test][site] > 0;
}

/* Do the same tests reach it? One that killed has to. */
static bool is_reached_alike(const struct unit *unit,
                             const struct engine_cover *cover,
                             uint32_t site,
                             const struct engine_verdict *verdict)
{
    size_t at = 0;
    if (verdict->status == MUTANT_KILLED) {
        return reaches(cover, verdict->killer, site);
    }
    for (size_t i = 0; i < unit->tests.count; i++) {
        bool then = at < verdict->reached_count && verdict->reached[at] == i;
        if (then != reaches(cover, i, site)) {
            return false;
        }
        at += then ? 1 : 0;
    }
    return true;
}

static void take_of_schema(struct unit *unit,
                           const struct schema *schema,
                           const struct engine_cover *cover)
{
    for (size_t i = 0; i < unit->mutants.count; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        const struct schema_place *place = &schema->places[mutant->number];
        const struct known_verdict *known = known_find(&unit->memo.known, mutant->id);
        struct engine_verdict *verdict = &unit->verdicts.items[mutant->number];
        if (known == NULL || known->engine == ENGINE_COPY || place->refused != NULL
            || verdict->status != MUTANT_PENDING) {
            continue;
        }
        if (take(unit, known, verdict) && !is_reached_alike(unit, cover, place->site, verdict)) {
            *verdict = (struct engine_verdict){0};
        }
    }
}

/* Are the files that tests opened what they were? */
static bool has_same_files(const struct unit *unit)
{
    char digest[HASH_HEX_SIZE];
    for (size_t i = 0; i < unit->memo.known.files.count; i++) {
        const struct known_file *file = &unit->memo.known.files.items[i];
        reads_digest(unit->memo.tree, file->path, digest);
        if (strcmp(digest, file->digest) != 0) {
            return false;
        }
    }
    return true;
}

int unit_known_take_schemata(struct unit *unit,
                             const char *tree,
                             const struct schema *schema,
                             const struct engine_cover *cover,
                             struct err *err)
{
    struct err why = {0};
    struct unit_memo *memo = &unit->memo;
    (void)snprintf(memo->tree, sizeof memo->tree, "%s", tree);
    int status = memo->kept ? rests_set_tests(&memo->rests, tree, &unit->tests, err) : 0;
    if (status != 0 || !memo->kept) {
        return status;
    }
    if (!has_same_files(unit)) {
        known_forget_files(&memo->known);
        CLEANUP(str_fini) struct str line = STR_INIT(KNOWN_TEXT_MAX);
        known_write_files(&line, &memo->known, 0);
        append(unit, &line);
    }
    if (reads_init(tree, unit->settings.reads, &memo->reads, &why) != 0) {
        stop(unit, why.text);
        return 0;
    }
    believe(unit, 0);
    take_of_schema(unit, schema, cover);
    return 0;
}

int unit_known_take_copy(struct unit *unit, struct err *err)
{
    struct err why = {0};
    struct unit_memo *memo = &unit->memo;
    int status = 0;
    if (!memo->kept || memo->rests.tree[0] != '\0') {
        return 0;
    }
    if (memo->rests.tests == NULL) { /* what the programs are is in the tree */
        status = rests_set_tests(&memo->rests, NULL, &unit->tests, err);
    }
    if (status == 0 && reads_digest_tree(unit->root, skipped, named, memo->rests.tree, &why) != 0) {
        memo->rests.tree[0] = '\0';
        stop(unit, why.text);
    }
    for (size_t i = 0; i < unit->mutants.count && status == 0 && memo->kept; i++) {
        const struct mutant *mutant = unit->mutants.items[i];
        const struct known_verdict *known = known_find(&memo->known, mutant->id);
        struct engine_verdict *verdict = &unit->verdicts.items[mutant->number];
        if (known != NULL && known->engine == ENGINE_COPY && verdict->status == MUTANT_PENDING) {
            (void)take(unit, known, verdict);
        }
    }
    return status;
}

void unit_known_end_reads(struct unit *unit)
{
    if (unit->memo.kept) {
        append_reads(unit);
    }
    reads_close(&unit->memo.reads);
}

bool unit_known_doubts(const struct unit *unit, size_t test)
{
    for (size_t i = 0; i < unit->verdicts.count; i++) {
        const struct engine_verdict *verdict = &unit->verdicts.items[i];
        if (verdict->unsure && verdict->engine == ENGINE_COPY && verdict->status == MUTANT_KILLED
            && verdict->killer == test) {
            return true;
        }
    }
    return false;
}

/* ---- closing ---- */

/* Did all that engines A and B began come to its end, the audit too? */
static bool is_complete(const struct unit *unit)
{
    for (size_t i = 0; i < unit->mutants.count; i++) {
        if (unit->verdicts.items[unit->mutants.items[i]->number].status == MUTANT_PENDING) {
            return false;
        }
    }
    return true;
}

static int keep_one(struct unit *unit, const struct mutant *mutant, bool complete, struct err *err)
{
    const struct engine_verdict *verdict = &unit->verdicts.items[mutant->number];
    const struct known_verdict *before = known_find(&unit->memo.known, mutant->id);
    struct known_verdict known;
    char rests[HASH_HEX_SIZE];
    if (!describe(unit, mutant, verdict, rests, &known)) {
        return 0;
    }
    if (verdict->reused && before != NULL && strcmp(before->rests, rests) != 0) {
        return 0; /* taken before a test showed that it rests on more; not taken any more */
    }
    known.sure =
        complete || verdict->engine == ENGINE_COPY || (verdict->reused && !verdict->unsure);
    known.when_ms = verdict->reused && before != NULL ? before->when_ms : known.when_ms;
    return known_put(&unit->memo.known, &known, err);
}

/* What is told by no mutant of the file any more goes; after a failure, what was not sure. */
static int list_ids(const struct unit *unit, bool failed, struct map *ids, struct err *err)
{
    for (size_t i = 0; i < unit->mutants.list.count; i++) {
        const char *id = unit->mutants.list.items[i].id;
        const struct known_verdict *known = known_find(&unit->memo.known, id);
        if (known != NULL && (!failed || known->sure) && map_put(ids, id, 1) < 0) {
            return no_memory(err);
        }
    }
    return 0;
}

static int write_anew(struct unit *unit, bool failed, struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(KNOWN_TEXT_MAX);
    char path[PATH_TEXT_MAX];
    struct map ids = {0};
    int status = memo_path(unit, path, err);
    status = status != 0 ? status : list_ids(unit, failed, &ids, err);
    status = status != 0 ? status : known_write(&text, &unit->memo.known, &ids, err);
    map_fini(&ids);
    return status != 0 ? status : file_write_atomic(path, str_text(&text), text.len, err);
}

void unit_known_close(struct unit *unit, bool failed)
{
    struct err err = {0};
    bool complete = is_complete(unit);
    if (unit->memo.kept && !failed) {
        append_reads(unit);
    }
    if (!unit->memo.kept) {
        return;
    }
    int status = 0;
    for (size_t i = 0; i < unit->mutants.count && status == 0 && !failed; i++) {
        status = keep_one(unit, unit->mutants.items[i], complete, &err);
    }
    status = status != 0 ? status : write_anew(unit, failed, &err);
    if (status != 0) {
        stop(unit, err.text);
    }
}

void unit_known_fini(struct unit *unit)
{
    if (unit->memo.rests.hasher != NULL && unit->memo.fd >= 0) {
        (void)close(unit->memo.fd);
    }
    if (unit->memo.rests.hasher != NULL) {
        reads_fini(&unit->memo.reads);
    }
    rests_fini(&unit->memo.rests);
    known_fini(&unit->memo.known);
}
