/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz: plan */
/* The filter language: whatever is typed is either refused with a message or gives a filter whose
 * three questions agree with each other. */
#include "base/mem.h"
#include "plan/filter.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const labels[] = {"slow", "net", NULL};

static const struct filter_subject subjects[] = {
    {.layer = "unit[asan]",
     .layer_base = "unit",
     .stage = "test",
     .unit = "json/parse (deep) \xc3\xa9",
     .labels = {labels, 2},
     .status = "failed",
     .flaky = true},
    {.layer = "lint",         .layer_base = "lint",      .stage = "check",    .unit = "", .status = "new"},
    {.layer = "unit",
     .layer_base = "unit",
     .stage = "test",
     .unit = "\xff\xfe",
     .status = "passed"                                                                     },
};

static void ask(const struct filter *filter)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        const struct filter_subject *s = &subjects[i];
        bool may = filter_may_match_layer(filter, s->layer, s->layer_base, s->stage);
        bool match = filter_match(filter, s);
        assert(may || !match);
        (void)filter_names_layer(filter, s->layer, s->layer_base);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter *filter = NULL;
    struct err err = {0};
    char *text = mem_strndup((const char *)data, size);

    if (text == NULL) {
        return 0;
    }
    int rc = filter_parse(text, &filter, &err);
    assert((rc == 0) == (filter != NULL));
    assert(rc == 0 || (err.code == rc && err.text[0] != '\0'));
    if (filter != NULL) {
        ask(filter);
    }
    filter_free(filter);
    mem_free(text);
    return 0;
}
