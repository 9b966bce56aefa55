/* SPDX-License-Identifier: Apache-2.0 */
/* A small stage for plans: layers by name, units by name, actions as text.
 *
 *     struct story s;
 *     story_begin(&s, "build test");
 *     story_layer(&s, "compile", "build");
 *     story_start(&s);
 *     story_expect(&s, "layer compile");
 *     story_planned(&s, "compile", "a b");
 *     story_expect(&s, "unit compile/a");
 *     story_finish(&s, "compile/a", OUTCOME_PASSED);
 *     ...
 *     story_end(&s);
 */
#ifndef SLUICE_TESTS_PLAN_STORY_H
#define SLUICE_TESTS_PLAN_STORY_H

#include "base/arena.h"
#include "plan/plan.h"

#include "support/test.h"

#define STORY_LAYERS_MAX 64
#define STORY_UNITS_MAX  4096

struct story {
    struct layer layers[STORY_LAYERS_MAX];
    struct text_list stages;
    struct pipeline pipeline;
    struct plan_options options;
    struct filter *filter;
    struct plan *plan;
    struct arena *arena;
    struct plan_hint hint; /* given with the next units */
    struct unit next_unit; /* locks, labels, slots, cost, skip of the next units */
    int added;             /* what plan_add_unit() answered last */

    struct {
        const char *name; /* "layer/unit" while it runs */
        size_t index;
    } running[STORY_UNITS_MAX];

    size_t running_count;
    struct outcome outcome; /* of the last story_finish() */
    char text[512];         /* the last action */
};

/* Stages and all lists are words separated by blanks. */
void story_begin(struct story *s, const char *stages);
/* Adds a layer; its fields can be changed until story_start(). */
struct layer *story_layer(struct story *s, const char *id, const char *stage);
void story_needs(struct story *s, const char *layer, const char *needs);
struct text_list story_words(struct story *s, const char *words);
void story_filter(struct story *s, const char *filter);
void story_start(struct story *s);
void story_end(struct story *s);

/* The next action as text: "layer L", "unit L/U", "unit L/U again 2", "unit L/U reason" when it is
 * not to be run, "judge L", "skip L: reason", "wait", "done". */
const char *story_next(struct story *s);
/* Fails the test unless the next actions are these, separated by '|'. */
void story_expect(struct story *s, const char *actions);

/* Gives units to a layer. story_linked() knows units that need others: "a b app<a,b";
 * story_planned(), too, and says that these are all. */
void story_linked(struct story *s, const char *layer, const char *units);
int story_link(struct story *s, const char *layer, struct err *err);
void story_units(struct story *s, const char *layer, const char *units);
void story_planned(struct story *s, const char *layer, const char *units);

/* A running unit waits for something outside; it need not any more. */
void story_park(struct story *s, const char *unit);
void story_unpark(struct story *s, const char *unit);
/* Ends a running unit. */
void story_finish(struct story *s, const char *unit, enum outcome_status status);
void story_finish_with(struct story *s, const char *unit, struct outcome outcome);
void story_judged(struct story *s, const char *layer, enum verdict_state state);
/* Lets a layer whose "layer L" was just told run one passing unit and open. */
void story_opens(struct story *s, const char *layer);

struct plan_layer_counts story_counts(struct story *s, const char *layer);
size_t story_index(const struct story *s, const char *layer);

#endif
