/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between sluice and its slot processes: length, type, then numbers and texts in a fixed
 * order. Both ends are the same executable on the same machine, so native byte order and no
 * versions. */
#ifndef SLUICE_EXEC_WIRE_H
#define SLUICE_EXEC_WIRE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/pipeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest message: a result with CASES_PER_UNIT_MAX cases of a few hundred bytes. Beyond: the unit
 * is an error. */
#define WIRE_MESSAGE_MAX (192u << 20)

enum wire_type {
    WIRE_WORLD = 1, /* to slot: struct slot_world; answered by WIRE_READY or WIRE_FAILED */
    WIRE_RUN,       /* to slot: struct slot_request; answered by WIRE_RESULT */
    WIRE_STOP,      /* to slot: u64 now */
    WIRE_READY,
    WIRE_FAILED, /* text */
    WIRE_RESULT, /* struct outcome */
};

struct wire_header {
    uint32_t length; /* of what follows the header */
    uint32_t type;   /* enum wire_type */
};

/* Writing: begin, put..., end (fills in the length). Errors stick in the str. */
void wire_begin(struct str *out, enum wire_type type);
int wire_end(struct str *out);
void wire_put_u64(struct str *out, uint64_t value);
void wire_put_text(struct str *out, const char *text); /* NULL is kept apart from "" */
void wire_put_texts(struct str *out, const struct text_list *list);

/* Reading; a short or damaged message sets `broken` and gives zeroes from then on. */
struct wire_reader {
    const char *data;
    size_t len;
    size_t at;
    struct arena *arena; /* texts are copied here; lists too */
    bool broken;
};

uint64_t wire_get_u64(struct wire_reader *reader);
const char *wire_get_text(struct wire_reader *reader);
struct text_list wire_get_texts(struct wire_reader *reader);

/* Blocking read of one whole message into *buffer (cleared first). 1 = got one, 0 = peer closed,
 * negative. */
int wire_receive(int fd, struct str *buffer, enum wire_type *ret_type, struct err *err);

/* True when buffer starts with a whole message; then *ret_type and *ret_size (header included).
 * -EBADMSG when it can never become one. */
int wire_complete(const struct str *buffer, enum wire_type *ret_type, size_t *ret_size);

#endif
