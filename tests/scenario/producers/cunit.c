/* SPDX-License-Identifier: Apache-2.0 */
#include <CUnit/Automated.h>
#include <CUnit/CUnit.h>

static void passes(void)
{
    CU_ASSERT(1);
}

static void fails(void)
{
    CU_ASSERT(1 == 2);
    CU_ASSERT(2 == 3);
}

static int broken(void)
{
    return 1;
}

int main(void)
{
    CU_initialize_registry();
    CU_pSuite s = CU_add_suite("suite", NULL, NULL);
    CU_add_test(s, "passes", passes);
    CU_add_test(s, "fails", fails);
    s = CU_add_suite("broken", broken, NULL);
    CU_add_test(s, "never", passes);
    CU_set_output_filename("cunit");
    CU_automated_run_tests();
    CU_cleanup_registry();
    return 0;
}
