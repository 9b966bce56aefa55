/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernel this machine runs. */
#ifndef SLUICE_BASE_KERNEL_H
#define SLUICE_BASE_KERNEL_H

#include <stdbool.h>

/* Is it MAJOR.MINOR or newer? False when it cannot be found out. */
bool kernel_is_at_least(unsigned long major, unsigned long minor);

/* The same of a release as uname tells it ("6.1.0-18-amd64"). */
bool kernel_release_is_at_least(const char *release, unsigned long major, unsigned long minor);

#endif
