/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_verbs.h"

#include <string.h>

static const struct report_verb verbs[] = {
    {"read",  command_report_read },
    {"merge", command_report_merge},
};

const struct report_verb *report_verb_find(const struct invocation *invocation)
{
    const char *word = invocation->args.count > 0 ? invocation->args.items[0] : "";
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(word, verbs[i].name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}
