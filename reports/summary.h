/* SPDX-License-Identifier: Apache-2.0 */
/* The object that ends `sluice run --json`:
 * {"run","exit_code","reason","counts":{...},"reused_from":{"main":380,"7":32},
 *  "layers":[{"id","state","metrics":{},"gates":[]}],"cpu_s","wall_s"}.
 * `reused_from` counts units by the change they were earned for. A fold over events. */
#ifndef SLUICE_REPORTS_SUMMARY_H
#define SLUICE_REPORTS_SUMMARY_H

#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

struct summary;
int summary_new(struct summary **ret_summary, struct err *err);
struct event_sink *summary_sink(struct summary *summary);
int summary_write(const struct summary *summary, struct str *out); /* one line */
void summary_free(struct summary *summary);

#endif
