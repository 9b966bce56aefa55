/* SPDX-License-Identifier: Apache-2.0 */
/* Captured output where the disk is full: what is lost is counted. */
#include "exec/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* Captures `text` into a file on a device that is always full. */
static int capture_on_full_disk(const char *text, uint64_t max, struct capture *ret_capture)
{
    int ends[2];
    struct capture_stream stream;
    struct capture_file file = {.name = "out.0", .fd = open("/dev/full", O_RDWR | O_CLOEXEC)};
    assert_true(file.fd >= 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(ends[1]), 0);
    capture_begin(&stream, &file, ends[0], max, 4);
    assert_true(capture_drain(&stream));
    int rc = capture_end(&stream, ret_capture);
    capture_file_close(&file);
    return rc;
}

TEST(output_that_cannot_be_written_counts_as_dropped)
{
    struct capture capture;
    assert_int_equal(capture_on_full_disk("one unit\nanother unit\n", 1000, &capture), -ENOSPC);
    assert_int_equal(capture.dropped, strlen("one unit\nanother unit\n"));
    assert_int_equal(capture.len, 0);
    assert_null(capture.file);
}

TEST(a_tail_that_cannot_be_written_counts_too)
{
    struct capture capture;
    assert_int_equal(capture_on_full_disk("0123456789", 4, &capture), -ENOSPC);
    assert_int_equal(capture.dropped, 10);
}

TEST(without_output_a_full_disk_costs_nothing)
{
    struct capture capture;
    assert_int_equal(capture_on_full_disk("", 1000, &capture), 0);
    assert_int_equal(capture.dropped, 0);
}
