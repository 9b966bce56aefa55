/* SPDX-License-Identifier: Apache-2.0 */
/* Real repositories in the test's folder. */
#ifndef SLUICE_TESTS_GIT_WORLD_H
#define SLUICE_TESTS_GIT_WORLD_H

#include "git/git.h"

/* Runs a shell script in the test's folder, with a git configuration of its own; fails the test
 * when the script fails. */
void sh(const char *script);

/* As sh(); what it printed, without the last newline. One of four rotating buffers. */
const char *sh_out(const char *script);

/* Path below the test's folder; one of eight rotating buffers. */
const char *at(const char *name);

/* Opens test_folder()/name, which must work. Static storage, one at a time. */
const struct git_repo *open_repo(const char *name);

/* A snapshot and a checkout, which must work. The id is in one of four rotating buffers. */
const char *snapshot(const struct git_repo *repo, const char *const *exclude);
void materialise(const struct git_repo *repo, const char *tree, const char *folder);

/* Runs `body` in a child without root's rights; its return value 0 = good. */
void as_nobody(int (*body)(void));

#endif
