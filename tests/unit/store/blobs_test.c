/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blobs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/story.h"
#include "support/test.h"

static struct blobs *open_blobs(void)
{
    struct blobs *blobs = NULL;
    struct err err = {0};
    if (blobs_open(at("blobs"), &blobs, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return blobs;
}

static struct hash put(struct blobs *blobs, const void *bytes, size_t len)
{
    struct hash digest = {{0}};
    struct err err = {0};
    if (blobs_put(blobs, bytes, len, &digest, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return digest;
}

static const char *path_of(const struct hash *digest)
{
    char hex[HASH_HEX_SIZE];
    char name[128];
    (void)hash_hex(digest, hex);
    (void)snprintf(name, sizeof name, "blobs/%.2s/%s", hex, hex + 2);
    return at(name);
}

static void expect_content(struct blobs *blobs,
                           const struct hash *digest,
                           const void *bytes,
                           size_t len)
{
    struct str out = STR_INIT(64u << 20);
    assert_int_equal(str_append(&out, "before:"), 0);
    assert_int_equal(blobs_get(blobs, digest, &out, NULL), 0);
    assert_int_equal(out.len, len + 7);
    assert_memory_equal(out.data, "before:", 7);
    assert_memory_equal(out.data + 7, bytes, len);
    str_fini(&out);
}

static unsigned char *noise(size_t len)
{
    unsigned char *bytes = mem_calloc(len, 1);
    uint64_t x = 88172645463325252u;
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (unsigned char)x;
    }
    return bytes;
}

static unsigned count_files(const char *folder)
{
    char command[4096];
    char line[64] = "";
    (void)snprintf(command, sizeof command, "find '%s' -type f | wc -l", folder);
    FILE *pipe = popen(command, "r"); // NOLINT(cert-env33-c): a folder of the test's own
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof line, pipe));
    (void)pclose(pipe);
    return (unsigned)strtoul(line, NULL, 10);
}

TEST(what_was_put_comes_back_whatever_its_size)
{
    static const size_t sizes[] = {0, 1, 95, 96, 4096, 131071, 131072, 131073, 262144, 3000001};
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(3000001);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct hash digest = put(blobs, bytes, sizes[i]);
            struct hash expected = hash_bytes(bytes, sizes[i]);
            assert_memory_equal(&digest, &expected, sizeof digest);
            assert_true(blobs_has(blobs, &digest));
            expect_content(blobs, &digest, bytes, sizes[i]);
            assert_int_equal(blobs_verify(blobs, &digest, NULL), 0);
        }
        memset(bytes, 'a', 3000001); /* then such as packs well */
        bytes[77] = 'b';
    }
    mem_free(bytes);
    blobs_close(blobs);
}

TEST(content_that_packs_takes_less_room_and_noise_hardly_more)
{
    struct blobs *blobs = open_blobs();
    struct stat st;
    unsigned char *bytes = noise(1000000);
    struct hash digest = put(blobs, bytes, 1000000);
    assert_int_equal(stat(path_of(&digest), &st), 0);
    assert_int_equal(st.st_size, 1000000 + BLOB_HEAD_SIZE);
    assert_int_equal(st.st_mode & 0777, 0600);
    memset(bytes, 'x', 1000000);
    digest = put(blobs, bytes, 1000000);
    assert_int_equal(stat(path_of(&digest), &st), 0);
    assert_true(st.st_size < 1000);
    mem_free(bytes);
    blobs_close(blobs);
    assert_int_equal(stat(at("blobs"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

TEST(files_and_pipes_are_streamed)
{
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(700000);
    memset(bytes, 'y', 500000);
    assert_int_equal(file_write_atomic(at("f"), bytes, 700000, NULL), 0);
    int fd = open(at("f"), O_RDONLY);
    struct hash digest = {{0}};
    uint64_t size = 0;
    assert_int_equal(blobs_put_file(blobs, fd, &digest, &size, NULL), 0);
    assert_int_equal(size, 700000);
    (void)close(fd);
    expect_content(blobs, &digest, bytes, 700000);
    int out = open(at("g"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(blobs_get_file(blobs, &digest, out, NULL), 0);
    (void)close(out);
    struct str text = STR_INIT(1u << 20);
    assert_int_equal(file_read(at("g"), &text, NULL), 0);
    assert_int_equal(text.len, 700000);
    assert_memory_equal(text.data, bytes, 700000);
    str_fini(&text);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "hello", 5), 5);
    (void)close(pipes[1]);
    assert_int_equal(blobs_put_file(blobs, pipes[0], &digest, NULL, NULL), 0);
    (void)close(pipes[0]);
    expect_content(blobs, &digest, "hello", 5);
    struct err err = {0};
    assert_int_equal(blobs_put_file(blobs, -1, &digest, NULL, &err), -EBADF);
    assert_int_equal(count_files(at("blobs/new")), 0);
    mem_free(bytes);
    blobs_close(blobs);
}

TEST(the_same_content_is_kept_once)
{
    struct blobs *blobs = open_blobs();
    struct hash digest = put(blobs, "same", 4);
    struct stat first;
    struct stat second;
    assert_int_equal(stat(path_of(&digest), &first), 0);
    (void)put(blobs, "same", 4);
    assert_int_equal(stat(path_of(&digest), &second), 0);
    assert_int_equal(first.st_ino, second.st_ino);
    assert_int_equal(count_files(at("blobs")), 1);
    blobs_close(blobs);
}

TEST(a_use_is_noted_at_most_once_an_hour)
{
    struct blobs *blobs = open_blobs();
    struct hash digest = put(blobs, "used", 4);
    const int64_t now = clock_wall_ms();
    for (int minutes = 30; minutes <= 90; minutes += 60) {
        struct timespec times[2] = {{.tv_sec = now / 1000 - 60L * minutes},
                                    {.tv_sec = now / 1000 - 60L * minutes}};
        struct stat st;
        assert_int_equal(utimensat(AT_FDCWD, path_of(&digest), times, 0), 0);
        expect_content(blobs, &digest, "used", 4);
        assert_int_equal(stat(path_of(&digest), &st), 0);
        bool noted = st.st_mtim.tv_sec > now / 1000 - 60;
        assert_int_equal(noted, minutes > 60);
    }
    blobs_close(blobs);
}

TEST(what_is_missing_is_ENOENT)
{
    struct blobs *blobs = open_blobs();
    struct hash digest = hash_bytes("nothing", 7);
    struct str out = STR_INIT(100);
    struct err err = {0};
    assert_false(blobs_has(blobs, &digest));
    assert_int_equal(blobs_get(blobs, &digest, &out, &err), -ENOENT);
    assert_non_null(strstr(err.text, "is not in"));
    assert_int_equal(blobs_verify(blobs, &digest, NULL), -ENOENT);
    assert_int_equal(blobs_get_file(blobs, &digest, -1, NULL), -ENOENT);
    assert_int_equal(blobs_remove(blobs, &digest, NULL), 0);
    assert_int_equal(blobs_remove_unused(blobs, &digest, INT64_MAX, NULL), 0);
    blobs_close(blobs);
}

TEST(a_limit_is_kept_before_anything_is_read)
{
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(5000);
    struct hash digest = put(blobs, bytes, 5000);
    struct str out = STR_INIT(4999);
    struct err err = {0};
    assert_int_equal(blobs_get(blobs, &digest, &out, &err), -EFBIG);
    assert_non_null(strstr(err.text, "5000 bytes"));
    assert_int_equal(out.len, 0);
    assert_int_equal(out.error, 0);
    str_fini(&out);
    assert_true(blobs_has(blobs, &digest));
    mem_free(bytes);
    blobs_close(blobs);
}

/* ---- damage ---- */

static void expect_damaged(struct blobs *blobs, const struct hash *digest)
{
    struct str out = STR_INIT(8u << 20);
    struct err err = {0};
    assert_int_equal(blobs_get(blobs, digest, &out, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "has been removed"));
    assert_int_equal(out.len, 0);
    assert_int_equal(blobs_get(blobs, digest, &out, &err), -ENOENT);
    str_fini(&out);
}

static void flip(const char *path, off_t offset)
{
    char byte = 0;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte = (char)(byte ^ 0x10);
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    (void)close(fd);
}

TEST(any_flipped_byte_is_found_and_the_blob_removed)
{
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(2000);
    for (int packs = 0; packs < 2; packs++) {
        struct hash digest = put(blobs, bytes, 2000);
        struct stat st;
        assert_int_equal(stat(path_of(&digest), &st), 0);
        for (off_t i = 0; i < st.st_size; i++) {
            flip(path_of(&digest), i);
            struct str out = STR_INIT(8000);
            int result = blobs_get(blobs, &digest, &out, NULL);
            if (result == 0) { /* a bit of zstd's head that means nothing */
                assert_int_equal(out.len, 2000);
                assert_memory_equal(out.data, bytes, 2000);
                flip(path_of(&digest), i);
            } else if (result == -EFBIG) { /* the size in our head */
                assert_true(i >= 8 && i < BLOB_HEAD_SIZE);
                assert_int_equal(blobs_verify(blobs, &digest, NULL), -EBADMSG);
            } else {
                assert_int_equal(result, -EBADMSG);
            }
            str_fini(&out);
            struct hash again = put(blobs, bytes, 2000);
            assert_memory_equal(&again, &digest, sizeof again);
        }
        memset(bytes + 100, 'z', 1900);
    }
    mem_free(bytes);
    blobs_close(blobs);
}

TEST(a_cut_or_prolonged_or_empty_file_is_damaged)
{
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(300000);
    for (int packs = 0; packs < 2; packs++) {
        struct hash digest = put(blobs, bytes, 300000);
        struct stat st;
        assert_int_equal(stat(path_of(&digest), &st), 0);
        assert_int_equal(truncate(path_of(&digest), st.st_size - 1), 0);
        expect_damaged(blobs, &digest);
        (void)put(blobs, bytes, 300000);
        assert_int_equal(truncate(path_of(&digest), st.st_size + 1), 0);
        expect_damaged(blobs, &digest);
        (void)put(blobs, bytes, 300000);
        assert_int_equal(truncate(path_of(&digest), BLOB_HEAD_SIZE), 0);
        expect_damaged(blobs, &digest);
        (void)put(blobs, bytes, 300000);
        assert_int_equal(truncate(path_of(&digest), 0), 0);
        assert_false(blobs_has(blobs, &digest));
        (void)put(blobs, bytes, 300000); /* an empty file is in nobody's way */
        expect_content(blobs, &digest, bytes, 300000);
        memset(bytes, 'q', 300000);
    }
    mem_free(bytes);
    blobs_close(blobs);
}

TEST(a_file_that_unpacks_without_end_is_stopped_at_its_size)
{
    struct blobs *blobs = open_blobs();
    struct str zeros = STR_INIT(64u << 20);
    assert_int_equal(str_reserve(&zeros, 32u << 20), 0);
    memset(zeros.data, 0, 32u << 20);
    struct hash digest = put(blobs, zeros.data, 32u << 20);
    const char eight[8] = {8, 0, 0, 0, 0, 0, 0, 0};
    int fd = open(path_of(&digest), O_WRONLY);
    assert_int_equal(pwrite(fd, eight, 8, 8), 8);
    (void)close(fd);
    expect_damaged(blobs, &digest);
    str_fini(&zeros);
    blobs_close(blobs);
}

TEST(a_link_in_the_place_of_a_blob_is_not_followed)
{
    struct blobs *blobs = open_blobs();
    struct hash digest = put(blobs, "secret", 6);
    assert_int_equal(rename(path_of(&digest), at("elsewhere")), 0);
    assert_int_equal(symlink(at("elsewhere"), path_of(&digest)), 0);
    struct str out = STR_INIT(100);
    assert_false(blobs_has(blobs, &digest));
    assert_int_equal(blobs_get(blobs, &digest, &out, NULL), -ELOOP);
    str_fini(&out);
    blobs_close(blobs);
}

/* ---- all of them ---- */

struct seen {
    unsigned count;
    uint64_t bytes;
    struct blobs *remove;
    unsigned stop_at;
};

static int see(void *context, const struct blob_info *info)
{
    struct seen *seen = context;
    seen->count++;
    seen->bytes += info->bytes;
    assert_true(info->used_ms > 0);
    if (seen->remove != NULL) {
        assert_int_equal(blobs_remove(seen->remove, &info->digest, NULL), 0);
    }
    return seen->count == seen->stop_at ? 1 : 0;
}

TEST(a_walk_tells_each_blob_and_nothing_else)
{
    struct blobs *blobs = open_blobs();
    for (int i = 0; i < 300; i++) {
        (void)put(blobs, &i, sizeof i);
    }
    assert_int_equal(mkdir(at("blobs/zz"), 0755), 0);
    (void)mkdir(at("blobs/00"), 0755);
    assert_int_equal(file_write_atomic(at("blobs/00/README"), "x", 1, NULL), 0);
    struct seen seen = {.count = 0};
    assert_int_equal(blobs_walk(blobs, see, &seen, NULL), 0);
    assert_int_equal(seen.count, 300);
    assert_int_equal(seen.bytes, 300 * (sizeof(int) + BLOB_HEAD_SIZE));
    struct seen some = {.stop_at = 7};
    assert_int_equal(blobs_walk(blobs, see, &some, NULL), 0);
    assert_int_equal(some.count, 7);
    struct seen all = {.remove = blobs};
    assert_int_equal(blobs_walk(blobs, see, &all, NULL), 0);
    assert_int_equal(all.count, 300);
    struct seen none = {.count = 0};
    assert_int_equal(blobs_walk(blobs, see, &none, NULL), 0);
    assert_int_equal(none.count, 0);
    blobs_close(blobs);
}

TEST(only_what_was_not_used_lately_is_removed)
{
    struct blobs *blobs = open_blobs();
    struct hash digest = put(blobs, "x", 1);
    int64_t now = clock_wall_ms();
    assert_int_equal(blobs_remove_unused(blobs, &digest, now - 60000, NULL), 0);
    assert_true(blobs_has(blobs, &digest));
    assert_int_equal(blobs_remove_unused(blobs, &digest, now + 60000, NULL), 1);
    assert_false(blobs_has(blobs, &digest));
    blobs_close(blobs);
}

TEST(leftovers_of_killed_writers_are_swept_by_age)
{
    struct blobs *blobs = open_blobs();
    assert_int_equal(file_write_atomic(at("blobs/new/left"), "x", 1, NULL), 0);
    assert_int_equal(blobs_sweep(blobs, 60000, NULL), 0);
    assert_true(file_exists(at("blobs/new/left")));
    assert_int_equal(blobs_sweep(blobs, -1000, NULL), 0);
    assert_false(file_exists(at("blobs/new/left")));
    blobs_close(blobs);
}

/* ---- faults ---- */

static int wait_for(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

TEST(a_file_that_may_not_grow_leaves_nothing_behind)
{
    struct blobs *blobs = open_blobs();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {100000, 100000};
        unsigned char *bytes = noise(1000000);
        struct hash digest;
        struct err err = {0};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        int result = blobs_put(blobs, bytes, 1000000, &digest, &err);
        _exit(result == -EFBIG && strstr(err.text, "cannot store content") != NULL ? 0 : 1);
    }
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(count_files(at("blobs")), 0);
    blobs_close(blobs);
}

TEST(a_full_disk_is_told_and_leaves_nothing_behind)
{
    struct blobs *blobs = open_blobs();
    int full = open("/dev/full", O_WRONLY);
    assert_true(full >= 0);
    struct hash digest = put(blobs, "abc", 3);
    assert_int_equal(blobs_get_file(blobs, &digest, full, NULL), -ENOSPC);
    assert_true(blobs_has(blobs, &digest)); /* not the blob's fault */
    (void)close(full);
    blobs_close(blobs);
}

TEST(short_memory_is_an_error_and_nothing_else)
{
    struct blobs *blobs = NULL;
    size_t n = 1;
    for (;; n++) {
        struct err err = {0};
        (void)at("blobs");
        (void)mem_fail_from(n);
        int result = blobs_open(at("blobs"), &blobs, &err);
        (void)mem_fail_from(0);
        if (result == 0) {
            break;
        }
        assert_int_equal(result, -ENOMEM);
        assert_null(blobs);
    }
    assert_true(n > 3);
    struct hash digest = put(blobs, "some content", 12);
    struct str out = STR_INIT(100);
    (void)mem_fail_from(1);
    int result = blobs_get(blobs, &digest, &out, NULL);
    (void)mem_fail_from(0);
    assert_int_equal(result, -ENOMEM);
    assert_true(blobs_has(blobs, &digest));
    str_fini(&out);
    blobs_close(blobs);
}

static void put_until_killed(void)
{
    struct blobs *blobs = open_blobs();
    unsigned char *bytes = noise(400000);
    for (unsigned i = 0;; i++) {
        memcpy(bytes, &i, sizeof i);
        (void)put(blobs, bytes, (i * 7919) % 400000);
    }
}

struct whole {
    struct blobs *blobs;
    unsigned count;
};

static int expect_whole(void *context, const struct blob_info *info)
{
    struct err err = {0};
    struct whole *whole = context;
    if (blobs_verify(whole->blobs, &info->digest, &err) != 0) {
        fail_msg("%s", err.text);
    }
    whole->count++;
    return 0;
}

TEST(whatever_the_instant_of_the_kill_every_blob_is_whole)
{
    struct blobs *blobs = open_blobs();
    srand(2);
    for (unsigned i = 0; i < 60; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            put_until_killed();
        }
        // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-msc30-c): any instants will do
        (void)usleep((useconds_t)(rand() % 30000));
        (void)kill(pid, SIGKILL);
        (void)wait_for(pid);
    }
    struct whole whole = {.blobs = blobs};
    assert_int_equal(blobs_walk(blobs, expect_whole, &whole, NULL), 0);
    assert_true(whole.count > 20);
    assert_int_equal(blobs_sweep(blobs, -1000, NULL), 0);
    assert_int_equal(count_files(at("blobs/new")), 0);
    blobs_close(blobs);
}

TEST(processes_put_the_same_content_at_the_same_time)
{
    pid_t pids[4];
    struct blobs *blobs = open_blobs();
    for (int p = 0; p < 4; p++) {
        pids[p] = fork();
        assert_true(pids[p] >= 0);
        if (pids[p] == 0) {
            for (unsigned i = 0; i < 200; i++) {
                struct hash digest = put(blobs, &i, sizeof i);
                expect_content(blobs, &digest, &i, sizeof i);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < 4; p++) {
        assert_int_equal(wait_for(pids[p]), 0);
    }
    assert_int_equal(count_files(at("blobs")), 200);
    blobs_close(blobs);
}
