/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sdk/sdk.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum sdk_exit {
    SDK_DONE = 0,
    SDK_FAILED = 1,
    SDK_USAGE = 2,
};

static void sdk_fini(struct sdk *sdk)
{
    json_cleanup(&sdk->request);
    json_cleanup(&sdk->line);
    str_fini(&sdk->out);
    str_fini(&sdk->in);
}

static int flush(struct sdk *sdk, struct err *err)
{
    int status = str_error(&sdk->out);
    if (status != 0) {
        return err_set(err, status, "out of memory for the answer");
    }
    status = fd_write_all(sdk->out_fd, str_text(&sdk->out), sdk->out.len);
    str_clear(&sdk->out);
    return status == 0 ? 0 : err_set(err, status, "cannot write the answer");
}

/* ---- verbs ---- */

static int describe(struct sdk *sdk, struct err *err)
{
    const struct sdk_plugin *plugin = sdk->plugin;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "name", plugin->name);
    jw_put_int(&w, "protocol", SDK_PROTOCOL);
    jw_key(&w, "schema");
    if (plugin->write_schema != NULL) {
        jw_raw(&w, "");
        plugin->write_schema(&sdk->out);
    } else {
        jw_raw(&w, plugin->schema);
    }
    jw_key(&w, "metrics");
    jw_array(&w);
    for (const char *const *at = plugin->metrics; at != NULL && *at != NULL; at++) {
        jw_string(&w, *at);
    }
    jw_end_array(&w);
    jw_key(&w, "verbs");
    jw_array(&w);
    jw_string(&w, "plan");
    if (plugin->select != NULL) {
        jw_string(&w, "select");
    }
    if (plugin->judge != NULL) {
        jw_string(&w, "judge");
    }
    jw_end_array(&w);
    if (plugin->produces) {
        jw_put_bool(&w, "produces", true);
    }
    jw_end_object(&w);
    (void)str_append_char(&sdk->out, '\n');
    return flush(sdk, err);
}

/* Drops the fields that this version does not know: a later host may send more. */
static void pass_over_others(json_t *request, const struct json_field *fields, size_t count)
{
    const char *key = NULL;
    void *next = NULL;
    json_t *value = NULL;
    json_object_foreach_safe(request, next, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, key) != 0) {
            i++;
        }
        if (i == count) {
            (void)json_object_del(request, key);
        }
    }
}

/* Reads the object that every verb but describe begins with. */
static int read_request(struct sdk *sdk, const char *text, size_t len, struct err *err)
{
    if (json_parse(text, len, &sdk->request, err) != 0) {
        return err_wrap(err, "standard input");
    }
    int64_t protocol = 0;
    const struct json_field fields[] = {
        {"protocol",  JSON_FIELD_INT,    true,  &protocol      },
        {"layer",     JSON_FIELD_STRING, true,  &sdk->layer    },
        {"root",      JSON_FIELD_STRING, true,  &sdk->root     },
        {"program",   JSON_FIELD_STRING, false, &sdk->program  },
        {"with",      JSON_FIELD_OBJECT, true,  &sdk->with     },
        {"diff",      JSON_FIELD_OBJECT, false, &sdk->diff     },
        {"seed",      JSON_FIELD_INT,    false, &sdk->seed     },
        {"budget_ms", JSON_FIELD_INT,    false, &sdk->budget_ms},
        {"changed",   JSON_FIELD_ARRAY,  false, &sdk->changed  },
    };
    pass_over_others(sdk->request, fields, sizeof fields / sizeof fields[0]);
    if (json_read_object(sdk->request, fields, sizeof fields / sizeof fields[0], err) != 0) {
        return err_wrap(err, "standard input");
    }
    if (protocol != SDK_PROTOCOL) {
        return err_set(err,
                       -EPROTO,
                       "asked in protocol %lld, this plugin speaks %d",
                       (long long)protocol,
                       SDK_PROTOCOL);
    }
    return 0;
}

static int plan(struct sdk *sdk, struct err *err)
{
    CLEANUP(str_fini) struct str input = STR_INIT(SDK_INPUT_MAX);
    int status = file_read_fd(sdk->in_fd, "standard input", &input, err);
    if (status != 0 || (status = read_request(sdk, str_text(&input), input.len, err)) != 0) {
        return status;
    }
    if (sdk->program == NULL) {
        return err_set(err, -EINVAL, "standard input: field \"program\" is missing");
    }
    status = sdk->plugin->plan(sdk, err);
    return status != 0 ? status : flush(sdk, err);
}

/* Gives the next line of the input: 1, or 0 at the end. */
static int next_line(struct sdk *sdk, const char **ret_line, size_t *ret_len, struct err *err)
{
    if (sdk->in.len == 0) {
        int status = file_read_fd(sdk->in_fd, "standard input", &sdk->in, err);
        if (status != 0) {
            return status;
        }
    }
    if (sdk->in_at >= sdk->in.len) {
        return 0;
    }
    const char *line = sdk->in.data + sdk->in_at;
    const char *newline = memchr(line, '\n', sdk->in.len - sdk->in_at);
    size_t len = newline != NULL ? (size_t)(newline - line) : sdk->in.len - sdk->in_at;
    sdk->in_at += len + 1;
    *ret_line = line;
    *ret_len = len;
    return 1;
}

/* select and judge: a header line, then one line a unit, read as the verb asks for them. */
static int answer_lines(struct sdk *sdk, sdk_verb_fn verb, struct err *err)
{
    const char *line = NULL;
    size_t len = 0;
    int status = next_line(sdk, &line, &len, err);
    if (status == 0) {
        return err_set(err, -ENODATA, "standard input is empty");
    }
    if (status < 0 || (status = read_request(sdk, line, len, err)) != 0
        || (status = verb(sdk, err)) != 0) {
        return status;
    }
    return flush(sdk, err);
}

static int select_units(struct sdk *sdk, struct err *err)
{
    return answer_lines(sdk, sdk->plugin->select, err);
}

static int judge(struct sdk *sdk, struct err *err)
{
    return answer_lines(sdk, sdk->plugin->judge, err);
}

static sdk_verb_fn find_verb(const struct sdk_plugin *plugin, const char *name)
{
    const struct {
        const char *name;
        sdk_verb_fn run;
        bool offered;
    } verbs[] = {
        {"describe", describe,     true                  },
        {"plan",     plan,         plugin->plan != NULL  },
        {"select",   select_units, plugin->select != NULL},
        {"judge",    judge,        plugin->judge != NULL },
    };

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (verbs[i].offered && strcmp(verbs[i].name, name) == 0) {
            return verbs[i].run;
        }
    }
    return NULL;
}

static const struct sdk_private_verb *find_private(const struct sdk_plugin *plugin,
                                                   const char *name)
{
    const struct sdk_private_verb *verb = plugin->verbs;
    while (verb != NULL && verb->name != NULL && strcmp(verb->name, name) != 0) {
        verb++;
    }
    return verb != NULL && verb->name != NULL ? verb : NULL;
}

int sdk_main(int argc, char **argv, const struct sdk_plugin *plugin)
{
    const char *name = argc > 1 ? argv[1] : "";
    const struct sdk_private_verb *private_verb = find_private(plugin, name);
    if (private_verb != NULL) {
        return private_verb->run(argc - 1, argv + 1);
    }
    sdk_verb_fn verb = find_verb(plugin, name);
    if (verb == NULL || argc != 2) {
        (void)fprintf(stderr,
                      "sluice plugin %s: usage: describe | plan%s%s\n"
                      "sluice runs this program; see docs/plugin-protocol.md\n",
                      plugin->name,
                      plugin->select != NULL ? " | select" : "",
                      plugin->judge != NULL ? " | judge" : "");
        return SDK_USAGE;
    }
    CLEANUP(sdk_fini)
    struct sdk sdk = {.plugin = plugin,
                      .out = STR_INIT(SDK_FLUSH_SIZE + 2 * (size_t)SDK_LINE_MAX),
                      .in = STR_INIT(SDK_OUTCOMES_MAX),
                      .out_fd = STDOUT_FILENO,
                      .in_fd = STDIN_FILENO};
    struct err err = {0};
    if (verb(&sdk, &err) != 0) {
        (void)fprintf(stderr, "%s %s: %s\n", plugin->name, name, err.text);
        return SDK_FAILED;
    }
    return SDK_DONE;
}

/* ---- answers ---- */

/* Ends a line that began at `start`; flushes when enough stands in the buffer. */
static int end_line(struct sdk *sdk, size_t start, const char *what, struct err *err)
{
    (void)str_append_char(&sdk->out, '\n');
    if (str_error(&sdk->out) == -EFBIG || sdk->out.len - start > SDK_LINE_MAX) {
        return err_set(
            err, -EFBIG, "%.80s: its description is longer than %u bytes", what, SDK_LINE_MAX);
    }
    return sdk->out.len < SDK_FLUSH_SIZE && str_error(&sdk->out) == 0 ? 0 : flush(sdk, err);
}

static void put_list(struct json_writer *w, const char *key, const char *const *list)
{
    if (list == NULL || list[0] == NULL) {
        return;
    }
    jw_key(w, key);
    jw_array(w);
    for (; *list != NULL; list++) {
        jw_string(w, *list);
    }
    jw_end_array(w);
}

static void put_number(struct json_writer *w, const char *key, int64_t value)
{
    if (value != 0) {
        jw_put_int(w, key, value);
    }
}

static void put_env(struct json_writer *w, const struct sdk_unit *unit)
{
    if (unit->env_count == 0) {
        return;
    }
    jw_key(w, "env");
    jw_object(w);
    for (size_t i = 0; i < unit->env_count; i++) {
        jw_key(w, unit->env[i].name);
        jw_string(w, unit->env[i].value);
    }
    jw_end_object(w);
}

static void put_report(struct json_writer *w, const struct sdk_unit *unit)
{
    if (unit->report_format == NULL) {
        return;
    }
    jw_key(w, "report");
    jw_object(w);
    jw_put_string(w, "format", unit->report_format);
    jw_put_string(w, "path", unit->report_path);
    jw_end_object(w);
}

static void put_timeout(struct json_writer *w, int64_t ms)
{
    if (ms == 0) {
        return;
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%lldms", (long long)ms);
    jw_put_string(w, "timeout", text);
}

static bool all_utf8(const char *const *words)
{
    while (words != NULL && *words != NULL) {
        if (utf8_valid_prefix(*words, strlen(*words)) != strlen(*words)) {
            return false;
        }
        words++;
    }
    return true;
}

/* The JSON writer mends what is not UTF-8; in a command or a path that would be another one. */
static int check_utf8(const struct sdk_unit *unit, struct err *err)
{
    const char *what = !all_utf8(unit->argv)        ? "the command"
                       : !all_utf8(unit->needs)     ? "a need"
                       : !all_utf8(unit->outputs)   ? "an output"
                       : !all_utf8(unit->artifacts) ? "an artifact"
                                                    : NULL;
    return what == NULL
               ? 0
               : err_set(err,
                         -EILSEQ,
                         "%s of unit \"%.80s\" is not UTF-8, and JSON can hold nothing else",
                         what,
                         unit->id);
}

int sdk_emit_unit(struct sdk *sdk, const struct sdk_unit *unit, struct err *err)
{
    assert(unit->id != NULL && unit->argv != NULL && unit->argv[0] != NULL);
    int status = check_utf8(unit, err);
    if (status != 0) {
        return status;
    }
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "id", unit->id);
    put_list(&w, "argv", unit->argv);
    jw_put_string(&w, "cwd", unit->cwd);
    put_env(&w, unit);
    put_timeout(&w, unit->timeout_ms);
    put_number(&w, "cost_ms", unit->cost_ms);
    put_number(&w, "slots", unit->slots);
    put_list(&w, "locks", unit->locks);
    put_list(&w, "labels", unit->labels);
    put_report(&w, unit);
    jw_put_string(&w, "file", unit->file);
    put_number(&w, "line", unit->line);
    jw_put_string(&w, "skip", unit->skip);
    if (unit->expands) {
        jw_put_bool(&w, "expands", true);
    }
    put_list(&w, "needs", unit->needs);
    put_list(&w, "outputs", unit->outputs);
    put_list(&w, "artifacts", unit->artifacts);
    jw_put_string(&w, "memo", unit->memo);
    jw_end_object(&w);
    sdk->unit_count++;
    return end_line(sdk, start, unit->id, err);
}

int sdk_expand(const struct sdk_plugin *plugin,
               int (*emit)(struct sdk *sdk, void *context, struct err *err),
               void *context,
               struct err *err)
{
    CLEANUP(sdk_fini)
    struct sdk sdk = {.plugin = plugin,
                      .out = STR_INIT(SDK_FLUSH_SIZE + 2 * (size_t)SDK_LINE_MAX),
                      .out_fd = STDOUT_FILENO,
                      .in_fd = -1};
    int status = emit(&sdk, context, err);
    return status != 0 ? status : flush(&sdk, err);
}

int sdk_emit_selected(struct sdk *sdk, const char *unit, struct err *err)
{
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "unit", unit);
    jw_end_object(&w);
    return end_line(sdk, start, unit, err);
}

int sdk_emit_metric(struct sdk *sdk, const char *name, double value, struct err *err)
{
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "metric", name);
    jw_put_double(&w, "value", value);
    jw_end_object(&w);
    return end_line(sdk, start, name, err);
}

int sdk_emit_no_metric(struct sdk *sdk, const char *name, const char *why, struct err *err)
{
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "metric", name);
    jw_key(&w, "value");
    jw_null(&w);
    jw_put_string(&w, "why", why);
    jw_end_object(&w);
    return end_line(sdk, start, name, err);
}

int sdk_emit_finding(struct sdk *sdk, const struct sdk_finding *finding, struct err *err)
{
    assert(finding->rule != NULL && finding->message != NULL);
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_key(&w, "finding");
    jw_object(&w);
    jw_put_string(&w, "file", finding->file);
    put_number(&w, "line", finding->line);
    put_number(&w, "column", finding->column);
    jw_put_string(&w, "rule", finding->rule);
    jw_put_string(&w, "severity", finding->severity);
    jw_put_string(&w, "message", finding->message);
    jw_put_string(&w, "fix", finding->fix);
    jw_end_object(&w);
    jw_end_object(&w);
    return end_line(sdk, start, finding->rule, err);
}

int sdk_emit_artifact(struct sdk *sdk, const char *path, struct err *err)
{
    size_t start = sdk->out.len;
    struct json_writer w;
    jw_begin(&w, &sdk->out);
    jw_object(&w);
    jw_put_string(&w, "artifact", path);
    jw_end_object(&w);
    return end_line(sdk, start, path, err);
}

/* ---- the input of select and judge ---- */

static int64_t get_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* The next line as an object, kept in sdk->line: 1, or 0 at the end. */
static int next_object(struct sdk *sdk, struct err *err)
{
    const char *line = NULL;
    size_t len = 0;
    int status = next_line(sdk, &line, &len, err);
    if (status <= 0) {
        return status;
    }
    json_t *object = NULL;
    if ((status = json_parse(line, len, &object, err)) != 0) {
        return status;
    }
    json_cleanup(&sdk->line);
    sdk->line = object;
    return 1;
}

int sdk_next_candidate(struct sdk *sdk, struct sdk_candidate *ret_candidate, struct err *err)
{
    int status = next_object(sdk, err);
    if (status <= 0) {
        return status;
    }
    const json_t *object = sdk->line;
    const json_t *labels = json_object_get(object, "labels");
    *ret_candidate = (struct sdk_candidate){
        .unit = json_string_value(json_object_get(object, "unit")),
        .file = json_string_value(json_object_get(object, "file")),
        .line = get_int(object, "line", 0),
        .labels = json_is_array(labels) ? labels : NULL,
        .cost_ms = get_int(object, "cost_ms", 0),
        .last = json_string_value(json_object_get(object, "last")),
        .last_ms = get_int(object, "last_ms", 0),
    };
    return ret_candidate->unit != NULL ? 1
                                       : err_set(err, -EINVAL, "a unit to select lacks \"unit\"");
}

int sdk_next_outcome(struct sdk *sdk, struct sdk_outcome *ret_outcome, struct err *err)
{
    int status = next_object(sdk, err);
    if (status <= 0) {
        return status;
    }
    const json_t *object = sdk->line;
    const json_t *cases = json_object_get(object, "cases");
    const json_t *artifacts = json_object_get(object, "artifacts");
    *ret_outcome = (struct sdk_outcome){
        .unit = json_string_value(json_object_get(object, "unit")),
        .shard = get_int(object, "shard", 0),
        .status = json_string_value(json_object_get(object, "status")),
        .exit = get_int(object, "exit", -1),
        .signal = get_int(object, "signal", 0),
        .wall_ms = get_int(object, "wall_ms", 0),
        .cpu_ms = get_int(object, "cpu_ms", 0),
        .attempts = get_int(object, "attempts", 1),
        .flaky = json_is_true(json_object_get(object, "flaky")),
        .message = json_string_value(json_object_get(object, "message")),
        .cases_total = get_int(cases, "total", 0),
        .cases_passed = get_int(cases, "passed", 0),
        .cases_failed = get_int(cases, "failed", 0),
        .cases_errored = get_int(cases, "errored", 0),
        .cases_skipped = get_int(cases, "skipped", 0),
        .reused = json_is_true(json_object_get(object, "reused")),
        .artifacts = json_is_array(artifacts) ? artifacts : NULL,
    };
    if (ret_outcome->unit == NULL || ret_outcome->status == NULL) {
        return err_set(err, -EINVAL, "an outcome lacks \"unit\" or \"status\"");
    }
    return 1;
}
