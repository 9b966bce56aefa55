/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/mutation/source.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Refuses what no grammar and no report can carry. */
static int check_text(const char *path, const char *text, size_t size, struct err *err)
{
    if (size > SOURCE_MAX) {
        return err_set(err,
                       -EFBIG,
                       "%s: has %zu bytes, more than the %u that are mutated: it is generated, "
                       "exclude it in `files`",
                       path,
                       size,
                       SOURCE_MAX);
    }
    const char *nul = memchr(text, '\0', size);
    if (nul != NULL) {
        return err_set(err,
                       -EINVAL,
                       "%s: a NUL byte at offset %zu: it is no text, exclude it in `files`",
                       path,
                       (size_t)(nul - text));
    }
    return 0;
}

/* What has tree-sitter look for the least bad reading of thousands of errors for so long is no
 * source of a language it knows. cJSON.c, 80 kB, takes 45 ms. */
#define SOURCE_PARSE_US UINT64_C(60000000)

static int parse_tree(struct source *source, struct err *err)
{
    TSParser *parser = ts_parser_new();
    const TSLanguage *grammar = source->language->grammar();
    if (!ts_parser_set_language(parser, grammar)) {
        ts_parser_delete(parser);
        return err_set(err,
                       -ENOTSUP,
                       "the grammar of %s has ABI %u, and the installed libtree-sitter reads %d to "
                       "%d: install the libtree-sitter that sluice was built with",
                       source->language->name,
                       ts_language_version(grammar),
                       TREE_SITTER_MIN_COMPATIBLE_LANGUAGE_VERSION,
                       TREE_SITTER_LANGUAGE_VERSION);
    }
    ts_parser_set_timeout_micros(parser, SOURCE_PARSE_US);
    source->tree = ts_parser_parse_string(parser, NULL, source->text, source->size);
    ts_parser_delete(parser);
    return source->tree == NULL
               ? err_set(err,
                         -ETIME,
                         "%s: was not parsed within %d s: it is no %s, or generated; "
                         "exclude it in `files`",
                         source->path,
                         (int)(SOURCE_PARSE_US / 1000000),
                         source->language->name)
               : 0;
}

int source_parse(
    const char *path, const char *text, size_t size, struct source *ret_source, struct err *err)
{
    *ret_source = (struct source){0};
    int rc = check_text(path, text, size, err);
    if (rc < 0) {
        return rc;
    }
    const struct language *language = language_of(path);
    struct source source = {
        .path = mem_strdup(path),
        .text = mem_strndup(text, size),
        .size = (uint32_t)size,
        .language = language != NULL ? language : language_of_text(),
    };
    if (source.path == NULL || source.text == NULL) {
        rc = err_set(err, -ENOMEM, "%s: not enough memory to read it", path);
    } else if (source.language->grammar != NULL) {
        rc = parse_tree(&source, err);
    }
    if (rc < 0) {
        source_fini(&source);
        return rc;
    }
    *ret_source = source;
    return 0;
}

int source_read(const char *root, const char *path, struct source *ret_source, struct err *err)
{
    assert(path[0] != '/');
    *ret_source = (struct source){0};
    char whole[PATH_TEXT_MAX];
    int length = snprintf(whole, sizeof(whole), "%s/%s", root, path);
    if (length < 0 || (size_t)length >= sizeof(whole)) {
        return err_set(err, -ENAMETOOLONG, "%s: the path is too long", path);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(SOURCE_MAX + 1);
    int rc = file_read_regular(whole, &text, err);
    if (rc < 0) {
        return rc;
    }
    return source_parse(path, str_text(&text), text.len, ret_source, err);
}

void source_fini(struct source *source)
{
    if (source->tree != NULL) {
        ts_tree_delete(source->tree);
    }
    mem_free(source->text);
    mem_free(source->path);
    *source = (struct source){0};
}
