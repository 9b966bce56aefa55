/* SPDX-License-Identifier: Apache-2.0 */
#include "model/world.h"

#include <stddef.h>

const char *const world_system_paths[] = {
    "/usr",
    "/etc",
    "/opt",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    NULL,
};

const char *const world_private_paths[] = {
    "/tmp",
    "/var/tmp",
    "/run",
    "/dev/shm",
    WORLD_HOME,
    NULL,
};
