/* SPDX-License-Identifier: Apache-2.0 */
/* The one cleanup idiom for locals: CLEANUP(str_fini) struct str s = STR_INIT(limit); */
#ifndef SLUICE_BASE_CLEANUP_H
#define SLUICE_BASE_CLEANUP_H

/* Calls fn(&variable) when the variable leaves its scope. fn accepts a zeroed object. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Cleanup functions for plain values; each accepts the "nothing" value (-1, NULL). */
void cleanup_fd(int *fd);
void cleanup_free(void *pointer_to_pointer);

#endif
