/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of a filter's postfix program in three-valued logic: about a layer, tests of names,
 * labels and status are neither true nor false yet. */
#include "base/mem.h"
#include "plan/filter_impl.h"

#include <assert.h>
#include <string.h>

enum truth {
    TRUTH_NO,
    TRUTH_UNKNOWN,
    TRUTH_YES,
};

/* Kleene: and is the lesser, or is the greater, not turns round. */
static enum truth combine(enum filter_op op, enum truth a, enum truth b)
{
    bool first = op == OP_AND ? a < b : a > b;

    return first ? a : b;
}

static enum truth truth_of(bool value)
{
    return value ? TRUTH_YES : TRUTH_NO;
}

static bool any_label(const struct matcher *matcher, const struct text_list *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        if (matcher_match(matcher, labels->items[i])) {
            return true;
        }
    }
    return false;
}

/* subject->unit is NULL when the question is about a layer. */
static enum truth test(const struct filter_test *test, const struct filter_subject *subject)
{
    const struct matcher *m = &test->matcher;

    switch (test->field) {
    case FIELD_LAYER:
        return truth_of(matcher_match(m, subject->layer) || matcher_match(m, subject->layer_base));
    case FIELD_STAGE:
        return truth_of(matcher_match(m, subject->stage));
    case FIELD_NAME:
    case FIELD_STATUS:
    case FIELD_LABEL:
        break;
    }
    if (subject->unit == NULL) {
        return TRUTH_UNKNOWN;
    }
    if (test->field == FIELD_NAME) {
        return truth_of(matcher_match(m, subject->unit));
    }
    if (test->field == FIELD_LABEL) {
        return truth_of(any_label(m, &subject->labels));
    }
    return truth_of(matcher_match(m, subject->status)
                    || (subject->flaky && matcher_match(m, "flaky")));
}

static enum truth evaluate(const struct filter *filter, const struct filter_subject *subject)
{
    enum truth values[FILTER_STACK_MAX];
    size_t count = 0;

    for (size_t i = 0; i < filter->steps.count; i++) {
        const struct filter_step *step = &filter->steps.items[i];
        if (step->op == OP_TEST) {
            assert(count < FILTER_STACK_MAX);
            values[count++] = test(&filter->tests.items[step->test], subject);
        } else if (step->op == OP_NOT) {
            assert(count >= 1);
            values[count - 1] = (enum truth)(TRUTH_YES - values[count - 1]);
        } else {
            assert(count >= 2);
            values[count - 2] = combine(step->op, values[count - 2], values[count - 1]);
            count--;
        }
    }
    assert(count == 1);
    return values[0];
}

bool filter_match(const struct filter *filter, const struct filter_subject *subject)
{
    assert(subject->unit != NULL);
    return evaluate(filter, subject) == TRUTH_YES;
}

bool filter_may_match_layer(const struct filter *filter,
                            const char *layer,
                            const char *layer_base,
                            const char *stage)
{
    struct filter_subject subject = {.layer = layer, .layer_base = layer_base, .stage = stage};

    return evaluate(filter, &subject) != TRUTH_NO;
}

bool filter_names_layer(const struct filter *filter, const char *layer, const char *layer_base)
{
    for (size_t i = 0; i < filter->tests.count; i++) {
        const struct filter_test *t = &filter->tests.items[i];
        if (t->field == FIELD_LAYER
            && (matcher_match(&t->matcher, layer) || matcher_match(&t->matcher, layer_base))) {
            return true;
        }
    }
    return false;
}

int filter_error(const struct filter *filter, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < filter->tests.count; i++) {
        rc = matcher_error(&filter->tests.items[i].matcher, err);
    }
    return rc;
}

void filter_free(struct filter *filter)
{
    if (filter == NULL) {
        return;
    }
    struct filter_test *t;
    vec_for_each (t, &filter->tests) {
        matcher_fini(&t->matcher);
    }
    vec_fini(&filter->tests);
    vec_fini(&filter->steps);
    mem_free(filter);
}
