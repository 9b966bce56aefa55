/* SPDX-License-Identifier: Apache-2.0 */
/* Fills a store with evidence, or looks all of it up, for bench/lookup.sh.
 *   bench_lookup fill CACHE REPO TREE UNITS CLASSES PATHS   paths of the tree on standard input
 *   bench_lookup look CACHE REPO TREE UNITS
 * `look` prints a line: total, reading git trees, reading classes from SQLite, the rest (all in
 * ms), hits. Each unit has CLASSES classes of PATHS questions; the one that answers is the first
 * for even units and the last for odd ones. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 4096

struct bench {
    struct git_repo repo;
    struct reuse *reuse;
    struct reuse_state *state;
    struct arena *arena;
    char **paths;
    size_t path_count;
};

static _Noreturn void die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "bench_lookup: %s: %s\n", what, err->text);
    exit(1); /* NOLINT(concurrency-mt-unsafe): this program has one thread */
}

/* Processor time of this process; git's is its own. */
static double cpu_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void open_all(struct bench *bench, char **argv)
{
    struct err err = {0};
    if (git_open(argv[3], &bench->repo, &err) != 0) {
        die("repository", &err);
    }
    const struct reuse_options options = {
        .cache = argv[2],
        .repo = &bench->repo,
        .trust = EVIDENCE_MEMBER,
        .host = "bench",
        .run = "bench",
    };
    if (reuse_open(&options, &bench->reuse, &err) != 0) {
        die("store", &err);
    }
    const struct reuse_world world = {.tree = argv[4], .root = bench->repo.root};
    if (reuse_state(bench->reuse, &world, &bench->state, &err) != 0) {
        die("state", &err);
    }
    bench->arena = arena_new((size_t)1 << 32);
}

static struct hash key_of(unsigned unit)
{
    return hash_bytes(&unit, sizeof unit);
}

/* ---- filling ---- */

static void read_paths(struct bench *bench)
{
    char line[LINE_MAX_BYTES];

    struct {
        VEC_FIELDS(char *);
    } paths = {0};

    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (vec_push(&paths, arena_printf(bench->arena, "/src/%s", line)) != 0) {
            abort();
        }
    }
    if (paths.count == 0) {
        struct err err = {0};
        (void)err_set(&err, -EINVAL, "there are none on standard input");
        die("paths", &err);
    }
    bench->paths = paths.items;
    bench->path_count = paths.count;
}

static int compare_questions(const void *a, const void *b)
{
    const struct observation *x = a;
    const struct observation *y = b;
    int order = strcmp(x->path, y->path);
    return order != 0 ? order : (int)x->kind - (int)y->kind;
}

/* Questions in which the classes of one unit differ. */
#define CLASS_OWN 15

/* A class as units have them: two thirds from one part of the tree, which its neighbours read too,
 * the rest the unit's own, of which a few are of this class only; some that are not there, some
 * folders. */
static size_t make_questions(
    struct bench *bench, unsigned unit, unsigned nth_class, struct observation *out, size_t count)
{
    uint64_t seed = (uint64_t)(unit / 20) * 7919;
    uint64_t own = (uint64_t)unit * 104729 + 1;
    for (size_t i = 0; i < count; i++) {
        own += i == count - CLASS_OWN ? nth_class * 15485863u : 0;
        own = own * 6364136223846793005u + 1442695040888963407u;
        bool shared = i < count * 2 / 3;
        size_t at =
            shared ? (seed + i) % bench->path_count : (size_t)(own >> 33) % bench->path_count;
        const char *path = bench->paths[at];
        out[i].kind = OBSERVE_CONTENT;
        out[i].path = path;
        if (i % 5 == 1) {
            out[i].kind = OBSERVE_EXISTS;
            out[i].path = arena_printf(bench->arena, "%s.h", path);
        } else if (i % 10 == 2) {
            out[i].kind = OBSERVE_TYPE;
        } else if (i % 10 == 3) {
            char *folder = arena_strdup(bench->arena, path);
            *strrchr(folder, '/') = '\0';
            out[i].kind = OBSERVE_LISTING;
            out[i].path = folder;
        }
    }
    qsort(out, count, sizeof *out, compare_questions);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (used == 0 || compare_questions(&out[used - 1], &out[i]) != 0) {
            out[used++] = out[i];
        }
    }
    return used;
}

static void add_class(
    struct bench *bench, unsigned unit, unsigned nth_class, size_t paths, bool answers)
{
    static const char outcome[] =
        "{\"v\":1,\"seq\":0,\"t\":0,\"type\":\"unit_finished\",\"layer\":\"\",\"unit\":\"\","
        "\"status\":\"passed\",\"attempt\":1,\"final\":true,\"exit\":0,\"started\":0,\"wall_ns\":0,"
        "\"user_us\":0,\"sys_us\":0,\"slot\":0}";
    struct observation *questions = arena_calloc(bench->arena, paths, sizeof *questions);
    uint32_t *atoms = arena_calloc(bench->arena, paths, sizeof *atoms);
    struct err err = {0};
    struct str vector = STR_INIT(1u << 24);
    struct term sum = {0};
    size_t count = make_questions(bench, unit, nth_class, questions, paths);
    if (evidence_intern(bench->reuse->store, questions, count, atoms, &err) != 0
        || state_fast(bench->state, atoms, count, &sum, &err) != 1
        || state_vector(bench->state, atoms, count, &vector, &err) != 0) {
        die("fingerprint", &err);
    }
    struct evidence_new row = {
        .unit_key = key_of(unit),
        .words = "{}",
        .questions = questions,
        .question_count = count,
        .full = hash_bytes(str_text(&vector), vector.len),
        .passed = true,
        .outcome = outcome,
        .outcome_len = sizeof outcome - 1,
        .trust = EVIDENCE_MEMBER,
        .scope = "",
        .tree = bench->state->world.tree,
        .run = "bench",
        .host = "bench",
        .observer = "1",
        .time_ms = 1,
    };
    term_bytes(sum, row.fast);
    if (!answers) {
        row.fast[0] ^= 1;
        row.full.bytes[0] ^= 1;
    }
    if (evidence_add(bench->reuse->store, &row, NULL, &err) != 0) {
        die("evidence", &err);
    }
    str_fini(&vector);
}

static void fill(struct bench *bench, char **argv)
{
    unsigned units = (unsigned)strtoul(argv[5], NULL, 10);
    unsigned classes = (unsigned)strtoul(argv[6], NULL, 10);
    size_t paths = strtoul(argv[7], NULL, 10);
    read_paths(bench);
    for (unsigned unit = 0; unit < units; unit++) {
        for (unsigned i = 0; i < classes; i++) {
            /* the class added last is the one used last: looked at first */
            add_class(bench, unit, i, paths, i == (unit % 2 == 0 ? classes - 1 : 0));
        }
    }
}

/* ---- looking up ---- */

/* Reads the classes of a unit and unpacks the one that a row is of. */
static void read_class(struct evidence_store *store,
                       const struct hash *key,
                       int64_t class_id,
                       struct arena *arena)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    struct err err = {0};
    if (evidence_classes(store, key, arena, &classes, &count, &err) != 0) {
        die("classes", &err);
    }
    for (size_t i = 0; i < count; i++) {
        if (classes[i].id == class_id) {
            uint32_t *atoms = arena_calloc(arena, classes[i].count + 1u, sizeof *atoms);
            (void)evidence_class_atoms(&classes[i], atoms, &err);
        }
    }
}

/* What the store alone costs, as each unit asks it: is it quarantined, its row, its classes where
 * they are looked at. */
static double time_store(struct bench *bench, unsigned units, const int64_t *rows)
{
    bool classes = bench->state->known_count == 0;
    struct evidence_store *store = NULL;
    const struct evidence_reader reader = reuse_reader(bench->reuse);
    struct err err = {0};
    if (evidence_open(bench->reuse->options.cache, &store, &err)
        != 0) { /* it has read nothing yet */
        die("store", &err);
    }
    double start = cpu_ms();
    (void)evidence_begin_read(store, &err);
    for (unsigned unit = 0; unit < units; unit++) {
        struct arena *arena = arena_new((size_t)1 << 30);
        struct evidence_query query = {.unit_key = key_of(unit), .reader = reader, .now_ms = 1};
        struct evidence_row row;
        if (evidence_quarantined(store, &query.unit_key, &reader, arena, NULL, &err) < 0
            || evidence_get(store, rows[unit], &query, arena, &row, &err) < 0) {
            die("store", &err);
        }
        if (classes) {
            read_class(store, &query.unit_key, row.class_id, arena);
        }
        arena_free(arena);
    }
    evidence_end_read(store);
    double ms = cpu_ms() - start;
    evidence_close(store);
    return ms;
}

/* What git alone costs: every folder of the tree. */
static double time_git(struct bench *bench, const char *tree)
{
    struct git_objects *objects = NULL;
    const struct git_folder *root = NULL;

    struct err err = {0};
    double start = cpu_ms();
    if (git_objects_open(&bench->repo, &objects, &err) != 0
        || git_tree_open(objects, tree, &root, &err) != 0
        || git_tree_read_all(objects, root, WHOLE_FOLDERS_MAX, &err) != 0) {
        die("git", &err);
    }
    double ms = cpu_ms() - start;
    git_objects_close(objects);
    return ms;
}

static void look(struct bench *bench, char **argv)
{
    unsigned units = (unsigned)strtoul(argv[5], NULL, 10);
    unsigned hits = 0;
    int64_t *rows = mem_calloc(units, sizeof *rows);
    double start = cpu_ms();
    for (unsigned unit = 0; unit < units; unit++) {
        struct reuse_decision decision;
        struct arena *arena = arena_new((size_t)1 << 30);
        const struct reuse_request request = {
            .state = bench->state, .key = key_of(unit), .layer = "bench", .unit = "unit"};
        reuse_decide(bench->reuse, &request, arena, &decision);
        hits += decision.action == REUSE_HIT ? 1 : 0;
        rows[unit] = decision.evidence;
        reuse_release(bench->reuse, decision.lease);
        arena_free(arena);
    }
    double total = cpu_ms() - start;
    reuse_picture_end(bench->reuse);
    double store = time_store(bench, units, rows);
    mem_free(rows);
    bool whole = bench->state->answers != NULL; /* it had to read the tree */
    double git = whole ? time_git(bench, argv[4]) : 0;
    (void)printf("%.2f %.2f %.2f %.2f %u\n", total, git, store, total - git - store, hits);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    if (argc < 6) {
        (void)fprintf(stderr, "usage: bench_lookup fill|look CACHE REPO TREE UNITS ...\n");
        return 2;
    }
    open_all(&bench, argv);
    if (strcmp(argv[1], "fill") == 0 && argc == 8) {
        fill(&bench, argv);
    } else {
        look(&bench, argv);
    }
    mem_free(bench.paths);
    reuse_close(bench.reuse);
    arena_free(bench.arena);
    return 0;
}
