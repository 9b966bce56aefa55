/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/run.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "support/test.h"

static int run_shell(const char *script,
                     struct run_request *request,
                     struct str *out,
                     struct str *errors,
                     struct run_result *result,
                     struct err *err)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    request->argv = argv;
    return run_program(request, out, errors, result, err);
}

TEST(output_errors_and_exit_code_are_collected)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1000);
    CLEANUP(str_fini) struct str errors = STR_INIT(1000);
    struct run_request request = {0};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(
        run_shell("echo one; echo two >&2; exit 3", &request, &out, &errors, &result, &err), 0);
    assert_string_equal(str_text(&out), "one\n");
    assert_string_equal(str_text(&errors), "two\n");
    assert_int_equal(result.exit_code, 3);
    assert_int_equal(result.signal, 0);
}

TEST(input_environment_and_folder_are_passed)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1000);
    const char *env[] = {"WORD=plain", "PATH=/usr/bin:/bin", NULL};
    struct run_request request = {.input = "fed", .input_len = 3, .env = env, .cwd = "/usr"};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(
        run_shell("cat; echo :$WORD:$HOME:$(pwd)", &request, &out, NULL, &result, &err), 0);
    assert_string_equal(str_text(&out), "fed:plain::/usr\n");
}

/* Twice over what its pipe holds: it waits for a reader, and none of it is lost. */
#define MUCH_BYTES 131072u

static int begin_shell(const char *script,
                       struct run_request *request,
                       struct str *out,
                       struct run_child **ret_child)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    request->argv = argv;
    return run_begin(request, out, NULL, ret_child, NULL);
}

static void wait_until_over(struct run_child *child)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!run_is_over(child)) {
        (void)nanosleep(&moment, NULL);
    }
}

TEST(a_program_runs_while_its_caller_does_something_else)
{
    CLEANUP(str_fini) struct str out = STR_INIT((size_t)2 * MUCH_BYTES);
    CLEANUP(str_fini) struct str inner = STR_INIT(1000);
    struct run_request request = {.timeout_ms = 60000};
    struct run_request another = {0};
    struct run_child *child = NULL;
    struct run_result result = {0};
    assert_int_equal(
        begin_shell(
            "head -c 131072 /dev/zero | tr '\\0' x; echo end; exit 3", &request, &out, &child),
        0);
    assert_int_equal(run_shell("echo inner", &another, &inner, NULL, NULL, NULL), 0);
    assert_string_equal(str_text(&inner), "inner\n");
    wait_until_over(child);
    assert_true(run_is_over(child));
    assert_int_equal(run_end(child, &result, NULL), 0);
    assert_int_equal(result.exit_code, 3);
    assert_int_equal(out.len, MUCH_BYTES + 4);
    assert_int_equal(strspn(out.data, "x"), MUCH_BYTES);
}

TEST(the_time_allowed_counts_while_nobody_waits)
{
    struct run_request request = {.timeout_ms = 50};
    struct run_child *child = NULL;
    struct err err = {0};
    assert_int_equal(begin_shell("sleep 30", &request, NULL, &child), 0);
    wait_until_over(child);
    assert_int_equal(run_end(child, NULL, &err), -ETIMEDOUT);
    assert_non_null(strstr(err.text, "50 ms"));
}

TEST(a_program_that_was_begun_may_be_abandoned)
{
    struct run_request request = {0};
    struct run_child *child = NULL;
    const int64_t before = clock_mono_ns();
    run_abandon(NULL);
    assert_int_equal(begin_shell("sleep 30", &request, NULL, &child), 0);
    run_abandon(child);
    assert_int_equal(begin_shell("true", &request, NULL, &child), 0);
    wait_until_over(child);
    run_abandon(child);
    assert_true(clock_mono_ns() - before < 20000000000LL);
}

TEST(a_program_that_does_not_exist_is_named)
{
    const char *argv[] = {"no-such-program-anywhere", NULL};
    struct run_request request = {.argv = argv};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_program(&request, NULL, NULL, &result, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no-such-program-anywhere"));
}

TEST(a_hanging_program_is_killed_with_its_children)
{
    struct run_request request = {.timeout_ms = 100};
    struct run_result result;
    struct err err = {0};
    int64_t before = clock_mono_ns();
    assert_int_equal(run_shell("sleep 30 & sleep 30", &request, NULL, NULL, &result, &err),
                     -ETIMEDOUT);
    assert_true(clock_mono_ns() - before < 5000000000LL);
    assert_non_null(strstr(err.text, "100 ms"));
}

static size_t count_sleeps(const char *mark)
{
    char script[200];
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct run_request request = {.timeout_ms = 10000};
    struct run_result result;
    struct err err = {0};
    (void)snprintf(script, sizeof script, "pgrep -fc '^sleep %s$' || true", mark);
    assert_int_equal(run_shell(script, &request, &out, NULL, &result, &err), 0);
    return (size_t)strtoul(str_text(&out), NULL, 10);
}

/* A plugin's `describe` that starts a daemon left it running, for ever. */
TEST(what_a_contained_program_leaves_behind_ends_with_it)
{
    CLEANUP(str_fini) struct str out = STR_INIT(4096);
    struct run_request request = {.timeout_ms = 10000, .contain = true};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(
        run_shell("setsid sleep 1000.11 >/dev/null 2>&1 & (setsid sh -c 'sleep 1000.11 "
                  "& sleep 1000.11' &) ; sleep 0.1; echo done; exit 3",
                  &request,
                  &out,
                  NULL,
                  &result,
                  &err),
        0);
    assert_int_equal(result.exit_code, 3);
    assert_string_equal(str_text(&out), "done\n");
    assert_int_equal(count_sleeps("1000.11"), 0);
}

TEST(a_contained_program_that_hangs_is_ended_with_its_daemons)
{
    struct run_request request = {.timeout_ms = 200, .contain = true};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_shell("setsid sleep 1000.12 >/dev/null 2>&1 & sleep 1000.12",
                               &request,
                               NULL,
                               NULL,
                               &result,
                               &err),
                     -ETIMEDOUT);
    assert_int_equal(count_sleeps("1000.12"), 0);
}

TEST(a_contained_program_ends_as_it_does_alone)
{
    const char *argv[] = {"no-such-program-anywhere", NULL};
    struct run_request request = {.timeout_ms = 10000, .contain = true};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_shell("kill -SEGV $$", &request, NULL, NULL, &result, &err), 0);
    assert_int_equal(result.signal, SIGSEGV);
    assert_int_equal(run_shell("kill -KILL $$", &request, NULL, NULL, &result, &err), 0);
    assert_int_equal(result.signal, SIGKILL);
    request.argv = argv;
    assert_int_equal(run_program(&request, NULL, NULL, &result, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no-such-program-anywhere"));
}

TEST(a_flood_ends_at_the_limit)
{
    CLEANUP(str_fini) struct str out = STR_INIT(100000);
    struct run_request request = {.timeout_ms = 10000};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_shell("yes", &request, &out, NULL, &result, &err), -EFBIG);
    assert_non_null(strstr(err.text, "100000"));
}

TEST(output_of_just_the_limit_is_no_flood)
{
    CLEANUP(str_fini) struct str out = STR_INIT(5);
    struct run_request request = {.timeout_ms = 10000};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_shell("printf 12345", &request, &out, NULL, &result, &err), 0);
    assert_string_equal(out.data, "12345");
    CLEANUP(str_fini) struct str small = STR_INIT(4);
    assert_int_equal(run_shell("printf 12345", &request, &small, NULL, &result, &err), -EFBIG);
}

TEST(too_few_descriptors_are_an_error_and_no_hang)
{
    CLEANUP(str_fini) struct str out = STR_INIT(100);
    struct run_request request = {0};
    struct run_result result;
    struct rlimit was;
    int rc = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    /* one more descriptor at a time, until it works */
    for (rlim_t files = 3; files < 40; files++) {
        const struct rlimit few = {files, was.rlim_max};
        struct err err = {0};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        rc = run_shell("echo said", &request, &out, NULL, &result, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
        assert_true(rc == 0 || err.text[0] != '\0');
        if (rc == 0) {
            break;
        }
    }
    assert_int_equal(rc, 0);
    assert_non_null(strstr(out.data, "said"));
}

TEST(a_background_process_that_keeps_the_pipe_open_does_not_delay_us)
{
    CLEANUP(str_fini) struct str out = STR_INIT(1000);
    struct run_request request = {0};
    struct run_result result;
    struct err err = {0};
    int64_t before = clock_mono_ns();
    assert_int_equal(run_shell("sleep 3 & echo $!", &request, &out, NULL, &result, &err), 0);
    assert_true(clock_mono_ns() - before < 2000000000LL);
    const long sleeper = strtol(str_text(&out), NULL, 10);
    assert_true(sleeper > 1);
    assert_int_equal(kill((pid_t)sleeper, SIGKILL), 0);
}

TEST(a_signal_is_told_apart_from_an_exit_code)
{
    struct run_request request = {0};
    struct run_result result;
    struct err err = {0};
    assert_int_equal(run_shell("kill -9 $$", &request, NULL, NULL, &result, &err), 0);
    assert_int_equal(result.exit_code, -1);
    assert_int_equal(result.signal, SIGKILL);
}
