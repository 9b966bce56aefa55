/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: UTF-8, control bytes, shell words. */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Offset of the first byte that is not valid UTF-8 (surrogates and overlong forms are invalid), or
 * `len`. */
size_t utf8_valid_prefix(const char *bytes, size_t len);

/* Appends `bytes` to `out` made safe to show and to put in XML 1.0: ANSI escape sequences (CSI,
 * OSC) are removed, carriage-return-overwritten progress is kept as lines, control bytes other than
 * tab and newline and code points XML forbids become U+FFFD, invalid UTF-8 becomes U+FFFD. Returns
 * out->error. */
int text_sanitize(struct str *out, const char *bytes, size_t len);

/* As text_sanitize(), for people at a terminal: characters that cannot be seen and change what can
 * (bidirectional controls, zero-width and tag characters, soft hyphens) are written as "\u{202e}",
 * so that no test name looks like another or reads backwards. U+200C and U+200D stay: scripts and
 * emoji are written with them. */
int text_show(struct str *out, const char *bytes, size_t len);

/* Number of terminal columns of a UTF-8 text (combining marks 0, East Asian wide 2); invalid bytes
 * count 1. */
size_t text_columns(const char *text);

/* Splits a line into words by POSIX shell quoting ('..', "..", \x). Fills *ret_words, a
 * NULL-terminated array in one allocation (mem_free()). */
int shell_split(const char *line, char ***ret_words, size_t *ret_count, struct err *err);

/* True when a line is made of plain words and quotes only: no expansion, redirection, operator,
 * assignment in front, glob, comment, tilde or reserved word at command position that a shell would
 * treat specially. */
bool shell_is_plain(const char *line);

/* Appends a word so that a shell reads it back as one word, quoting only where needed. */
int shell_quote(struct str *out, const char *word);

/* A share: "1%", "0.25%", up to "100%", as parts per million. 0, or -EINVAL. */
int share_parse(const char *text, unsigned *ret_ppm);

#endif
