/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/tool.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static void words_fini(struct words *words)
{
    vec_fini(words);
}

static int words_add(struct words *words, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (vec_push(words, list[i]) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int words_add_args(struct words *words, json_t *args)
{
    size_t i = 0;
    json_t *word = NULL;
    json_array_foreach(args, i, word)
    {
        if (vec_push(words, json_string_value(word)) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

int tool_init(struct tool *tool,
              struct sdk *sdk,
              const struct unit_settings *settings,
              const char *fallback,
              struct err *err)
{
    *tool = (struct tool){.sdk = sdk, .settings = settings};
    const char *line = settings->command != NULL ? settings->command : fallback;
    if (line[0] == '\0') {
        tool->command = mem_calloc(1, sizeof *tool->command);
        return tool->command != NULL ? 0 : err_set(err, -ENOMEM, "out of memory for a command");
    }
    int status = sdk_command_argv(line, &tool->command, err);
    if (status == 0 && strcmp(tool->command[0], "/bin/sh") == 0 && tool->command[1] != NULL) {
        return err_set(err,
                       -EINVAL,
                       "with: command \"%.200s\" needs a shell, but words are added behind it; put "
                       "it into a script and name that",
                       line);
    }
    return status;
}

void tool_fini(struct tool *tool)
{
    mem_free(tool->command);
    sdk_ids_fini(&tool->ids);
    *tool = (struct tool){0};
}

const char *tool_report(const char *id, const char *ending, char buf[TOOL_REPORT_SIZE])
{
    int n = snprintf(
        buf, TOOL_REPORT_SIZE, "sluice-%016llx%s", (unsigned long long)hash_stable64(id), ending);
    assert(n > 0 && n < TOOL_REPORT_SIZE);
    return buf;
}

const char *tool_path(const struct tool *tool, const char *path, char buf[PATH_TEXT_MAX])
{
    const char *dir = tool->settings->dir;
    bool in_root = strcmp(dir, ".") == 0;
    (void)snprintf(buf, PATH_TEXT_MAX, "%s%s%s", in_root ? "" : dir, in_root ? "" : "/", path);
    return buf;
}

const char *tool_operand(const char *path, char buf[PATH_TEXT_MAX])
{
    if (path[0] != '-') {
        return path;
    }
    (void)snprintf(buf, PATH_TEXT_MAX, "./%s", path);
    return buf;
}

int tool_ask(const struct tool *tool,
             const char *const *before,
             json_t *args,
             const char *const *after,
             struct str *out,
             struct err *err)
{
    CLEANUP(words_fini) struct words words = {0};
    if (words_add(&words, tool->command) != 0 || words_add(&words, before) != 0
        || words_add_args(&words, args) != 0 || words_add(&words, after) != 0
        || vec_push(&words, NULL) != 0) {
        return err_set(err, -ENOMEM, "out of memory for a command");
    }
    return sdk_run(words.items, tool->settings->dir, out, err);
}

/* The whole command, ended by NULL. */
static int make_command(const struct tool *tool, const struct tool_unit *unit, struct words *words)
{
    const char *const verb[] = {
        tool->sdk->program, unit->verb != NULL ? unit->verb : "fresh", unit->how, NULL};
    int status = unit->report != NULL ? words_add(words, verb) : 0;
    status = status == 0 && unit->report != NULL ? vec_push(words, unit->report) : status;
    status = status == 0 && !unit->direct ? words_add(words, tool->command) : status;
    status = status == 0 ? words_add(words, unit->before) : status;
    status = status == 0 && !unit->direct ? words_add_args(words, tool->settings->args) : status;
    status = status == 0 && !unit->direct ? words_add(words, unit->after) : status;
    return status == 0 ? vec_push(words, NULL) : status;
}

int tool_emit(struct tool *tool, const struct tool_unit *unit, struct err *err)
{
    CLEANUP(words_fini) struct words words = {0};
    char id[SDK_ID_SIZE];
    char source[PATH_TEXT_MAX];
    if (sdk_ids_make(&tool->ids, unit->id, id) != 0 || make_command(tool, unit, &words) != 0) {
        return err_set(err, -ENOMEM, "out of memory for the unit \"%.80s\"", unit->id);
    }
    struct sdk_unit emitted = unit->more != NULL ? *unit->more : (struct sdk_unit){0};
    emitted.id = id;
    emitted.argv = words.items;
    emitted.cwd = unit->cwd != NULL ? unit->cwd : tool->settings->dir;
    emitted.report_format = unit->format;
    emitted.report_path = unit->report;
    emitted.file = unit->file != NULL ? tool_path(tool, unit->file, source) : emitted.file;
    if (emitted.env == NULL) {
        emitted.env = tool->env;
        emitted.env_count = tool->env_count;
    }
    return sdk_emit_unit(tool->sdk, &emitted, err);
}

char *tool_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || line[0] == '\0') {
        return NULL;
    }
    size_t len = strcspn(line, "\n");
    *rest = line[len] == '\n' ? line + len + 1 : line + len;
    line[len] = '\0';
    if (len > 0 && line[len - 1] == '\r') {
        line[len - 1] = '\0';
    }
    return line;
}
