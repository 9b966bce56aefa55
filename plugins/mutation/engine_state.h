/* SPDX-License-Identifier: Apache-2.0 */
/* The state that an engine shares with the programs under test (runtime/state.h): made for the
 * schemata of any number of files, found by programs through $SLUICE_MUTANT_STATE. */
#ifndef SLUICE_PLUGINS_MUTATION_ENGINE_STATE_H
#define SLUICE_PLUGINS_MUTATION_ENGINE_STATE_H

#include "plugins/mutation/runtime/state.h"
#include "plugins/mutation/schema.h"

#include <sys/types.h>

/* By which a mutant may grow before malloc() fails: mutants that allocate for ever are to end
 * before the machine swaps. */
#define ENGINE_MEMORY_MIB 1024

/* Sites of all files of a state; 48 bytes each with three mutants. Beyond: an error. */
#define ENGINE_STATE_SIZE_MAX (1u << 30)

struct engine_state {
    int fd;
    struct sluice_mutant_state *map;
    struct sluice_mutant_state head; /* as it was made: a mutant may have written to the map */
    uint32_t site_count;
    uint32_t mutant_count;
};

int engine_state_new(const struct schema *const *schemas,
                     size_t count,
                     struct engine_state *ret_state,
                     struct err *err);

/* Accepts a zeroed object. */
void engine_state_fini(struct engine_state *state);

/* Makes it as new for one run of one test: hits and attempts are forgotten. What programs said of
 * the sites that they have stays. */
void engine_state_reset(struct engine_state *state, enum sluice_mutant_mode mode);

/* Parts of the map, by site and by mutant. */
uint32_t *engine_state_hits(const struct engine_state *state);
unsigned char *engine_state_status(const struct engine_state *state);
uint32_t *engine_state_spent(const struct engine_state *state);

/* Is a site compiled into a program that ran, or is nothing known of its file? */
bool engine_state_is_there(const struct engine_state *state, uint32_t site);

/* Lets the programs that we start find it, until engine_state_hide(). */
int engine_state_show(const struct engine_state *state, struct err *err);
void engine_state_hide(void);

/* The worst of a set of hazards in words; NULL for none. */
const char *engine_hazard_text(unsigned hazards);

#endif
