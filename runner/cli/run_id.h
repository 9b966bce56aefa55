/* SPDX-License-Identifier: Apache-2.0 */
/* Names of runs: "20261122T090000-4f2a": UTC time to the second, behind it 256ths of the second and
 * 8 random bits. They sort by time as text, to about 4 ms, and are folder names. */
#ifndef SLUICE_CLI_RUN_ID_H
#define SLUICE_CLI_RUN_ID_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_ID_SIZE 21 /* 20 characters and the terminator */

/* Writes the id of a run that starts at `wall_ms` (since 1970, UTC). Returns buf. */
char *run_id_format(int64_t wall_ms, uint8_t random, char buf[RUN_ID_SIZE]);

/* True when a word has the shape of a run id. */
bool run_id_is_valid(const char *word);

#endif
