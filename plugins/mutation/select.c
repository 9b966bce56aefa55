/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/select.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/mutation/scope.h"
#include "plugins/mutation/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names of as many units as a layer may have (a million), a quarter of a KiB each. */
#define NAMES_MAX (256u << 20)

enum group {
    GROUP_BUILD,
    GROUP_CHANGED,
    GROUP_UNKNOWN,
    GROUP_FAILED,
    GROUP_OLD,
};

struct candidate {
    const char *unit;
    enum group group;
    int64_t cost_ms;
    size_t index;
};

struct selecting {
    struct arena *arena;
    struct map changed; /* files of the diff, and that differ from the last open gate's tree */

    struct {
        VEC_FIELDS(struct candidate);
    } candidates;
};

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory for the order of the units");
}

static int compare(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    if (x->cost_ms != y->cost_ms) {
        return x->cost_ms > y->cost_ms ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static int list_changed(const struct sdk *sdk, struct map *changed)
{
    size_t i = 0;
    json_t *entry = NULL;
    json_array_foreach(sdk->changed, i, entry)
    {
        if (json_is_string(entry) && map_put(changed, json_string_value(entry), 1) < 0) {
            return -ENOMEM;
        }
    }
    json_array_foreach(json_object_get(sdk->diff, "files"), i, entry)
    {
        const char *file = json_string_value(json_object_get(entry, "file"));
        bool lines = json_array_size(json_object_get(entry, "lines")) > 0;
        if (file != NULL && lines && map_put(changed, file, 1) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static enum group group_of(const struct selecting *selecting, const struct sdk_candidate *candidate)
{
    if (strcmp(candidate->unit, UNIT_BUILD_ID) == 0) {
        return GROUP_BUILD;
    }
    if (candidate->file != NULL && map_get(&selecting->changed, candidate->file, NULL) > 0) {
        return GROUP_CHANGED;
    }
    if (candidate->last == NULL) {
        return GROUP_UNKNOWN;
    }
    return strcmp(candidate->last, "passed") == 0 ? GROUP_OLD : GROUP_FAILED;
}

static int add(struct selecting *selecting, const struct sdk_candidate *candidate, struct err *err)
{
    const struct candidate item = {
        .unit = arena_strdup(selecting->arena, candidate->unit),
        .group = group_of(selecting, candidate),
        .cost_ms = candidate->last_ms > 0 ? candidate->last_ms : candidate->cost_ms,
        .index = selecting->candidates.count,
    };
    return item.unit != NULL && vec_push(&selecting->candidates, item) == 0 ? 0 : no_memory(err);
}

static int select_all(struct sdk *sdk, struct selecting *selecting, struct err *err)
{
    struct sdk_candidate candidate;
    if (selecting->arena == NULL || list_changed(sdk, &selecting->changed) != 0) {
        return no_memory(err);
    }
    int status = sdk_next_candidate(sdk, &candidate, err);
    while (status > 0) {
        status = add(selecting, &candidate, err);
        status = status != 0 ? status : sdk_next_candidate(sdk, &candidate, err);
    }
    struct candidate *items = selecting->candidates.items;
    if (status == 0 && selecting->candidates.count > 0) {
        qsort(items, selecting->candidates.count, sizeof *items, compare);
    }
    for (size_t i = 0; i < selecting->candidates.count && status == 0; i++) {
        status = sdk_emit_selected(sdk, items[i].unit, err);
    }
    return status;
}

int mutation_select(struct sdk *sdk, struct err *err)
{
    struct selecting selecting = {.arena = arena_new(NAMES_MAX)};
    int status = select_all(sdk, &selecting, err);
    map_fini(&selecting.changed);
    vec_fini(&selecting.candidates);
    arena_free(selecting.arena);
    return status;
}
