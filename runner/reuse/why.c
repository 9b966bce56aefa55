/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations. The vectors of a class (the answers of its newest rows) are laid beside the answers
 * of the state; the class and row with the fewest differences is the nearest. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/world.h"
#include "reuse/reuse_impl.h"

#include <errno.h>
#include <string.h>

/* Differences named in a short sentence. */
#define DIFFERENCES_SHOWN 1u

/* Classes that are laid beside the state, the ones used last. To unpack the vectors of all
 * may take longer than many a unit. */
#define CLASSES_COMPARED 16u

/* Longest path that is shown in a sentence. */
#define PATH_SHOWN 200u

struct difference {
    uint32_t atom;
    struct answer then;
    struct answer now;
    bool has_now;
};

struct differences {
    struct difference items[REUSE_WHY_LINES_MAX];
    size_t count; /* all, also those that did not fit */
    int64_t evidence;
};

/* Where evidence comes from. */
struct origin {
    const char *words; /* NULL = its row is gone */
    const char *tree;  /* the snapshot; NULL = not known */
};

const char *explain_origin(const struct reuse *reuse,
                           const struct evidence_row *row,
                           struct arena *arena)
{
    char age[DURATION_TEXT_MAX];
    int64_t old_ms = reuse_now(reuse) - row->time_ms;
    bool change = row->scope != NULL && row->scope[0] != '\0';
    const char *tree = row->tree != NULL && row->tree[0] != '\0' ? row->tree : NULL;
    return arena_printf(arena,
                        "earned by run %s%s%s, %s ago%s%.12s",
                        row->run,
                        change ? " on change " : "",
                        change ? row->scope : "",
                        duration_format(old_ms > 0 ? old_ms : 0, age),
                        tree != NULL ? ", tree " : "",
                        tree != NULL ? tree : "");
}

/* A path of the world as the user knows it: without the folder the tree is mounted at. */
static const char *path_words(const struct observation *asked, struct arena *arena)
{
    struct str text = STR_INIT(4096);
    const char *path = asked->path;
    const size_t root = sizeof WORLD_ROOT - 1;
    if (strncmp(path, WORLD_ROOT "/", root + 1) == 0) {
        path += root + 1;
    } else if (strcmp(path, WORLD_ROOT) == 0) {
        path = "the top folder";
    }
    (void)text_sanitize(&text, path, strnlen(path, PATH_SHOWN));
    const char *kept = arena_strdup(arena, str_text(&text));
    str_fini(&text);
    return kept != NULL ? kept : "?";
}

static bool is_listing(const struct answer *answer)
{
    return answer->len > 0 && answer->bytes[0] == ANSWER_LISTING;
}

static const char *listing_clause(struct reuse_state *state,
                                  const struct observation *asked,
                                  const char *tree,
                                  struct arena *arena)
{
    const char *words = listing_words(state, tree, asked->path, arena);
    return arena_printf(arena,
                        "%s lists other names (%s)",
                        path_words(asked, arena),
                        words != NULL ? words : "which ones is not known any more");
}

/* `tree`: the snapshot of the run that earned the evidence; NULL = not known. */
static const char *clause_of(struct reuse_state *state,
                             const struct difference *difference,
                             const char *tree,
                             struct arena *arena)
{
    struct observation asked;
    if (reuse_atom(state->reuse, difference->atom, &asked, NULL) != 0) {
        return "something";
    }
    const char *verb = asked.kind == OBSERVE_SUBTREE ? "changed below" : "changed";
    if (asked.kind == OBSERVE_LISTING && difference->has_now && is_listing(&difference->then)
        && is_listing(&difference->now)) {
        const char *clause = listing_clause(state, &asked, tree, arena);
        return clause != NULL ? clause : "something changed";
    }
    const char *words = arena_printf(
        arena,
        "%s%s %s (%s -> %s)",
        asked.kind == OBSERVE_HOST ? "the machine's " : "",
        path_words(&asked, arena),
        verb,
        answer_words(&difference->then, asked.kind, arena),
        difference->has_now ? answer_words(&difference->now, asked.kind, arena) : "no answer");
    return words != NULL ? words : "something changed";
}

/* ---- finding the nearest ---- */

static void note_difference(struct differences *found, const struct difference *difference)
{
    if (found->count < REUSE_WHY_LINES_MAX) {
        found->items[found->count] = *difference;
    }
    found->count++;
}

/* Lays one vector beside the state. False: it does not fit the class. */
static bool compare_vector(struct reuse_state *state,
                           const uint32_t *atoms,
                           size_t count,
                           const struct evidence_vector *vector,
                           struct differences *found)
{
    size_t at = 0;
    *found = (struct differences){.evidence = vector->evidence_id};
    for (size_t i = 0; i < count; i++) {
        struct difference difference = {.atom = atoms[i]};
        if (vector_next(vector->bytes, vector->len, &at, &difference.then) != 1) {
            return false;
        }
        difference.has_now = state_answer(state, atoms[i], &difference.now, NULL) == 1;
        if (!difference.has_now || !answer_equal(&difference.then, &difference.now)) {
            note_difference(found, &difference);
        }
    }
    return true;
}

static void compare_class(struct reuse_state *state,
                          const struct evidence_class *item,
                          struct arena *arena,
                          struct differences *nearest)
{
    const struct evidence_vector *vectors = NULL;
    size_t count = 0;
    struct term sum;
    uint32_t *atoms = arena_calloc(arena, item->count + 1u, sizeof *atoms);
    struct differences *found = arena_calloc(arena, 1, sizeof *found);
    if (atoms == NULL || found == NULL || evidence_class_atoms(item, atoms, NULL) != 0
        || state_fast(state, atoms, item->count, &sum, NULL) < 0
        || evidence_vectors(state->reuse->store, item->id, arena, &vectors, &count, NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (compare_vector(state, atoms, item->count, &vectors[i], found) && found->count > 0
            && (nearest->count == 0 || found->count < nearest->count)) {
            *nearest = *found;
        }
    }
}

/* Where the nearest evidence was earned; NULL = its row is gone. *ret_tree: its snapshot. */
static const char *nearest_origin(struct reuse_state *state,
                                  const struct hash *key,
                                  int64_t evidence,
                                  struct arena *arena,
                                  const char **ret_tree)
{
    struct evidence_row row;
    const struct evidence_query query = {
        .unit_key = *key,
        .reader = reuse_reader(state->reuse),
        .failed_too = true,
        .now_ms = 1,
    };
    if (evidence_get(state->reuse->store, evidence, &query, arena, &row, NULL) != 1) {
        return NULL;
    }
    *ret_tree = row.tree;
    return explain_origin(state->reuse, &row, arena);
}

static void write_lines(struct reuse_state *state,
                        const struct differences *nearest,
                        const struct origin *origin,
                        struct arena *arena,
                        struct str *lines)
{
    size_t shown = nearest->count < REUSE_WHY_LINES_MAX ? nearest->count : REUSE_WHY_LINES_MAX;
    (void)str_appendf(lines,
                      "the nearest evidence%s%s differs in %zu:\n",
                      origin->words != NULL ? ", " : "",
                      origin->words != NULL ? origin->words : "",
                      nearest->count);
    for (size_t i = 0; i < shown; i++) {
        (void)str_appendf(
            lines, "  %s\n", clause_of(state, &nearest->items[i], origin->tree, arena));
    }
    if (nearest->count > shown) {
        (void)str_appendf(lines, "  and %zu more\n", nearest->count - shown);
    }
}

const char *explain_difference(struct reuse_state *state,
                               const struct hash *key,
                               struct arena *arena,
                               struct str *lines)
{
    const struct evidence_class *classes = NULL;
    size_t count = 0;
    struct differences *nearest = arena_calloc(arena, 1, sizeof *nearest);
    if (nearest == NULL
        || evidence_classes(state->reuse->store, key, arena, &classes, &count, NULL) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < count && i < CLASSES_COMPARED; i++) {
        compare_class(state, &classes[i], arena, nearest);
    }
    if (nearest->count == 0) {
        return NULL;
    }
    struct origin origin = {0};
    origin.words = nearest_origin(state, key, nearest->evidence, arena, &origin.tree);
    if (lines != NULL) {
        write_lines(state, nearest, &origin, arena, lines);
    }
    const char *since =
        origin.words != NULL ? arena_printf(arena, ", unlike what was %s", origin.words) : "";
    return arena_printf(arena,
                        nearest->count > DIFFERENCES_SHOWN ? "%s, and %zu more%s" : "%s%.0zu%s",
                        clause_of(state, &nearest->items[0], origin.tree, arena),
                        nearest->count - DIFFERENCES_SHOWN,
                        since != NULL ? since : "");
}

/* ---- the long form ---- */

static const char *const action_words[] = {
    [REUSE_HIT] = "hit",
    [REUSE_JOIN] = "join",
    [REUSE_RUN] = "run",
    [REUSE_VERIFY] = "run, to verify",
};

int reuse_why(struct reuse *reuse,
              const struct reuse_request *request,
              struct str *out,
              struct err *err)
{
    struct reuse_decision decision;
    struct reuse_request asked = *request;
    struct arena *arena = arena_new(REUSE_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to explain a decision");
    }
    asked.peek = true;
    reuse_decide(reuse, &asked, arena, &decision);
    (void)str_appendf(out, "%s: %s\n", action_words[decision.action], decision.why);
    if (decision.action == REUSE_RUN) {
        (void)explain_difference(request->state, &request->key, arena, out);
    }
    arena_free(arena);
    return str_error(out) == 0 ? 0 : err_set(err, str_error(out), "the explanation is too long");
}
