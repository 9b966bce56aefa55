/* SPDX-License-Identifier: Apache-2.0 */
/* Where reused outcomes come from: how many from the main line, how many from which change. And the
 * words for it, the same in all reports. */
#ifndef SLUICE_REPORTS_ORIGINS_H
#define SLUICE_REPORTS_ORIGINS_H

#include "base/str.h"
#include "base/vec.h"
#include "model/outcome.h"

#include <stdint.h>

/* Origins told apart: a queue speculates on tens of changes, a run reuses from some hundred at
 * most. What comes from others is counted without a name, and so is what memory is short for. */
#define ORIGINS_MAX 256

/* Origins named in a line for people, the largest ones. */
#define ORIGINS_TOLD 4

/* What evidence without a change belongs to. */
#define ORIGIN_MAIN "main"

struct origin {
    char *name; /* change, or ORIGIN_MAIN */
    uint64_t count;
};

struct origins {
    VEC_FIELDS(struct origin);
    uint64_t others; /* beyond ORIGINS_MAX */
    uint64_t reused; /* all of them */
    uint64_t ran;    /* outcomes that came from running */
};

void origins_fini(struct origins *origins);

/* Counts a unit's outcome. Only final ones count; those that were cancelled, skipped before they
 * began or never started neither ran nor were reused. */
void origins_add(struct origins *origins, const struct outcome *outcome);

/* Appends "412 of 431 reused: 380 from main, 32 from change 7; 19 ran", the largest origins first.
 * Nothing when nothing was reused. */
void origins_render(const struct origins *origins, uint64_t units, struct str *out);

struct json_writer;
/* Writes {"main": 380, "7": 32}, the largest first; what has no name as "(others)". */
void origins_write(const struct origins *origins, struct json_writer *w);

/* "main" or "change 7". Text from outside, not cleaned. */
void origin_words(const struct reused *reused, struct str *out);

/* How long ago: "just now", "5 min ago", "2 h ago", "3 days ago". Nothing when it is not known or
 * lies in the future: clocks of two machines differ. */
void age_words(int64_t earned_ms, int64_t now_ms, struct str *out);

/* "run R (change C, 2 h ago)", as far as it is known. Text from outside, not cleaned. */
void reused_words(const struct reused *reused, int64_t now_ms, struct str *out);

#endif
