/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/plan/support/story.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define ARENA_MAX ((size_t)64 << 20)

struct text_list story_words(struct story *s, const char *words)
{
    const char **items = arena_calloc(s->arena, strlen(words) + 1, sizeof *items);
    size_t count = 0;

    while (*words != '\0') {
        size_t len = strcspn(words, " ");
        if (len != 0) {
            items[count++] = arena_strndup(s->arena, words, len);
        }
        words += len + (words[len] == ' ');
    }
    return (struct text_list){items, count};
}

void story_begin(struct story *s, const char *stages)
{
    (void)mem_fail_from(0); /* a test that failed in between may have left it on */
    memset(s, 0, sizeof *s);
    s->arena = arena_new(ARENA_MAX);
    assert_non_null(s->arena);
    s->stages = story_words(s, stages);
    s->options.slots = 2;
}

size_t story_index(const struct story *s, const char *layer)
{
    for (size_t i = 0; i < s->pipeline.layer_count; i++) {
        if (strcmp(s->layers[i].id, layer) == 0) {
            return i;
        }
    }
    fail_msg("no layer %s in this story", layer);
    return 0;
}

struct layer *story_layer(struct story *s, const char *id, const char *stage)
{
    struct layer *layer = &s->layers[s->pipeline.layer_count++];

    assert_true(s->pipeline.layer_count <= STORY_LAYERS_MAX);
    *layer = (struct layer){.id = id, .name = id, .slots = 1, .shards = 1};
    layer->base_id = arena_strndup(s->arena, id, strcspn(id, "["));
    layer->retry_when = LAYER_RETRY_WHEN_DEFAULT;
    for (layer->stage = 0; layer->stage < s->stages.count; layer->stage++) {
        if (strcmp(s->stages.items[layer->stage], stage) == 0) {
            return layer;
        }
    }
    fail_msg("no stage %s in this story", stage);
    return NULL;
}

void story_needs(struct story *s, const char *layer, const char *needs)
{
    struct layer *l = &s->layers[story_index(s, layer)];
    struct text_list words = story_words(s, needs);
    size_t *indices = arena_calloc(s->arena, words.count, sizeof *indices);

    for (size_t i = 0; i < words.count; i++) {
        indices[i] = story_index(s, words.items[i]);
    }
    l->has_needs = true;
    l->needs = indices;
    l->need_count = words.count;
}

void story_filter(struct story *s, const char *filter)
{
    struct err err = {0};

    if (filter_parse(filter, &s->filter, &err) != 0) {
        fail_msg("%s", err.text);
    }
    s->options.filter = s->filter;
}

void story_start(struct story *s)
{
    struct err err = {0};

    s->pipeline.file = "story.yml";
    s->pipeline.name = "story";
    s->pipeline.stages = s->stages;
    s->pipeline.layers = s->layers;
    if (plan_new(&s->pipeline, &s->options, &s->plan, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

void story_end(struct story *s)
{
    plan_free(s->plan);
    filter_free(s->filter);
    arena_free(s->arena);
}

static void note_running(struct story *s, const struct plan_action *action)
{
    const char *layer = s->layers[action->layer].id;

    assert_true(s->running_count < STORY_UNITS_MAX);
    s->running[s->running_count].name = arena_printf(s->arena, "%s/%s", layer, action->unit->id);
    s->running[s->running_count++].index = action->index;
    (void)snprintf(s->text, sizeof s->text, "unit %s/%s", layer, action->unit->id);
    if (action->reason != NULL) {
        size_t len = strlen(s->text);
        (void)snprintf(s->text + len, sizeof s->text - len, " %s", action->reason);
    }
    if (action->attempt != 1) {
        size_t len = strlen(s->text);
        (void)snprintf(s->text + len, sizeof s->text - len, " again %u", action->attempt);
    }
}

const char *story_next(struct story *s)
{
    struct plan_action action = plan_next(s->plan);
    const char *layer = s->pipeline.layer_count != 0 ? s->layers[action.layer].id : "";

    switch (action.type) {
    case PLAN_WAIT:
        return "wait";
    case PLAN_DONE:
        return "done";
    case PLAN_LAYER:
        (void)snprintf(s->text, sizeof s->text, "layer %s", layer);
        break;
    case PLAN_JUDGE:
        (void)snprintf(s->text, sizeof s->text, "judge %s", layer);
        break;
    case PLAN_SKIP_LAYER:
        (void)snprintf(s->text, sizeof s->text, "skip %s: %s", layer, action.reason);
        break;
    case PLAN_UNIT:
        note_running(s, &action);
        break;
    }
    return s->text;
}

void story_expect(struct story *s, const char *actions)
{
    while (*actions != '\0') {
        size_t len = strcspn(actions, "|");
        const char *expected = arena_strndup(s->arena, actions, len);
        assert_string_equal(story_next(s), expected);
        actions += len + (actions[len] == '|');
    }
}

void story_units(struct story *s, const char *layer, const char *units)
{
    struct text_list ids = story_words(s, units);

    for (size_t i = 0; i < ids.count; i++) {
        struct unit *unit = arena_alloc(s->arena, sizeof *unit);
        *unit = s->next_unit;
        unit->id = ids.items[i];
        unit->layer = (uint32_t)story_index(s, layer);
        s->added = plan_add_unit(s->plan, unit, &s->hint);
        assert_true(s->added >= 0);
    }
}

void story_linked(struct story *s, const char *layer, const char *units)
{
    struct text_list words = story_words(s, units);

    for (size_t i = 0; i < words.count; i++) {
        char *word = arena_strndup(s->arena, words.items[i], strlen(words.items[i]));
        char *sign = strchr(word, '<');
        struct unit_links *links = NULL;
        if (sign != NULL) {
            *sign = '\0';
            for (char *comma = sign + 1; (comma = strchr(comma, ',')) != NULL;) {
                *comma = ' ';
            }
            links = arena_alloc(s->arena, sizeof *links);
            links->needs = story_words(s, sign + 1);
        }
        s->next_unit.links = links;
        story_units(s, layer, word);
    }
    s->next_unit.links = NULL;
}

int story_link(struct story *s, const char *layer, struct err *err)
{
    return plan_layer_link(s->plan, story_index(s, layer), NULL, NULL, err);
}

void story_planned(struct story *s, const char *layer, const char *units)
{
    struct err err = {0};
    story_linked(s, layer, units);
    if (story_link(s, layer, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(plan_layer_planned(s->plan, story_index(s, layer), false), 0);
}

static size_t place_of(const struct story *s, const char *unit)
{
    for (size_t i = 0; i < s->running_count; i++) {
        if (strcmp(s->running[i].name, unit) == 0) {
            return i;
        }
    }
    fail_msg("%s does not run", unit);
    return 0;
}

void story_finish_with(struct story *s, const char *unit, struct outcome outcome)
{
    const size_t at = place_of(s, unit);
    s->outcome = outcome;
    plan_unit_finished(s->plan, s->running[at].index, &s->outcome);
    s->running[at] = s->running[--s->running_count];
}

void story_park(struct story *s, const char *unit)
{
    plan_unit_park(s->plan, s->running[place_of(s, unit)].index);
}

void story_unpark(struct story *s, const char *unit)
{
    const size_t at = place_of(s, unit);
    plan_unit_unpark(s->plan, s->running[at].index);
    s->running[at] = s->running[--s->running_count];
}

void story_finish(struct story *s, const char *unit, enum outcome_status status)
{
    story_finish_with(s, unit, (struct outcome){.status = status});
}

void story_judged(struct story *s, const char *layer, enum verdict_state state)
{
    plan_layer_judged(s->plan, story_index(s, layer), state);
}

void story_opens(struct story *s, const char *layer)
{
    story_planned(s, layer, "only");
    story_expect(s, arena_printf(s->arena, "unit %s/only", layer));
    story_finish(s, arena_printf(s->arena, "%s/only", layer), OUTCOME_PASSED);
    story_expect(s, arena_printf(s->arena, "judge %s", layer));
    story_judged(s, layer, VERDICT_OPEN);
}

struct plan_layer_counts story_counts(struct story *s, const char *layer)
{
    struct plan_layer_counts counts;

    plan_layer_counts(s->plan, story_index(s, layer), &counts);
    return counts;
}
