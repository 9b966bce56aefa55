/* SPDX-License-Identifier: Apache-2.0 */
/* A plan may hold a million units: each line is parsed, checked, packed into the arena and given
 * away before the next one is read, and words that return in line after line (a folder, "/bin/sh",
 * an id that is also the command) are stored once. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"
#include "plugin/lines.h"
#include "plugin/plain_line.h"
#include "plugin/plugin.h"
#include "plugin/words.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Words remembered for sharing: a direct-mapped cache, a power of two. 256 entries are 2 KiB and
 * cover the handful of words that plans repeat. */
#define SHARED_WORDS 256
/* Longer ones are rarely repeated and costly to compare. */
#define SHARED_WORD_MAX 1024

struct unit_reader {
    struct arena *arena;
    struct map ids;   /* id -> line */
    struct map words; /* of needs and outputs -> the word itself */
    const char *shared[SHARED_WORDS];
    uint32_t layer;
    struct plain_line plain; /* the line that is read, if it is plain */
};

/* One line's fields, borrowed from its JSON object. */
struct fields {
    const char *id;
    const char *cwd;
    const char *timeout;
    const char *file;
    const char *skip;
    json_t *argv;
    json_t *env;
    json_t *locks;
    json_t *labels;
    json_t *report;
    json_t *needs;
    json_t *outputs;
    json_t *artifacts;
    const char *memo;
    int64_t cost_ms;
    int64_t slots;
    int64_t line;
    bool expands;
};

static void map_cleanup(struct unit_reader *reader)
{
    map_fini(&reader->ids);
    map_fini(&reader->words);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory, or the plan is larger than is read");
}

/* A copy of `text` in the arena, the same one as last time where it can be remembered. NULL stays
 * NULL. */
static const char *share(struct unit_reader *reader, const char *text)
{
    uint32_t hash = 2166136261u; /* FNV-1a; a collision only costs a copy */
    size_t len = 0;
    for (; len <= SHARED_WORD_MAX && text[len] != '\0'; len++) {
        hash = (hash ^ (unsigned char)text[len]) * 16777619u;
    }
    if (len > SHARED_WORD_MAX) {
        return arena_strdup(reader->arena, text);
    }
    const char **place = &reader->shared[(hash ^ (hash >> 16)) % SHARED_WORDS];
    if (*place == NULL || strcmp(*place, text) != 0) {
        const char *copy = arena_strdup(reader->arena, text);
        if (copy == NULL) {
            return NULL;
        }
        *place = copy;
    }
    return *place;
}

/* One copy of each word of `needs`, `outputs` and `artifacts` in a plan: hundreds of units name the
 * same ones.
 */
static const char *intern(struct unit_reader *reader, const char *text)
{
    uintptr_t known = 0;
    if (map_get(&reader->words, text, &known) == 1) {
        return (const char *)known; // NOLINT(performance-no-int-to-ptr): the map holds words
    }
    const char *copy = arena_strdup(reader->arena, text);
    return copy != NULL && map_add(&reader->words, copy, (uintptr_t)copy) == 0 ? copy : NULL;
}

/* As share() for a field that may be absent. */
static int share_field(struct unit_reader *reader,
                       const char *text,
                       const char **ret,
                       struct err *err)
{
    *ret = text != NULL ? share(reader, text) : NULL;
    return text != NULL && *ret == NULL ? no_memory(err) : 0;
}

static int read_fields(json_t *object, struct fields *ret_fields, struct err *err)
{
    struct fields *f = ret_fields;
    const struct json_field table[] = {
        {"id",        JSON_FIELD_STRING, true,  &f->id       },
        {"argv",      JSON_FIELD_ARRAY,  true,  &f->argv     },
        {"cwd",       JSON_FIELD_STRING, false, &f->cwd      },
        {"env",       JSON_FIELD_OBJECT, false, &f->env      },
        {"timeout",   JSON_FIELD_STRING, false, &f->timeout  },
        {"cost_ms",   JSON_FIELD_INT,    false, &f->cost_ms  },
        {"slots",     JSON_FIELD_INT,    false, &f->slots    },
        {"locks",     JSON_FIELD_ARRAY,  false, &f->locks    },
        {"labels",    JSON_FIELD_ARRAY,  false, &f->labels   },
        {"report",    JSON_FIELD_OBJECT, false, &f->report   },
        {"file",      JSON_FIELD_STRING, false, &f->file     },
        {"line",      JSON_FIELD_INT,    false, &f->line     },
        {"skip",      JSON_FIELD_STRING, false, &f->skip     },
        {"expands",   JSON_FIELD_BOOL,   false, &f->expands  },
        {"needs",     JSON_FIELD_ARRAY,  false, &f->needs    },
        {"outputs",   JSON_FIELD_ARRAY,  false, &f->outputs  },
        {"artifacts", JSON_FIELD_ARRAY,  false, &f->artifacts},
        {"memo",      JSON_FIELD_STRING, false, &f->memo     },
    };
    return json_read_object(object, table, sizeof table / sizeof table[0], err);
}

static int read_argv(struct unit_reader *reader, json_t *list, struct unit *unit, struct err *err)
{
    size_t count = json_array_size(list);
    if (count == 0 || json_string_length(json_array_get(list, 0)) == 0) {
        return err_set(err, -EINVAL, "argv must start with the name of a program");
    }
    const char **argv = arena_calloc(reader->arena, count + 1, sizeof *argv);
    if (argv == NULL) {
        return no_memory(err);
    }
    size_t i = 0;
    json_t *word = NULL;
    json_array_foreach(list, i, word)
    {
        if (!json_is_string(word)) {
            return err_set(err, -EINVAL, "argv: item %zu must be a string", i + 1);
        }
        argv[i] = share(reader, json_string_value(word));
        if (argv[i] == NULL) {
            return no_memory(err);
        }
    }
    unit->argv = argv;
    return 0;
}

static int check_env_name(const char *name, struct err *err)
{
    int status = word_check_id("name in env", name, err);
    if (status == 0 && strchr(name, '=') != NULL) {
        char shown[WORD_SHOWN_MAX];
        status = err_set(err, -EINVAL, "name in env \"%s\" holds '='", word_show(name, shown));
    }
    return status;
}

static int read_env(struct unit_reader *reader, json_t *object, struct unit *unit, struct err *err)
{
    size_t count = json_object_size(object);
    struct env_entry *items = NULL;
    if (count > 0 && (items = arena_calloc(reader->arena, count, sizeof *items)) == NULL) {
        return no_memory(err);
    }
    size_t i = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(object, name, value)
    {
        assert(i < count);
        int status = check_env_name(name, err);
        if (status != 0) {
            return status;
        }
        if (!json_is_string(value) && !json_is_null(value)) {
            char shown[WORD_SHOWN_MAX];
            return err_set(
                err, -EINVAL, "env: %s must be a string or null", word_show(name, shown));
        }
        if ((status = share_field(reader, name, &items[i].name, err)) != 0
            || (status = share_field(reader, json_string_value(value), &items[i].value, err))
                   != 0) {
            return status;
        }
        i++;
    }
    unit->env = (struct env_list){items, count};
    return 0;
}

static int refuse_format(const char *word, struct err *err)
{
    const char *known[REPORT_FORMAT_COUNT];
    char list[REPORT_FORMAT_COUNT * 12] = ""; /* words of up to 8 letters and ", " */
    size_t used = 0;
    for (size_t i = 0; i < REPORT_FORMAT_COUNT; i++) {
        known[i] = report_format_name((enum report_format)i);
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", known[i]);
        assert(used < sizeof list);
    }
    const char *near = text_nearest(word, known, REPORT_FORMAT_COUNT);
    char shown[WORD_SHOWN_MAX];
    return err_set(err,
                   -EINVAL,
                   "report: unknown format \"%s\", known are %s%s%s%s",
                   word_show(word, shown),
                   list,
                   near != NULL ? "; did you mean \"" : "",
                   near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

static int read_report(struct unit_reader *reader,
                       json_t *object,
                       struct unit *unit,
                       struct err *err)
{
    if (object == NULL) {
        return 0;
    }
    const char *word = NULL;
    const char *path = NULL;
    const struct json_field table[] = {
        {"format", JSON_FIELD_STRING, true,  &word},
        {"path",   JSON_FIELD_STRING, false, &path},
    };
    if (json_read_object(object, table, sizeof table / sizeof table[0], err) != 0) {
        return err_wrap(err, "report");
    }
    int format = report_format_parse(word);
    if (format < 0) {
        return refuse_format(word, err);
    }
    unit->report = (enum report_format)format;
    int status = path != NULL ? word_check_path("path of report", path, err) : 0;
    return status != 0 ? status : share_field(reader, path, &unit->report_path, err);
}

static int read_timeout(const char *text, struct unit *unit, struct err *err)
{
    if (text == NULL) {
        return 0;
    }
    int64_t ms = 0;
    if (duration_parse(text, &ms, err) != 0) {
        return err_wrap(err, "timeout");
    }
    if (ms == 0) {
        return err_set(err, -EINVAL, "timeout must be more than 0");
    }
    unit->timeout_ms = ms;
    return 0;
}

static int check_range(const char *name, int64_t value, int64_t max, struct err *err)
{
    if (value >= 0 && value <= max) {
        return 0;
    }
    return err_set(err,
                   -EINVAL,
                   "%s is %lld, but must be from 0 to %lld",
                   name,
                   (long long)value,
                   (long long)max);
}

static int read_numbers(const struct fields *f, struct unit *unit, struct err *err)
{
    int status = 0;
    if ((status = check_range("cost_ms", f->cost_ms, DURATION_MAX_MS, err)) != 0
        || (status = check_range("slots", f->slots, UINT32_MAX, err)) != 0
        || (status = check_range("line", f->line, UINT32_MAX, err)) != 0) {
        return status;
    }
    unit->cost_ms = f->cost_ms;
    unit->slots = (uint32_t)f->slots;
    unit->line = (uint32_t)f->line;
    return read_timeout(f->timeout, unit, err);
}

static int read_places(struct unit_reader *reader,
                       const struct fields *f,
                       struct unit *unit,
                       struct err *err)
{
    int status = 0;
    if (f->cwd != NULL && strcmp(f->cwd, ".") != 0) {
        status = word_check_path("cwd", f->cwd, err);
    }
    if (status == 0 && f->file != NULL) {
        status = word_check_path("file", f->file, err);
    }
    if (status != 0 || (status = share_field(reader, f->cwd, &unit->cwd, err)) != 0) {
        return status;
    }
    return share_field(reader, f->file, &unit->file, err);
}

/* Fields that exclude each other. */
static int check_sense(const struct fields *f, struct err *err)
{
    if (f->expands && (f->report != NULL || f->skip != NULL)) {
        return err_set(err,
                       -EINVAL,
                       "\"expands\" cannot stand beside \"report\" or \"skip\": the output of "
                       "such a unit is further units");
    }
    if (f->expands && json_array_size(f->needs) > 0) {
        return err_set(err,
                       -EINVAL,
                       "\"expands\" cannot stand beside \"needs\": such a unit runs before the "
                       "others are known");
    }
    if (f->expands && (json_array_size(f->artifacts) > 0 || f->memo != NULL)) {
        return err_set(
            err,
            -EINVAL,
            "\"expands\" cannot stand beside \"artifacts\" or \"memo\": what such a unit leaves is "
            "further units");
    }
    if (f->skip != NULL && f->skip[0] == '\0') {
        return err_set(err, -EINVAL, "skip is empty: it is the reason shown to people");
    }
    if (f->line != 0 && f->file == NULL) {
        return err_set(err, -EINVAL, "\"line\" says nothing without \"file\"");
    }
    return 0;
}

/* A list of words, most of which return in other units: the ids and paths of a build. */
static int read_shared_list(struct unit_reader *reader,
                            const char *what,
                            json_t *list,
                            int (*check)(const char *what, const char *word, struct err *err),
                            struct text_list *ret_list,
                            struct err *err)
{
    size_t count = json_array_size(list);
    if (count == 0) {
        return 0;
    }
    const char **items = arena_calloc(reader->arena, count + 1, sizeof *items);
    if (items == NULL) {
        return no_memory(err);
    }
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item)) {
            return err_set(err, -EINVAL, "%s: item %zu must be a string", what, i + 1);
        }
        int status = check(what, json_string_value(item), err);
        if (status != 0) {
            return status;
        }
        items[i] = intern(reader, json_string_value(item));
        if (items[i] == NULL) {
            return no_memory(err);
        }
    }
    *ret_list = (struct text_list){items, count};
    return 0;
}

static int check_pattern(const char *what, const char *path, struct err *err)
{
    int status = word_check_path(what, path, err);
    return status != 0 ? status : word_check_id(what, path, err);
}

static int read_memo(struct unit_reader *reader,
                     const char *path,
                     struct unit_links *links,
                     struct err *err)
{
    if (path == NULL) {
        return 0;
    }
    int status = check_pattern("memo", path, err);
    if (status == 0 && glob_has_magic(path)) {
        char shown[WORD_SHOWN_MAX];
        status =
            err_set(err, -EINVAL, "memo \"%s\" is one file, not a pattern", word_show(path, shown));
    }
    return status == 0 ? share_field(reader, path, &links->memo, err) : status;
}

static int read_links(struct unit_reader *reader,
                      const struct fields *f,
                      struct unit *unit,
                      struct err *err)
{
    if (json_array_size(f->needs) + json_array_size(f->outputs) + json_array_size(f->artifacts) == 0
        && f->memo == NULL) {
        return 0;
    }
    struct unit_links *links = arena_alloc(reader->arena, sizeof *links);
    if (links == NULL) {
        return no_memory(err);
    }
    unit->links = links;

    const struct {
        const char *what;
        json_t *list;
        int (*check)(const char *what, const char *word, struct err *err);
        struct text_list *ret_list;
    } lists[] = {
        {"need",     f->needs,     word_check_id, &links->needs    },
        {"output",   f->outputs,   check_pattern, &links->outputs  },
        {"artifact", f->artifacts, check_pattern, &links->artifacts},
    };

    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof lists / sizeof lists[0]; i++) {
        status = read_shared_list(
            reader, lists[i].what, lists[i].list, lists[i].check, lists[i].ret_list, err);
    }
    return status == 0 ? read_memo(reader, f->memo, links, err) : status;
}

/* The id of two units: says where the first one stands. */
static int refuse_twice(const struct unit_reader *reader, const char *id, struct err *err)
{
    uintptr_t first = 0;
    (void)map_get(&reader->ids, id, &first);
    char shown[WORD_SHOWN_MAX];
    return err_set(err,
                   -EEXIST,
                   "the id \"%s\" was given to the unit of line %zu already; ids name units in "
                   "reports and history, each once",
                   word_show(id, shown),
                   (size_t)first);
}

/* Notes the id; a second unit with the same one is refused. */
static int take_id(
    struct unit_reader *reader, const char *id, size_t line, struct unit *unit, struct err *err)
{
    int status = word_check_id("id", id, err);
    if (status != 0 || (status = share_field(reader, id, &unit->id, err)) != 0) {
        return status;
    }
    status = map_add(&reader->ids, unit->id, line);
    if (status == 1) {
        return refuse_twice(reader, id, err);
    }
    return status < 0 ? no_memory(err) : 0;
}

static int read_unit(
    struct unit_reader *reader, json_t *object, size_t line, struct unit *ret_unit, struct err *err)
{
    struct fields f = {0};
    struct unit unit = {.layer = reader->layer};
    int status = read_fields(object, &f, err);
    if (status != 0 || (status = check_sense(&f, err)) != 0
        || (status = take_id(reader, f.id, line, &unit, err)) != 0
        || (status = read_argv(reader, f.argv, &unit, err)) != 0
        || (status = read_env(reader, f.env, &unit, err)) != 0
        || (status = read_report(reader, f.report, &unit, err)) != 0
        || (status = read_numbers(&f, &unit, err)) != 0
        || (status = read_places(reader, &f, &unit, err)) != 0
        || (status = share_field(reader, f.skip, &unit.skip, err)) != 0
        || (status = read_links(reader, &f, &unit, err)) != 0
        || (status =
                word_read_list("lock", f.locks, word_check_id, reader->arena, &unit.locks, err))
               != 0
        || (status =
                word_read_list("label", f.labels, word_check_id, reader->arena, &unit.labels, err))
               != 0) {
        return status;
    }
    unit.expands = f.expands;
    *ret_unit = unit;
    return 0;
}

static int share_argv(struct unit_reader *reader, struct unit *unit, struct err *err)
{
    const struct plain_line *plain = &reader->plain;
    const char **argv = arena_calloc(reader->arena, plain->argc + 1, sizeof *argv);
    for (size_t i = 0; argv != NULL && i < plain->argc; i++) {
        argv[i] = share(reader, plain->argv[i]);
        if (argv[i] == NULL) {
            return no_memory(err);
        }
    }
    unit->argv = argv;
    return argv != NULL ? 0 : no_memory(err);
}

/* As read_unit(), of a plain line. */
static int read_plain(struct unit_reader *reader,
                      size_t line,
                      struct unit *ret_unit,
                      struct err *err)
{
    const struct plain_line *plain = &reader->plain;
    const struct fields f = {
        .id = plain->id,
        .cwd = plain->cwd,
        .timeout = plain->timeout,
        .file = plain->file,
        .skip = plain->skip,
        .cost_ms = plain->cost_ms,
        .slots = plain->slots,
        .line = plain->line,
    };
    struct unit unit = {.layer = reader->layer};
    int status = 0;
    if ((status = check_sense(&f, err)) != 0
        || (status = take_id(reader, f.id, line, &unit, err)) != 0
        || (status = share_argv(reader, &unit, err)) != 0
        || (status = read_numbers(&f, &unit, err)) != 0
        || (status = read_places(reader, &f, &unit, err)) != 0
        || (status = share_field(reader, f.skip, &unit.skip, err)) != 0) {
        return status;
    }
    *ret_unit = unit;
    return 0;
}

static int read_any(struct unit_reader *reader,
                    const struct line_reader *lines,
                    const char *line,
                    size_t len,
                    struct unit *ret_unit,
                    struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    if (plain_line_read(line, len, &reader->plain)) {
        return read_plain(reader, lines->line, ret_unit, err);
    }
    int status = json_parse(line, len, &object, err);
    return status == 0 ? read_unit(reader, object, lines->line, ret_unit, err) : status;
}

/* One line of the plan: its number stands in front of every complaint. */
static int read_line(struct unit_reader *reader,
                     const struct line_reader *lines,
                     const char *line,
                     size_t len,
                     struct unit *ret_unit,
                     struct err *err)
{
    int status = 0;
    if (lines->line > UNITS_MAX) {
        status = err_set(err, -EFBIG, "more than %u units, the most a run can hold", UNITS_MAX);
    } else if (len == 0) {
        status = err_set(err, -EINVAL, "is empty; print one JSON object a line, nothing else");
    } else {
        status = read_any(reader, lines, line, len, ret_unit, err);
    }
    return status == 0 ? 0 : err_wrap(err, "line %zu", lines->line);
}

/* Reads on to the end. `each` stopping the walk is told from an error by *ret_stopped. */
static int read_lines(struct unit_reader *reader,
                      struct line_reader *lines,
                      int (*each)(void *context, const struct unit *unit),
                      void *context,
                      bool *ret_stopped,
                      struct err *err)
{
    const char *line = NULL;
    size_t len = 0;
    int more = 0;
    while ((more = lines_next(lines, &line, &len, err)) > 0) {
        struct unit unit = {0};
        int status = read_line(reader, lines, line, len, &unit, err);
        if (status != 0) {
            return status;
        }
        status = each(context, &unit);
        if (status != 0) {
            *ret_stopped = true;
            return status;
        }
    }
    if (more == 0 && lines->line == 0) {
        return err_set(err,
                       -ENODATA,
                       "gave no unit, and a layer without units proves nothing; check the "
                       "settings under `with:`");
    }
    return more;
}

// NOLINTNEXTLINE(readability-function-size): the header's contract, one parameter a need
int plugin_read_units(const struct plugin_description *description,
                      uint32_t layer_index,
                      const struct file_part *answer,
                      struct arena *arena,
                      int (*each)(void *context, const struct unit *unit),
                      void *context,
                      struct err *err)
{
    CLEANUP(map_cleanup) struct unit_reader reader = {.arena = arena, .layer = layer_index};
    CLEANUP(lines_close) struct line_reader lines = {.fd = -1};
    bool stopped = false;
    int status = lines_open(&lines, answer, PLUGIN_PLAN_MAX, err);
    if (status == 0) {
        status = read_lines(&reader, &lines, each, context, &stopped, err);
    }
    if (status == 0 || stopped) {
        return status;
    }
    return err_wrap(err, "%s plan", description->name);
}
