/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/layers.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct config {
    struct arena *arena;
    struct source source;
    struct pipeline pipeline;
    const struct node_pair *const *with; /* by index of the layer; NULL = it has none */
    const struct node *root;
};

/* Marks UTF-8 at the start of a file; harmless, so it is passed over. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    arena_free(config->arena);
    mem_free(config);
}

static struct config *config_new(const char *file, const char *text, size_t len)
{
    struct config *config = mem_calloc(1, sizeof *config);
    if (config == NULL) {
        return NULL;
    }
    config->arena = arena_new(CONFIG_ARENA_MAX);
    if (config->arena == NULL) {
        config_free(config);
        return NULL;
    }
    char *copy = arena_alloc(config->arena, len + 1);
    config->source.file = arena_strdup(config->arena, file);
    if (copy == NULL || config->source.file == NULL) {
        config_free(config);
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    config->source.text = copy;
    config->source.len = len;
    return config;
}

static bool is_utf16(const char *text, size_t len)
{
    return len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

/* Bytes that no YAML text has. */
static void check_bytes(struct complaints *complaints)
{
    const struct source *source = &complaints->source;
    const char *nul = memchr(source->text, '\0', source->len);
    size_t valid = utf8_valid_prefix(source->text, source->len);
    size_t at = nul != NULL ? (size_t)(nul - source->text) : source->len;
    const char *wrong = "there is a NUL byte here: this is no text file";
    if (valid < at) {
        at = valid;
        wrong = "this is not UTF-8: save the file as UTF-8";
    }
    if (is_utf16(source->text, source->len)) {
        at = 0;
        wrong = "this file is UTF-16: save it as UTF-8";
    }
    if (at < source->len) {
        unsigned line = 0;
        unsigned column = 0;
        source_locate(source, at, &line, &column);
        complain_at(complaints, line, column, "%s", wrong);
    }
}

static void read_config(struct config *config,
                        const struct config_options *options,
                        struct complaints *found)
{
    check_bytes(found);
    if (found->count > 0) {
        return;
    }
    struct reader reader = {.complaints = found, .arena = config->arena, .options = options};
    const struct node *root =
        node_parse(config->source.text, config->source.len, config->arena, found);
    if (root == NULL) {
        return;
    }
    bool nothing = root->type == NODE_TEXT && root->count == 0;
    if (nothing) {
        complain_at(found, 1, 1, NODE_EMPTY_TEXT);
        return;
    }
    config->root = root;
    pipeline_read(&reader, root, &config->pipeline, &config->with);
}

int config_parse(const char *file,
                 const char *text,
                 size_t len,
                 const struct config_options *options,
                 struct config **ret_config,
                 struct err *err)
{
    assert(file != NULL && options != NULL);
    if (len > CONFIG_BYTES_MAX) {
        return err_set(err,
                       -EFBIG,
                       "%s: the file is larger than %zu KiB: split the pipeline into several files",
                       file,
                       CONFIG_BYTES_MAX >> 10);
    }
    size_t mark = strlen(BYTE_ORDER_MARK);
    if (len >= mark && memcmp(text, BYTE_ORDER_MARK, mark) == 0) {
        text += mark;
        len -= mark;
    }
    struct config *config = config_new(file, text, len);
    if (config == NULL) {
        return err_set(err, -ENOMEM, "%s: memory is short", file);
    }
    struct complaints found;
    complaints_init(&found, &config->source);
    read_config(config, options, &found);
    int result = complaints_tell(&found, err);
    if (result != 0) {
        config_free(config);
        return result;
    }
    *ret_config = config;
    return 0;
}

int config_load(const char *file,
                const struct config_options *options,
                struct config **ret_config,
                struct err *err)
{
    CLEANUP(str_fini) struct str text = STR_INIT(CONFIG_BYTES_MAX + 1);
    struct err reason = {0};
    int result = file_read_regular(file, &text, &reason);
    if (result == -ENOENT) {
        return err_set(err,
                       result,
                       "%s: there is no such file. Write a pipeline there (README.md has one in "
                       "ten lines), or name another file",
                       file);
    }
    if (result != 0 && result != -EFBIG) {
        return err_set(err, result, "%s", reason.text);
    }
    size_t len = result == -EFBIG ? CONFIG_BYTES_MAX + 1 : text.len;
    return config_parse(file, str_text(&text), len, options, ret_config, err);
}

const struct pipeline *config_pipeline(const struct config *config)
{
    return &config->pipeline;
}

__attribute__((format(printf, 2, 0))) static void format_complaint(struct complaint *complaint,
                                                                   const char *format,
                                                                   va_list args)
{
    (void)vsnprintf(complaint->text, sizeof complaint->text, format, args);
}

int config_complain(const struct config *config,
                    struct source_pos pos,
                    struct err *err,
                    int code,
                    const char *format,
                    ...)
{
    CLEANUP(str_fini) struct str out = STR_INIT((size_t)ERR_TEXT_MAX * 4);
    struct complaint complaint = {.line = pos.line, .column = pos.column};
    va_list args;
    va_start(args, format);
    format_complaint(&complaint, format, args);
    va_end(args);
    int result = complaint_write(&out, &config->source, &complaint);
    if (result == -ENOMEM) {
        return err_set(err, code, "%s:%u:%u: %s", pos.file, pos.line, pos.column, complaint.text);
    }
    return err_set(err, code, "%s", str_text(&out));
}

struct source_pos config_with_pos(const struct config *config,
                                  const struct layer *layer,
                                  const char *pointer)
{
    const struct pipeline *pipeline = &config->pipeline;
    assert(layer >= pipeline->layers && layer < pipeline->layers + pipeline->layer_count);
    const struct node_pair *with = config->with[layer - pipeline->layers];
    if (with == NULL) {
        return layer->pos;
    }
    const struct node *place = with_find(with, pointer);
    return (struct source_pos){
        .file = config->source.file, .line = place->line, .column = place->column};
}

struct source_pos config_declared_pos(const struct config *config,
                                      const struct layer *layer,
                                      size_t index)
{
    char owner[LAYER_ID_MAX_BYTES + 16];
    char list[sizeof owner + 32];
    const struct node_pair top = {config->root, config->root};
    (void)snprintf(owner, sizeof owner, "/layers/%s/reuse", layer->base_id);
    (void)snprintf(list, sizeof list, "%s/declared", owner);
    if (with_find(&top, list) == with_find(&top, owner)) {
        (void)snprintf(list, sizeof list, "/defaults/reuse/declared");
    }
    const size_t len = strlen(list);
    (void)snprintf(list + len, sizeof list - len, "/%zu", index);
    const struct node *place = with_find(&top, list);
    return (struct source_pos){
        .file = config->source.file, .line = place->line, .column = place->column};
}
