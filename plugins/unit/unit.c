/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/unit/unit.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Exit codes of a shell for a command it cannot start. */
#define EXIT_NOT_FOUND    127
#define EXIT_NOT_RUNNABLE 126

static const struct sdk_private_verb verbs[] = {
    {"fresh",  unit_run_fresh },
    {"report", unit_run_report},
    {"cargo",  unit_run_cargo },
    {NULL,     NULL           },
};

const struct sdk_plugin unit_plugin = {
    .name = "unit",
    .write_schema = unit_write_schema,
    .plan = unit_plan,
    .verbs = verbs,
};

int unit_plan_command(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    const char **argv = NULL;
    int status = sdk_command_argv(settings->run, &argv, err);
    if (status != 0) {
        return status;
    }
    const struct sdk_unit unit = {
        .id = "run",
        .argv = argv,
        .cwd = settings->dir,
        .report_format = "junit",
        .report_path = settings->report,
    };
    status = unit_emit_fresh(sdk, &unit, err);
    mem_free(argv);
    return status;
}

int unit_emit_fresh(struct sdk *sdk, const struct sdk_unit *unit, struct err *err)
{
    if (glob_has_magic(unit->report_path)) {
        return sdk_emit_unit(sdk, unit, err);
    }
    size_t count = 0;
    while (unit->argv[count] != NULL) {
        count++;
    }
    const char **argv = mem_calloc(count + 4, sizeof *argv);
    if (argv == NULL) {
        return err_set(err, -ENOMEM, "out of memory for a command");
    }
    argv[0] = sdk->program;
    argv[1] = "fresh";
    argv[2] = unit->report_path;
    memcpy(argv + 3, unit->argv, count * sizeof *argv);
    struct sdk_unit fresh = *unit;
    fresh.argv = argv;
    int status = sdk_emit_unit(sdk, &fresh, err);
    mem_free(argv);
    return status;
}

int unit_remove_report(const char *path)
{
    struct err err = {0};
    if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        (void)err_errno(&err, "cannot remove the old report %s", path);
        (void)fprintf(stderr, "%s\n", err.text);
        return EXIT_NOT_RUNNABLE;
    }
    return 0;
}

int unit_run_fresh(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: fresh REPORT COMMAND...\n");
        return 2;
    }
    struct err err = {0};
    if (unit_remove_report(argv[1]) != 0) {
        return EXIT_NOT_RUNNABLE;
    }
    (void)execvp(argv[2], argv + 2);
    int code = err_errno(&err, "cannot start %s", argv[2]);
    (void)fprintf(stderr, "%s\n", err.text);
    return code == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUNNABLE;
}
