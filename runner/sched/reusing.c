/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence instead of running: the one place where the scheduler meets reuse. */
#include "sched/sched_impl.h"

bool reusing_applies(const struct sched *sched, size_t index)
{
    const struct sched_layer *state = &sched->layers[index];
    return sched->options->reuse != NULL && state->world.isolated && state->waits_for == NULL
           && sched_layer_of(sched, index)->reuse.mode != REUSE_OFF;
}

static void pass_on_note(struct sched *sched)
{
    const char *note = sched->options->reuse->take_note(sched->options->reuse);
    if (note != NULL) {
        sched_note(sched, "warning", SIZE_MAX, "%s", note);
    }
}

void reusing_decide(struct sched *sched,
                    struct reuse_subject *subject,
                    struct arena *arena,
                    struct reuse_found *ret_found)
{
    struct sched_reuse *reuse = sched->options->reuse;
    *ret_found = (struct reuse_found){.choice = REUSE_CHOICE_RUN};
    reuse->decide(reuse, subject, arena, ret_found);
    pass_on_note(sched);
}

const char *reusing_ended(struct sched *sched,
                          void *ticket,
                          const struct outcome *outcome,
                          const struct manifest *products)
{
    struct sched_reuse *reuse = sched->options->reuse;
    if (ticket == NULL) {
        return NULL;
    }
    reuse->ended(reuse, ticket, outcome, products);
    pass_on_note(sched);
    return reuse->unstored != NULL ? reuse->unstored(reuse) : NULL;
}
