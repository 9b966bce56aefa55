/* SPDX-License-Identifier: Apache-2.0 */
/* The table of detectors, and what they share. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/init.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A layer's id, as config allows it. */
#define LAYER_ID_MAX 64

static const struct {
    uint32_t marks; /* one of these makes a folder worth asking about */
    bool (*detect)(struct init_plan *plan, const struct init_folder *folder);
    bool nested; /* folders below a taken one are asked as well */
} detectors[] = {
    {INIT_CMAKE | INIT_MESON | INIT_CONFIGURE | INIT_AUTOCONF | INIT_MAKE,
     init_detect_build,                                                                        false},
    {INIT_PYTHON | INIT_PYTEST | INIT_PYTEST_FILE,                         init_detect_pytest, false},
    {INIT_NPM,                                                             init_detect_npm,    true },
    {INIT_GO | INIT_GO_TEST,                                               init_detect_go,     true },
    {INIT_CARGO,                                                           init_detect_cargo,  false},
    {INIT_BATS,                                                            init_detect_bats,   true },
};

#define DETECTOR_COUNT (sizeof detectors / sizeof detectors[0])

/* ---- texts ---- */

const char *init_text(struct init_plan *plan, const char *format, ...)
{
    CLEANUP(str_fini) struct str text = STR_INIT(INIT_FILE_MAX);
    va_list args;
    va_start(args, format);
    (void)str_vappendf(&text, format, args);
    va_end(args);
    const char *kept =
        str_error(&text) == 0 ? arena_strndup(plan->arena, str_text(&text), text.len) : NULL;
    plan->failed |= kept == NULL;
    return kept != NULL ? kept : "";
}

static bool is_plain(const char *word)
{
    static const char *const others[] = {
        "true", "false", "null", "yes", "no", "on", "off", "y", "n"};
    bool plain = isalpha((unsigned char)word[0]) || word[0] == '_' || word[0] == '/'
                 || (word[0] == '.' && (word[1] == '\0' || isalpha((unsigned char)word[1])));
    for (const char *at = word; plain && *at != '\0'; at++) {
        plain = isalnum((unsigned char)*at) || strchr("_./-+=@", *at) != NULL;
    }
    for (size_t i = 0; plain && i < sizeof others / sizeof others[0]; i++) {
        plain = strcasecmp(word, others[i]) != 0;
    }
    return plain;
}

void init_put_scalar(struct str *out, const char *word)
{
    if (is_plain(word)) {
        (void)str_append(out, word);
        return;
    }
    (void)str_append_char(out, '"');
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            (void)str_append_char(out, '\\');
        }
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            (void)str_appendf(out, "\\x%02X", (unsigned)*at);
        } else {
            (void)str_append_char(out, *at);
        }
    }
    (void)str_append_char(out, '"');
}

const char *init_scalar(struct init_plan *plan, const char *word)
{
    CLEANUP(str_fini) struct str text = STR_INIT(INIT_FILE_MAX);
    init_put_scalar(&text, word);
    return init_text(plan, "%s", str_text(&text));
}

const char *init_join(struct init_plan *plan, const char *dir, const char *name)
{
    const bool top = strcmp(dir, ".") == 0;
    return init_text(plan, "%s%s%s", top ? "" : dir, top ? "" : "/", name);
}

void init_say(struct init_texts *texts, struct init_plan *plan, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->items[i], text) == 0) {
            return;
        }
    }
    plan->failed |= vec_push(texts, text) != 0;
}

/* ---- files ---- */

static bool full_path(const struct init_plan *plan, const char *path, char buf[PATH_TEXT_MAX])
{
    return snprintf(buf, PATH_TEXT_MAX, "%s/%s", plan->tree->root, path) < PATH_TEXT_MAX;
}

bool init_exists(const struct init_plan *plan, const char *path)
{
    char full[PATH_TEXT_MAX];
    return full_path(plan, path, full) && file_exists(full);
}

const char *init_read(struct init_plan *plan, const char *path)
{
    CLEANUP(str_fini) struct str text = STR_INIT(INIT_FILE_MAX);
    char full[PATH_TEXT_MAX];
    struct err err = {0};
    if (!full_path(plan, path, full) || !file_exists(full)) {
        return NULL;
    }
    if (file_read_regular(full, &text, &err) != 0) {
        init_problem(plan, "%s: not read: %s", path, err.text);
        return NULL;
    }
    return init_text(plan, "%s", str_text(&text));
}

bool init_is_below(const char *path, const char *folder)
{
    const size_t len = strlen(folder);
    return strcmp(folder, ".") == 0
           || (strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

/* ---- layers ---- */

/* What an id may be made of; everything else becomes '-'. */
static void put_id(struct str *out, const char *text)
{
    for (const char *at = text; *at != '\0' && out->len < LAYER_ID_MAX - 4; at++) {
        (void)str_append_char(out, isalnum((unsigned char)*at) ? *at : '-');
    }
}

static bool id_is_used(const struct init_plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->layers.count; i++) {
        if (strcmp(plan->layers.items[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* "pytest"; "pytest-packages-a" where it is not the root's; a number behind where that is used. */
static const char *make_id(struct init_plan *plan, const struct init_layer *layer)
{
    CLEANUP(str_fini) struct str text = STR_INIT(LAYER_ID_MAX);
    put_id(&text, layer->id);
    if (strcmp(layer->dir, ".") != 0) {
        put_id(&text, "-");
        put_id(&text, layer->dir);
    }
    const size_t len = text.len;
    for (unsigned n = 2; str_error(&text) == 0 && id_is_used(plan, str_text(&text)); n++) {
        text.len = len;
        (void)str_appendf(&text, "%u", n);
    }
    plan->failed |= str_error(&text) != 0;
    return init_text(plan, "%s", str_text(&text));
}

size_t init_add_layer(struct init_plan *plan, const struct init_layer *layer)
{
    if (plan->layers.count >= INIT_LAYERS_MAX) {
        init_problem(plan,
                     "more than %d layers: %s and what comes behind it are not in the file",
                     INIT_LAYERS_MAX,
                     layer->marker);
        return 0;
    }
    struct init_layer added = *layer;
    added.id = make_id(plan, layer);
    plan->failed |= vec_push(&plan->layers, added) != 0;
    return plan->layers.count;
}

/* One layer of tests at the root is called "unit", whatever its tool. */
static void rename_single(struct init_plan *plan)
{
    struct init_layer *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < plan->layers.count; i++) {
        if (plan->layers.items[i].tests) {
            only = &plan->layers.items[i];
            count++;
        }
    }
    if (count == 1 && !id_is_used(plan, "unit")) {
        only->id = "unit";
    }
}

static void texts_fini(struct init_texts *texts)
{
    vec_fini(texts);
}

/* ---- what files hint at, and no layer can know ---- */

static void hint(struct init_plan *plan, const struct init_folder *folder)
{
    static const struct {
        uint32_t mark;
        const char *text;
    } hints[] = {
        {INIT_SERVICES,
         "services: a compose file is there; tests that need them fail until they are started "
         "(layers reach them with `network: true`)"                                         },
        {INIT_DOTENV,
         "environment: a .env file is there; units do not see it nor your variables (name what "
         "they need under `env:`)"                                                          },
        {INIT_SUBMODULES,
         "submodules: their files are not in a unit's world (`expose: [FOLDER]` shows them)"},
    };

    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if ((folder->marks & hints[i].mark) != 0) {
            init_unknown(plan, "%s", hints[i].text);
        }
    }
}

static void tell_limits(struct init_plan *plan)
{
    const struct init_tree *tree = plan->tree;
    if (tree->cut) {
        init_problem(plan,
                     "only the first %d files were looked at; what lies deeper is not known",
                     INIT_ENTRIES_MAX);
    }
    if (tree->unnameable > 0) {
        init_problem(plan,
                     "%zu folder%s passed over: a name with control characters, *, ?, [ or ${{ "
                     "cannot stand in a pipeline",
                     tree->unnameable,
                     tree->unnameable == 1 ? " was" : "s were");
    }
}

/* Asks one detector about all folders. */
static void ask(struct init_plan *plan, size_t detector)
{
    const struct init_tree *tree = plan->tree;
    CLEANUP(texts_fini) struct init_texts taken = {0};
    for (size_t i = 0; i < tree->folders.count; i++) {
        const struct init_folder *folder = &tree->folders.items[i];
        bool asked = (folder->marks & detectors[detector].marks) != 0;
        for (size_t k = 0; asked && !detectors[detector].nested && k < taken.count; k++) {
            asked = !init_is_below(folder->path, taken.items[k]);
        }
        if (asked && detectors[detector].detect(plan, folder)) {
            plan->failed |= vec_push(&taken, folder->path) != 0;
        }
    }
}

int init_detect(const struct init_tree *tree, struct init_plan *plan, struct err *err)
{
    plan->tree = tree;
    plan->arena = tree->arena;
    for (size_t i = 0; i < DETECTOR_COUNT; i++) {
        ask(plan, i);
    }
    if (tree->folders.count > 0) {
        hint(plan, &tree->folders.items[0]);
    }
    tell_limits(plan);
    rename_single(plan);
    return plan->failed ? err_set(err, -ENOMEM, "out of memory for what the tree holds") : 0;
}

void init_plan_fini(struct init_plan *plan)
{
    vec_fini(&plan->layers);
    vec_fini(&plan->problems);
    vec_fini(&plan->unknown);
}
