/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/mem.h"
#include "plugins/mutation/engine_schema.h"
#include "plugins/mutation/equivalent.h"

#include <errno.h>

static size_t find_survivors(const struct equivalent_marks *marks, uint32_t *survivors)
{
    size_t count = 0;
    for (uint32_t i = 0; i < marks->verdicts->count; i++) {
        if (marks->verdicts->items[i].status == MUTANT_SURVIVED) {
            survivors[count++] = i;
        }
    }
    return count;
}

static int mark_one(const struct equivalent_marks *marks,
                    uint32_t number,
                    const struct equivalent_found *found,
                    struct err *err)
{
    struct engine_verdict *verdict = &marks->verdicts->items[number];
    if (found->equal) {
        verdict->status = MUTANT_IGNORED;
        verdict->reason = EQUIVALENT_REASON;
    } else if (found->same_as != EQUIVALENT_NONE) {
        verdict->reason = arena_printf(
            marks->verdicts->arena, "duplicate of %s", marks->list->items[found->same_as].id);
        if (verdict->reason == NULL) {
            return err_set(err, -ENOMEM, "not enough memory for verdicts");
        }
    }
    return 0;
}

int equivalent_mark(const struct equivalent_marks *marks, struct err *err)
{
    size_t all = marks->verdicts->count;
    CLEANUP(cleanup_free) uint32_t *survivors = mem_calloc(all + 1, sizeof(*survivors));
    CLEANUP(cleanup_free)
    struct equivalent_found *found = mem_calloc(all + 1, sizeof(struct equivalent_found));
    const char *why = NULL;
    if (survivors == NULL || found == NULL) {
        return err_set(err, -ENOMEM, "not enough memory to look for equivalent mutants");
    }
    const struct equivalent_job job = {.source = marks->source,
                                       .list = marks->list,
                                       .survivors = survivors,
                                       .count = find_survivors(marks, survivors),
                                       .tree = marks->tree};
    int rc = equivalent_find(&job, found, &why, &marks->cost->build_us, err);
    if (rc > 0) {
        engine_note(marks->watch,
                    "%s: equivalent mutants are not looked for: %s",
                    marks->source->path,
                    why);
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < job.count; i++) {
        rc = mark_one(marks, survivors[i], &found[i], err);
    }
    return rc;
}
