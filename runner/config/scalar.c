/* SPDX-License-Identifier: Apache-2.0 */
#include "config/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum scalar_type type;
} words[] = {
    {"",      SCALAR_NULL   },
    {"~",     SCALAR_NULL   },
    {"null",  SCALAR_NULL   },
    {"Null",  SCALAR_NULL   },
    {"NULL",  SCALAR_NULL   },
    {"true",  SCALAR_BOOL   },
    {"True",  SCALAR_BOOL   },
    {"TRUE",  SCALAR_BOOL   },
    {"false", SCALAR_BOOL   },
    {"False", SCALAR_BOOL   },
    {"FALSE", SCALAR_BOOL   },
    {"yes",   SCALAR_OLDBOOL},
    {"Yes",   SCALAR_OLDBOOL},
    {"YES",   SCALAR_OLDBOOL},
    {"no",    SCALAR_OLDBOOL},
    {"No",    SCALAR_OLDBOOL},
    {"NO",    SCALAR_OLDBOOL},
    {"on",    SCALAR_OLDBOOL},
    {"On",    SCALAR_OLDBOOL},
    {"ON",    SCALAR_OLDBOOL},
    {"off",   SCALAR_OLDBOOL},
    {"Off",   SCALAR_OLDBOOL},
    {"OFF",   SCALAR_OLDBOOL},
    {".nan",  SCALAR_ODD    },
    {".NaN",  SCALAR_ODD    },
    {".NAN",  SCALAR_ODD    },
};

static struct scalar make(enum scalar_type type, int64_t value)
{
    return (struct scalar){.type = type, .integer = value};
}

static size_t count_digits(const char *text)
{
    size_t n = 0;
    while (isdigit((unsigned char)text[n])) {
        n++;
    }
    return n;
}

static struct scalar parse_int(const char *text, int base)
{
    errno = 0;
    char *end = NULL;
    long long value = strtoll(text, &end, base);
    if (*end != '\0' || end == text) {
        return make(SCALAR_TEXT, 0);
    }
    return errno == 0 ? make(SCALAR_INT, value) : make(SCALAR_ODD, 0);
}

/* 0o17 and 0x1f; the core schema knows no sign before them. */
static bool parse_prefixed(const char *text, struct scalar *ret_scalar)
{
    if (text[0] != '0' || (text[1] != 'o' && text[1] != 'x') || !isxdigit((unsigned char)text[2])) {
        return false;
    }
    *ret_scalar = parse_int(text + 2, text[1] == 'o' ? 8 : 16);
    return true;
}

/* [0-9]* ( . [0-9]* )? ( [eE] [-+]? [0-9]+ )? with at least one digit in front: the shape only. */
static bool is_float(const char *digits)
{
    size_t whole = count_digits(digits);
    const char *p = digits + whole;
    size_t part = 0;
    if (*p == '.') {
        part = count_digits(p + 1);
        p += 1 + part;
    }
    if (whole + part == 0) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        size_t exponent = count_digits(p);
        p += exponent;
        if (exponent == 0) {
            return false;
        }
    }
    return *p == '\0';
}

static struct scalar parse_number(const char *text)
{
    struct scalar scalar;
    if (parse_prefixed(text, &scalar)) {
        return scalar;
    }
    const char *digits = text + (*text == '-' || *text == '+');
    if (strcmp(digits, ".inf") == 0 || strcmp(digits, ".Inf") == 0 || strcmp(digits, ".INF") == 0) {
        return make(SCALAR_ODD, 0);
    }
    size_t whole = count_digits(digits);
    if (whole > 0 && digits[whole] == '\0') {
        /* 007 is 7 to YAML 1.2 and eight-based to YAML 1.1. */
        return whole > 1 && digits[0] == '0' ? make(SCALAR_ODD, 0) : parse_int(text, 10);
    }
    if (!is_float(digits)) {
        return make(SCALAR_TEXT, 0);
    }
    double number = strtod(text, NULL);
    return isfinite(number) ? (struct scalar){.type = SCALAR_FLOAT, .number = number}
                            : make(SCALAR_ODD, 0);
}

struct scalar scalar_parse(const char *text)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i].word, text) == 0) {
            return make(words[i].type, tolower((unsigned char)*text) == 't');
        }
    }
    return parse_number(text);
}
