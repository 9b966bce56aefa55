/* SPDX-License-Identifier: Apache-2.0 */
/* Memos of units that were under way when sluice itself was killed. Nobody keeps them, but they lie
 * in the folder of the run: slot processes end their unit when sluice is gone, and collect what it
 * left. A run notes in RUN/memos.ndjson where they will lie; a later run keeps what it finds there.
 */
#ifndef SLUICE_CLI_MEMOS_LEFT_H
#define SLUICE_CLI_MEMOS_LEFT_H

#include "store/unit_memo.h"

/* Notes that the memo of a unit will lie in `file` (absolute). */
int memos_left_note(const char *run_dir,
                    const struct unit_memo *memo,
                    const char *file,
                    struct err *err);

/* The run comes to its end: its memos were kept. */
void memos_left_forget(const char *run_dir);

/* Keeps what runs in `state` left that are no longer alive; *ret_count (may be NULL): how many. */
int memos_left_recover(const char *state, const char *cache, size_t *ret_count, struct err *err);

#endif
