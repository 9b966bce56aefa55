/* SPDX-License-Identifier: Apache-2.0 */
/* Words of `sluice cache`: sizes, moments, units. */
#ifndef SLUICE_CLI_CACHE_WORDS_H
#define SLUICE_CLI_CACHE_WORDS_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* Writes a size for people: "0 B", "812 B", "1.5 MiB". Returns buf. */
#define SIZE_TEXT_MAX 32
char *size_format(uint64_t bytes, char buf[SIZE_TEXT_MAX]);

/* A moment: "2026-11-22", "2026-11-22T09:30" or with seconds, a final Z allowed (all UTC), or a
 * time ago ("3d", "1h30m"). Milliseconds since 1970. */
int moment_parse(const char *text, int64_t *ret_ms, struct err *err);

/* Appends what a unit is called: layer/unit of its words (JSON), or the words as they are. */
void unit_words(struct str *out, const char *words);

#endif
