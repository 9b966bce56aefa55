/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a slot's processes and its supervisor, over one socket. Three processes write
 * into it, one after the other and each in one piece; only the slot process reads. */
#ifndef SLUICE_OBSERVE_HANDOVER_H
#define SLUICE_OBSERVE_HANDOVER_H

#include <stdint.h>

enum handover_type {
    HANDOVER_BEGIN = 0x51c0, /* init: texts; descriptors: root, working folder */
    HANDOVER_LISTENER,       /* child: descriptor: the listener */
    HANDOVER_REFUSED,        /* child: `value` is the errno of seccomp(2) */
    HANDOVER_END,            /* slot: answer with the trace */
    HANDOVER_TRACE,          /* answer: a packed trace */
    HANDOVER_NONE,           /* answer: it was not observed; `value` is an errno or 0 */
};

struct handover {
    uint32_t type;   /* enum handover_type */
    uint32_t length; /* bytes that follow */
    int64_t value;
};

#define HANDOVER_FDS_MAX 2

/* Sends a header, bytes and descriptors as one message; `secret` is the mark of filter.h. Async-
 * signal-safe. 0 or a negative errno. */
int handover_send(int socket,
                  const struct handover *header,
                  const void *bytes,
                  const int *fds,
                  unsigned fd_count,
                  uint64_t secret);

/* Receives a header and the descriptors that came with it (-1 where there is none). 1 = got one, 0
 * = closed, negative. */
int handover_receive(int socket, struct handover *ret_header, int ret_fds[HANDOVER_FDS_MAX]);

/* Reads exactly `len` bytes. 0 or negative. */
int handover_read(int socket, void *bytes, uint32_t len);

#endif
