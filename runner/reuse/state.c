/* SPDX-License-Identifier: Apache-2.0 */
/* States and their answers, kept by atom: a question that many classes ask is answered once. */
#include "base/cleanup.h"
#include "base/limits.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

static const char *copy_text(struct arena *arena, const char *text)
{
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static int copy_list(struct arena *arena, const struct text_list *from, struct text_list *to)
{
    const char **items = arena_calloc(arena, from->count + 1, sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < from->count; i++) {
        items[i] = arena_strdup(arena, from->items[i]);
        if (items[i] == NULL) {
            return -ENOMEM;
        }
    }
    *to = (struct text_list){.items = items, .count = from->count};
    return 0;
}

static int copy_manifest(struct arena *arena, const struct manifest *from, struct manifest *to)
{
    struct product *items = arena_calloc(arena, from->count + 1, sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < from->count; i++) {
        items[i] = from->items[i];
        items[i].path = arena_strdup(arena, from->items[i].path);
        if (items[i].path == NULL) {
            return -ENOMEM;
        }
    }
    *to = (struct manifest){.items = items, .count = from->count};
    return 0;
}

static int copy_world(struct reuse_state *state, const struct reuse_world *world)
{
    struct arena *arena = state->reuse->arena;
    struct answer_state *own = &state->world;
    own->tree = copy_text(arena, world->tree);
    own->root = copy_text(arena, world->root);
    own->plugin_dir = copy_text(arena, world->plugin_dir);
    state->network = world->network;
    int rc = copy_list(arena, &world->expose, &own->expose);
    if (rc == 0 && world->products != NULL) {
        rc = copy_manifest(arena, world->products, &state->products);
        own->products = &state->products;
    }
    bool whole = (own->tree != NULL) == (world->tree != NULL)
                 && (own->root != NULL) == (world->root != NULL)
                 && (own->plugin_dir != NULL) == (world->plugin_dir != NULL);
    return rc == 0 && whole ? 0 : -ENOMEM;
}

static bool exposes_of_its_root(const struct reuse_world *world)
{
    for (size_t i = 0; i < world->expose.count; i++) {
        if (world->expose.items[i][0] != '/') {
            return true;
        }
    }
    return false;
}

/* All of it but the tree, of a tree at `root`. */
static void hash_world(struct hasher *hasher, const struct reuse_world *world, const char *root)
{
    hasher_begin(hasher);
    hasher_add_text(hasher, root != NULL ? root : "");
    hasher_add_text(hasher, world->plugin_dir != NULL ? world->plugin_dir : "");
    hasher_add_text(hasher, world->network ? "network" : "");
    for (size_t i = 0; i < world->expose.count; i++) {
        hasher_add_text(hasher, world->expose.items[i]);
    }
    for (size_t i = 0; world->products != NULL && i < world->products->count; i++) {
        const struct product *product = &world->products->items[i];
        hasher_add_text(hasher, product->path);
        hasher_add(hasher, &product->mode, sizeof product->mode);
        hasher_add(hasher, product->digest.bytes, HASH_SIZE);
    }
}

static struct hash hash_with_tree(struct hasher *hasher,
                                  const struct hash *spec,
                                  const struct reuse_world *world)
{
    hasher_begin(hasher);
    hasher_add(hasher, spec->bytes, HASH_SIZE);
    hasher_add_text(hasher, world->tree != NULL ? world->tree : "");
    return hasher_end(hasher);
}

/* What is the same work in another clone too: where a tree lies decides what its relative `expose`
 * names, and nothing else. Who waits for it looks at the evidence anew, so this may be too wide. */
static struct hash hash_work(struct hasher *hasher, const struct reuse_world *world)
{
    hash_world(hasher, world, exposes_of_its_root(world) ? world->root : NULL);
    const struct hash spec = hasher_end(hasher);
    return hash_with_tree(hasher, &spec, world);
}

int reuse_state(struct reuse *reuse,
                const struct reuse_world *world,
                struct reuse_state **ret_state,
                struct err *err)
{
    uintptr_t known = 0;
    char hex[HASH_HEX_SIZE];
    hash_world(reuse->hasher, world, world->root);
    struct hash spec = hasher_end(reuse->hasher);
    struct hash id = hash_with_tree(reuse->hasher, &spec, world);
    (void)hash_hex(&id, hex);
    if (map_get(&reuse->states_by_id, hex, &known) == 1) {
        *ret_state = (struct reuse_state *)known;
        return 0;
    }
    struct reuse_state *state = mem_calloc(1, sizeof *state);
    if (state == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a state");
    }
    state->reuse = reuse;
    state->spec = spec;
    state->id = id;
    state->work = hash_work(reuse->hasher, world);
    memcpy(state->id_hex, hex, sizeof hex);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
    if (copy_world(state, world) != 0 || vec_push(&reuse->states, state) != 0) {
        mem_free(state);
        return err_set(err, -ENOMEM, "not enough memory for a state");
    }
    int rc = answers_look(reuse->host, &state->world, err);
    if (rc != 0) {
        return rc; /* owned by the list; made again when it is asked for again */
    }
    /* Owned by the list; one that the map lacks is made again when it is asked for again. */
    (void)map_put(&reuse->states_by_id, state->id_hex, (uintptr_t)state);
    *ret_state = state;
    return 0;
}

/* Forgets the answers; they can be had again. */
static void drop_answers(struct reuse_state *state)
{
    for (size_t i = 0; i < state->page_count; i++) {
        mem_free(state->pages[i]);
    }
    mem_free(state->pages);
    state->pages = NULL;
    state->page_count = 0;
    answers_free(state->answers);
    state->answers = NULL;
    state->rounds = 0;
    state->read_whole = false;
}

void state_free(struct reuse_state *state)
{
    drop_answers(state);
    arena_free(state->short_arena);
    evidence_roll_free(state->roll);
    bits_fini(&state->touched);
    bits_fini(&state->watched_atoms);
    vec_fini(&state->learnt);
    map_fini(&state->watched);
    for (size_t i = 0; i < state->watched_keys.count; i++) {
        mem_free(state->watched_keys.items[i]);
    }
    vec_fini(&state->watched_keys);
    mem_free(state);
}

/* The one not asked for longest makes room. */
static void limit_live(struct reuse *reuse)
{
    struct reuse_state *oldest = NULL;
    size_t live = 0;
    for (size_t i = 0; i < reuse->states.count; i++) {
        struct reuse_state *state = reuse->states.items[i];
        if (state->answers != NULL) {
            live++;
            oldest = oldest == NULL || state->used < oldest->used ? state : oldest;
        }
    }
    if (live >= STATES_LIVE_MAX) {
        drop_answers(oldest);
    }
}

struct answers *state_answers(struct reuse_state *state)
{
    struct err err = {0};
    state->used = ++state->reuse->clock;
    if (state->answers == NULL && !state->no_answers) {
        limit_live(state->reuse);
        if (answers_new(
                state->reuse->objects, state->reuse->host, &state->world, &state->answers, &err)
            != 0) {
            state->no_answers = true;
            reuse_note(state->reuse, "nothing is reused: %s", err.text);
        }
    }
    return state->answers;
}

/* ---- atoms ---- */

int reuse_atom(struct reuse *reuse,
               uint32_t atom,
               struct observation *ret_observation,
               struct err *err)
{
    if (reuse->atoms == NULL && ++reuse->atoms_asked > ATOMS_SINGLY) {
        int rc = evidence_atoms(reuse->store, &reuse->atoms, &reuse->atom_end, err);
        if (rc != 0) {
            return rc;
        }
    }
    if (reuse->atoms != NULL && atom < reuse->atom_end && reuse->atoms[atom].path != NULL) {
        *ret_observation = reuse->atoms[atom];
        return 0;
    }
    return evidence_atom(reuse->store, atom, ret_observation, err);
}

static int question_of(struct reuse *reuse, uint32_t atom, uint64_t *ret_number, struct err *err)
{
    struct observation asked;
    if (atom < reuse->question_cap && reuse->questions[atom] != 0) {
        *ret_number = reuse->questions[atom];
        return 0;
    }
    int rc = reuse_atom(reuse, atom, &asked, err);
    if (rc != 0) {
        return rc;
    }
    *ret_number = question_number(&asked);
    if (atom >= reuse->question_cap) {
        uint32_t cap = reuse->question_cap > 0 ? reuse->question_cap : 1024;
        while (cap <= atom) {
            cap *= 2;
        }
        uint64_t *grown = mem_realloc(reuse->questions, cap, sizeof *grown);
        if (grown == NULL) {
            return err_set(err, -ENOMEM, "not enough memory for questions");
        }
        memset(grown + reuse->question_cap, 0, (cap - reuse->question_cap) * sizeof *grown);
        reuse->questions = grown;
        reuse->question_cap = cap;
    }
    reuse->questions[atom] = *ret_number;
    return 0;
}

/* The page an atom lies on; made when it is missing. NULL: memory is short. */
static struct page *page_of(struct reuse_state *state, uint32_t atom)
{
    size_t at = atom / PAGE_ATOMS;
    if (at >= state->page_count) {
        size_t count = state->page_count > 0 ? state->page_count : 16;
        while (count <= at) {
            count *= 2;
        }
        struct page **grown = mem_realloc(state->pages, count, sizeof(struct page *));
        if (grown == NULL) {
            return NULL;
        }
        memset(grown + state->page_count, 0, (count - state->page_count) * sizeof(struct page *));
        state->pages = grown;
        state->page_count = count;
    }
    if (state->pages[at] == NULL) {
        state->pages[at] = mem_calloc(1, sizeof *state->pages[at]);
    }
    return state->pages[at];
}

static enum atom_status status_of(const struct reuse_state *state, uint32_t atom)
{
    size_t at = atom / PAGE_ATOMS;
    return at < state->page_count && state->pages[at] != NULL
               ? (enum atom_status)state->pages[at]->status[atom % PAGE_ATOMS]
               : ATOM_UNKNOWN;
}

/* Works out one answer. What cannot be answered is told once, and no class with it ever answers. */
static int fill_atom(struct reuse_state *state,
                     uint32_t atom,
                     const struct observation *asked,
                     struct err *err)
{
    struct err why = {0};
    struct page *page = page_of(state, atom);
    unsigned at = atom % PAGE_ATOMS;
    if (page == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for answers");
    }
    int rc = answers_get(state->answers, asked, &page->answers[at], &why);
    if (rc == 0) {
        rc = term_of(
            evidence_secret(state->reuse->store), asked, &page->answers[at], &page->terms[at]);
    } else {
        reuse_note(state->reuse, "units that look at %s run: %s", asked->path, why.text);
    }
    bool known = rc == 0 && page->answers[at].bytes[0] != ANSWER_VOLATILE;
    page->status[at] = known ? ATOM_KNOWN : ATOM_NO_ANSWER;
    return 0;
}

/* A state that is asked for much: the whole tree, and all sizes any class asks for. */
static int read_whole(struct reuse_state *state, struct err *err)
{
    struct reuse *reuse = state->reuse;
    state->read_whole = true;
    int rc = answers_read_whole(state->answers, WHOLE_FOLDERS_MAX, err);
    if (rc == 0 && reuse->atoms == NULL) {
        rc = evidence_atoms(reuse->store, &reuse->atoms, &reuse->atom_end, err);
    }
    return rc == 0 ? answers_prefetch(state->answers, reuse->atoms, reuse->atom_end, false, err)
                   : rc;
}

static int read_ahead(struct reuse_state *state,
                      const struct observation *asked,
                      size_t count,
                      struct err *err)
{
    if (!state->read_whole && ++state->rounds > ROUNDS_MAX) {
        int rc = read_whole(state, err);
        if (rc != 0) {
            return rc;
        }
    }
    return state->read_whole ? 0 : answers_prefetch(state->answers, asked, count, true, err);
}

/* Atoms whose answers are to be had. */
struct missing {
    size_t count;
    uint32_t *atoms;
    struct observation *asked;
};

static void missing_fini(struct missing *missing)
{
    mem_free(missing->atoms);
    mem_free(missing->asked);
}

static int add_missing(struct reuse_state *state,
                       uint32_t atom,
                       struct missing *missing,
                       struct err *err)
{
    if (status_of(state, atom) != ATOM_UNKNOWN) {
        return 0;
    }
    int rc = reuse_atom(state->reuse, atom, &missing->asked[missing->count], err);
    if (rc == 0) {
        missing->atoms[missing->count++] = atom;
    }
    return rc;
}

static int list_missing(struct reuse_state *state,
                        const uint32_t *atoms,
                        size_t count,
                        struct missing *missing,
                        struct err *err)
{
    int rc = 0;
    missing->atoms = mem_calloc(count + 1, sizeof *missing->atoms);
    missing->asked = mem_calloc(count + 1, sizeof *missing->asked);
    if (missing->atoms == NULL || missing->asked == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for answers");
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_missing(state, atoms[i], missing, err);
    }
    return rc;
}

/* Answers those of the atoms that are not known yet, reading ahead for all of them at once. */
static int fill_atoms(struct reuse_state *state,
                      const uint32_t *atoms,
                      size_t count,
                      struct err *err)
{
    CLEANUP(missing_fini) struct missing missing = {0};
    if (state_answers(state) == NULL) {
        return err_set(err, -ENODATA, "this state has no answers");
    }
    int rc = list_missing(state, atoms, count, &missing, err);
    rc = rc == 0 ? read_ahead(state, missing.asked, missing.count, err) : rc;
    for (size_t i = 0; rc == 0 && i < missing.count; i++) {
        rc = fill_atom(state, missing.atoms[i], &missing.asked[i], err);
    }
    return rc;
}

/* Adds up what is known of a class: the worst status of its atoms. */
static enum atom_status add_up(const struct reuse_state *state,
                               const uint32_t *atoms,
                               size_t count,
                               struct term *sum)
{
    struct term total = {0};
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        switch (status_of(state, atoms[i])) {
        case ATOM_UNKNOWN:
            return ATOM_UNKNOWN;
        case ATOM_NO_ANSWER:
            all = false;
            break;
        case ATOM_KNOWN:
            total =
                term_add(total, state->pages[atoms[i] / PAGE_ATOMS]->terms[atoms[i] % PAGE_ATOMS]);
            break;
        }
    }
    *sum = total;
    return all ? ATOM_KNOWN : ATOM_NO_ANSWER;
}

int state_fast(struct reuse_state *state,
               const uint32_t *atoms,
               size_t count,
               struct term *ret_sum,
               struct err *err)
{
    enum atom_status status = add_up(state, atoms, count, ret_sum);
    if (status == ATOM_UNKNOWN) {
        int rc = fill_atoms(state, atoms, count, err);
        if (rc != 0) {
            return rc;
        }
        status = add_up(state, atoms, count, ret_sum);
        assert(status != ATOM_UNKNOWN);
    }
    return status == ATOM_KNOWN ? 1 : 0;
}

int state_answer(struct reuse_state *state,
                 uint32_t atom,
                 struct answer *ret_answer,
                 struct err *err)
{
    if (status_of(state, atom) == ATOM_UNKNOWN) {
        int rc = fill_atoms(state, &atom, 1, err);
        if (rc != 0) {
            return rc;
        }
    }
    if (status_of(state, atom) != ATOM_KNOWN) {
        return 0;
    }
    *ret_answer = state->pages[atom / PAGE_ATOMS]->answers[atom % PAGE_ATOMS];
    return 1;
}

int state_vector(struct reuse_state *state,
                 const uint32_t *atoms,
                 size_t count,
                 struct str *vector,
                 struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = 0;
        struct answer answer;
        int rc = state_answer(state, atoms[i], &answer, err);
        if (rc <= 0) {
            return rc < 0 ? rc : err_set(err, -ENODATA, "a question has no answer");
        }
        rc = question_of(state->reuse, atoms[i], &number, err);
        if (rc != 0) {
            return rc;
        }
        if (vector_add(vector, number, &answer) != 0) {
            return err_set(err, str_error(vector), "not enough memory for a fingerprint");
        }
    }
    return 0;
}
