/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine and the programs under test share: a file that both map. It is compiled into the
 * engines, and its text goes into each schema in front of runtime.c: C89, no header, no macro.
 *
 *   head | files | first of each site | mutants by site | hits by site | microseconds by mutant |
 *   status by mutant | is a site compiled
 *
 * The parts that vary in size lie at the offsets in the head. Sites and mutants are those of all
 * files of the state; a file's own begin at `site_base` and `mutant_base`. Everything is 32 bits
 * wide, so that programs of another word size find the same places. */
#ifndef SLUICE_MUTANT_STATE
#define SLUICE_MUTANT_STATE

enum {
    SLUICE_MUTANT_MAGIC = 0x534d5433 /* "SMT3" */
};

/* What a program does at its sites. */
enum sluice_mutant_mode {
    SLUICE_MUTANT_OFF,        /* nothing */
    SLUICE_MUTANT_COVER,      /* counts how often each site is reached */
    SLUICE_MUTANT_FORK,       /* a child for each mutant that is to be tried */
    SLUICE_MUTANT_ONE,        /* is the mutant `one` */
    SLUICE_MUTANT_CANARY,     /* ends by abort() at the first site, in itself */
    SLUICE_MUTANT_CANARY_FORK /* the same in a child; `canary` tells how that ended */
};

/* Of one mutant. */
enum sluice_mutant_try {
    SLUICE_MUTANT_LEFT_OUT, /* not tried in this run */
    SLUICE_MUTANT_TO_TRY,
    SLUICE_MUTANT_PASSED, /* the program ended with exit code 0 */
    SLUICE_MUTANT_FAILED,
    SLUICE_MUTANT_TIMED_OUT, /* twice, the second time with a larger limit */
    SLUICE_MUTANT_NO_CHILD   /* fork() failed */
};

/* Why children of a program would disturb their parent or be disturbed: bits of `hazards`. */
enum sluice_mutant_hazard {
    SLUICE_MUTANT_HAS_THREADS = 1,
    SLUICE_MUTANT_OTHER_PROCESS = 2, /* a site was reached by another process than the test's */
    SLUICE_MUTANT_OPEN_PIPE = 4,     /* pipe, socket or terminal beyond standard error */
    SLUICE_MUTANT_OPEN_FILE = 8      /* a regular file that is open for writing */
};

struct sluice_mutant_state {
    unsigned int magic;
    unsigned int mode;
    unsigned int hazards;
    int engine_pid;        /* its child that leads a session is the test: the only one to fork */
    unsigned int one;      /* mutant + 1 */
    unsigned int active;   /* mutant + 1 of the child under way; 0 = none */
    int child;             /* its process */
    unsigned int children; /* so far */
    unsigned int stale;    /* a program was built with other mutants of a file */
    unsigned int reached;  /* a site was reached, by anyone */
    unsigned int looped;   /* ONE: the limit of hits was reached */
    unsigned int canary;   /* CANARY_FORK: an enum sluice_mutant_try */
    unsigned int cpu_limit_us;
    unsigned int wall_limit_us;
    unsigned int memory_mib; /* by which a mutant may grow; 0 = no limit */
    unsigned int size;       /* of the file */
    unsigned int file_count;
    unsigned int files_at;   /* struct sluice_mutant_range, by key */
    unsigned int first_at;   /* by site, and one more: index of its first in `mutants` */
    unsigned int mutants_at; /* mutants in the order of their sites */
    unsigned int hits_at;    /* COVER: hits of a site; FORK, ONE: their limit, 0 = none */
    unsigned int status_at;  /* bytes: enum sluice_mutant_try */
    unsigned int spent_at;   /* CPU time of a mutant's children */
    unsigned int there_at;   /* COVER: bytes by site: 1 = the compiler saw it */
};

struct sluice_mutant_range {
    unsigned int key_high; /* 64 bits of path and text of a file */
    unsigned int key_low;
    unsigned int name; /* of its path */
    unsigned int site_base;
    unsigned int site_count;
    unsigned int mutant_base;
    unsigned int mutant_count;
    unsigned int seen; /* COVER: a program has the file */
};

#endif
