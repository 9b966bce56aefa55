/* SPDX-License-Identifier: Apache-2.0 */
/* Deep fingerprints. What is not known of a unit's inputs are the products of its pending
 * producers, and those are functions of the producers' own fingerprints: unit key, what the class
 * used last answers in the state without these products (the whole state's id while there is no
 * class), and the producers' fingerprints in their order name the work. */
#include "base/arena.h"
#include "base/cleanup.h"
#include "reuse/reuse_impl.h"

#include <errno.h>

/* Room for the class that is looked at: EVIDENCE_QUESTIONS_MAX atoms of 4 bytes and its packed
 * form.
 */
#define DEEP_ARENA_MAX ((size_t)64 << 20)

/* The answers of the class used last. False: there is none, or not all of them can be had. */
static bool read_answers(struct reuse_state *state,
                         const struct hash *key,
                         struct arena *arena,
                         struct str *vector)
{
    const struct evidence_class *classes = NULL;
    struct term sum;
    size_t count = 0;
    if (evidence_classes(state->reuse->store, key, arena, &classes, &count, NULL) != 0
        || count == 0) {
        return false;
    }
    uint32_t *atoms = arena_calloc(arena, classes[0].count + 1u, sizeof *atoms);
    return atoms != NULL && evidence_class_atoms(&classes[0], atoms, NULL) == 0
           && state_fast(state, atoms, classes[0].count, &sum, NULL) == 1
           && state_vector(state, atoms, classes[0].count, vector, NULL) == 0;
}

// NOLINTNEXTLINE(readability-function-size): seven things make it up
int reuse_deep(struct reuse *reuse,
               struct reuse_state *state,
               const struct hash *key,
               const struct hash *producers,
               size_t count,
               struct hash *ret_deep,
               struct err *err)
{
    struct hasher *hasher = reuse->hasher;
    CLEANUP(str_fini) struct str vector = STR_INIT((size_t)EVIDENCE_QUESTIONS_MAX * 49);
    struct arena *arena = arena_new(DEEP_ARENA_MAX);
    if (arena == NULL) {
        return err_set(err, -ENOMEM, "not enough memory for a deep fingerprint");
    }
    const bool known = read_answers(state, key, arena, &vector);
    arena_free(arena);
    hasher_begin(hasher);
    hasher_add_text(hasher, known ? "deep, of answers" : "deep, of a state");
    hasher_add(hasher, key->bytes, HASH_SIZE);
    hasher_add(hasher, producers, count * sizeof *producers);
    if (known) {
        hasher_add(hasher, str_text(&vector), vector.len);
    } else {
        hasher_add(hasher, state->id.bytes, HASH_SIZE);
    }
    *ret_deep = hasher_end(hasher);
    return 0;
}
