/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the files of a tree with their times, which make and ninja go by: for engine C and for
 * builds of schemata. Never .git, .sluice and .sluice-mutation at its top. */
#ifndef SLUICE_PLUGINS_MUTATION_COPY_FILES_H
#define SLUICE_PLUGINS_MUTATION_COPY_FILES_H

#include "base/err.h"

/* Files and folders of one tree. Beyond: an error. */
#define COPY_FILES_MAX 1000000

enum copy_files_rule {
    COPY_FILES_LINK,             /* folders of installed packages (node_modules, .venv, venv) become
                                    links to the original ones: up to some 100,000 files, and nobody
                                    mutates them */
    COPY_FILES_LEAVE_CONFIGURED, /* what CMake or Meson have configured is left out: it holds
                                    absolute paths of the original */
};

/* From `origin`, an absolute path, to the folder `target`, which is there and empty. Sockets and
 * pipes are left out. */
int copy_files(const char *origin, const char *target, enum copy_files_rule rule, struct err *err);

#endif
