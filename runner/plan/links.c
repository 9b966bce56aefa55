/* SPDX-License-Identifier: Apache-2.0 */
/* Units that need each other, inside one layer.
 *
 * While a layer is planned its units stand in a chain; plan_layer_link() turns the ids in
 * unit.links into indices once: each unit counts the needs that have not passed, each need has a
 * chain of the units that wait for it. A unit with unmet needs is in no heap, so it costs nothing
 * until the last of them has passed; then its lane (order.c) is put up.
 *
 * A need that ends without passing is passed on as *blame*: who needs it is queued to be told as
 * skipped, and who needs that one in turn, when it has been told. */
#include "base/limits.h"
#include "base/mem.h"
#include "plan/plan_impl.h"

#include <assert.h>
#include <errno.h>

/* Units of a circle that are named. */
#define CIRCLE_SHOWN_MAX 8

/* Ids of a layer while it is linked. */
struct linking {
    struct plan *plan;
    struct plan_layer *layer;
    struct map places; /* id -> index * 2, or place among the left ones * 2 + 1 */
    struct err *err;
};

static int out_of_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "not enough memory for the plan");
}

static struct text_list needs_of(const struct unit *unit)
{
    static const struct text_list none = {0};

    return unit->links != NULL ? unit->links->needs : none;
}

bool plan_link_waits(const struct plan *plan, uint32_t unit)
{
    return unit < plan->links.count && plan->links.items[unit].unmet > 0;
}

/* ---- linking ---- */

static int note_places(struct linking *linking)
{
    const struct plan_unit *units = linking->plan->units.items;

    for (uint32_t i = linking->layer->first_unit; i != NONE; i = units[i].next) {
        if (map_put(&linking->places, units[i].unit->id, (uintptr_t)i * 2) < 0) {
            return out_of_memory(linking->err);
        }
    }
    for (size_t i = 0; i < linking->layer->left.count; i++) {
        const struct left_unit *left = &linking->layer->left.items[i];
        if (map_put(&linking->places, left->unit.unit->id, (uintptr_t)i * 2 + 1) < 0) {
            return out_of_memory(linking->err);
        }
    }
    return 0;
}

/* Takes a unit back out of the counts of those that are left out. */
static void uncount_left(struct plan_layer *layer, const struct left_unit *left)
{
    if (left->why == LEFT_BY_PLUGIN) {
        layer->counts.left_out--;
        return;
    }
    if (left->why != LEFT_CARRIED) {
        layer->counts.excluded--;
        layer->by_filter -= left->why == LEFT_BY_FILTER;
        return;
    }
    layer->counts.carried--;
}

/* Selects a unit that was left out; *ret_index is its place in the plan. */
static int take_in(struct linking *linking, size_t place, uint32_t *ret_index)
{
    struct plan *plan = linking->plan;
    struct left_unit *left = &linking->layer->left.items[place];

    if (plan->units.count >= UNITS_MAX) {
        return err_set(linking->err, -E2BIG, "more than %u units", UNITS_MAX);
    }
    if (vec_push(&plan->units, left->unit) != 0
        || map_put(&linking->places, left->unit.unit->id, (uintptr_t)(plan->units.count - 1) * 2)
               < 0) {
        return out_of_memory(linking->err);
    }
    left->selected = true;
    uncount_left(linking->layer, left);
    *ret_index = (uint32_t)(plan->units.count - 1);
    plan_chain_unit(plan, *ret_index);
    return 0;
}

static int find_need(struct linking *linking,
                     const struct unit *unit,
                     const char *need,
                     uintptr_t *ret_place)
{
    if (map_get(&linking->places, need, ret_place) == 1) {
        return 0;
    }
    return err_set(linking->err,
                   -EINVAL,
                   "unit \"%.200s\" needs \"%.200s\", but no unit of this layer has that id (one "
                   "that expands can be needed when it has outputs)",
                   unit->id,
                   need);
}

/* A unit that was left undone because of another one has proven nothing: it is not carried. */
static int take_in_undone(struct linking *linking)
{
    uint32_t index = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < linking->layer->left.count; i++) {
        const struct left_unit *left = &linking->layer->left.items[i];
        if (left->why == LEFT_CARRIED && left->last == OUTCOME_SKIPPED
            && needs_of(left->unit.unit).count > 0) {
            rc = take_in(linking, i, &index);
        }
    }
    return rc;
}

/* Selects what one selected unit needs. */
static int take_in_needs(struct linking *linking, const struct unit *unit)
{
    const struct text_list needs = needs_of(unit);
    uint32_t index = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < needs.count; i++) {
        uintptr_t place = 0;
        rc = find_need(linking, unit, needs.items[i], &place);
        if (rc == 0 && place % 2 == 1) {
            rc = take_in(linking, place / 2, &index);
        }
    }
    return rc;
}

/* The chain grows while it is walked, so this ends with the closure. */
static int close_selection(struct linking *linking)
{
    int rc = take_in_undone(linking);

    for (uint32_t i = linking->layer->first_unit; rc == 0 && i != NONE;
         i = linking->plan->units.items[i].next) {
        rc = take_in_needs(linking, linking->plan->units.items[i].unit);
    }
    return rc;
}

static int check_needs(struct linking *linking, const struct unit *unit)
{
    const struct text_list needs = needs_of(unit);
    uintptr_t place = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < needs.count; i++) {
        rc = find_need(linking, unit, needs.items[i], &place);
    }
    return rc;
}

/* The plan is wrong whatever is selected of it. */
static int check_left(struct linking *linking)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < linking->layer->left.count; i++) {
        const struct left_unit *left = &linking->layer->left.items[i];
        rc = left->selected ? 0 : check_needs(linking, left->unit.unit);
    }
    return rc;
}

static int tie(struct plan *plan, uint32_t unit, uint32_t need)
{
    struct unit_link *links = plan->links.items;
    const struct dependant dependant = {.unit = unit, .next = links[need].dependants};

    if (vec_push(&plan->dependants, dependant) != 0) {
        return -ENOMEM;
    }
    links[need].dependants = (uint32_t)(plan->dependants.count - 1);
    links[unit].unmet++;
    return 0;
}

static int tie_unit(struct linking *linking, uint32_t unit)
{
    struct plan *plan = linking->plan;
    const struct text_list needs = needs_of(plan->units.items[unit].unit);
    int rc = 0;

    for (size_t n = 0; rc == 0 && n < needs.count; n++) {
        uintptr_t place = 0;
        (void)map_get(&linking->places, needs.items[n], &place);
        uint32_t need = (uint32_t)(place / 2);
        rc = plan->units.items[need].state == UNIT_PASSED ? 0 : tie(plan, unit, need);
    }
    return rc == 0 ? 0 : out_of_memory(linking->err);
}

static int tie_all(struct linking *linking)
{
    struct plan *plan = linking->plan;
    const struct unit_link unlinked = {.dependants = NONE, .blame = NONE, .next = NONE};
    int rc = 0;

    while (plan->links.count < plan->units.count) {
        if (vec_push(&plan->links, unlinked) != 0) {
            return out_of_memory(linking->err);
        }
    }
    for (uint32_t i = linking->layer->first_unit; rc == 0 && i != NONE;
         i = plan->units.items[i].next) {
        rc = tie_unit(linking, i);
    }
    return rc;
}

/* ---- circles ---- */

/* Of a unit with unmet needs in `left`: one need that has some, too. */
static uint32_t open_need(struct linking *linking, const uint32_t *left, uint32_t unit)
{
    const struct text_list needs = needs_of(linking->plan->units.items[unit].unit);
    uintptr_t place = 0;

    for (size_t n = 0; n < needs.count; n++) {
        (void)map_get(&linking->places, needs.items[n], &place);
        if (left[place / 2] > 0) {
            break;
        }
    }
    return (uint32_t)(place / 2);
}

/* Names a circle. From any unit that waits, its needs lead into one; after as many steps as there
 * are units we are inside. */
static int refuse_circle(struct linking *linking, const uint32_t *left, uint32_t unit)
{
    const struct plan_unit *units = linking->plan->units.items;
    struct str *text = &linking->plan->scratch_text;

    for (size_t i = 0; i < linking->layer->counts.selected; i++) {
        unit = open_need(linking, left, unit);
    }
    str_clear(text);
    uint32_t at = unit;
    size_t shown = 0;
    do {
        at = open_need(linking, left, at);
        shown++;
        if (shown <= CIRCLE_SHOWN_MAX) {
            (void)str_appendf(
                text, "%s \"%.80s\"", shown > 1 ? ", which needs" : "", units[at].unit->id);
        }
    } while (at != unit);
    return err_set(linking->err,
                   -EINVAL,
                   "units need each other in a circle: \"%.80s\" needs%s%s",
                   units[unit].unit->id,
                   str_text(text),
                   shown > CIRCLE_SHOWN_MAX ? ", and so on" : "");
}

/* One unit passes in thought: appends those that need no other any more. */
static size_t pass_one(
    const struct plan *plan, uint32_t unit, uint32_t *left, uint32_t *todo, size_t end)
{
    uint32_t d = plan->links.items[unit].dependants;

    for (; d != NONE; d = plan->dependants.items[d].next) {
        uint32_t dependant = plan->dependants.items[d].unit;
        if (--left[dependant] == 0) {
            todo[end++] = dependant;
        }
    }
    return end;
}

/* Lets all units pass that can; how many. `left` counts what each still needs. */
static size_t let_pass(const struct linking *linking, uint32_t *left, uint32_t *todo)
{
    const struct plan *plan = linking->plan;
    size_t end = 0;

    for (uint32_t i = linking->layer->first_unit; i != NONE; i = plan->units.items[i].next) {
        left[i] = plan->links.items[i].unmet;
        if (left[i] == 0) {
            todo[end++] = i;
        }
    }
    for (size_t at = 0; at < end; at++) {
        end = pass_one(plan, todo[at], left, todo, end);
    }
    return end;
}

static int check_circles(struct linking *linking)
{
    const struct plan *plan = linking->plan;
    uint32_t *left = mem_calloc(plan->units.count, sizeof *left);
    uint32_t *todo = mem_calloc(plan->units.count, sizeof *todo);
    int rc = 0;

    if (left == NULL || todo == NULL) {
        rc = out_of_memory(linking->err);
    } else if (let_pass(linking, left, todo) < linking->layer->counts.selected) {
        uint32_t i = linking->layer->first_unit;
        while (left[i] == 0) {
            i = plan->units.items[i].next;
        }
        rc = refuse_circle(linking, left, i);
    }
    mem_free(left);
    mem_free(todo);
    return rc;
}

/* ---- blame ---- */

static void blame(struct plan *plan, uint32_t unit, uint32_t culprit)
{
    struct unit_link *link = &plan->links.items[unit];

    if (link->blame != NONE) {
        return;
    }
    link->blame = culprit;
    if (plan->blamed_first == NONE) {
        plan->blamed_first = unit;
    } else {
        plan->links.items[plan->blamed_last].next = unit;
    }
    plan->blamed_last = unit;
}

uint32_t plan_link_next_blamed(struct plan *plan, const char **ret_reason)
{
    uint32_t unit = plan->blamed_first;

    if (unit == NONE) {
        return NONE;
    }
    const struct unit_link *link = &plan->links.items[unit];
    const struct plan_unit *culprit = &plan->units.items[link->blame];
    plan->blamed_first = link->next;
    str_clear(&plan->blame_text);
    (void)str_appendf(&plan->blame_text,
                      "not run: %s, which it needs, %s",
                      culprit->unit->id,
                      culprit->state == UNIT_SKIPPED ? "was skipped" : "did not pass");
    *ret_reason = str_error(&plan->blame_text) == 0 ? str_text(&plan->blame_text)
                                                    : "not run: a unit it needs did not pass";
    return unit;
}

void plan_link_ended(struct plan *plan, uint32_t unit)
{
    if (unit >= plan->links.count) {
        return;
    }
    const struct unit_link *link = &plan->links.items[unit];
    const bool passed = plan->units.items[unit].state == UNIT_PASSED;
    for (uint32_t d = link->dependants; d != NONE; d = plan->dependants.items[d].next) {
        uint32_t dependant = plan->dependants.items[d].unit;
        struct unit_link *other = &plan->links.items[dependant];
        assert(other->unmet > 0);
        if (!passed) {
            blame(plan, dependant, link->blame != NONE ? link->blame : unit);
        } else if (--other->unmet == 0) {
            plan_lane_add(plan, plan->units.items[dependant].lane);
        }
    }
}

/* ---- the door ---- */

/* Those that had not passed when the others got known are to be blamed from the beginning. */
static void blame_ended(struct linking *linking)
{
    const struct plan_unit *units = linking->plan->units.items;

    for (uint32_t i = linking->layer->first_unit; i != NONE; i = units[i].next) {
        if (units[i].state == UNIT_BAD) {
            plan_link_ended(linking->plan, i);
        }
    }
}

int plan_layer_link(struct plan *plan,
                    size_t layer,
                    void (*left_out)(void *context, const struct plan_left *left),
                    void *context,
                    struct err *err)
{
    struct plan_layer *l = &plan->layers[layer];
    struct linking linking = {.plan = plan, .layer = l, .err = err};
    int rc = 0;

    assert(l->state == LAYER_PLANNING);
    if (l->linked) {
        rc = note_places(&linking);
        rc = rc == 0 ? close_selection(&linking) : rc;
        rc = rc == 0 ? check_left(&linking) : rc;
        rc = rc == 0 ? tie_all(&linking) : rc;
        rc = rc == 0 ? check_circles(&linking) : rc;
        if (rc == 0) {
            blame_ended(&linking);
        }
        map_fini(&linking.places);
    }
    for (size_t i = 0; rc == 0 && left_out != NULL && i < l->left.count; i++) {
        const struct left_unit *left = &l->left.items[i];
        const struct plan_left told = {
            .unit = left->unit.unit,
            .selected = left->selected,
            .by_plugin = left->why == LEFT_BY_PLUGIN,
        };
        left_out(context, &told);
    }
    return rc;
}
