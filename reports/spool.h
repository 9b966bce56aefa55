/* SPDX-License-Identifier: Apache-2.0 */
/* Text that may become large: in memory up to SPOOL_MEMORY_MAX, in an anonymous file beyond. */
#ifndef SLUICE_REPORTS_SPOOL_H
#define SLUICE_REPORTS_SPOOL_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

/* Bytes kept in memory by one spool: 10,000 passed units (100 bytes each) stay far below it; ten
 * layers of a million units stay within 40 MiB. */
#define SPOOL_MEMORY_MAX (4u << 20)

struct spool {
    struct str text; /* append here, then call spool_settle() */

    struct {
        VEC_FIELDS(struct str);
    } pieces; /* what came before `text` and is in memory */

    size_t kept;        /* bytes of `pieces` */
    const char *folder; /* borrowed: where the file is made; NULL = /tmp */
    int fd;             /* -1 while all is in memory */
};

void spool_init(struct spool *spool, const char *folder);
void spool_fini(struct spool *spool);

/* Call after each piece (of at most a few MiB): moves text to the file when there is much of it. 0
 * or negative errno; the first error stays. */
int spool_settle(struct spool *spool, struct err *err);

/* Writes everything to `fd`. */
int spool_copy(struct spool *spool, int fd, struct err *err);

#endif
