/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of a run: from a handful of large pages instead of thousands of small ones. */
#ifndef SLUICE_CLI_HEAP_H
#define SLUICE_CLI_HEAP_H

/* Makes room for what a run of some thousand units allocates, once, before it begins: each page of
 * 4 KiB that is touched for the first time costs about a microsecond in the kernel, a page of 2 MiB
 * less than a hundred of those. Also tells malloc to keep what it has. Nothing depends on it: where
 * the system has no large pages or another malloc is linked (sanitizers), nothing happens. Call it
 * while there is one thread. */
void heap_prepare(void);

#endif
