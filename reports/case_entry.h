/* SPDX-License-Identifier: Apache-2.0 */
/* One testcase as reports show it: a unit, a case of a unit, or what sluice itself has to say where
 * no case says it. Made by case_fold.c, written by each writer in its own format. */
#ifndef SLUICE_REPORTS_CASE_ENTRY_H
#define SLUICE_REPORTS_CASE_ENTRY_H

#include "base/vec.h"
#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

/* What an entry stands for. */
enum entry_kind {
    ENTRY_UNIT,  /* a unit that is its own case */
    ENTRY_CASE,  /* a case of a unit */
    ENTRY_REST,  /* "(unit)": what went wrong beside the cases of a unit */
    ENTRY_GATE,  /* "(gate)": a shut gate that no case explains */
    ENTRY_LAYER, /* "(layer)": a layer without cases */
    ENTRY_RUN,   /* "(run)": a run that ended badly for a reason that no case shows */
};

/* A failed attempt, kept until it is known how the last one ends. */
struct case_attempt {
    uint64_t key; /* unique_hash() of the case's suite and name; 0 = the unit as a whole */
    char *text;   /* in the writer's own format */
    bool used;    /* by an entry */
};

struct case_attempts {
    VEC_FIELDS(struct case_attempt);
};

/* One testcase to write. Strings may be NULL, classname and name are not. */
struct case_entry {
    enum entry_kind kind;
    bool flaky;       /* passed after failed attempts */
    const char *unit; /* id; NULL for what concerns none */
    const char *classname;
    const char *name;
    const char *file;
    uint32_t line;
    double time_s; /* negative = unknown */
    enum outcome_status status;
    const char *message;
    const char *type;
    const char *details;
    const char *hint;
    const char *output;
    const char *attachment;        /* path */
    const struct outcome *outcome; /* exit code, flags and captures; NULL = of no concern */
    struct case_attempts *attempts;
    uint64_t attempt_key;        /* which of the attempts are its own; 0 = all that are left */
    const struct reused *reused; /* where it was earned; NULL = it ran */
    int64_t now_ms;              /* wall clock of the event it comes from */
};

/* Failed, errored or timed out. */
bool status_is_bad(enum outcome_status status);

/* Room for what case_entry_message() makes up. */
#define ENTRY_MESSAGE_SIZE 64

/* Its message, or, as consumers show nothing else, one made up from how it ended. */
const char *case_entry_message(const struct case_entry *entry, char buf[ENTRY_MESSAGE_SIZE]);

/* Its type, or a word for its status. */
const char *case_entry_type(const struct case_entry *entry);

/* The next failed attempt of this entry that was not taken yet, or NULL. */
const struct case_attempt *case_entry_take_attempt(const struct case_entry *entry);

/* Keeps the text of a failed attempt (owned from here on, NULL is -ENOMEM). 0 or -ENOMEM. */
int case_attempts_keep(struct case_attempts *attempts, uint64_t key, char *text);
bool case_attempts_left(const struct case_attempts *attempts);
void case_attempts_fini(struct case_attempts *attempts);

#endif
