/* SPDX-License-Identifier: Apache-2.0 */
/* pytest, which also runs unittest's tests. A virtual environment of the tree is used, and a src
 * folder with packages put on PYTHONPATH, so that nothing has to be installed. */
#include "base/file.h"
#include "base/limits.h"
#include "cli/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_below(const struct init_plan *plan, const char *dir, uint32_t mark, unsigned levels)
{
    for (size_t i = 0; i < plan->tree->folders.count; i++) {
        const struct init_folder *folder = &plan->tree->folders.items[i];
        unsigned depth = 0;
        const bool top = strcmp(dir, ".") == 0;
        if ((folder->marks & mark) == 0 || !init_is_below(folder->path, dir)) {
            continue;
        }
        for (const char *at = folder->path + (top ? 0 : strlen(dir)); *at != '\0'; at++) {
            depth += *at == '/';
        }
        depth += top && strcmp(folder->path, ".") != 0;
        if (depth <= levels) {
            return true;
        }
    }
    return false;
}

/* Does a configuration file speak of pytest? */
static const char *find_config(struct init_plan *plan, const char *dir)
{
    static const struct {
        const char *name;
        const char *word;
    } files[] = {
        {"pytest.ini",     ""            },
        {"pyproject.toml", "[tool.pytest"},
        {"tox.ini",        "[pytest]"    },
        {"setup.cfg",      "[tool:pytest"},
        {"conftest.py",    ""            },
    };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = init_join(plan, dir, files[i].name);
        const char *text = init_read(plan, path);
        if (text != NULL && strstr(text, files[i].word) != NULL) {
            return path;
        }
    }
    return NULL;
}

/* The first marker file of the project, for the words about it. */
static const char *find_project(struct init_plan *plan, const char *dir)
{
    static const char *const names[] = {
        "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "requirements.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = init_join(plan, dir, names[i]);
        if (init_exists(plan, path)) {
            return path;
        }
    }
    return init_join(plan, dir, "test_*.py");
}

/* A virtual environment in dir; "" = none. */
static const char *find_venv(struct init_plan *plan, const char *dir)
{
    static const char *const names[] = {".venv", "venv", "env"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = init_join(plan, dir, names[i]);
        if (init_exists(plan, init_text(plan, "%s/pyvenv.cfg", path))) {
            return names[i];
        }
    }
    return "";
}

/* Is the Python of a virtual environment one that units see? Others live in a home folder. */
static bool is_system_python(const struct init_plan *plan, const char *venv)
{
    char path[PATH_TEXT_MAX];
    char real[PATH_TEXT_MAX];
    const int n = snprintf(path, sizeof path, "%s/%s/bin/python", plan->tree->root, venv);
    return n > 0 && (size_t)n < sizeof path && realpath(path, real) != NULL
           && (text_starts_with(real, "/usr/") || text_starts_with(real, "/opt/"));
}

/* What the project's files say that may be missing. */
static void tell_unknown(struct init_plan *plan, const char *dir, bool has_venv)
{
    static const struct {
        const char *file;
        const char *word;
        const char *text;
    } hints[] = {
        {"pyproject.toml",
         "setuptools_scm", "generated files: the version is made from git's tags when the package is built; tests "
         "that import it fail where it was not built or installed"                 },
        {"pyproject.toml",
         "hatch-vcs",      "generated files: the version is made from git's tags when the package is built; tests "
         "that import it fail where it was not built or installed"                      },
        {"setup.py",
         "ext_modules",    "extension modules: setup.py compiles some; build them into the environment first"},
        {"pyproject.toml",
         "--cov",          "plugins: pytest's options ask for pytest-cov; it has to be installed"            },
        {"setup.cfg",
         "--cov",          "plugins: pytest's options ask for pytest-cov; it has to be installed"            },
        {"tox.ini",
         "--cov",          "plugins: pytest's options ask for pytest-cov; it has to be installed"            },
    };

    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        const char *text = init_read(plan, init_join(plan, dir, hints[i].file));
        if (text != NULL && strstr(text, hints[i].word) != NULL) {
            init_unknown(plan, "%s", hints[i].text);
        }
    }
    if (!has_venv) {
        init_unknown(plan,
                     "packages: which ones the Python tests import is found when they run; the "
                     "system's Python is used unless .venv or venv is there");
    }
}

/* Is the folder the top of something that pytest tests? */
static bool is_project(struct init_plan *plan, const struct init_folder *folder, const char *config)
{
    const bool marked = (folder->marks & (INIT_PYTHON | INIT_PYTEST_FILE)) != 0;
    const bool top = strcmp(folder->path, ".") == 0;
    const bool own = (folder->marks & (INIT_PYTHON | INIT_PYTEST)) != 0 || top;
    return own && (config != NULL || marked)
           && has_below(plan, folder->path, INIT_PYTEST_FILE, INIT_DEPTH_MAX);
}

/* The settings: where, and with which Python. */
static const char *settings(struct init_plan *plan, const char *dir, const char *venv)
{
    const bool top = strcmp(dir, ".") == 0;
    const char *place = top ? "" : init_text(plan, "\ndir: %s", init_scalar(plan, dir));
    const char *command = init_text(plan, "%s/bin/python -m pytest", venv);
    return init_text(plan,
                     "discover: pytest%s%s%s",
                     place,
                     venv[0] != '\0' ? "\ncommand: " : "",
                     venv[0] != '\0' ? init_scalar(plan, command) : "");
}

/* Adds what a virtual environment of the tree asks for. */
static void use_venv(struct init_plan *plan, struct init_layer *layer, const char *venv)
{
    const char *path = init_join(plan, layer->dir, venv);
    layer->programs = "";
    layer->comment = init_text(plan, "%s It is taken from %s.", layer->comment, path);
    layer->expose =
        init_text(plan, "[%s] # git ignores it; units see it, read-only", init_scalar(plan, path));
    if (!is_system_python(plan, path)) {
        layer->in_place = init_text(plan,
                                    "the Python of %s is outside of what isolated units see (/usr, "
                                    "/opt); made with the system's Python it can be isolated.",
                                    path);
    }
}

bool init_detect_pytest(struct init_plan *plan, const struct init_folder *folder)
{
    const char *dir = folder->path;
    const char *config = find_config(plan, dir);
    if (!is_project(plan, folder, config)) {
        return false;
    }
    const char *venv = find_venv(plan, dir);
    const char *src = init_join(plan, dir, "src");
    const bool has_src = init_exists(plan, src) && has_below(plan, src, INIT_PYTHON_PACKAGE, 1);
    const char *marker = config != NULL ? config : find_project(plan, dir);
    struct init_layer layer = {
        .id = "pytest",
        .dir = dir,
        .marker = marker,
        .tool = "pytest",
        .comment = init_text(plan,
                             "%s: pytest, each test file a unit.%s Needs: python3 with pytest.",
                             marker,
                             has_src ? " The packages in src are imported from there." : ""),
        .uses = "unit",
        .env = has_src ? "{PYTHONPATH: src}" : NULL,
        .with = settings(plan, dir, venv),
        .programs = "python3 pytest",
        .tests = true,
    };
    if (venv[0] != '\0') {
        use_venv(plan, &layer, venv);
    }
    (void)init_add_layer(plan, &layer);
    tell_unknown(plan, dir, venv[0] != '\0');
    return true;
}
