/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that are files: executables, cmocka and TAP programs, bats files. */
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/limits.h"
#include "plugins/sdk/sdk_find.h"
#include "plugins/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is special about each kind of file. */
static const struct file_kind {
    const char *name;
    bool executable;  /* must be; others are passed over */
    const char *tool; /* program that runs the file, with its option; NULL = the file itself */
    const char *option;
    const char *report; /* format on standard output, or in a file for cmocka */
} kinds[] = {
    {"executables", true,  NULL,   NULL,    NULL    },
    {"cmocka",      true,  NULL,   NULL,    "cmocka"},
    {"bats",        false, "bats", "--tap", "tap"   },
    {"tap",         true,  NULL,   NULL,    "tap"   },
};

struct search {
    const struct unit_settings *settings;
    const struct file_kind *kind;
    struct found found;
    struct sdk_ids ids;
};

static void search_fini(struct search *search)
{
    found_fini(&search->found);
    sdk_ids_fini(&search->ids);
}

/* A cmocka program writes XML into a file: standard output belongs to the test. It never writes
 * over a file that is there but prints to standard error instead, so the file must be fresh. All
 * groups of one program go to one file, one root element after the other. */
static int emit_cmocka(struct sdk *sdk, struct sdk_unit unit, const char *path, struct err *err)
{
    char report[64];
    (void)snprintf(report,
                   sizeof report,
                   "sluice-%016llx.cmocka.xml",
                   (unsigned long long)hash_stable64(path));
    const struct sdk_env env[] = {
        {"CMOCKA_MESSAGE_OUTPUT", "xml" },
        {"CMOCKA_XML_FILE",       report},
    };
    unit.env = env;
    unit.env_count = sizeof env / sizeof env[0];
    unit.report_path = report;
    return unit_emit_fresh(sdk, &unit, err);
}

static int emit_file(struct sdk *sdk, struct search *search, const char *path, struct err *err)
{
    const struct file_kind *kind = search->kind;
    const char *dir = search->settings->dir;
    char program[PATH_TEXT_MAX];
    char source[PATH_TEXT_MAX];
    (void)snprintf(program, sizeof program, "./%s", path);
    bool in_root = strcmp(dir, ".") == 0;
    (void)snprintf(source, sizeof source, "%s%s%s", in_root ? "" : dir, in_root ? "" : "/", path);
    char id[SDK_ID_SIZE];
    if (sdk_ids_make(&search->ids, path, id) != 0) {
        return err_set(err, -ENOMEM, "out of memory for ids");
    }
    const char *const by_tool[] = {kind->tool, kind->option, program, NULL};
    const char *const by_itself[] = {program, NULL};
    struct sdk_unit unit = {
        .id = id,
        .argv = kind->tool != NULL ? by_tool : by_itself,
        .cwd = dir,
        .report_format = kind->report,
        .file = kind->executable ? NULL : source, /* a binary is not where the test is written */
    };
    if (kind->report != NULL && strcmp(kind->report, "cmocka") == 0) {
        return emit_cmocka(sdk, unit, path, err);
    }
    if (search->settings->report != NULL) {
        unit.report_format = "junit";
        unit.report_path = search->settings->report;
        return unit_emit_fresh(sdk, &unit, err);
    }
    return sdk_emit_unit(sdk, &unit, err);
}

int unit_plan_files(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    const struct file_kind *kind = kinds;
    while (strcmp(kind->name, settings->discover) != 0) {
        kind++;
    }
    CLEANUP(search_fini) struct search search = {.settings = settings, .kind = kind};
    const char *const patterns[] = {settings->tests, NULL};
    const struct find_query query = {
        .dir = settings->dir, .patterns = patterns, .executable = kind->executable};
    int status = find_files(&query, &search.found, err);
    if (status == 0 && search.found.count == 0) {
        status = find_refuse(&query, &search.found, err);
    }
    for (size_t i = 0; i < search.found.count && status == 0; i++) {
        status = emit_file(sdk, &search, search.found.items[i], err);
    }
    return status;
}
