/* SPDX-License-Identifier: Apache-2.0 */
#include "git/call.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "proc/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lines of git's complaint that are shown: the first names the file, the last sums up. */
#define COMPLAINT_BYTES       600
#define COMPLAINT_BYTES_SHOWN 2400u /* a bad byte becomes three */

/* Settings that a repository's configuration cannot change. */
static const struct {
    const char *key;
    const char *value;
} fixed_config[] = {
  /* nothing of the repository's configuration is executed (but filters, see git.h) */
    {"core.hooksPath",         "/dev/null"},
    {"core.fsmonitor",         "false"    },
    {"safe.directory",         "*"        },
 /* a private index is one plain file that lists every path */
    {"core.splitIndex",        "false"    },
    {"core.untrackedCache",    "false"    },
    {"core.sparseCheckout",    "false"    },
    {"index.sparse",           "false"    },
 /* an entry is trusted only when all of its stat data is as it was */
    {"core.trustctime",        "true"     },
    {"core.checkStat",         "default"  },
    {"core.ignoreStat",        "false"    },
    {"core.fileMode",          "true"     },
    {"core.symlinks",          "true"     },
    {"core.ignoreCase",        "false"    },
 /* work trees are given by the environment */
    {"core.bare",              "false"    },
    {"submodule.recurse",      "false"    },
 /* a failure is one, a hint is none */
    {"add.ignoreErrors",       "false"    },
    {"core.safecrlf",          "false"    },
    {"advice.addEmbeddedRepo", "false"    },
 /* nothing in the background; the store can be made again, so it is not synced */
    {"gc.auto",                "0"        },
    {"maintenance.auto",       "false"    },
    {"core.fsync",             "none"     },
};

#define FIXED_CONFIG_COUNT (sizeof fixed_config / sizeof fixed_config[0])

void git_env_fini(struct git_env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        mem_free(env->items[i]);
    }
    vec_fini(env);
}

/* Adds an entry it owns; NULL (short memory, or the end mark) is handled here. */
static void env_own(struct git_env *env, char *entry)
{
    if (entry == NULL || vec_push(env, entry) != 0) {
        mem_free(entry);
        env->failed = true;
    }
}

static void env_put(struct git_env *env, const char *name, const char *value)
{
    struct str text = STR_INIT(1u << 16);
    (void)str_append(&text, name);
    (void)str_append(&text, "=");
    (void)str_append(&text, value);
    env_own(env, str_take(&text));
    str_fini(&text);
}

/* What we were started with, without git's own variables and locales. */
static void env_inherit(struct git_env *env)
{
    static const char *const dropped[] = {"GIT_", "LC_", "LANG=", "LANGUAGE=", "SSH_ASKPASS="};
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        bool drop = false;
        for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
            drop = drop || text_starts_with(*entry, dropped[i]);
        }
        if (!drop) {
            env_own(env, mem_strdup(*entry));
        }
    }
}

static void env_config(struct git_env *env)
{
    char name[64];
    char count[16];
    for (size_t i = 0; i < FIXED_CONFIG_COUNT; i++) {
        (void)snprintf(name, sizeof name, "GIT_CONFIG_KEY_%zu", i);
        env_put(env, name, fixed_config[i].key);
        (void)snprintf(name, sizeof name, "GIT_CONFIG_VALUE_%zu", i);
        env_put(env, name, fixed_config[i].value);
    }
    (void)snprintf(count, sizeof count, "%zu", FIXED_CONFIG_COUNT);
    env_put(env, "GIT_CONFIG_COUNT", count);
}

/* The variable is a ':'-separated list, in which an entry may be quoted as a C string. */
static void env_alternates(struct git_env *env, const char *objects)
{
    struct str text = STR_INIT(1u << 16);
    (void)str_append(&text, "GIT_ALTERNATE_OBJECT_DIRECTORIES=\"");
    for (const char *at = objects; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            (void)str_append_char(&text, '\\');
        }
        if (*at == '\n') {
            (void)str_append(&text, "\\n");
        } else {
            (void)str_append_char(&text, *at);
        }
    }
    (void)str_append(&text, "\"");
    env_own(env, str_take(&text));
    str_fini(&text);
}

static void env_repo(struct git_env *env, const struct git_call *call)
{
    struct str ours = STR_INIT(1u << 16);
    (void)str_append(&ours, call->repo->state);
    (void)str_append(&ours, "/objects");
    env_put(env, "GIT_DIR", call->repo->git_dir);
    env_put(env, "GIT_WORK_TREE", call->work_tree != NULL ? call->work_tree : call->repo->root);
    env_put(env, "GIT_OBJECT_DIRECTORY", str_text(&ours));
    env_alternates(env, call->repo->objects);
    if (call->index != NULL) {
        env_put(env, "GIT_INDEX_FILE", call->index);
    }
    env->failed = env->failed || str_error(&ours) != 0;
    str_fini(&ours);
}

int git_env_build(const struct git_call *call, struct git_env *env)
{
    env_inherit(env);
    env_put(env, "LC_ALL", "C");
    env_put(env, "GIT_TERMINAL_PROMPT", "0");
    env_put(env, "GIT_ASKPASS", "true");
    env_put(env, "GIT_OPTIONAL_LOCKS", "0");
    env_config(env);
    if (call->repo != NULL) {
        env_repo(env, call);
    }
    if (env->failed || vec_push(env, NULL) != 0) {
        return -ENOMEM;
    }
    return 0;
}

const char *git_call_cwd(const struct git_call *call)
{
    if (call->work_tree != NULL) {
        return call->work_tree;
    }
    return call->repo != NULL ? call->repo->root : NULL;
}

int git_call_begin(const struct git_call *call,
                   struct str *out,
                   struct str *errors,
                   struct run_child **ret_child,
                   struct err *err)
{
    CLEANUP(git_env_fini) struct git_env env = {0};
    if (git_env_build(call, &env) != 0) {
        return err_set(err, -ENOMEM, "not enough memory to start git");
    }
    const struct run_request request = {
        .argv = call->argv,
        .env = (const char *const *)env.items,
        .cwd = git_call_cwd(call),
        .input = call->input,
        .input_len = call->input_len,
        .timeout_ms = GIT_CALL_TIMEOUT_MS,
    };
    return run_begin(&request, out, errors, ret_child, err);
}

int git_call_end(struct run_child *child, int *ret_exit, struct err *err)
{
    struct run_result result = {0};
    const int code = run_end(child, &result, err);
    if (code == 0) {
        *ret_exit = result.exit_code >= 0 ? result.exit_code : 128;
    }
    return code;
}

int git_call(const struct git_call *call,
             struct str *out,
             struct str *errors,
             int *ret_exit,
             struct err *err)
{
    struct run_child *child = NULL;
    const int code = git_call_begin(call, out, errors, &child, err);
    return code == 0 ? git_call_end(child, ret_exit, err) : code;
}

int git_call_ok(const struct git_call *call, const char *what, struct str *out, struct err *err)
{
    CLEANUP(str_fini) struct str errors = STR_INIT(GIT_ERRORS_MAX);
    int status = 0;
    int result = git_call(call, out, &errors, &status, err);
    if (result == 0 && status != 0) {
        result = git_complain(err, -EIO, what, &errors);
    }
    return result;
}

int git_complain(struct err *err, int code, const char *what, const struct str *errors)
{
    CLEANUP(str_fini) struct str clean = STR_INIT(COMPLAINT_BYTES_SHOWN);
    size_t len = errors->len < COMPLAINT_BYTES ? errors->len : COMPLAINT_BYTES;
    (void)text_sanitize(&clean, str_text(errors), len);
    while (clean.len > 0 && clean.data[clean.len - 1] == '\n') {
        clean.data[--clean.len] = '\0';
    }
    if (clean.len == 0) {
        return err_set(err, code, "%s: git failed and said nothing", what);
    }
    return err_set(err, code, "%s: git says:\n%s", what, str_text(&clean));
}

bool git_is_id(const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");
    return text[len] == '\0' && (len == 40 || len == 64);
}
