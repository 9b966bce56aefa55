/* SPDX-License-Identifier: Apache-2.0 */
/* Observations and their ids. Ids are never used for another observation, so what was looked up
 * once stays right; only the way back (observation to id) may be overtaken by a cleaning that
 * deleted the atom, or by a rollback. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

bool atom_is_kind(int kind)
{
    return kind > 0 && kind < 128 && strchr("XTLCDRH", kind) != NULL;
}

void atoms_forget_ids(struct evidence_store *store)
{
    map_fini(&store->ids);
    arena_free(store->id_arena);
    store->id_arena = NULL;
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory for the questions of the evidence");
}

/* As realloc(); an array that was handed out stays where it is. */
static struct observation *grow_atoms(struct evidence_store *store, size_t cap)
{
    if (store->atoms_lent == NULL || store->atoms_lent != store->atoms) {
        return mem_realloc(store->atoms, cap, sizeof *store->atoms);
    }
    struct observation *atoms = mem_calloc(cap, sizeof *atoms);
    if (atoms != NULL) {
        memcpy(atoms, store->atoms_lent, store->atoms_cap * sizeof *atoms);
    }
    return atoms;
}

/* Room for atoms up to id. */
static int reserve(struct evidence_store *store, uint32_t id, struct err *err)
{
    if (id < store->atoms_cap) {
        return 0;
    }
    uint64_t cap = ((uint64_t)id + 1) * 3 / 2 + 1024;
    cap = cap > UINT32_MAX ? UINT32_MAX : cap;
    struct observation *atoms = grow_atoms(store, (size_t)cap);
    if (atoms == NULL) {
        return no_memory(err);
    }
    memset(atoms + store->atoms_cap, 0, ((size_t)cap - store->atoms_cap) * sizeof *atoms);
    store->atoms = atoms;
    store->atoms_cap = (uint32_t)cap;
    return 0;
}

/* Remembers the atom of a row whose columns `kind` and `kind + 1` are kind and path. */
static int remember(struct evidence_store *store,
                    uint32_t id,
                    sqlite3_stmt *statement,
                    int kind_column,
                    struct err *err)
{
    int kind = sqlite3_column_int(statement, kind_column);
    const char *path = sqlite3_column_blob(statement, kind_column + 1);
    size_t len = column_len(statement, kind_column + 1);
    int result = reserve(store, id, err);
    if (result != 0 || store->atoms[id].path != NULL) {
        return result;
    }
    if (!atom_is_kind(kind) || (path != NULL && memchr(path, '\0', len) != NULL)) {
        return evidence_damaged(store, "a question makes no sense", err);
    }
    char *copy = arena_strndup(store->atom_arena, path != NULL ? path : "", len);
    if (copy == NULL) {
        return no_memory(err);
    }
    store->atoms[id].kind = (enum observation_kind)kind;
    store->atoms[id].path = copy;
    return 0;
}

int evidence_atom(struct evidence_store *store,
                  uint32_t id,
                  struct observation *ret_observation,
                  struct err *err)
{
    assert(!store->writing); /* an atom that may be undone must not be remembered */
    if (id >= store->atoms_cap || store->atoms[id].path == NULL) {
        sqlite3_stmt *statement = NULL;
        int result = evidence_statement(store, SQL_ATOM_GET, &statement, err);
        if (result != 0) {
            return result;
        }
        (void)sqlite3_bind_int64(statement, 1, id);
        result = evidence_next(store, statement, err);
        if (result == 1) {
            result = remember(store, id, statement, 0, err);
            (void)sqlite3_reset(statement);
        } else if (result == 0) {
            result = err_set(err, -ENOENT, "there is no question %u in the evidence", id);
        }
        if (result != 0) {
            return result;
        }
    }
    *ret_observation = store->atoms[id];
    return 0;
}

int evidence_atoms(struct evidence_store *store,
                   const struct observation **ret_atoms,
                   uint32_t *ret_end,
                   struct err *err)
{
    assert(!store->writing);
    sqlite3_stmt *statement = NULL;
    int result = reserve(store, store->atoms_end, err);
    result = result == 0 ? evidence_statement(store, SQL_ATOMS, &statement, err) : result;
    if (result != 0) {
        return result;
    }
    uint32_t end = store->atoms_end > 0 ? store->atoms_end : 1;
    (void)sqlite3_bind_int64(statement, 1, end);
    while ((result = evidence_next(store, statement, err)) == 1) {
        sqlite3_int64 id = sqlite3_column_int64(statement, 0);
        result = id > 0 && id < UINT32_MAX
                     ? remember(store, (uint32_t)id, statement, 1, err)
                     : evidence_damaged(store, "a question makes no sense", err);
        if (result != 0) {
            break;
        }
        end = (uint32_t)id + 1;
    }
    (void)sqlite3_reset(statement);
    if (result != 0) {
        return result;
    }
    if (store->atoms_lent != store->atoms) {
        mem_free(store->atoms_lent);
    }
    store->atoms_lent = store->atoms;
    store->atoms_end = end;
    *ret_atoms = store->atoms;
    *ret_end = end;
    return 0;
}

/* Between "path/" and "path0", the byte after '/': all that is below. */
static int bind_range(sqlite3_stmt *statement, const char *path, struct str *bounds)
{
    size_t len = strlen(path) + 1;
    (void)str_append(bounds, path);
    (void)str_append_char(bounds, '/');
    (void)str_append(bounds, path);
    (void)str_append_char(bounds, '0');
    if (str_error(bounds) != 0) {
        return str_error(bounds);
    }
    bind_bytes(statement, 1, bounds->data, len);
    bind_bytes(statement, 2, bounds->data + len, len);
    return 0;
}

int evidence_atoms_at(struct evidence_store *store,
                      const char *path,
                      bool below,
                      int (*each)(void *context, uint32_t id, enum observation_kind kind),
                      void *context,
                      struct err *err)
{
    CLEANUP(str_fini) struct str bounds = STR_INIT(1u << 16);
    sqlite3_stmt *statement = NULL;
    int result = evidence_statement(store, below ? SQL_ATOMS_BELOW : SQL_ATOMS_AT, &statement, err);
    if (result != 0) {
        return result;
    }
    if (!below) {
        bind_bytes(statement, 1, path, strlen(path));
    } else if (bind_range(statement, path, &bounds) != 0) {
        return err_set(err, str_error(&bounds), "the path is too long: %.200s", path);
    }
    while ((result = evidence_next(store, statement, err)) == 1) {
        result = each(context,
                      (uint32_t)sqlite3_column_int64(statement, 0),
                      (enum observation_kind)sqlite3_column_int(statement, 1));
        if (result != 0) {
            break;
        }
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* ---- the way back ---- */

static int find_or_add(struct evidence_store *store,
                       const struct observation *item,
                       uint32_t *ret_id,
                       struct err *err)
{
    static const enum evidence_sql ways[] = {SQL_ATOM_FIND, SQL_ATOM_ADD};

    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *statement = NULL;
        sqlite3_int64 id = 0;
        int result = evidence_statement(store, ways[i], &statement, err);
        if (result != 0) {
            return result;
        }
        bind_bytes(statement, 1, item->path, strlen(item->path));
        (void)sqlite3_bind_int64(statement, 2, (int)item->kind);
        result = evidence_step(store, statement, &id, err);
        if (result != 0) {
            return result;
        }
        if (id >= UINT32_MAX) {
            return err_set(err,
                           -E2BIG,
                           "%s: no number is left for a question: start anew with `sluice cache "
                           "gc --budget 0`",
                           store->database.file);
        }
        if (id > 0) {
            *ret_id = (uint32_t)id;
            return 0;
        }
    }
    return evidence_damaged(store, "a question could not be kept", err);
}

static int intern(struct evidence_store *store,
                  const struct observation *item,
                  uint32_t *ret_id,
                  struct err *err)
{
    char buffer[512];
    size_t len = strlen(item->path);
    assert(atom_is_kind((int)item->kind));
    char *key = len + 2 <= sizeof buffer ? buffer : arena_alloc(store->id_arena, len + 2);
    if (key == NULL) {
        return no_memory(err);
    }
    key[0] = (char)item->kind;
    memcpy(key + 1, item->path, len + 1);
    uintptr_t known = 0;
    if (map_get(&store->ids, key, &known) == 1) {
        *ret_id = (uint32_t)known;
        return 0;
    }
    int result = find_or_add(store, item, ret_id, err);
    if (result != 0) {
        return result;
    }
    const char *kept = key != buffer ? key : arena_strndup(store->id_arena, key, len + 1);
    if (kept == NULL || map_put(&store->ids, kept, *ret_id) < 0) {
        return no_memory(err);
    }
    return 0;
}

int atoms_intern(struct evidence_store *store,
                 const struct observation *items,
                 size_t count,
                 uint32_t *ret_ids,
                 struct err *err)
{
    assert(store->writing);
    if (store->id_arena != NULL && arena_used(store->id_arena) > EVIDENCE_ATOM_BYTES / 2) {
        atoms_forget_ids(store); /* a fresh start is cheaper than a limit */
    }
    if (store->id_arena == NULL) {
        store->id_arena = arena_new(EVIDENCE_ATOM_BYTES);
    }
    if (store->id_arena == NULL) {
        return no_memory(err);
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = intern(store, &items[i], &ret_ids[i], err);
    }
    return result;
}

struct interning {
    const struct observation *items;
    size_t count;
    uint32_t *ids;
};

static int intern_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct interning *interning = context;
    return atoms_intern(store, interning->items, interning->count, interning->ids, err);
}

int evidence_intern(struct evidence_store *store,
                    const struct observation *items,
                    size_t count,
                    uint32_t *ret_ids, // NOLINT(readability-non-const-parameter): body fills it
                    struct err *err)
{
    struct interning interning = {items, count, ret_ids};
    return evidence_write(store, intern_body, &interning, err);
}
