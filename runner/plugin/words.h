/* SPDX-License-Identifier: Apache-2.0 */
/* Is a foreign word fit to be an id, a name, a path? Private to this module. */
#ifndef SLUICE_PLUGIN_WORDS_H
#define SLUICE_PLUGIN_WORDS_H

#include "base/arena.h"
#include "base/err.h"
#include "model/pipeline.h"

#include <jansson.h>

/* A name in lower case: [a-z][a-z0-9_-]*, at most WORD_NAME_MAX bytes. Names are keys in YAML, file
 * names and words in messages. */
#define WORD_NAME_MAX 64
int word_check_name(const char *what, const char *word, struct err *err);

/* Text on one line: not empty, at most ID_MAX bytes, no control bytes. */
int word_check_id(const char *what, const char *word, struct err *err);

/* A path that cannot leave the folder it is taken from. */
int word_check_path(const char *what, const char *path, struct err *err);

/* Copies a JSON list of words that each pass `check` into the arena. NULL list = empty. */
int word_read_list(const char *what,
                   json_t *list,
                   int (*check)(const char *what, const char *word, struct err *err),
                   struct arena *arena,
                   struct text_list *ret_list,
                   struct err *err);

/* Text for a message: cut, without control bytes. Returns buf. */
#define WORD_SHOWN_MAX 120
const char *word_show(const char *text, char buf[WORD_SHOWN_MAX]);

#endif
