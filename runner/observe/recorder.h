/* SPDX-License-Identifier: Apache-2.0 */
/* The set of questions of one unit. Kept as marks on places while the unit runs; written out in
 * canonical order (model/trace.h) at the end. */
#ifndef SLUICE_OBSERVE_RECORDER_H
#define SLUICE_OBSERVE_RECORDER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/pipeline.h"
#include "model/trace.h"
#include "observe/place.h"

/* Facts of the host asked for at most; there are five of our own and the files of /proc, of which a
 * program reads a handful. Beyond: the trace is incomplete. */
#define FACTS_MAX 256

/* Fixed folders of the root: /usr, /etc, /lib64, ...; nine of them today. */
#define TOPS_MAX 32

/* Bytes of all paths of a trace: 1,000,000 of 64. A message to sluice holds it three times. Beyond:
 * the trace is incomplete and empty. */
#define TRACE_BYTES_MAX (64u << 20)

#define WHY_MAX 256

struct recorder {
    struct places places;
    struct place *exposed[FACTS_MAX]; /* tops of exposed paths */
    size_t exposed_count;
    struct place *tops[TOPS_MAX]; /* fixed folders of the root: which of them are there, and which
                                     are links, is what a listing of the root tells */
    size_t top_count;
    const char *facts[FACTS_MAX];
    size_t fact_count;
    size_t asked_count; /* places with a question */
    unsigned flags;     /* enum trace_flag bits */
    char why[WHY_MAX];
    uint64_t calls;
};

int recorder_init(struct recorder *recorder); /* 0 or -ENOMEM */
void recorder_fini(struct recorder *recorder);

/* Says that everything at and below an absolute path of the world belongs to a zone. 0, -ENOMEM, or
 * -E2BIG beyond TOPS_MAX. */
int recorder_zone(struct recorder *recorder, const char *path, enum place_zone zone);

/* Says that an absolute path of the world is exposed: fixed, and every question about a folder
 * above it depends on it. 0, -ENOMEM, or -E2BIG beyond FACTS_MAX. */
int recorder_expose(struct recorder *recorder, const char *path);

/* Notes a question: one bit of enum place_asked. Does what the place's zone says; the caller has
 * seen to `pristine` of the place and of those above it in ZONE_TREE. */
void recorder_ask(struct recorder *recorder, struct place *place, unsigned asked);

/* Notes a question about the host. */
void recorder_fact(struct recorder *recorder, const char *name);

/* Sets a flag; the first reason stays. */
void recorder_flag(struct recorder *recorder, enum trace_flag flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The trace, in `arena`. 0 or -ENOMEM. */
int recorder_trace(struct recorder *recorder,
                   struct arena *arena,
                   const struct trace **ret_trace,
                   struct err *err);

/* A trace as bytes, from the supervisor to the slot process (one machine, one executable).
 * trace_unpack() checks what it reads. */
int trace_pack(const struct trace *trace, struct str *out);
int trace_unpack(const char *bytes,
                 size_t len,
                 struct arena *arena,
                 const struct trace **ret_trace,
                 struct err *err);

#endif
