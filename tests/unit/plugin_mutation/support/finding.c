/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static const char *find_root = ".";

void find_set_root(const char *root)
{
    find_root = root;
}

static int find_with(json_t *settings,
                     const struct source *source,
                     const struct find_scope *scope,
                     struct mutant_list *ret_list,
                     struct err *err)
{
    struct operators *operators = NULL;
    int rc = operators_load(settings, find_root, &operators, err);
    rc = rc < 0 ? rc : find_mutants(source, operators, scope, ret_list, err);
    operators_free(operators);
    return rc;
}

int find_in_text(const char *path,
                 const char *text,
                 const char *settings,
                 const struct find_scope *scope,
                 struct mutant_list *ret_list,
                 struct err *err)
{
    CLEANUP(json_cleanup) json_t *value = NULL;
    struct source source = {0};
    int rc = settings != NULL ? json_parse(settings, strlen(settings), &value, err) : 0;
    rc = rc < 0 ? rc : source_parse(path, text, strlen(text), &source, err);
    rc = rc < 0 ? rc : find_with(value, &source, scope, ret_list, err);
    source_fini(&source);
    return rc;
}

const char *mutants_of(const char *path, const char *text, const char *settings)
{
    static char shown[1u << 16];
    struct str out = STR_INIT(sizeof shown - 1);
    struct mutant_list list = {0};
    struct err err = {0};
    if (find_in_text(path, text, settings, NULL, &list, &err) < 0) {
        (void)snprintf(shown, sizeof shown, "error: %s", err.text);
        return shown;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct mutant *m = &list.items[i];
        (void)str_appendf(
            &out, "%u %s: %s => %s", m->span.line, m->operator, m->original, m->replacement);
        (void)str_appendf(
            &out, m->ignored != NULL ? " (%s)\n" : "%s\n", m->ignored != NULL ? m->ignored : "");
    }
    (void)snprintf(shown, sizeof shown, "%s", str_text(&out));
    str_fini(&out);
    mutant_list_fini(&list);
    return shown;
}

const char *mutants_by(const char *path, const char *text, const char *name)
{
    char settings[256];
    (void)snprintf(settings, sizeof settings, "{\"only\": [\"%s\"]}", name);
    return mutants_of(path, text, settings);
}
