/* SPDX-License-Identifier: Apache-2.0 */
/* What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2, and the words that other
 * YAML readers take for booleans. */
#ifndef SLUICE_CONFIG_SCALAR_H
#define SLUICE_CONFIG_SCALAR_H

#include <stdint.h>

enum scalar_type {
    SCALAR_TEXT,
    SCALAR_NULL,    /* empty, ~, null */
    SCALAR_BOOL,    /* true, false */
    SCALAR_INT,     /* 12, -3, 0o17, 0x1f that fits 64 bits */
    SCALAR_FLOAT,   /* 1.5, 1e3, finite */
    SCALAR_OLDBOOL, /* yes, no, on, off: text to us, a boolean to YAML 1.1 readers */
    SCALAR_ODD,     /* a number that no two readers agree on, or that JSON cannot hold: 007, .inf,
                       .nan, beyond 64 bits */
};

struct scalar {
    enum scalar_type type;

    union {
        int64_t integer; /* SCALAR_INT; 0 or 1 for SCALAR_BOOL */
        double number;   /* SCALAR_FLOAT */
    };
};

struct scalar scalar_parse(const char *text);

#endif
