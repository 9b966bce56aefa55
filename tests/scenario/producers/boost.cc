/* SPDX-License-Identifier: Apache-2.0 */
#define BOOST_TEST_MODULE module
#include <boost/test/included/unit_test.hpp>
#include <stdexcept>
BOOST_AUTO_TEST_SUITE(suite)

BOOST_AUTO_TEST_CASE(passes)
{
    BOOST_TEST(1 == 1);
}

BOOST_AUTO_TEST_CASE(fails)
{
    BOOST_TEST(1 == 2);
    BOOST_TEST(2 == 3);
}

BOOST_AUTO_TEST_CASE(throws)
{
    throw std::runtime_error("oops");
}

BOOST_AUTO_TEST_CASE(never, *boost::unit_test::disabled())
{
    BOOST_TEST(false);
}
BOOST_AUTO_TEST_SUITE_END()
