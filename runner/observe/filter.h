/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of observed units, made from the table of calls (calls.h): those that ask
 * something stop for the supervisor, the rest pass in the kernel. */
#ifndef SLUICE_OBSERVE_FILTER_H
#define SLUICE_OBSERVE_FILTER_H

#include "base/err.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* Classic BPF programs have at most this many instructions (BPF_MAXINSNS); ours has about 300. */
#define FILTER_SIZE_MAX 4096

/* The one architecture whose calls were looked through, and the bit that marks numbers of another
 * one beside it (x32). */
#ifdef __x86_64__
#    define FILTER_ARCH        AUDIT_ARCH_X86_64
#    define FILTER_FOREIGN_BIT 0x40000000U
#elif defined(__aarch64__)
#    define FILTER_ARCH        AUDIT_ARCH_AARCH64
#    define FILTER_FOREIGN_BIT 0U
#else
#    error "system calls of this architecture were not looked through"
#endif

struct filter {
    struct sock_filter *code; /* mem_free() */
    unsigned short length;
    uint64_t secret; /* sixth argument of the one sendmsg(2) that passes */
};

/* Makes the program for units with or without a network. */
int filter_build(bool network, struct filter *ret_filter, struct err *err);
void filter_fini(struct filter *filter);

/* Puts the calling thread and its descendants under the filter. Returns the listener or a negative
 * errno. Async-signal-safe; no_new_privs must be set. */
int filter_install(const struct filter *filter);

#endif
