/* SPDX-License-Identifier: Apache-2.0 */
/* Time: clocks, durations as people write them, timestamps as files hold them. */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Monotonic nanoseconds since some fixed point. */
int64_t clock_mono_ns(void);
/* Milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);
/* Of two times of one clock: is `a` the earlier one? */
bool clock_is_before(const struct timespec *a, const struct timespec *b);

/* Parses "250ms", "90s", "10m", "6h", "7d", also sums "1h30m" (largest unit first, each
 * once); no sign, no blank, no bare number
 * except "0". At most DURATION_MAX_MS. */
#define DURATION_MAX_MS (366LL * 24 * 3600 * 1000)
int duration_parse(const char *text, int64_t *ret_ms, struct err *err);

/* Writes a duration for people: "0.004s", "12.3s", "4m02s", "1h03m". Returns buf. */
#define DURATION_TEXT_MAX 32
char *duration_format(int64_t ms, char buf[DURATION_TEXT_MAX]);

/* Writes "YYYY-MM-DDThh:mm:ss" in UTC, without zone (the JUnit writer rule). Returns buf. */
#define TIMESTAMP_TEXT_MAX 32
char *timestamp_format(int64_t wall_ms, char buf[TIMESTAMP_TEXT_MAX]);

#endif
