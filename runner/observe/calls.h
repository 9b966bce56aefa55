/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that ask something of the file system or the host, in one table: how each is
 * told apart in the kernel (filter.c is made from it), where its path stands and what it asks. */
#ifndef SLUICE_OBSERVE_CALLS_H
#define SLUICE_OBSERVE_CALLS_H

#include "observe/race.h"
#include "observe/repeat.h"

#include <stddef.h>
#include <stdint.h>

/* When the kernel stops a call for us. */
enum call_when {
    WHEN_CALLED,    /* always */
    WHEN_FLAG,      /* the first argument has one of the bits in `detail` */
    WHEN_ADDRESSED, /* the fifth argument is not NULL */
    WHEN_UNMARKED,  /* the sixth argument is not our secret (the hand-over of the listener) */
    WHEN_DOMAIN,    /* the first argument is a socket domain that leaves the world */
    WHEN_NEVER,     /* refused in the kernel with the error in `detail` */
};

struct asking;

struct call {
    long number;
    const char *name;
    enum call_when when;
    void (*ask)(struct asking *asking); /* NULL with WHEN_NEVER */
    signed char dir;                    /* which argument is the folder descriptor; -1 = the cwd */
    signed char path;                   /* which argument is the path; -1 */
    signed char flags;                  /* which has AT_ or O_ flags; -1 */
    unsigned asked;                     /* enum place_asked bit */
    uint64_t detail;                    /* as `when` or the asking function says */
};

extern const struct call calls[];
extern const size_t call_count;

/* Highest system call number that was looked through for this table (Linux 6.17). A later call is
 * refused with ENOSYS: it may ask what we do not see, and every program has to cope with its
 * absence. */
#define CALL_NUMBER_MAX 469

/* One call that waits for our answer. */
struct asking {
    struct resolver *resolver;
    struct race *race;
    struct repeats *repeats;
    const struct caller *caller;
    const struct call *call;
    const uint64_t *args;
    bool network; /* the unit may leave its network namespace */
    int refusal;  /* 0: goes on; else the error it gets (set by ask()) */
};

/* The row of a call; NULL when it is none of ours. */
const struct call *call_find(long number);

#endif
