/* SPDX-License-Identifier: Apache-2.0 */
/* A roll as bytes, in the order and the sizes of this machine (it never leaves it):
 *
 *   head      magic, number of origins, number of entries
 *   origins   trust as a byte, then scope, tree, run, host and observer, each closed by a NUL
 *   entries   each at a multiple of 8: struct entry, the digests it has, the outcome's bytes
 */
#include "store/evidence_roll.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/evidence_impl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "rol1" where it was written; a layout that changes gets another. */
#define ROLL_MAGIC 0x726f6c31u

#define ORIGIN_TEXTS 5

enum digest {
    DIGEST_STDOUT,
    DIGEST_STDERR,
    DIGEST_MANIFEST,
    DIGEST_OUTCOME,
    DIGEST_COUNT,
};

/* Set in entry.has beside the bits of digests. */
#define HAS_INLINED (1u << DIGEST_COUNT)

struct head {
    uint32_t magic;
    uint32_t origins;
    uint32_t entries;
    uint32_t reserved;
};

struct entry {
    int64_t id;
    int64_t class_id;
    int64_t time_ms, wall_ns, cpu_us, expires_ms, used_ms;
    struct hash unit_key;
    struct hash full;
    uint32_t origin;
    uint32_t confirmed;
    uint32_t outcome_len;
    uint8_t kind;
    uint8_t has;
    uint8_t reserved[2];
};

static_assert(sizeof(struct entry) % 8 == 0, "entries follow each other at multiples of 8");

struct origin {
    enum evidence_trust trust;
    const char *texts[ORIGIN_TEXTS];
};

struct place {
    int64_t id;
    struct entry *entry; /* its digests and outcome behind it */
};

struct evidence_roll {
    struct arena *arena;
    int64_t generation;
    bool news; /* something to be kept */

    struct {
        VEC_FIELDS(struct origin);
    } origins;

    struct {
        VEC_FIELDS(struct place);
    } places;

    size_t sorted; /* places in the order of ids; those behind were put in later */
    size_t bytes;  /* of entries */
};

void evidence_roll_free(struct evidence_roll *roll)
{
    if (roll != NULL) {
        vec_fini(&roll->origins);
        vec_fini(&roll->places);
        arena_free(roll->arena);
        mem_free(roll);
    }
}

/* Nothing of it holds any more. What was given out stays readable. */
static void start_afresh(struct evidence_roll *roll, int64_t generation)
{
    roll->generation = generation;
    roll->places.count = 0;
    roll->origins.count = 0;
    roll->bytes = 0;
    roll->news = false;
    roll->sorted = 0;
}

/* ---- reading ---- */

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static unsigned digest_count(unsigned has)
{
    unsigned count = 0;
    for (unsigned i = 0; i < DIGEST_COUNT; i++) {
        count += has >> i & 1u;
    }
    return count;
}

static size_t entry_size(const struct entry *entry)
{
    return padded(sizeof *entry + (size_t)digest_count(entry->has) * HASH_SIZE
                  + entry->outcome_len);
}

struct bytes {
    char *at;
    char *start;
    size_t left;
};

static bool skip(struct bytes *bytes, size_t size)
{
    if (size > bytes->left) {
        return false;
    }
    bytes->at += size;
    bytes->left -= size;
    return true;
}

/* False: damaged, or out of memory. */
static bool read_origin(struct evidence_roll *roll, struct bytes *bytes)
{
    struct origin origin = {.trust = EVIDENCE_FORK};
    if (bytes->left == 0 || (unsigned char)bytes->at[0] >= EVIDENCE_TRUST_COUNT) {
        return false;
    }
    origin.trust = (enum evidence_trust)bytes->at[0];
    (void)skip(bytes, 1);
    for (size_t i = 0; i < ORIGIN_TEXTS; i++) {
        const size_t len = strnlen(bytes->at, bytes->left);
        origin.texts[i] = bytes->at;
        if (!skip(bytes, len + 1)) {
            return false;
        }
    }
    return vec_push(&roll->origins, origin) == 0;
}

static bool read_entry(struct evidence_roll *roll, struct bytes *bytes)
{
    const size_t gap =
        padded((size_t)(bytes->at - bytes->start)) - (size_t)(bytes->at - bytes->start);
    if (!skip(bytes, gap) || bytes->left < sizeof(struct entry)) {
        return false;
    }
    struct entry *entry = (struct entry *)(void *)bytes->at;
    const struct place place = {.id = entry->id, .entry = entry};
    if (entry->origin >= roll->origins.count || entry->outcome_len > EVIDENCE_BLOB_MAX
        || entry->kind > EVIDENCE_DECLARED || !skip(bytes, entry_size(entry))) {
        return false;
    }
    if (roll->places.count > 0 && roll->places.items[roll->places.count - 1].id >= entry->id) {
        return false; /* they are sorted */
    }
    roll->bytes += entry_size(entry);
    return vec_push(&roll->places, place) == 0;
}

static bool read_all(struct evidence_roll *roll, struct bytes *bytes)
{
    struct head head;
    if (bytes->left < sizeof head) {
        return false;
    }
    memcpy(&head, bytes->at, sizeof head);
    bool good = skip(bytes, sizeof head) && head.magic == ROLL_MAGIC;
    for (uint32_t i = 0; good && i < head.origins; i++) {
        good = read_origin(roll, bytes);
    }
    for (uint32_t i = 0; good && i < head.entries; i++) {
        good = read_entry(roll, bytes);
    }
    return good;
}

/* Straight from the pages of the file: as a column it would be copied once more. */
static bool copy_bytes(struct evidence_store *store,
                       struct arena *arena,
                       sqlite3_int64 row,
                       struct bytes *bytes)
{
    sqlite3_blob *blob = NULL;
    bool good =
        sqlite3_blob_open(store->database.db, "main", "roll", "rows", row, 0, &blob) == SQLITE_OK;
    const int len = good ? sqlite3_blob_bytes(blob) : 0;
    bytes->left = len > 0 ? (size_t)len : 0;
    bytes->start = bytes->at = good ? arena_alloc(arena, bytes->left) : NULL;
    database_read_once(&store->database, true);
    good = bytes->at != NULL && sqlite3_blob_read(blob, bytes->at, len, 0) == SQLITE_OK;
    database_read_once(&store->database, false);
    (void)sqlite3_blob_close(blob);
    return good;
}

/* A roll that cannot be read is none. */
static void read_roll(struct evidence_store *store,
                      struct evidence_roll *roll,
                      sqlite3_stmt *statement)
{
    struct bytes bytes = {0};
    if (sqlite3_column_int64(statement, 0) != store->generation
        || !copy_bytes(store, roll->arena, sqlite3_column_int64(statement, 1), &bytes)) {
        return;
    }
    if (!read_all(roll, &bytes)) {
        start_afresh(roll, store->generation);
    }
    roll->sorted = roll->places.count;
}

int evidence_roll_open(struct evidence_store *store,
                       const struct hash *name,
                       struct evidence_roll **ret_roll,
                       struct err *err)
{
    assert(store->reading);
    sqlite3_stmt *statement = NULL;
    struct evidence_roll *roll = mem_calloc(1, sizeof *roll);
    if (roll != NULL) {
        roll->arena = arena_new((size_t)4 * EVIDENCE_ROLL_BYTES_MAX);
    }
    if (roll == NULL || roll->arena == NULL) {
        mem_free(roll);
        return err_set(err, -ENOMEM, "not enough memory to look evidence up");
    }
    start_afresh(roll, store->generation);
    int result = evidence_statement(store, SQL_ROLL_GET, &statement, err);
    if (result == 0) {
        bind_hash(statement, 1, name);
        result = evidence_next(store, statement, err);
    }
    if (result == 1) {
        read_roll(store, roll, statement);
        (void)sqlite3_reset(statement);
    }
    if (result < 0) {
        evidence_roll_free(roll);
        return result;
    }
    *ret_roll = roll;
    return 0;
}

/* ---- giving out ---- */

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static struct entry *find_entry(const struct evidence_roll *roll, int64_t id)
{
    const struct place key = {.id = id};
    if (roll->sorted == 0) {
        return NULL;
    }
    const struct place *found =
        bsearch(&key, roll->places.items, roll->sorted, sizeof key, compare_places);
    return found != NULL ? found->entry : NULL;
}

static void fill_row(const struct entry *entry,
                     const struct origin *origin,
                     struct evidence_row *row)
{
    const char *behind = (const char *)(entry + 1);
    *row = (struct evidence_row){
        .id = entry->id,
        .unit_key = entry->unit_key,
        .class_id = entry->class_id,
        .full = entry->full,
        .passed = true,
        .kind = (enum evidence_kind)entry->kind,
        .trust = origin->trust,
        .scope = origin->texts[0],
        .tree = origin->texts[1],
        .run = origin->texts[2],
        .host = origin->texts[3],
        .observer = origin->texts[4],
        .time_ms = entry->time_ms,
        .wall_ns = entry->wall_ns,
        .cpu_us = entry->cpu_us,
        .expires_ms = entry->expires_ms,
        .used_ms = entry->used_ms,
        .confirmed = entry->confirmed,
    };
    struct hash *const digests[DIGEST_COUNT] = {
        &row->stdout_blob, &row->stderr_blob, &row->manifest, &row->outcome_blob};
    for (unsigned i = 0; i < DIGEST_COUNT; i++) {
        if (((unsigned)entry->has >> i & 1u) != 0) {
            memcpy(digests[i]->bytes, behind, HASH_SIZE);
            behind += HASH_SIZE;
        }
    }
    if ((entry->has & HAS_INLINED) != 0) {
        row->outcome = behind;
        row->outcome_len = entry->outcome_len;
    }
}

int evidence_roll_get(struct evidence_store *store,
                      const struct evidence_roll *roll,
                      int64_t id,
                      const struct evidence_query *query,
                      struct evidence_row *ret_row)
{
    if (!store->reading || roll->generation != store->generation) {
        return 0;
    }
    const struct entry *entry = find_entry(roll, id);
    if (entry == NULL || memcmp(&entry->unit_key, &query->unit_key, HASH_SIZE) != 0
        || (entry->expires_ms != 0 && entry->expires_ms <= query->now_ms)) {
        return 0;
    }
    const struct origin *origin = &roll->origins.items[entry->origin];
    if (!evidence_is_given(query, origin->trust, origin->texts[0])
        || evidence_quarantined(store, &query->unit_key, &query->reader, NULL, NULL, NULL) != 0) {
        return 0;
    }
    fill_row(entry, origin, ret_row);
    return 1;
}

/* ---- adding ---- */

/* The number of the row's origin; a run has few. UINT32_MAX without memory. */
static uint32_t take_origin(struct evidence_roll *roll, const struct evidence_row *row)
{
    const char *const texts[ORIGIN_TEXTS] = {
        row->scope, row->tree, row->run, row->host, row->observer};
    for (size_t i = roll->origins.count; i > 0; i--) {
        const struct origin *origin = &roll->origins.items[i - 1];
        bool same = origin->trust == row->trust;
        for (size_t k = 0; same && k < ORIGIN_TEXTS; k++) {
            same = strcmp(origin->texts[k], texts[k]) == 0;
        }
        if (same) {
            return (uint32_t)(i - 1);
        }
    }
    struct origin origin = {.trust = row->trust};
    for (size_t k = 0; k < ORIGIN_TEXTS; k++) {
        origin.texts[k] = arena_strdup(roll->arena, texts[k]);
        if (origin.texts[k] == NULL) {
            return UINT32_MAX;
        }
    }
    return vec_push(&roll->origins, origin) == 0 ? (uint32_t)(roll->origins.count - 1) : UINT32_MAX;
}

static void fill_entry(struct entry *entry, const struct evidence_row *row)
{
    char *behind = (char *)(entry + 1);
    const struct hash *const digests[DIGEST_COUNT] = {
        &row->stdout_blob, &row->stderr_blob, &row->manifest, &row->outcome_blob};
    for (unsigned i = 0; i < DIGEST_COUNT; i++) {
        if (((unsigned)entry->has >> i & 1u) != 0) {
            memcpy(behind, digests[i]->bytes, HASH_SIZE);
            behind += HASH_SIZE;
        }
    }
    if (entry->outcome_len > 0) {
        memcpy(behind, row->outcome, entry->outcome_len);
    }
}

static struct entry head_of(const struct evidence_row *row, uint32_t origin)
{
    const struct hash *const digests[DIGEST_COUNT] = {
        &row->stdout_blob, &row->stderr_blob, &row->manifest, &row->outcome_blob};
    struct entry entry = {
        .id = row->id,
        .class_id = row->class_id,
        .time_ms = row->time_ms,
        .wall_ns = row->wall_ns,
        .cpu_us = row->cpu_us,
        .expires_ms = row->expires_ms,
        .used_ms = row->used_ms,
        .unit_key = row->unit_key,
        .full = row->full,
        .origin = origin,
        .confirmed = row->confirmed,
        .outcome_len = row->outcome != NULL ? (uint32_t)row->outcome_len : 0,
        .kind = (uint8_t)row->kind,
        .has = row->outcome != NULL ? HAS_INLINED : 0,
    };
    for (unsigned i = 0; i < DIGEST_COUNT; i++) {
        entry.has = (uint8_t)(entry.has | (hash_is_zero(digests[i]) ? 0 : 1u << i));
    }
    return entry;
}

void evidence_roll_add(struct evidence_store *store,
                       struct evidence_roll *roll,
                       const struct evidence_row *row)
{
    if (!store->reading || !row->passed || row->outcome_len > EVIDENCE_INLINE_MAX) {
        return;
    }
    if (roll->generation != store->generation) {
        start_afresh(roll, store->generation);
    }
    const uint32_t origin = take_origin(roll, row);
    const struct entry head = head_of(row, origin);
    const size_t size = entry_size(&head);
    if (origin == UINT32_MAX || roll->bytes + size > EVIDENCE_ROLL_BYTES_MAX) {
        return;
    }
    struct entry *entry = arena_alloc(roll->arena, size);
    const struct place place = {.id = row->id, .entry = entry};
    if (entry == NULL || vec_push(&roll->places, place) != 0) {
        return;
    }
    *entry = head;
    fill_entry(entry, row);
    roll->bytes += size;
    roll->news = true;
}

void evidence_roll_touch(struct evidence_roll *roll, int64_t id, int64_t now_ms)
{
    struct entry *entry = find_entry(roll, id);
    if (entry != NULL) {
        entry->used_ms = now_ms;
        roll->news = true;
    }
}

/* ---- keeping ---- */

/* Sorts them; of those that are in it twice the first is as good as the others. */
static void sort(struct evidence_roll *roll)
{
    size_t kept = 0;
    qsort(roll->places.items, roll->places.count, sizeof *roll->places.items, compare_places);
    for (size_t i = 0; i < roll->places.count; i++) {
        if (i == 0 || roll->places.items[i].id != roll->places.items[i - 1].id) {
            roll->places.items[kept++] = roll->places.items[i];
        }
    }
    roll->places.count = kept;
    roll->sorted = kept;
}

static int write_roll(const struct evidence_roll *roll, struct str *out)
{
    static const char zeros[8];
    const struct head head = {
        .magic = ROLL_MAGIC,
        .origins = (uint32_t)roll->origins.count,
        .entries = (uint32_t)roll->places.count,
    };
    (void)str_append_n(out, &head, sizeof head);
    for (size_t i = 0; i < roll->origins.count; i++) {
        const struct origin *origin = &roll->origins.items[i];
        (void)str_append_char(out, (char)origin->trust);
        for (size_t k = 0; k < ORIGIN_TEXTS; k++) {
            (void)str_append_n(out, origin->texts[k], strlen(origin->texts[k]) + 1);
        }
    }
    for (size_t i = 0; i < roll->places.count; i++) {
        const struct entry *entry = roll->places.items[i].entry;
        (void)str_append_n(out, zeros, padded(out->len) - out->len);
        (void)str_append_n(out, entry, entry_size(entry));
    }
    return str_error(out);
}

struct keeping {
    const struct hash *name;
    const struct evidence_roll *roll;
    const struct str *bytes;
};

static int put_body(struct evidence_store *store, void *context, struct err *err)
{
    const struct keeping *keeping = context;
    sqlite3_stmt *statement = NULL;
    if (store->generation != keeping->roll->generation) {
        return 0; /* it does not hold any more */
    }
    int result = evidence_statement(store, SQL_ROLL_PUT, &statement, err);
    if (result != 0) {
        return result;
    }
    bind_hash(statement, 1, keeping->name);
    (void)sqlite3_bind_int64(statement, 2, keeping->roll->generation);
    (void)sqlite3_bind_int64(statement, 3, clock_wall_ms());
    bind_bytes(statement, 4, str_text(keeping->bytes), keeping->bytes->len);
    result = evidence_step(store, statement, NULL, err);
    result = result == 0 ? evidence_statement(store, SQL_ROLLS_SWEEP, &statement, err) : result;
    if (result != 0) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, EVIDENCE_ROLLS_MAX);
    return evidence_step(store, statement, NULL, err);
}

int evidence_roll_put(struct evidence_store *store,
                      const struct hash *name,
                      struct evidence_roll *roll,
                      struct err *err)
{
    if (!roll->news || roll->places.count < EVIDENCE_ROLL_ROWS_MIN) {
        return 0;
    }
    sort(roll);
    struct str bytes = STR_INIT((size_t)2 * EVIDENCE_ROLL_BYTES_MAX);
    const struct keeping keeping = {.name = name, .roll = roll, .bytes = &bytes};
    int result = write_roll(roll, &bytes);
    result = result == 0 ? evidence_write(store, put_body, (void *)(uintptr_t)&keeping, err)
                         : err_set(err, result, "the roll of evidence is too long");
    str_fini(&bytes);
    roll->news = roll->news && result != 0;
    return result;
}
