/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/engine_state.h"

#include "base/cleanup.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STATE_VARIABLE "SLUICE_MUTANT_STATE"

/* Counts and places before anything is allocated. */
static size_t lay_out(const struct schema *const *schemas,
                      size_t count,
                      struct sluice_mutant_state *head)
{
    size_t sites = 0;
    size_t mutants = 0;
    for (size_t i = 0; i < count; i++) {
        sites += schemas[i]->site_count;
        mutants += schemas[i]->mutant_count;
    }
    size_t at = sizeof(*head);
    head->files_at = (uint32_t)at;
    at += count * sizeof(struct sluice_mutant_range);
    head->first_at = (uint32_t)at;
    at += (sites + 1) * sizeof(uint32_t);
    head->mutants_at = (uint32_t)at;
    at += mutants * sizeof(uint32_t);
    head->hits_at = (uint32_t)at;
    at += sites * sizeof(uint32_t);
    head->spent_at = (uint32_t)at;
    at += mutants * sizeof(uint32_t);
    head->status_at = (uint32_t)at;
    at += mutants;
    head->there_at = (uint32_t)at;
    at += sites;
    head->file_count = (uint32_t)count;
    head->size = (uint32_t)at;
    return at;
}

static void *part(const struct engine_state *state, uint32_t at)
{
    return (char *)state->map + at;
}

/* One file: its sites and mutants behind those of the files before it. */
static void add_file(struct engine_state *state,
                     const struct schema *schema,
                     struct sluice_mutant_range *range,
                     uint32_t *in_order)
{
    uint32_t *first = part(state, state->head.first_at);
    uint32_t *mutants = part(state, state->head.mutants_at);
    *range = (struct sluice_mutant_range){
        .key_high = (uint32_t)(schema->key >> 32),
        .key_low = (uint32_t)schema->key,
        .name = schema->name,
        .site_base = state->site_count,
        .site_count = schema->site_count,
        .mutant_base = state->mutant_count,
        .mutant_count = schema->mutant_count,
    };
    for (uint32_t site = 0; site < schema->site_count; site++) {
        first[state->site_count + site] = *in_order;
        for (uint32_t i = schema->first[site]; i < schema->first[site + 1]; i++) {
            mutants[(*in_order)++] = state->mutant_count + schema->mutants[i];
        }
    }
    state->site_count += schema->site_count;
    state->mutant_count += schema->mutant_count;
    first[state->site_count] = *in_order;
}

static int map(struct engine_state *state, size_t size, struct err *err)
{
    state->fd = memfd_create("sluice-mutants", MFD_CLOEXEC);
    if (state->fd < 0 || ftruncate(state->fd, (off_t)size) != 0) {
        return err_errno(err, "cannot make the state of mutants");
    }
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, state->fd, 0);
    if (at == MAP_FAILED) {
        return err_errno(err, "cannot map the state of mutants");
    }
    state->map = at;
    return 0;
}

int engine_state_new(const struct schema *const *schemas,
                     size_t count,
                     struct engine_state *ret_state,
                     struct err *err)
{
    struct sluice_mutant_state head = {.magic = SLUICE_MUTANT_MAGIC};
    struct engine_state state = {.fd = -1};
    size_t size = lay_out(schemas, count, &head);
    if (size > ENGINE_STATE_SIZE_MAX) {
        return err_set(err, -EFBIG, "too many mutants in one run: divide `files`");
    }
    int rc = map(&state, size, err);
    if (rc < 0) {
        engine_state_fini(&state);
        return rc;
    }
    assert(state.map != NULL); /* mmap() gives no address 0 that was not asked for */
    state.head = head;
    *state.map = head;
    struct sluice_mutant_range *ranges = part(&state, head.files_at);
    uint32_t in_order = 0;
    for (size_t i = 0; i < count; i++) {
        add_file(&state, schemas[i], &ranges[i], &in_order);
    }
    *ret_state = state;
    return 0;
}

void engine_state_fini(struct engine_state *state)
{
    if (state->map != NULL) {
        (void)munmap(state->map, state->head.size);
        (void)close(state->fd);
    } else if (state->fd > 0) {
        (void)close(state->fd);
    }
    *state = (struct engine_state){.fd = -1};
}

void engine_state_reset(struct engine_state *state, enum sluice_mutant_mode mode)
{
    struct sluice_mutant_state *head = state->map;
    *head = state->head;
    head->mode = mode;
    head->engine_pid = getpid();
    head->memory_mib = ENGINE_MEMORY_MIB;
    memset(engine_state_hits(state), 0, state->site_count * sizeof(uint32_t));
    memset(engine_state_spent(state), 0, state->mutant_count * sizeof(uint32_t));
    memset(engine_state_status(state), SLUICE_MUTANT_LEFT_OUT, state->mutant_count);
}

uint32_t *engine_state_hits(const struct engine_state *state)
{
    return part(state, state->head.hits_at);
}

unsigned char *engine_state_status(const struct engine_state *state)
{
    return part(state, state->head.status_at);
}

uint32_t *engine_state_spent(const struct engine_state *state)
{
    return part(state, state->head.spent_at);
}

bool engine_state_is_there(const struct engine_state *state, uint32_t site)
{
    const struct sluice_mutant_range *ranges = part(state, state->head.files_at);
    const unsigned char *there = part(state, state->head.there_at);
    uint32_t file = 0;
    while (site - ranges[file].site_base >= ranges[file].site_count) {
        file++;
    }
    return ranges[file].seen == 0 || there[site] != 0;
}

int engine_state_show(const struct engine_state *state, struct err *err)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), state->fd);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread */
    return setenv(STATE_VARIABLE, path, 1) == 0 ? 0
                                                : err_errno(err, "cannot set %s", STATE_VARIABLE);
}

void engine_state_hide(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread */
    (void)unsetenv(STATE_VARIABLE);
}

const char *engine_hazard_text(unsigned hazards)
{
    if ((hazards & SLUICE_MUTANT_OTHER_PROCESS) != 0) {
        return "the code under test runs in a process that the test starts";
    }
    if ((hazards & SLUICE_MUTANT_HAS_THREADS) != 0) {
        return "it has threads";
    }
    if ((hazards & SLUICE_MUTANT_OPEN_PIPE) != 0) {
        return "it holds a pipe or socket open";
    }
    return (hazards & SLUICE_MUTANT_OPEN_FILE) != 0 ? "it holds a file open for writing" : NULL;
}
