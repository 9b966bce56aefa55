/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `select`: what it is asked, and what may be believed of its answer. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "plugin/lines.h"
#include "plugin/plugin.h"
#include "plugin/words.h"

#include <errno.h>
#include <string.h>

/* ---- the question ---- */

static void write_changed(struct json_writer *w, const struct str *changed)
{
    jw_key(w, "changed");
    if (changed == NULL) {
        jw_null(w);
        return;
    }
    jw_array(w);
    const char *end = str_text(changed) + changed->len;
    for (const char *name = str_text(changed); name < end; name += strlen(name) + 1) {
        jw_string(w, name);
    }
    jw_end_array(w);
}

int plugin_select_header(const struct layer *layer,
                         const char *root,
                         const struct plugin_select_facts *facts,
                         struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_int(&w, "protocol", PLUGIN_PROTOCOL);
    jw_put_string(&w, "layer", layer->id);
    jw_put_string(&w, "root", root);
    jw_key(&w, "with");
    jw_raw(&w, layer->with != NULL ? layer->with : "{}");
    jw_put_int(&w, "seed", (int64_t)(facts->seed & INT64_MAX));
    jw_key(&w, "budget_ms");
    if (facts->budget_ms > 0) {
        jw_int(&w, facts->budget_ms);
    } else {
        jw_null(&w);
    }
    write_changed(&w, facts->changed);
    jw_key(&w, "diff");
    jw_raw(&w, facts->diff != NULL ? facts->diff : "null");
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

int plugin_select_unit(const struct unit *unit, const char *last, int64_t last_ms, struct str *out)
{
    struct json_writer w;
    jw_begin(&w, out);
    jw_object(&w);
    jw_put_string(&w, "unit", unit->id);
    jw_put_string(&w, "file", unit->file);
    if (unit->line != 0) {
        jw_put_int(&w, "line", unit->line);
    }
    if (unit->labels.count > 0) {
        jw_key(&w, "labels");
        jw_array(&w);
        for (size_t i = 0; i < unit->labels.count; i++) {
            jw_string(&w, unit->labels.items[i]);
        }
        jw_end_array(&w);
    }
    if (unit->cost_ms > 0) {
        jw_put_int(&w, "cost_ms", unit->cost_ms);
    }
    if (last != NULL) {
        jw_put_string(&w, "last", last);
        jw_put_int(&w, "last_ms", last_ms);
    }
    jw_end_object(&w);
    return str_append_char(out, '\n');
}

/* ---- the answer ---- */

struct selection_reader {
    const struct map *positions;
    bool *taken;
    uint32_t *order;
    size_t count;
};

static int take_unit(struct selection_reader *reader, const char *id, struct err *err)
{
    uintptr_t position = 0;
    char shown[WORD_SHOWN_MAX];
    if (map_get(reader->positions, id, &position) != 1) {
        return err_set(err,
                       -ENOENT,
                       "there is no unit \"%s\" to select; answer with ids from the input",
                       word_show(id, shown));
    }
    if (reader->taken[position]) {
        return err_set(err, -EEXIST, "selects unit \"%s\" a second time", word_show(id, shown));
    }
    reader->taken[position] = true;
    reader->order[reader->count++] = (uint32_t)position;
    return 0;
}

static int read_line(struct selection_reader *reader, const char *line, size_t len, struct err *err)
{
    CLEANUP(json_cleanup) json_t *object = NULL;
    const char *id = NULL;
    const struct json_field table[] = {
        {"unit", JSON_FIELD_STRING, true, &id},
    };
    if (len == 0) {
        return err_set(err, -EINVAL, "is empty; print one JSON object a line, nothing else");
    }
    int status = json_parse(line, len, &object, err);
    status = status == 0 ? json_read_object(object, table, 1, err) : status;
    return status == 0 ? take_unit(reader, id, err) : status;
}

static int read_lines(struct selection_reader *reader, struct line_reader *lines, struct err *err)
{
    const char *line = NULL;
    size_t len = 0;
    int more = 0;
    while ((more = lines_next(lines, &line, &len, err)) > 0) {
        if (read_line(reader, line, len, err) != 0) {
            return err_wrap(err, "line %zu", lines->line);
        }
    }
    if (more == 0 && reader->count == 0) {
        return err_set(err,
                       -ENODATA,
                       "selected no unit, and a layer of which nothing runs proves nothing; answer "
                       "with at least one, or leave the layer out (`when: manual`)");
    }
    return more;
}

int plugin_read_selection(const struct plugin_description *description,
                          const struct file_part *answer,
                          const struct map *positions,
                          struct arena *arena,
                          struct plugin_selection *ret_selection,
                          struct err *err)
{
    CLEANUP(lines_close) struct line_reader lines = {.fd = -1};
    struct selection_reader reader = {
        .positions = positions,
        .taken = arena_calloc(arena, positions->count, sizeof(bool)),
        .order = arena_calloc(arena, positions->count, sizeof(uint32_t)),
    };
    if (reader.taken == NULL || reader.order == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a selection");
    }
    int status = lines_open(&lines, answer, PLUGIN_SELECT_MAX, err);
    status = status == 0 ? read_lines(&reader, &lines, err) : status;
    if (status != 0) {
        return err_wrap(err, "%s select", description->name);
    }
    *ret_selection = (struct plugin_selection){
        .order = reader.order, .count = reader.count, .taken = reader.taken};
    return 0;
}
