/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plugin_mutation/support/layer.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "plugins/mutation/judge.h"
#include "plugins/mutation/mutation.h"
#include "plugins/mutation/plan.h"
#include "plugins/mutation/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

const char *layer_enter(void)
{
    static char path[4096];
    assert_int_equal(chdir(test_folder()), 0);
    assert_non_null(getcwd(path, sizeof path));
    return path;
}

void layer_write(const char *path, const char *text, unsigned mode)
{
    struct err err = {0};
    if (file_write_atomic(path, text, strlen(text), &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(chmod(path, mode), 0);
}

const char *layer_read(const char *path)
{
    static char text[65536];
    CLEANUP(str_fini) struct str read = STR_INIT(sizeof text - 1);
    text[0] = '\0';
    if (file_read(path, &read, NULL) == 0) {
        (void)snprintf(text, sizeof text, "%s", str_text(&read));
    }
    return text;
}

static json_t *lines_of(const char *text)
{
    json_t *lines = json_array();
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        json_t *line = NULL;
        struct err err = {0};
        assert_non_null(end);
        assert_int_equal(json_parse(text, (size_t)(end - text), &line, &err), 0);
        assert_int_equal(json_array_append_new(lines, line), 0);
        text = end + 1;
    }
    return lines;
}

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct err err = {0};
    if (text != NULL && json_parse(text, strlen(text), &value, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return value;
}

int layer_plan(const char *settings, const char *diff, json_t **ret_units, struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = parse(settings);
    CLEANUP(json_cleanup) json_t *lines = parse(diff);
    struct sdk sdk = {.layer = "l",
                      .root = layer_enter(),
                      .program = "/plugin",
                      .with = with,
                      .diff = lines,
                      .plugin = &mutation_plugin,
                      .out = STR_INIT(8u << 20),
                      .out_fd = -1};
    int status = mutation_plan(&sdk, err);
    if (status == 0) {
        *ret_units = lines_of(str_text(&sdk.out));
    }
    str_fini(&sdk.out);
    return status;
}

const char *layer_ids(const char *settings, const char *diff)
{
    static char text[16384];
    CLEANUP(json_cleanup) json_t *units = NULL;
    struct err err = {0};
    size_t i = 0;
    size_t len = 0;
    json_t *unit = NULL;
    if (layer_plan(settings, diff, &units, &err) != 0) {
        fail_msg("%s", err.text);
    }
    text[0] = '\0';
    json_array_foreach(units, i, unit)
    {
        const json_t *needs = json_array_get(json_object_get(unit, "needs"), 0);
        const json_t *label = json_array_get(json_object_get(unit, "labels"), 0);
        len += (size_t)snprintf(text + len,
                                sizeof text - len,
                                "%s [%s] %s\n",
                                json_string_value(json_object_get(unit, "id")),
                                needs != NULL ? json_string_value(needs) : "",
                                label != NULL ? json_string_value(label) : "");
        assert_true(len < sizeof text);
    }
    return text;
}

int layer_judge_diff(const char *settings,
                     const char *diff,
                     const char *outcomes,
                     json_t **ret_lines,
                     struct err *err)
{
    CLEANUP(json_cleanup) json_t *with = parse(settings);
    CLEANUP(json_cleanup) json_t *lines = parse(diff);
    struct sdk sdk = {.layer = "l",
                      .root = layer_enter(),
                      .with = with,
                      .diff = lines,
                      .plugin = &mutation_plugin,
                      .out = STR_INIT(8u << 20),
                      .in = STR_INIT(8u << 20),
                      .out_fd = open("answer", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644),
                      .in_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
    assert_int_equal(str_append(&sdk.in, outcomes), 0);
    int status = mutation_judge(&sdk, err);
    if (status == 0) {
        CLEANUP(str_fini) struct str answer = STR_INIT(64u << 20);
        assert_int_equal(fd_write_all(sdk.out_fd, str_text(&sdk.out), sdk.out.len), 0);
        assert_int_equal(file_read_regular("answer", &answer, err), 0);
        *ret_lines = lines_of(str_text(&answer));
    }
    json_decref(sdk.line);
    str_fini(&sdk.out);
    str_fini(&sdk.in);
    (void)close(sdk.in_fd);
    (void)close(sdk.out_fd);
    return status;
}

int layer_judge(const char *settings, const char *outcomes, json_t **ret_lines, struct err *err)
{
    return layer_judge_diff(settings, NULL, outcomes, ret_lines, err);
}

double layer_metric(const json_t *lines, const char *name)
{
    size_t i = 0;
    const json_t *line = NULL;
    json_array_foreach(lines, i, line)
    {
        const char *metric = json_string_value(json_object_get(line, "metric"));
        if (metric != NULL && strcmp(metric, name) == 0) {
            const json_t *value = json_object_get(line, "value");
            return json_is_number(value) ? json_number_value(value) : -1;
        }
    }
    return -2;
}

const char *layer_why(const json_t *lines, const char *name)
{
    size_t i = 0;
    const json_t *line = NULL;
    json_array_foreach(lines, i, line)
    {
        const char *metric = json_string_value(json_object_get(line, "metric"));
        const char *why = json_string_value(json_object_get(line, "why"));
        if (metric != NULL && why != NULL && strcmp(metric, name) == 0) {
            return why;
        }
    }
    return "";
}

int layer_try(const char *job)
{
    char word[] = "try";
    char text[16384];
    char *argv[] = {word, text, NULL};
    int status = 0;
    assert_true((size_t)snprintf(text, sizeof text, "%s", job) < sizeof text);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open("stderr", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        (void)dup2(fd, STDERR_FILENO);
        int code = unit_run_try(2, argv);
        (void)fflush(NULL);
        _exit(code);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
