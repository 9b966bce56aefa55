/* SPDX-License-Identifier: Apache-2.0 */
/* Collects what is wrong with a file and shows it: file:line:column, the sentence, the offending
 * line and a caret. Allocates only while it writes the final text. */
#ifndef SLUICE_CONFIG_COMPLAIN_H
#define SLUICE_CONFIG_COMPLAIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct node;

/* Complaints kept of one file: more than anyone mends in one go. The rest is counted. */
#define COMPLAINTS_MAX 20
/* Bytes of one sentence: two words of 60 bytes, a cycle of a few ids, and the advice. */
#define COMPLAINT_TEXT_MAX 512
/* Limit of the arena of one pipeline. A layer costs about 1 KiB, so 5,000 lines cost 1 to 5 MiB;
 * matrices multiply that. Beyond: the file is refused as too big. */
#define CONFIG_ARENA_MAX ((size_t)128 << 20)

struct complaint {
    unsigned line, column;
    size_t order; /* of finding, to keep the sort stable */
    char text[COMPLAINT_TEXT_MAX];
};

/* The text complaints are about. */
struct source {
    const char *file;
    const char *text;
    size_t len;
};

struct complaints {
    struct source source;
    struct complaint items[COMPLAINTS_MAX];
    size_t count;
    size_t dropped; /* beyond COMPLAINTS_MAX */
    size_t found;   /* all, those not kept too: tells whether a step found something */
    int error;      /* negative errno when memory was short; sticks */
};

void complaints_init(struct complaints *complaints, const struct source *source);

/* Adds a sentence (no final stop needed beyond its own). A second one for the same place is
 * dropped: it is nearly always the same mistake, seen again in another matrix variant. */
void complain_at(struct complaints *complaints,
                 unsigned line,
                 unsigned column,
                 const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
void complain(struct complaints *complaints, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* True when a complaint about this node would be kept. Else it is counted here, and the caller can
 * save the search for "did you mean", which a hostile file could make long. */
bool complaints_room(struct complaints *complaints, const struct node *node);

/* Notes that memory was short; the first reason stays. */
void complaints_fail(struct complaints *complaints, int error);

/* The same after the arena gave NULL: its limit was reached (-E2BIG), or memory was short. */
void complaints_fail_arena(struct complaints *complaints, const struct arena *arena);

/* 0 when there is nothing to complain about, else *err is filled (sorted by place, as many as fit)
 * and a negative errno returned. */
int complaints_tell(struct complaints *complaints, struct err *err);

/* Appends one complaint: "file:line:column: text", the line, the caret; no final newline. */
int complaint_write(struct str *out,
                    const struct source *source,
                    const struct complaint *complaint);

/* Line and column (from 1, in characters) of a byte of the text. */
void source_locate(const struct source *source,
                   size_t offset,
                   unsigned *ret_line,
                   unsigned *ret_column);

/* Byte offset of a place; the nearest one before it when the line is shorter. */
size_t source_offset(const struct source *source, unsigned line, unsigned column);

#endif
