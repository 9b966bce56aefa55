/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor process: serves one unit after the other until its socket closes. */
#ifndef SLUICE_OBSERVE_SUPERVISOR_H
#define SLUICE_OBSERVE_SUPERVISOR_H

#include "observe/observer.h"

/* Does not return before the slot process is gone; the exit code. */
int supervisor_main(int socket, const struct observed_world *world);

#endif
