/* SPDX-License-Identifier: Apache-2.0 */
/* What a past run decided for a unit, and what came of it: a fold over its event log. */
#ifndef SLUICE_CLI_WHY_RUN_H
#define SLUICE_CLI_WHY_RUN_H

#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

#include <stdbool.h>

struct why_run;

/* `unit`: LAYER/UNIT or UNIT. */
int why_run_new(const char *unit, bool json, struct why_run **ret_why, struct err *err);
struct event_sink *why_run_sink(struct why_run *why);
/* Ends it: appends what began and never ended. 0, or a negative errno when it did not fit. */
int why_run_end(struct why_run *why);
/* Units that were told of. */
uint64_t why_run_found(const struct why_run *why);
/* The answer, to be written out. */
struct str *why_run_answer(struct why_run *why);
void why_run_free(struct why_run *why);

#endif
