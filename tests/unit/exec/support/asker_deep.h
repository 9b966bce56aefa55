/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of `ask` (asker.h) in folders that are too deep to be named. */
#ifndef SLUICE_TESTS_EXEC_ASKER_DEEP_H
#define SLUICE_TESTS_EXEC_ASKER_DEEP_H

/* `ask deep WAY ARGUMENT`: makes a folder 6,000 bytes deep below the working folder and works
 * there in one of these ways: look, work, link (to ARGUMENT), rename, exec (a copy of ARGUMENT),
 * across, side. The exit code. */
int ask_deep(char **args);

#endif
