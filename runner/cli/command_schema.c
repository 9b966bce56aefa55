/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/version.h"
#include "config/config.h"
#include "model/event.h"

/* Schema and reference have about 30 KiB each. */
#define SCHEMA_MAX (4u << 20)

int command_schema(const struct invocation *invocation)
{
    CLEANUP(str_fini) struct str text = STR_INIT(SCHEMA_MAX);
    if (invocation->man) {
        (void)config_manual(&text, sluice_date(), sluice_version());
    } else {
        (void)(invocation->reference ? config_reference(&text) : config_schema(&text));
    }
    return say_answer(&text);
}
