/* SPDX-License-Identifier: Apache-2.0 */
/* package.json: its test script says which tool tests. A workspace's packages are looked at one by
 * one; a package.json below another that is no workspace of it is a fixture, and left alone. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/init.h"

#include <string.h>

/* npm's `test` script when nobody wrote one. */
#define NO_TEST "no test specified"

struct package {
    const struct init_folder *folder;
    const char *path; /* of package.json */
    json_t *root;
    const char *test; /* its test script; NULL = none */
    bool depends;     /* on anything that is installed */
};

static void package_fini(struct package *package)
{
    json_cleanup(&package->root);
}

/* False when it is broken, which is told. */
static bool read_package(struct init_plan *plan,
                         const struct init_folder *folder,
                         struct package *ret_package)
{
    struct err err = {0};
    const char *path = init_join(plan, folder->path, "package.json");
    const char *text = init_read(plan, path);
    json_t *root = NULL;
    if (text == NULL) {
        return false;
    }
    if (json_parse(text, strlen(text), &root, &err) != 0 || !json_is_object(root)) {
        init_problem(plan, "%s: left out: %s", path, root == NULL ? err.text : "it is no object");
        json_cleanup(&root);
        return false;
    }
    json_t *scripts = json_object_get(root, "scripts");
    const char *test = json_string_value(json_object_get(scripts, "test"));
    *ret_package = (struct package){
        .folder = folder,
        .path = path,
        .root = root,
        .test = test != NULL && strstr(test, NO_TEST) == NULL ? test : NULL,
        .depends = json_object_size(json_object_get(root, "dependencies")) > 0
                   || json_object_size(json_object_get(root, "devDependencies")) > 0,
    };
    return true;
}

/* ---- workspaces ---- */

static bool matches(const char *pattern, const char *path)
{
    while (text_starts_with(pattern, "./")) {
        pattern += 2;
    }
    char own[512];
    size_t len = strcspn(pattern, "\r\n'\"");
    while (len > 0 && pattern[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= sizeof own) {
        return false;
    }
    memcpy(own, pattern, len);
    own[len] = '\0';
    return glob_has_magic(own) ? glob_match(own, path) : strcmp(own, path) == 0;
}

/* pnpm's list has one pattern a line, behind a dash. */
static bool matches_pnpm(struct init_plan *plan, const char *dir, const char *path)
{
    const char *text = init_read(plan, init_join(plan, dir, "pnpm-workspace.yaml"));
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += strspn(at, "\n");
        const char *item = at + strspn(at, " \t");
        const bool is_item = *item == '-';
        item += is_item ? 1 + strspn(item + 1, " \t'\"") : 0;
        if (is_item && matches(item, path)) {
            return true;
        }
    }
    return false;
}

/* `path` is relative to the package's folder. */
static bool is_workspace(struct init_plan *plan, const struct package *package, const char *path)
{
    json_t *list = json_object_get(package->root, "workspaces");
    list = json_is_object(list) ? json_object_get(list, "packages") : list;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && matches(json_string_value(item), path)) {
            return true;
        }
    }
    return matches_pnpm(plan, package->folder->path, path);
}

static bool has_workspaces(const struct init_plan *plan, const struct package *package)
{
    char path[512];
    const bool top = strcmp(package->folder->path, ".") == 0;
    const int n = snprintf(path, sizeof path, "%s/pnpm-workspace.yaml", package->folder->path);
    return json_object_get(package->root, "workspaces") != NULL
           || (n > 0 && (size_t)n < sizeof path && init_exists(plan, top ? path + 2 : path));
}

/* The nearest folder above with a package.json; NULL = none. */
static const struct init_folder *find_above(const struct init_plan *plan,
                                            const struct init_folder *folder)
{
    const struct init_folder *nearest = NULL;
    for (size_t i = 0; i < plan->tree->folders.count; i++) {
        const struct init_folder *other = &plan->tree->folders.items[i];
        if (other == folder) {
            break; /* what is above comes before */
        }
        if ((other->marks & INIT_NPM) != 0 && init_is_below(folder->path, other->path)) {
            nearest = other;
        }
    }
    return nearest;
}

/* Does a script only start those of the workspaces? */
static bool starts_workspaces(const char *script)
{
    static const char *const words[] = {"workspace",
                                        "turbo",
                                        "lerna",
                                        "nx ",
                                        "pnpm -r",
                                        "pnpm --filter",
                                        "pnpm --recursive",
                                        "wsrun"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(script, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- layers ---- */

/* The folders with modules that are there, or will be when they are installed; NULL = none. What is
 * never there would be warned of in each run. `outer`: the package of the workspace, NULL = none.
 */
static const char *modules_of(struct init_plan *plan,
                              const struct package *package,
                              const struct package *outer)
{
    const char *own = init_join(plan, package->folder->path, "node_modules");
    const char *shared =
        outer->folder != NULL ? init_join(plan, outer->folder->path, "node_modules") : NULL;
    const bool has_own = init_exists(plan, own);
    const bool has_shared = shared != NULL && init_exists(plan, shared);
    /* what is installed says where: most tools put all into the shared one */
    const bool sees_own = has_own || (package->depends && !has_shared);
    const bool sees_shared =
        has_shared || (outer->folder != NULL && (outer->depends || package->depends));
    if (sees_own && sees_shared) {
        return init_text(plan, "[%s, %s]", init_scalar(plan, shared), init_scalar(plan, own));
    }
    return sees_own || sees_shared ? init_text(plan,
                                               "[%s] # git ignores it; units see it, read-only",
                                               init_scalar(plan, sees_own ? own : shared))
                                   : NULL;
}

/* What the layers of a package have in common. */
static struct init_layer common(struct init_plan *plan,
                                const struct package *package,
                                const struct package *outer)
{
    const char *dir = package->folder->path;
    return (struct init_layer){
        .dir = dir,
        .marker = package->path,
        .programs = "node",
        .tests = true,
        .expose = modules_of(plan, package, outer),
    };
}

/* A command with node_modules/.bin on its PATH. */
static void use_command(struct init_plan *plan,
                        struct init_layer *layer,
                        const char *run,
                        const char *report)
{
    layer->uses = "command";
    layer->cwd = strcmp(layer->dir, ".") == 0 ? NULL : init_scalar(plan, layer->dir);
    layer->with = init_text(plan,
                            "run: %s%s%s",
                            init_scalar(plan, run),
                            report != NULL ? "\nreport: " : "",
                            report != NULL ? report : "");
}

/* A tool whose units are its test files. */
static void use_adapter(struct init_plan *plan,
                        struct init_layer *layer,
                        const struct init_script *script)
{
    CLEANUP(str_fini) struct str with = STR_INIT(INIT_FILE_MAX);
    (void)str_appendf(&with, "discover: %s\n", script->tool);
    if (strcmp(layer->dir, ".") != 0) {
        (void)str_appendf(&with, "dir: %s\n", init_scalar(plan, layer->dir));
    }
    if (strcmp(script->tool, "node") == 0 && script->tests != NULL) {
        const char *path = init_join(plan, layer->dir, script->tests);
        const bool folder = !glob_has_magic(script->tests) && strstr(script->tests, ".js") == NULL
                            && strstr(script->tests, ".mjs") == NULL
                            && strstr(script->tests, ".cjs") == NULL && init_exists(plan, path);
        const size_t len = strlen(script->tests);
        const bool slash = len > 0 && script->tests[len - 1] == '/';
        const char *tests =
            folder ? init_text(plan, "%.*s/**/*.js", (int)(slash ? len - 1 : len), script->tests)
                   : script->tests;
        tests += text_starts_with(tests, "./") ? 2 : 0;
        (void)str_appendf(&with, "tests: %s\n", init_scalar(plan, tests));
    }
    if (script->args != NULL) {
        (void)str_appendf(&with, "args: %s\n", script->args);
    }
    layer->uses = "unit";
    layer->with = init_text(plan, "%s", str_text(&with));
}

/* How the tools that are no adapter are made to tell their cases. */
static void use_report(struct init_plan *plan,
                       struct init_layer *layer,
                       const struct init_script *script)
{
    static const struct {
        const char *tool;
        const char *program;
        const char *before; /* its words */
        const char *after;
        const char *report;
    } known[] = {
        {"mocha",
         "node_modules/.bin/mocha",            "",
         " --reporter xunit --reporter-option output=sluice-mocha.xml",           "{format: junit, path: sluice-mocha.xml}"},
        {"ava",      "node_modules/.bin/ava",  " --tap",                      "", "{format: tap}"                          },
        {"tap",      "node_modules/.bin/tap",  " --reporter=tap",             "", "{format: tap}"                          },
        {"tape",     "node_modules/.bin/tape", "",                            "", "{format: tap}"                          },
        {"node-tap", "node",                   "",                            "", "{format: tap}"                          },
        {"node",     "node",                   " --test --test-reporter=tap", "", "{format: tap}"                          },
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].tool, script->tool) == 0) {
            use_command(plan,
                        layer,
                        init_text(plan,
                                  "%s%s%s%s",
                                  known[i].program,
                                  known[i].before,
                                  script->words,
                                  known[i].after),
                        known[i].report);
            return;
        }
    }
}

static void add_checks(struct init_plan *plan, struct init_layer layer, const char *checks)
{
    layer.id = "checks";
    layer.tool = "what else the test script runs";
    layer.comment = init_text(plan,
                              "%s: what `npm test` runs beside its tests: %s. Left out it is not "
                              "checked.",
                              layer.marker,
                              checks);
    layer.tests = false;
    use_command(
        plan, &layer, init_text(plan, "PATH=\"$PWD/node_modules/.bin:$PATH\"; %s", checks), NULL);
    layer.programs = "node npm";
    (void)init_add_layer(plan, &layer);
}

/* Is there an adapter in `uses: unit` that can run just these tests? */
static bool has_adapter(const struct init_script *script)
{
    static const char *const adapters[] = {"vitest", "jest", "node"};
    bool found = false;
    for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++) {
        found |= strcmp(script->tool, adapters[i]) == 0;
    }
    const bool node =
        strcmp(script->tool, "node") == 0; /* the others list their files themselves */
    return found
           && (!node
               || (!script->many && (script->tests == NULL || strchr(script->tests, '{') == NULL)));
}

/* A script that is not understood is run as it is. */
static void use_script(struct init_plan *plan, struct init_layer *layer, const char *test)
{
    layer->id = "npm-test";
    layer->tool = "npm test";
    layer->programs = "node npm";
    layer->comment = init_text(
        plan,
        "%s: `npm test` as one unit, its exit code is the one case: \"%s\" is not a tool "
        "whose report is known here. Where it leaves one, `report: {format: auto}` reads it.",
        layer->marker,
        test);
    use_command(plan, layer, "npm test", NULL);
}

static void use_tool(struct init_plan *plan,
                     struct init_layer *layer,
                     const struct init_script *script,
                     const char *test)
{
    const bool adapter = has_adapter(script);
    layer->id = strcmp(script->tool, "node-tap") == 0 ? "node" : script->tool;
    layer->tool = layer->id;
    layer->env = script->env;
    layer->comment = init_text(
        plan,
        "%s: the test script is \"%s\".%s%s",
        layer->marker,
        test,
        adapter ? " Each test file is a unit." : " One unit; its cases are read from its report.",
        script->dropped
            ? " Words that choose files, measure coverage or wrap the tool are left out."
            : "");
    if (adapter) {
        use_adapter(plan, layer, script);
    } else {
        use_report(plan, layer, script);
    }
}

/* Is there something in its scripts that a pipeline would take for an expression of its own? */
static bool has_expression(json_t *scripts)
{
    const char *name = NULL;
    json_t *script = NULL;
    bool found = false;
    json_object_foreach(scripts, name, script)
    {
        found = found || (json_is_string(script) && strstr(json_string_value(script), "${{"));
    }
    return found;
}

/* The layers of a package with a test script. */
static void add_package(struct init_plan *plan,
                        const struct package *package,
                        const struct package *outer)
{
    json_t *root = package->root;
    const bool has_tape = json_object_get(json_object_get(root, "devDependencies"), "tape") != NULL;
    json_t *scripts = json_object_get(root, "scripts");
    struct init_script script = {.tool = NULL};
    if (!has_expression(scripts)) {
        script = init_read_script(plan, scripts, has_tape);
    }
    struct init_layer layer = common(plan, package, outer);
    if (script.tool != NULL) {
        use_tool(plan, &layer, &script, package->test);
    } else {
        use_script(plan, &layer, package->test);
    }
    if (layer.expose != NULL) {
        layer.comment =
            init_text(plan, "%s Needs: node, and node_modules by `npm ci`.", layer.comment);
    }
    if (init_add_layer(plan, &layer) > 0 && script.checks != NULL) {
        add_checks(plan, layer, script.checks);
    }
}

bool init_detect_npm(struct init_plan *plan, const struct init_folder *folder)
{
    CLEANUP(package_fini) struct package package = {0};
    CLEANUP(package_fini) struct package outer = {0};
    const struct init_folder *above = find_above(plan, folder);
    if (above != NULL) {
        const bool top = strcmp(above->path, ".") == 0;
        const char *path = folder->path + (top ? 0 : strlen(above->path) + 1);
        if (!read_package(plan, above, &outer) || !is_workspace(plan, &outer, path)) {
            return false;
        }
    }
    if (!read_package(plan, folder, &package)) {
        return false;
    }
    const bool passes_on =
        package.test != NULL && has_workspaces(plan, &package) && starts_workspaces(package.test);
    if (package.test == NULL && !has_workspaces(plan, &package)
        && (above != NULL || folder->depth == 0)) {
        init_unknown(plan, "%s: it has no test script, so nothing in it is tested", package.path);
    }
    if (package.test != NULL && !passes_on) {
        add_package(plan, &package, &outer);
    }
    if (package.depends && !init_exists(plan, init_join(plan, folder->path, "node_modules"))
        && (above == NULL)) {
        init_problem(plan,
                     "%s: node_modules is not there: run `npm ci` (or `npm install`) before "
                     "`sluice run`",
                     package.path);
    }
    return true;
}
