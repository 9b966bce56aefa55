/* SPDX-License-Identifier: Apache-2.0 */
/* The version of this build, from the CMake project. */
#ifndef SLUICE_CLI_VERSION_H
#define SLUICE_CLI_VERSION_H

const char *sluice_version(void);

/* The day this version is of: "2026-11-22". */
const char *sluice_date(void);

#endif
