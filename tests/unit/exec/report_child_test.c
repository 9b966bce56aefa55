/* SPDX-License-Identifier: Apache-2.0 */
/* Cases pass from the limited child one by one, as they are read. */
#include "exec/report_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/test.h"

/* Enough that neither pipe nor buffers hold them. */
#define MANY_CASES 60000

/* What the reader in the child does when it has told its cases. */
enum {
    ENDS,
    IS_DAMAGED,
    CRASHES,
    LOSES_FILE
};

static int child_then;

static int count_up(enum report_format format,
                    int fd,
                    int (*each)(void *context, const struct test_case *test_case),
                    void *context,
                    struct err *err)
{
    int rc = 0;
    (void)format;
    (void)fd;
    for (int i = 0; i < MANY_CASES && rc == 0; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "case %d", i);
        const struct test_case test_case = {
            .name = name,
            .classname = "a class with a name that is as long as they are",
            .status = i % 1000 == 0 ? OUTCOME_FAILED : OUTCOME_PASSED,
            .flaky = i % 1000 == 1,
            .time_s = i};
        rc = each(context, &test_case);
    }
    if (child_then == CRASHES) {
        abort();
    }
    if (child_then == LOSES_FILE) {
        (void)signal(SIGBUS, SIG_DFL); /* cmocka catches it */
        (void)raise(SIGBUS);
    }
    return rc == 0 && child_then == IS_DAMAGED ? err_set(err, -EBADMSG, "torn in line 7") : rc;
}

static bool is_failed(const struct test_case *test_case)
{
    return test_case->status == OUTCOME_FAILED;
}

struct seen {
    size_t count;
    size_t in_order;
    size_t counted[OUTCOME_STATUS_COUNT];
    size_t flaky;
    size_t stop_at; /* 0 = never */
};

static int see(void *context, const struct test_case *test_case, struct err *err)
{
    struct seen *seen = context;
    char name[32];
    (void)snprintf(name, sizeof name, "case %zu", seen->count);
    seen->in_order +=
        strcmp(name, test_case->name) == 0 && (size_t)test_case->time_s == seen->count ? 1 : 0;
    seen->count++;
    return seen->count == seen->stop_at ? err_set(err, -EPERM, "enough") : 0;
}

static void count(void *context, enum outcome_status status, bool flaky, size_t number)
{
    struct seen *seen = context;
    seen->counted[status] += number;
    seen->flaky += flaky ? number : 0;
}

static int pass(const struct slot_reports *reports, struct seen *seen, struct err *err)
{
    const struct report_sink sink = {see, count, seen};
    int fd = memfd_create("report", MFD_CLOEXEC);
    assert_true(fd >= 0);
    int rc = report_child_pass(reports, REPORT_JUNIT, fd, &sink, err);
    (void)close(fd);
    return rc;
}

TEST(cases_are_passed_on_in_their_order)
{
    const struct slot_reports reports = {.read = count_up};
    struct seen seen = {0};
    struct err err = {0};
    child_then = ENDS;
    assert_int_equal(pass(&reports, &seen, &err), 0);
    assert_int_equal(seen.count, MANY_CASES);
    assert_int_equal(seen.in_order, MANY_CASES);
}

TEST(cases_that_nobody_wants_are_counted)
{
    const struct slot_reports reports = {.read = count_up, .wanted = is_failed};
    struct seen seen = {0};
    struct err err = {0};
    child_then = ENDS;
    assert_int_equal(pass(&reports, &seen, &err), 0);
    assert_int_equal(seen.count, MANY_CASES / 1000);
    assert_int_equal(seen.counted[OUTCOME_PASSED], MANY_CASES - MANY_CASES / 1000);
    assert_int_equal(seen.counted[OUTCOME_FAILED], 0);
    assert_int_equal(seen.flaky, MANY_CASES / 1000);
}

TEST(who_takes_the_cases_may_end_the_reading)
{
    const struct slot_reports reports = {.read = count_up};
    struct seen seen = {.stop_at = 10};
    struct err err = {0};
    child_then = ENDS;
    assert_int_equal(pass(&reports, &seen, &err), -EPERM);
    assert_string_equal(err.text, "enough");
    assert_int_equal(seen.count, 10);
}

TEST(cases_beyond_the_limit_are_refused_counted_ones_too)
{
    struct slot_reports reports = {.read = count_up, .cases_max = 100};
    struct seen seen = {0};
    struct err err = {0};
    child_then = ENDS;
    assert_int_equal(pass(&reports, &seen, &err), -EFBIG);
    assert_int_equal(seen.count, 100);
    assert_non_null(strstr(err.text, "more than 100 cases"));
    reports.wanted = is_failed;
    assert_int_equal(pass(&reports, &seen, &err), -EFBIG);
}

TEST(what_ends_the_child_is_told_and_the_cases_before_it_are_there)
{
    const struct slot_reports reports = {.read = count_up};

    static const struct {
        int then;
        const char *words;
    } ends[] = {
        {IS_DAMAGED, "torn in line 7"        },
        {CRASHES,    "crashed"               },
        {LOSES_FILE, "cut short while it was"},
    };

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct seen seen = {0};
        struct err err = {0};
        child_then = ends[i].then;
        assert_int_equal(pass(&reports, &seen, &err), -EBADMSG);
        assert_non_null(strstr(err.text, ends[i].words));
        assert_true(seen.count > MANY_CASES / 2);
        assert_int_equal(seen.in_order, seen.count);
    }
}

/* A reader that tells what it may and cannot do, a case each. */
static int try_limits(enum report_format format,
                      int fd,
                      int (*each)(void *context, const struct test_case *test_case),
                      void *context,
                      struct err *err)
{
    struct rlimit cpu = {0};
    struct rlimit file = {0};
    struct rlimit memory = {0};
    (void)format;
    (void)err;
    (void)getrlimit(RLIMIT_CPU, &cpu);
    (void)getrlimit(RLIMIT_FSIZE, &file);
    (void)getrlimit(RLIMIT_AS, &memory);
    void *much = mmap(NULL,
                      REPORT_MEMORY,
                      PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                      -1,
                      0);

    const struct {
        const char *name;
        bool bounded;
    } facts[] = {
        {"processor time",                                        cpu.rlim_cur == REPORT_CPU_S              },
        {"files",                                                 file.rlim_cur == 0                        },
        {"descriptors",                                           fd == 3 && fcntl(4,                         F_GETFD) >= 0 && fcntl(5, F_GETFD) < 0},
        {"memory",                                           memory.rlim_cur == REPORT_MEMORY && much == MAP_FAILED                                                                                    },
        {"privileges",prctl(PR_GET_DUMPABLE) == 0},
    };

    int rc = 0;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0] && rc == 0; i++) {
        const struct test_case test_case = {
            .name = facts[i].name, .status = facts[i].bounded ? OUTCOME_PASSED : OUTCOME_FAILED};
        rc = each(context, &test_case);
    }
    return rc;
}

/* Sanitizers map terabytes and keep descriptors of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define SANITIZED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define SANITIZED 1
#    endif
#endif
#ifndef SANITIZED
#    define SANITIZED 0
#endif

TEST(the_child_has_little_memory_and_time_and_nothing_of_its_parent)
{
    const struct slot_reports reports = {.read = try_limits};
    struct arena *arena = arena_new((size_t)1 << 20);
    struct case_list cases = {0};
    struct err err = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    assert_int_equal(report_child_read(&reports, REPORT_JUNIT, fd, arena, &cases, &err), 0);
    assert_int_equal(cases.count, 5);
    for (size_t i = 0; i < cases.count; i++) {
        const char *name = cases.items[i].name;
        const bool told =
            SANITIZED && (strcmp(name, "memory") == 0 || strcmp(name, "descriptors") == 0);
        if (!told && cases.items[i].status != OUTCOME_PASSED) {
            fail_msg("the child's %s: not bounded", name);
        }
    }
    arena_free(arena);
    (void)close(fd);
}

TEST(all_cases_at_once_are_those_that_are_passed_on)
{
    const struct slot_reports reports = {.read = count_up};
    struct arena *arena = arena_new((size_t)64 << 20);
    struct case_list cases = {0};
    struct err err = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    child_then = ENDS;
    assert_int_equal(report_child_read(&reports, REPORT_JUNIT, fd, arena, &cases, &err), 0);
    assert_int_equal(cases.count, MANY_CASES);
    assert_string_equal(cases.items[MANY_CASES - 1].name, "case 59999");
    assert_string_equal(cases.items[0].name, "case 0");
    arena_free(arena);
    (void)close(fd);
}

TEST(cases_that_do_not_fit_into_memory_are_an_error)
{
    const struct slot_reports reports = {.read = count_up};
    struct arena *arena = arena_new((size_t)1 << 20);
    struct case_list cases = {0};
    struct err err = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    child_then = ENDS;
    assert_true(report_child_read(&reports, REPORT_JUNIT, fd, arena, &cases, &err) < 0);
    assert_true(err.text[0] != '\0');
    arena_free(arena);
    (void)close(fd);
}
