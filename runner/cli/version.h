/* SPDX-License-Identifier: Apache-2.0 */
/* The version of this build, from the CMake project. */
#ifndef SLUICE_CLI_VERSION_H
#define SLUICE_CLI_VERSION_H

const char *sluice_version(void);

#endif
