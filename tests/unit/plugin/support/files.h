/* SPDX-License-Identifier: Apache-2.0 */
/* Files and programs that a test writes into its folder. */
#ifndef SLUICE_TESTS_PLUGIN_SUPPORT_FILES_H
#define SLUICE_TESTS_PLUGIN_SUPPORT_FILES_H

#include <stddef.h>

/* Writes a file into test_folder(); returns its path, valid until the 8th next call. */
const char *write_file(const char *name, const char *text);
const char *write_bytes(const char *name, const void *bytes, size_t len);

/* As write_file(), executable. */
const char *write_program(const char *name, const char *script);

#endif
