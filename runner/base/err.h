/* SPDX-License-Identifier: Apache-2.0 */
/* The one error convention: functions return 0 or a negative errno and explain themselves in a
 * caller-owned struct err, the last parameter. Outputs stay untouched on failure. */
#ifndef SLUICE_BASE_ERR_H
#define SLUICE_BASE_ERR_H

#include <stdarg.h>

/* Longest message kept; longer ones are cut. Two source lines of 200 columns and a sentence fit. */
#define ERR_TEXT_MAX 2048

struct err {
    int code;                /* the negative errno returned beside it, 0 when unset */
    char text[ERR_TEXT_MAX]; /* one or more lines without a final newline; file:line:column first */
};

/* Fills *err (NULL is accepted) and returns `code`, a negative errno. Use as
 * `return err_set(err, -EINVAL, "...")`. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set() with an argument list. */
int err_vset(struct err *err, int code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Puts "format: " before the text that is there, and returns err->code (or -EIO when err is NULL).
 * For callers that know what was being attempted. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As err_set(err, -errno, ...) with ": strerror(errno)" appended. */
int err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
