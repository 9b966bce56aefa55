/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/say.h"
#include "cli/version.h"
#include "model/event.h"
#include "plugin/plugin.h"

int command_version(const struct invocation *invocation)
{
    CLEANUP(str_fini) struct str text = STR_INIT(4096);
    if (invocation->json) {
        struct json_writer w;
        jw_begin(&w, &text);
        jw_object(&w);
        jw_put_string(&w, "version", sluice_version());
        jw_put_int(&w, "events", EVENT_VERSION);
        jw_put_int(&w, "plugin_protocol", PLUGIN_PROTOCOL);
        jw_end_object(&w);
        (void)str_append_char(&text, '\n');
    } else {
        (void)str_appendf(&text, "sluice %s\n", sluice_version());
    }
    return say_answer(&text);
}
