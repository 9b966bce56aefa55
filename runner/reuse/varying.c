/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit leaves otherwise although its inputs are the same. That is nobody's business (logs,
 * stamps, caches) until a unit reads it: only then something runs more often than it must, and only
 * then it is told, with the path. Who reads it runs after it in the same run: its answers differ.
 *
 * Judged here are the questions that have another answer: a product that is there both times still
 * exists, and a log of another length says nothing to who asked only for its name. */
#include "base/cleanup.h"
#include "model/world.h"
#include "reuse/answer_impl.h"
#include "reuse/reuse_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Products that differ, of all units of a run. A build that stamps the time into each object has as
 * many as it has sources; so many notes are read by nobody, and each costs a look-up per unit. */
#define VARYING_MAX 1000u

/* ---- what differs ---- */

static bool is_same(const struct product *a, const struct product *b)
{
    return a->mode == b->mode && a->size == b->size
           && memcmp(a->digest.bytes, b->digest.bytes, HASH_SIZE) == 0;
}

static void add_varying(struct reuse *reuse,
                        const char *unit,
                        const struct product *before,
                        const struct product *after)
{
    const struct product *any = after != NULL ? after : before;
    assert(any != NULL);
    struct varying varying = {
        .unit = arena_strdup(reuse->arena, unit),
        .path = arena_strdup(reuse->arena, any->path),
        .there = after != NULL,
        .came_or_went = before == NULL || after == NULL,
    };
    if (after != NULL) {
        varying.after = *after;
    }
    if (!varying.came_or_went) {
        varying.type = (before->mode & S_IFMT) != (after->mode & S_IFMT);
        varying.size = before->size != after->size || before->mode != after->mode;
    }
    if (varying.unit != NULL && varying.path != NULL && reuse->varying.count < VARYING_MAX) {
        (void)vec_push(&reuse->varying, varying); /* else there is a note less */
    }
}

static bool read_manifest(struct reuse *reuse,
                          const struct hash *blob,
                          struct arena *arena,
                          struct manifest *ret_manifest)
{
    static const struct hash none = {0};
    CLEANUP(str_fini) struct str text = STR_INIT(MANIFEST_BYTES_MAX);
    *ret_manifest = (struct manifest){0};
    return memcmp(blob, &none, sizeof none) == 0 /* it left nothing */
           || (blobs_get(reuse->blobs, blob, &text, NULL) == 0
               && manifest_decode(str_text(&text), text.len, arena, ret_manifest, NULL) == 0);
}

static int compare(const struct manifest *a, size_t i, const struct manifest *b, size_t j)
{
    if (i == a->count || j == b->count) {
        return i == a->count ? 1 : -1;
    }
    return strcmp(a->items[i].path, b->items[j].path);
}

void varying_add(struct reuse *reuse,
                 const char *unit,
                 const struct hash *before,
                 const struct hash *after,
                 struct arena *arena)
{
    struct manifest a = {0};
    struct manifest b = {0};
    size_t i = 0;
    size_t j = 0;
    if (!read_manifest(reuse, before, arena, &a) || !read_manifest(reuse, after, arena, &b)) {
        return;
    }
    while (i < a.count || j < b.count) {
        const int order = compare(&a, i, &b, j);
        const struct product *x = order <= 0 ? &a.items[i++] : NULL;
        const struct product *y = order >= 0 ? &b.items[j++] : NULL;
        if (x == NULL || y == NULL || !is_same(x, y)) {
            add_varying(reuse, unit, x, y);
        }
    }
}

/* ---- who reads it ---- */

/* Does the unit see what was left now? (Another one may have the same path from elsewhere.) */
static bool is_visible(const struct varying *varying, const struct manifest *products)
{
    size_t at = merged_lower_bound(products, varying->path, strlen(varying->path));
    const bool found = at < products->count && strcmp(products->items[at].path, varying->path) == 0;
    return varying->there ? found && is_same(&products->items[at], &varying->after)
                          : !found && products->count > 0;
}

/* Is the answer to a question of this very path another one? */
static bool changes_answer(const struct varying *varying, enum observation_kind kind)
{
    switch (kind) {
    case OBSERVE_CONTENT:
    case OBSERVE_SUBTREE:
        return true;
    case OBSERVE_LINK:
        return varying->came_or_went || varying->type || S_ISLNK(varying->after.mode);
    case OBSERVE_TYPE:
        return varying->came_or_went || varying->type || varying->size;
    case OBSERVE_EXISTS:
    case OBSERVE_LISTING:
        return varying->came_or_went || varying->type;
    case OBSERVE_HOST:
        break;
    }
    return false;
}

static bool reads(const struct varying *varying, const struct observation *question)
{
    const size_t root = strlen(WORLD_ROOT);
    if (strncmp(question->path, WORLD_ROOT, root) != 0
        || (question->path[root] != '/' && question->path[root] != '\0')) {
        return false;
    }
    const char *asked = question->path + root + (question->path[root] == '/' ? 1 : 0);
    const size_t len = strlen(asked);
    if (strcmp(asked, varying->path) == 0) {
        return changes_answer(varying, question->kind);
    }
    if (len > 0 && (strncmp(asked, varying->path, len) != 0 || varying->path[len] != '/')) {
        return false;
    }
    const bool child = strchr(varying->path + len + (len > 0 ? 1 : 0), '/') == NULL;
    return question->kind == OBSERVE_SUBTREE
           || (question->kind == OBSERVE_LISTING && child
               && (varying->came_or_went || varying->type));
}

void varying_judge(struct reuse *reuse,
                   const struct reuse_lease *lease,
                   const struct observation *questions,
                   size_t count)
{
    for (size_t i = 0; i < reuse->varying.count; i++) {
        struct varying *varying = &reuse->varying.items[i];
        bool read = false;
        if (varying->told || !is_visible(varying, &lease->state->products)) {
            continue;
        }
        for (size_t at = 0; !read && at < count; at++) {
            read = reads(varying, &questions[at]);
        }
        if (read) {
            varying->told = true;
            reuse_note(reuse,
                       "%s leaves something else each time: %s differs with the same inputs, and "
                       "%s reads it",
                       varying->unit,
                       varying->path,
                       lease->unit != NULL ? lease->unit : "a unit");
        }
    }
}
