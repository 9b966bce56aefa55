/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state_cache.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

static const struct state_cache_limits small = {.bytes = 100, .files = 3};

static void put(const char *name, size_t size)
{
    char path[400];
    char bytes[256];
    struct err err = {0};
    assert_true(size <= sizeof bytes);
    memset(bytes, 'x', sizeof bytes);
    (void)snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    if (file_write_atomic(path, bytes, size, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static bool there(const char *name)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return file_exists(path);
}

static int hold(void)
{
    struct err err = {0};
    int fd = -1;
    assert_int_equal(state_cache_hold(test_folder(), &fd, &err), 0);
    return fd;
}

static int let_go(int *fd)
{
    struct err err = {0};
    const int rc = state_cache_release(test_folder(), fd, &small, &err);
    assert_int_equal(*fd, -1);
    if (rc < 0) {
        fail_msg("%s", err.text);
    }
    return rc;
}

static void put_caches(size_t size)
{
    put("objects/ab/cdef", size);
    put("pool/0/tree/file", 1);
    put("runs/one/events.ndjson", 1);
    put("store.db", 1);
}

TEST(small_caches_are_kept)
{
    put_caches(100);
    int fd = hold();
    assert_int_equal(let_go(&fd), 0);
    assert_true(there("objects/ab/cdef") && there("pool/0/tree/file"));
}

TEST(caches_beyond_the_bytes_go_and_nothing_else_does)
{
    put_caches(101);
    int fd = hold();
    assert_int_equal(let_go(&fd), 1);
    assert_false(there("objects") || there("pool"));
    assert_true(there("runs/one/events.ndjson") && there("store.db"));
}

TEST(many_small_objects_are_too_many)
{
    put_caches(1);
    put("objects/ab/2", 1);
    put("objects/cd/3", 1);
    int fd = hold();
    assert_int_equal(let_go(&fd), 0);
    put("objects/ef/4", 1);
    fd = hold();
    assert_int_equal(let_go(&fd), 1);
    assert_false(there("objects"));
}

TEST(the_caches_of_another_run_under_way_are_kept)
{
    put_caches(200);
    int mine = hold();
    int other = hold();
    assert_int_equal(let_go(&mine), 0);
    assert_true(there("objects/ab/cdef") && there("pool/0/tree/file"));
    assert_int_equal(let_go(&other), 1);
    assert_false(there("objects"));
}

TEST(without_caches_there_is_nothing_to_drop)
{
    int fd = hold();
    assert_int_equal(let_go(&fd), 0);
}

TEST(a_state_folder_that_is_not_there_cannot_be_held)
{
    struct err err = {0};
    int fd = -1;
    char path[400];
    (void)snprintf(path, sizeof path, "%s/absent", test_folder());
    assert_true(state_cache_hold(path, &fd, &err) < 0);
    assert_int_equal(fd, -1);
    assert_non_null(strstr(err.text, "absent"));
}
