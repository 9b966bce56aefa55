/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "exec/collect.h"
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
    if (!keeps_artifacts(sched, unit)) {
        return 0;
    }
    request->artifact_dir = unit_folder(sched, KEPT_ARTIFACTS, unit, slot->index, arena);
    return request->artifact_dir == NULL || set_aside(slot, request->artifact_dir, arena) != 0
               ? -ENOMEM
               : patterns_join(&layer->artifacts, artifacts_of(unit), arena, &request->artifacts);
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
