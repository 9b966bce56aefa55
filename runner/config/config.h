/* SPDX-License-Identifier: Apache-2.0 */
/* YAML -> model. Every complaint carries file:line:column, the offending line and, for words, a
 * "did you mean". One table (keys.h) drives the parser, the JSON Schema and the reference. */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/str.h"
#include "model/pipeline.h"

#define CONFIG_FILE_DEFAULT "sluice.yml"

/* Size of a pipeline file: 5,000 lines are about 150 KiB. Beyond: refused before it is parsed. */
#define CONFIG_BYTES_MAX ((size_t)1 << 20)

/* A parsed file: the pipeline, its arena, its text (for messages) and positions of settings. */
struct config;

struct config_options {
    uint64_t seed;              /* value of ${{ sluice.seed }} */
    const char *const *plugins; /* known built-in plugin names; NULL = do not check `uses` */
    size_t plugin_count;
};

/* Parses `text` (len bytes, named `file` in messages). On success *ret_config is owned by the
 * caller. On failure several complaints may stand in err->text, one below the other. */
int config_parse(const char *file,
                 const char *text,
                 size_t len,
                 const struct config_options *options,
                 struct config **ret_config,
                 struct err *err);

/* Reads and parses a file. -ENOENT: says which file was looked for and how to make one. */
int config_load(const char *file,
                const struct config_options *options,
                struct config **ret_config,
                struct err *err);

void config_free(struct config *config);

const struct pipeline *config_pipeline(const struct config *config);

/* Fills *err with "file:line:column: message", the source line and a caret. Returns code. For
 * complaints found after parsing, e.g. a plugin's schema against `with`. */
int config_complain(const struct config *config,
                    struct source_pos pos,
                    struct err *err,
                    int code,
                    const char *format,
                    ...) __attribute__((format(printf, 5, 6)));

/* Where a setting below `with:` of a layer stands, by JSON pointer ("/run", "/files/0"; "" = with
 * itself). The nearest enclosing position when the pointer names nothing. */
struct source_pos config_with_pos(const struct config *config,
                                  const struct layer *layer,
                                  const char *pointer);

/* Where a name of `reuse: {declared: [...]}` stands, by its index: in the layer or in `defaults`.
 */
struct source_pos config_declared_pos(const struct config *config,
                                      const struct layer *layer,
                                      size_t index);

/* The JSON Schema (draft-07) of pipeline files. */
int config_schema(struct str *out);
/* The Markdown reference of all keys (docs/reference/pipeline.md). */
int config_reference(struct str *out);

/* The same as a manual page: sluice.yml(5). */
int config_manual(struct str *out, const char *date, const char *version);

#endif
