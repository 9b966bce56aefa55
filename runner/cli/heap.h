/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of a run. */
#ifndef SLUICE_CLI_HEAP_H
#define SLUICE_CLI_HEAP_H

/* Tells malloc to keep what it has: memory that is touched for the first time costs a microsecond a
 * page in the kernel. Pages stay small: a large one is cheaper where memory is at hand, but on
 * virtual machines that give free memory back to their host it is always among what was given back,
 * and costs 5 ms then (docs/decisions/0022). Nothing depends on it; another malloc (sanitizers)
 * does as it likes. Call it while there is one thread. */
void heap_prepare(void);

#endif
