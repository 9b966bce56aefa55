/* SPDX-License-Identifier: Apache-2.0 */
/* The same real repositories as for the tests of git. */
#include "unit/git/support/world.c" // NOLINT(bugprone-suspicious-include): one copy of it
