/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/memo.h"
#include "base/text.h"
#include "plugin/plugin.h"
#include "plugin/schema.h"
#include "plugin/words.h"
#include "proc/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a plugin that cannot describe itself may say about it. Beyond: cut off with the plugin. */
#define COMPLAINT_MAX (64u << 10)
/* The part of it that is shown. */
#define COMPLAINT_SHOWN_MAX ((size_t)600)

/* The fields of an answer, borrowed from it. */
struct answer {
    const char *name;
    int64_t protocol;
    json_t *schema;
    json_t *metrics;
    json_t *verbs;
    bool produces;
};

static int read_answer(json_t *object, struct answer *ret_answer, struct err *err)
{
    const struct json_field fields[] = {
        {"name",     JSON_FIELD_STRING, true,  &ret_answer->name    },
        {"protocol", JSON_FIELD_INT,    true,  &ret_answer->protocol},
        {"schema",   JSON_FIELD_OBJECT, true,  &ret_answer->schema  },
        {"metrics",  JSON_FIELD_ARRAY,  false, &ret_answer->metrics },
        {"verbs",    JSON_FIELD_ARRAY,  true,  &ret_answer->verbs   },
        {"produces", JSON_FIELD_BOOL,   false, &ret_answer->produces},
    };
    return json_read_object(object, fields, sizeof fields / sizeof fields[0], err);
}

/* Before the fields are read: a later protocol may have other fields. */
static int check_protocol(json_t *object, struct err *err)
{
    const json_t *protocol = json_object_get(object, "protocol");
    if (json_is_integer(protocol) && json_integer_value(protocol) != PLUGIN_PROTOCOL) {
        return err_set(err,
                       -EPROTO,
                       "speaks protocol %lld, but this sluice speaks protocol %d: use another "
                       "version of one of them",
                       json_integer_value(protocol),
                       PLUGIN_PROTOCOL);
    }
    return 0;
}

static int read_verbs(json_t *list, struct plugin_description *description, struct err *err)
{
    static const char *const known[] = {"plan", "select", "judge", "describe"};
    bool plans = false;
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        const char *verb = json_string_value(item);
        if (verb == NULL) {
            return err_set(err, -EINVAL, "verbs: item %zu must be a string", i + 1);
        }
        if (strcmp(verb, "plan") == 0) {
            plans = true;
        } else if (strcmp(verb, "select") == 0) {
            description->selects = true;
        } else if (strcmp(verb, "judge") == 0) {
            description->judges = true;
        } else if (strcmp(verb, "describe") != 0) {
            const char *near = text_nearest(verb, known, sizeof known / sizeof known[0]);
            char shown[WORD_SHOWN_MAX];
            return err_set(err,
                           -EINVAL,
                           "unknown verb \"%s\"; did you mean \"%s\"?",
                           word_show(verb, shown),
                           near != NULL ? near : "plan");
        }
    }
    return plans ? 0
                 : err_set(err, -EINVAL, "verbs must name \"plan\": without it nothing can run");
}

static int check_metric(const char *what, const char *word, struct err *err)
{
    if (metric_is_standard(word)) {
        return err_set(err,
                       -EINVAL,
                       "%s \"%s\" is one that every layer has; give it another name",
                       what,
                       word);
    }
    return word_check_name(what, word, err);
}

static int read_metrics(json_t *list,
                        struct arena *arena,
                        struct plugin_description *description,
                        struct err *err)
{
    if (json_array_size(list) > PLUGIN_METRICS_MAX) {
        return err_set(err,
                       -EINVAL,
                       "%zu metrics, at most %d are allowed",
                       json_array_size(list),
                       PLUGIN_METRICS_MAX);
    }
    if (json_array_size(list) > 0 && !description->judges) {
        return err_set(
            err, -EINVAL, "has metrics, but no verb \"judge\" that could tell their values");
    }
    return word_read_list("metric", list, check_metric, arena, &description->metrics, err);
}

static int read_schema(json_t *schema,
                       struct arena *arena,
                       struct plugin_description *description,
                       struct err *err)
{
    int status = schema_check(schema, err);
    if (status != 0) {
        return status;
    }
    char *text = json_dumps(schema, JSON_COMPACT);
    description->schema = text != NULL ? arena_strdup(arena, text) : NULL;
    free(text); /* jansson's own malloc */
    return description->schema != NULL ? 0 : err_set(err, -ENOMEM, "out of memory for a schema");
}

/* Fills the description from what the program printed. */
static int read_description(const struct str *out,
                            const char *program,
                            struct arena *arena,
                            struct plugin_description *ret_description,
                            struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    int status = json_parse(str_text(out), out->len, &object, err);
    if (status != 0) {
        return status;
    }
    struct answer answer = {0};
    struct plugin_description description = {0};
    if ((status = check_protocol(object, err)) != 0
        || (status = read_answer(object, &answer, err)) != 0
        || (status = word_check_name("name", answer.name, err)) != 0
        || (status = read_verbs(answer.verbs, &description, err)) != 0
        || (status = read_metrics(answer.metrics, arena, &description, err)) != 0
        || (status = read_schema(answer.schema, arena, &description, err)) != 0) {
        return status;
    }
    description.produces = answer.produces;
    description.name = arena_strdup(arena, answer.name);
    description.program = arena_strdup(arena, program);
    if (description.name == NULL || description.program == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a plugin");
    }
    *ret_description = description;
    return 0;
}

/* A program that ended badly: its own words are the best explanation. */
static int refuse_ending(const struct run_result *result, const struct str *errors, struct err *err)
{
    CLEANUP(str_fini) struct str words = STR_INIT(4 * COMPLAINT_SHOWN_MAX);
    size_t len = errors->len < COMPLAINT_SHOWN_MAX ? errors->len : COMPLAINT_SHOWN_MAX;
    (void)text_sanitize(&words, str_text(errors), len);
    const char *said = words.len > 0 ? str_text(&words) : "(it said nothing on standard error)";
    if (result->signal != 0) {
        return err_set(err, -EPROTO, "was ended by signal %d. It said:\n%s", result->signal, said);
    }
    return err_set(err, -EPROTO, "exited with %d. It said:\n%s", result->exit_code, said);
}

/* What `PROGRAM describe` prints. */
static int ask(const char *program, struct str *out, struct err *err)
{
    const char *const argv[] = {program, "describe", NULL};
    const struct run_request request = {
        .argv = argv, .timeout_ms = PLUGIN_DESCRIBE_TIMEOUT_MS, .contain = true};
    CLEANUP(str_fini) struct str errors = STR_INIT(COMPLAINT_MAX);
    struct run_result result = {0};
    int status = run_program(&request, out, &errors, &result, err);
    if (status == 0 && (result.signal != 0 || result.exit_code != 0)) {
        status = refuse_ending(&result, &errors, err);
    }
    return status;
}

int plugin_describe(const char *program,
                    struct arena *arena,
                    struct plugin_description *ret_description,
                    struct err *err)
{
    CLEANUP(str_fini) struct str out = STR_INIT(PLUGIN_DESCRIBE_MAX);
    int status = ask(program, &out, err);
    if (status == 0) {
        status = read_description(&out, program, arena, ret_description, err);
    }
    return status == 0 ? 0 : err_wrap(err, "%s describe", program);
}

static bool key_of(const char *program, struct hash *ret_key)
{
    struct hasher *hasher = hasher_new();
    if (hasher == NULL) {
        return false;
    }
    hasher_begin(hasher);
    hasher_add_text(hasher, "what a plugin says of itself, 1");
    const bool good = memo_add_file(hasher, program);
    *ret_key = hasher_end(hasher);
    hasher_free(hasher);
    return good;
}

int plugin_describe_once(const char *program,
                         const char *folder,
                         struct arena *arena,
                         struct plugin_description *ret_description,
                         struct err *err)
{
    CLEANUP(str_fini) struct str known = STR_INIT(PLUGIN_DESCRIBE_MAX);
    CLEANUP(str_fini) struct str out = STR_INIT(PLUGIN_DESCRIBE_MAX);
    struct hash key;
    const bool has_key = key_of(program, &key);
    if (has_key && memo_find(folder, &key, &known)
        && read_description(&known, program, arena, ret_description, NULL) == 0) {
        return 0;
    }
    int status = ask(program, &out, err);
    if (status == 0) {
        status = read_description(&out, program, arena, ret_description, err);
    }
    if (status != 0) {
        return err_wrap(err, "%s describe", program);
    }
    if (has_key) {
        memo_keep(folder, &key, out.data, out.len);
    }
    return 0;
}
