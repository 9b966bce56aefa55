/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/version.h"

const char *sluice_version(void)
{
    return SLUICE_VERSION;
}

const char *sluice_date(void)
{
    return SLUICE_DATE;
}
