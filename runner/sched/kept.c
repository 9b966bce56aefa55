/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "exec/collect.h"
#include "model/world.h"
#include "sched/sched_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Artifacts of one unit that its plugin's `judge` is told of: at 200 bytes a path, 20 MiB of one
 * line. Beyond: an error of the layer. */
#define KEPT_TOLD_MAX 100000

/* The folder of a run that holds the artifacts of its units. */
#define KEPT_ARTIFACTS "artifacts"

static const struct text_list *artifacts_of(const struct unit *unit)
{
    return unit->links != NULL ? &unit->links->artifacts : NULL;
}

/* In place a memo lies in the tree, where it stays. */
static const char *memo_of(const struct sched *sched, const struct unit *unit)
{
    return unit->links != NULL && sched->layers[unit->layer].world.isolated ? unit->links->memo
                                                                            : NULL;
}

static bool keeps_artifacts(const struct sched *sched, const struct unit *unit)
{
    const struct text_list *own = artifacts_of(unit);
    return sched_layer_of(sched, unit->layer)->artifacts.count > 0
           || (own != NULL && own->count > 0);
}

/* What an earlier attempt left stays, beside what this one leaves: why it failed is in there. Where
 * that cannot be, it goes: one attempt's files among another's would tell of neither. */
static int set_aside(const struct sched_slot *slot, const char *folder, struct arena *arena)
{
    if (slot->attempt <= 1) {
        return 0;
    }
    const char *aside = arena_printf(arena, "%s.attempt-%u", folder, slot->attempt - 1);
    if (aside == NULL) {
        return -ENOMEM;
    }
    if (rename(folder, aside) != 0 && errno != ENOENT) {
        (void)tree_remove(AT_FDCWD, folder, NULL);
    }
    return 0;
}

int kept_fill_request(struct sched *sched,
                      const struct sched_slot *slot,
                      struct arena *arena,
                      struct exec_request *request)
{
    const struct unit *unit = slot->unit;
    const struct layer *layer = sched_layer_of(sched, unit->layer);
    const char *memo = memo_of(sched, unit);
    if (!keeps_artifacts(sched, unit) && memo == NULL) {
        return 0;
    }
    request->artifact_dir = unit_folder(sched, KEPT_ARTIFACTS, unit, slot->index, arena);
    int rc = request->artifact_dir == NULL || set_aside(slot, request->artifact_dir, arena) != 0
                 ? -ENOMEM
                 : patterns_join(&layer->artifacts, artifacts_of(unit), arena, &request->artifacts);
    if (rc != 0 || memo == NULL) {
        return rc;
    }
    const char **own = arena_calloc(arena, 2, sizeof *own);
    if (own == NULL) {
        return -ENOMEM;
    }
    own[0] = memo; /* collected as they are; kept_take_memo() parts them */
    const struct text_list artifacts = request->artifacts;
    return patterns_join(&artifacts, &(struct text_list){own, 1}, arena, &request->artifacts);
}

/* ---- memos ---- */

/* Its folder of memo, as a layer of products of its own. */
#define KEPT_MEMOS EXEC_PRODUCTS "/memo"

/* NULL when nobody keeps memos. */
static struct sched_reuse *keeper_of(const struct sched *sched)
{
    struct sched_reuse *reuse = sched->options->reuse;
    return reuse != NULL && reuse->give_memo != NULL && reuse->keep_memo != NULL ? reuse : NULL;
}

static struct reuse_memo name_of(const struct sched *sched, const struct unit *unit)
{
    return (struct reuse_memo){
        .layer = sched_layer_of(sched, unit->layer)->id,
        .unit = unit->id,
        .program = sched->options->plugins[unit->layer].program,
    };
}

/* All that is below the lower layers has one modification time. */
static void set_constant_time(const char *file)
{
    const struct timespec times[2] = {{.tv_sec = COLLECTED_MTIME}, {.tv_sec = COLLECTED_MTIME}};
    (void)utimensat(AT_FDCWD, file, times, AT_SYMLINK_NOFOLLOW);
}

static const char **products_with(const struct exec_request *request,
                                  const char *folder,
                                  struct arena *arena)
{
    const char **all = arena_calloc(arena, request->products.count + 2, sizeof *all);
    for (size_t i = 0; all != NULL && i < request->products.count; i++) {
        all[i + 1] = request->products.items[i];
    }
    if (all != NULL) {
        all[0] = folder;
    }
    return all;
}

void kept_give_memo(struct sched *sched,
                    const struct sched_slot *slot,
                    struct arena *arena,
                    struct exec_request *request)
{
    const char *path = memo_of(sched, slot->unit);
    struct sched_reuse *keeper = keeper_of(sched);
    if (path == NULL || keeper == NULL || request->products.count >= EXEC_PRODUCTS_MAX) {
        return;
    }
    struct reuse_memo memo = name_of(sched, slot->unit);
    const char *left = unit_folder(sched, KEPT_ARTIFACTS, slot->unit, slot->index, arena);
    memo.left = left != NULL ? arena_printf(arena, "%s/%s", left, path) : NULL;
    const char *folder = unit_folder(sched, KEPT_MEMOS, slot->unit, slot->index, arena);
    const char *file = folder != NULL ? arena_printf(arena, "%s/%s", folder, path) : NULL;
    const char *above =
        file != NULL ? arena_printf(arena, "%.*s", (int)(path_basename(file) - file - 1), file)
                     : NULL;
    const char **all = above != NULL ? products_with(request, folder, arena) : NULL;
    if (all == NULL || tree_remove(AT_FDCWD, folder, NULL) != 0
        || dir_make(above, 0755, NULL) != 0) {
        return;
    }
    if (keeper->give_memo(keeper, &memo, file) == 1) {
        set_constant_time(file);
        request->products = (struct text_list){all, request->products.count + 1};
    }
}

/* What a unit asks of its memo is no question about the tree. */
static void drop_memo_from_trace(const char *path, struct arena *arena, struct outcome *outcome)
{
    const struct trace *trace = outcome->trace;
    const char *inside = arena_printf(arena, "%s/%s", WORLD_ROOT, path);
    struct trace *copy = arena_alloc(arena, sizeof *copy);
    struct observation *items =
        arena_calloc(arena, trace->count > 0 ? trace->count : 1, sizeof *items);
    if (inside == NULL || copy == NULL || items == NULL) {
        outcome->trace = NULL; /* then it earns nothing */
        return;
    }
    *copy = *trace;
    copy->count = 0;
    for (size_t i = 0; i < trace->count; i++) {
        if (trace->items[i].kind == OBSERVE_HOST || strcmp(trace->items[i].path, inside) != 0) {
            items[copy->count++] = trace->items[i];
        }
    }
    copy->items = items;
    outcome->trace = copy;
}

/* Folders that are empty without it are none of the artifacts. */
static void remove_memo(const char *folder, char *path)
{
    CLEANUP(cleanup_fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || unlinkat(fd, path, 0) != 0) {
        return;
    }
    for (char *slash = strrchr(path, '/'); slash != NULL; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (unlinkat(fd, path, AT_REMOVEDIR) != 0) {
            return;
        }
    }
}

void kept_take_memo(struct sched *sched,
                    const struct sched_slot *slot,
                    struct arena *arena,
                    struct outcome *outcome)
{
    const char *path = memo_of(sched, slot->unit);
    struct sched_reuse *keeper = keeper_of(sched);
    if (path == NULL) {
        return;
    }
    if (arena == NULL) {
        outcome->trace = NULL;
        return;
    }
    const struct reuse_memo memo = name_of(sched, slot->unit);
    const char *folder = unit_folder(sched, KEPT_ARTIFACTS, slot->unit, slot->index, arena);
    const char *file = folder != NULL ? arena_printf(arena, "%s/%s", folder, path) : NULL;
    char *own = arena_strdup(arena, path);
    if (outcome->trace != NULL) {
        drop_memo_from_trace(path, arena, outcome);
    }
    if (file == NULL || own == NULL || !file_exists(file)) {
        return;
    }
    if (keeper != NULL) {
        keeper->keep_memo(keeper, &memo, file);
    }
    remove_memo(folder, own);
}

/* ---- what was kept ---- */

struct listing {
    struct text_vec files;
    const char *folder;
    struct arena *arena;
    struct err *err;
};

static int add_file(void *context, int root, const char *path, mode_t mode)
{
    struct listing *listing = context;
    (void)root;
    if (S_ISDIR(mode)) {
        return 1;
    }
    if (!S_ISREG(mode)) {
        return 0;
    }
    if (listing->files.count >= KEPT_TOLD_MAX) {
        return err_set(listing->err,
                       -E2BIG,
                       "more than %d files, the most that a plugin is told of; keep fewer, with "
                       "narrower patterns under `artifacts`",
                       KEPT_TOLD_MAX);
    }
    const char *full = arena_printf(listing->arena, "%s/%s", listing->folder, path);
    return full != NULL && vec_push(&listing->files, full) == 0
               ? 0
               : err_set(listing->err, -ENOMEM, "out of memory");
}

static int keep_list(const struct listing *listing, struct text_list *ret_files)
{
    const size_t count = listing->files.count;
    const char **items = arena_calloc(listing->arena, count + 1, sizeof *items);
    if (items == NULL) {
        return err_set(listing->err, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = listing->files.items[i];
    }
    *ret_files = (struct text_list){items, count};
    return 0;
}

int kept_list_artifacts(struct sched *sched,
                        size_t index,
                        const struct unit *unit,
                        struct arena *arena,
                        struct text_list *ret_files,
                        struct err *err)
{
    struct listing listing = {.arena = arena, .err = err};
    if (index == SIZE_MAX || !keeps_artifacts(sched, unit)) {
        return 0;
    }
    listing.folder = unit_folder(sched, KEPT_ARTIFACTS, unit, index, arena);
    if (listing.folder == NULL) {
        return err_set(err, -ENOMEM, "out of memory");
    }
    CLEANUP(cleanup_fd) int folder = open(listing.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) { /* it left nothing, or never started */
        return errno == ENOENT ? 0 : err_errno(err, "%s", listing.folder);
    }
    int rc = tree_walk(folder, add_file, &listing, err);
    rc = rc == 0 ? keep_list(&listing, ret_files) : rc;
    vec_fini(&listing.files);
    return rc;
}
