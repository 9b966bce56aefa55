/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h needs the others before it */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

/* clang-format on */

static void passes(void **s)
{
    (void)s;
    assert_true(1);
}

static void fails(void **s)
{
    (void)s;
    assert_string_equal("a]]>b", "c");
}

static void skips(void **s)
{
    (void)s;
    skip();
}

static int breaks(void **s)
{
    (void)s;
    return 1;
}

int main(void)
{
    const struct CMUnitTest one[] = {
        cmocka_unit_test(passes), cmocka_unit_test(fails), cmocka_unit_test(skips)};
    const struct CMUnitTest two[] = {cmocka_unit_test(passes),
                                     cmocka_unit_test_setup(fails, breaks)};
    int bad = cmocka_run_group_tests_name("one", one, NULL, NULL);
    return bad + cmocka_run_group_tests_name("two", two, NULL, NULL);
}
