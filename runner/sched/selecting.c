/* SPDX-License-Identifier: Apache-2.0 */
/* Layers whose plugin selects. Their units wait here until all are known; then the plugin is asked
 * once which of them run, and in which order. Pure by its contract, and never reused: it sees the
 * seed and what has changed. */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sched/sched_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Input is written when this much is waiting. */
#define SELECT_FLUSH_SIZE 65536
/* One line: a unit, or the header with all changed files (100,000 of 200 bytes are 20 MiB). */
#define SELECT_LINE_MAX (64u << 20)
/* Names of changed files. More: they count as not known. */
#define CHANGED_MAX (24u << 20)

bool select_applies(const struct sched *sched, size_t layer)
{
    return sched->options->plugins[layer].selects;
}

int select_hold(struct sched *sched, const struct unit *unit)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
    return vec_push(&sched->layers[unit->layer].held, unit);
}

bool select_begin(struct sched *sched, size_t layer)
{
    struct sched_layer *state = &sched->layers[layer];
    if (state->error != NULL || state->held.count == 0) {
        return false;
    }
    if (chore_add(sched, &(struct chore){.kind = CHORE_SELECT, .layer = layer}) < 0) {
        layer_set_error(sched, layer, "out of memory");
        return false;
    }
    return true;
}

/* ---- the question ---- */

static int flush(int fd, struct str *text)
{
    int rc = str_error(text);
    rc = rc == 0 ? fd_write_all(fd, str_text(text), text->len) : rc;
    str_clear(text);
    return rc;
}

static int write_header(struct sched *sched, size_t layer, struct str *text)
{
    const struct sched_options *options = sched->options;
    CLEANUP(str_fini) struct str changed = STR_INIT(CHANGED_MAX);
    bool known =
        options->changed != NULL
        && options->changed(options->changed_context, sched_layer_of(sched, layer), &changed) == 1
        && str_error(&changed) == 0;
    const struct plugin_select_facts facts = {
        .seed = options->seed,
        .budget_ms = options->budget_ms,
        .changed = known ? &changed : NULL,
        .diff = options->diff,
    };
    return plugin_select_header(sched_layer_of(sched, layer), options->root, &facts, text);
}

static int write_unit(struct sched *sched, const struct unit *unit, struct str *text)
{
    const struct sched_options *options = sched->options;
    struct plan_hint hint = {0};
    if (options->hint != NULL) {
        options->hint(options->hint_context, sched_layer_of(sched, unit->layer), unit->id, &hint);
    }
    return plugin_select_unit(
        unit, hint.known ? outcome_status_name(hint.last) : NULL, hint.duration_ms, text);
}

int select_write_input(struct sched *sched, size_t layer, char *buf, size_t size, struct err *err)
{
    const struct sched_layer *state = &sched->layers[layer];
    CLEANUP(str_fini) struct str text = STR_INIT(SELECT_LINE_MAX);
    (void)snprintf(buf, size, "%s/select-%zu.jsonl", sched->options->run_dir, layer);
    CLEANUP(cleanup_fd) int fd = open(buf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return err_errno(err, "%s", buf);
    }
    int rc = write_header(sched, layer, &text);
    for (size_t i = 0; rc == 0 && i < state->held.count; i++) {
        rc = write_unit(sched, state->held.items[i], &text);
        rc = rc == 0 && text.len >= SELECT_FLUSH_SIZE ? flush(fd, &text) : rc;
    }
    rc = rc == 0 ? flush(fd, &text) : rc;
    return rc < 0 ? err_set(err, rc, "cannot write the input of select to %s", buf) : 0;
}

/* ---- the answer ---- */

/* First what was selected, in that order; then what was not, to be counted and told. */
static int add_selected(struct sched *sched,
                        size_t layer,
                        const struct plugin_selection *selection,
                        struct err *err)
{
    const struct sched_layer *state = &sched->layers[layer];
    const struct plan_hint chosen = {.in_order = true};
    const struct plan_hint left_out = {.in_order = true, .left_out = true};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < selection->count; i++) {
        rc = layer_add_unit(sched, state->held.items[selection->order[i]], &chosen, err);
    }
    for (size_t i = 0; rc == 0 && i < state->held.count; i++) {
        rc = selection->taken[i] ? 0 : layer_add_unit(sched, state->held.items[i], &left_out, err);
    }
    return rc;
}

/* Keys of the map live with the units. */
static int map_positions(const struct sched_layer *state, struct map *ret_positions)
{
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < state->held.count; i++) {
        rc = map_put(ret_positions, state->held.items[i]->id, i);
    }
    return rc < 0 ? rc : 0;
}

static int take_answer(struct sched *sched,
                       const struct chore *chore,
                       const struct outcome *outcome,
                       struct err *err)
{
    const struct plugin_description *plugin = &sched->options->plugins[chore->layer];
    CLEANUP(map_fini) struct map positions = {0};
    struct plugin_selection selection = {0};
    char path[PATH_TEXT_MAX];
    struct file_part answer;
    int rc = layer_check_answer(sched, outcome, plugin->name, "select", PLUGIN_SELECT_MAX, err);
    rc = rc == 0 ? chore_answer(sched, &outcome->out, path, &answer, err) : rc;
    if (rc == 0 && map_positions(&sched->layers[chore->layer], &positions) < 0) {
        rc = err_set(err, -ENOMEM, "out of memory");
    }
    rc = rc == 0 ? plugin_read_selection(plugin, &answer, &positions, sched->arena, &selection, err)
                 : rc;
    /* One that only gives an order has nothing to tell. */
    if (rc == 0 && selection.count < sched->layers[chore->layer].held.count) {
        sched_note(sched,
                   "info",
                   chore->layer,
                   "%s selected %zu of %zu units",
                   plugin->name,
                   selection.count,
                   sched->layers[chore->layer].held.count);
    }
    return rc == 0 ? add_selected(sched, chore->layer, &selection, err) : rc;
}

void layer_select_done(struct sched *sched,
                       const struct chore *chore,
                       const struct outcome *outcome)
{
    struct err err = {0};
    if (outcome->status != OUTCOME_PASSED) {
        layer_set_program_error(sched, chore, "select", outcome);
    } else if (take_answer(sched, chore, outcome, &err) < 0) {
        layer_set_error(sched, chore->layer, err.text);
    }
    vec_fini(&sched->layers[chore->layer].held);
    layer_planned(sched, chore->layer);
}
