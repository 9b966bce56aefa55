/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init_programs.h"

#include "base/cleanup.h"
#include "base/limits.h"
#include "proc/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* PATH of isolated units, as the scheduler sets it. */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Starting Python takes 0.05 s; a machine under load is no reason to fail. */
#define PYTHON_TIMEOUT_MS 10000

/* Programs and how Debian calls the packages they are in. */
static const struct {
    const char *program;
    const char *package;
} known[] = {
    {"cmake",      "cmake"                    },
    {"ninja",      "ninja-build"              },
    {"meson",      "meson"                    },
    {"make",       "make"                     },
    {"cc",         "gcc libc6-dev"            },
    {"autoreconf", "autoconf automake libtool"},
    {"node",       "nodejs"                   },
    {"npm",        "npm"                      },
    {"python3",    "python3"                  },
    {"pytest",     "python3-pytest"           },
    {"go",         "golang-go"                },
    {"cargo",      "cargo"                    },
    {"bats",       "bats"                     },
};

enum place {
    NOWHERE,
    OWN,    /* on the caller's PATH only */
    SYSTEM, /* where isolated units find it */
};

static bool is_on(const char *path, const char *program)
{
    char file[PATH_TEXT_MAX];
    for (const char *at = path; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, ":");
        const int n = snprintf(file, sizeof file, "%.*s/%s", (int)len, at, program);
        if (len > 0 && n > 0 && (size_t)n < sizeof file && access(file, X_OK) == 0) {
            return true;
        }
        at += len + (at[len] == ':');
    }
    return false;
}

/* pytest is a package of a Python, whichever stands first on PATH. */
static bool has_pytest(const char *path)
{
    CLEANUP(str_fini) struct str variable = STR_INIT(1u << 20);
    static const char *const argv[] = {
        "python3",
        "-c",
        "import importlib.util as u, sys; sys.exit(u.find_spec('pytest') is None)",
        NULL};
    (void)str_appendf(&variable, "PATH=%s", path);
    const char *const env[] = {str_text(&variable), NULL};
    const char *const by_env[] = {
        "env", "-i", str_text(&variable), argv[0], argv[1], argv[2], NULL};
    const struct run_request request = {
        .argv = by_env, .env = env, .timeout_ms = PYTHON_TIMEOUT_MS};
    struct run_result result = {0};
    struct err err = {0};
    return run_program(&request, NULL, NULL, &result, &err) == 0 && result.exit_code == 0;
}

static enum place find(const char *program)
{
    const char *own = getenv("PATH"); // NOLINT(concurrency-mt-unsafe): nobody sets
    own = own != NULL ? own : "";
    if (strcmp(program, "pytest") == 0) {
        return has_pytest(SYSTEM_PATH) ? SYSTEM : has_pytest(own) ? OWN : NOWHERE;
    }
    return is_on(SYSTEM_PATH, program) ? SYSTEM : is_on(own, program) ? OWN : NOWHERE;
}

static const char *package_of(const char *program)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].program, program) == 0) {
            return known[i].package;
        }
    }
    return program;
}

static void check(struct init_plan *plan, struct init_layer *layer, const char *program)
{
    const enum place place = find(program);
    if (place == NOWHERE) {
        init_problem(plan,
                     "%s is missing: layer %s needs it (Debian: apt-get install %s)",
                     program,
                     layer->id,
                     package_of(program));
    } else if (place == OWN && layer->in_place == NULL) {
        layer->in_place =
            init_text(plan,
                      "%s was found on your PATH, outside of /usr and /opt, which is "
                      "what isolated units see. With one installed there (Debian: %s) "
                      "remove this line.",
                      program,
                      package_of(program));
    }
}

void init_check_programs(struct init_plan *plan)
{
    for (size_t i = 0; i < plan->layers.count; i++) {
        struct init_layer *layer = &plan->layers.items[i];
        for (const char *at = layer->programs; at != NULL && *at != '\0';) {
            const size_t len = strcspn(at, " ");
            check(plan, layer, init_text(plan, "%.*s", (int)len, at));
            at += len + (at[len] == ' ');
        }
    }
}
