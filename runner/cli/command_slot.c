/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/say.h"
#include "exec/slot.h"
#include "model/event.h"
#include "reports/read.h"

#include <limits.h>
#include <stdlib.h>

int command_slot(const struct invocation *invocation)
{
    char *end = NULL;
    const char *word = invocation->args.count == 1 ? invocation->args.items[0] : "";
    const long fd = strtol(word, &end, 10);
    if (word[0] == '\0' || *end != '\0' || fd < 0 || fd > INT_MAX) {
        say_problem("`sluice slot FD` is started by `sluice run`; it is of no use by hand");
        return EXIT_USAGE;
    }
    static const struct slot_reports reports = {.prepare = report_prepare, .read = report_read};
    return slot_main((int)fd, &reports);
}
