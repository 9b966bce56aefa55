/* SPDX-License-Identifier: Apache-2.0 */
#include <gtest/gtest.h>

TEST(Suite, Passes)
{
    EXPECT_TRUE(true);
}

TEST(Suite, FailsTwice)
{
    EXPECT_EQ(1, 2);
    EXPECT_EQ(2, 3);
}

TEST(Suite, Skips)
{
    GTEST_SKIP() << "later";
}

TEST(Suite, DISABLED_Never)
{
    FAIL();
}
