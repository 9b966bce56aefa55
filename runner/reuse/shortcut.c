/* SPDX-License-Identifier: Apache-2.0 */
/* Unchanged runs, and nearly unchanged ones. Which evidence answered in a state is remembered by
 * the state's id, so no class is looked at. The id must cover everything answers rest on: tree,
 * products and settings by hash, and the machine's files by their stat data, so it is made anew in
 * each run from a list of the machine's paths that hits under these settings rest on
 * (FOLDER/watch/SPEC). No stat data that is younger than ANSWER_YOUNG_NS is believed: then classes
 * are looked at.
 *
 * Over another tree with all else the same, what answered over the tree before (the list's head
 * names it) is carried over: git tells which paths differ, the store which atoms ask of them, and
 * evidence whose class has none of these answers as it did. The rest is looked up class by class.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "model/world.h"
#include "reuse/answer_impl.h"
#include "reuse/reuse_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A list of 200,000 paths of 80 bytes; a longer one is not kept, and the shortcut not taken. */
#define WATCH_BYTES_MAX (16u << 20)

/* Lists kept; older ones are removed. As many as states whose answers the store remembers. */
#define WATCH_LISTS_MAX EVIDENCE_STATES_MAX

#define WATCH_HEAD "sluice-watch 2\n" /* then the tree, then entries, each closed by a NUL */

/* Differences between two trees beyond which nothing is carried over: each costs some look-ups of 2
 * us for itself and the folders above it, looking at all classes half a second. */
#define DIFFERENCES_MAX 10000u

/* What an evidence id of 0 stands for is never stored. */
#define NO_EVIDENCE 0

static int watch_path(const struct reuse_state *state, char buf[PATH_TEXT_MAX])
{
    char hex[HASH_HEX_SIZE];
    int n = snprintf(buf,
                     PATH_TEXT_MAX,
                     "%s/watch/%s",
                     state->reuse->options.cache,
                     hash_hex(&state->spec, hex));
    return n > 0 && n < PATH_TEXT_MAX ? 0 : -ENAMETOOLONG;
}

/* 0, or 1 = it is on the list already. An entry is on the list before it is known: one that is
 * known but not listed would be no part of the state's id, and its change not be seen. */
static int watch_add(struct reuse_state *state, const char *entry)
{
    char *key = mem_strdup(entry);
    if (key == NULL || vec_push(&state->watched_keys, key) != 0) {
        mem_free(key);
        return -ENOMEM;
    }
    int rc = map_add(&state->watched, key, 0);
    if (rc != 0) {
        state->watched_keys.count--;
        mem_free(key);
    }
    return rc;
}

/* Reads the list; a missing or foreign file is an empty one. */
static void watch_read(struct reuse_state *state)
{
    char path[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(WATCH_BYTES_MAX);
    const size_t head = strlen(WATCH_HEAD);
    if (watch_path(state, path) != 0 || file_read(path, &text, NULL) != 0 || text.len <= head
        || memcmp(text.data, WATCH_HEAD, head) != 0) {
        return;
    }
    const char *end = text.data + text.len;
    const char *at = text.data + head;
    if (strlen(at) < sizeof state->base_tree) {
        memcpy(state->base_tree, at, strlen(at) + 1);
    }
    for (at += strlen(at) + 1; at < end; at += strlen(at) + 1) {
        if (watch_add(state, at) < 0) {
            return;
        }
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Stat data of one path into the hash, as it was when this run first looked: what the answers of
 * this run rest on, also when the file was changed since. False: too young to be believed. */
static bool hash_stat(struct reuse_state *state, struct hasher *hasher, const char *path)
{
    enum host_presence presence = HOST_ABSENT;
    const struct host_node *node = NULL;
    if (host_find(state->reuse->host, path, 0, &presence, &node, NULL) != 0) {
        return false;
    }
    hasher_add_text(hasher, path);
    hasher_add_text(hasher, node->path);
    hasher_add(hasher, &presence, sizeof presence);
    hasher_add(hasher, &node->mode, sizeof node->mode);
    hasher_add(hasher, &node->stamp, sizeof node->stamp);
    int64_t newest =
        node->stamp.mtime_ns > node->stamp.ctime_ns ? node->stamp.mtime_ns : node->stamp.ctime_ns;
    return newest < node->seen_ms * 1000000 - ANSWER_YOUNG_NS;
}

/* A path, or a kind and what it is asked of: a fact has no stat data, its answer counts. A whole
 * folder would have to be walked: states with such a question have no shortcut. */
static bool hash_entry(struct reuse_state *state, struct hasher *hasher, const char *entry)
{
    if (entry[0] == '/') {
        return hash_stat(state, hasher, entry);
    }
    struct answer answer = {0};
    int rc = -EOPNOTSUPP;
    if (entry[0] == OBSERVE_HOST) {
        rc = host_fact(state->reuse->host, entry + 1, &answer, NULL);
    }
    hasher_add_text(hasher, entry);
    hasher_add(hasher, &answer, sizeof answer);
    return rc == 0;
}

/* Where exposed entries lead (as this run saw it first), and what git converts, are part of the
 * state as well. */
static int hash_surroundings(struct reuse_state *state, struct hasher *hasher)
{
    struct hash salt = {0};
    bool always = false;
    for (size_t i = 0; i < state->world.expose.count; i++) {
        const char *real = NULL;
        char path[2 * PATH_TEXT_MAX];
        const char *entry = state->world.expose.items[i];
        (void)snprintf(path,
                       sizeof path,
                       "%s%s%s",
                       entry[0] == '/' ? "" : state->world.root,
                       entry[0] == '/' ? "" : "/",
                       entry);
        if (host_place(state->reuse->host, path, &real, NULL) != 0) {
            return -ENOMEM;
        }
        hasher_add_text(hasher, real != NULL ? real : "absent");
    }
    int rc = state->world.tree != NULL && state->reuse->objects != NULL
                 ? git_conversion_config(state->reuse->objects, &salt, &always, NULL)
                 : 0;
    hasher_add(hasher, salt.bytes, HASH_SIZE);
    return rc;
}

static const char *tree_of(const struct reuse_state *state)
{
    return state->world.tree != NULL ? state->world.tree : "";
}

/* What the list says of the machine now. */
static bool hash_machine(struct reuse_state *state, struct hash *ret_machine)
{
    struct hasher *hasher = hasher_new();
    bool good = hasher != NULL;
    if (!good) {
        return false;
    }
    if (state->watched_keys.count > 1) {
        qsort(state->watched_keys.items,
              state->watched_keys.count,
              sizeof *state->watched_keys.items,
              compare_keys);
    }
    hasher_begin(hasher);
    hasher_add_text(hasher, "shortcut 2");
    hasher_add(hasher, state->spec.bytes, HASH_SIZE);
    good = hash_surroundings(state, hasher) == 0;
    for (size_t i = 0; good && i < state->watched_keys.count; i++) {
        good = hash_entry(state, hasher, state->watched_keys.items[i]);
    }
    *ret_machine = hasher_end(hasher);
    hasher_free(hasher);
    return good;
}

static struct hash id_over(const struct reuse_state *state,
                           const struct hash *machine,
                           const char *tree)
{
    struct hasher *hasher = state->reuse->hasher;
    hasher_begin(hasher);
    hasher_add(hasher, machine->bytes, HASH_SIZE);
    hasher_add_text(hasher, tree);
    return hasher_end(hasher);
}

/* ---- another tree ---- */

static int touch_atom(void *context, uint32_t atom, enum observation_kind kind)
{
    (void)kind;
    return bits_set(context, atom);
}

/* A file that has other content is there as before. */
static int touch_content(void *context, uint32_t atom, enum observation_kind kind)
{
    return kind != OBSERVE_EXISTS ? bits_set(context, atom) : 0;
}

static int touch_subtree(void *context, uint32_t atom, enum observation_kind kind)
{
    return kind == OBSERVE_SUBTREE ? bits_set(context, atom) : 0;
}

struct touching {
    struct reuse_state *state;
    unsigned count;
};

/* The folders above: whole subtrees are others; what came or went may also have made or removed the
 * folder, and is another name in it. */
static int touch_above(struct reuse_state *state, char *path, bool in_place)
{
    int rc = 0;
    for (char *slash = strrchr(path, '/'); rc == 0 && slash > path; slash = strrchr(path, '/')) {
        *slash = '\0';
        rc = evidence_atoms_at(state->reuse->store,
                               path,
                               false,
                               in_place ? touch_subtree : touch_atom,
                               &state->touched,
                               NULL);
    }
    return rc;
}

static int touch_path(void *context, const char *path, bool in_place)
{
    struct touching *touching = context;
    struct reuse_state *state = touching->state;
    char world[PATH_TEXT_MAX + sizeof WORLD_ROOT];
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    if (++touching->count > DIFFERENCES_MAX || strcmp(name, ".gitattributes") == 0
        || strlen(path) >= PATH_TEXT_MAX) {
        return -E2BIG; /* everything may be converted otherwise */
    }
    (void)snprintf(world, sizeof world, WORLD_ROOT "/%s", path);
    int rc = evidence_atoms_at(state->reuse->store,
                               world,
                               false,
                               in_place ? touch_content : touch_atom,
                               &state->touched,
                               NULL);
    if (rc == 0 && !in_place) {
        rc = evidence_atoms_at(state->reuse->store, world, true, touch_atom, &state->touched, NULL);
    }
    return rc == 0 ? touch_above(state, world, in_place) : rc;
}

/* Finds out what differs from the tree before; nothing is carried over when that cannot be. */
static void load_carried(struct reuse_state *state, const struct hash *machine)
{
    struct touching touching = {.state = state};
    const char *tree = tree_of(state);
    if (state->base_tree[0] == '\0' || tree[0] == '\0' || strcmp(state->base_tree, tree) == 0
        || state->reuse->options.repo == NULL) {
        return;
    }
    struct hash id = id_over(state, machine, state->base_tree);
    if (evidence_answers(state->reuse->store,
                         &id,
                         state->short_arena,
                         &state->carried,
                         &state->carried_count,
                         NULL)
            != 0
        || state->carried_count == 0
        || git_diff_each(
               state->reuse->options.repo, state->base_tree, tree, touch_path, &touching, NULL)
               != 0) {
        state->carried_count = 0;
    }
}

static void load(struct reuse_state *state)
{
    struct hash machine;
    state->shortcut_tried = true;
    watch_read(state);
    state->short_arena = arena_new(REUSE_ARENA_MAX);
    state->shortcut_usable = hash_machine(state, &machine) && state->short_arena != NULL;
    if (!state->shortcut_usable) {
        return;
    }
    state->short_id = id_over(state, &machine, tree_of(state));
    if (evidence_answers(state->reuse->store,
                         &state->short_id,
                         state->short_arena,
                         &state->known,
                         &state->known_count,
                         NULL)
        != 0) {
        state->known_count = 0;
    }
    if (state->known_count == 0) {
        load_carried(state, &machine);
    }
    if (state->known_count + state->carried_count >= EVIDENCE_ROLL_ROWS_MIN
        && state->reuse->picture) {
        (void)evidence_roll_open(state->reuse->store, &state->spec, &state->roll, NULL);
    }
}

static int compare_answer(const void *key, const void *item)
{
    return memcmp(((const struct hash *)key)->bytes,
                  ((const struct evidence_answer *)item)->unit_key.bytes,
                  HASH_SIZE);
}

static int64_t find_answer(const struct evidence_answer *answers,
                           size_t count,
                           const struct hash *key)
{
    if (count == 0) {
        return NO_EVIDENCE;
    }
    const struct evidence_answer *found =
        bsearch(key, answers, count, sizeof *answers, compare_answer);
    return found != NULL ? found->evidence_id : NO_EVIDENCE;
}

int64_t shortcut_get(struct reuse_state *state, const struct hash *key)
{
    if (!state->shortcut_tried) {
        load(state);
    }
    return find_answer(state->known, state->known_count, key);
}

int64_t shortcut_carried(struct reuse_state *state, const struct hash *key)
{
    return find_answer(state->carried, state->carried_count, key);
}

bool shortcut_holds(const struct reuse_state *state, const uint32_t *atoms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bits_get(&state->touched, atoms[i])) {
            return false;
        }
    }
    return true;
}

/* A path of the machine that an answer rests on, as an entry of the list. 0 = it is none. */
static int entry_of(struct reuse_state *state,
                    const struct observation *asked,
                    char buf[PATH_TEXT_MAX + 1])
{
    char path[PATH_TEXT_MAX];
    int rc = answers_host_path(state->answers, asked, path, sizeof path);
    if (rc != 1) {
        return rc;
    }
    bool special = asked->kind == OBSERVE_HOST || asked->kind == OBSERVE_SUBTREE;
    buf[0] = (char)asked->kind;
    memcpy(buf + (special ? 1 : 0), path, strlen(path) + 1);
    return 1;
}

/* Notes the machine's path behind an atom. False: it could not be. */
static bool watch_atom(struct reuse_state *state, uint32_t atom)
{
    char entry[PATH_TEXT_MAX + 1];
    struct observation asked;
    if (bits_get(&state->watched_atoms, atom)) {
        return true;
    }
    if (reuse_atom(state->reuse, atom, &asked, NULL) != 0) {
        return false;
    }
    int rc = entry_of(state, &asked, entry);
    if (rc == 1) {
        rc = watch_add(state, entry);
        state->watched_grew = state->watched_grew || rc == 0;
    }
    return rc >= 0 && bits_set(&state->watched_atoms, atom) == 0;
}

void shortcut_put(struct reuse_state *state,
                  const struct hash *key,
                  int64_t evidence,
                  const uint32_t *atoms,
                  size_t count)
{
    if (count > 0 && state_answers(state) == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!watch_atom(state, atoms[i])) {
            return;
        }
    }
    const struct evidence_answer answer = {.unit_key = *key, .evidence_id = evidence};
    (void)vec_push(&state->learnt, answer);
}

/* ---- keeping ---- */

static int watch_write(struct reuse_state *state, struct err *err)
{
    char path[PATH_TEXT_MAX];
    CLEANUP(str_fini) struct str text = STR_INIT(WATCH_BYTES_MAX);
    (void)str_append(&text, WATCH_HEAD);
    (void)str_append_n(&text, tree_of(state), strlen(tree_of(state)) + 1);
    for (size_t i = 0; i < state->watched_keys.count; i++) {
        const char *entry = state->watched_keys.items[i];
        (void)str_append_n(&text, entry, strlen(entry) + 1);
    }
    int rc = str_error(&text) != 0 ? str_error(&text) : watch_path(state, path);
    return rc == 0 ? file_write_atomic(path, str_text(&text), text.len, err)
                   : err_set(err, rc, "the list of the machine's files is too long");
}

struct watch_list {
    char *name;
    time_t used;
};

static int by_age(const void *a, const void *b)
{
    const struct watch_list *x = a;
    const struct watch_list *y = b;
    return (x->used < y->used) - (x->used > y->used);
}

struct watch_lists {
    VEC_FIELDS(struct watch_list);
};

static void watch_list_folder(DIR *stream, struct watch_lists *lists)
{
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while ((entry = readdir(stream)) != NULL) {
        struct stat st;
        if (entry->d_name[0] == '.'
            || fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        struct watch_list list = {.name = mem_strdup(entry->d_name), .used = st.st_mtime};
        if (list.name == NULL || vec_push(lists, list) != 0) {
            mem_free(list.name);
        }
    }
}

/* Removes the oldest lists. Whoever reads one meanwhile has it open. */
static void watch_prune(const struct reuse *reuse)
{
    char folder[PATH_TEXT_MAX];
    struct watch_lists lists = {0};
    (void)snprintf(folder, sizeof folder, "%s/watch", reuse->options.cache);
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return;
    }
    watch_list_folder(stream, &lists);
    if (lists.count > 1) {
        qsort(lists.items, lists.count, sizeof *lists.items, by_age);
    }
    for (size_t i = 0; i < lists.count; i++) {
        if (i >= WATCH_LISTS_MAX) {
            (void)unlinkat(dirfd(stream), lists.items[i].name, 0);
        }
        mem_free(lists.items[i].name);
    }
    vec_fini(&lists);
    (void)closedir(stream);
}

/* A state whose files are too young to be believed is remembered under an id that is never asked
 * for again: what answered for its tree can still be exported. */
static struct hash passing_id(const struct reuse_state *state)
{
    struct hasher *hasher = state->reuse->hasher;
    hasher_begin(hasher);
    hasher_add_text(hasher, "passing");
    hasher_add(hasher, state->id.bytes, HASH_SIZE);
    hasher_add_text(hasher, state->reuse->options.run);
    return hasher_end(hasher);
}

int shortcut_flush(struct reuse_state *state, struct err *err)
{
    struct hash machine;
    struct evidence_state own = {.tree = tree_of(state), .run = state->reuse->options.run};
    int rc = 0;
    if (state->learnt.count == 0) {
        return 0;
    }
    if (state->watched_grew || strcmp(state->base_tree, tree_of(state)) != 0) {
        rc = watch_write(state, err);
        watch_prune(state->reuse);
    }
    bool lasting = rc == 0 && hash_machine(state, &machine);
    own.id = lasting ? id_over(state, &machine, tree_of(state)) : passing_id(state);
    /* With a longer list the state has another id, under which what was known before is not. */
    bool moved =
        !state->shortcut_usable || memcmp(own.id.bytes, state->short_id.bytes, HASH_SIZE) != 0;
    rc =
        moved && state->known_count > 0
            ? evidence_answers_put(state->reuse->store, &own, state->known, state->known_count, err)
            : 0;
    rc = rc == 0 ? evidence_answers_put(
             state->reuse->store, &own, state->learnt.items, state->learnt.count, err)
                 : rc;
    vec_fini(&state->learnt);
    return rc;
}
