/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/plugin.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugin/schema.h"
#include "plugin/words.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_PREFIX "sluice-plugin-"

/* Built-in plugins and a pipeline's own: a dozen. Beyond: the folder is not ours. */
#define BUILTIN_MAX 1000

struct name_list {
    VEC_FIELDS(const char *);
};

static void name_list_fini(struct name_list *list)
{
    vec_fini(list);
}

static void cleanup_dir(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The name in a folder entry, or NULL when it is no plugin of ours. */
static const char *builtin_name(const char *file)
{
    const char *name = file + strlen(PROGRAM_PREFIX);
    if (!text_starts_with(file, PROGRAM_PREFIX) || word_check_name("name", name, NULL) != 0) {
        return NULL;
    }
    return name;
}

static int collect_builtin(DIR *dir, struct arena *arena, struct name_list *names, struct err *err)
{
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) { // NOLINT(concurrency-mt-unsafe): a stream of our own
        const char *name = builtin_name(entry->d_name);
        if (name == NULL || names->count >= BUILTIN_MAX) {
            continue;
        }
        const char *copy = arena_strdup(arena, name);
        if (copy == NULL || vec_push(names, copy) != 0) {
            return err_set(err, -ENOMEM, "out of memory for the list of plugins");
        }
    }
    return 0;
}

int plugin_list_builtin(const char *plugin_dir,
                        struct arena *arena,
                        struct text_list *ret_names,
                        struct err *err)
{
    CLEANUP(cleanup_dir) DIR *dir = opendir(plugin_dir);
    if (dir == NULL) {
        return err_errno(
            err, "cannot list the built-in plugins in %s; is sluice installed whole?", plugin_dir);
    }
    CLEANUP(name_list_fini) struct name_list names = {0};
    int status = collect_builtin(dir, arena, &names, err);
    if (status != 0) {
        return status;
    }
    const char **items = arena_calloc(arena, names.count + 1, sizeof *items);
    if (items == NULL) {
        return err_set(err, -ENOMEM, "out of memory for the list of plugins");
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof *names.items, compare_names);
        memcpy(items, names.items, names.count * sizeof *items);
    }
    *ret_names = (struct text_list){items, names.count};
    return 0;
}

static int refuse_builtin(const char *uses, const char *plugin_dir, struct err *err)
{
    char shown[WORD_SHOWN_MAX];
    (void)word_show(uses, shown);
    struct text_list names = {0};
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL || plugin_list_builtin(plugin_dir, arena, &names, err) != 0) {
        arena_free(arena);
        return err_set(err, -ENOENT, "there is no plugin \"%s\" in %s", shown, plugin_dir);
    }
    CLEANUP(str_fini) struct str list = STR_INIT(ERR_TEXT_MAX / 2);
    for (size_t i = 0; i < names.count; i++) {
        (void)str_appendf(&list, "%s%s", i == 0 ? "" : ", ", names.items[i]);
    }
    const char *near = text_nearest(uses, names.items, names.count);
    int status = err_set(err,
                         -ENOENT,
                         "there is no plugin \"%s\"%s%s%s Built in are: %s. A plugin of your own "
                         "is named by its path, starting with \"./\"",
                         shown,
                         near != NULL ? "; did you mean \"" : "",
                         near != NULL ? near : "",
                         near != NULL ? "\"?" : ".",
                         list.len > 0 ? str_text(&list) : "none");
    arena_free(arena);
    return status;
}

static int find_own(const char *uses, const char *root, char *path, size_t size, struct err *err)
{
    char shown[WORD_SHOWN_MAX];
    if (!path_is_inside(uses + 2)) {
        return err_set(err,
                       -EINVAL,
                       "plugin \"%s\" must be a path below the root, without \"..\"",
                       word_show(uses, shown));
    }
    int len = snprintf(path, size, "%s/%s", root, uses + 2);
    if (len < 0 || (size_t)len >= size) {
        return err_set(err, -ENAMETOOLONG, "the path of plugin \"%s\" is too long", uses);
    }
    if (!file_exists(path)) {
        return err_set(
            err, -ENOENT, "there is no plugin \"%s\" in %s", word_show(uses, shown), root);
    }
    if (!is_program(path)) {
        return err_set(err,
                       -EACCES,
                       "plugin \"%s\" is not an executable file; try: chmod +x %s",
                       word_show(uses, shown),
                       path);
    }
    return 0;
}

int plugin_find(const char *uses,
                const char *plugin_dir,
                const char *root,
                char *buf,
                size_t size,
                struct err *err)
{
    char path[PATH_TEXT_MAX];
    int status = 0;
    if (text_starts_with(uses, "./")) {
        status = find_own(uses, root, path, sizeof path, err);
    } else {
        int len = snprintf(path, sizeof path, "%s/" PROGRAM_PREFIX "%s", plugin_dir, uses);
        bool fits = len > 0 && (size_t)len < sizeof path;
        if (!fits || word_check_name("name", uses, NULL) != 0 || !is_program(path)) {
            status = refuse_builtin(uses, plugin_dir, err);
        }
    }
    if (status != 0) {
        return status;
    }
    if (strlen(path) >= size) {
        return err_set(err, -ENAMETOOLONG, "the path of plugin \"%s\" is too long", uses);
    }
    memcpy(buf, path, strlen(path) + 1);
    return 0;
}

/* The words a gate of this layer may use. */
static int check_gate_metric(const struct plugin_description *description,
                             const struct config *config,
                             const struct gate_rule *rule,
                             struct err *err)
{
    const char *known[STANDARD_METRICS + PLUGIN_METRICS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < description->metrics.count && i < PLUGIN_METRICS_MAX; i++) {
        known[count++] = description->metrics.items[i];
    }
    for (size_t i = 0; i < STANDARD_METRICS; i++) {
        known[count++] = standard_metrics[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(known[i], rule->metric) == 0) {
            return 0;
        }
    }
    const char *near = text_nearest(rule->metric, known, count);
    return config_complain(config,
                           rule->pos,
                           err,
                           -EINVAL,
                           "plugin %s has no metric \"%s\"%s%s%s",
                           description->name,
                           rule->metric,
                           near != NULL ? "; did you mean \"" : "",
                           near != NULL ? near : "",
                           near != NULL ? "\"?" : "");
}

int plugin_read_schema(const struct plugin_description *description,
                       json_t **ret_schema,
                       struct err *err)
{
    return json_parse(description->schema, strlen(description->schema), ret_schema, err);
}

static int check_with(const struct plugin_description *description,
                      json_t *schema,
                      const struct config *config,
                      const struct layer *layer,
                      struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = NULL;
    const char *text = layer->with != NULL ? layer->with : "{}";
    int status = json_parse(text, strlen(text), &with, err);
    if (status != 0) {
        return status;
    }
    CLEANUP(str_fini) struct str pointer = STR_INIT(ERR_TEXT_MAX);
    struct err found = {0};
    status = schema_validate(schema, with, &pointer, &found);
    if (status == 0) {
        return 0;
    }
    const char *where = str_text(&pointer);
    return config_complain(config,
                           config_with_pos(config, layer, where),
                           err,
                           status,
                           "layer %s, plugin %s: with%s%s: %s",
                           layer->id,
                           description->name,
                           where[0] != '\0' ? " " : "",
                           where,
                           found.text);
}

int plugin_check_layer(const struct plugin_description *description,
                       json_t *schema,
                       const struct config *config,
                       const struct layer *layer,
                       struct err *err)
{
    int status = check_with(description, schema, config, layer, err);
    for (size_t i = 0; i < layer->gate_count && status == 0; i++) {
        status = check_gate_metric(description, config, &layer->gate[i], err);
    }
    return status;
}

int plugin_plan_input(const struct layer *layer,
                      const char *root,
                      const char *program,
                      const char *diff,
                      struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "protocol", PLUGIN_PROTOCOL);
    jw_put_string(&w, "layer", layer->id);
    jw_put_string(&w, "root", root);
    jw_put_string(&w, "program", program);
    jw_key(&w, "with");
    jw_raw(&w, layer->with != NULL ? layer->with : "{}");
    jw_key(&w, "diff");
    jw_raw(&w, diff != NULL ? diff : "null");
    jw_end_object(&w);
    return str_append_char(out, '\n');
}
