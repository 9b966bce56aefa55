/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "support/test.h"

TEST(err_set_returns_its_code_and_keeps_the_message)
{
    struct err err = {0};

    assert_int_equal(err_set(&err, -EINVAL, "line %d is odd", 7), -EINVAL);
    assert_int_equal(err.code, -EINVAL);
    assert_string_equal(err.text, "line 7 is odd");
}

TEST(an_absent_err_is_accepted_everywhere)
{
    errno = ENOENT;
    assert_int_equal(err_errno(NULL, "x"), -ENOENT);
    assert_int_equal(err_set(NULL, -EINVAL, "x"), -EINVAL);
    assert_int_equal(err_wrap(NULL, "x"), -EIO);
}

TEST(err_wrap_puts_the_attempt_before_the_reason)
{
    struct err err = {0};

    err_set(&err, -ENOENT, "no such layer");
    assert_int_equal(err_wrap(&err, "pipeline %s", "a.yml"), -ENOENT);
    assert_string_equal(err.text, "pipeline a.yml: no such layer");
}

TEST(err_wrap_of_an_unset_error_is_still_an_error)
{
    struct err err = {0};

    assert_int_equal(err_wrap(&err, "x"), -EIO);
    assert_int_equal(err.code, -EIO);
}

TEST(err_errno_names_the_system_reason)
{
    struct err err = {0};

    errno = EACCES;
    assert_int_equal(err_errno(&err, "open %s", "f"), -EACCES);
    assert_string_equal(err.text, "open f: Permission denied");
    assert_int_equal(err.code, -EACCES);
}

TEST(a_message_may_quote_the_message_that_is_there)
{
    struct err err = {0};

    err_set(&err, -EINVAL, "inner");
    err_set(&err, -EIO, "<%s>", err.text);
    assert_string_equal(err.text, "<inner>");
}

TEST(long_messages_are_cut_and_terminated)
{
    struct err err = {0};
    char big[2 * ERR_TEXT_MAX];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    err_set(&err, -EINVAL, "%s", big);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    err_wrap(&err, "while");
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "while: xxx", 10);
    err_wrap(&err, "%s", big);
    assert_true(strlen(err.text) < ERR_TEXT_MAX);
    errno = EIO;
    err_errno(&err, "%s", big);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}
