/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/mutant.h"

#include <assert.h>
#include <string.h>

static const char *const status_names[MUTANT_STATUS_COUNT] = {
    [MUTANT_PENDING] = "Pending",
    [MUTANT_KILLED] = "Killed",
    [MUTANT_SURVIVED] = "Survived",
    [MUTANT_NO_COVERAGE] = "NoCoverage",
    [MUTANT_TIMEOUT] = "Timeout",
    [MUTANT_COMPILE_ERROR] = "CompileError",
    [MUTANT_RUNTIME_ERROR] = "RuntimeError",
    [MUTANT_IGNORED] = "Ignored",
};

const char *mutant_status_name(enum mutant_status status)
{
    assert((unsigned)status < MUTANT_STATUS_COUNT);
    return status_names[status];
}

int mutant_status_parse(const char *word)
{
    for (int i = 0; i < MUTANT_STATUS_COUNT; i++) {
        if (strcmp(word, status_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

bool mutant_is_suppressed(enum mutant_status status, const char *reason)
{
    return status == MUTANT_IGNORED && reason != NULL
           && strncmp(reason, MUTANT_SUPPRESSED, sizeof MUTANT_SUPPRESSED - 1) == 0;
}

void mutant_list_fini(struct mutant_list *list)
{
    arena_free(list->arena);
    *list = (struct mutant_list){0};
}
