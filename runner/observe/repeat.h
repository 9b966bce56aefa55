/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that were asked already and can have no other answer: absolute paths that never leave
 * read-only folders. Most calls of most programs are such repetitions (loader, locale, headers), so
 * they cost one look-up instead of a walk. */
#ifndef SLUICE_OBSERVE_REPEAT_H
#define SLUICE_OBSERVE_REPEAT_H

#include "observe/resolve.h"

struct repeat_entry {
    struct place *place; /* where the walk ended; NULL = nowhere */
    uint64_t hash;
    uint32_t len;
    uint16_t how; /* what was asked, and whether links were followed */
    bool is_folder_wanted;
    char path[];
};

struct repeats {
    struct repeat_entry **entries; /* open addressing, a power of two */
    size_t capacity;
    size_t count;
};

void repeat_fini(struct repeats *repeats);

/* True when this question was asked: `ret` is where it ended. */
bool repeat_find(const struct repeats *repeats,
                 const struct places *places,
                 const struct path_question *question,
                 unsigned asked,
                 struct landing *ret);

/* Remembers a question that ended so. Does nothing when it is none of these (landing->fixed), or
 * memory is short. */
void repeat_add(struct repeats *repeats,
                struct places *places,
                const struct path_question *question,
                unsigned asked,
                const struct landing *landing);

#endif
