/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "cli/commands.h"
#include "cli/complaint.h"
#include "cli/declared.h"
#include "cli/exit_words.h"
#include "cli/project.h"
#include "cli/say.h"

#include <string.h>

/* Complaints of one file as JSON; an error text has ERR_TEXT_MAX bytes. */
#define LINT_JSON_MAX (1u << 20)

static int tell_complaints(const struct invocation *invocation,
                           const char *file,
                           const struct err *err)
{
    const int code = (int)exit_code_of_config_error(err->code);
    if (!invocation->json) {
        say_error(err);
        return code;
    }
    CLEANUP(str_fini) struct str text = STR_INIT(LINT_JSON_MAX);
    (void)complaint_write_json(&text, file, err->text);
    const int written = say_answer(&text);
    return written != EXIT_OPEN ? written : code;
}

/* On standard error, also beside JSON: the file is good all the same. */
static void say_warning(void *context, const char *text)
{
    (void)context;
    say_problem("%s", text);
}

static int lint_file(const struct invocation *invocation, const char *file)
{
    struct project project = {0};
    struct err err = {0};
    if (project_open(invocation, file, &project, &err) != 0) {
        const char *name = file != NULL ? file : invocation->pipeline;
        return tell_complaints(invocation, name != NULL ? name : CONFIG_FILE_DEFAULT, &err);
    }
    CLEANUP(str_fini) struct str text = STR_INIT(LINT_JSON_MAX);
    const struct pipeline *pipeline = config_pipeline(project.config);
    if (!invocation->json && !invocation->quiet) {
        (void)str_appendf(&text,
                          "%s: good (%zu layer%s)\n",
                          project.file,
                          pipeline->layer_count,
                          pipeline->layer_count == 1 ? "" : "s");
    }
    declared_tell(&project, say_warning, NULL);
    project_close(&project);
    return say_answer(&text);
}

int command_lint(const struct invocation *invocation)
{
    if (invocation->args.count == 0) {
        return lint_file(invocation, NULL);
    }
    int worst = EXIT_OPEN;
    for (size_t i = 0; i < invocation->args.count; i++) {
        const int code = lint_file(invocation, invocation->args.items[i]);
        worst = code > worst ? code : worst;
    }
    return worst;
}
