/* SPDX-License-Identifier: Apache-2.0 */
/* CTest is asked for its tests and later runs each by itself: every property of a test (WILL_FAIL,
 * PASS_REGULAR_EXPRESSION, SKIP_RETURN_CODE, REQUIRED_FILES, ENVIRONMENT_MODIFICATION ...) means
 * what it means under plain ctest, because it is plain ctest that applies it. Tests are chosen by
 * number (-I 0,0,0,N,...): names need not be unique, and no pattern has to be escaped. Tests tied
 * by DEPENDS or fixtures are one unit, run in CTest's order; the fixtures that CTest adds by itself
 * are then among the chosen ones already. */
#include "plugins/unit/ctest.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "plugins/unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* CTest's answer: about 1 KiB a test, a quarter of a million tests. Beyond: an error. */
#define ANSWER_MAX (256u << 20)

/* --output-junit came with this version. */
#define CTEST_MAJOR_MIN 3
#define CTEST_MINOR_MIN 21

/* CTest's own limit for a test without TIMEOUT (DART_TESTING_TIMEOUT). */
#define CTEST_TIMEOUT_DEFAULT_S 1500.0

/* Time a unit gets above the TIMEOUTs of its tests: ctest's start, and it ends a test itself and
 * still writes its report. */
#define TIMEOUT_MARGIN_MS 30000

/* The numbers of a unit's tests stand in one word of a command; the kernel takes 128 KiB. */
#define NUMBERS_MAX ((128u << 10) - 1)

/* Words, each once. */
struct word_list {
    VEC_FIELDS(const char *);
};

/* One group of tests, folded into what a unit can say. */
struct group {
    struct str numbers; /* "0,0,0,3,7" */
    struct str name;

    struct word_list labels; /* ended by NULL once finished */
    struct word_list locks;

    double timeout_s;
    double cost_s;
    uint32_t slots;
    size_t count;
    size_t disabled;
    bool has_timeout;
};

static void group_fini(struct group *group)
{
    str_fini(&group->numbers);
    str_fini(&group->name);
    vec_fini(&group->labels);
    vec_fini(&group->locks);
}

/* What all units of one plan share. */
struct ctest_plan {
    struct sdk *sdk;
    const struct unit_settings *settings;
    struct ctest_list list;
    struct sdk_ids ids;
};

static void ctest_plan_fini(struct ctest_plan *plan)
{
    ctest_list_fini(&plan->list);
    sdk_ids_fini(&plan->ids);
}

/* ---- asking ---- */

/* "ctest version 3.25.1": refuses what cannot write JUnit. An unknown form is let pass. */
static int check_version(struct err *err)
{
    static const char *const argv[] = {"ctest", "--version", NULL};
    CLEANUP(str_fini) struct str out = STR_INIT(64u << 10);
    int status = sdk_run(argv, NULL, &out, err);
    if (status != 0) {
        return status;
    }
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): two small numbers; what does not fit is let pass
    if (sscanf(str_text(&out), "ctest version %4u.%4u", &major, &minor) != 2) {
        return 0;
    }
    if (major > CTEST_MAJOR_MIN || (major == CTEST_MAJOR_MIN && minor >= CTEST_MINOR_MIN)) {
        return 0;
    }
    return err_set(err,
                   -ENOTSUP,
                   "ctest %u.%u cannot write JUnit; CMake %d.%d or newer is needed",
                   major,
                   minor,
                   CTEST_MAJOR_MIN,
                   CTEST_MINOR_MIN);
}

/* The file that makes a folder one that CTest knows tests of. */
static int check_folder(const char *dir, struct err *err)
{
    char path[PATH_TEXT_MAX];
    (void)snprintf(path, sizeof path, "%s/CTestTestfile.cmake", dir);
    if (file_exists(path)) {
        return 0;
    }
    return err_set(err,
                   -ENODATA,
                   "dir: there is no %s, so this is no build folder with tests. A build that "
                   "another layer makes is there when that layer is in `needs` and has %s/** in "
                   "`outputs`; enable_testing() must stand in the top CMakeLists.txt",
                   path,
                   dir);
}

static int ask(const struct unit_settings *settings, json_t **ret_answer, struct err *err)
{
    const char *argv[] = {
        "ctest", "--show-only=json-v1", "--test-dir", settings->dir, NULL, NULL, NULL};
    if (settings->config != NULL) {
        argv[4] = "-C";
        argv[5] = settings->config;
    }
    CLEANUP(str_fini) struct str out = STR_INIT(ANSWER_MAX);
    int status = sdk_run(argv, NULL, &out, err);
    if (status != 0) {
        return err_wrap(err, "asking for the tests in %s", settings->dir);
    }
    status = json_parse(str_text(&out), out.len, ret_answer, err);
    return status == 0 ? 0 : err_wrap(err, "the answer of ctest");
}

/* ---- telling ---- */

static bool holds(const struct word_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends the words of a JSON list that are not there yet. */
static int add_words(struct word_list *list, json_t *words)
{
    size_t i = 0;
    json_t *word = NULL;
    json_array_foreach(words, i, word)
    {
        const char *text = json_string_value(word);
        if (text != NULL && text[0] != '\0' && !holds(list, text) && vec_push(list, text) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int add_test(struct group *group, const struct ctest_test *test, size_t number)
{
    if (add_words(&group->labels, test->labels) != 0
        || add_words(&group->locks, test->locks) != 0) {
        return -ENOMEM;
    }
    (void)str_appendf(&group->numbers, "%s%zu", group->count == 0 ? "0,0,0," : ",", number);
    group->has_timeout = group->has_timeout || test->timeout_s > 0;
    group->timeout_s += test->timeout_s > 0 ? test->timeout_s : CTEST_TIMEOUT_DEFAULT_S;
    group->cost_s += test->cost_s;
    group->slots = test->processors > group->slots ? test->processors : group->slots;
    group->slots = test->serial ? SDK_SLOTS_ALL : group->slots;
    group->count++;
    group->disabled += test->disabled ? 1 : 0;
    return str_error(&group->numbers);
}

static int finish_group(struct group *group, const struct ctest_test *first)
{
    (void)str_append(&group->name, first->name);
    if (group->count > 1) {
        (void)str_appendf(&group->name, " +%zu", group->count - 1);
    }
    if (vec_push(&group->labels, NULL) != 0 || vec_push(&group->locks, NULL) != 0) {
        return -ENOMEM;
    }
    return str_error(&group->name);
}

/* Folds the group that begins with test `first`. */
static int gather(const struct ctest_list *list, size_t first, struct group *group, struct err *err)
{
    size_t at = first;
    int status = 0;
    do {
        status = add_test(group, &list->tests[at], at + 1);
        at = list->tests[at].next;
    } while (at != 0 && status == 0);
    if (status == 0) {
        status = finish_group(group, &list->tests[first]);
    }
    if (status == 0) {
        return 0;
    }
    return err_set(err,
                   status,
                   "test \"%.80s\": %s",
                   list->tests[first].name,
                   status == -EFBIG ? "too many tests are tied to it by DEPENDS or fixtures to be "
                                      "started as one"
                                    : "out of memory");
}

/* The part of an absolute path below the root, or NULL. */
static const char *below_root(const char *root, const char *path)
{
    size_t len = strlen(root);
    if (path == NULL || strncmp(path, root, len) != 0 || path[len] != '/') {
        return NULL;
    }
    return path_is_inside(path + len + 1) ? path + len + 1 : NULL;
}

/* A limit in ms that fits what the protocol takes (a year). */
static int64_t to_ms(double seconds)
{
    const double year_s = 366.0 * 24 * 3600 - TIMEOUT_MARGIN_MS / 1000.0;
    return (int64_t)((seconds < year_s ? seconds : year_s) * 1000);
}

static int emit_command(struct ctest_plan *plan,
                        const struct group *group,
                        struct sdk_unit unit,
                        struct err *err)
{
    const char *dir = plan->settings->dir;
    char report[80];
    char report_path[PATH_TEXT_MAX];
    (void)snprintf(report,
                   sizeof report,
                   "Testing/Temporary/sluice-%016llx.xml",
                   (unsigned long long)hash_stable64(str_text(&group->numbers)));
    bool in_root = strcmp(dir, ".") == 0;
    (void)snprintf(
        report_path, sizeof report_path, "%s%s%s", in_root ? "" : dir, in_root ? "" : "/", report);
    const char *argv[] = {
        "ctest",
        "--test-dir",
        dir,
        "-j1",
        "-I",
        str_text(&group->numbers),
        "--no-tests=error",
        "--output-on-failure",
        "--output-junit",
        report, /* taken from the test folder */
        NULL,
        NULL,
        NULL,
    };
    if (plan->settings->config != NULL) {
        argv[10] = "-C";
        argv[11] = plan->settings->config;
    }
    unit.argv = argv;
    unit.cwd = "."; /* dir is below the root, wherever the layer would run */
    unit.report_format = "junit";
    unit.report_path = report_path;
    return unit_emit_fresh(plan->sdk, &unit, err);
}

static int emit_group(struct ctest_plan *plan, size_t first, struct err *err)
{
    const struct ctest_test *test = &plan->list.tests[first];
    CLEANUP(group_fini)
    struct group group = {.numbers = STR_INIT(NUMBERS_MAX), .name = STR_INIT(NUMBERS_MAX)};
    int status = gather(&plan->list, first, &group, err);
    if (status != 0) {
        return status;
    }
    char id[SDK_ID_SIZE];
    if (sdk_ids_make(&plan->ids, str_text(&group.name), id) != 0) {
        return err_set(err, -ENOMEM, "out of memory for ids");
    }
    const char *file = below_root(plan->sdk->root, test->file);
    struct sdk_unit unit = {
        .id = id,
        .timeout_ms = group.has_timeout ? to_ms(group.timeout_s) + TIMEOUT_MARGIN_MS : 0,
        .cost_ms = to_ms(group.cost_s),
        .slots = group.slots,
        .locks = group.locks.items,
        .labels = group.labels.items,
        .file = file,
        .line = file != NULL ? test->line : 0,
        .skip = group.disabled == group.count ? "DISABLED in CTest" : NULL,
    };
    return emit_command(plan, &group, unit, err);
}

int unit_plan_ctest(struct sdk *sdk, const struct unit_settings *settings, struct err *err)
{
    CLEANUP(ctest_plan_fini) struct ctest_plan plan = {.sdk = sdk, .settings = settings};
    CLEANUP(json_cleanup) json_t *answer = NULL;
    int status = 0;
    if ((status = check_folder(settings->dir, err)) != 0 || (status = check_version(err)) != 0
        || (status = ask(settings, &answer, err)) != 0) {
        return status;
    }
    status = ctest_read(answer, &plan.list, err);
    if (status == -ENODATA) {
        return err_set(err,
                       -ENODATA,
                       "ctest finds no test in %s; is BUILD_TESTING on, and does a "
                       "CMakeLists.txt call add_test()?",
                       settings->dir);
    }
    if (status == 0) {
        status = ctest_tie(answer, &plan.list, err);
    }
    for (size_t i = 0; i < plan.list.count && status == 0; i++) {
        if (plan.list.tests[i].group == i) {
            status = emit_group(&plan, i, err);
        }
    }
    return status;
}
