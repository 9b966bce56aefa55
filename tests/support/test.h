/* SPDX-License-Identifier: Apache-2.0 */
/* Test cases that register themselves: TEST(a_missing_key_is_named) { assert_int_equal(...); }
 * Names are sentences. main.c runs them all as one cmocka group, or those whose names contain
 * argv[1]. */
#ifndef SLUICE_TESTS_SUPPORT_TEST_H
#define SLUICE_TESTS_SUPPORT_TEST_H

/* cmocka.h needs the others before it. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

void test_register(const char *file, const char *name, void (*body)(void));

#define TEST(name)                                                 \
    static void name(void);                                        \
    __attribute__((constructor)) static void register_##name(void) \
    {                                                              \
        test_register(__FILE__, #name, name);                      \
    }                                                              \
    static void name(void)

/* A fresh empty folder for the running test, removed when the test passed; owned by main.c. */
const char *test_folder(void);

/* Path of a file in the module's test folder (tests/unit/MODULE/...); static buffer. */
#define TEST_DATA(file) SLUICE_TEST_DATA "/" file

#endif
