/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int err_vset(struct err *err, int code, const char *format, va_list args)
{
    char text[ERR_TEXT_MAX]; /* not err->text at once: an argument may point into it */

    assert(code < 0);
    if (err == NULL) {
        return code;
    }
    if (vsnprintf(text, sizeof text, format, args) < 0) {
        text[0] = '\0';
    }
    err->code = code;
    memcpy(err->text, text, strlen(text) + 1);
    return code;
}

int err_set(struct err *err, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(err, code, format, args);
    va_end(args);
    return code;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char prefix[ERR_TEXT_MAX];
    va_list args;

    if (err == NULL) {
        return -EIO;
    }
    va_start(args, format);
    int written = vsnprintf(prefix, sizeof prefix - 2, format, args);
    va_end(args);
    if (written < 0) {
        prefix[0] = '\0';
    }
    size_t len = strlen(prefix);
    memcpy(prefix + len, ": ", 2);
    len += 2;

    /* The old text moves to the right; what does not fit is cut at its end. */
    size_t room = sizeof err->text - 1 - len;
    size_t kept = strnlen(err->text, room);
    memmove(err->text + len, err->text, kept);
    memcpy(err->text, prefix, len);
    err->text[len + kept] = '\0';
    if (err->code >= 0) {
        err->code = -EIO; /* a wrapped error never turns into success */
    }
    return err->code;
}

int err_errno(struct err *err, const char *format, ...)
{
    int number = errno != 0 ? errno : EIO;
    char reason[128];
    va_list args;

    va_start(args, format);
    err_vset(err, -number, format, args);
    va_end(args);
    if (err != NULL) {
        size_t len = strlen(err->text);
        (void)snprintf(err->text + len,
                       sizeof err->text - len,
                       ": %s",
                       strerror_r(number, reason, sizeof reason));
    }
    return -number;
}
