/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/case_entry.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

bool status_is_bad(enum outcome_status status)
{
    return status != OUTCOME_PASSED && status != OUTCOME_SKIPPED;
}

static const char *default_type(enum outcome_status status)
{
    static const char *const types[OUTCOME_STATUS_COUNT] = {
        [OUTCOME_PASSED] = "flaky",
        [OUTCOME_FAILED] = "failure",
        [OUTCOME_ERRORED] = "error",
        [OUTCOME_TIMED_OUT] = "timeout",
        [OUTCOME_SKIPPED] = "skipped",
    };
    return types[status];
}

const char *case_entry_type(const struct case_entry *entry)
{
    return entry->type != NULL ? entry->type : default_type(entry->status);
}

const char *case_entry_message(const struct case_entry *entry, char buf[ENTRY_MESSAGE_SIZE])
{
    const struct outcome *outcome = entry->outcome;
    if (entry->message != NULL && entry->message[0] != '\0') {
        return entry->message;
    }
    if (entry->status == OUTCOME_TIMED_OUT) {
        (void)snprintf(buf, ENTRY_MESSAGE_SIZE, "timed out");
    } else if (outcome != NULL && outcome->signal != 0) {
        (void)snprintf(buf, ENTRY_MESSAGE_SIZE, "ended by signal %d", outcome->signal);
    } else if (outcome != NULL && outcome->exit_code > 0) {
        (void)snprintf(buf, ENTRY_MESSAGE_SIZE, "exit code %d", outcome->exit_code);
    } else {
        (void)snprintf(buf, ENTRY_MESSAGE_SIZE, "%s", default_type(entry->status));
    }
    return buf;
}

/* ---- attempts ---- */

static bool is_its_own(const struct case_entry *entry, const struct case_attempt *attempt)
{
    return !attempt->used && (entry->attempt_key == 0 || entry->attempt_key == attempt->key);
}

const struct case_attempt *case_entry_take_attempt(const struct case_entry *entry)
{
    for (size_t i = 0; entry->attempts != NULL && i < entry->attempts->count; i++) {
        struct case_attempt *attempt = &entry->attempts->items[i];
        if (is_its_own(entry, attempt)) {
            attempt->used = true;
            return attempt;
        }
    }
    return NULL;
}

bool case_attempts_left(const struct case_attempts *attempts)
{
    for (size_t i = 0; attempts != NULL && i < attempts->count; i++) {
        if (!attempts->items[i].used) {
            return true;
        }
    }
    return false;
}

int case_attempts_keep(struct case_attempts *attempts, uint64_t key, char *text)
{
    if (text == NULL
        || vec_push(attempts, ((struct case_attempt){.key = key, .text = text})) != 0) {
        mem_free(text);
        return -ENOMEM;
    }
    return 0;
}

void case_attempts_fini(struct case_attempts *attempts)
{
    struct case_attempt *attempt = NULL;
    vec_for_each (attempt, attempts) {
        mem_free(attempt->text);
    }
    vec_fini(attempts);
}
