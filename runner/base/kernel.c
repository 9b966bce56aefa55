/* SPDX-License-Identifier: Apache-2.0 */
#include "base/kernel.h"

#include <stdlib.h>
#include <sys/utsname.h>

bool kernel_release_is_at_least(const char *release, unsigned long major, unsigned long minor)
{
    char *rest = NULL;
    const unsigned long its_major = strtoul(release, &rest, 10);
    const unsigned long its_minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    return its_major > major || (its_major == major && its_minor >= minor);
}

bool kernel_is_at_least(unsigned long major, unsigned long minor)
{
    struct utsname name;
    return uname(&name) == 0 && kernel_release_is_at_least(name.release, major, minor);
}
