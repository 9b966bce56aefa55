/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/engine.h"
#include "support/test.h"

static const char *vmstat_path(void)
{
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/vmstat", test_folder());
    return path;
}

/* Written in place, as the kernel's file changes. */
static void put_vmstat(const char *text)
{
    const int fd = open(vmstat_path(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

TEST(a_kill_for_memory_is_seen_once)
{
    struct oom_watch watch;
    put_vmstat("nr_free_pages 7\noom_kill 3\nthp 1\n");
    oom_watch_open(&watch, vmstat_path());
    oom_watch_begin(&watch);
    assert_false(oom_watch_rose(&watch));
    put_vmstat("nr_free_pages 9\noom_kill 4\nthp 1\n");
    assert_true(oom_watch_rose(&watch));
    assert_false(oom_watch_rose(&watch));
    oom_watch_close(&watch);
}

TEST(a_kill_long_before_the_unit_is_not_the_units)
{
    struct oom_watch watch;
    put_vmstat("a 1\noom_kill 3\n");
    oom_watch_open(&watch, vmstat_path());
    put_vmstat("a 1\noom_kill 4\n");
    watch.at_ns -= (int64_t)(OOM_LOOK_MS + 1) * 1000000;
    oom_watch_begin(&watch);
    assert_false(oom_watch_rose(&watch));
    oom_watch_close(&watch);
}

TEST(where_the_number_is_not_known_no_kill_is_told)
{
    static const char *const texts[] = {"", "nr_free_pages 7\n", "a 1\nnot_oom_kill 3\n"};
    struct oom_watch watch;
    oom_watch_open(&watch, "/nonexistent");
    assert_int_equal(watch.fd, -1);
    oom_watch_begin(&watch);
    assert_false(oom_watch_rose(&watch));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put_vmstat(texts[i]);
        oom_watch_open(&watch, vmstat_path());
        put_vmstat("a 1\noom_kill 4\n");
        oom_watch_begin(&watch);
        assert_false(oom_watch_rose(&watch));
        oom_watch_close(&watch);
    }
}

TEST(this_machine_counts_its_kills)
{
    struct oom_watch watch;
    oom_watch_open(&watch, "/proc/vmstat");
    assert_true(watch.fd >= 0);
    oom_watch_close(&watch);
}

TEST(a_kill_that_is_not_the_kernels_is_not_told_as_one)
{
    static struct engine engine;
    static struct result result;
    engine_open(&engine, false);
    engine_shell(&engine, "kill -KILL $$", NULL, &result);
    engine_close(&engine);
    assert_int_equal(result.outcome.signal, 9);
    assert_int_equal(result.outcome.flags & FLAG_OOM, 0);
}
