/* SPDX-License-Identifier: Apache-2.0 */
/* Events as NDJSON: {"v":1,"seq":7,"t":1700000000000,"type":"unit_finished",...}. docs/events.md is
 * the reference for other readers. Unknown fields are ignored on reading (a newer writer), unknown
 * types are passed over. */
#ifndef SLUICE_MODEL_EVENT_JSON_H
#define SLUICE_MODEL_EVENT_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/event.h"

/* Longest line we read back: a unit with CASES_PER_UNIT_MAX short cases fits. */
#define EVENT_LINE_MAX (512u << 20)

/* Appends one line with its newline. Returns out->error. */
int event_write(struct str *out, const struct event *event);

/* Reads one line. All strings are allocated in `arena`. Returns 1 when *ret_event is filled, 0 for
 * an unknown type (pass over), negative on error. */
int event_read(
    const char *line, size_t len, struct arena *arena, struct event *ret_event, struct err *err);

/* One case as JSON object (shared by the event log and the `cases` report format). */
struct json_writer;
void case_write(struct json_writer *w, const struct test_case *test_case);
/* A tally and one rule of a gate as JSON objects (shared by the event log and the summary). */
void tally_write(struct json_writer *w, const struct tally *tally);
void gate_write(struct json_writer *w, const struct gate_result *gate);
/* Reads a case object strictly (unknown field = error). Required: name, status. */
int case_read(
    const char *line, size_t len, struct arena *arena, struct test_case *ret_case, struct err *err);

#endif
