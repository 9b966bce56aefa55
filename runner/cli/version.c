/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/version.h"

const char *sluice_version(void)
{
    return SLUICE_VERSION;
}
