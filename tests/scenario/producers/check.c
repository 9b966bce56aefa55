/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

START_TEST(passes)
{
    ck_assert_int_eq(1, 1);
}

END_TEST
START_TEST(fails)
{
    ck_assert_int_eq(1, 2);
}

END_TEST
START_TEST(crashes)
{
    int *volatile p = 0;
    *p = 1;
}

END_TEST
START_TEST(loops)
{
    ck_assert_int_ne(_i, 1);
}

END_TEST
int main(void)
{
    Suite *s = suite_create("suite");
    TCase *t = tcase_create("core");
    tcase_add_test(t, passes);
    tcase_add_test(t, fails);
    tcase_add_test(t, crashes);
    tcase_add_loop_test(t, loops, 0, 3);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_xml(r, "check.xml");
    srunner_set_tap(r, "check.tap");
    srunner_run_all(r, CK_SILENT);
    int n = srunner_ntests_failed(r);
    srunner_free(r);
    return n > 0;
}
