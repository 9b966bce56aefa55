/* SPDX-License-Identifier: Apache-2.0 */
/* What merge.c (logs, units, the end) and merge_judge.c (layers) share. */
#ifndef SLUICE_REPORTS_MERGE_IMPL_H
#define SLUICE_REPORTS_MERGE_IMPL_H

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "reports/merge.h"

/* A log as the first reading found it. */
struct merge_log {
    const char *file;
    const char *run_dir;
    unsigned shard; /* 0 = a whole run */
    bool finished;
    bool torn;
    enum exit_code exit_code;
    int64_t wall_ns, cpu_us;
    const char *reason;         /* NULL */
    struct merge_report report; /* file NULL = it is a log */
};

struct merge_unit {
    size_t log; /* the one whose outcome counts */
    enum outcome_status status;
    unsigned count; /* logs that have it */
    bool told;      /* emitted */
};

/* What one log says of a layer. */
struct merge_part {
    size_t log;
    enum verdict_state state;
    bool unasked;
    const char *reason;
    const struct gate_result *gates;
    size_t gate_count;
    bool counted; /* it has a tally; a report of another tool has none */
    struct tally tally;
};

struct merge_layer {
    char *id;
    const char *name;
    bool allow_failure;

    struct {
        VEC_FIELDS(struct merge_part);
    } parts; /* in the order of the logs */

    size_t at; /* second reading: the first part of the log that is read, or of a later one */

    struct tally twice; /* outcomes in `parts` of units that count by another log's */
    struct tally loose; /* outcomes that count, of logs that broke off before the judgement */

    struct {
        VEC_FIELDS(struct finding);
    } findings;

    /* the whole */
    struct {
        VEC_FIELDS(struct gate_result);
    } gates;
    struct tally tally;
    enum verdict_state state;
    const char *reason;
    bool unasked;
};

struct merge {
    struct event_sink sink;
    struct arena *arena;
    unsigned shards; /* N of I/N; 0 = wholes */
    bool shards_known;
    struct event started;
    struct str reason;
    enum exit_code exit_code;
    int error;

    struct {
        VEC_FIELDS(struct merge_log);
    } logs;

    struct {
        VEC_FIELDS(struct merge_layer);
    } layers;

    struct {
        VEC_FIELDS(struct merge_unit);
    } units;
    struct map unit_index;    /* "LAYER\nUNIT" -> index */
    struct map finding_index; /* layer and all of a finding -> the log it is of */
    struct map case_index;    /* suite, class and name of cases of reports -> the log */
    size_t cases_twice;
    const char *case_twice; /* the first of them */

    /* while a log is read */
    size_t log;
    bool emitting;
    struct event_sink *out;
    uint64_t seq;
    int64_t last_ms;
    struct tally tally;
};

/* Remembers the first error. */
void merge_keep_error(struct merge *merge, int rc);

/* A copy that lives as long as the merge; NULL stays NULL. */
const char *merge_keep(struct merge *merge, const char *text);

/* Is `key` in the map, of another log than the one that is read? If it is in none, it is put there
 * as this log's. */
bool merge_seen_elsewhere(struct merge *merge, struct map *index, const char *key);

/* The layer of that id, made when it is new; NULL: no memory. */
struct merge_layer *merge_layer_of(struct merge *merge, const char *id);
void merge_layer_fini(struct merge_layer *layer);

/* First reading: takes in what a log says of a layer. */
void merge_learn_layer(struct merge *merge, const struct event *event);

/* Second reading: one outcome of the log that is read. `counts`: it is the unit's. */
void merge_count_unit(struct merge_layer *layer,
                      size_t log,
                      const struct outcome *outcome,
                      bool counts);

/* Judges all layers over what they add up to. */
void merge_judge(struct merge *merge);

/* Emits a judged layer, and which of its rules could not be judged over the whole. */
void merge_emit_layer(struct merge *merge, const struct merge_layer *layer);

/* The exit code of a log, but for gates of its part that are open over the whole. */
enum exit_code merge_log_exit(const struct merge *merge, size_t index);

/* The next event of the whole. */
void merge_emit_event(struct merge *merge, struct event *event);

#endif
