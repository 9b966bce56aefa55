/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision to run leaves with the caller until the unit has ended, and single flight: the
 * same work asked for twice at once, by two processes too, runs once. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "reuse/reuse_impl.h"

#include <errno.h>

static const char *words_of(const struct reuse_request *request, struct arena *arena)
{
    CLEANUP(str_fini) struct str text = STR_INIT(1u << 20);
    struct json_writer w;
    jw_begin(&w, &text);
    jw_object(&w);
    jw_put_string(&w, "layer", request->layer);
    jw_put_string(&w, "unit", request->unit);
    jw_key(&w, "argv");
    jw_array(&w);
    for (size_t i = 0; request->argv != NULL && request->argv[i] != NULL; i++) {
        jw_string(&w, request->argv[i]);
    }
    jw_end_array(&w);
    jw_end_object(&w);
    return str_error(&text) == 0 ? arena_strdup(arena, str_text(&text)) : "{}";
}

static int copy_policy(const struct reuse_policy *from,
                       struct arena *arena,
                       struct reuse_policy *to)
{
    if (from == NULL) {
        return 0;
    }
    *to = *from;
    const char **items = arena_calloc(arena, from->declared.count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < from->declared.count; i++) {
        items[i] = arena_strdup(arena, from->declared.items[i]);
        if (items[i] == NULL) {
            return -ENOMEM;
        }
    }
    to->declared.items = items;
    return items != NULL ? 0 : -ENOMEM;
}

struct reuse_lease *lease_new(struct reuse *reuse, const struct reuse_request *request)
{
    struct reuse_lease *lease = mem_calloc(1, sizeof *lease);
    if (lease == NULL) {
        return NULL;
    }
    lease->arena = arena_new(REUSE_ARENA_MAX);
    if (lease->arena == NULL || copy_policy(request->policy, lease->arena, &lease->policy) != 0) {
        arena_free(lease->arena);
        mem_free(lease);
        return NULL;
    }
    lease->state = request->state;
    lease->key = request->key;
    lease->words = words_of(request, lease->arena);
    lease->unit = request->unit != NULL ? arena_strdup(lease->arena, request->unit) : NULL;
    lease->network = request->state->network;
    lease->wants_artifacts = request->artifacts.count > 0;
    lease->artifacts = hash_patterns(&request->artifacts);
    lease->next = reuse->leases;
    reuse->leases = lease;
    return lease;
}

/* A key for those who attest alike: who waits must be able to read what the other one earns. */
static struct hash key_of_kin(const struct reuse *reuse,
                              const char *what,
                              const struct hash *first,
                              const struct hash *second)
{
    const struct reuse_options *options = &reuse->options;
    struct hasher *hasher = reuse->hasher;
    hasher_add_text(hasher, what);
    hasher_add_text(hasher, evidence_trust_names[options->trust]);
    hasher_add_text(hasher, options->scope != NULL ? options->scope : "");
    hasher_add(hasher, first->bytes, HASH_SIZE);
    hasher_add(hasher, second->bytes, HASH_SIZE);
    return hasher_end(hasher);
}

/* What is run once at a time: by what its world is made of, and by the answers of the class used
 * last. */
static unsigned flight_keys(const struct reuse *reuse,
                            const struct flight *flight,
                            struct hash keys[2])
{
    keys[0] = key_of_kin(reuse, "state", &flight->key, &flight->state->work);
    keys[1] = key_of_kin(reuse, "class", &flight->key, &flight->by_class);
    return flight->has_class ? 2 : 1;
}

bool flight_is_under_way(struct reuse *reuse,
                         const struct flight *flight,
                         char holder[EVIDENCE_OWNER_MAX])
{
    struct hash keys[2];
    const unsigned count = flight_keys(reuse, flight, keys);
    for (unsigned i = 0; i < count; i++) {
        if (evidence_lease_look(reuse->store, &keys[i], holder, NULL) == 1) {
            return true;
        }
    }
    return false;
}

bool flight_take(struct reuse *reuse,
                 const struct flight *flight,
                 struct reuse_lease *lease,
                 char holder[EVIDENCE_OWNER_MAX])
{
    struct hash keys[2];
    struct err err = {0};
    const unsigned count = flight_keys(reuse, flight, keys);
    reuse_picture_end(reuse);
    for (unsigned i = 0; i < count; i++) {
        int rc = evidence_lease_take(reuse->store,
                                     &keys[i],
                                     reuse->options.run,
                                     REUSE_LEASE_MS,
                                     &lease->taken[lease->taken_count],
                                     holder,
                                     &err);
        if (rc == 0) {
            return false;
        }
        if (rc < 0) {
            reuse_note(reuse, "identical units may run twice at once: %s", err.text);
            return true;
        }
        lease->taken_count++;
    }
    return true;
}

void reuse_release(struct reuse *reuse, struct reuse_lease *lease)
{
    if (lease == NULL) {
        return;
    }
    struct reuse_lease **place = &reuse->leases;
    while (*place != NULL && *place != lease) {
        place = &(*place)->next;
    }
    if (*place == lease) {
        *place = lease->next;
    }
    reuse_picture_end(reuse);
    for (unsigned i = 0; i < lease->taken_count; i++) {
        (void)evidence_lease_drop(reuse->store, &lease->taken[i], NULL);
    }
    arena_free(lease->arena);
    mem_free(lease);
}

void reuse_renew(struct reuse *reuse)
{
    reuse_picture_end(reuse);
    for (struct reuse_lease *lease = reuse->leases; lease != NULL; lease = lease->next) {
        for (unsigned i = 0; i < lease->taken_count; i++) {
            (void)evidence_lease_renew(reuse->store, &lease->taken[i], REUSE_LEASE_MS, NULL);
        }
    }
}
